"""What each driver owes a conversation: answers and failures where they were asked for, and an end in order."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest

from autogen.core.effects import Branch, CallTool, Draw, Emit, Gather, Invoke, Sleep
from autogen.core.errors import EngineError
from autogen.core.events import Notice
from autogen.core.model import ToolCall
from autogen.core.tools import ToolOutcome
from autogen.drivers import blocking
from autogen.drivers.performer import Act, CallProgram, Performers

Run = Callable[[Coroutine[Any, Any, Any], Performers], Any]


def by_asyncio(steps: Coroutine[Any, Any, Any], table: Performers) -> Any:
    from autogen.drivers import concurrent

    return asyncio.run(concurrent.run(steps, table))


async def _never(effect: Any, emit: Any) -> Any:
    raise AssertionError(f"nobody performs {effect!r} here")


async def _call(effect: CallTool, emit: Any) -> ToolOutcome:
    return ToolOutcome(name=effect.call.name, content=str(await CallProgram(effect.tool)))


def performers(seen: list[Any] | None = None) -> Performers:
    events = seen if seen is not None else []
    return Performers(_never, _call, _never, _never, lambda effect: f"a {effect.kind}", events.append)


@pytest.fixture(params=[blocking.run, by_asyncio], ids=["blocking", "concurrent"])
def run(request: pytest.FixtureRequest) -> Run:
    carry: Run = request.param
    return carry


def ask(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Invoke:
    return Invoke("agent", "hook", "name", function, args, kwargs)


def tool(function: Callable[..., Any], agent: str = "agent") -> CallTool:
    return CallTool(agent, ToolCall("1", "tool", "{}"), function)


async def of(effect: Any) -> Any:
    return await effect


def branches(*effects: Any) -> Gather:
    return Gather(tuple(Branch(f"branch/{number}", of(effect)) for number, effect in enumerate(effects)))


def test_answers_come_back_where_they_were_asked_for(run: Run) -> None:
    async def steps() -> list[Any]:
        async def double(number: int) -> int:
            return 2 * number

        await Emit(Notice("seen"))
        return [
            await ask(len, "four"),
            await ask(double, 21),
            await ask(lambda *, word: double(len(word)), word="ten"),
            await Draw("id"),
            await Sleep(0.0),
        ]

    events: list[Any] = []
    assert run(steps(), performers(events)) == [4, 42, 6, "a id", None]
    assert events == [Notice("seen")]


def test_a_failure_arrives_where_it_was_asked_for_and_can_be_caught(run: Run) -> None:
    def broken() -> None:
        raise ZeroDivisionError("no")

    async def a_broken() -> None:
        raise ZeroDivisionError("no")

    async def steps() -> list[str]:
        caught = []
        for function in (broken, a_broken):
            try:
                await ask(function)
            except ZeroDivisionError as error:
                caught.append(str(error))
        return caught

    assert run(steps(), performers()) == ["no", "no"]


def test_a_failure_that_nobody_catches_leaves_and_the_conversation_is_closed(run: Run) -> None:
    ended = []

    def broken() -> None:
        raise ZeroDivisionError

    async def steps() -> None:
        try:
            await ask(broken)
        finally:
            ended.append("in order")

    with pytest.raises(ZeroDivisionError):
        run(steps(), performers())
    assert ended == ["in order"]


def test_a_callback_cannot_end_a_conversation_in_silence(run: Run) -> None:
    def stopping() -> None:
        raise StopIteration("done")

    async def steps() -> Any:
        return await ask(stopping)

    with pytest.raises(RuntimeError):
        run(steps(), performers())


def test_awaiting_anything_but_an_effect_is_an_engine_error_that_says_what_to_do(run: Run) -> None:
    class Other:
        def __await__(self) -> Any:
            yield "something else"

    async def steps() -> None:
        await Other()

    with pytest.raises(EngineError, match="wrap other calls in Invoke"):
        run(steps(), performers())


def test_a_gather_answers_in_the_order_of_its_branches(run: Run) -> None:
    first_may_end = asyncio.Event()

    async def slow() -> str:
        await asyncio.wait_for(first_may_end.wait(), 20)
        return "slow"

    async def quick() -> str:
        first_may_end.set()
        return "quick"

    async def steps() -> list[Any]:
        answers: list[Any] = await branches(tool(slow), tool(quick), Draw("time"))
        return [getattr(answer, "content", answer) for answer in answers]

    assert run(steps(), performers()) == ["slow", "quick", "a time"]


def test_the_first_failure_of_a_gather_is_raised_after_all_branches_have_ended(run: Run) -> None:
    ended = []

    def broken(number: int) -> None:
        raise ValueError(number)

    async def steps() -> None:
        await branches(ask(broken, 1), ask(broken, 2), ask(ended.append, "third"))

    with pytest.raises(ValueError, match="1"):
        run(steps(), performers())
    assert ended == ["third"]


def test_an_empty_gather_answers_at_once(run: Run) -> None:
    async def steps() -> Any:
        return await Gather(())

    assert run(steps(), performers()) == []


def test_ctrl_c_in_one_branch_starts_no_further_one_and_closes_all() -> None:
    begun, closed = [], []

    def press() -> None:
        begun.append("first")
        raise KeyboardInterrupt

    async def branch(number: int, effect: Any) -> Any:
        try:
            return await effect
        finally:
            closed.append(number)

    async def waiting() -> None:
        begun.append("on the loop")
        await asyncio.sleep(60)

    async def steps() -> None:
        effects = [tool(waiting), tool(press), tool(partial(begun.append, "third"))]
        await Gather(tuple(Branch(str(number), branch(number, effect)) for number, effect in enumerate(effects)))

    with pytest.raises(KeyboardInterrupt):
        blocking.run(steps(), performers())
    assert "first" in begun and "third" not in begun
    assert closed[0] == 1 and 0 in closed


def test_failures_of_all_branches_are_looked_at_so_that_asyncio_has_nothing_to_report() -> None:
    from autogen.drivers import concurrent

    def broken(number: int) -> None:
        raise ValueError(number)

    async def steps() -> None:
        await branches(*(ask(broken, number) for number in range(3)))

    async def main() -> list[Any]:
        reported: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        with pytest.raises(ValueError, match="0"):
            await concurrent.run(steps(), performers())
        import gc

        gc.collect()
        await asyncio.sleep(0)
        return reported

    assert asyncio.run(main()) == []


def test_a_performer_may_await_acts_program_calls_and_sleeps_only(run: Run) -> None:
    async def wrong(effect: Any, emit: Any) -> Any:
        return await Draw("id")

    async def steps() -> Any:
        return await tool(len)

    table = Performers(_never, wrong, _never, _never, lambda effect: "", lambda event: None)
    with pytest.raises(EngineError, match="may await Act"):
        run(steps(), table)


def test_an_act_takes_the_form_of_its_driver(run: Run) -> None:
    async def both(effect: Any, emit: Any) -> Any:
        async def on_loop() -> str:
            return "concurrent"

        return [await Act(lambda: "blocking", on_loop), await Act(lambda: "blocking")]

    async def steps() -> Any:
        return await tool(len)

    table = Performers(_never, both, _never, _never, lambda effect: "", lambda event: None)
    assert run(steps(), table) == [("blocking" if run is blocking.run else "concurrent"), "blocking"]


def test_a_timeout_is_a_failure_of_the_call(run: Run) -> None:
    async def limited(effect: CallTool, emit: Any) -> ToolOutcome:
        try:
            await CallProgram(effect.tool, timeout=0.01)
        except TimeoutError:
            return ToolOutcome(name="tool", content="too slow")
        return ToolOutcome(name="tool", content="in time")

    async def for_ever() -> None:
        await asyncio.Event().wait()

    async def steps() -> Any:
        return (await tool(for_ever)).content

    table = Performers(_never, limited, _never, _never, lambda effect: "", lambda event: None)
    assert run(steps(), table) == "too slow"
