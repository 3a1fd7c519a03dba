"""One chat from its first message to its result: what `initiate_chat` is.

Decides the order: prepare both sides, open, exchange, summarise, and the stop reason. Limits that were reached end
the chat in order; errors leave it with the run attached. Refuses to know drivers.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from autogen.conversation.callbacks import invoke, refuse_misfit
from autogen.conversation.opening import first_message
from autogen.conversation.party import Party, own_inner
from autogen.conversation.run import Run
from autogen.conversation.state import NO_CODE
from autogen.conversation.summary import summarise, summary_texts
from autogen.conversation.two_party import exchange, turns
from autogen.core.effects import Draw, Emit
from autogen.core.errors import ConfigAssertion, ConfigError, LimitReached, Parked
from autogen.core.events import ChatEnded, ChatStarted, Notice
from autogen.core.stop import StopReason

PREPARE = "_prepare_chat"
"""0.2's inner method that makes both sides ready."""


class ChatSettings(Struct, frozen=True, kw_only=True, eq=False):
    """The arguments of `initiate_chat`."""

    message: Any
    clear_history: bool
    silent: bool | None
    max_turns: int | None
    summary_method: Any
    summary_args: Mapping[str, Any]
    cache: Any
    context: Mapping[str, Any]


class Ended(Struct, frozen=True, kw_only=True, eq=False):
    """What `chat` gives to the face that makes a ChatResult of it."""

    run: Run
    history: list[dict[str, Any]]
    summary: str
    human_input: list[str]
    seconds: float


async def chat(run: Run, sender: Party, recipient: Party, settings: ChatSettings) -> Ended:
    """Hold the chat. Whatever ends it, observers are told that it ended."""
    check(settings, sender, recipient)
    run.started = await Draw("time")
    await Emit(ChatStarted(sender.name, recipient.name, run.id))
    silent = bool(settings.silent)
    try:
        await _prepare_both(sender, recipient, settings.clear_history, settings.max_turns is None)
        try:
            message = await first_message(run, sender, recipient, settings.message, settings.context)
            if message is None:
                run.stop(StopReason.NO_REPLY, "the callable message gave None: there was nothing to say")
            elif settings.max_turns is None:
                await exchange(run, sender, recipient, message, silent=settings.silent)
            else:
                await turns(run, sender, recipient, message, max_turns=settings.max_turns, silent=settings.silent)
        except LimitReached as reached:
            run.stop(StopReason(reached.reason), str(reached))
            await Emit(Notice(f"the chat of {sender.name} and {recipient.name} was stopped: {reached}", "stop"))
        ended = await _concluded(run, sender, recipient, settings)
    except GeneratorExit:  # closed: nothing can be asked for any more
        raise
    except Parked:
        await Emit(ChatEnded(sender.name, recipient.name, run.id, "paused", silent))
        raise
    except BaseException as raised:
        reason = StopReason.ERROR if isinstance(raised, Exception) else StopReason.CANCELLED
        await Emit(ChatEnded(sender.name, recipient.name, run.id, reason.value, silent))
        raise
    await Emit(ChatEnded(sender.name, recipient.name, run.id, run.stop(StopReason.NO_REPLY).value, silent))
    return ended


async def _concluded(run: Run, sender: Party, recipient: Party, settings: ChatSettings) -> Ended:
    reason = run.stop(StopReason.NO_REPLY)
    summary = await _summary(run, sender, recipient, settings, reason)
    run.keeps_words = "```" in str(summary)
    ended: float = await Draw("time")
    return Ended(
        run=run,
        history=sender._state.histories[recipient],
        summary=summary,
        human_input=sender._state.human_input,
        seconds=ended - run.started,
    )


async def _summary(run: Run, sender: Party, recipient: Party, settings: ChatSettings, reason: StopReason) -> str:
    try:
        return await summarise(run, sender, recipient, settings.summary_method, settings.summary_args, settings.cache)
    except LimitReached as reached:
        await Emit(Notice(f"no summary: {reached}", "stop"))
        return ""


def check(settings: ChatSettings, sender: Party, recipient: Party) -> None:
    """Refuse what cannot work before anything is said."""
    if sender is not recipient and sender.name == recipient.name:
        raise ConfigError(
            f"both agents of this chat are called {sender.name!r}, so nobody could tell who said what; "
            "give one of them another name"
        )
    turns_asked = settings.max_turns
    if turns_asked is not None and (
        isinstance(turns_asked, bool) or not isinstance(turns_asked, int) or turns_asked < 0
    ):
        raise ConfigError(f"max_turns must be a number of 0 or more, or None for no limit, got {turns_asked!r}")
    method = settings.summary_method
    if not (method is None or callable(method) or method in ("last_msg", "reflection_with_llm")):
        raise ConfigAssertion(
            "If not None, the summary_method must be a string from [`reflection_with_llm`, `last_msg`] or a callable, "
            f"got {method!r}"
        )
    _check_summary(sender, method, settings.summary_args)
    if callable(settings.message):
        refuse_misfit(sender.name, "message", settings.message, 3)
    if method == "reflection_with_llm" and not (sender.client or recipient.client):
        raise ConfigAssertion(
            "llm client must be set in either the recipient or sender when summary_method is reflection_with_llm."
        )


def _check_summary(sender: Party, method: Any, arguments: Any) -> None:
    if callable(method):
        refuse_misfit(sender.name, "summary_method", method, 3)
    if not isinstance(arguments, Mapping):
        raise ConfigError(f"summary_args must be a dict, got {type(arguments).__name__}: {arguments!r:.80}")
    if method == "reflection_with_llm":
        summary_texts(arguments)  # pyright: ignore[reportUnknownArgumentType]


async def _prepare_both(sender: Party, recipient: Party, clear_history: bool, reply_at_receive: bool) -> None:
    if own_inner(sender, PREPARE) is None and own_inner(recipient, PREPARE) is None:
        prepare(sender, recipient, clear_history, reply_at_receive)
        prepare(recipient, sender, clear_history, reply_at_receive)
        return
    limited = {} if reply_at_receive else {"reply_at_receive": False}
    await invoke(sender.name, "override", PREPARE, sender._prepare_chat, (recipient, clear_history), limited)


def prepare(agent: Party, partner: Party, clear_history: bool, reply_at_receive: bool) -> None:
    """Make one side ready: counter at zero, history cleared if asked; of a group's manager, its members, too."""
    state = agent._state
    state.touch(partner, cleared=clear_history)
    state.counters[partner] = 0
    state.reply_at_receive[partner] = reply_at_receive
    if clear_history:
        state.histories[partner] = []
        state.human_input = []
        state.ran = NO_CODE
    if agent._groupchat is not None:
        _prepare_members(agent, partner, clear_history, reply_at_receive)


def _prepare_members(manager: Party, partner: Party, clear_history: bool, reply_at_receive: bool) -> None:
    if clear_history:
        manager._groupchat.reset()
    for member in manager._members():
        if member is partner:
            continue
        if own_inner(member, PREPARE) is None:
            prepare(member, manager, clear_history, reply_at_receive)
        else:
            member._prepare_chat(manager, clear_history, False, reply_at_receive)
