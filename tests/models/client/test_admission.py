"""What a call may cost at most, and which clients a dollar budget refuses."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ConfigError
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.models.admission import refuse_unpriced, size_of, worst_case
from autogen.models.openai_wrapper import OpenAIWrapper
from autogen.models.tokens import count_token


def client(*entries: dict[str, Any]) -> OpenAIWrapper:
    return OpenAIWrapper(config_list=[{"api_key": "k", **entry} for entry in entries])


def request(text: str = "hello", **settings: Any) -> ModelRequest:
    return ModelRequest((ModelMessage("user", (Text(text),)),), (), settings)


def test_a_model_without_a_price_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"agent 'bot' .* entry 1 of the config_list \(model 'mine'"):
        refuse_unpriced("bot", client({"model": "gpt-4"}, {"model": "mine"}))


@pytest.mark.parametrize(
    "given_client",
    [
        client({"model": "gpt-4"}),
        client({"model": "mine", "price": [1, 2], "max_tokens": 10}),
        client({"model": "mine", "price": [1, 2], "max_tokens": 10, "model_client_cls": "Mine"}),
        client({"model": "gpt-4", "model_client_cls": "Mine"}),
        client({"api_type": "scripted", "script": ["a"]}),
    ],
)
def test_these_have_a_price(given_client: Any) -> None:
    refuse_unpriced("bot", given_client)
    assert worst_case(given_client, request(max_tokens=10)).usd is not None


@pytest.mark.parametrize(
    ("given_client", "text"),
    [
        (client({"model": "mine", "model_client_cls": "Mine"}), r"the price of entry 0 .* is not known"),
        (SimpleNamespace(create=print), r"a client of its own \(SimpleNamespace\) is not known"),
        (client({"model": "mine", "price": [1, 2]}), "how long an answer of entry 0 .* set max_tokens"),
        (client({"model": "mine", "price": [1, 2], "model_client_cls": "Mine"}), "set max_tokens"),
    ],
)
def test_what_could_cost_anything_is_refused_at_the_start(given_client: Any, text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        refuse_unpriced("bot", given_client)


def test_a_client_of_the_programs_own_is_bounded_by_what_its_configuration_says() -> None:
    own = client({"model": "mine", "price": [1, 2], "max_tokens": 100, "model_client_cls": "Mine"})
    found = worst_case(own, request("hello " * 100))
    assert found.tokens is not None
    assert found.tokens > 200
    assert found.usd == pytest.approx((found.tokens - 100) / 1000 + 100 * 2 / 1000)


def test_several_answers_are_cut_together() -> None:
    size = size_of(client({"model": "gpt-4o", "n": 4}), request())
    longest = size.longest(10_000, None)
    most = size.ceiling(longest).tokens
    assert most is not None
    assert 10_000 - 4 < most <= 10_000


@pytest.mark.parametrize("model", ["gpt-4o", "gpt-4o-2024-08-06", "chatgpt-4o-latest"])
def test_no_answer_is_taken_for_longer_than_its_model_allows(model: str) -> None:
    found = worst_case(client({"model": model}), request()).tokens
    assert found is not None
    assert 16_384 < found < 16_500


@given(st.integers(0, 3000), st.floats(0, 1))
def test_the_longest_answer_fits_and_one_token_more_does_not(tokens: int, usd: float) -> None:
    size = size_of(client({"model": "gpt-4o"}, {"model": "gpt-4o-mini"}), request("hello " * 50))
    longest = size.longest(tokens, usd)
    assert longest == 0 or size.fits(tokens, usd, longest)
    assert not size.fits(tokens, usd, longest + 1)


def test_the_worst_case_is_that_of_the_dearest_entry() -> None:
    cheap = worst_case(client({"model": "gpt-4o-mini"}), request(max_tokens=1000))
    both = worst_case(client({"model": "gpt-4o-mini"}, {"model": "gpt-4"}), request(max_tokens=1000))
    assert cheap.usd is not None
    assert both.usd is not None
    assert both.usd > cheap.usd
    assert both.usd >= 1000 * 60 / 1e6
    twice = worst_case(client({"model": "gpt-4", "n": 2}), request(max_tokens=1000))
    assert twice.usd is not None
    assert twice.usd >= 2 * 1000 * 60 / 1e6


def test_without_a_ceiling_nothing_is_promised() -> None:
    unknown = worst_case(client({"model": "mine", "price": [1, 2]}), request())
    assert (unknown.tokens, unknown.usd) == (None, None)


@given(st.text(max_size=2000))
def test_the_prompt_is_never_estimated_below_its_count(text: str) -> None:
    found = worst_case(client({"model": "gpt-4"}), request(text, max_tokens=0)).tokens
    assert found is not None
    assert found >= count_token([{"role": "user", "content": text}], "gpt-4-0613") - 2
