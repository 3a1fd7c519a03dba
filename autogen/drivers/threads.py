"""Threads that carry a run: a fresh one per call, with the caller's context; and the one private event loop.

Why never a pool: a blocking face inside a pooled thread that waits for another pooled thread deadlocks when the pool
is full (forty threads do at sixty runs of depth two). asyncio is imported only when a coroutine must run.
"""

import contextvars
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from autogen.drivers.waiting import Waited, here

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


class Handed(Future[T]):
    """The outcome of what a thread or the private loop was given, and whether anybody waits for it."""

    def __init__(self, waited: Waited) -> None:
        super().__init__()
        self.waited = waited

    def context(self) -> contextvars.Context:
        """A copy of this context, in which what runs can ask whether it is still waited for."""
        context = contextvars.copy_context()
        context.run(here.set, self.waited)
        return context


def spawn(function: Callable[[], T], waited: Waited | None = None, name: str = "autogen-call") -> Handed[T]:
    """Run `function` in a new daemon thread with this context copied; its outcome is the future's."""
    future: Handed[T] = Handed(waited or Waited())
    context = future.context()

    def work() -> None:
        try:
            answer = context.run(function)
        except BaseException as raised:  # noqa: BLE001 - handed to whoever waits
            _settle(future, None, raised)
        else:
            _settle(future, answer, None)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future


async def beside(work: Callable[[], T]) -> T:
    """`work()` in a thread of its own while this task waits: what blocks, on an event loop."""
    import asyncio

    future = spawn(work)
    try:
        return await asyncio.wrap_future(future)
    except BaseException:
        future.waited.given_up = True
        raise


def _settle(future: "Future[Any]", answer: Any, failure: BaseException | None) -> None:
    if not future.set_running_or_notify_cancel():
        return
    if isinstance(failure, StopIteration):  # a future refuses it, and whoever waits would wait for ever
        failure = _as_error(failure)
    if failure is not None:
        future.set_exception(failure)
    else:
        future.set_result(answer)


def _as_error(stop: StopIteration) -> RuntimeError:
    error = RuntimeError("a callback raised StopIteration")
    error.__cause__ = stop
    return error


class _PrivateLoop:
    """An event loop in a daemon thread, for async callbacks of blocking runs. Made at first use, again after a fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0
        self._thread: int | None = None
        """Identifier of the loop's thread."""

    def _running(self) -> "asyncio.AbstractEventLoop":
        import asyncio

        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                loop = asyncio.new_event_loop()
                thread = threading.Thread(target=loop.run_forever, name="autogen-loop", daemon=True)
                thread.start()
                self._loop, self._pid, self._thread = loop, os.getpid(), thread.ident
            return self._loop

    def inside(self) -> bool:
        """Is the calling thread the loop's own?"""
        return self._thread == threading.get_ident() and self._pid == os.getpid()

    def submit(self, work: Coroutine[Any, Any, T], waited: Waited | None = None) -> Handed[T]:
        """Start `work` on the loop with this context copied. Cancelling the future cancels the task."""
        loop = self._running()
        future: Handed[T] = Handed(waited or Waited())
        future.set_running_or_notify_cancel()

        def start() -> None:
            task = loop.create_task(_contained(work))

            def ended(done: "asyncio.Task[T | _Left]") -> None:
                if done.cancelled():
                    future.set_exception(CancelledInLoop("an async callback was cancelled"))
                elif (raised := done.exception()) is not None:
                    future.set_exception(raised)
                elif isinstance(outcome := done.result(), _Left):
                    future.set_exception(outcome.raised)
                else:
                    future.set_result(outcome)

            task.add_done_callback(ended)
            _tasks[future] = lambda: loop.call_soon_threadsafe(task.cancel)
            future.add_done_callback(lambda ended: _tasks.pop(ended, None))

        loop.call_soon_threadsafe(start, context=future.context())
        return future


class _Left(NamedTuple):
    """An exit that a task of the private loop asked for: raised in the task itself, it would end the loop for all."""

    raised: BaseException


async def _contained(work: Coroutine[Any, Any, T]) -> "T | _Left":
    try:
        return await work
    except (KeyboardInterrupt, SystemExit) as raised:
        return _Left(raised)


class CancelledInLoop(RuntimeError):
    """A coroutine on the private loop was cancelled by somebody other than the run that waits for it."""


_tasks: "dict[Future[Any], Callable[[], Any]]" = {}
private_loop = _PrivateLoop()


def wait(future: "Future[T]") -> T:
    """Wait for a future of `spawn` or the private loop; Ctrl-C cancels what can be cancelled and is raised."""
    try:
        return future.result()
    except BaseException:
        cancel(future)
        raise


def cancel(future: "Future[Any]") -> None:
    """Nobody waits any longer: a task of the private loop is cancelled, a thread is left to end and may pay no more."""
    if future.done():
        return
    if isinstance(future, Handed):
        future.waited.given_up = True
    if (end := _tasks.get(future)) is not None:
        end()
