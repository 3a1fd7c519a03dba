"""One call over a config list: what is sent, what comes back, which entry answers, what is counted."""

import asyncio
import json
from typing import Any

import pytest

from autogen.core.errors import ConfigError
from autogen.core.events import Delta, Event, ModelFinished, ModelStarted
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.drivers.blocking import perform
from autogen.models.errors import AuthError, BadRequest, ContentFiltered, ModelTimeout, Overloaded, RateLimited
from autogen.models.openai_wrapper import OpenAIWrapper
from tests.models.client.loopback import HANG, HI, Loopback, completion, error


def wrapper(*entries: dict[str, Any], **base: Any) -> OpenAIWrapper:
    return OpenAIWrapper(config_list=list(entries), cache_seed=None, **base)


def test_a_reply_reads_like_the_official_sdks() -> None:
    with Loopback("hello") as server:
        client = wrapper(server.entry("gpt-4"))
        response = client.create(messages=HI)
    assert response.choices[0].message.content == "hello"
    assert response.choices[0].message.tool_calls is None
    assert response.choices[0].finish_reason == "stop"
    assert (response.usage.prompt_tokens, response.usage.completion_tokens, response.usage.total_tokens) == (10, 5, 15)
    assert (response.model, response.id, response.created) == ("gpt-4", "chatcmpl-1", 1700000001)
    assert (response.cost, response.config_id, response.pass_filter, response.cached) == (0.0006, 0, True, False)
    assert response.message_retrieval_function(response) == ["hello"]
    assert client.extract_text_or_completion_object(response) == ["hello"]
    assert response.model_dump()["choices"][0]["message"]["content"] == "hello"
    assert response.dict() == response.model_dump()
    assert '"total_tokens": 15' in response.model_dump_json()
    assert "refusal" not in response.model_dump(exclude_none=True)["choices"][0]["message"]


def test_tool_calls_come_back_as_a_message() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    with Loopback(completion(None, "gpt-4", tool_calls=calls)) as server:
        client = wrapper(server.entry())
        (message,) = client.extract_text_or_completion_object(client.create(messages=HI))
    assert message.content is None
    assert message.tool_calls[0].function.name == "f"
    assert message.tool_calls[0].function.arguments == '{"a": 1}'
    assert message.model_dump()["tool_calls"][0]["id"] == "c1"


def test_both_faces_give_the_same() -> None:
    with Loopback("one", "one") as server:
        client = wrapper(server.entry())
        blocking = client.create(messages=HI)
        concurrent = asyncio.run(client.a_create(messages=HI))
        assert server.seen[0][2] == server.seen[1][2]
    assert blocking.choices[0].message == concurrent.choices[0].message
    assert client.total_usage_summary == {
        "total_cost": 0.0012,
        "gpt-4": {"cost": 0.0012, "prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30},
    }


def test_an_entrys_parameters_win_over_the_wrappers_and_the_calls() -> None:
    with Loopback("x") as server:
        client = wrapper(server.entry(temperature=0.5, top_p=0.3), temperature=0.7, top_p=0.9, seed=3)
        client.create(messages=HI, temperature=0.1, presence_penalty=0.4)
        body = server.seen[0][2]
    assert body["temperature"] == 0.5
    assert (body["top_p"], body["seed"], body["presence_penalty"]) == (0.3, 3, 0.4)


def test_nothing_of_ours_is_sent() -> None:
    with Loopback("x") as server:
        entry = server.entry(
            price=[1, 2], tags=["a"], api_rate_limit=100.0, default_headers={"X-Team": "t"}, deadline=30
        )
        wrapper(entry, timeout=5).create(messages=HI, context={"a": 1}, filter_func=lambda **_: True, agent="bot")
        _, headers, body = server.seen[0]
    assert sorted(body) == ["messages", "model"]
    assert headers["x-team"] == "t"
    assert headers["authorization"] == "Bearer sk-test"


def test_tools_and_functions_are_sent_as_the_program_wrote_them() -> None:
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}, "x": 1}}
    function = {"name": "g", "description": "d", "parameters": {"type": "object", "properties": {}}}
    with Loopback("x", "x", "x") as server:
        client = wrapper(server.entry())
        client.create(messages=HI, tools=[tool])
        client.create(messages=HI, functions=[function])
        wrapper(server.entry(), tools=[tool]).create(messages=HI)
        first, second, third = (body for _, _, body in server.seen)
    assert first["tools"] == [tool]
    assert second["functions"] == [function]
    assert third["tools"] == [tool]


def test_templates_are_filled_in_with_the_context() -> None:
    messages = [{"role": "user", "content": "hi {a}"}, {"role": "user", "content": lambda context: context["a"] * 2}]
    with Loopback("x", "x") as server:
        client = wrapper(server.entry())
        client.create(messages=messages, context={"a": "A"}, allow_format_str_template=True)
        client.create(messages=messages, context={"a": "A"})
        sent = [[message["content"] for message in body["messages"]] for _, _, body in server.seen]
    assert sent == [["hi A", "AA"], ["hi {a}", "AA"]]


@pytest.mark.parametrize(
    ("template", "context", "allowed", "expected"),
    [
        ("hi {a}", {"a": 1}, False, "hi {a}"),
        ("hi {a}", {"a": 1}, True, "hi 1"),
        ("hi {a}", None, True, "hi {a}"),
        ("hi {a}", {}, True, "hi {a}"),
        (None, {"a": 1}, True, None),
    ],
)
def test_instantiate(template: str | None, context: Any, allowed: bool, expected: Any) -> None:
    assert OpenAIWrapper.instantiate(template, context, allowed) == expected


def test_a_template_cannot_reach_private_attributes() -> None:
    with pytest.raises(ConfigError, match="private"):
        OpenAIWrapper.instantiate("{a.__class__}", {"a": 1}, True)


def test_a_missing_name_in_a_template_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        OpenAIWrapper.instantiate("hi {b}", {"a": 1}, True)


@pytest.mark.parametrize("config", [{}, {"prompt": "x", "messages": HI}])
def test_a_call_has_a_prompt_or_messages(config: dict[str, Any]) -> None:
    with Loopback() as server, pytest.raises(ValueError, match="Either prompt or messages should be in create config"):
        wrapper(server.entry()).create(**config)


# ---- the next entry -------------------------------------------------------------------------------------------------


def test_a_failing_entry_gives_way_to_the_next() -> None:
    with Loopback((500, error("boom"), {}), "second") as server:
        client = wrapper(server.entry("gpt-4"), server.entry("gpt-3.5-turbo"))
        response = client.create(messages=HI)
    assert (response.config_id, response.model) == (1, "gpt-3.5-turbo")
    assert list(client.total_usage_summary or {}) == ["total_cost", "gpt-3.5-turbo"]


@pytest.mark.parametrize(
    ("status", "code", "kind", "requests"),
    [
        (400, "invalid", BadRequest, 2),
        (400, "content_filter", ContentFiltered, 1),
        (401, "invalid_api_key", AuthError, 2),
        (429, "rate", RateLimited, 2),
        (503, None, Overloaded, 2),
    ],
)
def test_when_all_fail_the_last_failure_is_raised(status: int, code: str, kind: type[Exception], requests: int) -> None:
    answer = (status, error("boom", code), {})
    with Loopback(answer, answer) as server:
        with pytest.raises(kind) as caught:
            wrapper(server.entry("gpt-4"), server.entry("gpt-4o")).create(messages=HI)
        assert len(server.seen) == requests
    assert "boom" in str(caught.value)


def test_the_error_names_every_entry_that_was_tried_and_no_key() -> None:
    with Loopback(
        (401, error("Incorrect API key provided: sk-canary-1234567890"), {}), (500, error("down"), {})
    ) as server:
        first = server.entry("gpt-4", api_key="sk-canary-1234567890")
        with pytest.raises(Overloaded) as caught:
            wrapper(first, server.entry("gpt-4o", api_key="sk-canary-1234567890")).create(messages=HI)
    told = str(caught.value)
    assert "gpt-4o" in told
    assert "entry 0 (gpt-4 at 127.0.0.1)" in told
    assert "sk-canary-1234567890" not in told + repr(caught.value) + "".join(caught.value.__notes__)


def test_a_time_out_is_a_timeout_error_and_moves_on_first() -> None:
    with Loopback(HANG, HANG) as server:
        entries = [server.entry("gpt-4", timeout=0.2), server.entry("gpt-4o", timeout=0.2)]
        with pytest.raises(TimeoutError) as caught:
            wrapper(*entries).create(messages=HI)
        assert len(server.seen) == 2
    assert isinstance(caught.value, ModelTimeout)
    assert "timeout" in str(caught.value)


def test_a_deadline_ends_all_attempts() -> None:
    with Loopback(HANG, HANG, HANG) as server:
        with pytest.raises(TimeoutError):
            wrapper(server.entry(max_retries=2, deadline=0.3)).create(messages=HI)
        assert len(server.seen) == 1


def test_an_overloaded_server_is_asked_again() -> None:
    with Loopback(
        (503, error("busy"), {"retry-after-ms": "1"}), (429, error("slow"), {"retry-after-ms": "1"}), "ok"
    ) as server:
        response = wrapper(server.entry(max_retries=2)).create(messages=HI)
        assert len(server.seen) == 3
    assert response.choices[0].message.content == "ok"


def test_max_retries_is_kept() -> None:
    busy = (503, error("busy"), {"retry-after-ms": "1"})
    with Loopback(busy, busy, busy) as server:
        with pytest.raises(Overloaded):
            wrapper(server.entry(max_retries=1)).create(messages=HI)
        assert len(server.seen) == 2


def test_a_rate_limit_spaces_the_calls() -> None:
    waits: list[float] = []
    with Loopback("a", "b", "c") as server:
        client = wrapper(server.entry(api_rate_limit=10.0))

        async def three() -> None:
            await asyncio.gather(*(client.a_create(messages=HI) for _ in range(3)))

        from time import monotonic

        began = monotonic()
        asyncio.run(three())
        waits.append(monotonic() - began)
    assert waits[0] >= 0.2


# ---- filter_func ----------------------------------------------------------------------------------------------------


def test_a_rejected_answer_gives_way_and_still_counts() -> None:
    seen: list[Any] = []

    def accepts_b(*, context: Any, response: Any) -> bool:
        seen.append((context, response.choices[0].message.content, response.cost))
        return bool(response.choices[0].message.content == "b")

    with Loopback("a", "b") as server:
        client = wrapper(server.entry("gpt-4"), server.entry("gpt-3.5-turbo"))
        response = client.create(messages=HI, context={"k": 1}, filter_func=accepts_b)
    assert (response.config_id, response.pass_filter) == (1, True)
    assert seen == [({"k": 1}, "a", 0.0006), ({"k": 1}, "b", 1.25e-05)]
    assert (client.total_usage_summary or {})["total_cost"] == pytest.approx(0.0006125)


def test_when_all_are_rejected_the_last_answer_says_so() -> None:
    with Loopback("a", "b") as server:
        response = wrapper(server.entry(), server.entry()).create(messages=HI, filter_func=lambda **_: False)
    assert (response.choices[0].message.content, response.pass_filter) == ("b", False)


# ---- prices ---------------------------------------------------------------------------------------------------------


def test_the_entrys_price_wins() -> None:
    with Loopback("x") as server:
        response = wrapper(server.entry("gpt-4", price=[1, 2])).create(messages=HI)
    assert response.cost == 0.02


def test_an_unknown_price_is_none_shown_as_0_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with Loopback("x", "x") as server:
        client = wrapper(server.entry("no-such-model-a"))
        reply = perform(client.complete(ModelRequest((ModelMessage("user", (Text("hi"),)),))))
        response = client.create(messages=HI)
    assert reply.cost is None
    assert response.cost == 0
    assert (client.total_usage_summary or {})["total_cost"] == 0
    assert sum("no-such-model-a" in record.getMessage() for record in caplog.records) == 1


def test_what_a_broken_stream_showed_is_taken_back() -> None:
    chunk = {"id": "x", "choices": [{"index": 0, "delta": {"content": "half"}, "finish_reason": None}]}
    cut = f"data: {json.dumps(chunk)}\n\n".encode()
    events: list[Event] = []
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),), (), {"stream": True})
    with Loopback((200, cut, {"Content-Type": "text/event-stream"}), "whole") as server:
        client = wrapper(server.entry("gpt-4"), server.entry("gpt-4o"))
        reply = perform(client.complete(request, agent="bot", emit=events.append))
    deltas = [(event.kind, event.text) for event in events if isinstance(event, Delta)]
    assert deltas[:2] == [("text", "half"), ("reset", "")]
    assert (reply.message.text, reply.config_id) == ("whole", 1)


# ---- events ---------------------------------------------------------------------------------------------------------


def test_observers_are_told_of_each_attempt() -> None:
    events: list[Event] = []
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),))
    with Loopback((503, error("busy"), {"retry-after-ms": "1"}), "ok") as server:
        client = wrapper(server.entry("gpt-4", max_retries=1))
        reply = perform(client.complete(request, agent="bot", purpose="summary", emit=events.append))
    started = [event for event in events if isinstance(event, ModelStarted)]
    finished = [event for event in events if isinstance(event, ModelFinished)]
    assert [(event.agent, event.purpose, event.model, event.attempt) for event in started] == [
        ("bot", "summary", "gpt-4", 1),
        ("bot", "summary", "gpt-4", 2),
    ]
    assert [event.error is None for event in finished] == [False, True]
    assert finished[1].reply is reply
    assert reply.config_id == 0


def test_a_prompt_is_asked_as_a_users_message() -> None:
    with Loopback("x") as server:
        response = wrapper(server.entry()).create(prompt="hello")
        assert server.seen[0][2]["messages"] == [{"content": "hello", "role": "user"}]
    assert response.choices[0].text == "x"


def test_a_streamed_answer_is_printed_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    chunks = [{"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}]
    from tests.compat.scripted_server import ScriptedServer

    with ScriptedServer([{"stream": [*chunks]}]) as server:
        entry = {"model": "gpt-4", "api_key": "k", "base_url": server.base_url}
        client = wrapper(entry)
        response = client.create(messages=HI, stream=True)
    assert capsys.readouterr().out == "\033[32mab\033[0m\n\n"  # as 0.2.40 printed it
    assert response.choices[0].message.content == "ab"
    assert (client.total_usage_summary or {})["gpt-4"]["total_tokens"] > 0
