"""Agents of one configuration share what was read of it; nothing that one of them does may reach another."""

import copy
from typing import Any

import pytest

from autogen import OpenAIWrapper
from autogen.core.model import ModelMessage, ModelReply, Text, Usage
from autogen.models.entries import MOST_TWINS, endpoint_of, read_entry
from autogen.models.usage import UsageLog, gather_usage_summary

ENTRY = {"model": "gpt-4o", "api_key": "sk-one", "base_url": "http://127.0.0.1:9/v1"}


def client(**more: Any) -> OpenAIWrapper:
    return OpenAIWrapper(config_list=[{**ENTRY, **more}], cache_seed=None)


def test_equal_configurations_are_read_once() -> None:
    assert client()._entries[0] is client()._entries[0]


@pytest.mark.parametrize(
    "more",
    [{"model": "gpt-4"}, {"api_key": "sk-two"}, {"base_url": "http://127.0.0.1:8/v1"}, {"temperature": 1},
     {"temperature": 1.0}, {"temperature": True}, {"temperature": None}],
)  # fmt: skip
def test_a_difference_is_a_difference(more: dict[str, Any]) -> None:
    others = [client(**other)._entries[0] for other in ({}, {"temperature": 0}, {"api_key": "sk-three"})]
    assert all(client(**more)._entries[0] is not other for other in others)
    kept = client(**more)._entries[0].settings.get("temperature")
    assert (kept, type(kept)) == (more.get("temperature"), type(more.get("temperature")))


def test_what_a_program_could_change_is_not_shared() -> None:
    stops = ["END"]
    one, other = client(stop=stops), client(stop=stops)
    assert one._entries[0] is not other._entries[0]

    class Client:
        """Stands for a connection of the program's own."""

    http = Client()
    assert client(http_client=http)._entries[0] is not client(http_client=http)._entries[0]


def test_a_shown_configuration_is_ones_own() -> None:
    one, other = client(tags=None), client(tags=None)
    one._config_list[0]["allow_format_str_template"] = True
    assert one._base("allow_format_str_template", False) is True
    assert other._base("allow_format_str_template", False) is False
    assert "allow_format_str_template" not in client(tags=None)._config_list[0]
    assert one._config_list is one._config_list


def test_a_client_put_in_place_is_ones_own() -> None:
    class Mine:
        pass

    one, other = client(), client()
    one._clients[0] = Mine()
    assert [entry.kind for entry in one._ready()] == ["custom"]
    assert [entry.kind for entry in other._ready()] == ["chat"]


def test_a_registered_model_client_stays_where_it_is() -> None:
    class Custom:
        def __init__(self, config: dict[str, Any]) -> None:
            self.config = config

    given = {"model": "m", "model_client_cls": "Custom"}
    one, other = OpenAIWrapper(config_list=[given]), OpenAIWrapper(config_list=[given])
    one.register_model_client(Custom)
    assert [entry.kind for entry in one._ready()] == ["custom"]
    with pytest.raises(RuntimeError, match="Custom"):
        other._ready()


def test_a_deep_copy_counts_on_its_own() -> None:
    one = client()
    twin = copy.deepcopy(one)
    twin._config_list[0]["model"] = "other"
    assert one._config_list[0]["model"] == "gpt-4o"


def test_the_environment_is_looked_at_for_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = {"model": "gpt-4o", "base_url": "http://127.0.0.1:9/v1"}
    entry = read_entry(bare, {}, 0)
    seen = []
    for key in ("sk-a", "sk-b", "sk-b"):
        monkeypatch.setenv("OPENAI_API_KEY", key)
        monkeypatch.setenv("OPENAI_ORG_ID", f"org of {key}")
        endpoint = endpoint_of(read_entry(bare, {}, 0), {})
        assert endpoint.api_key is not None
        seen.append((endpoint.api_key.reveal(), endpoint.organization))
    assert seen == [("sk-a", "org of sk-a"), ("sk-b", "org of sk-b"), ("sk-b", "org of sk-b")]
    assert read_entry(bare, {}, 0) is entry


def test_an_azure_entry_without_its_version_is_refused_as_soon_as_the_environment_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    azure = {"model": "gpt-4o", "api_type": "azure", "api_key": "k", "base_url": "https://x.openai.azure.com"}
    monkeypatch.setenv("OPENAI_API_VERSION", "2024-02-01")
    assert read_entry(azure, {}, 0).api_type == "azure"
    monkeypatch.delenv("OPENAI_API_VERSION")
    with pytest.raises(ValueError, match="api_version"):
        read_entry(azure, {}, 0)


def test_only_so_many_are_remembered() -> None:
    first = client()._entries[0]
    for number in range(MOST_TWINS):
        client(seed=number)
    assert client()._entries[0] is not first


def reply(model: str = "m", cost: float | None = 0.5, cached: bool = False) -> ModelReply:
    usage = Usage(input=3, output=2, requests=1)
    message = ModelMessage("assistant", (Text("hi"),))
    return ModelReply(message=message, finish="stop", usage=usage, model=model, cost=cost, cached=cached)


def line(count: int, cost: float) -> dict[str, Any]:
    return {"cost": cost, "prompt_tokens": 3 * count, "completion_tokens": 2 * count, "total_tokens": 5 * count}


def test_usage_reads_as_0_2_shows_it() -> None:
    log = UsageLog()
    assert (log.total, log.actual, log.seen()) == (None, None, (None, None))
    for one in (reply(), reply("n", None), reply(cached=True)):
        log.add(one)
    assert log.seen() == (
        {"total_cost": 1.0, "m": line(2, 1.0), "n": line(1, 0)},
        {"total_cost": 0.5, "m": line(1, 0.5), "n": line(1, 0)},
    )
    assert log.seen() == (log.total, log.actual)


def test_a_usage_summary_that_a_program_was_given_is_its_own_to_change() -> None:
    log = UsageLog()
    log.add(reply())
    summary = log.total
    assert summary is log.total
    assert summary is not None
    summary["total_cost"] = 10
    log.add(reply())
    assert (log.total or {})["total_cost"] == 10.5
    assert (log.actual or {})["total_cost"] == 1.0
    log.actual = {"total_cost": 3}
    log.add(reply())
    assert log.actual == {"total_cost": 3.5, "m": line(1, 0.5)}
    log.clear()
    assert log.seen() == (None, None)


def test_a_class_that_counts_in_its_own_way_is_asked() -> None:
    class Mine(OpenAIWrapper):
        total_usage_summary = property(lambda self: {"total_cost": 7})

    class Holder:
        client = Mine(config_list=[ENTRY])

    assert gather_usage_summary([Holder()])["usage_including_cached_inference"] == {"total_cost": 7}
