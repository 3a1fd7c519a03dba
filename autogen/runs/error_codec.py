"""How errors are written and read: a closed registry of classes, by name; any other is kept as its kind and text.

Of our own errors the arguments and facts are kept, so that a program's `except` and what it reads there go the same
way again. Secrets in their texts are redacted first. A run's state (`.run`) and live objects are left out.
Refuses to know which effect failed. `codec.py` is the door to this file.
"""

import builtins
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import Struct

from autogen.core.errors import AutogenError
from autogen.core.secrets import known
from autogen.runs.errors import Damaged, RecordedError, UnknownFormat
from autogen.runs.packing import pack, tagged
from autogen.runs.shapes import Refused, Tagged, dump

if TYPE_CHECKING:
    from autogen.runs.redact import Redactor

MODULES: Final = (
    "autogen.core.errors", "autogen.core.exceptions", "autogen.runs.errors", "autogen.models.errors",
    "autogen.tools.errors", "autogen.coding.errors", "autogen.coding.sandbox.errors",
    "autogen.conversation.callbacks", "autogen.conversation.eligible", "autogen.conversation.group_selection",
    "autogen.conversation.nested", "autogen.conversation.sequence",
    "autogen.models.admission", "autogen.models.config_list",
    "autogen.models.entries", "autogen.models.llm_config", "autogen.models.scripted", "autogen.models.tokens",
)  # fmt: skip
"""Where our errors are. Most stand above this file; one is loaded when an error of its own has to be made again."""

BUILTIN: Final[Mapping[str, type[Exception]]] = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and name == kind.__name__
    and kind not in (StopIteration, StopAsyncIteration, ExceptionGroup)
}  # fmt: skip
"""Not those that end a coroutine, nor groups, which hold other errors."""

_NOTES: Final = "__notes__"


class _Error(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    args: Any
    facts: Any


class _Read(Struct, frozen=True, forbid_unknown_fields=True):
    type: str
    value: _Error


def encode_error(raised: BaseException, redactor: "Redactor | None" = None) -> bytes:
    """An error as JSON. redactor: None for `known_redactor`."""
    made = _own(raised) or _builtin(raised) or _recorded(raised)
    return (redactor or known_redactor()).redact_json(made)[0]


def decode_error(data: bytes, what: str) -> BaseException:
    """The error again; of a class without a place in the registry, a RecordedError. Raises Damaged, UnknownFormat."""
    # The door imports this file; a child of an error's value is read as any other.
    from autogen.runs.codec import decode

    try:
        read = msgspec.json.decode(data, type=_Read)
        args = decode(msgspec.json.encode(read.value.args), what, _named)
        facts = decode(msgspec.json.encode(read.value.facts), what, _named)
    except (ValueError, RecursionError) as error:
        raise Damaged(what, str(error)[:300]) from None
    kind = _kind_of(read.type, read.value.name, what)
    if not isinstance(args, tuple) or not isinstance(facts, dict):
        raise Damaged(what, "an error without arguments or facts")
    try:
        made = kind(*cast("tuple[Any, ...]", args))
        made.__dict__.update(_facts_of(cast("dict[str, Any]", facts)))
        str(made)
    except Exception as error:  # noqa: BLE001 - hostile arguments may break a class in any way
        raise Damaged(what, f"{read.value.name} cannot be made of what stands there: {error!r:.200}") from None
    return made


def _kind_of(table: str, name: str, what: str) -> type[BaseException]:
    if table == "autogen":
        found = next((kinds[name] for kinds in map(_errors_in, MODULES) if name in kinds), None)
        if found is not None:
            return found
    elif table == "builtin" and name in BUILTIN:
        return BUILTIN[name]
    raise UnknownFormat(what, f"error {table!r:.40} {name!r:.80}", "autogen's own and the built-in ones")


@cache
def _errors_in(module: str) -> Mapping[str, type[AutogenError]]:
    return {
        name: kind
        for name, kind in vars(import_module(module)).items()
        if isinstance(kind, type) and issubclass(kind, AutogenError) and kind.__module__ == module
    }


def _own(raised: BaseException) -> bytes | None:
    """By module and name: a model's error that is also `openai`'s is a class made for it, under our name."""
    kind = type(raised)
    if kind.__module__ not in MODULES or kind.__name__ not in _errors_in(kind.__module__):
        return None
    return _written("autogen", kind.__name__, _args(raised), dict(_told(raised)))


def _builtin(raised: BaseException) -> bytes | None:
    kind = type(raised)
    if BUILTIN.get(kind.__name__) is not kind:
        return None
    args = tuple([item if _storable(item) else _text(item) for item in _args(raised)])
    try:
        kind(*args)
    except (TypeError, ValueError):  # one that wants more than text: UnicodeDecodeError
        return None
    notes = getattr(raised, _NOTES, None)
    return _written("builtin", kind.__name__, args, {_NOTES: notes} if notes else {})


def _recorded(raised: BaseException) -> bytes:
    kind = type(raised)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    args = (name, _text(raised))
    facts = {"kind": args[0], "text": args[1]}
    return _written("autogen", RecordedError.__name__, args, facts) or b""


def _written(table: str, name: str, args: tuple[Any, ...], facts: dict[str, Any]) -> bytes | None:
    try:
        return dump(Tagged(table, {"name": name, "args": tagged(pack(args)), "facts": tagged(pack(facts))}))
    except Refused:
        return None


def _args(raised: BaseException) -> tuple[Any, ...]:
    args: tuple[Any, ...] = raised.args
    if isinstance(raised, OSError) and len(args) == 2 and raised.filename is not None:
        return (*args, raised.filename)  # OSError takes the third away from its arguments
    return args


def _told(raised: BaseException) -> Iterator[tuple[str, Any]]:
    """The facts that can be kept; live objects (a client's response) are not."""
    for name, value in _facts_of(raised.__dict__).items():
        if _storable(value):
            yield name, value


def _facts_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """All but the run that an error left, and what is private to a class."""
    return {
        name: value
        for name, value in attributes.items()
        if name != "run" and (not name.startswith("_") or name == _NOTES)
    }


def _storable(value: Any) -> bool:
    try:
        dump(tagged(pack(value)))
    except Refused:
        return False
    return True


def _text(value: object) -> str:
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 - a class of the program's, in whatever state
        return f"(its text cannot be had: {type(error).__name__})"


def _named(name: str) -> object:
    """An agent among the facts of an error stands there by name only."""
    return name


def known_redactor() -> "Redactor":
    """One that knows the patterns of secrets and those of this process."""
    return _redactor(tuple(known()))


@lru_cache(4)
def _redactor(values: tuple[str, ...]) -> "Redactor":
    from autogen.runs.redact import Redactor  # its patterns cost 20 ms, and most runs see no error

    return Redactor(values)
