"""The price table and the token counts: which line a name means, what a call costs, that nothing is fetched."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.model import Usage
from autogen.models import prices, tokens
from autogen.models.prices import cost_usd, price_of, window_of, worst_case_usd


@pytest.mark.parametrize(
    ("name", "same_as"),
    [
        ("openai/gpt-4o", "gpt-4o"),
        ("GPT-4o", "gpt-4o"),
        ("gpt-4o-2024-11-20", "gpt-4o"),
        ("gpt-4o-2030-01-01", "gpt-4o"),
        ("gpt-35-turbo", "gpt-3.5-turbo"),
        ("gpt-4-0613", "gpt-4"),
        ("anthropic/claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
    ],
)
def test_one_model_under_several_names(name: str, same_as: str) -> None:
    assert price_of(name) is not None
    assert price_of(name) == price_of(same_as)


@pytest.mark.parametrize("name", ["", "gpt-4o-ultra", "my-gpt-4o", "llama-of-mine", "gpt"])
def test_a_resemblance_is_no_price(name: str) -> None:
    assert price_of(name) is None
    assert cost_usd(name, Usage(input=1000, output=1000)) is None
    assert worst_case_usd(1000, 1000, name) is None


def test_costs() -> None:
    assert cost_usd("gpt-4", Usage(input=1000, output=1000)) == pytest.approx(0.09)
    assert cost_usd("gpt-4o", Usage(input=1_000_000, output=0, cache_read=1_000_000)) == pytest.approx(1.25)
    assert cost_usd("anything", Usage(input=1000, output=500), (1.0, 2.0)) == pytest.approx(2.0)
    assert cost_usd("gpt-4", Usage()) == 0


def test_long_prompts_cost_their_tier() -> None:
    price = price_of("gemini-2.5-pro")
    assert price is not None
    assert price.tier_start is not None
    short = cost_usd("gemini-2.5-pro", Usage(input=price.tier_start))
    over = cost_usd("gemini-2.5-pro", Usage(input=price.tier_start + 1))
    assert short is not None
    assert over is not None
    assert over == pytest.approx(short * 2, rel=0.001)


@given(
    st.integers(0, 200_000), st.integers(0, 20_000), st.floats(0, 1), st.sampled_from(["gpt-4o", "claude-sonnet-4-5"])
)
def test_no_call_costs_more_than_its_worst_case(sent: int, answered: int, cached: float, model: str) -> None:
    usage = Usage(input=sent, output=answered, cache_read=int(sent * cached), cache_write=int(sent * (1 - cached) / 2))
    cost, worst = cost_usd(model, usage), worst_case_usd(sent, answered, model)
    assert cost is not None
    assert worst is not None
    assert cost <= worst * 1.0000001


def test_without_a_limit_the_window_is_the_ceiling() -> None:
    window = window_of("gpt-4")
    assert window == 8192
    assert worst_case_usd(1000, None, "gpt-4") == pytest.approx((1000 * 30 + 7192 * 60) / 1e6)


def test_prices_that_a_program_writes_into_0_2s_table_count() -> None:
    table: dict[str, Any] = prices.OAI_PRICE1K
    assert table["gpt-4"] == (0.03, 0.06)
    table["my-model"] = (0.001, 0.002)
    try:
        assert cost_usd("my-model", Usage(input=1000, output=1000)) == pytest.approx(0.003)
    finally:
        del table["my-model"]
    assert cost_usd("my-model", Usage(input=1000)) is None


def test_the_table_is_dated_and_names_its_source() -> None:
    assert prices.table_date() >= "2026-11-01"
    assert "Copyright" in prices._index().source


# ---- tokens ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_counting_never_needs_the_network(no_network: None) -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 20
    measured = tokens.measure(text, "some-local-model")
    assert measured.estimated
    assert 150 <= measured.tokens <= 300
    assert tokens.count_token(text, "gpt-4o") > 0
    assert tokens.count_token("") == 0


def test_messages_cost_more_than_their_texts() -> None:
    messages = [{"role": "user", "content": "hello there", "name": "bob"}, {"role": "assistant", "content": None}]
    assert tokens.count_token(messages, "m") > tokens.count_token("hello there", "m")
    assert tokens.count_token(messages[0], "m") < tokens.count_token(messages, "m")


def test_a_picture_is_not_counted_by_its_bytes() -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    assert tokens.count_token([{"role": "user", "content": [picture]}], "m") < 2000


@given(st.text(max_size=300), st.text(max_size=300))
def test_longer_texts_never_count_less(first: str, second: str) -> None:
    assert tokens.estimate(first + second) >= tokens.estimate(first)


def test_other_inputs_are_refused_in_0_2s_words() -> None:
    with pytest.raises(ValueError, match=r"^input must be str, list or dict, but we got <class 'int'>$"):
        tokens.count_token(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("gpt-3.5-turbo-0613", 4096), ("gpt-3.5-turbo", 16385), ("gpt-4", 8192), ("gpt-4-32k", 32768),
        ("gpt-4o", 128000), ("gpt-4-turbo", 128000), ("gpt-35-turbo", 16385), ("gpt-3.5-turbo-instruct", 4096),
        ("gpt4", 8192), ("gpt-4-0613", 8192), ("gpt-4-32k-0314", 32768), ("gpt-3.5-turbo-0301", 4096),
        ("gpt-3.5-turbo-1106", 16385), ("gpt-4o-mini", 128000), ("gpt-4-vision-preview", 128000),
    ],
)  # fmt: skip
def test_windows_as_0_2_knew_them(model: str, limit: int) -> None:
    assert tokens.get_max_token_limit(model) == limit


def test_an_unknown_window_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        tokens.get_max_token_limit("foo")


def test_the_rest_of_the_window() -> None:
    assert tokens.token_left("hello", "gpt-4") == 8192 - tokens.count_token("hello", "gpt-4")
    assert 0 < tokens.percentile_used("hello", "gpt-4") < 0.01


def test_functions_count() -> None:
    function = {"name": "f", "description": "does", "parameters": {"properties": {"a": {"type": "string"}}}}
    assert tokens.num_tokens_from_functions([]) == 0
    assert tokens.num_tokens_from_functions([function, function]) > tokens.num_tokens_from_functions([function]) > 10
