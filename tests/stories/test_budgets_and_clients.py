"""Budgets hold for model clients that the program brings, too: bounded before a call, counted by what it has cost."""

from types import SimpleNamespace
from typing import Any

import pytest

from autogen import AssistantAgent, Budget
from autogen.core.errors import ConfigError
from autogen.testing import Driven
from tests.stories.cast import a_user, an_echo, contents


class Own:
    """A client as 0.2's documentation writes one. Its answers are all new."""

    asked: int = 0

    def __init__(self, config: dict[str, Any], usage: dict[str, Any], cost: float | None) -> None:
        self.usage, self.price = usage, cost
        Own.asked = 0

    def create(self, params: dict[str, Any]) -> Any:
        Own.asked += 1
        text = f"answer {Own.asked} " + "of many words " * 20
        choice = SimpleNamespace(message=SimpleNamespace(content=text, function_call=None))
        return SimpleNamespace(choices=[choice], model="own", usage=self.usage, cost=self.price)

    def message_retrieval(self, response: Any) -> list[str]:
        return [choice.message.content for choice in response.choices]

    def cost(self, response: Any) -> Any:
        return response.cost

    @staticmethod
    def get_usage(response: Any) -> dict[str, Any]:
        return dict(response.usage)


def own_model(usage: dict[str, Any], cost: float | None, **entry: Any) -> AssistantAgent:
    known = {"model": "own", "model_client_cls": "Own", **entry}
    model = AssistantAgent("assistant", "Brief.", llm_config={"config_list": [known], "cache_seed": None})
    model.register_model_client(Own, usage=usage, cost=cost)
    return model


def talk(drive: Driven, model: AssistantAgent, budget: Budget) -> Any:
    return drive(a_user(default_auto_reply="go on").initiate_chat, model, message="go", budget=budget, max_turns=30)


COUNTED = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "model": "own"}


def test_tokens_that_the_client_counts_are_what_the_budget_is_charged(drive: Driven) -> None:
    result = talk(drive, own_model(COUNTED, 0.1, max_tokens=50), Budget(tokens=1000))
    assert result.stop_reason == "budget_tokens" and 2 <= Own.asked <= 6
    assert result.usage["assistant"].total == 150 * Own.asked <= 1000


def test_a_client_that_counts_nothing_is_estimated(drive: Driven) -> None:
    result = talk(drive, own_model({}, 0.1, max_tokens=100), Budget(tokens=2000))
    usage = result.usage["assistant"]
    assert result.stop_reason == "budget_tokens" and usage.estimated and 300 < usage.total <= 2000


def test_dollars_are_bounded_before_the_call_and_counted_by_the_clients_cost(drive: Driven) -> None:
    model = own_model({**COUNTED}, 0.25, max_tokens=100, price=[0.0, 10.0])
    result = talk(drive, model, Budget(usd=2))
    assert result.stop_reason == "budget_usd" and result.usd == pytest.approx(0.5 * Own.asked)
    assert Own.asked == 3  # 1.5 are spent, and the next could cost a whole dollar


def test_without_a_price_a_budget_in_dollars_is_refused_before_a_word(drive: Driven) -> None:
    model, user = own_model(COUNTED, 0.1, max_tokens=50), a_user()
    with pytest.raises(ConfigError, match="the price of .* is not known"):
        drive(user.initiate_chat, model, message="go", budget=Budget(usd=1))
    assert Own.asked == 0 and contents(user.chat_messages[model]) == []


def test_a_nested_chats_model_without_a_price_is_an_error_and_no_limit(drive: Driven) -> None:
    inner = own_model(COUNTED, 0.1, max_tokens=50)
    outer = an_echo("outer", lambda text: str(a_user("asking").initiate_chat(inner, message=text, max_turns=1).summary))
    with pytest.raises(ConfigError, match="'assistant' has a budget in dollars, but the price of .* is not known"):
        drive(a_user().initiate_chat, outer, message="go", budget=Budget(usd=1))
    assert Own.asked == 0


def test_a_client_that_asks_another_agent_itself_is_not_held_up(drive: Driven) -> None:
    inner = own_model(COUNTED, 0.1, max_tokens=50)
    asking = a_user("asking")

    class Asking(Own):
        def create(self, params: dict[str, Any]) -> Any:
            asking.initiate_chat(inner, message="inner", max_turns=1, silent=True)
            return super().create(params)

    outer = AssistantAgent(
        "outer",
        "Brief.",
        llm_config={
            "config_list": [{"model": "own", "model_client_cls": "Asking", "max_tokens": 50}],
            "cache_seed": None,
        },
    )
    outer.register_model_client(Asking, usage=COUNTED, cost=0.1)
    result = talk(drive, outer, Budget(tokens=2000))
    assert result.stop_reason == "budget_tokens"
    assert 300 <= sum(usage.total for usage in result.usage.values()) <= 2000
