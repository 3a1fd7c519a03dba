"""Which clock the calling code goes by: the machine's, or one that a test has put in its place.

Refuses to know who asks for the time. Deadlines of requests and leases of other processes stay the machine's.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Protocol


class Clock(Protocol):
    """A time of a program's own. Seconds."""

    def now(self) -> float:
        """Since 1970."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let so much time go by."""
        ...

    def a_sleep(self, seconds: float) -> Awaitable[None]:
        """The same on an event loop."""
        ...


current: ContextVar[Clock | None] = ContextVar("autogen_clock", default=None)


def clock_here() -> Callable[[], float]:
    """What tells the calling code the time, seconds since 1970."""
    clock = current.get()
    if clock is not None:
        return clock.now
    from time import time

    return time


def monotonic() -> float:
    """Seconds that never go back, for deadlines of runs."""
    clock = current.get()
    if clock is not None:
        return clock.now()
    from time import monotonic as machine

    return machine()


def sleep(seconds: float) -> None:
    """Wait."""
    clock = current.get()
    if clock is not None:
        clock.sleep(seconds)
        return
    from time import sleep as machine

    machine(seconds)


def a_sleep(seconds: float) -> Awaitable[None]:
    """Wait on an event loop."""
    clock = current.get()
    if clock is not None:
        return clock.a_sleep(seconds)
    import asyncio

    return asyncio.sleep(seconds)
