"""What a configuration may say, and how each mistake is told."""

import copy
import threading
from typing import Any

import pytest

from autogen.core.errors import ConfigError
from autogen.drivers.blocking import perform
from autogen.models.entries import endpoint_of, read_entry
from autogen.models.llm_config import validate_llm_config
from autogen.models.openai_wrapper import OpenAIWrapper
from autogen.models.scripted import Script
from tests.models.client.loopback import HI, Loopback

ENTRY = {"model": "gpt-4", "api_key": "k"}
VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_VERSION", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES, "AZURE_OPENAI_AD_TOKEN", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(variable, raising=False)


def test_false_and_none_mean_no_model() -> None:
    assert validate_llm_config(False) is False
    assert validate_llm_config(None) is False
    assert validate_llm_config(None, {"config_list": [ENTRY]}) == {"config_list": [ENTRY]}


@pytest.mark.parametrize(
    "config",
    [{}, {"config_list": []}, {"config_list": [{"model": ""}]}, {"temperature": 0}, {"model": None}],
)
def test_a_configuration_without_a_model_is_refused_in_0_2s_words(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:
        validate_llm_config(config)
    assert str(caught.value) == (
        "When using OpenAI or Azure OpenAI endpoints, specify a non-empty 'model' either in 'llm_config' or in each "
        "config of 'config_list'."
    )


@pytest.mark.parametrize(
    "config",
    [
        {"model": "gpt-4"},
        {"config_list": [ENTRY]},
        {"model": "gpt-4", "config_list": [{"api_key": "k"}]},
        {"config_list": [ENTRY, {"model": "", "api_key": "k"}]},
        {"config_list": [{"model_client_cls": "Mine"}]},
        {"config_list": [{"api_type": "scripted", "script": ["a"]}]},
        {"config_list": [ENTRY], "timeout": 60, "cache_seed": None, "temperature": 0, "functions": [{"name": "f"}]},
    ],
)
def test_these_are_fine_and_are_copied(config: dict[str, Any]) -> None:
    checked = validate_llm_config(config)
    assert checked == config or "script" in str(config)
    assert checked is not config


@pytest.mark.parametrize("config", ["abc", True, 3, [ENTRY]])
def test_other_types_are_refused_as_in_0_2(config: Any) -> None:
    with pytest.raises(AssertionError, match="^llm_config must be a dict or False or None, got "):
        validate_llm_config(config)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"config_list": "abc"}, "must be a list of dicts, got str"),
        ({"config_list": {"model": "a"}}, "must be a list of dicts, got dict"),
        ({"config_list": ["gpt-4"]}, "entry 0 of the config_list is str"),
        ({"config_list": [ENTRY, {**ENTRY, "api_type": "foo"}]}, "entry 1 .* api_type 'foo'.*'azure' and 'scripted'"),
        ({"config_list": [{**ENTRY, "api_type": "anthropic"}]}, "api_type 'anthropic', .* later release"),
        ({"config_list": [{**ENTRY, "max_token": 1}]}, "unknown key 'max_token'; did you mean 'max_tokens'"),
        ({"config_list": [{**ENTRY, "apikey": "x"}]}, "unknown key 'apikey'; did you mean 'api_key'"),
        ({"config_list": [{**ENTRY, "request_timeout": 1}]}, "old release; today it is timeout"),
        ({"config_list": [{**ENTRY, "price": 3}]}, r"price 3; it must be \[prompt, completion\]"),
        ({"config_list": [{**ENTRY, "max_retries": -1}]}, "max_retries=-1"),
        ({"config_list": [{**ENTRY, "api_rate_limit": 0}]}, "api_rate_limit=0"),
        ({"config_list": [{"model": 4, "api_key": "k"}]}, "model of type int"),
        (
            {"config_list": [{**ENTRY, "api_type": "azure", "base_url": "https://x"}]},
            "Must provide either the `api_version`",
        ),
        ({"config_list": [{"api_type": "scripted"}]}, 'needs "script"'),
    ],
)
def test_each_mistake_is_told_when_the_agent_is_made(config: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        validate_llm_config(config)


def test_a_value_that_cannot_be_copied_is_named() -> None:
    with pytest.raises(
        TypeError, match=r"^Please implement __deepcopy__ method for each value class in llm_config"
    ) as caught:
        validate_llm_config({"config_list": [{**ENTRY, "http_client": threading.Lock()}]})
    assert "'http_client'" in str(caught.value)


def test_ready_clients_and_scripts_are_shared_not_copied() -> None:
    script, client = Script(["a"]), threading.Lock()
    checked = validate_llm_config(
        {"config_list": [{"api_type": "scripted", "script": script}, {"model": "m", "client": client}]}
    )
    assert checked
    assert checked["config_list"][0]["script"] is script
    assert checked["config_list"][1]["client"] is client


def test_an_unknown_key_goes_to_the_server_as_it_is() -> None:
    with Loopback("x") as server:
        OpenAIWrapper(config_list=[server.entry("local-model", guided_json={"a": 1})], cache_seed=None).create(
            messages=HI
        )
        assert server.seen[0][2]["guided_json"] == {"a": 1}


# ---- keys and addresses ---------------------------------------------------------------------------------------------


def test_a_missing_key_is_told_when_the_call_is_made() -> None:
    client = OpenAIWrapper(config_list=[{"model": "gpt-4"}], cache_seed=None)
    with pytest.raises(ConfigError) as caught:
        client.create(messages=HI)
    told = str(caught.value)
    assert "entry 0 of the config_list (model 'gpt-4' at api.openai.com)" in told
    assert '"api_key"' in told
    assert "OPENAI_API_KEY" in told


def test_a_local_server_needs_no_key() -> None:
    with Loopback("x") as server:
        OpenAIWrapper(config_list=[{"model": "llama", "base_url": server.base_url}], cache_seed=None).create(
            messages=HI
        )
        assert "authorization" not in server.seen[0][1]


def test_keys_and_addresses_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with Loopback("x") as server:
        client = OpenAIWrapper(config_list=[{"model": "gpt-4"}], cache_seed=None)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-from-env")
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        client.create(messages=HI)
        assert server.seen[0][1]["authorization"] == "Bearer sk-from-env"


def test_an_azure_entry() -> None:
    entry = read_entry(
        {"model": "my.gpt-4", "api_key": "k", "api_type": "azure", "base_url": "https://x.example", "api_version": "v"},
        {}, 3,
    )  # fmt: skip
    endpoint = endpoint_of(entry, {})
    assert (endpoint.api_type, endpoint.api_version, endpoint.base_url, endpoint.config_id) == (
        "azure", "v", "https://x.example", 3,
    )  # fmt: skip
    assert entry.visible == {"model": "my.gpt-4", "api_type": "azure"}


def test_azure_keys_never_come_from_openais_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    config = {"model": "m", "api_type": "azure", "base_url": "https://x.example", "api_version": "v"}
    with pytest.raises(ConfigError, match="AZURE_OPENAI_API_KEY"):
        endpoint_of(read_entry(config, {}, 0), {})


@pytest.mark.parametrize(
    ("value", "read"), [(5, 5.0), (0.5, 0.5), ({"connect": 1, "read": 2, "write": None, "pool": None}, 2)]
)
def test_timeouts(value: Any, read: float) -> None:
    endpoint = endpoint_of(read_entry({**ENTRY, "timeout": value}, {}, 0), {})
    assert endpoint.timeout.read == read


def test_a_calls_timeout_wins_over_the_entrys() -> None:
    entry = read_entry({**ENTRY, "timeout": 5}, {}, 0)
    assert endpoint_of(entry, {"timeout": 1}).timeout.read == 1


def test_an_entry_shows_no_key() -> None:
    entry = read_entry({**ENTRY, "api_key": "sk-canary", "default_headers": {"X": "sk-canary"}}, {}, 0)
    assert "sk-canary" not in repr(entry) + str(entry) + repr(entry.visible) + repr(entry.connection["api_key"])
    assert "sk-canary" not in repr(endpoint_of(entry, {}))


def test_what_0_2_showed_of_a_config_list() -> None:
    client = OpenAIWrapper(
        config_list=[
            {"model": "gpt-4o", "api_key": "k", "base_url": "http://127.0.0.1:9/v1", "price": [1, 2], "tags": ["a"]}
        ],
        cache_seed=None,
    )
    assert client._config_list == [{"cache_seed": None, "model": "gpt-4o", "price": [1, 2], "tags": ["a"]}]
    assert [type(item).__name__ for item in client._clients] == ["OpenAIClient"]


def test_a_wrapper_without_a_list_has_one_entry() -> None:
    assert OpenAIWrapper(api_key="k", model="gpt-4")._config_list == [{"model": "gpt-4"}]


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        OpenAIWrapper([{}])  # type: ignore[misc]


def test_copies_share_clients_and_count_on_their_own() -> None:
    with Loopback("a", "b") as server:
        client = OpenAIWrapper(config_list=[server.entry()], cache_seed=None)
        client.create(messages=HI)
        twin = copy.deepcopy(client)
        twin.create(messages=HI)
    assert (client.total_usage_summary or {})["gpt-4"]["total_tokens"] == 15
    assert (twin.total_usage_summary or {})["gpt-4"]["total_tokens"] == 30
    assert twin._clients[0] is client._clients[0]


def test_usage_adds_up_across_threads() -> None:
    from autogen.core.model import ModelMessage, ModelRequest, Text

    client = OpenAIWrapper(config_list=[{"api_type": "scripted", "model": "s", "script": [{"text": "x", "times": 0}]}])
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),))
    threads = [
        threading.Thread(target=lambda: [perform(client.complete(request)) for _ in range(25)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (client.total_usage_summary or {})["s"]["prompt_tokens"] == 2000


def test_usage_can_be_set_and_forgotten() -> None:
    client = OpenAIWrapper(model="gpt-4", api_key="k")
    client.total_usage_summary = {"total_cost": 1.0}
    assert client.total_usage_summary == {"total_cost": 1.0}
    client.clear_usage_summary()
    assert (client.total_usage_summary, client.actual_usage_summary) == (None, None)
