"""When to try again, and how an account's limits are shared: arithmetic, no clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.model import ModelMessage, ModelReply
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.errors import (
    AuthError,
    BadRequest,
    BrokenStream,
    CallFailed,
    ModelTimeout,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    Unreachable,
    UnreadableReply,
)
from autogen.models.limits import Limiter, limiter_for
from autogen.models.retry import RetryPolicy, delay
from autogen.models.secret import Secret

NOW = 1_700_000_000.0


def wait(error: BaseException, attempt: int = 1, draw: float = 0.0, **more: object) -> float | None:
    return delay(attempt, error, draw, now=NOW, **more)  # type: ignore[arg-type]


def failed(status: int, **headers: str) -> CallFailed:
    return CallFailed("x", status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
def test_passing_failures_are_tried_again(status: int) -> None:
    assert wait(failed(status)) == 0.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_lasting_failures_are_not(status: int) -> None:
    assert wait(failed(status)) is None


def test_connection_failures_timeouts_and_broken_streams_are_tried_again() -> None:
    for error in (Unreachable("x"), ModelTimeout("x"), BrokenStream("x")):
        assert wait(error) is not None
    stranger = Unreachable("x")
    stranger.cause = "tls"
    broke = QuotaExceeded("x", status=429)
    for lasting in (
        stranger,
        broke,
        AuthError("x", status=401),
        BadRequest("x", status=400),
        UnreadableReply("x"),
        ValueError(),
    ):
        assert wait(lasting) is None


def test_the_server_says_how_long() -> None:
    assert wait(failed(429, retry_after_ms="250", retry_after="9")) == 0.25
    assert wait(failed(429, retry_after="9")) == 9.0
    assert wait(failed(429, retry_after="Tue, 14 Nov 2023 22:13:30 GMT")) == 10.0
    assert wait(failed(429, retry_after="Tue, 14 Nov 2000 22:13:30 GMT")) == 0.0
    assert wait(failed(429, retry_after="soon")) == 0.5
    assert wait(failed(429, retry_after="-3")) == 0.5
    assert wait(failed(429, retry_after="nan")) == 0.5
    assert wait(failed(429, retry_after="3600")) is None, "the next entry's turn"


def test_the_server_says_whether() -> None:
    assert wait(failed(400, x_should_retry="true")) is not None
    assert wait(failed(503, x_should_retry="false")) is None


def test_attempts_and_the_deadline_end_it() -> None:
    assert wait(failed(503), attempt=3) is None
    assert wait(failed(503), attempt=3, policy=RetryPolicy(max_retries=3)) is not None
    assert wait(failed(503), policy=RetryPolicy(deadline=10), spent=9.9) is None
    assert wait(failed(503), policy=RetryPolicy(deadline=10), spent=5) is not None


@given(st.integers(1, 30), st.floats(0, 1, exclude_max=True))
def test_delays_lie_between_half_a_second_and_eight(attempt: int, draw: float) -> None:
    got = wait(failed(503), attempt, draw, policy=RetryPolicy(max_retries=30))
    assert got is not None and 0.5 <= got <= min(8.0, 0.5 * 2**attempt)


def test_a_rate_spaces_requests_evenly() -> None:
    limiter = Limiter()
    assert [limiter.reserve(100.0, rate=2) for _ in range(4)] == [0, 0.5, 1.0, 1.5]
    assert limiter.reserve(110.0, rate=2) == 0
    assert limiter.reserve(110.0) == 0, "without a rate no slot is taken"


def test_a_pause_holds_everybody_and_is_never_cut_short() -> None:
    limiter = Limiter()
    limiter.pause(100.0, 5)
    limiter.pause(101.0, 1)
    assert limiter.reserve(102.0) == 3.0
    assert limiter.reserve(102.0, rate=1) == 3.0
    assert limiter.reserve(106.0) == 0


def test_one_limiter_for_each_account_and_model() -> None:
    one = ChatEndpoint(model="m", api_key=Secret("limits-a"))
    assert limiter_for(one) is limiter_for(ChatEndpoint(model="m", api_key=Secret("limits-a")))
    assert limiter_for(one) is not limiter_for(ChatEndpoint(model="m", api_key=Secret("limits-b")))
    assert limiter_for(one) is not limiter_for(ChatEndpoint(model="n", api_key=Secret("limits-a")))


def test_a_rate_limit_error_is_one_too() -> None:
    assert wait(RateLimited("x", status=429)) == 0.5 and wait(Overloaded("x", status=500)) == 0.5
    partial = BrokenStream("x")
    partial.partial = ModelReply(message=ModelMessage("assistant", ()), finish="stop")
    assert wait(partial) == 0.5, "the caller tells its readers to forget what they saw"
