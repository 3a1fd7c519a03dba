"""Many runs at once: they end, and none hears a word of another."""

import asyncio
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any

import pytest

from autogen import ConversableAgent
from autogen.testing import Script
from tests.stories.cast import a_model, a_user, an_echo, contents, tool_call

GENEROUS = 40.0
"""Seconds; a deadlock would last for ever, and the runs take one or two."""


def answer_of_the_tool(sender: ConversableAgent, recipient: ConversableAgent, _: Any) -> str:
    """A summary: what the tool gave, the third message of asking, calling, answering."""
    return str(sender.chat_messages[recipient][2]["content"])


SHORT: dict[str, Any] = {"message": "go", "silent": True, "summary_method": answer_of_the_tool}


def test_200_runs_with_chats_nested_three_deep_in_sync_tools_end_together() -> None:
    """Each run is an async chat, whose sync tool holds a blocking chat, whose sync tool holds a blocking chat, ..."""
    bottom_user, bottom = a_user("bottom_user"), an_echo("bottom", lambda text: f"{text}, at the bottom")

    def dive_from(level: int) -> tuple[ConversableAgent, ConversableAgent]:
        script = Script([{"tool_calls": [["dive", {}]], "times": 0}])
        user, model = a_user(f"user{level}"), a_model(script, f"model{level}")
        below = dive_from(level + 1) if level < 3 else None

        @user.register_for_execution()
        @model.register_for_llm(description="go down")
        def dive() -> str:
            if below is None:
                return str(bottom_user.initiate_chat(bottom, message="deep", max_turns=1, silent=True).summary)
            return str(below[0].initiate_chat(below[1], max_turns=2, **SHORT).summary)

        return user, model

    user, model = dive_from(1)

    async def one() -> str:
        return str((await user.a_initiate_chat(model, max_turns=2, **SHORT)).summary)

    async def crowd() -> list[str]:
        return await asyncio.wait_for(asyncio.gather(*(one() for _ in range(200))), GENEROUS)

    assert asyncio.run(crowd()) == ["deep, at the bottom"] * 200


def test_50_threads_on_one_pair_of_agents_hear_only_themselves() -> None:
    asker, teller = an_echo("asker", lambda text: f"{text}?"), an_echo("teller", lambda text: f"{text}!")
    start = threading.Barrier(50)

    def one(number: int) -> tuple[list[Any], list[Any], list[Any]]:
        start.wait(timeout=20)
        result = asker.initiate_chat(teller, message=f"<{number}>", max_turns=10, silent=True)
        own_views = asker.chat_messages[teller], teller.chat_messages[asker]
        return contents(result.chat_history), contents(own_views[0]), contents(own_views[1])

    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(one, range(50)))
    for number, (told, asker_view, teller_view) in enumerate(outcomes):
        expected = [f"<{number}>"]
        while len(expected) < 20:
            expected.append(expected[-1] + ("!" if len(expected) % 2 else "?"))
        assert told == asker_view == teller_view == expected


def test_the_first_runs_of_an_agent_may_end_in_several_threads_at_once() -> None:
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(40):
            asker, teller = an_echo("asker"), an_echo("teller")
            start, end = threading.Barrier(8), threading.Barrier(8)

            def one(
                number: int, *, asker: Any = asker, teller: Any = teller, start: Any = start, end: Any = end
            ) -> tuple[list[Any], list[Any]]:
                start.wait(timeout=20)
                asker.initiate_chat(teller, message=number * "x" + "!", max_turns=1, silent=True)
                end.wait(timeout=20)
                return contents(asker.chat_messages[teller]), contents(teller.chat_messages[asker])

            with ThreadPoolExecutor(8) as pool:
                for number, (asked, told) in enumerate(pool.map(one, range(8))):
                    assert asked == told == [number * "x" + "!"] * 2
    finally:
        sys.setswitchinterval(switch)


def test_100_tasks_on_one_pair_of_agents_hear_only_themselves() -> None:
    asker, teller = an_echo("asker", lambda text: f"{text}?"), an_echo("teller", lambda text: f"{text}!")

    async def one(number: int) -> None:
        for _ in range(2):
            result = await asker.a_initiate_chat(teller, message=f"<{number}>", max_turns=5, silent=True)
            told = contents(result.chat_history)
            assert told[0] == f"<{number}>" and all(text.startswith(f"<{number}>") for text in told) and len(told) == 10
            assert contents(asker.chat_messages[teller]) == contents(teller.chat_messages[asker]) == told
            assert asker.last_message(teller)["content"] == told[-1]  # type: ignore[index]

    async def crowd() -> None:
        await asyncio.gather(*(one(number) for number in range(100)))

    asyncio.run(crowd())


def test_a_thread_that_never_chatted_sees_what_was_committed_last() -> None:
    asker, teller = an_echo("asker"), an_echo("teller")
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asker.initiate_chat(teller, message="elsewhere", max_turns=1, silent=True)).result()
    assert contents(asker.chat_messages[teller]) == ["elsewhere", "elsewhere"]


def test_5000_turns_are_no_recursion_and_memory_grows_in_line() -> None:
    import tracemalloc

    def peak(turns: int) -> int:
        one, other = (ConversableAgent(name, human_input_mode="NEVER") for name in ("one", "other"))
        for agent in (one, other):
            agent.register_reply([ConversableAgent, None], lambda *_, **__: (True, "x" * 100))
        tracemalloc.start()
        result = one.initiate_chat(other, message="go", max_turns=turns, silent=True)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(result.chat_history or ()) == 2 * turns and result.stop_reason == "max_turns"
        return used

    peak(10)
    short, long = peak(500), peak(5000)
    assert long < 12 * short


def test_5000_turns_by_auto_reply_end_with_the_limit() -> None:
    one = ConversableAgent("one", human_input_mode="NEVER", max_consecutive_auto_reply=2500)
    other = ConversableAgent("other", human_input_mode="NEVER", max_consecutive_auto_reply=2500)
    began = monotonic()
    result = one.initiate_chat(other, message="go", silent=True)
    assert len(result.chat_history or ()) == 5001 and result.stop_reason == "max_consecutive_auto_reply"
    assert monotonic() - began < GENEROUS


@pytest.mark.parametrize("count", [20])
def test_async_chats_nested_in_async_tools_of_many_blocking_threads_end(count: int) -> None:
    """All of them on the one private loop, which none of them may block."""
    bottom_user, bottom = a_user("bottom_user"), an_echo("bottom", lambda text: f"{text}, at the bottom")
    script = Script([{"agent": "model", "tool_calls": [tool_call("dive")], "times": 0}])
    model, user = a_model(script, "model"), a_user()

    @user.register_for_execution()
    @model.register_for_llm(description="go down")
    async def dive() -> str:
        result = await bottom_user.a_initiate_chat(bottom, message="deep", max_turns=1, silent=True)
        return str(result.summary)

    def one(_: int) -> Any:
        return user.initiate_chat(model, message="go", max_turns=2, silent=True).chat_history[2]["content"]  # type: ignore[index]

    with ThreadPoolExecutor(count) as pool:
        assert set(pool.map(one, range(count), timeout=GENEROUS)) == {"deep, at the bottom"}
