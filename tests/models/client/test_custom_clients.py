"""Clients that the program brings: registered classes, ready SDK clients, and a `create` of its own."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from autogen.core.effects import CallModel
from autogen.core.errors import ConfigError
from autogen.core.events import Event
from autogen.core.model import ModelMessage, ModelRequest, Text, ToolSpec
from autogen.drivers.blocking import perform
from autogen.models.client import call_model
from autogen.models.openai_wrapper import OpenAIWrapper
from tests.models.client.loopback import HI, Loopback


class Local:
    """A client as 0.2's documentation writes one."""

    made: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def __init__(self, config: dict[str, Any], **kwargs: Any) -> None:
        self.params: list[dict[str, Any]] = []
        Local.made.append((config, kwargs))

    def create(self, params: dict[str, Any]) -> Any:
        self.params.append(params)
        choice = SimpleNamespace(message=SimpleNamespace(content="local", function_call=None))
        return SimpleNamespace(choices=[choice], model="my-model", usage=SimpleNamespace(prompt_tokens=1))

    def message_retrieval(self, response: Any) -> list[str]:
        return [choice.message.content for choice in response.choices]

    def cost(self, response: Any) -> float:
        return 0.5

    @staticmethod
    def get_usage(response: Any) -> dict[str, Any]:
        return {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "cost": response.cost, "model": "zz"}


class Uncounted(Local):
    @staticmethod
    def get_usage(response: Any) -> dict[str, Any]:
        return {}


def entry(name: str = "Local", **more: Any) -> dict[str, Any]:
    return {"model": "m", "model_client_cls": name, "device": "cpu", "params": {"a": 1}, **more}


def test_a_registered_class_is_made_from_the_entry_and_answers() -> None:
    Local.made.clear()
    client = OpenAIWrapper(config_list=[entry(n=1)], cache_seed=None, temperature=0.2)
    client.register_model_client(Local, extra=1)
    response = client.create(messages=HI)
    assert Local.made == [
        ({"model": "m", "model_client_cls": "Local", "device": "cpu", "params": {"a": 1}, "n": 1}, {"extra": 1})
    ]
    assert client._clients[0].params == [
        {
            "messages": HI, "temperature": 0.2, "model": "m", "model_client_cls": "Local", "device": "cpu",
            "n": 1, "params": {"a": 1},
        }
    ]  # fmt: skip
    assert client.extract_text_or_completion_object(response) == ["local"]
    assert (response.cost, response.config_id, response.pass_filter) == (0.5, 0, True)
    assert client.total_usage_summary == {
        "total_cost": 0.5,
        "zz": {"cost": 0.5, "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    }


def test_the_entrys_price_replaces_the_clients_cost() -> None:
    client = OpenAIWrapper(config_list=[entry(price=[1, 1])], cache_seed=None)
    client.register_model_client(Local)
    response = client.create(messages=HI)
    assert response.cost == 0.001
    assert (client.total_usage_summary or {})["total_cost"] == 0.001


def test_a_client_that_counts_nothing_leaves_no_usage() -> None:
    client = OpenAIWrapper(config_list=[entry("Uncounted")], cache_seed=None)
    client.register_model_client(Uncounted)
    client.create(messages=HI)
    assert client.total_usage_summary is None


def test_an_unregistered_class_is_told_in_0_2s_words() -> None:
    client = OpenAIWrapper(config_list=[entry()], cache_seed=None)
    with pytest.raises(RuntimeError) as caught:
        client.create(messages=HI)
    assert str(caught.value) == (
        "Model client(s) ['Local'] are not activated. Please register the custom model clients using "
        "`register_model_client` or filter them out form the config list."
    )


def test_a_class_that_no_entry_names_is_refused() -> None:
    client = OpenAIWrapper(config_list=[entry("Other")], cache_seed=None)
    with pytest.raises(ValueError, match='Model client "Local" is being registered but was not found'):
        client.register_model_client(Local)


def test_each_entry_takes_one_registration(caplog: pytest.LogCaptureFixture) -> None:
    client = OpenAIWrapper(config_list=[entry(), entry()], cache_seed=None)
    client.register_model_client(Local)
    with pytest.raises(RuntimeError, match="not activated"):
        client.create(messages=HI)
    client.register_model_client(Local)
    client.register_model_client(Local)
    assert "Model client Local is already registered" in caplog.text
    assert client.create(messages=HI).choices[0].message.content == "local"


def test_what_a_custom_client_raises_is_raised() -> None:
    class Broken(Local):
        def create(self, params: dict[str, Any]) -> Any:
            raise RuntimeError("custom broke")

    client = OpenAIWrapper(config_list=[entry("Broken"), entry()], cache_seed=None)
    client.register_model_client(Broken)
    client.register_model_client(Local)
    with pytest.raises(RuntimeError, match="custom broke"):
        client.create(messages=HI)


def test_an_api_error_of_an_sdk_moves_on() -> None:
    class APIError(Exception):
        """As the SDKs call it."""

    class Failing(Local):
        def create(self, params: dict[str, Any]) -> Any:
            raise APIError("quota")

    client = OpenAIWrapper(config_list=[entry("Failing"), entry()], cache_seed=None)
    client.register_model_client(Failing)
    client.register_model_client(Local)
    assert client.create(messages=HI).config_id == 1


def test_an_async_custom_client_works_in_both_faces() -> None:
    class Later(Local):
        async def create(self, params: dict[str, Any]) -> Any:  # type: ignore[override]
            await asyncio.sleep(0)
            return Local.create(self, params)

    client = OpenAIWrapper(config_list=[entry("Later")], cache_seed=None)
    client.register_model_client(Later)
    assert client.create(messages=HI).choices[0].message.content == "local"
    assert asyncio.run(client.a_create(messages=HI)).choices[0].message.content == "local"


def test_a_cached_answer_of_a_custom_client_reads_the_same(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = OpenAIWrapper(config_list=[entry()])
    client.register_model_client(Local)
    first, again = client.create(messages=HI), client.create(messages=HI)
    assert len(client._clients[0].params) == 1
    assert client.extract_text_or_completion_object(first) == client.extract_text_or_completion_object(again)
    assert (again.cached, again.cost, again.model) == (True, 0.5, "zz")
    assert (client.actual_usage_summary or {})["total_cost"] == 0.5
    assert (client.total_usage_summary or {})["total_cost"] == 1.0


def test_a_custom_client_may_call_tools_in_any_shape() -> None:
    class Caller(Local):
        def message_retrieval(self, response: Any) -> list[Any]:
            function = SimpleNamespace(name="f", arguments='{"a": 1}')
            call = SimpleNamespace(id="c1", type="function", function=function)
            return [SimpleNamespace(content=None, tool_calls=[call], function_call=None)]

    client = OpenAIWrapper(config_list=[entry("Caller")], cache_seed=None)
    client.register_model_client(Caller)
    reply = perform(client.complete(ModelRequest((ModelMessage("user", (Text("hi"),)),))))
    assert [(call.id, call.name, call.arguments) for call in reply.message.calls] == [("c1", "f", '{"a": 1}')]
    assert reply.finish == "tools"


def test_an_agents_request_reaches_a_custom_client_as_dicts() -> None:
    client = OpenAIWrapper(config_list=[entry()], cache_seed=None)
    client.register_model_client(Local)
    tool = ToolSpec("f", "does", {"type": "object", "properties": {}})
    request = ModelRequest(
        (ModelMessage("system", (Text("be"),)), ModelMessage("user", (Text("hi"),), name="bob")), (tool,)
    )
    reply = perform(client.complete(request, agent="bot", purpose="reply"))
    params = client._clients[0].params[0]
    assert params["messages"] == [
        {"content": "be", "role": "system"},
        {"content": "hi", "role": "user", "name": "bob"},
    ]
    assert params["tools"][0]["function"]["name"] == "f"
    assert (reply.message.text, reply.cost, reply.usage.total) == ("local", 0.5, 3)


# ---- ready clients --------------------------------------------------------------------------------------------------


class Sdk:
    """The part of an SDK client that is used."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.chat = SimpleNamespace(completions=SimpleNamespace(create=self._create))

    def _create(self, **params: Any) -> Any:
        self.asked.append(params)
        message = SimpleNamespace(content="from the sdk", tool_calls=None, function_call=None)
        usage = SimpleNamespace(prompt_tokens=10, completion_tokens=5, total_tokens=15)
        choices = [SimpleNamespace(message=message, finish_reason="stop")]
        return SimpleNamespace(id="x", model="gpt-4", choices=choices, usage=usage, created=7)


def test_a_ready_client_in_an_entry_is_called() -> None:
    sdk = Sdk()
    client = OpenAIWrapper(config_list=[{"model": "gpt-4", "client": sdk}], cache_seed=None, temperature=0)
    response = client.create(messages=HI)
    assert sdk.asked == [{"messages": HI, "model": "gpt-4", "temperature": 0}]
    assert (response.choices[0].message.content, response.cost, response.usage.total_tokens) == (
        "from the sdk",
        0.0006,
        15,
    )


def test_a_client_without_completions_is_named() -> None:
    client = OpenAIWrapper(config_list=[{"model": "gpt-4", "client": object()}], cache_seed=None)
    with pytest.raises(ConfigError, match=r"chat\.completions\.create"):
        client.create(messages=HI)


# ---- a `create` of the program's own --------------------------------------------------------------------------------


def asked(client: Any, cache: Any = None) -> tuple[Any, list[Event]]:
    events: list[Event] = []
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),))
    return perform(call_model(CallModel("bot", "reply", request, client, cache), events.append)), events


def test_the_performer_calls_the_wrapper() -> None:
    with Loopback("a") as server:
        reply, events = asked(OpenAIWrapper(config_list=[server.entry()], cache_seed=None))
    assert reply.message.text == "a"
    assert [type(event).__name__ for event in events] == ["ModelStarted", "RequestSent", "ModelFinished"]


def test_an_overridden_create_is_honoured() -> None:
    class Mine(OpenAIWrapper):
        def create(self, **config: Any) -> Any:
            assert config["messages"] == [{"content": "hi", "role": "user"}]
            return Local({}).create({})

    reply, events = asked(Mine(config_list=[{"model": "gpt-4", "api_key": "k"}]))
    assert reply.message.text == "local"
    assert len(events) == 2


def test_a_patched_create_is_honoured() -> None:
    client = OpenAIWrapper(config_list=[{"model": "gpt-4", "api_key": "k"}])
    client.create = lambda **_: Local({}).create({})  # type: ignore[method-assign]
    assert asked(client)[0].message.text == "local"


def test_any_object_with_create_is_a_client() -> None:
    assert asked(SimpleNamespace(create=lambda **_: Local({}).create({})))[0].message.text == "local"


def test_an_agent_without_a_model_is_told_so() -> None:
    with pytest.raises(ConfigError, match="agent 'bot' has no model"):
        asked(None)
