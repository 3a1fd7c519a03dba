"""The written forms of what a journal holds: what stands in `{"type": ..., "value": ...}` for each type.

Decides the fields of each form and how a whole one becomes bytes and is read again. Refuses to know how values become
forms (`packing.py`, `codec.py`). Change together: `ModelReply` and `ReplyForm`, `ModelMessage` and `MessageForm`,
`ChatResult` and `ChatForm`.
"""

import json
from typing import Any, Final, NoReturn, cast

import msgspec
from msgspec import Struct

from autogen.core.model import Finish, Json, Origin, Part, Role, Usage
from autogen.core.stop import Status, StopReason


class Tagged(Struct, frozen=True):
    """A value with its type, ready to be encoded."""

    type: str
    value: Any


class Refused(Exception):
    """Something that cannot be stored, on its way up to who knows its path and origin."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind, self.path = kind, ""


class MessageForm(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extra: dict[str, Json] | None = None


class ReplyForm(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    message: MessageForm
    finish: Finish
    raw_finish: str | None = None
    usage: Usage = Usage()
    model: str = ""
    id: str = ""
    created: int = 0
    chosen: bool = False
    """The first choice is `message` itself, and not written a second time in `choices`."""
    choices: tuple[MessageForm, ...] = ()
    finishes: tuple[str | None, ...] = ()
    cost: float | None = None
    config_id: int = 0
    cached: bool = False
    extra: dict[str, Json] | None = None


class SentForm(Struct, frozen=True, forbid_unknown_fields=True):
    origin: Origin
    said: bool
    """`Said`, on its way; else a `MessageDict` of a history."""
    bare: bool
    """It was given as text."""
    fields: Any


class ChatForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    chat_id: int | None
    chat_history: Any
    summary: Any
    cost: Any
    human_input: Any
    status: Status
    stop_reason: StopReason | None
    stop_detail: str
    run_id: str | None
    usage: dict[str, Usage]
    usd: float | None
    seconds: float
    pending: Any


class Envelope(Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    value: Any


CODING: Final = "autogen.coding.base"
RESULTS: Final = {
    "code_result": "CodeResult",
    "command_line_code_result": "CommandLineCodeResult",
    "ipython_code_result": "IPythonCodeResult",
}
"""Their module stands above this one; it is loaded when such a value is met, and only these names of it are taken."""

TYPES: Final = (
    "agent", "chat_result", "code_outcome", *RESULTS, "dict", "json", "list", "message", "model_reply",
    "tool_outcome", "tuple",
)  # fmt: skip
"""The closed registry."""

to_json: Final = msgspec.json.Encoder().encode
_read_envelope: Final = msgspec.json.Decoder(Envelope).decode


def dump(value: Tagged) -> bytes:
    try:
        return to_json(value)
    except UnicodeEncodeError:  # half a surrogate pair, as models send them: only the standard library escapes it
        return escaped(opened(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"nothing that JSON can hold ({error!s:.100})") from None


def escaped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False, default=msgspec.to_builtins).encode()


def opened(value: Any) -> Any:
    if isinstance(value, Tagged):
        return {"type": value.type, "value": opened(value.value)}
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value))
    if isinstance(value, list):
        return [opened(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {name: opened(item) for name, item in cast("dict[str, Any]", value).items()}
    return value


def load(data: bytes) -> Tagged:
    """Raises ValueError or RecursionError."""
    try:
        read = _read_envelope(data)
    except msgspec.DecodeError:
        if b"\\ud" not in data.lower():
            raise
        read = msgspec.convert(json.loads(data.decode(), parse_constant=no_constant), Envelope)
    return Tagged(read.type, read.value)


def no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
