"""What a person is asked to approve, and what they may say to it: one form for terminals, programs and journals.

An approval is bound to exactly what was shown. Whatever cannot be read as a decision is none, and never approves.
Refuses to know who asks, where answers are kept and what becomes of them.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, cast

from msgspec import Struct

Verdict: TypeAlias = Literal["approve", "edit", "reject", "always"]

TOOL: Final[tuple[Verdict, ...]] = ("approve", "edit", "reject", "always")
"""What may be said to a tool call."""
CODE: Final[tuple[Verdict, ...]] = ("approve", "reject")
"""What may be said to code."""

_WORDS: Final[Mapping[str, Verdict]] = {
    "y": "approve",
    "yes": "approve",
    "approve": "approve",
    "n": "reject",
    "no": "reject",
    "reject": "reject",
    "e": "edit",
    "edit": "edit",
    "a": "always",
    "always": "always",
}
_HOW: Final[Mapping[Verdict, str]] = {
    "approve": "'y' approves",
    "edit": "'e' and a JSON object approves with these arguments instead",
    "reject": "'n' rejects, with a reason behind it if there is one",
    "always": "'a' approves this very call for the rest of the run",
}
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff"
    "\U000e0000-\U000e007f]"
)
"""Control characters but line ends and tabs, and what changes the direction, is not seen, or is half a character."""
_HALVES: Final = re.compile("[\ud800-\udfff]")


class Approval(Struct, frozen=True, kw_only=True):
    """What is to be approved: one call of a tool, or blocks of code."""

    tool: str = ""
    """Its name; "" for code."""
    arguments: str = ""
    """Of the call, as canonical JSON."""
    code: tuple[str, ...] = ()
    sandbox: str = ""
    """The level that it runs in; "" where there is none, or none is chosen yet."""
    work_dir: str = ""
    parameters: Mapping[str, Any] | None = None
    """JSON Schema of the tool's arguments, where it is known."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        return TOOL if self.tool else CODE

    def binding(self) -> str:
        """32 hex digits: an answer counts for what has the same ones, and for nothing else."""
        from hashlib import blake2b

        made = blake2b(digest_size=16)
        for piece in (self.tool, self.arguments, self.sandbox, self.work_dir, *self.code):
            data = piece.encode("utf-8", "surrogatepass")
            made.update(len(data).to_bytes(8, "little") + data)
        return made.hexdigest()

    def form(self) -> dict[str, Any]:
        """JSON Schema of the answer."""
        properties: dict[str, Any] = {
            "decision": {"type": "string", "enum": list(self.verdicts)},
            "reason": {"type": "string"},
        }
        if "edit" in self.verdicts:
            given = dict(self.parameters or {"type": "object"})
            if self.parameters is not None:
                given.setdefault("additionalProperties", False)
            properties["arguments"] = given
        return {"type": "object", "properties": properties, "required": ["decision"], "additionalProperties": False}

    def ways(self) -> str:
        """The short answers, in words."""
        return ", ".join(_HOW[verdict] for verdict in self.verdicts)


class Decision(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person said."""

    decision: Verdict
    reason: str = ""
    arguments: dict[str, Any] | None = None
    """Those to call the tool with, after `edit`."""


class Unclear(ValueError):
    """What was said is no decision; `str()` tells why."""


def read_decision(said: object, verdicts: tuple[Verdict, ...]) -> Decision:
    """A decision out of an object, its JSON text, or a short answer such as `y` or `n too much`. Raises Unclear."""
    if isinstance(said, Mapping):
        return _of_object(cast("Mapping[Any, Any]", said), verdicts)
    if not isinstance(said, str):
        raise Unclear(f"a decision is an object or text, not {type(said).__name__}")
    text = said.strip()
    if text.startswith("{"):
        return _of_object(_object(text), verdicts)
    first, _, rest = text.partition(" ")
    rest = rest.strip()
    verdict = _WORDS.get(first.lower())
    if verdict is None and _WORDS.get(first.lower().rstrip(",;:.!")) == "reject":
        verdict = "reject"
    if verdict is None or verdict not in verdicts:
        raise Unclear(f"{text[:40]!r} is none of the answers")
    match verdict:
        case "reject":
            return Decision(decision=verdict, reason=rest)
        case "edit":
            return Decision(decision=verdict, arguments=_object(rest))
        case "approve" | "always":
            if rest:
                raise Unclear(f"{first!r} stands alone, so {rest[:40]!r} behind it is not clear")
            return Decision(decision=verdict)


def json_text(values: Any) -> str:
    """Arguments (or another JSON value) as canonical JSON: sorted keys, one line, readable, no half characters."""
    import json

    text = json.dumps(values, sort_keys=True, ensure_ascii=False)
    return _HALVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def laid_open(text: str) -> str:
    """`text` with what a terminal would obey or hide as escapes: a person approves what is there."""
    return _UNSEEN.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _object(text: str) -> dict[str, Any]:
    import json

    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Unclear(f"that is no JSON object ({str(error)[:80] or type(error).__name__})") from None
    if not isinstance(value, dict):
        raise Unclear("that is no JSON object")
    return cast("dict[str, Any]", value)


def _of_object(given: Mapping[Any, Any], verdicts: tuple[Verdict, ...]) -> Decision:
    unknown = [name for name in given if name not in ("decision", "reason", "arguments")]
    if unknown:
        raise Unclear(f"{unknown[0]!r:.40} belongs to no decision")
    verdict, reason, arguments = given.get("decision"), given.get("reason"), given.get("arguments")
    if verdict not in verdicts:
        raise Unclear(f"'decision' must be one of {', '.join(verdicts)}, got {verdict!r:.40}")
    if reason is not None and not isinstance(reason, str):
        raise Unclear("'reason' must be text")
    if verdict != "edit":
        if arguments is not None:
            raise Unclear(f"'arguments' belong to the decision edit, not to {verdict}")
        return Decision(decision=verdict, reason=reason or "")
    if not isinstance(arguments, Mapping) or any(not isinstance(name, str) for name in cast("Any", arguments)):
        raise Unclear("the decision edit needs 'arguments', a JSON object")
    return Decision(decision="edit", reason=reason or "", arguments=dict(cast("Mapping[str, Any]", arguments)))
