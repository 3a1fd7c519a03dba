"""Answers from the cache: when a call is a hit, that it shows, what it costs, and that nothing secret is kept."""

import logging
from pathlib import Path
from typing import Any

import pytest

from autogen.cache import Cache, InMemoryCache
from autogen.core.errors import ConfigError
from autogen.core.events import Event, ModelFinished
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.drivers.blocking import perform
from autogen.models.errors import Overloaded
from autogen.models.openai_wrapper import OpenAIWrapper
from tests.models.client.loopback import HI, Loopback, completion, error

CANARY = "sk-canary-0123456789abcdefghij"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_same_call_is_paid_once_and_the_hit_shows(here: Path) -> None:
    with Loopback("a") as server:
        client = OpenAIWrapper(config_list=[server.entry()])
        first = client.create(messages=HI)
        again = client.create(messages=HI)
        assert len(server.seen) == 1
    assert [path.name for path in (here / ".cache").iterdir()] == ["41"]
    assert (first.cached, again.cached) == (False, True)
    assert again.choices[0].message.content == "a"
    assert (again.cost, again.config_id, again.pass_filter) == (0.0006, 0, True)
    assert again.message_retrieval_function(again) == ["a"]
    assert client.total_usage_summary == {
        "total_cost": 0.0012,
        "gpt-4": {"cost": 0.0012, "prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
    }
    assert client.actual_usage_summary == {
        "total_cost": 0.0006,
        "gpt-4": {"cost": 0.0006, "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def test_observers_see_that_a_reply_is_cached() -> None:
    events: list[Event] = []
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),))
    with Loopback("a") as server:
        client = OpenAIWrapper(config_list=[server.entry()])
        for _ in range(2):
            perform(client.complete(request, emit=events.append))
    assert [event.reply.cached for event in events if isinstance(event, ModelFinished) and event.reply] == [False, True]


@pytest.mark.parametrize(
    ("change", "hit"),
    [
        ({"api_key": "sk-another"}, True),
        ({"tags": ["t"]}, True),
        ({"price": [1, 2]}, True),
        ({"timeout": 77}, True),
        ({"max_retries": 3}, True),
        ({"stream": False}, True),
        ({"temperature": 0.3}, False),
        ({"model": "gpt-4o"}, False),
        ({"cache_seed": 7}, False),
        ({"cache_seed": None}, False),
        ({"response_format": {"type": "json_object"}}, False),
    ],
)
def test_what_makes_a_call_another_one(change: dict[str, Any], hit: bool) -> None:
    with Loopback("a", "b") as server:
        OpenAIWrapper(config_list=[server.entry()]).create(messages=HI)
        response = OpenAIWrapper(config_list=[{**server.entry(), **change}]).create(messages=HI)
    assert response.choices[0].message.content == ("a" if hit else "b")
    assert response.cached is hit


def test_another_server_is_another_call() -> None:
    with Loopback("a") as one, Loopback("b") as two:
        answers = [
            OpenAIWrapper(config_list=[server.entry("llama")]).create(messages=HI).choices[0].message.content
            for server in (one, two)
        ]
    assert answers == ["a", "b"]


def test_cache_seed_none_turns_it_off(here: Path) -> None:
    with Loopback("a", "b") as server:
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        assert [client.create(messages=HI).choices[0].message.content for _ in range(2)] == ["a", "b"]
    assert list(here.iterdir()) == []


def test_a_cache_given_to_the_call_wins() -> None:
    with Loopback("a", "b") as server, InMemoryCache() as cache:
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        texts = [client.create(messages=HI, cache=cache).choices[0].message.content for _ in range(2)]
        texts.append(client.create(messages=HI).choices[0].message.content)
    assert texts == ["a", "a", "b"]


def test_a_cache_of_the_programs_own_class_gets_text() -> None:
    class Plain:
        def __init__(self) -> None:
            self.kept: dict[str, Any] = {}

        def get(self, key: str, default: Any = None) -> Any:
            return self.kept.get(key, default)

        def set(self, key: str, value: Any) -> None:
            self.kept[key] = value

    cache = Plain()
    with Loopback("a") as server:
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        texts = [client.create(messages=HI, cache=cache).choices[0].message.content for _ in range(2)]
    assert texts == ["a", "a"]
    assert [type(value) for value in cache.kept.values()] == [str]


def test_a_cache_that_fails_never_costs_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def get(self, key: str, default: Any = None) -> Any:
            raise OSError("no server")

        def set(self, key: str, value: Any) -> None:
            raise OSError("no server")

    with Loopback("a", "b") as server, caplog.at_level(logging.WARNING):
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        texts = [client.create(messages=HI, cache=Broken()).choices[0].message.content for _ in range(2)]
    assert texts == ["a", "b"]
    assert sum("Broken" in record.getMessage() for record in caplog.records) == 1


def test_errors_are_not_cached() -> None:
    with Loopback((500, error("boom"), {}), "a") as server:
        client = OpenAIWrapper(config_list=[server.entry()])
        with pytest.raises(Overloaded):
            client.create(messages=HI)
        assert client.create(messages=HI).choices[0].message.content == "a"


def test_tools_and_their_calls_survive_the_cache() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
    with Loopback(completion(None, "gpt-4", tool_calls=calls), "b") as server:
        client = OpenAIWrapper(config_list=[server.entry()])
        answers = [client.create(messages=HI, tools=[tool]).choices[0].message for _ in range(2)]
        without = client.create(messages=HI).choices[0].message.content
    assert answers[0] == answers[1]
    assert answers[1].tool_calls[0].function.name == "f"
    assert without == "b"


def test_no_key_is_ever_on_disk_or_shown(here: Path) -> None:
    with Loopback("a", (401, error(f"Incorrect API key provided: {CANARY}"), {})) as server:
        client = OpenAIWrapper(config_list=[server.entry(api_key=CANARY, default_headers={"X-Secret": CANARY})])
        client.create(messages=HI, extra_headers={"X-Other": CANARY})
        with pytest.raises(Exception, match="401") as caught:
            client.create(messages=[{"role": "user", "content": "other"}])
        assert server.seen[0][1]["authorization"] == f"Bearer {CANARY}"
    kept = b"".join(path.read_bytes() for path in here.rglob("*") if path.is_file())
    shown = " ".join([
        str(caught.value), repr(caught.value), repr(client), repr(client._clients), repr(client._config_list),
        repr(client._entries), str(client._entries[0]),
    ])  # fmt: skip
    assert kept
    assert CANARY.encode() not in kept
    assert CANARY not in shown


def test_a_poisoned_reply_is_asked_again(here: Path) -> None:
    with Loopback("a", "b") as server, Cache.disk(7) as cache:
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        client.create(messages=HI, cache=cache)
        import sqlite3

        connection = sqlite3.connect(here / ".cache" / "7" / "autogen-cache.sqlite3")
        with connection:
            connection.execute("UPDATE entries SET data = x'80049503'")
        connection.close()
        response = client.create(messages=HI, cache=cache)
    assert (response.choices[0].message.content, response.cached) == ("b", False)


def test_a_request_that_is_no_json_is_asked_without_a_cache() -> None:
    with Loopback("a", "b") as server:
        client = OpenAIWrapper(config_list=[server.entry()])
        with pytest.raises((ConfigError, TypeError)):
            client.create(messages=HI, metadata={"x": object()})
