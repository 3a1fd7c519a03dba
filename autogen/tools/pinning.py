"""Tools that come from outside (a tool server): their texts are input to a model and may change after approval.

`clean_text` takes out what a person cannot see; `fingerprint` is what an approval is bound to. Refuses to know
servers and approvals.
"""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

LONGEST_DESCRIPTION = 4_000
"""Characters."""


def clean_text(text: str, longest: int = LONGEST_DESCRIPTION) -> str:
    """`text` without control, zero-width, direction and tag characters, cut at `longest` characters.

    Line breaks and tabs stay. Joiners inside emoji go too: a description loses nothing by it.
    """
    seen = "".join(char for char in text[: 4 * longest] if char in "\n\t" or unicodedata.category(char)[0] != "C")
    return seen if len(seen) <= longest else seen[: longest - 4] + " ..."


def fingerprint(name: str, description: str, parameters: Mapping[str, Any]) -> str:
    """A digest of all that the model is told of a tool (SHA-256, hex). Key order does not count."""
    told = json.dumps([name, description, parameters], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(told.encode()).hexdigest()
