"""The changed outcome of a step: what a person wrote in its place, in the form in which the step would have given it.

Decides which steps can have another outcome: a model's, a tool's, a code run's, a person's. Refuses to know forks.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import replace

from autogen.core.code import CodeOutcome
from autogen.core.errors import AutogenError
from autogen.core.model import ModelMessage, ModelReply, Text
from autogen.core.tools import ToolOutcome
from autogen.core.wire import render
from autogen.runs import codec
from autogen.runs.answers import misfit
from autogen.runs.asks import question_of
from autogen.runs.errors import ForkRefused
from autogen.runs.requests import encode_detail, model_detail
from autogen.runs.rows import Entry


def replaced(run_id: str, step: Entry, value: Any, now: float) -> Entry:
    """The entry of the step with `value` as its outcome, done.

    value: of a model text, or a message with tool_calls as 0.2 writes it; of a tool text, {"content", "is_error"} or
    another JSON value; of code its output, or {"exit_code", "output"}; of a person what fits the question.
    Raises ForkRefused.
    """
    detail = step.detail
    outcome: Any
    match step.kind:
        case "model":
            outcome = _reply(run_id, step, value)
            if detail:
                detail = encode_detail(replace(model_detail(step), request=None, input=0, output=0, usd=0.0))
        case "tool":
            outcome = _tool(run_id, step, value)
        case "code":
            outcome = _code(run_id, value)
        case "human":
            why = misfit(question_of(step), value)
            if why:
                raise ForkRefused(run_id, f"{value!r:.80} does not fit the question {step.label!r:.80}: {why}")
            outcome = value
        case "callback" | "sleep":
            what = f"a call of the program's {step.label!r}" if step.kind == "callback" else "a pause"
            raise ForkRefused(
                run_id,
                f"the step at {step.address} is {what}, whose outcome cannot be given; change that of a model, a tool, "
                "a code run or a person",
            )
    ended = step.ended if step.state in ("done", "failed") else now
    answer = codec.encode(outcome, "the changed outcome")
    return replace(step, state="done", started=step.started or now, ended=ended, detail=detail, answer=answer, seq=0)


def _reply(run_id: str, step: Entry, value: Any) -> ModelReply:
    message = _message(run_id, value)
    known = codec.decode(step.answer, step.address) if step.state == "done" else None
    made = ModelReply(message=message, finish="tools" if message.calls else "stop", cost=0.0)
    if not isinstance(known, ModelReply):
        return made
    # the id tells a scripted model which of its lines was used
    return replace(made, model=known.model, id=known.id, created=known.created, config_id=known.config_id)


def _message(run_id: str, value: Any) -> ModelMessage:
    if isinstance(value, str):
        return ModelMessage("assistant", (Text(value),))
    why = f"a model's outcome is text or a message such as {{'content': ..., 'tool_calls': [...]}}, got {value!r:.80}"
    if not isinstance(value, Mapping) or not {"content", "tool_calls", "function_call"} & set(
        cast("Mapping[str, Any]", value)
    ):
        raise ForkRefused(run_id, why)
    fields = {**cast("Mapping[str, Any]", value), "role": "assistant"}
    if isinstance(fields.get("tool_calls"), list):
        fields["tool_calls"] = [_call(run_id, call, why) for call in cast("list[Any]", fields["tool_calls"])]
    try:
        (message,) = render([fields])
    except (AutogenError, ValueError, TypeError, LookupError, AttributeError) as error:
        raise ForkRefused(run_id, f"{why} ({error})") from None
    return message


def _call(run_id: str, call: Any, why: str) -> dict[str, Any]:
    """A call with its arguments as JSON text."""
    if not isinstance(call, Mapping) or not isinstance(cast("Mapping[str, Any]", call).get("function"), Mapping):
        raise ForkRefused(run_id, f"{why}; a call is {{'id': ..., 'function': {{'name': ..., 'arguments': ...}}}}")
    known = cast("Mapping[str, Any]", call)
    function = dict(cast("Mapping[str, Any]", known["function"]))
    if not isinstance(function.get("arguments", "{}"), str):
        function["arguments"] = json.dumps(function["arguments"])
    function.setdefault("arguments", "{}")
    return {"type": "function", **known, "function": function}


def _tool(run_id: str, step: Entry, value: Any) -> ToolOutcome:
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    if "content" in fields and set(fields) <= {"content", "is_error"}:
        error = fields.get("is_error", False)
        if not isinstance(fields["content"], str) or not isinstance(error, bool):
            raise ForkRefused(run_id, f"a tool's content is text and its is_error true or false, got {value!r:.80}")
        return ToolOutcome(name=step.label, content=fields["content"], is_error=error, why="error" if error else "ok")
    if isinstance(value, str):
        return ToolOutcome(name=step.label, content=value)
    try:
        return ToolOutcome(name=step.label, content=json.dumps(value))
    except (TypeError, ValueError) as error:
        raise ForkRefused(run_id, f"a tool's outcome is text or JSON, got {value!r:.80} ({error})") from None


def _code(run_id: str, value: Any) -> CodeOutcome:
    if isinstance(value, str):
        return CodeOutcome(exit_code=0, output=value)
    fields: Mapping[str, Any] = cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
    code, output = fields.get("exit_code", 0), fields.get("output")
    if set(fields) - {"exit_code", "output"} or not isinstance(output, str) or type(code) is not int:
        raise ForkRefused(run_id, f"a code run gives text or {{'exit_code': 0, 'output': ...}}, got {value!r:.80}")
    return CodeOutcome(exit_code=code, output=output, why="ok" if code == 0 else "error")
