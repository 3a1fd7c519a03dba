"""The run that the calling code stands in, found through the context: how nested faces join it.

A frame says which run a thread or task is inside of. Tools and callbacks run with the context copied, so a blocking or
async face called in one of them finds the frame and joins the run as a branch, instead of starting a run of its own.
Refuses to know what a run holds.
"""

from collections.abc import Callable
from contextvars import ContextVar, copy_context
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from msgspec import Struct

from autogen.core.callables import is_async

P = ParamSpec("P")
T = TypeVar("T")


class Frame(Struct, frozen=True, eq=False):
    """Where the calling code stands: `run` is the run in progress."""

    run: Any
    is_async: bool
    """The run was started by an `a_` face."""
    table: Any = None
    """Who performs the effects of steps that join the run here; None: the run's own performers."""


current: ContextVar[Frame | None] = ContextVar("autogen_frame", default=None)


def bind(function: Callable[P, T]) -> Callable[P, T]:
    """Carry the run that the caller stands in into a thread of the program's own: chats started there join the run.

    function: sync, or async for a loop of that thread. Each call has a copy of the context of this moment, so one bound
        function may run in many threads at once.
    """
    context = copy_context()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> T:
        return context.copy().run(function, *args, **kwargs)

    @wraps(function)
    async def a_bound(*args: P.args, **kwargs: P.kwargs) -> Any:
        import asyncio

        work = cast("Callable[P, Any]", function)(*args, **kwargs)
        return await asyncio.get_running_loop().create_task(work, context=context.copy())

    return cast("Callable[P, T]", a_bound) if is_async(function) else bound
