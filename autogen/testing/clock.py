"""A clock for tests: time goes by when somebody sleeps, at once.

Decides what time it is in the runs started inside of it. Refuses to know what they are about. Change together:
`drivers/clock.py`.
"""

from contextvars import Token
from threading import Lock
from types import TracebackType
from typing import Self

from autogen.core.errors import ConfigError
from autogen.drivers.clock import Clock, current


class VirtualClock:
    """`with VirtualClock() as clock:` runs inside take their time, their deadlines and their pauses from it.

    Sleeping (an effect, a wait before a retry) lets time go by without waiting; nothing else does, but `advance`.
    Journals opened inside note its times. What the program itself asks of `time` is the machine's.

    start: seconds since 1970.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._lock = Lock()
        self._tokens: list[Token[Clock | None]] = []
        self.slept: list[float] = []
        """Seconds of each pause so far."""

    def now(self) -> float:
        """Seconds since 1970."""
        return self._now

    __call__ = now

    def advance(self, seconds: float) -> None:
        """Let time go by. Raises ConfigError for less than 0 seconds."""
        if not seconds >= 0:
            raise ConfigError(f"time goes forward: advance(seconds) takes 0 or more, got {seconds!r}")
        self._until(self._now + seconds)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._until(self._now + seconds)

    async def a_sleep(self, seconds: float) -> None:
        """Those who sleep at the same time sleep together."""
        import asyncio

        self.slept.append(seconds)
        until = self._now + seconds
        await asyncio.sleep(0)
        self._until(until)

    def _until(self, then: float) -> None:
        with self._lock:
            self._now = max(self._now, then)

    def __enter__(self) -> Self:
        self._tokens.append(current.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        current.reset(self._tokens.pop())
