"""What a call may cost at most, and which clients a dollar budget refuses."""

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ConfigError
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.models.admission import refuse_unpriced, worst_case
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
        client({"model": "mine", "price": [1, 2]}),
        client({"model": "mine", "model_client_cls": "Mine"}),
        client({"api_type": "scripted", "script": ["a"]}),
        SimpleNamespace(create=print),
    ],
)
def test_these_have_a_price(given_client: Any) -> None:
    refuse_unpriced("bot", given_client)
    assert worst_case(given_client, request(max_tokens=10)).usd is not None


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
