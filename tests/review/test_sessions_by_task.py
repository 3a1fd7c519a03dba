"""Whose conversation a chat goes on with is decided by the task it stands in, whichever face is called there.

Notebooks are played by coroutines of modules that are called as the kernel's: a cell is a task of one loop.
Refuses to know how sessions are kept.
"""

import asyncio
import contextvars
import copy
import gc
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine
from types import FunctionType
from typing import Any

import pytest

from autogen import ConversableAgent
from autogen.agents import sessions

Pair = tuple[ConversableAgent, ConversableAgent]
Say = Callable[[Pair, str], Awaitable[list[Any]]]


@pytest.fixture
def pair() -> Pair:
    return (
        ConversableAgent("a", human_input_mode="NEVER"),
        ConversableAgent("b", human_input_mode="NEVER", default_auto_reply="hi"),
    )


def contents(pair: Pair) -> list[Any]:
    return [message["content"] for message in pair[0].chat_messages[pair[1]]]


def talk(pair: Pair, text: str) -> list[Any]:
    """Go on with what was said, by the blocking face."""
    pair[0].initiate_chat(pair[1], message=text, max_turns=1, silent=True, clear_history=False)
    return contents(pair)


async def by_blocking(pair: Pair, text: str) -> list[Any]:
    return talk(pair, text)


async def by_async(pair: Pair, text: str) -> list[Any]:
    await pair[0].a_initiate_chat(pair[1], message=text, max_turns=1, silent=True, clear_history=False)
    return contents(pair)


faces = pytest.mark.parametrize("say", [by_blocking, by_async])


@faces
def test_handlers_of_one_loop_go_on_with_their_own_chat_only(pair: Pair, say: Say) -> None:
    async def handler(name: str) -> list[Any]:
        await say(pair, f"{name} one")
        await asyncio.sleep(0)  # another handler's turn
        return await say(pair, f"{name} two")

    async def server() -> list[list[Any]]:
        return await asyncio.gather(handler("left"), handler("right"))

    assert asyncio.run(server()) == [["left one", "hi", "left two", "hi"], ["right one", "hi", "right two", "hi"]]


@faces
def test_a_handler_sees_what_was_said_before_it_and_leaves_the_script_alone(pair: Pair, say: Say) -> None:
    talk(pair, "script")

    async def server() -> list[Any]:
        before = await asyncio.create_task(say(pair, "handler"))
        return [before, await say(pair, "root")]

    assert asyncio.run(server()) == [["script", "hi", "handler", "hi"], ["script", "hi", "root", "hi"]]
    assert talk(pair, "more") == ["script", "hi", "root", "hi", "more", "hi"]


@faces
def test_a_handler_in_an_empty_context_does_as_well(pair: Pair, say: Say) -> None:
    async def server() -> list[list[Any]]:
        loop = asyncio.get_running_loop()
        handlers = [loop.create_task(say(pair, text), context=contextvars.Context()) for text in ("one", "two")]
        return list(await asyncio.gather(*handlers))

    assert asyncio.run(server()) == [["one", "hi"], ["two", "hi"]]


@faces
def test_a_script_goes_on_from_top_level_through_several_loops_and_back(pair: Pair, say: Say) -> None:
    async def main(text: str) -> None:
        await say(pair, text)

    talk(pair, "one")
    asyncio.run(main("two"))
    asyncio.run(main("three"))
    assert talk(pair, "four") == ["one", "hi", "two", "hi", "three", "hi", "four", "hi"]


@faces
def test_several_loops_without_a_word_at_top_level_are_one_script(pair: Pair, say: Say) -> None:
    async def main(text: str) -> list[Any]:
        return await say(pair, text)

    asyncio.run(main("one"))
    assert asyncio.run(main("two")) == ["one", "hi", "two", "hi"] == contents(pair)


def cell(work: Callable[[], Coroutine[Any, Any, Any]], module: str) -> Coroutine[Any, Any, Any]:
    """A coroutine that runs `work` as code of `module` would."""

    async def execute(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        return await work()

    kernels = FunctionType(execute.__code__, {"__name__": module, "__builtins__": __builtins__})
    coroutine: Coroutine[Any, Any, Any] = kernels(work)
    return coroutine


def in_a_notebook(*cells: Callable[[], Coroutine[Any, Any, Any]], module: str) -> list[Any]:
    """Run the cells one after the other, each in a task and a context of its own."""

    async def kernel() -> list[Any]:
        return [await asyncio.get_running_loop().create_task(cell(work, module), context=contextvars.Context())
                for work in cells]  # fmt: skip

    loop = asyncio.new_event_loop()
    try:
        started = loop.create_task(kernel())
        started.add_done_callback(lambda _: loop.stop())
        loop.run_forever()  # as a kernel does: none of its tasks is a script's main coroutine
        return started.result()
    finally:
        loop.close()


@pytest.mark.parametrize("module", ["ipykernel.kernelbase", "IPython.core.interactiveshell"])
@pytest.mark.parametrize("first", [by_blocking, by_async])
@pytest.mark.parametrize("second", [by_blocking, by_async])
def test_the_cells_of_a_notebook_are_one_script(pair: Pair, module: str, first: Say, second: Say) -> None:
    async def one() -> list[Any]:
        return list(await first(pair, "one"))

    async def look() -> list[Any]:
        return contents(pair)

    async def two() -> list[Any]:
        return list(await second(pair, "two"))

    said = in_a_notebook(one, look, two, look, module=module)
    assert said == [["one", "hi"], ["one", "hi"], *[["one", "hi", "two", "hi"]] * 2]


@faces
def test_tasks_that_a_cell_starts_have_their_own_chats(pair: Pair, say: Say) -> None:
    async def one() -> list[Any]:
        return list(await asyncio.gather(say(pair, "left"), say(pair, "right")))

    async def two() -> list[Any]:
        return list(await say(pair, "cell"))

    assert in_a_notebook(one, two, module="ipykernel.kernelbase") == [
        [["left", "hi"], ["right", "hi"]], ["cell", "hi"],
    ]  # fmt: skip


def test_a_nested_chat_in_a_task_of_a_tool_belongs_to_the_run(pair: Pair) -> None:
    outer, asked = (
        ConversableAgent("outer", human_input_mode="NEVER"),
        ConversableAgent("asked", human_input_mode="NEVER"),
    )

    async def ask(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        await asyncio.create_task(by_blocking(pair, "nested"))
        return True, None

    asked.register_reply(ConversableAgent, ask)

    async def handler() -> list[Any]:
        await outer.a_initiate_chat(asked, message="go", silent=True)
        return contents(pair)

    async def main() -> list[Any]:
        return await asyncio.create_task(handler())

    assert asyncio.run(main()) == ["nested", "hi"]


# ---- what is kept ---------------------------------------------------------------------------------------------------


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> "list[weakref.ref[Any]]":
    """Every session that is made from here on."""
    known: list[weakref.ref[Any]] = []

    class Watched(sessions.Session):
        __slots__ = ()

        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            known.append(weakref.ref(self))

    monkeypatch.setattr(sessions, "Session", Watched)
    return known


def alive(watched: "list[weakref.ref[Any]]") -> int:
    gc.collect()
    return sum(one() is not None for one in watched)


@faces
def test_a_chain_of_tasks_keeps_few_of_its_sessions_and_all_of_what_was_said(
    pair: Pair, say: Say, made: "list[weakref.ref[Any]]"
) -> None:
    other = (ConversableAgent("c", human_input_mode="NEVER"), ConversableAgent("d", human_input_mode="NEVER"))
    most: list[int] = []

    async def link(left: int, done: "asyncio.Future[list[Any]]") -> None:
        said = list(await say(pair, f"{left}"))
        if left == 40:
            await say(other, "once")
        most.append(alive(made))
        if left:
            start(link(left - 1, done))
        else:
            done.set_result([said, await say(other, "again")])

    async def main() -> list[Any]:
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        start(link(40, done))
        return await done

    def start(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    tasks: set[asyncio.Task[None]] = set()
    said, others = asyncio.run(main())
    assert said[::2] == [f"{number}" for number in range(40, -1, -1)]
    assert others[0] == "once" and "again" in others
    assert len(made) == 41 and max(most) <= 4
    assert alive(made) == 0 and len(pair[0]._states or ()) <= 2


def test_a_chain_through_threads_of_a_pool_keeps_few_of_its_sessions(
    pair: Pair, made: "list[weakref.ref[Any]]"
) -> None:
    most: list[int] = []

    async def link(left: int, done: "asyncio.Future[list[Any]]") -> None:
        loop = asyncio.get_running_loop()

        def step() -> None:
            said = talk(pair, f"{left}")
            most.append(alive(made))
            if left:
                asyncio.run_coroutine_threadsafe(link(left - 1, done), loop)
            else:
                loop.call_soon_threadsafe(done.set_result, said)

        await asyncio.to_thread(step)

    async def main() -> list[Any]:
        done: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        asyncio.create_task(link(20, done))  # noqa: RUF006 - it lives until `done` is
        return await done

    assert len(asyncio.run(main())) == 42
    assert len(made) > 10 and max(most) <= 6


def test_what_a_finished_task_wrote_into_a_view_is_gone_on_with(pair: Pair) -> None:
    async def write(left: int) -> list[Any]:
        pair[0].chat_messages[pair[1]].append({"role": "assistant", "content": f"note {left}"})
        if left:
            return await asyncio.create_task(write(left - 1))
        return await by_blocking(pair, "new")

    async def main() -> list[Any]:
        return await asyncio.create_task(write(4))

    assert asyncio.run(main()) == ["note 4", "note 3", "note 2", "note 1", "note 0", "new", "hi"]


def test_siblings_of_a_chain_are_not_mixed(pair: Pair) -> None:
    """Two branches go on from one finished task: each has what that one said, none what the other says."""
    told: dict[str, list[Any]] = {}

    async def branch(name: str, left: int, ended: "asyncio.Future[None]") -> None:
        told[name] = list(await by_async(pair, f"{name}{left}"))
        if left:
            kept.append(asyncio.create_task(branch(name, left - 1, ended)))
        else:
            ended.set_result(None)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        ends = [loop.create_future(), loop.create_future()]

        async def trunk() -> None:
            await by_async(pair, "trunk")
            kept.extend(asyncio.create_task(branch(name, 3, end)) for name, end in zip("xy", ends, strict=True))

        await asyncio.create_task(trunk())
        await asyncio.gather(*ends)

    kept: list[asyncio.Task[None]] = []
    asyncio.run(main())
    assert {name: said[::2] for name, said in told.items()} == {
        name: ["trunk", *(f"{name}{left}" for left in (3, 2, 1, 0))] for name in "xy"
    }


# ---- copies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [copy.deepcopy, copy.copy])
def test_a_copy_of_an_agent_has_states_of_its_own(pair: Pair, make: Callable[[Any], Any]) -> None:
    one, other = pair

    def in_a_thread() -> None:
        talk(pair, "hello")
        twin = make(one)
        assert [message["content"] for message in next(iter(twin.chat_messages.values()))] == ["hello", "hi"]
        twins.append(twin)
        partner = next(iter(twin.chat_messages))
        twin.initiate_chat(partner, message="to the copy", max_turns=1, silent=True, clear_history=False)
        said.append([[m["content"] for m in a.chat_messages[p]] for a, p in ((twin, partner), (one, other))])
        talk(pair, "to the first")
        said.append([[m["content"] for m in a.chat_messages[p]] for a, p in ((twin, partner), (one, other))])

    twins: list[Any] = []
    said: list[Any] = []
    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()
    assert said == [
        [["hello", "hi", "to the copy", "hi"], ["hello", "hi"]],
        [["hello", "hi", "to the copy", "hi"], ["hello", "hi", "to the first", "hi"]],
    ]
    gc.collect()
    assert not one._states and not twins[0]._states, "the thread's session took both of its states with it"


def test_a_copy_outlives_its_original_and_the_other_way_round() -> None:
    one, other = (ConversableAgent(name, human_input_mode="NEVER", default_auto_reply="hi") for name in "ab")
    talk((one, other), "hello")
    twin, second = copy.deepcopy(one), copy.deepcopy(one)
    (partner,) = twin.chat_messages
    second_gone = weakref.ref(second)
    del second
    gc.collect()
    assert second_gone() is None and contents((one, other)) == ["hello", "hi"]
    first_gone = weakref.ref(one)
    del one, other
    gc.collect()
    assert first_gone() is None and contents((twin, partner)) == ["hello", "hi"]
    assert talk((twin, partner), "more") == ["hello", "hi", "more", "hi"]
