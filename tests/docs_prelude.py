"""What the hidden set-up of a documentation page may use. Refuses to know what the pages show.

A page's Python blocks run in order, in an empty directory, after its `<!-- setup: ... -->` comments.
"""

import io
import json
import shlex
import subprocess
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


def save_block(name: str) -> None:
    """Write the page's code from the line `# name` to the call of this into a file of that name."""
    caller = sys._getframe(1)
    lines = Path(caller.f_code.co_filename).read_text(encoding="utf-8").splitlines()[: caller.f_lineno - 1]
    Path(name).write_text("\n".join(lines[lines.index(f"# {name}") :]) + "\n", encoding="utf-8")


def shell(line: str) -> str:
    """Run an `autogen ...` command of the page; gives what it prints. Raises CalledProcessError when it fails."""
    program, *words = shlex.split(line)
    assert program == "autogen", program
    return subprocess.run(
        [sys.executable, "-m", "autogen", *words], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
