"""The first step of the reply chain: is the chat over, and does a person speak?

Decides when a person is asked and with which of 0.2's prompts. Refuses to know terminals and web pages.
"""

from collections.abc import Mapping
from typing import Any

from autogen.conversation.callbacks import invoke
from autogen.conversation.party import Messages, Party, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.approval import Approval
from autogen.core.effects import AskHuman, Emit
from autogen.core.events import AutoReplyUsed, NoHumanInput
from autogen.core.stop import StopReason
from autogen.core.transcript import texts

ALWAYS = (
    "Replying as {me}. Provide feedback to {sender}. Press enter to skip and use auto-reply, "
    "or type 'exit' to end the conversation: "
)
TERMINAL = "Please give feedback to {sender}. Press enter or type 'exit' to stop the conversation: "
AT_LIMIT = (
    "Please give feedback to {sender}. Press enter to skip and use auto-reply, "
    "or type 'exit' to stop the conversation: "
)
EXIT = "exit"
MOST_ABOUT = 4_000
"""Characters of the message that a question is about."""


async def ask(
    run: Run,
    agent: Party,
    prompt: str,
    approval: Approval | None = None,
    standing: str = "",
    message: Mapping[str, Any] | None = None,
) -> str:
    """Ask the person behind `agent`; the program's own `get_human_input` comes first.

    standing: the answer, where it was given for good before.
    message: the one that is being answered.
    """
    own = own_method(agent, "get_human_input", run.is_async)
    if own is None:
        return await ask_here(run, agent, prompt, approval, standing, message)
    if standing:
        return standing
    run.effect()
    # Under a name of its own what was answered for one call is not recalled for another.
    name = None if approval is None else f"get_human_input({approval.binding()})"
    return str(await invoke(agent.name, "override", "get_human_input", own, (prompt,), name=name))


async def ask_here(
    run: Run,
    agent: Party,
    prompt: str,
    approval: Approval | None = None,
    standing: str = "",
    message: Mapping[str, Any] | None = None,
) -> str:
    """Ask the person without the program's own `get_human_input`: what `super()` does inside it."""
    run.effect()
    about = _about(message or _last_heard(run, agent)) if approval is None else ""
    answer = await AskHuman(agent.name, prompt, approval, standing, about)
    if answer != standing or not standing:
        agent._state.human_input.append(answer)
    return answer


def _last_heard(run: Run, agent: Party) -> Mapping[str, Any]:
    for number in range(len(run.transcript) - 1, -1, -1):
        entry = run.transcript[number]
        if entry.recipient == agent.name:
            return entry.message
    return {}


def _about(message: Mapping[str, Any]) -> str:
    """The text of a message for somebody who has not seen it, as far as that is kept."""
    text = "\n".join(texts(message)).encode("utf-8", "replace").decode()
    return text if len(text) <= MOST_ABOUT else f"{text[: MOST_ABOUT - 1]}…"


async def is_terminal(agent: Party, message: Any) -> bool:
    """The agent's own termination test. A message without text reads as "", so that a test of its text cannot fail."""
    test = agent._is_termination_msg
    seen = dict(message)
    if seen.get("content") is None:
        seen["content"] = ""
    if getattr(test, "pure", False):
        return bool(test(seen))
    return bool(await invoke(agent.name, "predicate", "is_termination_msg", test, (seen,)))


async def termination_or_human(
    run: Run, agent: Party, messages: Messages, sender: Party | None
) -> tuple[bool, dict[str, Any] | None]:
    """`(True, None)` ends the chat, `(True, message)` is the person's reply, `(False, None)` leaves it to the rest."""
    message: Mapping[str, Any] = messages[-1] if messages else {}
    state = agent._state
    name = sender.name if sender is not None else "the sender"
    limit = agent.max_consecutive_auto_reply(sender)
    at_limit = state.counters[sender] >= limit
    never = agent.human_input_mode == "NEVER"
    always = agent.human_input_mode == "ALWAYS"
    over = await is_terminal(agent, message)
    reply, reason = "", StopReason.TERMINATION if over else StopReason.MAX_AUTO_REPLY
    if always or (not never and (at_limit or over)):
        template = ALWAYS if always else TERMINAL if over else AT_LIMIT
        reply = await ask(run, agent, template.format(me=agent.name, sender=name), message=message)
        if reply == EXIT:
            reason = StopReason.HUMAN_EXIT
        elif not reply:
            await Emit(NoHumanInput(agent.name))
            reply = EXIT if over else ""
    elif at_limit or over:
        reply = EXIT
    if reply == EXIT:
        state.counters[sender] = 0
        run.stop(reason)
        return True, None
    if reply or limit == 0:
        state.counters[sender] = 0
        response = Said({"role": "user", "content": reply}, "human")
        interrupted = _interrupted(message)
        if interrupted:
            response["tool_responses"] = interrupted
        return True, response
    state.counters[sender] += 1
    if not never:
        await Emit(AutoReplyUsed(agent.name))
    return False, None


def _interrupted(message: Any) -> list[dict[str, Any]]:
    """An answer for each call that the person's words leave undone, so that no call stays open."""
    responses: list[dict[str, Any]] = []
    call = message.get("function_call")
    if call:
        responses.append({"role": "function", "name": call.get("name", ""), "content": "USER INTERRUPTED"})
    return responses + [
        {"role": "tool", "tool_call_id": tool_call.get("id", ""), "content": "USER INTERRUPTED"}
        for tool_call in message.get("tool_calls") or ()
    ]
