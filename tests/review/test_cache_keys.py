"""Two requests that may be answered differently never share a cached answer. Refuses to know what a key looks like."""

from types import SimpleNamespace
from typing import Any

import pytest

from autogen import OpenAIWrapper
from autogen.cache import InMemoryCache
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.models.client import _merged
from autogen.models.reply_cache import request_key

ASKED = [{"role": "user", "content": "who are you?"}]
AZURE = {"api_type": "azure", "api_version": "2024-02-01", "azure_endpoint": "https://one.example"}


def key_of(**entry: Any) -> str | None:
    known = OpenAIWrapper(config_list=[{"model": "gpt-4", "api_key": "sk-test", **entry}])._entries[0]
    request = _merged(known, ModelRequest((ModelMessage("user", (Text("hi"),)),)))
    return request_key(known, request, request.settings)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"base_url": "http://localhost:8000/v1"}),
        ({"base_url": "http://localhost:8000/v1"}, {"base_url": "http://localhost:8001/v1"}),
        ({"api_base": "http://localhost:8000/v1"}, {"api_base": "http://localhost:8001/v1"}),
        ({**AZURE, "azure_deployment": "blue"}, {**AZURE, "azure_deployment": "green"}),
        (AZURE, {**AZURE, "azure_endpoint": "https://two.example"}),
        ({}, {"default_query": {"route": "b"}}),
        ({}, {"extra_query": {"route": "b"}}),
        ({}, {"default_headers": {"x-persona": "pirate"}}),
        ({}, {"extra_headers": {"x-persona": "pirate"}}),
    ],
)
def test_what_decides_who_answers_and_how_decides_the_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key_of(**one) != key_of(**other)


@pytest.mark.parametrize(
    "account",
    [
        {"api_key": "sk-another"},
        {"default_headers": {"Authorization": "Bearer x"}},
        {"base_url": "https://u:p@api.openai.com/v1"},
    ],
)
def test_whose_account_pays_does_not(account: dict[str, Any]) -> None:
    assert key_of(**account) == key_of()


def a_client(name: str, base_url: str | None) -> Any:
    def create(**asked: Any) -> Any:
        message = SimpleNamespace(content=name, role="assistant", tool_calls=None, function_call=None)
        choice = SimpleNamespace(message=message, finish_reason="stop")
        return SimpleNamespace(choices=[choice], model="gpt-4", usage=None, id="1", created=1)

    where = {} if base_url is None else {"base_url": base_url}
    return SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)), **where)


@pytest.mark.parametrize("urls", [("https://one.example", "https://two.example"), (None, None)])
def test_ready_clients_of_two_servers_are_not_taken_for_one(urls: tuple[str | None, str | None]) -> None:
    cache = InMemoryCache()
    answers = [
        OpenAIWrapper(config_list=[{"model": "gpt-4", "client": a_client(name, url)}])
        .create(messages=ASKED, cache=cache)
        .choices[0]
        .message.content
        for name, url in zip(("one", "two"), urls, strict=True)
    ]
    assert answers == ["one", "two"]
