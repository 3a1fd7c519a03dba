"""Two agents talk: a loop of send and reply until somebody ends it. No recursion, so thousands of turns are fine.

Decides turns and stops. Refuses to know who an agent asks for its reply.
"""

from collections.abc import Coroutine
from typing import Any

from autogen.conversation.party import Party, is_ours
from autogen.conversation.reply import reply_to
from autogen.conversation.run import Run
from autogen.conversation.sending import hand_over, send
from autogen.core.errors import LimitReached
from autogen.core.stop import StopReason
from autogen.core.transcript import texts


async def exchange(
    run: Run, sender: Party, recipient: Party, message: Any, *, request_reply: bool | None = None, silent: bool | None
) -> None:
    """Send `message` and carry the conversation on, until an agent does not reply.

    request_reply: None asks the recipient's `reply_at_receive`, for the first message; False records only.
    """
    while True:
        await send(run, sender, recipient, message, silent)
        if not await carry_on(run, recipient, sender, request_reply):
            return
        message = await _reply(run, recipient, sender)
        if message is None:
            run.stop(StopReason.NO_REPLY)
            return
        sender, recipient, request_reply = recipient, sender, None


async def exchange_from(
    run: Run, sender: Party, recipient: Party, message: Any, request_reply: bool | None, silent: bool | None
) -> None:
    """`exchange` for a sender that sends this very message itself: its own `send`, if overridden, has had its say."""
    await hand_over(run, sender, recipient, message, silent)
    await answer(run, recipient, sender, silent, request_reply)


async def answer(run: Run, recipient: Party, sender: Party, silent: bool | None, request_reply: bool | None) -> None:
    """What follows a received message: the reply, and the conversation that it opens."""
    if not await carry_on(run, recipient, sender, request_reply):
        return
    message = await _reply(run, recipient, sender)
    if message is None:
        run.stop(StopReason.NO_REPLY)
        return
    await exchange(run, recipient, sender, message, silent=silent)


async def carry_on(run: Run, recipient: Party, sender: Party, request_reply: bool | None) -> bool:
    """Is the recipient to reply?"""
    if not is_ours(recipient):
        return False
    if request_reply is None:
        return recipient._state.reply_at_receive[sender] is not False
    return request_reply


async def turns(
    run: Run, initiator: Party, recipient: Party, message: Any, *, max_turns: int, silent: bool | None
) -> None:
    """At most `max_turns` round trips, each begun by the initiator."""
    for turn in range(max_turns):
        if turn:
            message = await _reply(run, initiator, recipient)
            if message is None:
                break
        await send(run, initiator, recipient, message, silent)
        message = await _reply(run, recipient, initiator)
        if message is None:
            break
        await send(run, recipient, initiator, message, silent)
    else:
        run.stop(StopReason.MAX_TURNS, f"the chat was to have at most {max_turns} turn{'' if max_turns == 1 else 's'}")
        return
    run.stop(StopReason.NO_REPLY)


def _reply(run: Run, agent: Party, partner: Party) -> Coroutine[Any, Any, Any]:
    run.refuse_if_repeating()
    if run.watch is not None:
        last = agent._state.histories[partner][-1]
        if run.watch.message(partner.name, "\n".join(texts(last))) and not _has_calls(last):
            raise LimitReached(
                StopReason.NO_PROGRESS.value,
                "three rounds brought nothing new: no new text, no tool, no code, no person; set max_turns or "
                "max_consecutive_auto_reply to choose the limit yourself, or no_progress=False to go on",
            )
    return reply_to(run, agent, partner)


def _has_calls(message: dict[str, Any]) -> bool:
    return bool(message.get("tool_calls") or message.get("function_call"))
