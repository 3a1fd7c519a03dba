"""What the hidden set-up of a documentation page may use. Refuses to know what the pages show.

A page's Python blocks run in order, in an empty directory, after its `<!-- setup: ... -->` comments.
"""

import io
import json
import sys
from pathlib import Path
from typing import Any


def scripted(*lines: Any, agent: str | None = None) -> None:
    """Write an OAI_CONFIG_LIST whose model answers with `lines` in turn: a text, or a dict of the script's form."""
    script = [line if isinstance(line, dict) else {"agent": agent, "text": line} for line in lines]
    Path("OAI_CONFIG_LIST").write_text(
        json.dumps([{"model": "scripted", "api_type": "scripted", "script": script}]), encoding="utf-8"
    )


def typed(*lines: str) -> None:
    """Let a person type `lines`, each followed by Enter."""
    sys.stdin = io.StringIO("".join(f"{line}\n" for line in lines))
