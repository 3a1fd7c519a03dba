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

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")


def spawn(function: Callable[[], T], name: str = "autogen-call") -> "Future[T]":
    """Run `function` in a new daemon thread with this context copied; its outcome is the future's."""
    future: Future[T] = Future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            answer = context.run(function)
        except BaseException as raised:  # noqa: BLE001 - handed to whoever waits
            _settle(future, None, raised)
        else:
            _settle(future, answer, None)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future


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

    def _running(self) -> "asyncio.AbstractEventLoop":
        import asyncio

        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="autogen-loop", daemon=True).start()
                self._loop, self._pid = loop, os.getpid()
            return self._loop

    def inside(self) -> bool:
        """Is the calling thread the loop's own?"""
        loop = self._loop
        return loop is not None and getattr(loop, "_thread_id", None) == threading.get_ident()

    def submit(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start `work` on the loop with this context copied. Cancelling the future cancels the task."""
        loop = self._running()
        future: Future[T] = Future()
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

        loop.call_soon_threadsafe(start, context=contextvars.copy_context())
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
    """Nobody waits any longer: a task of the private loop is cancelled, a thread is left to end."""
    if not future.done() and (end := _tasks.get(future)) is not None:
        end()
