"""A tool that nobody waits for any longer goes on in its thread; it pays nothing more and changes nothing."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, Budget, UserProxyAgent, tool
from autogen.core.errors import LimitReached
from autogen.testing import DRIVERS, Driven, Script, driven
from tests.stories.cast import a_model, a_user, contents


class Late:
    """A tool that is held until its chat is over, and then does something that would be paid."""

    def __init__(self, pay: Callable[[], Any]) -> None:
        self.pay, self.go_on, self.ended = pay, threading.Event(), threading.Event()
        self.raised: BaseException | None = None
        self.gave: Any = None

    def slow(self) -> str:
        self.go_on.wait(20)
        try:
            self.gave = self.pay()
        except BaseException as raised:
            self.raised = raised
            raise
        finally:
            self.ended.set()
        return "too late"

    def let_go(self) -> BaseException | None:
        self.go_on.set()
        assert self.ended.wait(20)
        return self.raised


def expert(script: Script) -> tuple[UserProxyAgent, AssistantAgent]:
    return a_user("asking"), a_model(script, "expert")


def paying(kind: str, script: Script) -> Callable[[], Any]:
    asking, known = expert(script)
    match kind:
        case "chat":
            return lambda: asking.initiate_chat(known, message="question", max_turns=1)
        case "async chat":
            return lambda: asyncio.run(asking.a_initiate_chat(known, message="question", max_turns=1))
        case "reply":
            return lambda: known.generate_reply([{"role": "user", "content": "question"}])
        case _:
            return lambda: known.client.create(messages=[{"role": "user", "content": "question"}])


@pytest.mark.parametrize("kind", ["chat", "async chat", "reply", "create"])
def test_a_tool_that_timed_out_starts_nothing_that_is_paid(drive: Driven, kind: str) -> None:
    script = Script([{"text": "known", "times": 0}])
    late = Late(paying(kind, script))
    user, model = a_user(), a_model([{"tool_calls": [["slow", {}]]}, "TERMINATE"])
    autogen.register_function(
        tool(timeout=0.05)(lambda: late.slow()), caller=model, executor=user, name="slow", description="slow"
    )
    result = drive(user.initiate_chat, model, message="go")
    said = contents(result.chat_history)
    assert "timed out" in said[2] and said[-1] == "TERMINATE"
    raised = late.let_go()
    assert isinstance(raised, LimitReached) and raised.reason == "cancelled" and "the tool 'slow'" in str(raised)
    assert script.requests == [] and contents(result.chat_history) == said


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_chat_that_was_going_on_in_a_tool_ends_before_its_next_model_call(driver: str) -> None:
    answering, answered = threading.Event(), threading.Event()

    class Held(Script):
        def answer(self, agent: str, purpose: str, request: Any, emit: Any) -> Any:
            answering.set()
            answered.wait(20)
            return super().answer(agent, purpose, request, emit)

    script = Held([{"text": "known", "times": 0}])
    asking, known = expert(script)
    ended = threading.Event()
    results: list[Any] = []

    @tool(timeout=0.2)
    def ask() -> str:
        results.append(asking.initiate_chat(known, message="question", max_turns=5))
        ended.set()
        return "done"

    user, model = a_user(), a_model([{"tool_calls": [["ask", {}]]}, "TERMINATE"])
    autogen.register_function(ask, caller=model, executor=user, name="ask", description="ask")
    driven(driver)(user.initiate_chat, model, message="go")  # type: ignore[arg-type]
    assert answering.is_set()
    answered.set()
    assert ended.wait(20)
    assert len(script.requests) == 1 and results[0].stop_reason == "cancelled" and "'ask'" in results[0].stop_detail
    assert asking.chat_messages[known] == []


def test_a_tool_whose_async_chat_was_cancelled_starts_nothing_either() -> None:
    script = Script([{"text": "known", "times": 0}])
    late = Late(paying("chat", script))
    began = threading.Event()

    def slow() -> str:
        began.set()
        return late.slow()

    user, model = a_user(), a_model([{"tool_calls": [["slow", {}]]}, "TERMINATE"])
    autogen.register_function(slow, caller=model, executor=user, name="slow", description="slow")

    async def story() -> None:
        chat = asyncio.create_task(user.a_initiate_chat(model, message="go"))
        await asyncio.to_thread(began.wait, 20)
        chat.cancel()
        with pytest.raises(asyncio.CancelledError):
            await chat

    asyncio.run(story())
    assert isinstance(late.let_go(), LimitReached) and script.requests == []


def test_what_an_async_tool_left_on_the_loop_starts_nothing() -> None:
    script = Script([{"text": "known", "times": 0}])
    asking, known = expert(script)
    left: list[asyncio.Task[Any]] = []
    go_on = asyncio.Event()

    async def later() -> Any:
        await go_on.wait()
        return await asking.a_initiate_chat(known, message="question", max_turns=1)

    @tool(timeout=0.05)
    async def slow() -> str:
        left.append(asyncio.create_task(later()))
        await asyncio.Event().wait()
        return "never"

    user, model = a_user(), a_model([{"tool_calls": [["slow", {}]]}, "TERMINATE"])
    autogen.register_function(slow, caller=model, executor=user, name="slow", description="slow")

    async def story() -> None:
        await user.a_initiate_chat(model, message="go")
        go_on.set()
        with pytest.raises(LimitReached, match="the tool 'slow' is no longer waited for"):
            await left[0]

    asyncio.run(story())
    assert script.requests == []


def test_a_tool_that_is_in_time_may_pay(drive: Driven) -> None:
    script = Script([{"text": "known", "times": 0}])
    pay = paying("chat", script)
    user, model = a_user(), a_model([{"tool_calls": [["ask", {}]], "times": 2}, "TERMINATE"])
    autogen.register_function(
        tool(timeout=60)(lambda: str(pay().chat_history[0]["content"])),
        caller=model, executor=user, name="ask", description="ask",
    )  # fmt: skip
    result = drive(user.initiate_chat, model, message="go", budget=Budget(model_calls=9, seconds=60))
    assert contents(result.chat_history)[2::2] == ["question", "question"] and len(script.requests) == 2
