"""When to try again and how long to wait first: pure arithmetic over an error, its headers and a drawn number.

Refuses to wait, to know the clock (the caller passes `now`) and to choose another endpoint.
"""

from collections.abc import Mapping

from msgspec import Struct

from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout, QuotaExceeded, Unreachable

RETRIED = frozenset({408, 409, 429})
"""And every status from 500 on."""
NEVER_BY_CAUSE = frozenset({"tls", "proxy"})
"""Causes of an unreachable host that the next second does not cure."""


class RetryPolicy(Struct, frozen=True, kw_only=True):
    """How often and how patiently one endpoint is tried before the next entry's turn."""

    max_retries: int = 2
    first: float = 0.5
    """Seconds: the floor of all jittered delays; the ceiling is twice this and doubles with each attempt."""
    longest: float = 8.0
    """Seconds: the ceiling of all jittered delays."""
    longest_told: float = 60.0
    """Seconds: a server that asks for a longer pause gets no retry (the next entry's turn)."""
    deadline: float | None = None
    """Seconds from the first attempt after which nothing more is tried; None: no such limit."""


DEFAULT_POLICY = RetryPolicy()


def delay(
    attempt: int,
    error: BaseException,
    draw: float,
    *,
    now: float,
    headers: Mapping[str, str] | None = None,
    policy: RetryPolicy = DEFAULT_POLICY,
    spent: float = 0.0,
) -> float | None:
    """Seconds to wait before the next attempt; None: do not try this endpoint again.

    attempt: 1 after the first failure. draw: a number in [0, 1). now: seconds since 1970, for an HTTP date.
    headers: the answer's; None takes `error.headers`. spent: seconds since the first attempt began.
    """
    if not isinstance(error, CallFailed) or attempt > policy.max_retries:
        return None
    known = error.headers if headers is None else headers
    if not _worth_it(error, known):
        return None
    told = told_delay(known, now)
    if told is not None and told > policy.longest_told:
        return None
    ceiling = min(policy.longest, policy.first * 2.0**attempt)
    wait = told if told is not None else policy.first + (ceiling - policy.first) * draw
    if policy.deadline is not None and spent + wait >= policy.deadline:
        return None
    return wait


def _worth_it(error: CallFailed, headers: Mapping[str, str]) -> bool:
    said = headers.get("x-should-retry", "").lower()
    if said in ("true", "false"):
        return said == "true"
    if isinstance(error, QuotaExceeded):
        return False
    if isinstance(error, BrokenStream):
        return error.status is None or _by_status(error.status)
    if isinstance(error, ModelTimeout):
        return True
    if isinstance(error, Unreachable):
        return error.cause not in NEVER_BY_CAUSE
    return error.status is not None and _by_status(error.status)


def _by_status(status: int) -> bool:
    return status in RETRIED or status >= 500


def told_delay(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the server asked for, 0 or more; None when it did not say or cannot be read.

    `retry-after-ms` (milliseconds), then `retry-after` (seconds or an HTTP date, compared with `now`).
    """
    text = headers.get("retry-after-ms")
    if text is not None:
        value = _number(text)
        if value is not None:
            return value / 1000
    text = headers.get("retry-after")
    if text is None:
        return None
    value = _number(text)
    return value if value is not None else _until(text, now)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None


def _until(date: str, now: float) -> float | None:
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None
