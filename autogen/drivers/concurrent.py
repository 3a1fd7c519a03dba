"""Drive a conversation under asyncio: branches of a `Gather` at once, sync callbacks in threads of their own.

Cancellation is thrown into the conversation at the effect that waits, then it is closed. Refuses to know what
conversations are about.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from contextvars import copy_context
from typing import Any, TypeVar, assert_never, cast

from autogen.core.callables import is_async
from autogen.core.effects import Ask, AskHuman, CallModel, CallTool, Draw, Effect, Emit, Gather, Invoke, RunCode, Sleep
from autogen.core.errors import EngineError, Parked
from autogen.drivers.clock import a_sleep
from autogen.drivers.frame import current
from autogen.drivers.performer import Act, CallProgram, Performers, program_call
from autogen.drivers.threads import CancelledInLoop, spawn
from autogen.drivers.waiting import Waited, watched

T = TypeVar("T")


def run(steps: Coroutine[Any, Any, T], table: Performers) -> Coroutine[Any, Any, T]:
    """Perform every effect of `steps`; return what it returns, raise what it does not catch."""
    return _drive(steps, table)


def perform(work: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    """Carry out one performer's work on this loop."""
    return _drive(work, None)


async def _drive(steps: Coroutine[Any, Any, T], table: Performers | None) -> T:
    """table: who performs the effects of a conversation; None for a performer's work, which asks for its own steps."""
    answer: Any = None
    failure: BaseException | None = None
    try:
        while True:
            try:
                asked = steps.throw(failure) if failure is not None else steps.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            answer = failure = None
            try:
                if table is None:
                    answer = await _step(asked)
                elif isinstance(asked, Emit):
                    table.emit(asked.event)
                else:
                    answer = await _effect(asked, table)
            except GeneratorExit:
                raise
            except BaseException as raised:  # noqa: BLE001 - handed to the conversation, which decides
                failure = raised
    finally:
        steps.close()


# What follows gives what is to be awaited instead of awaiting it: a thousand waiting conversations keep fewer frames.


def _effect(effect: Any, table: Performers) -> Awaitable[Any]:
    if not isinstance(effect, Ask):
        raise EngineError(f"a conversation awaited {effect!r}; await effects only, wrap other calls in Invoke")
    known: Effect = effect  # type: ignore[assignment]  # the union is closed; assert_never tells when it is not
    match known:
        case Emit():
            table.emit(known.event)
            return _now(None)
        case CallModel():
            return perform(table.call_model(known, table.emit))
        case Invoke():
            if table.invoke is not None:
                return perform(table.invoke(known, table.emit))
            return _call(program_call(known))
        case CallTool():
            return perform(table.call_tool(known, table.emit))
        case RunCode():
            return perform(table.run_code(known, table.emit))
        case AskHuman():
            return perform(table.ask_human(known, table.emit))
        case Gather():
            return _gather(known, table)
        case Sleep():
            return a_sleep(known.seconds) if table.sleep is None else perform(table.sleep(known))
        case Draw():
            return _now(table.draw(known))
        case _:
            assert_never(known)


async def _now(answer: Any) -> Any:
    return answer


def _step(step: Any) -> Awaitable[Any]:
    match step:
        case Act():
            act = cast("Act[Any]", step)
            if act.concurrent is not None:
                return act.concurrent()
            return _in_thread(act.blocking, act.cancel)
        case CallProgram():
            return _call(step)
        case Sleep():
            return a_sleep(step.seconds)
        case _:
            raise EngineError(f"a performer awaited {step!r}; it may await Act, CallProgram and Sleep only")


async def _call(step: CallProgram) -> Any:
    function, args, kwargs = step.function, step.args, step.kwargs
    if is_async(function):
        work = function(*args, **kwargs)
        if step.timeout is not None:
            work = watched(work, Waited(function, step.tool))
        return await _awaited(work, step.timeout)
    if step.in_place:
        answer = function(*args, **kwargs)
    else:
        waited = Waited(function, step.tool)
        answer = await asyncio.wait_for(_in_thread(lambda: function(*args, **kwargs), None, waited), step.timeout)
    if hasattr(answer, "__await__"):
        return await _awaited(answer, step.timeout)
    return answer


async def _awaited(awaitable: Awaitable[T], timeout: float | None) -> T:
    """What the program's coroutine gives. A cancellation that nobody asked of this task is a failure of its own."""
    try:
        return await asyncio.wait_for(awaitable, timeout)
    except asyncio.CancelledError as raised:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise CancelledInLoop("an async callback was cancelled") from raised


async def _in_thread(function: Callable[[], T], cancel: Callable[[], None] | None, waited: Waited | None = None) -> T:
    future = spawn(function, waited)
    try:
        return await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        future.waited.given_up = True
        if cancel is not None:
            cancel()
        raise


async def _gather(effect: Gather, table: Performers) -> list[Any]:
    if not effect.branches:
        return []
    places = None if effect.at_once is None else asyncio.Semaphore(effect.at_once)
    tasks: list[asyncio.Task[Any]] = []
    for branch in effect.branches:
        if branch.frame is not None:
            context = copy_context()
            context.run(current.set, branch.frame)
            work = run(branch.steps, branch.frame.table)
            tasks.append(asyncio.create_task(work, name=branch.name, context=context))
            continue
        mine = table if table.branch is None else table.branch(branch.name)
        turn = places if branch.threaded else None
        work = run(branch.steps, mine) if turn is None else _in_turn(turn, branch.steps, mine)
        tasks.append(asyncio.create_task(work, name=branch.name))
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        await _end(tasks)
        raise
    failures = [failure for task in tasks if not task.cancelled() and (failure := task.exception()) is not None]
    if failures:  # all have been looked at: asyncio reports the ones that nobody did
        raise next((failure for failure in failures if not isinstance(failure, Parked)), failures[0])
    return [task.result() for task in tasks]


async def _in_turn(places: asyncio.Semaphore, steps: Coroutine[Any, Any, T], table: Performers) -> T:
    try:
        async with places:
            return await run(steps, table)
    finally:
        steps.close()


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for all of them, also when this is cancelled once more."""
    while not all(task.done() for task in tasks):
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.wait(tasks)
