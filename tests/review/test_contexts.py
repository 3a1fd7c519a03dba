"""What one context writes into views is its own: no other thread or task loses or gains a message by it.

Refuses to know how sessions are kept.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autogen import ConversableAgent

Pair = tuple[ConversableAgent, ConversableAgent]


@pytest.fixture
def pair() -> Pair:
    return (
        ConversableAgent("a", human_input_mode="NEVER"),
        ConversableAgent("b", human_input_mode="NEVER", default_auto_reply="hi"),
    )


def contents(pair: Pair) -> list[Any]:
    return [message["content"] for message in pair[0].chat_messages[pair[1]]]


def talk(pair: Pair, message: str, **given: Any) -> None:
    pair[0].initiate_chat(pair[1], message=message, max_turns=1, silent=True, clear_history=False, **given)


def in_a_thread(work: Callable[[], Any]) -> Any:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def assign(pair: Pair) -> None:
    pair[0]._oai_messages = {pair[1]: [{"role": "assistant", "content": "old"}]}


def put(pair: Pair) -> None:
    pair[0]._oai_messages[pair[1]] = [{"role": "assistant", "content": "old"}]


def append(pair: Pair) -> None:
    pair[0].chat_messages[pair[1]].append({"role": "assistant", "content": "old"})


def append_to_a_view_taken_before(pair: Pair) -> None:
    view = pair[0].chat_messages
    assert not pair[0].chat_messages.get(pair[1])
    view[pair[1]].append({"role": "assistant", "content": "old"})


WAYS = [assign, put, append, append_to_a_view_taken_before]


@pytest.mark.parametrize("write", WAYS)
def test_a_history_put_in_before_the_first_chat_is_gone_on_with(pair: Pair, write: Callable[[Pair], None]) -> None:
    write(pair)
    talk(pair, "new")
    assert contents(pair) == ["old", "new", "hi"]


@pytest.mark.parametrize("write", WAYS)
def test_so_it_is_in_a_thread_and_in_no_other(pair: Pair, write: Callable[[Pair], None]) -> None:
    def story() -> list[Any]:
        write(pair)
        talk(pair, "new")
        return contents(pair)

    def stranger() -> list[Any]:
        talk(pair, "other")
        return contents(pair)

    assert in_a_thread(story) == ["old", "new", "hi"]
    assert in_a_thread(stranger) == ["other", "hi"]


@pytest.mark.parametrize("write", WAYS)
def test_so_it_is_in_a_task_with_either_face(pair: Pair, write: Callable[[Pair], None]) -> None:
    async def with_a() -> list[Any]:
        write(pair)
        await pair[0].a_initiate_chat(pair[1], message="new", max_turns=1, silent=True, clear_history=False)
        return contents(pair)

    async def blocking() -> list[Any]:
        write(pair)
        talk(pair, "new")
        return contents(pair)

    async def each_in_a_task_of_its_own(story: Any) -> list[Any]:
        return await asyncio.create_task(story())

    assert asyncio.run(each_in_a_task_of_its_own(with_a)) == ["old", "new", "hi"]
    for agent in pair:
        agent.reset()
    assert asyncio.run(each_in_a_task_of_its_own(blocking)) == ["old", "new", "hi"]


def forget(pair: Pair) -> None:
    for agent in pair:
        agent.reset()


def edit(pair: Pair) -> None:
    pair[0].chat_messages[pair[1]][0]["content"] = "changed"
    pair[0].chat_messages[pair[1]].pop()


@pytest.mark.parametrize("write", [forget, edit])
def test_what_a_thread_does_to_views_leaves_the_others_alone(pair: Pair, write: Callable[[Pair], None]) -> None:
    def steps() -> Iterator[None]:
        talk(pair, "one")
        yield
        talk(pair, "two")
        yield

    story = steps()
    ready, go, seen = threading.Event(), threading.Event(), []

    def first() -> None:
        next(story)
        ready.set()
        go.wait(10)
        next(story)
        seen.extend(contents(pair))

    thread = threading.Thread(target=first)
    thread.start()
    ready.wait(10)
    in_a_thread(lambda: write(pair))
    go.set()
    thread.join()
    assert seen == ["one", "hi", "two", "hi"]


@pytest.mark.parametrize("write", [forget, edit])
def test_what_a_task_does_to_views_leaves_the_others_alone(pair: Pair, write: Callable[[Pair], None]) -> None:
    async def story() -> list[Any]:
        talked, wrote = asyncio.Event(), asyncio.Event()

        async def one() -> list[Any]:
            await pair[0].a_initiate_chat(pair[1], message="one", max_turns=1, silent=True)
            talked.set()
            await wrote.wait()
            chat = pair[0].a_initiate_chat(pair[1], message="two", max_turns=1, silent=True, clear_history=False)
            await chat
            return contents(pair)

        async def other() -> None:
            await talked.wait()
            write(pair)
            wrote.set()

        return (await asyncio.gather(one(), other()))[0]

    assert asyncio.run(story()) == ["one", "hi", "two", "hi"]


def test_a_look_at_another_contexts_chat_is_not_its_continuation(pair: Pair) -> None:
    in_a_thread(lambda: talk(pair, "theirs"))

    def look_and_talk() -> list[Any]:
        assert contents(pair) == ["theirs", "hi"]
        talk(pair, "mine")
        return contents(pair)

    assert in_a_thread(look_and_talk) == ["mine", "hi"]


def test_a_look_shows_what_came_last_each_time(pair: Pair) -> None:
    shown: list[list[Any]] = [contents(pair)]
    for text in ("one", "two"):
        in_a_thread(lambda text=text: talk(pair, text))
        shown.append(contents(pair))
    assert shown == [[], ["one", "hi"], ["two", "hi"]]


def test_a_task_keeps_what_it_wrote_and_said_while_its_children_talk(pair: Pair) -> None:
    async def say(text: str) -> None:
        chat = pair[0].a_initiate_chat(pair[1], message=text, max_turns=1, silent=True, clear_history=False)
        await chat

    async def parent() -> list[list[Any]]:
        seen: list[list[Any]] = []
        append(pair)
        for text in ("one", "two"):
            await asyncio.gather(*(asyncio.create_task(say(f"{text} of a child")) for _ in range(2)))
            seen.append(contents(pair))
            await say(text)
        return [*seen, contents(pair)]

    async def story() -> list[list[Any]]:
        return await asyncio.create_task(parent())

    assert asyncio.run(story()) == [["old"], ["old", "one", "hi"], ["old", "one", "hi", "two", "hi"]]
    assert asyncio.run(parent())[-1][-4:] == ["one", "hi", "two", "hi"]
