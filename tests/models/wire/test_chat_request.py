"""What goes on the Chat Completions wire: strict servers take it, and a longer request begins with the shorter one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ConfigError
from autogen.core.model import (
    Media,
    ModelMessage,
    ModelRequest,
    Opaque,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from autogen.core.wire import render
from autogen.models.chat import encode
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.profiles import ALTERNATING, DEEPSEEK, MISTRAL, NAMELESS, OPENAI_REASONING, Profile, profile_for
from autogen.models.secret import Secret
from autogen.models.transport import Timeout
from tests.models.wire.chat_rules import broken_rule

ENDPOINT = ChatEndpoint(model="gpt-4o", api_key=Secret("sk-test"))


def body_of(request: ModelRequest, endpoint: ChatEndpoint = ENDPOINT) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(encode(request, endpoint).body)
    return sent


def said(*messages: dict[str, Any], profile: Profile | None = None) -> list[dict[str, Any]]:
    """The wire form of 0.2 messages."""
    endpoint = ENDPOINT if profile is None else ChatEndpoint(model="m", profile=profile)
    out: list[dict[str, Any]] = body_of(ModelRequest(render(messages)), endpoint)["messages"]
    return out


def call(call_id: str, name: str = "add", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "function": {"arguments": arguments, "name": name}, "type": "function"}


def asking(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"content": None, "role": "assistant", "tool_calls": list(calls)}


# ---- messages ------------------------------------------------------------------------------------------------------


def test_texts_are_sent_as_0_2_sends_them() -> None:
    history = [
        {"content": "be kind", "role": "system"},
        {"content": "hello", "role": "user", "name": "user"},
        {"content": "hi", "role": "assistant", "name": "bot"},
    ]
    assert said(*history) == history


def test_calls_and_answers_are_sent_as_0_2_sends_them() -> None:
    sent = said(
        asking(call("c1"), call("c2", "boom")),
        {
            "content": "3\n\nError: broken",
            "role": "tool",
            "name": "user",
            "tool_responses": [
                {"tool_call_id": "c1", "role": "tool", "content": "3"},
                {"tool_call_id": "c2", "role": "tool", "content": "Error: broken"},
            ],
        },
    )
    assert sent == [
        asking(call("c1"), call("c2", "boom")),
        {"tool_call_id": "c1", "role": "tool", "content": "3"},
        {"tool_call_id": "c2", "role": "tool", "content": "Error: broken"},
    ]


def test_the_legacy_function_form() -> None:
    history = [
        {"content": None, "role": "assistant", "function_call": {"arguments": "{}", "name": "add"}},
        {"content": "3", "name": "add", "role": "function"},
    ]
    assert said(*history) == history


def test_pictures_are_the_users_only() -> None:
    parts = [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
    ]
    assert said({"role": "user", "content": parts}) == [{"content": parts, "role": "user"}]
    sent = said({"role": "assistant", "content": parts})
    assert sent[0]["content"] == [{"type": "text", "text": "see"}, {"type": "text", "text": "[image: https://x/y.png]"}]


def test_sound_and_files_have_their_own_parts() -> None:
    message = ModelMessage("user", (Media(url="data:audio/mpeg;base64,QUJD"), Media(file_id="f1")))
    assert body_of(ModelRequest((message,)))["messages"][0]["content"] == [
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
        {"type": "file", "file": {"file_id": "f1"}},
    ]


def test_names_are_made_to_fit_or_left_out() -> None:
    assert said({"role": "user", "content": "x", "name": "Ann Lee (2)"})[0]["name"] == "Ann_Lee__2_"
    assert "name" not in said({"role": "user", "content": "x", "name": "a"}, profile=NAMELESS)[0]


def test_an_empty_message_is_left_out_kept_or_filled_by_profile() -> None:
    history = [{"role": "user", "content": "go"}, {"role": "assistant", "content": ""}]
    assert len(said(*history)) == 1
    assert said(*history, profile=Profile(id="k", empty_text="keep"))[1]["content"] == ""
    assert said(*history, profile=Profile(id="f", empty_text="fill"))[1]["content"] == "(no answer)"


def test_a_request_never_ends_in_the_models_own_words_because_the_other_side_was_silent() -> None:
    history = ({"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"})
    assert said(*history, {"role": "user", "content": ""})[-1] == {"content": "(no answer)", "role": "user"}
    assert len(said(*history, {"role": "assistant", "content": ""}, {"role": "user", "content": "go on"})) == 3


def test_a_request_is_never_without_messages() -> None:
    assert len(said({"role": "user", "content": ""})) == 1
    assert broken_rule(encode(ModelRequest(()), ENDPOINT).body) is None


def test_an_unanswered_call_is_cancelled_directly_after_it() -> None:
    sent = said(asking(call("c1"), call("c2")), {"role": "tool", "tool_call_id": "c2", "content": "2"},
                {"role": "user", "content": "stop"})  # fmt: skip
    assert sent[1:3] == [
        {"tool_call_id": "c2", "content": "2", "role": "tool"},
        {"tool_call_id": "c1", "content": "cancelled", "role": "tool"},
    ]
    assert said(asking(call("c1")))[1]["content"] == "cancelled"


def test_an_answer_without_a_call_becomes_the_users_words() -> None:
    late = {"role": "tool", "tool_call_id": "c9", "content": "late", "name": "add"}
    assert said({"role": "user", "content": "x"}, late)[1] == {"content": "Result of add: late", "role": "user"}


def test_missing_and_repeated_ids_are_made_distinct_and_answered_in_order() -> None:
    answers = [
        {"role": "tool", "tool_call_id": name, "content": text} for name, text in (("", "1"), ("c", "2"), ("c", "3"))
    ]
    sent = said(asking(call(""), call("c"), call("c")), *answers)
    ids = [made["id"] for made in sent[0]["tool_calls"]]
    assert ids == ["call_0", "c", "c_2"]
    assert [(m["tool_call_id"], m["content"]) for m in sent[1:]] == list(zip(ids, "123", strict=True))


def test_mistral_ids_have_nine_letters_and_no_user_follows_a_tool() -> None:
    sent = said(asking(call("call_abc")), {"role": "tool", "tool_call_id": "call_abc", "content": "1"},
                {"role": "user", "content": "and?"}, profile=MISTRAL)  # fmt: skip
    name = sent[0]["tool_calls"][0]["id"]
    assert len(name) == 9 and name.isalnum() and sent[1]["tool_call_id"] == name
    assert [m["role"] for m in sent] == ["assistant", "tool", "assistant", "user"]


def test_reasoning_goes_back_only_to_those_who_want_it() -> None:
    message = ModelMessage("assistant", (Reasoning("hm"), Text("x"), ToolCall("c", "f", "{}")))
    answer = ModelMessage("tool", (ToolResult("c", "f", "1"),))
    request = ModelRequest((message, answer))
    assert "reasoning_content" not in body_of(request)["messages"][0]
    deepseek = ChatEndpoint(model="deepseek-reasoner", profile=DEEPSEEK)
    assert body_of(request, deepseek)["messages"][0]["reasoning_content"] == "hm"


def test_strict_templates_get_turns_and_one_system_message() -> None:
    sent = said(
        {"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "user", "content": "b"},
        {"role": "assistant", "content": ""}, {"role": "system", "content": "now"},
        {"role": "assistant", "content": "c"},
        profile=ALTERNATING,
    )  # fmt: skip
    assert [(m["role"], m["content"]) for m in sent] == [("system", "s"), ("user", "a\n\nb\n\nnow"), ("assistant", "c")]


def test_foreign_provider_data_stays_home() -> None:
    parts: tuple[Part, ...] = (
        Text("x"),
        Other(Opaque("gemini", {"thought": 1})),
        Other(Opaque("chat", {"type": "x", "y": 1})),
    )
    sent = body_of(ModelRequest((ModelMessage("user", parts),)))["messages"][0]
    assert sent["content"] == [{"type": "text", "text": "x"}, {"type": "x", "y": 1}]


def test_half_surrogates_from_broken_output_do_not_break_the_request() -> None:
    assert said({"role": "user", "content": "bad \udcff byte"})[0]["content"] == "bad ? byte"


# ---- laws ----------------------------------------------------------------------------------------------------------

texts = st.text(max_size=12)
ids = st.sampled_from(["", "a", "b", "call_1"])
calls = st.builds(ToolCall, ids, st.text(max_size=5), st.sampled_from(["{}", '{"a": 1}', ""]))
pictures = st.builds(Media, st.sampled_from(["https://x/y.png", "data:image/png;base64,QQ=="]))
says = st.lists(st.one_of(texts.map(Text), pictures), max_size=3)
messages = st.one_of(
    st.builds(lambda p, n: ModelMessage("user", tuple(p), n), says, st.none() | texts),
    st.builds(lambda p, c: ModelMessage("assistant", (*p, *c)), says, st.lists(calls, max_size=3)),
    st.builds(lambda t: ModelMessage("system", (Text(t),)), texts),
    st.builds(lambda i, t: ModelMessage("tool", (ToolResult(i, "f", t),)), ids, texts),
)


@given(st.lists(messages, max_size=12))
def test_whatever_the_history_a_strict_server_takes_it(history: list[ModelMessage]) -> None:
    assert broken_rule(encode(ModelRequest(tuple(history)), ENDPOINT).body) is None


@given(st.lists(messages, min_size=1, max_size=10), messages)
def test_a_longer_request_begins_with_the_shorter_one(history: list[ModelMessage], more: ModelMessage) -> None:
    short = encode(ModelRequest(tuple(history)), ENDPOINT).body
    fresh = [ModelMessage(m.role, m.parts, m.name) for m in (*history, more)]
    kept = encode(ModelRequest((*history, more)), ENDPOINT).body
    assert kept == encode(ModelRequest(tuple(fresh)), ENDPOINT).body, "kept bytes are those of a fresh encoding"
    said_short = json.loads(short)["messages"]
    closed = [m for m in said_short if m.get("content") != "cancelled"]
    if len(closed) == len(said_short) and said_short[0]["content"] != "(continued)":
        assert kept.startswith(short[: short.index(b'],"model"')])


# ---- settings ------------------------------------------------------------------------------------------------------

HELLO = (ModelMessage("user", (Text("hi"),)),)
TOOL = ToolSpec("add", "Adds.", {"type": "object", "properties": {}})


def test_0_2s_own_keys_never_leave() -> None:
    ours = dict.fromkeys(
        ("cache_seed", "tags", "price", "api_type", "base_url", "api_key", "model_client_cls", "cache", "context",
         "api_rate_limit", "api_version", "http_client", "filter_func", "allow_format_str_template", "agent",
         "config_list", "hide_tools", "max_retries"), "x")  # fmt: skip
    sent = body_of(ModelRequest(HELLO, settings={**ours, "temperature": 0, "timeout": 5, "seed": None}))
    assert set(sent) == {"messages", "model", "temperature"}


def test_the_entry_wins_over_the_call() -> None:
    endpoint = ChatEndpoint(model="m", settings={"temperature": 1})
    assert body_of(ModelRequest(HELLO, settings={"temperature": 0, "top_p": 0.5}), endpoint)["temperature"] == 1


def test_a_misspelt_setting_is_named_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"'temperatur'.*extra_body"):
        encode(ModelRequest(HELLO, settings={"temperatur": 0}), ENDPOINT)
    other = ChatEndpoint(model="m", profile=profile_for("m", "http://localhost:8000/v1"))
    assert body_of(ModelRequest(HELLO, settings={"top_k": 3}), other)["top_k"] == 3
    assert body_of(ModelRequest(HELLO, settings={"extra_body": {"top_k": 3}}))["top_k"] == 3


def test_a_setting_that_is_no_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot be sent as JSON"):
        encode(ModelRequest(HELLO, settings={"stop": object()}), ENDPOINT)


def test_tools_go_in_their_declared_form() -> None:
    raw = {"type": "function", "function": {"name": "mine", "description": "", "parameters": {}}}
    specs = (TOOL, ToolSpec("mine", "", {}, raw=raw), ToolSpec("old", "Old.", {}, legacy=True))
    sent = body_of(ModelRequest(HELLO, specs, {"tool_choice": "auto"}))
    assert sent["tools"] == [
        {"type": "function", "function": {"description": "Adds.", "name": "add", "parameters": TOOL.parameters}}, raw,
    ]  # fmt: skip
    assert sent["functions"] == [{"description": "Old.", "name": "old", "parameters": {}}]
    assert sent["tool_choice"] == "auto"


def test_tool_choice_without_tools_is_left_out() -> None:
    assert "tool_choice" not in body_of(
        ModelRequest(HELLO, settings={"tool_choice": "auto", "parallel_tool_calls": True})
    )


def test_reasoning_models_get_no_sampling_settings() -> None:
    endpoint = ChatEndpoint(model="o3", profile=profile_for("o3"))
    history = (ModelMessage("system", (Text("s"),)), *HELLO)
    sent = body_of(ModelRequest(history, settings={"temperature": 0, "max_tokens": 9}), endpoint)
    assert endpoint.profile is OPENAI_REASONING
    assert "temperature" not in sent and sent["max_completion_tokens"] == 9
    assert sent["messages"][0]["role"] == "developer"


def test_a_stream_asks_for_usage() -> None:
    sent = body_of(ModelRequest(HELLO, settings={"stream": True}))
    assert (sent["stream"], sent["stream_options"]) == (True, {"include_usage": True})
    assert "stream" not in body_of(ModelRequest(HELLO, settings={"stream": False}))


# ---- address and headers -------------------------------------------------------------------------------------------


def test_address_headers_and_timeout() -> None:
    endpoint = ChatEndpoint(
        model="m", base_url="http://host/v1/", api_key=Secret("k"), organization="o",
        default_headers={"X-A": "1"}, default_query={"q": "2"},
    )  # fmt: skip
    request = encode(ModelRequest(HELLO, settings={"timeout": 7, "extra_headers": {"x-b": "3"}}), endpoint)
    assert request.url == "http://host/v1/chat/completions?q=2"
    assert request.timeout == Timeout.of(7)
    want = {"authorization": "Bearer k", "openai-organization": "o", "x-a": "1", "x-b": "3"}
    assert want.items() <= dict(request.headers).items()


def test_a_header_cannot_be_split() -> None:
    with pytest.raises(ConfigError, match="authorization"):
        encode(ModelRequest(HELLO), ChatEndpoint(model="m", api_key=Secret("k\r\nx-evil: 1")))


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://n.openai.azure.com", "https://n.openai.azure.com/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"),
        ("https://n.openai.azure.com/openai/", "https://n.openai.azure.com/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"),
        ("https://p/openai/deployments/d", "https://p/openai/deployments/d/chat/completions?api-version=2024-02-01"),
        ("https://n.openai.azure.com/openai/v1", "https://n.openai.azure.com/openai/v1/chat/completions"),
    ],
)  # fmt: skip
def test_azure_addresses(base: str, url: str) -> None:
    endpoint = ChatEndpoint(model="gpt-4", base_url=base, api_type="azure", api_key=Secret("k"))
    request = encode(ModelRequest(HELLO), endpoint)
    assert request.url == url
    assert request.headers["api-key"] == "k" and "authorization" not in request.headers


def test_azure_deployments_and_tokens() -> None:
    endpoint = ChatEndpoint(model="gpt-3.5-turbo", base_url="https://n", api_type="azure", azure_ad_token=Secret("t"))
    request = encode(ModelRequest(HELLO), endpoint)
    assert "/deployments/gpt-35-turbo/" in request.url and request.headers["authorization"] == "Bearer t"
    named = ChatEndpoint(model="m", base_url="https://n", api_type="azure", azure_deployment="my dep", api_version="v9")
    assert encode(ModelRequest(HELLO), named).url.endswith("/deployments/my%20dep/chat/completions?api-version=v9")


def test_no_key_shows_in_any_repr() -> None:
    endpoint = ChatEndpoint(model="m", api_key=Secret("sk-secret"), base_url="https://u:sk-secret@h/v1?key=sk-secret")
    for thing in (endpoint, encode(ModelRequest(HELLO), endpoint), endpoint.api_key, endpoint.address):
        assert "sk-secret" not in repr(thing) and "sk-secret" not in str(thing)


@pytest.mark.parametrize(
    ("model", "url", "wanted"),
    [
        ("gpt-4o", "", "openai"), ("gpt-5-mini", "https://api.openai.com/v1", "openai-reasoning"),
        ("gpt-5-chat-latest", "", "openai"), ("o1-mini", "", "openai-o1-first"),
        ("x", "https://api.mistral.ai/v1", "mistral"), ("x", "https://api.groq.com/openai/v1", "nameless"),
        ("gpt-4o", "https://evil-mistral.ai.example/v1", "openai"),
        ("o3", "https://n.openai.azure.com", "openai-reasoning"),
    ],
)  # fmt: skip
def test_profiles_by_host_and_model(model: str, url: str, wanted: str) -> None:
    assert profile_for(model, url).id == wanted


def test_words_between_a_call_and_its_answer_follow_the_answer() -> None:
    """Found by the law above: an orphan answer between a call and its answer parted the two."""
    sent = said(asking(call("c1")), {"role": "tool", "tool_call_id": "c9", "content": "late"},
                {"role": "tool", "tool_call_id": "c1", "content": "1"})  # fmt: skip
    assert [m["content"] for m in sent[1:]] == ["1", "Result: late"]
