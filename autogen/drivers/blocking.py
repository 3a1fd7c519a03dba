"""Drive a conversation on this thread, one effect at a time.

Works in scripts, threads, notebooks and inside a running event loop, whose loop it never touches: async callbacks run
on one private loop thread. In a `Gather` the branches run in order, but what may run beside others (async tools,
`parallel=True`) is started and waited for together. Refuses to know what conversations are about.
"""

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar, assert_never, cast

from autogen.core.callables import is_async
from autogen.core.effects import Ask, AskHuman, CallModel, CallTool, Draw, Effect, Emit, Gather, Invoke, RunCode, Sleep
from autogen.core.errors import EngineError, Parked
from autogen.drivers.clock import sleep
from autogen.drivers.frame import Frame, current
from autogen.drivers.performer import Act, CallProgram, Performers, program_call

if TYPE_CHECKING:
    from concurrent.futures import Future

T = TypeVar("T")


class _Pending(NamedTuple):
    """What was started elsewhere. `until`: monotonic seconds, then nobody waits any longer."""

    future: "Future[Any]"
    until: float | None

    def wait(self) -> Any:
        from autogen.drivers.threads import cancel, wait

        if self.until is not None:
            from concurrent.futures import wait as wait_some
            from time import monotonic

            try:
                late = not wait_some([self.future], max(0.0, self.until - monotonic())).done
            except BaseException:
                cancel(self.future)
                raise
            if late:
                cancel(self.future)
                raise TimeoutError("no answer in time")
        return wait(self.future)


_Waiting: TypeAlias = Generator[_Pending, Any, T]
"""A computation that yields only what it would have to wait for, and only where it may run beside others."""


def run(steps: Coroutine[Any, Any, T], table: Performers) -> T:
    """Perform every effect of `steps`; return what it returns, raise what it does not catch.

    A failure, Ctrl-C included, is thrown in where the effect was asked for, so that the conversation can end in
    order; whatever happens, it is closed.
    """
    return _finish(_drive(steps, table, False))


def perform(work: Coroutine[Any, Any, T]) -> T:
    """Carry out one performer's work on this thread."""
    return _finish(_drive(work, None, False))


def _finish(waiting: "_Waiting[T]") -> T:
    try:
        pending = next(waiting)
        while True:
            try:
                answer = pending.wait()
            except BaseException as raised:  # noqa: BLE001 - handed to the conversation, which decides
                pending = waiting.throw(raised)
            else:
                pending = waiting.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def _drive(steps: Coroutine[Any, Any, T], table: Performers | None, beside: bool) -> "_Waiting[T]":
    """table: who performs the effects of a conversation; None for a performer's work, which asks for its own steps.

    beside: other branches may go on meanwhile.
    """
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
                    answer = yield from _step(asked, beside)
                elif type(asked) is Emit:
                    table.emit(asked.event)
                else:
                    answer = yield from _effect(asked, table, beside)
            except GeneratorExit:
                raise
            except BaseException as raised:  # noqa: BLE001 - handed to the conversation, which decides
                failure = raised
    finally:
        steps.close()


def _effect(effect: Any, table: Performers, beside: bool) -> "_Waiting[Any]":
    if not isinstance(effect, Ask):
        raise EngineError(f"a conversation awaited {effect!r}; await effects only, wrap other calls in Invoke")
    known: Effect = effect  # type: ignore[assignment]  # the union is closed; assert_never tells when it is not
    match known:
        case Emit():
            table.emit(known.event)
            return None
        case CallModel():
            return (yield from _work(table.call_model(known, table.emit), beside))
        case Invoke():
            if table.invoke is not None:
                return (yield from _work(table.invoke(known, table.emit), beside))
            return (yield from _step(program_call(known), beside))
        case CallTool():
            return (yield from _work(table.call_tool(known, table.emit), beside))
        case RunCode():
            return (yield from _work(table.run_code(known, table.emit), beside))
        case AskHuman():
            return (yield from _work(table.ask_human(known, table.emit), beside))
        case Gather():
            return _gather(known, table)
        case Sleep():
            return sleep(known.seconds) if table.sleep is None else (yield from _work(table.sleep(known), beside))
        case Draw():
            return table.draw(known)
        case _:
            assert_never(known)


def _work(work: Coroutine[Any, Any, T], beside: bool) -> "_Waiting[T]":
    return _drive(work, None, beside)


def _step(step: Any, beside: bool) -> "_Waiting[Any]":
    match step:
        case Act():
            act = cast("Act[Any]", step)
            return act.blocking()
        case CallProgram():
            return (yield from _call(step, beside))
        case Sleep():
            return sleep(step.seconds)
        case _:
            raise EngineError(f"a performer awaited {step!r}; it may await Act, CallProgram and Sleep only")


def _call(step: CallProgram, beside: bool) -> "_Waiting[Any]":
    function, args, kwargs = step.function, step.args, step.kwargs
    if is_async(function):
        future = _on_private_loop(function(*args, **kwargs), step)
    elif step.timeout is not None or (beside and step.apart):
        from autogen.drivers.threads import spawn
        from autogen.drivers.waiting import Waited

        future = spawn(lambda: function(*args, **kwargs), Waited(function, step.tool))
    else:
        answer = function(*args, **kwargs)
        if not hasattr(answer, "__await__"):
            return answer
        future = _on_private_loop(answer, step)
    pending = _Pending(future, _from_now(step.timeout))
    if beside:
        return (yield pending)
    return pending.wait()


def _from_now(seconds: float | None) -> float | None:
    if seconds is None:
        return None
    from time import monotonic

    return monotonic() + seconds


def _on_private_loop(awaitable: Any, step: CallProgram) -> "Future[Any]":
    from autogen.drivers.threads import private_loop
    from autogen.drivers.waiting import Waited

    if private_loop.inside():
        getattr(awaitable, "close", lambda: None)()  # nobody will await it
        raise EngineError(
            "a blocking call inside an async callback needs another async callback; use the a_ face there "
            "(for example `await agent.a_initiate_chat(...)`)"
        )
    return private_loop.submit(_awaited(awaitable, step.timeout), Waited(step.function, step.tool))


async def _awaited(awaitable: Any, timeout: float | None) -> Any:
    import asyncio

    try:
        return await asyncio.wait_for(awaitable, timeout)
    except RuntimeError as raised:
        if "attached to a different loop" in str(raised) or "bound to a different event loop" in str(raised):
            raise EngineError(
                f"{raised}. An async function called from a blocking chat runs on a loop of its own: make the object "
                "inside the function, or use the a_ face of the chat on your loop"
            ) from raised
        raise


def _gather(effect: Gather, table: Performers) -> list[Any]:
    """Start each branch in order; what runs beside others is waited for at the end, in order."""
    waiting: list[tuple[_Waiting[Any], _Pending] | None] = []
    answers: list[Any] = [None] * len(effect.branches)
    failures: list[BaseException | None] = [None] * len(effect.branches)
    try:
        for branch in effect.branches:
            if effect.at_once is not None and branch.threaded:
                _make_room(effect, waiting, answers, failures)
            if branch.frame is None:
                mine = table if table.branch is None else table.branch(branch.name)
                work = _drive(branch.steps, mine, True)
            else:
                work = _standing(_drive(branch.steps, branch.frame.table, True), branch.frame)
            waiting.append(_advance(work, len(waiting), None, answers, failures))
        for index, pending in enumerate(waiting):
            while pending is not None:
                waiting[index] = pending = _advance(pending[0], index, pending[1], answers, failures)
    except BaseException:  # Ctrl-C or an exit: nothing more is started, what waits is cancelled, all are closed
        _abandon(effect, waiting)
        raise
    raised = [failure for failure in failures if failure is not None]
    if raised:
        raise next((failure for failure in raised if not isinstance(failure, Parked)), raised[0])
    return answers


def _standing(work: "_Waiting[T]", frame: Frame) -> "_Waiting[T]":
    """`work` with its own frame around each of its steps: other branches take turns on this thread."""
    answer: Any = None
    failure: BaseException | None = None
    try:
        while True:
            token = current.set(frame)
            try:
                pending = work.throw(failure) if failure is not None else work.send(answer)
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                current.reset(token)
            answer = failure = None
            try:
                answer = yield pending
            except GeneratorExit:
                raise
            except BaseException as raised:  # noqa: BLE001 - handed to the branch, which decides
                failure = raised
    finally:
        token = current.set(frame)
        try:
            work.close()
        finally:
            current.reset(token)


def _make_room(
    effect: Gather,
    waiting: list[tuple[_Waiting[Any], _Pending] | None],
    answers: list[Any],
    failures: list[BaseException | None],
) -> None:
    """Carry the oldest threaded branches on to their ends, until one more may begin."""
    going = [index for index, one in enumerate(waiting) if one is not None and effect.branches[index].threaded]
    for index in going[: max(0, len(going) + 1 - (effect.at_once or 1))]:
        while (pending := waiting[index]) is not None:
            waiting[index] = _advance(pending[0], index, pending[1], answers, failures)


def _advance(
    work: "_Waiting[Any]",
    index: int,
    pending: _Pending | None,
    answers: list[Any],
    failures: list[BaseException | None],
) -> tuple[_Waiting[Any], _Pending] | None:
    """Carry one branch on to its end or to the next answer it waits for."""
    try:
        if pending is None:
            return work, next(work)
        try:
            answer = pending.wait()
        except BaseException as raised:  # noqa: BLE001 - handed to the branch, which decides
            return work, work.throw(raised)
        return work, work.send(answer)
    except StopIteration as done:
        answers[index] = done.value
    except (Exception, Parked) as raised:  # noqa: BLE001 - told after all branches have ended
        failures[index] = raised
    return None


def _abandon(effect: Gather, waiting: list[tuple[_Waiting[Any], _Pending] | None]) -> None:
    from autogen.drivers.threads import cancel

    for pending in waiting:
        if pending is not None:
            cancel(pending[1].future)
            pending[0].close()
    for branch in effect.branches[len(waiting) :]:
        branch.steps.close()
