"""How the answers of effects are written and read: `{"type": <name>, "value": ...}` with a closed registry of types.

The type stands outside the value, so that no JSON of a program or a model can pass for something else. What is no
JSON and not in the registry is refused when it is produced, by the path of the field. Nothing is imported or called
by a name that stands in the data. Refuses to know stores and effects. Errors have a registry of their own
(`error_codec.py`). Change together: `shapes.py`, `packing.py`.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import msgspec

from autogen.conversation.sending import Said
from autogen.core.code import CodeOutcome
from autogen.core.errors import InvalidMessage
from autogen.core.model import ModelMessage, ModelReply
from autogen.core.tools import ToolOutcome
from autogen.core.wire import MessageDict
from autogen.runs.error_codec import decode_error, encode_error
from autogen.runs.errors import Damaged, JournalError, NotStorable, UnboundAgent, UnknownFormat
from autogen.runs.packing import pack, tagged
from autogen.runs.shapes import (
    CODING,
    RESULTS,
    TYPES,
    ChatForm,
    Envelope,
    MessageForm,
    Refused,
    ReplyForm,
    SentForm,
    Tagged,
    dump,
    load,
)

__all__ = ["Bind", "decode", "decode_error", "encode", "encode_error"]

Bind: TypeAlias = Callable[[str], object]
"""The agent of a name in this process; None, or a LookupError, when there is none."""


def encode(value: object, what: str) -> bytes:
    """`value` as JSON with its type. what: for messages, who made it.

    Plain JSON; messages with their origin; tuples, lists and dicts of these; agents by name; model replies; outcomes
    of tools and code; 0.2's code results; ChatResult. Subclasses of str, int, float, list and dict are stored as what
    they derive from. Raises NotStorable for the rest.
    """
    try:
        return dump(tagged(pack(value)))
    except Refused as refused:
        raise NotStorable(what, f"${refused.path}", refused.kind) from None


def type_of(value: object, what: str) -> str:
    """The type under which `value` would be written: "json" for plain JSON. Raises NotStorable."""
    try:
        return tagged(pack(value)).type
    except Refused as refused:
        raise NotStorable(what, f"${refused.path}", refused.kind) from None


def decode(data: bytes, what: str, agents: Bind | None = None) -> object:
    """The value again. what: for messages, where `data` stood.

    Raises Damaged for what `encode` did not write, UnknownFormat for a type that this version does not know,
    UnboundAgent when an agent's name leads to nothing.
    """
    try:
        return unpack(load(data), what, agents)
    except JournalError:
        raise
    except (ValueError, TypeError, LookupError, RecursionError, InvalidMessage) as error:
        raise Damaged(what, str(error)[:300]) from None


def unpack(read: Tagged, what: str, agents: Bind | None) -> Any:
    """Raises JournalError, or any of the errors that `decode` turns into Damaged."""
    value = read.value
    match read.type:
        case "json":
            return value
        case "message":
            return _read_message(msgspec.convert(value, SentForm), what, agents)
        case "model_reply":
            return _read_reply(msgspec.convert(value, ReplyForm))
        case "tool_outcome":
            return msgspec.convert(value, ToolOutcome)
        case "code_outcome":
            return msgspec.convert(value, CodeOutcome)
        case "tuple":
            return tuple([_child(item, what, agents) for item in msgspec.convert(value, list[Any])])
        case "list":
            return [_child(item, what, agents) for item in msgspec.convert(value, list[Any])]
        case "dict":
            items = msgspec.convert(value, dict[str, Any]).items()
            return {name: _child(item, what, agents) for name, item in items}
        case "agent":
            return _bound(msgspec.convert(value, str), what, agents)
        case "code_result" | "command_line_code_result" | "ipython_code_result":
            return msgspec.convert(value, getattr(import_module(CODING), RESULTS[read.type]))
        case "chat_result":
            return _read_chat(msgspec.convert(value, ChatForm), what, agents)
        case _:
            raise UnknownFormat(what, f"type {read.type!r:.80}", ", ".join(TYPES))


def _child(value: Any, what: str, agents: Bind | None) -> Any:
    read = msgspec.convert(value, Envelope)
    return unpack(Tagged(read.type, read.value), what, agents)


def _read_message(read: SentForm, what: str, agents: Bind | None) -> "MessageDict | Said":
    fields = msgspec.convert(_child(read.fields, what, agents), dict[str, Any])
    if not read.said:
        return MessageDict(fields, read.origin)
    said = Said(fields, read.origin)
    said.bare = read.bare
    return said


def _read_reply(read: ReplyForm) -> ModelReply:
    message = _full(read.message)
    return ModelReply(
        message=message,
        finish=read.finish,
        raw_finish=read.raw_finish,
        usage=read.usage,
        model=read.model,
        id=read.id,
        created=read.created,
        choices=(*((message,) if read.chosen else ()), *[_full(choice) for choice in read.choices]),
        finishes=read.finishes,
        cost=read.cost,
        config_id=read.config_id,
        cached=read.cached,
        extra=read.extra,
    )


def _full(read: MessageForm) -> ModelMessage:
    return ModelMessage(read.role, read.parts, read.name, read.extra)


def _read_chat(read: ChatForm, what: str, agents: Bind | None) -> object:
    from autogen.core.result import ChatResult

    return ChatResult(
        chat_id=read.chat_id,
        chat_history=_child(read.chat_history, what, agents),
        summary=_child(read.summary, what, agents),
        cost=_child(read.cost, what, agents),
        human_input=_child(read.human_input, what, agents),
        status=read.status,
        stop_reason=read.stop_reason,
        stop_detail=read.stop_detail,
        run_id=read.run_id,
        usage=read.usage,
        usd=read.usd,
        seconds=read.seconds,
        pending=_child(read.pending, what, agents),
    )


def _bound(name: str, what: str, agents: Bind | None) -> object:
    try:
        found = agents(name) if agents is not None else None
    except LookupError:
        found = None
    if found is None:
        raise UnboundAgent(what, name)
    return found
