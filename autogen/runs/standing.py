"""Where the program's code stands while an effect of a journaled run is performed.

What a tool, callback or executor starts belongs under the effect that called it. So each function that a performer
calls is called with a frame of its own. Refuses to know what is performed.
"""

from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from autogen.core.callables import is_async
from autogen.drivers.frame import Frame, current
from autogen.drivers.performer import CallProgram
from autogen.runs.place import Place

A = TypeVar("A")


class Within(Generic[A]):
    """Awaitable: the work of a performer; functions of the program that it calls stand in a frame of their own.

    stand: makes the frame and its branch, when a function is called at all.
    """

    __slots__ = ("_stand", "_work")

    def __init__(self, stand: Callable[[], tuple[Frame, Place]], work: Coroutine[Any, Any, A]) -> None:
        self._stand, self._work = stand, work

    def __await__(self) -> Generator[Any, Any, A]:
        work = self._work
        answer: Any = None
        failure: BaseException | None = None
        try:
            while True:
                try:
                    step = work.throw(failure) if failure is not None else work.send(answer)
                except StopIteration as done:
                    result: A = done.value
                    return result
                answer = failure = None
                if isinstance(step, CallProgram):
                    step = replace(step, function=self._placed(step.function))
                try:
                    answer = yield step
                except GeneratorExit:
                    raise
                except BaseException as raised:  # noqa: BLE001 - handed to the work, which decides
                    failure = raised
        finally:
            work.close()

    def _placed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        frame, place = self._stand()

        async def awaited(awaitable: Awaitable[Any]) -> Any:
            token = current.set(frame)
            try:
                place.settle_here()
                return await awaitable
            finally:
                current.reset(token)

        async def in_task(*args: Any, **kwargs: Any) -> Any:
            return await awaited(function(*args, **kwargs))

        def in_thread(*args: Any, **kwargs: Any) -> Any:
            token = current.set(frame)
            try:
                place.settle_here()
                answer = function(*args, **kwargs)
            finally:
                current.reset(token)
            return awaited(answer) if hasattr(answer, "__await__") else answer

        return in_task if is_async(function) else in_thread
