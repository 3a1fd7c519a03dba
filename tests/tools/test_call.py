import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from autogen.core.effects import CallTool
from autogen.core.errors import LimitReached
from autogen.core.events import Event, ToolFinished, ToolStarted
from autogen.core.model import ToolCall
from autogen.core.tools import ToolOutcome
from autogen.drivers import blocking, concurrent
from autogen.tools.call import call_tool
from autogen.tools.declare import Tool, tool
from autogen.tools.function_utils import load_basemodels_if_needed


def perform(
    function: Callable[..., Any] | Tool | None, text: str = "{}", name: str = "f", known: tuple[str, ...] = ()
) -> tuple[ToolOutcome, list[Event]]:
    """The call on this thread and under asyncio; both must give the same."""
    effect = CallTool("user", ToolCall("c1", name, text), function, known)
    events: list[Event] = []
    outcome = blocking.perform(call_tool(effect, events.append))
    again: list[Event] = []
    assert asyncio.run(concurrent.perform(call_tool(effect, again.append))) == outcome
    assert again == events
    return outcome, events


def content(function: Callable[..., Any] | Tool, text: str = "{}") -> str:
    return perform(function, text)[0].content


def add(a: int, b: int = 1) -> str:
    return str(a + b)


async def add_later(a: int) -> str:
    await asyncio.sleep(0)
    return str(a)


def test_a_call_gives_its_text_and_tells_start_and_end() -> None:
    outcome, events = perform(add, '{"a": "2"}', name="add")
    assert outcome == ToolOutcome(name="add", content="3")
    assert events == [ToolStarted("user", "add", "c1"), ToolFinished("user", "c1", outcome)]


def test_an_async_function_is_awaited_and_announced_as_one() -> None:
    outcome, events = perform(add_later, '{"a": 2}')
    assert outcome.content == "2"
    assert events[0] == ToolStarted("user", "f", "c1", is_async=True)


def test_an_unknown_name_is_answered_as_in_0_2_and_never_started() -> None:
    outcome, events = perform(None, name="nope")
    assert outcome == ToolOutcome(name="nope", content="Error: Function nope not found.", is_error=True, why="unknown")
    assert events == [ToolFinished("user", "c1", outcome)]
    assert perform(None, name="nope", known=("a", "b"))[0].content == (
        "Error: Function nope not found.\nThe functions are: a, b"
    )


def test_text_that_is_not_json_is_answered_as_in_0_2_and_never_started() -> None:
    outcome, events = perform(add, "{'a", name="add")
    assert outcome.content.startswith(
        "Error: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n"
        " The argument must be in JSON format."
    )
    assert (outcome.is_error, outcome.why) == (True, "arguments")
    assert [type(event) for event in events] == [ToolFinished]


def test_wrong_arguments_are_announced_but_the_function_is_not_called() -> None:
    called = []

    def f(a: int) -> None:
        called.append(a)

    outcome, events = perform(f, '{"b": 1}')
    assert outcome.content.startswith("Error: The arguments of f are not valid:\n- a: missing, expected integer\n")
    assert outcome.why == "arguments"
    assert [type(event) for event in events] == [ToolStarted, ToolFinished]
    assert called == []


@pytest.mark.parametrize(
    ("raised", "text"),
    [
        (ValueError("broken"), "Error: broken"),
        (KeyError("k"), "Error: 'k'"),
        (ValueError(), "Error: ValueError"),
        (TimeoutError("late"), "Error: late"),
        (EOFError("eof"), "Error: eof"),
        (RecursionError("deep"), "Error: deep"),
    ],
)
def test_what_a_tool_raises_is_an_answer(raised: Exception, text: str) -> None:
    def f() -> None:
        raise raised

    outcome = perform(f)[0]
    assert outcome.content.startswith(text)
    assert (outcome.is_error, outcome.why) == (True, "error")


@pytest.mark.parametrize("raised", [KeyboardInterrupt(), SystemExit(3), LimitReached("budget", "0.10 USD are spent")])
def test_ctrl_c_and_limits_pass_through(raised: BaseException) -> None:
    def f() -> None:
        raise raised

    effect = CallTool("user", ToolCall("c1", "f", "{}"), f)
    with pytest.raises(type(raised)):
        blocking.perform(call_tool(effect, lambda event: None))


def test_a_slow_tool_is_left_behind() -> None:
    let_go = threading.Event()

    @tool(timeout=0.05)
    def slow() -> str:
        let_go.wait(10)
        return "late"

    outcome = perform(slow)[0]
    let_go.set()
    assert outcome == ToolOutcome(name="f", content="Error: f timed out after 0.05 s.", is_error=True, why="timeout")


def test_a_slow_async_tool_is_cancelled() -> None:
    ended = []

    @tool(timeout=0.05)
    async def slow() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)
        return "late"

    assert perform(slow)[0].why == "timeout"
    assert ended == [True, True]


class Answer(BaseModel):
    n: int


def test_a_bare_function_is_shown_by_str_as_in_0_2_and_others_as_json() -> None:
    def give(kind: str) -> Any:
        return {"none": None, "dict": {"a": [1, None]}, "model": Answer(n=1), "text": "as it is"}[kind]

    def marked(kind: str) -> Any:
        return give(kind)

    tool(marked)
    sent = ['{"kind": "none"}', '{"kind": "dict"}', '{"kind": "model"}', '{"kind": "text"}']
    assert [content(give, text) for text in sent] == ["None", "{'a': [1, None]}", "n=1", "as it is"]
    as_json = ["null", '{"a": [1, null]}', '{"n":1}', "as it is"]
    assert [content(marked, text) for text in sent] == as_json
    assert [content(Tool.of(give, description="d"), text) for text in sent] == as_json


def test_a_result_without_a_json_form_names_the_tool_and_the_type() -> None:
    @tool
    def f() -> object:
        return object()

    assert content(f).startswith("Error: the tool 'f' returned a object, which is not JSON serializable (")


def test_a_registered_function_gets_its_models_once() -> None:
    def f(n: int, answer: Answer) -> str:
        return repr((n, answer))

    assert content(load_basemodels_if_needed(f), '{"n": "7", "answer": {"n": "3"}}') == "(7, Answer(n=3))"
