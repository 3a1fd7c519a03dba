"""What comes back: replies, streams that equal them, and errors that say what happened."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ModelError
from autogen.core.model import ModelMessage, ModelReply, Reasoning, Text, ToolCall, Usage
from autogen.models.chat import decode
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.chat_stream import StreamDecoder
from autogen.models.errors import (
    AuthError,
    BadRequest,
    BrokenStream,
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    NotFound,
    Overloaded,
    QuotaExceeded,
    RateLimited,
    UnreadableReply,
)
from autogen.models.secret import Secret

ENDPOINT = ChatEndpoint(
    model="gpt-4o", base_url="http://u:p@host/v1?key=sk-secret", api_key=Secret("sk-secret"), config_id=2
)


def completion(message: dict[str, Any], finish: str | None = "stop", **top: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "gpt-4o-2024",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}, **top,
    }  # fmt: skip


def read(answer: object, status: int = 200, **headers: str) -> ModelReply:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return decode(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, ENDPOINT, 36)


def value(reply: ModelReply) -> object:
    """A reply as something that compares by value."""

    def of(message: ModelMessage) -> object:
        return (message.role, message.parts, message.name, message.extra)

    return (
        of(reply.message), reply.finish, reply.raw_finish, reply.usage, reply.model, reply.id, reply.created,
        tuple(map(of, reply.choices)), reply.finishes, reply.config_id, reply.extra,
    )  # fmt: skip


# ---- plain ---------------------------------------------------------------------------------------------------------


def test_a_text() -> None:
    reply = read(completion({"content": "hi"}, system_fingerprint="fp"))
    assert reply.message.parts == (Text("hi"),)
    assert (reply.finish, reply.raw_finish, reply.model, reply.id, reply.created) == (
        "stop",
        "stop",
        "gpt-4o-2024",
        "chatcmpl-1",
        5,
    )
    assert reply.usage == Usage(input=3, output=5, requests=1)
    assert (reply.extra, reply.config_id) == ({"system_fingerprint": "fp"}, 2)


def test_calls_reasoning_and_unknown_fields() -> None:
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": '{"a":1}'},
        "extra_content": {"sig": 1},
    }
    reply = read(
        completion({"content": None, "reasoning_content": "hm", "tool_calls": [call], "annotations": [1]}, "tool_calls")
    )
    assert [type(part) for part in reply.message.parts] == [Reasoning, ToolCall]
    made = reply.message.calls[0]
    assert (made.id, made.name, made.arguments) == ("c", "f", '{"a":1}')
    assert made.opaque is not None and made.opaque.data == {"extra_content": {"sig": 1}}
    assert (reply.finish, reply.message.extra) == ("tools", {"annotations": [1]})


def test_the_legacy_function_call() -> None:
    reply = read(completion({"content": None, "function_call": {"name": "f", "arguments": "{}"}}, "function_call"))
    assert reply.message.calls == (ToolCall("", "f", "{}", legacy=True),)


def test_arguments_given_as_an_object_become_text() -> None:
    reply = read(
        completion({"content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]}, "stop")
    )
    assert (reply.message.calls[0].arguments, reply.finish) == ('{"a":1}', "tools")


def test_a_refusal() -> None:
    reply = read(completion({"content": None, "refusal": "I cannot"}))
    assert (reply.finish, reply.message.extra) == ("refusal", {"refusal": "I cannot"})


def test_several_choices() -> None:
    answer = completion({"content": "a"})
    answer["choices"].append({"index": 1, "message": {"content": "b"}, "finish_reason": "length"})
    reply = read(answer)
    assert [m.text for m in reply.choices] == ["a", "b"] and reply.finishes == ("stop", "length")


def test_content_as_a_list_of_parts() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]
    message = read(completion({"content": content})).message
    assert message.text == "hi" and isinstance(message.parts[0], Reasoning) and message.parts[0].text == "hm"


@pytest.mark.parametrize(
    ("usage", "wanted"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 6},
          "completion_tokens_details": {"reasoning_tokens": 3}},
         Usage(input=9, output=4, cache_read=6, reasoning=3, requests=1)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "prompt_cache_hit_tokens": 5},
         Usage(input=9, output=4, cache_read=5, requests=1)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 16,
          "completion_tokens_details": {"reasoning_tokens": 3}},
         Usage(input=9, output=7, reasoning=3, requests=1)),
        (None, Usage(input=10, output=1, requests=1, estimated=True)),
    ],
)  # fmt: skip
def test_usage_includes_cached_and_reasoning_tokens(usage: Any, wanted: Usage) -> None:
    assert read(completion({"content": "hi!!"}, usage=usage)).usage == wanted


# ---- errors --------------------------------------------------------------------------------------------------------


def error(code: object = None, message: str = "no", **more: object) -> dict[str, Any]:
    return {"error": {"message": message, "code": code, **more}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, error("invalid_api_key"), AuthError),
        (403, error(), AuthError),
        (404, error("model_not_found"), NotFound),
        (429, error("rate_limit_exceeded"), RateLimited),
        (429, error("insufficient_quota"), QuotaExceeded),
        (402, error("insufficient_balance"), QuotaExceeded),
        (400, error("context_length_exceeded"), ContextTooLong),
        (400, error(None, "This model's maximum context length is 5 tokens"), ContextTooLong),
        (400, error("content_filter"), ContentFiltered),
        (400, error(None, "x", innererror={"code": "ResponsibleAIPolicyViolation"}), ContentFiltered),
        (400, error(None, param="messages.0.name"), BadRequest),
        (422, {"detail": [{"loc": ["body"]}]}, BadRequest),
        (400, {"object": "error", "message": "bad", "code": 3230}, BadRequest),
        (500, b"<html>oops</html>", Overloaded),
        (503, b"", Overloaded),
        (529, error("overloaded_error"), Overloaded),
        (200, error(429, "slow down"), RateLimited),
        (200, {"error": "model not loaded"}, Overloaded),
        (200, error("invalid_api_key"), AuthError),
    ],
)
def test_the_table_of_errors(status: int, body: object, kind: type[CallFailed]) -> None:
    with pytest.raises(CallFailed) as raised:
        read(body, status, x_request_id="r9", retry_after="7", authorization="Bearer sk-secret")
    made = raised.value
    assert type(made) is kind and isinstance(made, ModelError)
    assert (made.endpoint, made.model, made.request_id) == ("http://host/v1", "gpt-4o", "r9")
    assert "http://host/v1" in str(made) and "gpt-4o" in str(made)
    if isinstance(made, RateLimited):
        assert made.retry_after == 7
    if isinstance(made, BadRequest) and b"param" in json.dumps(str(body)).encode():
        assert made.rule == "messages.0.name"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html><title>Sign in</title>", b"null", b"[]", b'"x"', b"{}", b'{"choices": []}', b"\xff\xfe"],
)  # fmt: skip
def test_rubbish_with_status_200_is_an_unreadable_reply(body: bytes) -> None:
    with pytest.raises(UnreadableReply) as raised:
        read(body, content_type="text/html")
    assert "text/html" in str(raised.value) or "empty body" in str(raised.value)
    assert (raised.value.status, len(raised.value.preview) < 400) == (200, True)


def test_no_error_text_holds_the_key() -> None:
    for status, body in (
        (401, error(None, "Incorrect API key sk-secret")),
        (200, b"echo sk-secret"),
        (500, b"sk-secret"),
    ):
        with pytest.raises(CallFailed) as raised:
            read(body, status)
        assert "sk-secret" not in str(raised.value) + repr(raised.value) + str(raised.value.headers)


def test_a_long_error_is_bounded() -> None:
    with pytest.raises(CallFailed) as raised:
        read(b"x" * 1_000_000, 500)
    assert len(str(raised.value)) < 1000


def test_errors_survive_pickling() -> None:
    with pytest.raises(RateLimited) as raised:
        read(error("rate_limit_exceeded"), 429, retry_after="3")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again), again.retry_after, again.headers) == (
        RateLimited, str(raised.value), 3.0, {"retry-after": "3"},
    )  # fmt: skip


keys = st.sampled_from(
    ["choices", "message", "content", "tool_calls", "function", "usage", "error", "index", "delta", "id", "arguments"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
)


@given(anything, st.sampled_from([200, 400, 500]))
def test_no_answer_breaks_the_reader(answer: object, status: int) -> None:
    """Any JSON is a reply or an error of ours."""
    for body in (answer, {"choices": answer}, {"choices": [{"message": answer, "delta": answer}]}):
        try:
            read(body, status)
        except CallFailed:
            assert True
        try:
            stream(b"data: " + json.dumps(body).encode() + b"\n\ndata: [DONE]\n\n")
        except CallFailed:
            assert True


# ---- streams -------------------------------------------------------------------------------------------------------


def stream(*pieces: bytes) -> ModelReply:
    decoder = StreamDecoder(ENDPOINT, {"x-request-id": "r9"}, "bot", 36)
    for piece in pieces:
        decoder.feed(piece)
    return decoder.close()


def event(delta: dict[str, Any] | None, finish: str | None = None, index: int = 0, **top: Any) -> bytes:
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish}]
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 5,
        "model": "gpt-4o-2024",
        "choices": choices,
        **top,
    }
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def test_deltas_come_in_order_with_their_kinds() -> None:
    decoder = StreamDecoder(ENDPOINT, {}, "bot")
    body = event({"role": "assistant", "content": ""}) + event({"reasoning_content": "hm"}) + event({"content": "hi"})
    body += event({"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]})
    body += event({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})
    got = [(delta.kind, delta.text, delta.agent) for delta in decoder.feed(body)]
    assert got == [("reasoning", "hm", "bot"), ("text", "hi", "bot"), ("call", "f", "bot"), ("call", "{}", "bot")]


def test_parallel_calls_are_told_apart_by_index_or_by_id() -> None:
    for indexes in ((0, 1), (0, 0), (None, None)):
        parts = [
            event({"tool_calls": [{"index": index, "id": name, "function": {"name": f"f{name}", "arguments": "{"}}]})
            + (event({"tool_calls": [{"index": index, "function": {"arguments": "}"}}]}))
            for index, name in zip(indexes, "ab", strict=True)
        ]
        calls = stream(*parts, event({}, "tool_calls")).message.calls
        assert [(c.id, c.name, c.arguments) for c in calls] == [("a", "fa", "{}"), ("b", "fb", "{}")]


def test_interleaved_fragments() -> None:
    def part(index: int, text: str, **first: Any) -> bytes:
        name = first.pop("name", None)
        return event({"tool_calls": [{"index": index, **first, "function": {"name": name, "arguments": text}}]})

    begun = part(1, "", id="b", name="g") + part(0, "", id="a", name="f")
    reply = stream(begun, part(1, "[1"), part(0, "[0"), part(1, "]"), part(0, "]"), event({}, "tool_calls"))
    assert [(c.id, c.name, c.arguments) for c in reply.message.calls] == [("a", "f", "[0]"), ("b", "g", "[1]")]


def test_usage_comes_in_a_chunk_without_choices() -> None:
    reply = stream(event(None, prompt_filter_results=[]), event({"content": "x"}), event({}, "stop"),
                   event(None, usage={"prompt_tokens": 2, "completion_tokens": 1}), b"data: [DONE]\n\n")  # fmt: skip
    assert reply.usage == Usage(input=2, output=1, requests=1)


def test_a_cut_stream_keeps_what_had_arrived() -> None:
    decoder = StreamDecoder(ENDPOINT, {"x-request-id": "r9"}, "bot")
    decoder.feed(event({"content": "half"}) + b'data: {"choi')
    with pytest.raises(BrokenStream, match="ended in the middle") as raised:
        decoder.close()
    assert raised.value.partial is not None and raised.value.partial.message.text == "half"
    assert raised.value.request_id == "r9"


def test_an_error_event_inside_a_stream() -> None:
    for line in (
        b'data: {"error":{"code":"overloaded","message":"busy sk-secret"}}\n\n',
        b'event: error\ndata: {"message":"busy"}\n\n',
    ):
        decoder = StreamDecoder(ENDPOINT, {}, "bot")
        with pytest.raises(Overloaded, match="busy") as raised:
            decoder.feed(event({"content": "half"}) + line)
        assert raised.value.partial is not None and raised.value.partial.message.text == "half"
        assert "sk-secret" not in str(raised.value)


def test_a_last_event_without_its_blank_line_counts() -> None:
    assert stream(event({"content": "x"}), event({}, "stop").rstrip()).message.text == "x"


def test_what_is_no_stream_is_told_as_such() -> None:
    with pytest.raises(UnreadableReply):
        stream(b"<html>sign in</html>")
    with pytest.raises(AuthError):
        stream(json.dumps(error("invalid_api_key")).encode())
    with pytest.raises(BrokenStream, match="no JSON"):
        stream(event({"content": "x"}), b"data: {rubbish}\n\n")
    with pytest.raises(CallFailed):
        stream(b"")


def test_a_line_of_ten_megabytes_is_bounded() -> None:
    with pytest.raises(BrokenStream, match="longer than 10,000,000 bytes"):
        stream(*[b"x" * 1_000_000] * 12)


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
tool_calls = st.builds(
    lambda name, arguments: {"name": name, "arguments": arguments}, st.text("abc_", min_size=1, max_size=5), words
)


@given(words, words, st.lists(tool_calls, max_size=3), st.sampled_from(["stop", "length", "content_filter"]), st.data())
def test_a_stream_and_its_plain_form_give_equal_replies(
    text: str, thoughts: str, made: list[dict[str, str]], finish: str, data: st.DataObject
) -> None:
    message: dict[str, Any] = {"content": text or None}
    if thoughts:
        message["reasoning_content"] = thoughts
    calls = [{"id": f"c{i}", "type": "function", "function": call} for i, call in enumerate(made)]
    if calls:
        message["tool_calls"] = calls
    plain = read(completion(message, finish, system_fingerprint="fp"))

    def cut(whole: str) -> list[str]:
        place = data.draw(st.integers(0, len(whole)))
        return [whole[:place], whole[place:]]

    top = {"system_fingerprint": "fp"}
    events = [event({"role": "assistant", "content": ""}, **top)]
    events += [event({"reasoning_content": piece}, **top) for piece in cut(thoughts)]
    events += [event({"content": piece}, **top) for piece in cut(text)]
    for index, call in enumerate(calls):
        function: Any = call["function"]
        first, rest = cut(function["arguments"])
        start = {
            "index": index,
            "id": call["id"],
            "type": "function",
            "function": {"name": function["name"], "arguments": first},
        }
        events.append(event({"tool_calls": [start]}, **top))
        events.append(event({"tool_calls": [{"index": index, "function": {"arguments": rest}}]}, **top))
    events.append(event({}, finish, **top))
    events.append(event(None, usage={"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}, **top))
    body = b"".join(events) + b"data: [DONE]\n\n"
    step = data.draw(st.integers(1, 200))
    streamed = stream(*(body[i : i + step] for i in range(0, len(body), step)))
    assert value(streamed) == value(plain)


def test_an_answer_that_broke_off_inside_a_character_is_not_lost() -> None:
    body = rb'{"choices":[{"message":{"role":"assistant","content":"paid for \ud83d"},"finish_reason":"length"}]}'
    assert read(body).message.text == "paid for ?"
