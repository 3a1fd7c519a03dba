"""Ctrl-C and cancellation arrive at the effect that waits; the run ends `cancelled` and nothing said is lost."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from autogen import AssistantAgent, UserProxyAgent, tool
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, contents


class Pressed(Script):
    """At the second request somebody presses Ctrl-C."""

    def answer(self, agent: str, purpose: str, request: Any, emit: Any) -> Any:
        if self.requests:
            raise KeyboardInterrupt
        return super().answer(agent, purpose, request, emit)


def pair_with(*functions: Callable[..., Any], script: Script | None = None) -> tuple[UserProxyAgent, AssistantAgent]:
    calls = [[function.__name__, {}] for function in functions]
    user, model = a_user(), a_model(script or [{"tool_calls": calls}, "TERMINATE"])
    for function in functions:
        user.register_for_execution()(model.register_for_llm(description="a tool")(function))
    return user, model


def assert_cancelled(raised: BaseException, said: list[Any], user: UserProxyAgent, model: AssistantAgent) -> None:
    run: Any = getattr(raised, "run", None)
    assert run.status == "cancelled" and run.stop_reason == "cancelled"
    assert [entry.message["content"] for entry in run.transcript] == said
    assert contents(user.chat_messages[model]) == contents(model.chat_messages[user]) == said


def test_ctrl_c_in_a_tool_ends_the_run_with_its_transcript(drive: Driven) -> None:
    def press() -> None:
        raise KeyboardInterrupt

    user, model = pair_with(press)
    with pytest.raises(KeyboardInterrupt) as pressed:
        drive(user.initiate_chat, model, message="go")
    assert_cancelled(pressed.value, ["go", None], user, model)


def test_ctrl_c_in_an_async_tool_ends_the_run_with_its_transcript(drive: Driven) -> None:
    async def press() -> None:
        raise KeyboardInterrupt

    user, model = pair_with(press)
    with pytest.raises(KeyboardInterrupt) as pressed:
        drive(user.initiate_chat, model, message="go")
    assert_cancelled(pressed.value, ["go", None], user, model)


def test_ctrl_c_in_a_model_call_ends_the_run_with_its_transcript(drive: Driven) -> None:
    user, model = a_user(), a_model(Pressed(["hello", "never said"]))
    with pytest.raises(KeyboardInterrupt) as pressed:
        drive(user.initiate_chat, model, message="go")
    assert_cancelled(pressed.value, ["go", "hello", ""], user, model)


def test_ctrl_c_in_a_nested_chat_ends_both_runs(drive: Driven) -> None:
    inner_user, inner = a_user("inner_user"), a_model(Pressed(["hello", "never said"]), "inner")

    def ask() -> str:
        return str(inner_user.initiate_chat(inner, message="inner").summary)

    user, model = pair_with(ask)
    with pytest.raises(KeyboardInterrupt) as pressed:
        drive(user.initiate_chat, model, message="go")
    run: Any = pressed.value.run  # type: ignore[attr-defined]
    assert run.status == run.parent.status == "cancelled"
    assert [entry.message["content"] for entry in run.parent.transcript] == ["go", None]
    assert contents(inner_user.chat_messages[inner]) == ["inner", "hello", ""]


def test_a_signal_wakes_the_chat_that_waits_for_an_async_tool_and_cancels_it() -> None:
    ended, main = threading.Event(), threading.main_thread().ident

    def is_waiting() -> bool:
        frame: Any = sys._current_frames()[main or 0]
        return bool(frame.f_code.co_name == "wait" and frame.f_globals["__name__"] == "threading")

    async def wait_for_ever() -> None:
        try:
            while not is_waiting():
                await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            ended.set()

    user, model = pair_with(wait_for_ever)
    with pytest.raises(KeyboardInterrupt) as pressed:
        user.initiate_chat(model, message="go")
    assert_cancelled(pressed.value, ["go", None], user, model)
    assert ended.wait(20)


def test_after_ctrl_c_the_same_agents_go_on() -> None:
    user, model = a_user(), a_model(Pressed(["hello", "never said"]))
    with pytest.raises(KeyboardInterrupt):
        user.initiate_chat(model, message="go")
    other = a_model(["TERMINATE"])
    model.client = other.client
    result = user.initiate_chat(model, message="again", clear_history=False)
    assert contents(result.chat_history) == ["go", "hello", "", "again", "TERMINATE"]
    assert result.status == "done" and result.stop_reason == "termination"


def cancel_once(began: threading.Event, user: UserProxyAgent, model: AssistantAgent) -> BaseException:
    """Start an async chat, cancel it when `began` is set; what it raised."""

    async def main() -> BaseException:
        async def chat() -> None:
            await user.a_initiate_chat(model, message="go")

        task = asyncio.create_task(chat())
        assert await asyncio.to_thread(began.wait, 20)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError as raised:
            assert getattr(raised, "run", None) is not None
            return raised
        raise AssertionError("the chat was not cancelled")

    return asyncio.run(main())


def test_cancelling_a_task_ends_its_run_at_the_async_tool_that_waits() -> None:
    began, ended = threading.Event(), threading.Event()

    async def wait_for_ever() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    user, model = pair_with(wait_for_ever)
    assert_cancelled(cancel_once(began, user, model), ["go", None], user, model)
    assert ended.is_set()


def test_cancelling_a_task_cancels_all_tools_of_a_message() -> None:
    began, ended = threading.Event(), list[str]()

    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("left")

    async def right() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            ended.append("right")

    user, model = pair_with(left, right)
    assert_cancelled(cancel_once(began, user, model), ["go", None], user, model)
    assert sorted(ended) == ["left", "right"]


def test_a_timeout_around_a_chat_is_a_cancellation() -> None:
    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    user, model = pair_with(wait_for_ever)

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await user.a_initiate_chat(model, message="go")

    with pytest.raises(TimeoutError) as late:
        asyncio.run(main())
    assert_cancelled(late.value.__cause__, ["go", None], user, model)  # type: ignore[arg-type]


def test_a_chat_left_behind_in_a_thread_by_a_cancelled_run_pays_nothing_more_and_overwrites_nothing() -> None:
    began, cancelled, ended = threading.Event(), threading.Event(), threading.Event()
    script = Script([{"text": "inner one"}, {"text": "never said", "times": 0}])
    inner_user, inner = a_user("inner_user"), a_model(script, "inner")
    stopped: list[Any] = []

    def wait(messages: Any) -> Any:
        if len(messages) > 1:
            began.set()
            cancelled.wait(20)
        return messages

    inner.register_hook("process_all_messages_before_reply", wait)

    def ask() -> str:
        result = inner_user.initiate_chat(inner, message="inner")
        stopped.append(result.stop_reason)
        ended.set()
        return "answered too late"

    user, model = pair_with(ask)
    raised = cancel_once(began, user, model)
    cancelled.set()
    assert ended.wait(20)
    assert [agent for agent, _, _ in script.requests] == ["inner"]
    assert stopped == ["cancelled"]
    assert_cancelled(raised, ["go", None], user, model)


def test_ctrl_c_beside_tools_in_threads_waits_for_none_of_them() -> None:
    release = threading.Event()

    @tool(parallel=True)
    def slow() -> str:
        release.wait(20)
        return "slow"

    def press() -> None:
        raise KeyboardInterrupt

    user, model = pair_with(slow, press)
    try:
        with pytest.raises(KeyboardInterrupt) as pressed:
            user.initiate_chat(model, message="go")
        assert_cancelled(pressed.value, ["go", None], user, model)
    finally:
        release.set()
