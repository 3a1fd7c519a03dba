"""Chats inside chats: from tools, hooks, overrides and threads, on loops that run and loops that do not."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent, UserProxyAgent
from autogen.core.events import ChatStarted, Event
from autogen.testing import Driven, Script, driven
from tests.stories.cast import a_model, a_user, an_echo, contents


class Inner:
    """A pair that chats inside a callback of the outer pair."""

    def __init__(self) -> None:
        self.user, self.model = a_user("inner_user"), an_echo("inner", lambda text: f"{text}, answered")

    def chat(self, message: str = "inner") -> str:
        return str(self.user.initiate_chat(self.model, message=message, max_turns=1, silent=True).summary)

    async def a_chat(self, message: str = "inner") -> str:
        result = await self.user.a_initiate_chat(self.model, message=message, max_turns=1, silent=True)
        return str(result.summary)


def outer_chat(drive: Driven, tool: Any) -> tuple[UserProxyAgent, Any]:
    """An outer chat whose model calls `tool` once; with its ids of runs."""
    user = a_user()
    model = a_model(Script([{"tool_calls": [[tool.__name__, {}]]}, "TERMINATE"]))
    user.register_for_execution()(model.register_for_llm(description="a tool")(tool))
    return user, drive(user.initiate_chat, model, message="go")


def runs_of(events: list[Event]) -> list[str]:
    return [event.run_id for event in events if isinstance(event, ChatStarted)]


def test_a_chat_in_a_sync_tool_joins_the_run(drive: Driven) -> None:
    inner, events = Inner(), list[Event]()
    with autogen.observing(events.append, console=False):
        _, result = outer_chat(drive, inner.chat)
    assert contents(result.chat_history)[2] == "inner, answered"
    assert runs_of(events) == [result.run_id, f"{result.run_id}/1"]


def test_a_chat_in_an_async_tool_joins_the_run(drive: Driven) -> None:
    inner, events = Inner(), list[Event]()
    with autogen.observing(events.append, console=False):
        _, result = outer_chat(drive, inner.a_chat)
    assert contents(result.chat_history)[2] == "inner, answered"
    assert runs_of(events) == [result.run_id, f"{result.run_id}/1"]


def test_a_chat_in_a_hook_joins_the_run(drive: Driven) -> None:
    inner, user, model = Inner(), a_user(), an_echo("model")
    user.register_hook("process_message_before_send", lambda message, **_: f"{message} ({inner.chat(str(message))})")
    result = drive(user.initiate_chat, model, message="hello", max_turns=1)
    assert contents(result.chat_history) == ["hello (hello, answered)"] * 2


def test_a_chat_in_a_reply_function_joins_the_run(drive: Driven) -> None:
    inner = Inner()
    user, model = a_user(), an_echo("model", inner.chat)
    result = drive(user.initiate_chat, model, message="hello", max_turns=1)
    assert contents(result.chat_history) == ["hello", "hello, answered"]


def test_a_chat_in_a_callable_message_and_in_a_callable_summary_joins_the_run(drive: Driven) -> None:
    inner, user, model = Inner(), a_user(), an_echo("model")
    result = drive(
        user.initiate_chat,
        model,
        message=lambda sender, recipient, context: inner.chat("first"),
        summary_method=lambda sender, recipient, arguments: inner.chat("last"),
        max_turns=1,
    )
    assert contents(result.chat_history) == ["first, answered"] * 2 and result.summary == "last, answered"


def test_nested_chats_are_seen_by_the_program_afterwards(drive: Driven) -> None:
    inner = Inner()
    outer_chat(drive, inner.chat)
    assert contents(inner.user.chat_messages[inner.model]) == ["inner", "inner, answered"]


def test_nested_usage_belongs_to_the_outer_run_too(drive: Driven) -> None:
    inner_user, inner_model = a_user("inner_user"), a_model([{"text": "fine", "usage": (7, 3)}], "inner")

    def ask() -> str:
        return str(inner_user.initiate_chat(inner_model, message="how?", max_turns=1).summary)

    _, result = outer_chat(drive, ask)
    assert result.usage["inner"].total == 10 and result.usage["assistant"].requests == 2


def test_a_thread_of_the_programs_carries_the_run_by_bind(drive: Driven) -> None:
    inner, events = Inner(), list[Event]()

    def ask() -> str:
        with ThreadPoolExecutor(2) as pool:
            return " ".join(pool.map(autogen.bind(inner.chat), ["one", "two"]))

    with autogen.observing(events.append, console=False):
        _, result = outer_chat(drive, ask)
    assert contents(result.chat_history)[2] == "one, answered two, answered"
    assert sorted(runs_of(events)) == [result.run_id, f"{result.run_id}/1", f"{result.run_id}/2"]


def test_bind_carries_the_run_into_a_loop_of_the_programs(drive: Driven) -> None:
    inner, events = Inner(), list[Event]()

    def ask() -> str:
        bound = autogen.bind(inner.a_chat)
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(bound("there"))).result()  # type: ignore[arg-type]

    with autogen.observing(events.append, console=False):
        _, result = outer_chat(drive, ask)
    assert contents(result.chat_history)[2] == "there, answered"
    assert runs_of(events) == [result.run_id, f"{result.run_id}/1"]


def test_a_thread_with_a_copied_context_joins_and_one_without_starts_a_run_of_its_own() -> None:
    inner, events = Inner(), list[Event]()

    def ask() -> str:
        context, said = contextvars.copy_context(), list[str]()
        for work in (lambda: said.append(context.run(inner.chat)), lambda: said.append(inner.chat())):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        return " ".join(said)

    with autogen.observing(events.append, console=False):
        _, result = outer_chat(driven("blocking"), ask)
    assert contents(result.chat_history)[2] == "inner, answered inner, answered"
    assert runs_of(events) == [result.run_id, f"{result.run_id}/1"]  # the other thread has observers of its own: none


def test_bind_outside_a_run_starts_a_run_of_its_own() -> None:
    inner = Inner()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(autogen.bind(inner.chat), "alone").result() == "alone, answered"
    assert inner.user.chat_messages[inner.model]


@pytest.mark.parametrize("shared", [True, False], ids=["cells share a context", "each cell has a fresh context"])
def test_cells_of_a_notebook_may_block_await_and_look_back(shared: bool) -> None:
    """A notebook runs each cell in a task of its own on a loop that never ends."""
    kernel = contextvars.Context()
    user, model = a_user(), an_echo("model", lambda text: f"{text}!")

    async def cell(work: Any) -> Any:
        outcome = work()
        return await outcome if asyncio.iscoroutine(outcome) else outcome

    async def notebook() -> list[Any]:
        loop = asyncio.get_running_loop()
        seen = []
        for work in (
            lambda: user.initiate_chat(model, message="blocking", max_turns=1),
            lambda: contents(user.chat_messages[model]),
            lambda: user.a_initiate_chat(model, message="awaited", max_turns=1),
            lambda: contents(user.chat_messages[model]),
            lambda: user.initiate_chat(model, message="again", max_turns=1),
            lambda: contents(model.chat_messages[user]),
        ):
            seen.append(await loop.create_task(cell(work), context=kernel if shared else kernel.copy()))
        return seen[1::2]

    assert asyncio.run(notebook()) == [["blocking", "blocking!"], ["awaited", "awaited!"], ["again", "again!"]]


def test_a_generate_reply_in_a_tool_is_part_of_the_run(drive: Driven) -> None:
    expert = an_echo("expert", lambda text: f"{text}: yes")

    def ask() -> str:
        return str(expert.generate_reply(messages=[{"role": "user", "content": "so?"}], sender=expert))

    _, result = outer_chat(drive, ask)
    assert contents(result.chat_history)[2] == "so?: yes"


def test_three_deep_by_tools_under_every_driver(drive: Driven) -> None:
    def tool_of(level: int) -> Any:
        def dive() -> str:
            if level == 3:
                return "bottom"
            user: ConversableAgent = a_user(f"user{level}")
            model = a_model([{"tool_calls": [["dive", {}]]}, "TERMINATE"], f"model{level}")
            user.register_for_execution()(model.register_for_llm(description="down")(tool_of(level + 1)))
            return f"{level} {user.initiate_chat(model, message='go').chat_history[2]['content']}"  # type: ignore[index]

        return dive

    _, result = outer_chat(drive, tool_of(1))
    assert contents(result.chat_history)[2] == "1 2 bottom"
