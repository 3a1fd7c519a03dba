"""Limits shared by all agents that use one account: requests per second, and the pause after a 429.

A limiter only tells how long to wait; the caller waits. Refuses to know the clock and what is sent.
"""

import threading

from autogen.models.chat_endpoint import ChatEndpoint


class Limiter:
    """One account's limits; safe to share between threads. Times are seconds of one clock of the caller's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0
        self._until = 0.0

    def reserve(self, now: float, rate: float | None = None) -> float:
        """Take the next slot: seconds to wait before sending, 0 when it may go at once.

        rate: requests per second (0.2's `api_rate_limit`); None takes no slot and only heeds a pause.
        """
        with self._lock:
            start = max(now, self._until)
            if rate is not None and rate > 0:
                start = max(start, self._next)
                self._next = start + 1.0 / rate
            return start - now

    def pause(self, now: float, seconds: float) -> None:
        """After a 429: nobody sends before `now + seconds`. A shorter pause never cuts a longer one."""
        with self._lock:
            self._until = max(self._until, now + seconds)


_limiters: dict[tuple[str, str, str], Limiter] = {}
_lock = threading.Lock()


def limiter_for(endpoint: ChatEndpoint) -> Limiter:
    """The process's limiter of this (base_url, key, model)."""
    key = (endpoint.base_url, endpoint.account, endpoint.model)
    with _lock:
        limiter = _limiters.get(key)
        if limiter is None:
            limiter = _limiters[key] = Limiter()
        return limiter
