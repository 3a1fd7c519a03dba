"""The tool steps of the reply chain: every call of the last message is answered, in order, exactly once.

Refuses to know how a tool is called (an effect) and how its schema was made.
"""

from typing import Any

from autogen.conversation.callbacks import invoke
from autogen.conversation.party import Messages, Party, own_method
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.arguments import canonical
from autogen.core.effects import Branch, CallTool, Gather
from autogen.core.errors import LimitReached
from autogen.core.model import ToolCall
from autogen.core.progress import NOTICE_AT, STOP_AT
from autogen.core.stop import StopReason
from autogen.core.tools import ToolOutcome
from autogen.core.wire import tool_calls_of


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
    """Call one tool; a failure is an outcome. The program's own `execute_function` comes first."""
    own = own_method(agent, "execute_function", run.is_async)
    if own is not None:
        legacy = {"arguments": call.arguments, "name": call.name}
        _, answer = await invoke(agent.name, "override", "execute_function", own, (legacy,))
        return ToolOutcome(name=call.name, content=str(answer.get("content", "")))
    return await execute_here(run, agent, call)


async def execute_here(run: Run, agent: Party, call: ToolCall) -> ToolOutcome:
    """Call one tool without the program's own `execute_function`: what `super()` does inside it."""
    tools = agent._function_map
    function = tools.get(call.name)
    tool = getattr(function, "__autogen_registered__", function)
    return await CallTool(agent.name, call, tool, tuple(tools), run.is_async)


async def _call_all(run: Run, agent: Party, calls: list[ToolCall]) -> list[ToolOutcome]:
    run.effect()
    if len(calls) == 1:
        outcomes = [await execute(run, agent, calls[0])]
    else:
        branches = tuple(Branch(f"tool/{index}", execute(run, agent, call)) for index, call in enumerate(calls))
        outcomes = await Gather(branches)
    return [_watched(run, agent, call, outcome) for call, outcome in zip(calls, outcomes, strict=True)]


def _watched(run: Run, agent: Party, call: ToolCall, outcome: ToolOutcome) -> ToolOutcome:
    """Count repetitions: a notice to the model the third time, the end of the run the fifth."""
    function = agent._function_map.get(call.name)
    marks = getattr(function, "__autogen_tool__", None)
    if run.repeats is None or getattr(marks, "polling", False):
        return outcome
    count = run.repeats.call(call.name, canonical(call.arguments), outcome.content)
    if count >= STOP_AT:
        raise LimitReached(
            StopReason.REPEATED_TOOL_CALL.value,
            f"agent {agent.name!r} called {call.name!r} {count} times with the same arguments and the same result; "
            "mark the tool with @autogen.tool(polling=True) if that is its use",
        )
    if count < NOTICE_AT:
        return outcome
    notice = f"\n\nNotice: this call has now given the same result {count} times. Use the result or try something else."
    return ToolOutcome(name=outcome.name, content=outcome.content + notice, is_error=outcome.is_error, why=outcome.why)
