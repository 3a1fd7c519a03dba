"""Whether anybody still waits for what runs here: a call that was handed to a thread or a loop, and what it started.

A thread cannot be ended from outside. When whoever waited for it has stopped (a time-out, a cancellation), what goes on
in it is marked through its context; the faces and the performers ask the mark and refuse. Refuses to know threads.
"""

from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any, TypeVar

from autogen.core.callables import qualified_name
from autogen.core.errors import LimitReached
from autogen.core.stop import StopReason

T = TypeVar("T")


class Waited:
    """One call that somebody waits for. `outer` is the call that it was made in, if there is one."""

    __slots__ = ("_function", "_tool", "given_up", "outer")

    def __init__(self, function: Callable[..., Any] | None = None, tool: str = "") -> None:
        self.outer = here.get()
        self.given_up = False
        self._function = function
        self._tool = tool

    def __str__(self) -> str:
        if self._tool or self._function is None:
            return f"the tool {self._tool!r}" if self._tool else "this call"
        return f"the function {qualified_name(self._function)!r}"

    def left(self) -> "Waited | None":
        """The innermost of the calls around this one that nobody waits for any longer, or None."""
        one: Waited | None = self
        while one is not None:
            if one.given_up:
                return one
            one = one.outer
        return None


here: ContextVar[Waited | None] = ContextVar("autogen_waited", default=None)


async def watched(work: Awaitable[T], waited: Waited) -> T:
    """What `work` gives. If it is cancelled, the tasks that it began are left behind."""
    before = here.get()
    here.set(waited)
    try:
        return await work
    except BaseException as raised:
        if not isinstance(raised, Exception):
            waited.given_up = True
        raise
    finally:
        here.set(before)


def left_behind() -> Waited | None:
    """What the calling code belongs to, if nobody waits for it any longer."""
    waited = here.get()
    return None if waited is None else waited.left()


def refuse_if_left_behind() -> None:
    """Raise LimitReached (`cancelled`) where nobody waits for the calling code any longer."""
    left = left_behind()
    if left is not None:
        raise LimitReached(
            StopReason.CANCELLED.value,
            f"{left} is no longer waited for: it timed out or was cancelled; what it left behind starts no chat and "
            "asks no model",
        )
