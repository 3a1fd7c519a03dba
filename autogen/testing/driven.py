"""One test body under every driver: a public face called blocking, under asyncio, inside a running loop, in a thread.

Refuses to know what is driven. Change together: `docs/testing.md`.
"""

import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, Literal, ParamSpec, TypeAlias, TypeVar, cast

from msgspec import Struct

from autogen.core.errors import ConfigError

P = ParamSpec("P")
T = TypeVar("T")

DriverName: TypeAlias = Literal["blocking", "concurrent", "in_loop", "thread"]
DRIVERS: Final[tuple[DriverName, ...]] = ("blocking", "concurrent", "in_loop", "thread")
"""All ways in which a face may be called."""


class Driven(Struct, frozen=True):
    """Calls a blocking face, `drive(user.initiate_chat, assistant, message="...")`, in the way of its driver.

    blocking: on this thread. concurrent: its `a_` twin under `asyncio.run`. in_loop: the blocking face on a thread
    whose event loop is running, as in a notebook. thread: the blocking face in a new thread.
    """

    driver: DriverName

    def __call__(self, face: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What the face returns or raises. Raises ConfigError when it has no `a_` twin and needs one."""
        match self.driver:
            case "blocking":
                return face(*args, **kwargs)
            case "concurrent":
                return _run(_twin(face)(*args, **kwargs))
            case "in_loop":
                return _run(_at_once(lambda: face(*args, **kwargs)))
            case "thread":
                return _in_thread(lambda: face(*args, **kwargs))


def driven(driver: DriverName) -> Driven:
    """The driver of that name; made for a fixture with `params=DRIVERS`. Raises ConfigError for another name."""
    if driver not in DRIVERS:
        raise ConfigError(f"there is no driver {driver!r}; use one of {', '.join(DRIVERS)}")
    return Driven(driver)


def _run(work: Coroutine[Any, Any, T]) -> T:
    import asyncio

    return asyncio.run(work)


async def _at_once(face: Callable[[], T]) -> T:
    return face()


def _in_thread(face: Callable[[], T]) -> T:
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    with ThreadPoolExecutor(1) as pool:  # observers and streams of the test belong to its context
        return pool.submit(copy_context().run, face).result()


def _twin(face: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    name: str = getattr(face, "__name__", "")
    home: object = getattr(face, "__self__", None) or sys.modules.get(getattr(face, "__module__", ""))
    twin: object = getattr(home, f"a_{name}", None)
    if not name or not callable(twin):
        raise ConfigError(f"{face!r} has no twin a_{name}; a face under the concurrent driver needs one")
    return cast("Callable[P, Coroutine[Any, Any, T]]", twin)
