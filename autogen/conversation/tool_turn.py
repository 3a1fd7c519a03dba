"""The tool steps of the reply chain: every call of the last message is answered, in order, exactly once.

Refuses to know how a tool is called (an effect) and how its schema was made.
"""

from collections.abc import Iterator
from typing import Any

from autogen.conversation.approval import Cleared, cleared, cleared_all, lent
from autogen.conversation.callbacks import invoke
from autogen.conversation.party import Messages, Party, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.arguments import canonical
from autogen.core.callables import is_async
from autogen.core.effects import Branch, CallTool, Emit, Gather
from autogen.core.events import ToolFinished
from autogen.core.model import ToolCall
from autogen.core.progress import NOTICE_AT, STOP_AT
from autogen.core.tools import ToolOutcome
from autogen.core.wire import tool_calls_of

MOST_CALLS = 128
"""Calls of one message that are made; the others get an error that the model can act on."""
SYNC_AT_ONCE = 32
"""Calls of one message that may take a thread each at the same time. Chats nested in them have places of their own."""


async def tool_calls(run: Run, agent: Party, messages: Messages) -> tuple[bool, dict[str, Any] | None]:
    """Answer the `tool_calls` of the last message, together, in one message."""
    calls = [call for call in tool_calls_of(messages[-1] if messages else {}) if not call.legacy]
    if not calls:
        return False, None
    outcomes = await _call_all(run, agent, calls)
    responses = [
        {"tool_call_id": call.id, "role": "tool", "content": outcome.content}
        for call, outcome in zip(calls, outcomes, strict=True)
    ]
    content = "\n\n".join(outcome.content for outcome in outcomes)
    return True, Said({"role": "tool", "tool_responses": responses, "content": content}, "tool")


async def function_call(run: Run, agent: Party, messages: Messages) -> tuple[bool, dict[str, Any] | None]:
    """Answer the old `function_call` of the last message."""
    calls = [call for call in tool_calls_of(messages[-1] if messages else {}) if call.legacy]
    if not calls:
        return False, None
    (outcome,) = await _call_all(run, agent, calls)
    return True, Said({"name": calls[0].name, "role": "function", "content": outcome.content}, "tool")


async def execute(run: Run, agent: Party, call: ToolCall) -> ToolOutcome:
    """Call one tool that was approved where it has to be; a failure is an outcome.

    The program's own `execute_function` comes first.
    """
    own = own_method(agent, "execute_function", run.is_async)
    if own is not None:
        legacy = {"arguments": call.arguments, "name": call.name}
        with run.calls_a_tool(), lent(run, agent, call):
            _, answer = await invoke(agent.name, "override", "execute_function", own, (legacy,))
        return ToolOutcome(name=call.name, content=str(answer.get("content", "")))
    return await _call(run, agent, call)


async def execute_here(run: Run, agent: Party, call: ToolCall) -> ToolOutcome:
    """Call one tool without the program's own `execute_function`: what `super()` does inside it."""
    ready = await cleared(run, agent, call)
    if ready.outcome is not None:
        await Emit(ToolFinished(agent.name, call.id, ready.outcome))
        return ready.outcome
    return ready.told(await _call(run, agent, ready.call))


async def _call(run: Run, agent: Party, call: ToolCall) -> ToolOutcome:
    tools = agent._function_map
    function = tools.get(call.name)
    tool = getattr(function, "__autogen_registered__", function)
    with run.calls_a_tool():
        return await CallTool(agent.name, call, tool, tuple(tools), run.is_async)


async def _call_all(run: Run, agent: Party, calls: list[ToolCall]) -> list[ToolOutcome]:
    run.refuse_if_repeating()
    run.effect()
    ready = await cleared_all(run, agent, calls[:MOST_CALLS])
    bound = SYNC_AT_ONCE if len(ready) > SYNC_AT_ONCE else None
    if len(calls) > 1:
        given = iter(await Gather(tuple(_branches(run, agent, ready)), bound))
    else:
        given = iter([await execute(run, agent, one.call) for one in ready if one.outcome is None])
    outcomes: list[ToolOutcome] = []
    for one in ready:
        if one.outcome is not None:
            await Emit(ToolFinished(agent.name, one.call.id, one.outcome))
        outcome = one.told(next(given)) if one.outcome is None else one.outcome
        outcomes.append(_watched(run, agent, one.call, outcome))
    for call in calls[MOST_CALLS:]:
        outcomes.append(_left_out(call, len(calls)))
        await Emit(ToolFinished(agent.name, call.id, outcomes[-1]))
    return outcomes


def _branches(run: Run, agent: Party, ready: list[Cleared]) -> Iterator[Branch]:
    own = own_method(agent, "execute_function", run.is_async)
    for index, one in enumerate(ready):
        if one.outcome is not None:
            continue
        function = agent._function_map.get(one.call.name) if own is None else own
        threaded = function is not None and not is_async(function)
        yield Branch(f"tool/{index}", execute(run, agent, one.call), threaded)


def _left_out(call: ToolCall, calls: int) -> ToolOutcome:
    text = (
        f"Error: {call.name} was not called: this message holds {calls} calls, and the first {MOST_CALLS} of a message "
        "are made. Call it again in another message."
    )
    return ToolOutcome(name=call.name, content=text, is_error=True, why="limit")


def _watched(run: Run, agent: Party, call: ToolCall, outcome: ToolOutcome) -> ToolOutcome:
    """Count repetitions: a notice to the model the third time, the end of the run after the fifth's result."""
    function = agent._function_map.get(call.name)
    marks = getattr(function, "__autogen_tool__", None)
    if run.repeats is None or getattr(marks, "polling", False):
        return outcome
    count = run.repeats.call(call.name, canonical(call.arguments), outcome.content)
    if count >= STOP_AT:
        run.repeats.over = (
            f"agent {agent.name!r} called {call.name!r} {count} times with the same arguments and the same result; "
            "mark the tool with @autogen.tool(polling=True) if that is its use"
        )
    if count < NOTICE_AT:
        return outcome
    notice = f"\n\nNotice: this call has now given the same result {count} times. Use the result or try something else."
    return ToolOutcome(name=outcome.name, content=outcome.content + notice, is_error=outcome.is_error, why=outcome.why)
