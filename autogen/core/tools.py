"""What came of one tool call. Refuses to know how tools are called."""

from msgspec import Struct


class ToolOutcome(Struct, frozen=True, kw_only=True):
    """The answer that goes back to the model: `content` is text; a failure is text too, marked by `is_error`."""

    name: str
    content: str
    is_error: bool = False
    why: str = "ok"
    """ok | error | unknown | arguments | timeout | denied"""
