"""How a value becomes its written form: plain JSON stays as it is, the rest gets its type, or is refused by its path.

A program's dict can never pass for a typed form: that is an object of a class of ours until it is encoded.
Refuses to know how forms are read again (`codec.py`).
"""

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, cast

import msgspec

from autogen.conversation.sending import Said
from autogen.core.code import CodeOutcome
from autogen.core.model import ModelMessage, ModelReply, Opaque, Other
from autogen.core.tools import ToolOutcome
from autogen.core.wire import MessageDict
from autogen.runs.shapes import (
    CODING,
    RESULTS,
    ChatForm,
    MessageForm,
    Refused,
    ReplyForm,
    Tagged,
    escaped,
    opened,
    to_json,
)

DEEPEST: Final = 100
"""Levels of a value that is stored; also what ends one that holds itself."""


def tagged(packed: Any) -> Tagged:
    """What `pack` gave, with a type in any case."""
    return packed if isinstance(packed, Tagged) else Tagged("json", packed)


def pack(value: Any, depth: int = 0) -> Any:
    """`value` as plain JSON (a copy), or as `Tagged` when there is more to it. Raises Refused."""
    kind = cast("type[object]", type(value))
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if kind is float:
        return _finite(value)
    if depth > DEEPEST:
        raise Refused(f"nested more than {DEEPEST} deep, or holds itself")
    writer = _WRITERS.get(kind)
    if writer is not None:
        return writer(value, depth)
    if isinstance(value, (MessageDict, Said)):
        return _message(value, depth)
    if isinstance(value, Mapping):
        return _fields(cast("Mapping[Any, Any]", value), depth)
    return _pack_other(value, kind, depth)


def _pack_other(value: Any, kind: "type[object]", depth: int) -> Any:
    if isinstance(value, list):
        return _items(cast("list[Any]", value), depth)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__index__(value)
    if isinstance(value, float):
        return _finite(float.__float__(value))
    if kind.__module__ == CODING and kind.__name__ in RESULTS.values():
        tag = next(tag for tag, name in RESULTS.items() if name == kind.__name__)
        return _checked(tag, value, kind)
    if kind.__module__ == "autogen.core.result" and kind.__name__ == "ChatResult":
        return _chat(value, depth)
    name = getattr(value, "name", None)
    if isinstance(name, str) and callable(getattr(kind, "generate_reply", None)):
        return Tagged("agent", name)
    raise Refused(kind.__qualname__)


def _finite(value: float) -> float:
    if not isfinite(value):
        raise Refused("NaN" if value != value else "Infinity" if value > 0 else "-Infinity")
    return value


def _items(values: "list[Any]", depth: int) -> Any:
    packed: list[Any] = []
    plain = True
    for index, value in enumerate(values):
        if type(value) is not str:
            try:
                value = pack(value, depth + 1)
            except Refused as refused:
                refused.path = f"[{index}]{refused.path}"
                raise
            plain = plain and type(value) is not Tagged
        packed.append(value)
    return packed if plain else Tagged("list", [tagged(item) for item in packed])


def _fields(values: Mapping[Any, Any], depth: int) -> Any:
    packed: dict[str, Any] = {}
    plain = True
    for key, value in values.items():
        if type(key) is not str:
            if not isinstance(key, str):
                raise Refused(f"a dict with a key of type {type(key).__qualname__}")
            key = str.__str__(key)
        if type(value) is not str:
            try:
                value = pack(value, depth + 1)
            except Refused as refused:
                place = f".{key}" if key.isidentifier() else f"[{key!r:.60}]"
                refused.path = place + refused.path
                raise
            plain = plain and type(value) is not Tagged
        packed[key] = value
    return packed if plain else Tagged("dict", {name: tagged(value) for name, value in packed.items()})


def _step(value: Any, place: str, depth: int) -> Any:
    try:
        return pack(value, depth + 1)
    except Refused as refused:
        refused.path = place + refused.path
        raise


def _tuple(values: "tuple[Any, ...]", depth: int) -> Tagged:
    return Tagged("tuple", [tagged(_step(value, f"[{index}]", depth)) for index, value in enumerate(values)])


def _message(value: "MessageDict | Said", depth: int) -> Tagged:
    fields = tagged(_fields(value, depth))
    bare = isinstance(value, Said) and value.bare
    form = {"origin": value.origin, "said": isinstance(value, Said), "bare": bare, "fields": fields}
    return Tagged("message", form)


def _reply(reply: ModelReply, depth: int) -> Tagged:
    """Not its memo: `encoded` holds request bytes that adapters trust, so it is neither written nor read."""
    choices = reply.choices
    chosen = len(choices) > 0 and choices[0] is reply.message
    made = ReplyForm(
        message=_bare(reply.message, ".message"),
        finish=reply.finish,
        raw_finish=reply.raw_finish,
        usage=reply.usage,
        model=reply.model,
        id=reply.id,
        created=reply.created,
        chosen=chosen,
        choices=tuple([_bare(message, ".choices") for message in choices[chosen:]]),
        finishes=reply.finishes,
        cost=reply.cost if reply.cost is None else _step(reply.cost, ".cost", depth),
        config_id=reply.config_id,
        cached=reply.cached,
        extra=None if reply.extra is None else _plain(reply.extra, ".extra"),
    )
    return _checked("model_reply", made, ReplyForm)


def _bare(message: ModelMessage, place: str) -> MessageForm:
    for part in message.parts:
        opaque: Opaque | None = getattr(part, "opaque", None)
        if opaque is not None:
            _plain(opaque.data, f"{place}.parts.opaque.data")
        elif type(part) is Other:
            raise Refused("Other without opaque")
    extra = None if message.extra is None else _plain(message.extra, f"{place}.extra")
    return MessageForm(message.role, message.parts, message.name, extra)


def _plain(value: Any, place: str) -> Any:
    packed = _step(value, place, 0)
    if type(packed) is Tagged:
        raise _refused(f"JSON with a {packed.type} in it", place)
    return packed


def _outcome(value: ToolOutcome | CodeOutcome, depth: int) -> Tagged:
    if isinstance(value, CodeOutcome):
        _step(value.seconds, ".seconds", depth)
        return _checked("code_outcome", value, CodeOutcome)
    return _checked("tool_outcome", value, ToolOutcome)


def _chat(value: Any, depth: int) -> Tagged:
    live = ("chat_history", "summary", "cost", "human_input", "pending")
    fields = {name: getattr(value, name) for name in ChatForm.__struct_fields__ if name not in live}
    for name in live:
        fields[name] = tagged(_step(getattr(value, name), f".{name}", depth))
    for name in ("usd", "seconds"):
        _step(fields[name], f".{name}", depth)
    return _checked("chat_result", fields, ChatForm)


def _checked(tag: str, value: Any, kind: Any) -> Tagged:
    """Encoded and read again: programs build replies and outcomes too, and nobody checked their fields."""
    decoder: msgspec.json.Decoder[Any] = _DECODERS.get(kind) or msgspec.json.Decoder(kind)
    try:
        try:
            raw = to_json(value)
            read = decoder.decode(raw)
            made: Any = msgspec.Raw(raw)
        except UnicodeEncodeError:
            made = json.loads(escaped(opened(value)))
            read = msgspec.convert(made, kind)
    except (ValueError, TypeError, RecursionError) as error:
        why, _, field = str(error).partition(" - at `$")
        raise _refused(f"wrong: {why}", field.rstrip("`")) from None
    if type(value) is kind and read != value:  # bytes, say, that were written as text
        names: tuple[str, ...] = kind.__struct_fields__
        field = next(name for name in names if getattr(read, name) != getattr(value, name))
        raise _refused("of a type that does not read back as it was", f".{field}")
    return Tagged(tag, made)


def _refused(kind: str, path: str) -> Refused:
    made = Refused(kind)
    made.path = path
    return made


_DECODERS: Final[Mapping[Any, Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (ReplyForm, ToolOutcome, CodeOutcome, ChatForm)
}
_WRITERS: Final[Mapping[type, Callable[[Any, int], Any]]] = {
    dict: _fields,
    list: _items,
    tuple: _tuple,
    ModelReply: _reply,
    ToolOutcome: _outcome,
    CodeOutcome: _outcome,
}
