"""Where a program's functions run: its thread, threads of their own, one private loop, or its own loop."""

import asyncio
import sqlite3
import threading
from typing import Any

import pytest

from autogen import AssistantAgent, UserProxyAgent, tool
from autogen.testing import Script
from tests.stories.cast import a_model, a_user

Pair = tuple[UserProxyAgent, AssistantAgent]


def calling(*names: str, times: int = 1) -> Pair:
    """A model that calls these tools in one message, `times` times."""
    calls = [[f"call_{number}", name, {}] for number, name in enumerate(names)]
    script = Script([{"tool_calls": calls, "times": times}, {"text": "TERMINATE", "times": 0}])
    return a_user(), a_model(script)


def give(pair: Pair, *functions: Any) -> None:
    user, model = pair
    for function in functions:
        user.register_for_execution()(model.register_for_llm(description="a tool")(function))


def answers_of(result: Any) -> list[str]:
    return [answer["content"] for answer in result.chat_history[2]["tool_responses"]]


def chat(pair: Pair, message: str = "go") -> list[str]:
    return answers_of(pair[0].initiate_chat(pair[1], message=message))


def a_chat(pair: Pair) -> list[str]:
    async def main() -> Any:
        return await pair[0].a_initiate_chat(pair[1], message="go")

    return answers_of(asyncio.run(main()))


def test_in_a_blocking_chat_sync_tools_run_in_order_in_the_callers_thread() -> None:
    pair = calling("write", "read", "write", "read")
    notes = sqlite3.connect(":memory:")  # refuses to be used in another thread
    notes.execute("create table note (text)")

    def write() -> str:
        notes.execute("insert into note values ('one')")
        return "written"

    def read() -> int:
        return int(notes.execute("select count(*) from note").fetchone()[0])

    give(pair, write, read)
    assert chat(pair) == ["written", "1", "written", "2"]


def test_parallel_sync_tools_of_one_message_run_together() -> None:
    pair = calling("left", "right")
    together = threading.Barrier(2)

    @tool(parallel=True)
    def left() -> str:
        together.wait(timeout=20)
        return "left"

    @tool(parallel=True)
    def right() -> str:
        together.wait(timeout=20)
        return "right"

    give(pair, left, right)
    assert chat(pair) == ["left", "right"]


def test_a_single_parallel_tool_stays_in_the_callers_thread() -> None:
    pair = calling("where")

    @tool(parallel=True)
    def where() -> bool:
        return threading.current_thread() is threading.main_thread()

    give(pair, where)
    assert chat(pair) == ["true"]


def test_async_tools_of_a_blocking_chat_run_together_on_one_private_loop() -> None:
    loops: list[Any] = []

    def fresh() -> Pair:
        pair = calling("first", "second")
        second_began = asyncio.Event()

        async def first() -> str:
            await asyncio.wait_for(second_began.wait(), 20)
            loops.append(asyncio.get_running_loop())
            return "first"

        async def second() -> str:
            second_began.set()
            loops.append(asyncio.get_running_loop())
            return "second"

        give(pair, first, second)
        return pair

    assert [chat(fresh()), chat(fresh())] == [["first", "second"]] * 2
    assert len(set(map(id, loops))) == 1


def test_an_object_bound_to_another_loop_gives_an_error_that_says_what_to_do() -> None:
    pair = calling("fetch")

    async def notebook() -> list[str]:
        session = asyncio.get_running_loop().create_future()  # stands for a client session made on this loop

        async def fetch() -> str:
            await session
            return "fetched"

        give(pair, fetch)
        return chat(pair)

    (answer,) = asyncio.run(notebook())
    assert answer.startswith("Error: ") and "different loop" in answer and "use the a_ face of the chat" in answer


def test_in_an_async_chat_sync_tools_run_in_threads_and_async_tools_on_the_programs_loop() -> None:
    pair = calling("sync_one", "sync_two", "on_loop")
    together = threading.Barrier(2)
    main = threading.get_ident()

    def sync_one() -> bool:
        together.wait(timeout=20)
        return threading.get_ident() == main

    def sync_two() -> bool:
        together.wait(timeout=20)
        return threading.get_ident() == main

    async def on_loop() -> bool:
        return threading.get_ident() == main

    give(pair, sync_one, sync_two, on_loop)
    assert a_chat(pair) == ["false", "false", "true"]


def test_a_blocking_face_that_needs_the_loop_it_stands_on_is_told_the_way_out() -> None:
    pair, inner = calling("outer"), calling("inner")

    async def inner_tool() -> str:
        return "inner"

    async def outer() -> str:
        return "\n".join(chat(inner))

    inner_tool.__name__ = "inner"
    give(inner, inner_tool)
    give(pair, outer)
    (answer,) = chat(pair)
    assert "use the a_ face there" in answer


def test_an_async_tool_that_exits_ends_the_program_and_not_the_private_loop() -> None:
    leaving, staying = calling("leave"), calling("stay")

    async def leave() -> None:
        raise SystemExit(3)

    async def stay() -> str:
        return "still here"

    give(leaving, leave)
    give(staying, stay)
    with pytest.raises(SystemExit) as exit_:
        chat(leaving)
    assert exit_.value.code == 3
    assert chat(staying) == ["still here"]
