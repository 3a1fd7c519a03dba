"""Performs CallTool: finds out what to call with what, calls it, and turns every failure into an answer.

A failing tool is an outcome that the model can act on, never a raise; only what ends the run (`EndsRun`: a limit, an
error of the journal) and what is no `Exception` (Ctrl-C, cancellation) pass through. Refuses to know which driver
carries it out.
"""

from typing import Any

from autogen.core.callables import is_async
from autogen.core.effects import CallTool
from autogen.core.errors import EndsRun
from autogen.core.events import ToolFinished, ToolStarted
from autogen.core.tools import ToolOutcome
from autogen.drivers.performer import CallProgram, EmitNow
from autogen.tools.arguments import accepts, bind_arguments, parse_arguments
from autogen.tools.declare import Tool, is_marked, tool_marks
from autogen.tools.errors import ArgumentsError
from autogen.tools.idempotency import IdempotencyKey

KNOWN_SHOWN = 50
"""How many names an answer to an unknown name lists."""


async def call_tool(effect: CallTool, emit: EmitNow, seconds: float | None = None) -> ToolOutcome:
    """Call one tool, for `seconds` at most, and say what came of it. Visible failures begin with `Error: `, as in 0.2.

    `ToolStarted` tells that the function is known and its arguments are JSON (0.2 prints its line then);
    `ToolFinished` tells the outcome of every call, started or not.
    """
    outcome = await _outcome(effect, emit, seconds)
    emit(ToolFinished(effect.agent, effect.call.id, outcome))
    return outcome


async def _outcome(effect: CallTool, emit: EmitNow, seconds: float | None) -> ToolOutcome:
    name = effect.call.name
    if effect.tool is None:
        return _failed(name, _unknown(name, effect.known), "unknown")
    function = effect.tool.function if isinstance(effect.tool, Tool) else effect.tool
    marks = tool_marks(effect.tool)
    try:
        taken = accepts(effect.tool)
        values = parse_arguments(taken, effect.call.arguments, name)
        emit(_started(effect, function))
        arguments = bind_arguments(taken, values, name)
    except ArgumentsError as error:
        return _failed(name, f"Error: {error}", "arguments")
    limits = [limit for limit in (marks.timeout, seconds) if limit is not None]
    limit = min(limits) if limits else None
    filled = dict.fromkeys(taken.keys, IdempotencyKey(effect.key or _new_key())) if taken.keys else {}
    step = CallProgram(
        function, arguments.args, {**arguments.kwargs, **filled}, timeout=limit, apart=marks.parallel, tool=name
    )
    try:
        value = await step
        return ToolOutcome(name=name, content=_text(value, effect.tool, name))
    except EndsRun:
        raise
    except TimeoutError as error:
        if limit is None:
            return _failed(name, _error_text(error), "error")
        return _failed(name, f"Error: {name} timed out after {limit:g} s.", "timeout")
    except Exception as error:  # noqa: BLE001 - whatever a tool raises is an answer to the model
        return _failed(name, _error_text(error), "error")


def announced(effect: CallTool) -> ToolStarted | None:
    """What is told when this call begins; None when it ends before that: no such tool, arguments that are no JSON."""
    if effect.tool is None:
        return None
    try:
        parse_arguments(accepts(effect.tool), effect.call.arguments, effect.call.name)
    except ArgumentsError:
        return None
    return _started(effect, effect.tool.function if isinstance(effect.tool, Tool) else effect.tool)


def _started(effect: CallTool, function: Any) -> ToolStarted:
    waits = is_async(function) or (effect.is_async and not effect.call.legacy)
    return ToolStarted(effect.agent, effect.call.name, effect.call.id, is_async=waits)


def _new_key() -> str:
    from os import urandom

    return urandom(16).hex()


def _text(value: Any, tool: Any, name: str) -> str:
    """The result as text. A bare function from a `function_map` is shown by `str`, as 0.2 did; others as JSON."""
    if isinstance(value, str):
        return value
    if not isinstance(tool, Tool) and not is_marked(tool):
        return str(value)
    from autogen.tools.serialize import serialize_to_str

    return serialize_to_str(value, name)


def _failed(name: str, content: str, why: str) -> ToolOutcome:
    return ToolOutcome(name=name, content=content, is_error=True, why=why)


def _error_text(error: Exception) -> str:
    return f"Error: {str(error) or type(error).__name__}"


def _unknown(name: str, known: tuple[str, ...]) -> str:
    text = f"Error: Function {name} not found."
    if not known:
        return text
    more = ", ..." if len(known) > KNOWN_SHOWN else ""
    return f"{text}\nThe functions are: {', '.join(known[:KNOWN_SHOWN])}{more}"
