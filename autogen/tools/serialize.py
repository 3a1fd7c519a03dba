"""What a tool returned, as the text that the model reads: 0.2's form. Refuses to know who called."""

from collections.abc import Callable
from functools import cache
from typing import Any, Literal

from autogen.tools.errors import NotSerializable


def serialize_to_str(x: Any, tool: str = "") -> str:
    """A str as it is, a pydantic model as its own JSON, everything else as JSON in 0.2's spacing.

    Dataclasses, Structs, enums, dates, sets and models inside containers count too, which 0.2 refused.
    tool: its name, for the error. Raises NotSerializable (a TypeError).
    """
    if isinstance(x, str):
        return x
    if type(x) is int:
        return repr(x)
    if _has_method(x, "model_dump_json"):
        return str(x.model_dump_json())
    try:
        return _encoder()(json_form(x))
    except (TypeError, ValueError) as error:
        raise NotSerializable(tool, x.__class__.__name__, str(error)) from None


@cache
def _encoder() -> Callable[[Any], str]:
    """`json.dumps(ensure_ascii=False)` makes an encoder for each text."""
    import json

    return json.JSONEncoder(ensure_ascii=False).encode


def json_form(value: Any) -> Any:
    """`value` as None, bool, int, float, str, list and dict. Raises TypeError when it has no such form."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    from msgspec import to_builtins

    order: Literal["deterministic"] | None = "deterministic" if isinstance(value, (set, frozenset)) else None
    try:
        return to_builtins(value, enc_hook=_own_form, order=order)
    except RecursionError:
        raise TypeError("nested too deeply") from None


def _own_form(value: Any) -> Any:
    if _has_method(value, "model_dump"):
        return value.model_dump(mode="json")
    if hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")


def _has_method(value: Any, name: str) -> bool:
    """True if the class has it; an object that makes up any attribute does not count."""
    return hasattr(value.__class__, name)
