"""One message from one agent to another: hooks, both histories, the transcript, the console's event.

Refuses to know who replies and when the chat ends.
"""

from collections.abc import Coroutine, Iterable, Mapping
from functools import partial
from typing import Any

from autogen.conversation.callbacks import invoke, of_kind
from autogen.conversation.party import Party, hooks_of, own_method
from autogen.conversation.run import Run
from autogen.core.callables import qualified_name
from autogen.core.effects import Emit
from autogen.core.errors import InvalidContent, InvalidMessage
from autogen.core.events import MessageReceived
from autogen.core.model import Origin
from autogen.core.transcript import received, sent
from autogen.core.wire import MessageDict

PROCESS = "_process_received_message"
"""The method of 0.2 that user interfaces override to see each message; it is called in place, on their thread."""
APPEND = "_append_oai_message"
BEFORE_SEND = "_process_message_before_send"
APPENDING = "appending"
"""Hands to an overridden `_append_oai_message` what it is to keep: its own `super()` keeps it with its origin."""


class Said(dict[str, Any]):
    """A message on its way, in 0.2's form, with the origin of its content."""

    __slots__ = ("bare", "origin")

    def __init__(self, message: str | Mapping[str, Any], origin: Origin) -> None:
        # A dict is known faster than any other mapping.
        super().__init__(message if isinstance(message, (dict, Mapping)) else {"content": message})
        content = self.get("content")
        if content is not None and not isinstance(content, (str, list)) and not callable(content):
            raise InvalidContent(
                "a message's content must be text, a list of parts or None, "
                f"got {type(content).__name__}: {content!r:.80}"
            )
        if "tool_calls" in self or "function_call" in self or "tool_responses" in self:
            _refuse_malformed(self)
        self.origin: Origin = origin
        self.bare: bool = message.bare if isinstance(message, Said) else isinstance(message, str)
        """It was given as text."""


def _refuse_malformed(message: Mapping[str, Any]) -> None:
    """Raise InvalidMessage for calls and answers that nobody could read."""
    for key, form in _LISTS.items():
        items: Any = message.get(key)
        if items and not (isinstance(items, (list, tuple)) and _are_dicts(items)):  # pyright: ignore[reportUnknownArgumentType]
            raise InvalidMessage(f"a message's {key} must be a list of {form}, got {items!r:.80}")
    for item in message.get("tool_calls") or ():
        _refuse_malformed_call(item.get("function"))
    _refuse_malformed_call(message.get("function_call"))


def _are_dicts(items: Iterable[Any]) -> bool:
    return _DICT.issuperset(map(type, items)) or all(isinstance(item, Mapping) for item in items)


def _refuse_malformed_call(call: Any) -> None:
    if call and type(call) is not dict and not isinstance(call, Mapping):
        raise InvalidMessage(f"a message's call must be {_CALL}, got {call!r:.80}")


_DICT = frozenset({dict})
_CALL = '{"name": ..., "arguments": "<JSON text>"}'
_LISTS = {
    "tool_calls": '{"id": ..., "type": "function", "function": ' + _CALL + "}",
    "tool_responses": '{"tool_call_id": ..., "role": "tool", "content": ...}',
}
"""0.2's forms of what a message holds lists of."""


def origin_of(message: Any, default: Origin) -> Origin:
    """The origin that a message carries, if it carries one."""
    origin = getattr(message, "origin", None)
    return origin if origin is not None else default


def plain(message: Any) -> Any:
    """A message as the program sees it: text where there is nothing but text."""
    if isinstance(message, Said) and message.bare and len(message) == 1 and isinstance(message.get("content"), str):
        return message["content"]
    return message


def send(run: Run, sender: Party, recipient: Party, message: Any, silent: bool | None) -> Coroutine[Any, Any, None]:
    """Hand `message` over: through the sender's hooks into both histories, and print it unless silent.

    Overridden `send` and `receive` methods of the program are called, each as one callback.
    """
    own = own_method(sender, "send", run.is_async)
    if own is None:
        return hand_over(run, sender, recipient, message, silent)
    return _handing(run, sender, recipient, message, sender, "send", own, (plain(message), recipient, None, silent))


async def _handing(
    run: Run, sender: Party, recipient: Party, message: Any, agent: Party, method: str, own: Any, args: tuple[Any, ...]
) -> None:
    """Call an override of `agent` that hands the message on by `super()`."""
    with run.hand(sender, recipient, message):
        await invoke(agent.name, "override", method, own, args)


async def hand_over(run: Run, sender: Party, recipient: Party, message: Any, silent: bool | None) -> None:
    """`send` without the sender's override: what `super().send()` does inside one."""
    run.count_message()
    origin: Origin = getattr(message, "origin", None) or run.voice
    state = sender._state
    own = own_method(sender, BEFORE_SEND, run.is_async) if state.own else None
    if own is None:
        message = await before_send(run, sender, recipient, message, silent)
    else:
        message = await invoke(sender.name, "override", BEFORE_SEND, own, (plain(message), recipient, silent))
        _refuse_no_message(message, sender, f"{BEFORE_SEND} {qualified_name(own)!r}")
    said = Said(message, origin_of(message, origin))
    state.touch(recipient)
    own = own_method(sender, APPEND, False) if state.own else None
    taken = own is None or await _append(run, sender, own, said, recipient, True)
    mine = sent(said, sender.name, said.origin)
    if not taken or (mine is None and own is None):
        raise InvalidMessage(
            "Message can't be converted into a valid ChatCompletion message. "
            "Either content or function_call must be provided."
        )
    if own is None and mine is not None:
        state.histories[recipient].append(mine)
    own = own_method(recipient, "receive", run.is_async)
    if own is None:
        await take(run, recipient, said, sender, silent, mine)
    else:
        args = (plain(said), sender, None, silent)
        await _handing(run, sender, recipient, said, recipient, "receive", own, args)


async def before_send(run: Run, sender: Party, recipient: Party, message: Any, silent: bool | None) -> Any:
    """The message after the sender's hooks: what `super()._process_message_before_send()` does in an override."""
    for hook in hooks_of(sender, "process_message_before_send", run.is_async):
        arguments = {"sender": sender, "message": plain(message), "recipient": recipient, "silent": silent}
        message = await invoke(sender.name, "hook", "process_message_before_send", hook, (), arguments)
        _refuse_no_message(message, sender, f"process_message_before_send hook {qualified_name(hook)!r}")
    return message


def _refuse_no_message(message: Any, sender: Party, made_by: str) -> None:
    if not of_kind(message, str, Mapping):
        raise InvalidContent(
            f"agent {sender.name!r}: its {made_by} returned {type(message).__name__}; "
            "it must return the message, text or a dict"
        )


async def _append(run: Run, agent: Party, own: Any, said: Said, partner: Party, is_sending: bool) -> bool:
    """Let an overridden `_append_oai_message` keep the message; False: it refuses."""
    role = "assistant" if is_sending else "user"
    with run.hand(APPENDING, agent, said):
        answer = await invoke(
            agent.name, "override", APPEND, own, (plain(said), role, partner), {"is_sending": is_sending}
        )
    return bool(answer)


def keep(agent: Party, message: Any, role: str, partner: Party, is_sending: bool, origin: Origin) -> bool:
    """Put a message into one agent's history alone; False when it holds neither content nor calls nor answers."""
    said = message if isinstance(message, Said) else Said(message, origin)
    kept = sent(said, agent.name if is_sending else partner.name, origin)
    if kept is None:
        return False
    state = agent._state
    state.touch(partner)
    state.histories[partner].append(kept if role == "assistant" else received(kept))
    return True


def take(
    run: Run, recipient: Party, message: Any, sender: Party, silent: bool | None, kept: MessageDict | None = None
) -> Coroutine[Any, Any, None]:
    """The receiving side alone: what `super().receive()` does inside an override."""
    own = own_method(recipient, PROCESS, run.is_async)
    if own is None:
        return record(run, recipient, message, sender, silent, kept)
    said = message if isinstance(message, Said) else Said(message, origin_of(message, run.voice))
    return _handing(run, sender, recipient, said, recipient, PROCESS, own, (plain(said), sender, silent))


async def record(
    run: Run, recipient: Party, message: Any, sender: Party, silent: bool | None, kept: MessageDict | None = None
) -> None:
    """Keep a received message and tell observers: what `super()._process_received_message()` does in an override."""
    said = message if isinstance(message, Said) else Said(message, origin_of(message, run.voice))
    state = recipient._state
    state.touch(sender)
    own = own_method(recipient, APPEND, False) if state.own else None
    taken = own is None or await _append(run, recipient, own, said, sender, False)
    mine = kept if kept is not None else sent(said, sender.name, said.origin)
    if not taken or (mine is None and own is None):
        raise InvalidMessage(
            "Received message can't be converted into a valid ChatCompletion message. "
            "Either content or function_call must be provided."
        )
    if mine is not None:
        run.transcript.append(sender.name, recipient.name, mine)
        if own is None:
            state.histories[sender].append(received(mine))
    own_choice: bool | None = getattr(sender, "silent", None)
    quiet = bool(silent) if own_choice is None else own_choice
    own = None if quiet else own_method(recipient, "_print_received_message", False)
    printer = None if own is None else partial(own, plain(said), sender)
    allow = bool(recipient.llm_config and recipient.llm_config.get("allow_format_str_template"))
    await Emit(MessageReceived(sender.name, recipient.name, said, quiet, printer, allow))
