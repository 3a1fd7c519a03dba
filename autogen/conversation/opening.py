"""The first message of a chat: given, asked of the person, or made by a callable; and what is carried over into it.

Texts and shapes are 0.2's. Refuses to know what follows.
"""

from collections.abc import Mapping
from typing import Any, cast

from autogen.conversation.callbacks import invoke, of_kind
from autogen.conversation.human import ask
from autogen.conversation.party import Party, own_inner, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said, plain
from autogen.core.callables import qualified_name
from autogen.core.errors import InvalidContent
from autogen.core.exceptions import InvalidCarryOverType
from autogen.core.transcript import CARRIED, texts

CARRYOVER = ("_handle_carryover", "_process_carryover", "_process_multimodal_carryover")
"""0.2's inner methods that put the carryover in; the first one calls the others."""


async def first_message(
    run: Run, sender: Party, recipient: Party, message: Any, context: Mapping[str, Any]
) -> str | dict[str, Any] | None:
    """The message that opens the chat.

    message: text, a 0.2 dict, `callable(sender, recipient, context)`, or None to ask the sender's person.
    context: the chat's further arguments; `carryover` (str or list) is appended.
    """
    if callable(message):
        made = await invoke(sender.name, "message", "message", message, (sender, recipient, dict(context)))
        return made_message(made, sender, "message", message)
    own = own_method(sender, "generate_init_message", run.is_async)
    if own is not None:
        if message is not None:
            run.said().say(run.voice, texts(Said(message, "program")))
        made = await invoke(sender.name, "override", "generate_init_message", own, (plain(message),), context)
        return made_message(made, sender, "generate_init_message", own)
    said = await opening(run, sender, message, context)
    if not context.get("carryover"):
        return said
    mine = run.voice == "program" and getattr(message, "origin", "program") == "program"
    return Said(said, "carried" if mine else "quoted")


def made_message(made: Any, sender: Party, role: str, function: Any) -> Said | None:
    """What a function gave for a message: it may have read it anywhere, so its code is nobody's as long as nobody is
    known to have said it before."""
    if made is not None and not of_kind(made, str, Mapping):
        raise InvalidContent(
            f"agent {sender.name!r}: its {role} {qualified_name(function)!r} returned {type(made).__name__}; "
            "it must return text, a message dict, or None for no message"
        )
    return None if made is None else Said(made, "quoted")


async def opening(run: Run, sender: Party, message: Any, context: Mapping[str, Any]) -> str | dict[str, Any]:
    """`message`, or what the person types when there is none, with the carryover."""
    if message is None:
        message = await ask(run, sender, ">")
    if any(own_inner(sender, name) is not None for name in CARRYOVER):
        handle: Any = sender._handle_carryover
        made = await invoke(sender.name, "override", CARRYOVER[0], handle, (message, dict(context)))
        return cast("str | dict[str, Any]", made)
    return carried(message, context.get("carryover"))


def carried(message: Any, carryover: Any) -> str | dict[str, Any]:
    """`message` with `carryover` (text or a list of texts) behind it. Raises InvalidCarryOverType."""
    if not carryover:
        return cast("str | dict[str, Any]", message)
    if not isinstance(carryover, (str, list)):
        raise InvalidCarryOverType(
            f"Carryover should be a string or a list of strings. Not adding carryover to the message, got "
            f"{type(carryover).__name__}."
        )
    if isinstance(carryover, list):
        carryover = "\n".join(map(_item, cast("list[Any]", carryover)))
    tail = CARRIED + carryover
    if isinstance(message, str):
        return f"{message}{tail}"
    known = dict(cast("Mapping[str, Any]", message))
    content = known.get("content")
    if isinstance(content, list):
        known["content"] = [{"type": "text", "text": tail}, *content]
    else:
        known["content"] = (content or "") + tail
    return known


def _item(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping) and "content" in item:
        return str(cast("Mapping[str, Any]", item)["content"])
    return str(cast("object", item))
