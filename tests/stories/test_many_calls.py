"""One message with many tool calls: each has one answer, few threads carry them, and what repeats is noticed."""

import asyncio
import threading
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, UserProxyAgent, tool
from autogen.conversation.tool_turn import MOST_CALLS, SYNC_AT_ONCE
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, contents


def asking(function: Any, *messages: int, same: bool = False) -> tuple[UserProxyAgent, AssistantAgent, Script]:
    """A model whose messages hold that many calls each."""
    lines = [
        {"tool_calls": [[f"c{number}", "look", {"at": 0 if same else number}] for number in range(calls)]}
        for calls in messages
    ]
    script = Script([*lines, "TERMINATE"])
    user, model = a_user(), a_model(script)
    autogen.register_function(function, caller=model, executor=user, name="look", description="look")
    return user, model, script


class Crowd:
    """How many are inside at the same time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = self.most = self.came = 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.came += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1


def answers(result: Any, at: int = 2) -> list[Any]:
    return [(one["tool_call_id"], one["content"]) for one in result.chat_history[at]["tool_responses"]]


def nothing_new(at: int) -> str:
    return "nothing new"


def seen(at: int) -> str:
    return f"inner {at}"


def test_the_calls_beyond_the_most_get_an_error_and_every_call_one_answer(drive: Driven) -> None:
    looked: list[int] = []

    def look(at: int) -> str:
        looked.append(at)
        return f"seen {at}"

    calls = MOST_CALLS + 40
    user, model, script = asking(look, calls)
    with script:
        given = answers(drive(user.initiate_chat, model, message="go"))
    assert [call for call, _ in given] == [f"c{number}" for number in range(calls)]
    assert [text for _, text in given[:MOST_CALLS]] == [f"seen {number}" for number in range(MOST_CALLS)]
    (refused,) = {text for _, text in given[MOST_CALLS:]}
    assert refused == (
        f"Error: look was not called: this message holds {calls} calls, and the first 128 of a message are made. "
        "Call it again in another message."
    )
    assert sorted(looked) == list(range(MOST_CALLS))


@pytest.mark.parametrize("parallel", [False, True])
def test_sync_tools_share_few_threads(drive: Driven, parallel: bool) -> None:
    crowd, full = Crowd(), threading.Event()

    @tool(parallel=parallel)
    def look(at: int) -> str:
        with crowd:
            if crowd.inside == SYNC_AT_ONCE:
                full.set()
            full.wait(0.2 if parallel or drive.driver == "concurrent" else 0)
        return f"seen {at}"

    user, model, _ = asking(look, 100)
    given = answers(drive(user.initiate_chat, model, message="go"))
    assert [text for _, text in given] == [f"seen {number}" for number in range(100)] and crowd.came == 100
    together = parallel or drive.driver == "concurrent"
    assert crowd.most <= SYNC_AT_ONCE and full.is_set() is together and (together or crowd.most == 1)


def test_async_tools_need_no_thread_and_run_all_together() -> None:
    came = 0
    all_here = asyncio.Event

    async def story() -> Any:
        full = all_here()

        async def look(at: int) -> str:
            nonlocal came
            came += 1
            if came == 100:
                full.set()
            await asyncio.wait_for(full.wait(), 20)
            return f"seen {at}"

        user, model, _ = asking(look, 100)
        return await user.a_initiate_chat(model, message="go")

    assert len(answers(asyncio.run(story()))) == 100


def test_chats_nested_in_more_tools_than_there_are_places_all_end(drive: Driven) -> None:
    """Each of the tools waits for a chat whose own tools need threads as well."""

    def look(at: int) -> str:
        inner_user, inner, _ = asking(tool(parallel=True)(seen), 40)
        result = inner_user.initiate_chat(inner, message="go", silent=True)
        return f"{at}: {len(answers(result))}"

    user, model, _ = asking(look, SYNC_AT_ONCE + 8)
    given = answers(drive(user.initiate_chat, model, message="go"))
    assert [text for _, text in given] == [f"{number}: 40" for number in range(SYNC_AT_ONCE + 8)]


def test_a_cancelled_crowd_leaves_nothing_unawaited() -> None:
    began, go_on = threading.Event(), threading.Event()

    def look(at: int) -> str:
        began.set()
        go_on.wait(20)
        return "late"

    user, model, _ = asking(look, 60)

    async def story() -> None:
        chat = asyncio.create_task(user.a_initiate_chat(model, message="go"))
        await asyncio.to_thread(began.wait, 20)
        chat.cancel()
        with pytest.raises(asyncio.CancelledError):
            await chat

    asyncio.run(story())
    go_on.set()


def test_the_same_call_five_times_in_one_message_ends_the_chat_with_its_results_kept(drive: Driven) -> None:
    user, model, script = asking(nothing_new, 5, same=True)
    result = drive(user.initiate_chat, model, message="go")
    assert result.stop_reason == "repeated_tool_call" and "'look' 5 times" in result.stop_detail
    assert len(script.requests) == 1 and len(result.chat_history or ()) == 3
    assert ["Notice" in text for _, text in answers(result)] == [False, False, True, True, True]


def test_calls_of_one_message_and_of_the_next_are_counted_together(drive: Driven) -> None:
    user, model, script = asking(nothing_new, 2, 2, 2, same=True)
    result = drive(user.initiate_chat, model, message="go")
    assert result.stop_reason == "repeated_tool_call" and len(script.requests) == 3
    assert contents(result.chat_history)[-1].count("nothing new") == 2


def test_other_calls_beside_a_repeated_one_keep_their_results(drive: Driven) -> None:
    calls = [*([f"c{one}", "look", {"at": 0}] for one in range(5)), ["c5", "other", {}]]
    user, model = a_user(), a_model([{"tool_calls": calls}])
    autogen.register_function(nothing_new, caller=model, executor=user, name="look", description="look")
    autogen.register_function(lambda: "new", caller=model, executor=user, name="other", description="other")
    result = drive(user.initiate_chat, model, message="go")
    assert result.stop_reason == "repeated_tool_call" and answers(result)[-1] == ("c5", "new")
    assert str(result.summary).endswith("new")
