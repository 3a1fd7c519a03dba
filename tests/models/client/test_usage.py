"""Usage summaries, word for word as 0.2.40 printed them."""

from types import SimpleNamespace
from typing import Any

import pytest

from autogen.models.openai_wrapper import OpenAIWrapper
from autogen.models.usage import gather_usage_summary

RULE = "-" * 100
ONE = {
    "total_cost": 0.000125,
    "gpt-4o": {"cost": 0.000125, "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}
LINE = "* Model 'gpt-4o': cost: 0.00013, prompt_tokens: 10, completion_tokens: 5, total_tokens: 15"
EXCLUDING = f"Usage summary excluding cached usage: \nTotal cost: 0.00013\n{LINE}\n"
INCLUDING = EXCLUDING.replace("excluding", "including")
SAME = "All completions are non-cached: the total cost with cached completions is the same as actual cost.\n"
NO_COST = "No actual cost incurred (all completions are using cache).\n"


def printed(capsys: pytest.CaptureFixture[str], total: Any, actual: Any, *mode: Any) -> str:
    client = OpenAIWrapper(model="gpt-4o", api_key="k")
    client.total_usage_summary, client.actual_usage_summary = total, actual
    client.print_usage_summary(*mode)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("total", "actual", "mode", "text"),
    [
        (None, None, (), 'No usage summary. Please call "create" first.\n'),
        (None, None, ("actual",), 'No usage summary. Please call "create" first.\n'),
        (ONE, ONE, (), f"{RULE}\n{EXCLUDING}\n{SAME}{RULE}\n"),
        (ONE, ONE, (["actual", "total"],), f"{RULE}\n{EXCLUDING}\n{SAME}{RULE}\n"),
        (ONE, ONE, ("total",), f"{RULE}\n{INCLUDING}{RULE}\n"),
        (ONE, ONE, (["total"],), f"{RULE}\n{INCLUDING}{RULE}\n"),
        (ONE, ONE, ("actual",), f"{RULE}\n{EXCLUDING}{RULE}\n"),
        (ONE, ONE, (["actual", "foo"],), f"{RULE}\n{EXCLUDING}{RULE}\n"),
        (ONE, None, (), f"{RULE}\n{NO_COST}\n{INCLUDING}{RULE}\n"),
        (ONE, None, ("actual",), f"{RULE}\n{NO_COST}{RULE}\n"),
    ],
)
def test_what_is_printed(capsys: pytest.CaptureFixture[str], total: Any, actual: Any, mode: Any, text: str) -> None:
    assert printed(capsys, total, actual, *mode) == text


@pytest.mark.parametrize("mode", ["foo", ["foo"], 3])
def test_a_wrong_mode(capsys: pytest.CaptureFixture[str], mode: Any) -> None:
    with pytest.raises(ValueError) as caught:
        printed(capsys, ONE, ONE, mode)
    assert str(caught.value) == f'Invalid mode: {mode}, choose from "actual", "total", ["actual", "total"]'


def test_gathering_from_agents() -> None:
    used = SimpleNamespace(client=SimpleNamespace(total_usage_summary=ONE, actual_usage_summary=None))
    without = SimpleNamespace(client=None)
    assert gather_usage_summary([used, without, used]) == {
        "usage_including_cached_inference": {
            "total_cost": 0.00025,
            "gpt-4o": {"cost": 0.00025, "prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
        },
        "usage_excluding_cached_inference": {"total_cost": 0},
    }
