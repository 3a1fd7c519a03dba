"""An endpoint that fails in the middle of a chat: one clear error, nothing said is lost, and the agents can go on."""

import asyncio
import json
import socket
import time
from typing import Any

import pytest

import autogen
from autogen.models import client, errors
from tests.failures.agents import bot, contents, person, survives_pickling, texts, told, watching
from tests.failures.server import (
    CANARY,
    CLOSE,
    EVENTS,
    RESET,
    STALL,
    Answer,
    Server,
    completion,
    error,
    http,
    stream,
)

FIRST = http(completion("one"), then="close", connection="close")
"""A proper answer on a connection of its own, so that the next request needs a new one."""

HALF = b'{"choices": [{"mess'

FAILURES: dict[str, tuple[Any, type[Exception], str]] = {
    "closed before the answer": (CLOSE, errors.BrokenStream, "closed the connection before its answer"),
    "killed before the answer": (RESET, errors.BrokenStream, "broke the connection off"),
    "closed in the headers": (
        Answer(b"HTTP/1.1 200 OK\r\ncontent-type: app", "close"),
        errors.BrokenStream,
        "closed the connection before its answer",
    ),
    "closed in the body": (http(HALF, length=900, then="close"), errors.BrokenStream, "in the middle of its answer"),
    "killed in the body": (http(HALF, length=900, then="reset"), errors.BrokenStream, "broke the connection off"),
    "silent": (STALL, errors.ModelTimeout, "no answer in time (read timeout); raise timeout"),
    "silent in the body": (http(HALF, length=900, then="stall"), errors.ModelTimeout, "no answer in time"),
    "half a JSON": (http(HALF), errors.UnreadableReply, "not a chat completion: " + HALF.decode()),
    "no JSON": (http(b"<html>log in</html>", content_type="text/html"), errors.UnreadableReply, "check base_url"),
    "an empty body": (http(b""), errors.UnreadableReply, "answered with an empty body (status 200)"),
    "JSON without choices": (http({"ok": True}), errors.UnreadableReply, 'not a chat completion: {"ok": true}'),
    "choices that are null": (http({"choices": None}), errors.UnreadableReply, "not a chat completion"),
    "no choice at all": (http({"choices": []}), errors.UnreadableReply, "not a chat completion"),
    "a choice that is text": (http({"choices": ["hi"]}), errors.UnreadableReply, "not a chat completion"),
    "a choice without message": (http({"choices": [{}]}), errors.UnreadableReply, "not a chat completion"),
    "JSON a mile deep": (http(b"[" * 100_000), errors.UnreadableReply, "not a chat completion: [[["),
    "ten megabytes of rubbish": (http(b"a" * 10_000_000), errors.UnreadableReply, "aaa... (status 200)"),
    "another protocol": (Answer(b"SSH-2.0-OpenSSH\r\n", "close"), errors.BrokenStream, "does not speak HTTP"),
    "a broken compression": (http(b"no", content_encoding="gzip"), errors.BrokenStream, "cannot be read"),
    "a redirect": (
        http(b"", 302, location=f"http://user:{CANARY}@127.0.0.1:9/v2?key={CANARY}"),
        errors.UnreadableReply,
        "redirects to http://127.0.0.1:9/v2, which is not followed with a key (status 302)",
    ),
    "429": (http(error("slow down"), 429), errors.RateLimited, "slow down (status 429); wait, set api_rate_limit"),
    "429 for want of money": (http(error("no", "insufficient_quota"), 429), errors.QuotaExceeded, "no money or quota"),
    "500": (http(error("boom"), 500), errors.Overloaded, "boom (status 500); try again later, raise max_retries"),
    "502 with a page": (
        http(b"<html>Bad gateway</html>", 502, content_type="text/html"),
        errors.Overloaded,
        "<html>Bad gateway</html> (status 502)",
    ),
    "an error in a 200": (http(error("overloaded", "server_error")), errors.Overloaded, "overloaded (status 500)"),
    "401 with the key in it": (
        http(error(f"Incorrect API key provided: {CANARY}", "invalid_api_key"), 401),
        errors.AuthError,
        "Incorrect API key provided: *** (status 401); check api_key",
    ),
    "403": (http(error("not yours"), 403), errors.AuthError, "not yours (status 403); check api_key"),
    "404": (
        http(error("The model `gpt-9` does not exist", "model_not_found"), 404),
        errors.NotFound,
        "The model `gpt-9` does not exist (status 404); check model and base_url",
    ),
    "400 too long": (
        http(error("the maximum context length is 8192 tokens", "context_length_exceeded"), 400),
        errors.ContextTooLong,
        "shorten the history",
    ),
    "400 filtered": (
        http(error("refused by policy", "content_filter"), 400),
        errors.ContentFiltered,
        "refused by policy (status 400); the provider's content filter",
    ),
}


def talk(face: str, user: Any, *args: Any, **options: Any) -> Any:
    """`initiate_chat` by either face."""
    if face == "sync":
        return user.initiate_chat(*args, **options)
    return asyncio.run(user.a_initiate_chat(*args, **options))


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", FAILURES)
def test_a_failing_endpoint_ends_the_chat_with_a_clear_error_and_the_agents_can_go_on(name: str, face: str) -> None:
    line, kind, phrase = FAILURES[name]
    with Server(FIRST, line, "back", "again") as server, watching() as watch:
        user, model = person(), bot(server.llm(timeout=0.3))
        with pytest.raises(kind) as caught:
            talk(face, user, model, message="hi", max_turns=2)
        failure: Any = caught.value

        assert phrase in str(failure)
        assert f"127.0.0.1:{server.port}" in str(failure) and "model 'gpt-4'" in str(failure)
        assert CANARY not in told(failure)
        survives_pickling(failure)
        assert texts(failure.run) == ["hi", "one", "go on"]
        assert (failure.run.status, failure.run.stop_reason) == ("failed", autogen.StopReason.ERROR)
        assert contents(user.chat_messages[model]) == contents(model.chat_messages[user]) == ["hi", "one", "go on"]
        assert len(server.requests) == 2

        result = talk(face, user, model, message="and now?", max_turns=2, clear_history=False)
        assert contents(result.chat_history) == ["hi", "one", "go on", "and now?", "back", "go on", "again"]
        asked = [message["content"] for message in server.requests[2]["messages"]]
        assert asked == ["Be brief.", "hi", "one", "go on", "and now?"]
    watch.assert_without_the_key()


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", [name for name in FAILURES if name != "400 filtered"])
def test_the_next_entry_of_the_config_list_answers_instead(name: str, face: str) -> None:
    with Server(FAILURES[name][0]) as broken, Server("two") as whole:
        config = {"config_list": [broken.entry(timeout=0.3), whole.entry()], "cache_seed": None}
        result = talk(face, person(), bot(config), message="hi", max_turns=1, silent=True)
        assert contents(result.chat_history) == ["hi", "two"]
        assert (len(broken.requests), len(whole.requests)) == (1, 1)


def test_a_refusal_by_the_content_filter_is_not_carried_to_another_provider() -> None:
    with Server(FAILURES["400 filtered"][0]) as strict, Server() as other:
        config = {"config_list": [strict.entry(), other.entry()], "cache_seed": None}
        with pytest.raises(errors.ContentFiltered):
            person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
        assert other.requests == []


def test_when_all_entries_fail_the_error_names_each_of_them() -> None:
    with Server(http(error("boom"), 500)) as first, Server(http(error("who?"), 401)) as second:
        config = {"config_list": [first.entry(), second.entry(model="other")], "cache_seed": None}
        with pytest.raises(errors.AuthError) as caught:
            person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
    assert "model 'other'" in str(caught.value) and "who?" in str(caught.value)
    assert "tried before: entry 0 (gpt-4 at 127.0.0.1): boom" in str(caught.value)
    survives_pickling(caught.value)


def test_an_endpoint_killed_between_two_replies_ends_the_chat_with_what_was_said() -> None:
    server = Server("one")
    with server:
        user, model = person(default_auto_reply="go on"), bot(server.llm())

        class Killer(autogen.UserProxyAgent):
            def generate_reply(self, messages: Any = None, sender: Any = None, **_: Any) -> str:
                server.kill()
                return "go on"

        user = Killer("user", human_input_mode="NEVER", code_execution_config=False)
        with pytest.raises(errors.Unreachable) as caught:
            user.initiate_chat(model, message="hi", max_turns=2, silent=True)
    assert "refuses connections; is the server running there?" in str(caught.value)
    assert texts(caught.value.run) == ["hi", "one", "go on"]


# ---- one retry layer ------------------------------------------------------------------------------------------------

PATIENCE: dict[str, tuple[dict[str, str], float]] = {
    "seconds": ({"retry_after": "0"}, 0),
    "milliseconds": ({"retry_after_ms": "20"}, 0.02),
    "a date that has passed": ({"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0),
}
"""What a server says -> the pause in seconds; one of our own would be half a second at least."""


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float | None]:
    """The pauses that were decided on, in seconds; None is the next entry's turn."""
    decided: list[float | None] = []
    delay = client.delay

    def noted(*given: Any, **more: Any) -> float | None:
        decided.append(delay(*given, **more))
        return decided[-1]

    monkeypatch.setattr(client, "delay", noted)
    return decided


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("form", PATIENCE)
def test_a_server_that_asks_for_a_pause_gets_it_and_is_asked_once_more(
    form: str, face: str, pauses: list[float | None]
) -> None:
    said, seconds = PATIENCE[form]
    with Server(http(error("slow down"), 429, **said), "two") as server:
        config = server.llm(max_retries=1)
        result = talk(face, person(), bot(config), message="hi", max_turns=1, silent=True)
        assert contents(result.chat_history) == ["hi", "two"]
        assert len(server.requests) == 2
        assert pauses == [seconds]
        assert server.requests[0] == server.requests[1]


def test_a_date_is_waited_for(pauses: list[float | None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "time", lambda: 1_700_000_000.7)
    with Server(http(error("slow down"), 429, retry_after="Tue, 14 Nov 2023 22:13:21 GMT"), "two") as server:
        started = time.monotonic()
        person().initiate_chat(bot(server.llm(max_retries=1)), message="hi", max_turns=1, silent=True)
        assert time.monotonic() - started >= 0.29
    assert pauses == [pytest.approx(0.3)]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(pauses: list[float | None]) -> None:
    with Server(http(error("tomorrow"), 429, retry_after="3600")) as busy, Server("two") as free:
        config = {"config_list": [busy.entry(max_retries=5), free.entry()], "cache_seed": None}
        result = person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
        assert contents(result.chat_history) == ["hi", "two"]
        assert pauses == [None]
        assert len(busy.requests) == 1


def test_an_endless_500_is_tried_as_often_as_max_retries_says_and_no_more() -> None:
    boom = http(error("boom"), 500, retry_after_ms="1")
    with Server(*[boom] * 20) as server:
        with pytest.raises(errors.Overloaded, match="boom"):
            person().initiate_chat(bot(server.llm(max_retries=3)), message="hi", max_turns=1, silent=True)
        assert len(server.requests) == 4


def test_a_500_and_then_an_answer_is_an_answer_and_is_paid_once() -> None:
    with Server(http(error("boom"), 500, retry_after_ms="1"), "two") as server:
        config = server.llm(max_retries=2, price=[0.01, 0.02])
        result = person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
        assert contents(result.chat_history) == ["hi", "two"]
        assert result.usage["bot"].requests == 1
        assert result.usd == pytest.approx(0.0002)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_an_idle_connection_that_the_server_has_closed_costs_nothing(face: str) -> None:
    with Server("one", "two") as server:
        user, model = person(), bot(server.llm())
        talk(face, user, model, message="hi", max_turns=1, silent=True)
        server.hang_up()
        result = talk(face, user, model, message="more", max_turns=1, silent=True, clear_history=False)
        assert contents(result.chat_history) == ["hi", "one", "more", "two"]
        assert len(server.requests) == 2


# ---- nobody there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_refused_connection_says_who_refuses(face: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    entry = {"model": "gpt-4", "api_key": CANARY, "base_url": f"http://127.0.0.1:{port}/v1", "max_retries": 0}
    with pytest.raises(errors.Unreachable) as caught:
        talk(face, person(), bot({"config_list": [entry]}), message="hi", max_turns=1, silent=True)
    assert str(caught.value).endswith(f"127.0.0.1:{port} refuses connections; is the server running there?")
    assert isinstance(caught.value, ConnectionError)
    assert texts(caught.value.run) == ["hi"]
    survives_pickling(caught.value)


@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_name_that_nobody_knows_is_told(face: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: Any, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    entry = {"model": "gpt-4", "api_key": CANARY, "base_url": "http://models.invalid/v1", "max_retries": 0}
    with pytest.raises(errors.Unreachable) as caught:
        talk(face, person(), bot({"config_list": [entry]}), message="hi", max_turns=1, silent=True)
    assert "the name of models.invalid:80 is not known; check base_url" in str(caught.value)
    assert caught.value.cause == "dns"


# ---- what looks odd and works ---------------------------------------------------------------------------------------


def test_ten_megabytes_on_one_line_are_an_answer() -> None:
    with Server("x" * 10_000_000) as server:
        result = person().initiate_chat(bot(server.llm()), message="hi", max_turns=1, silent=True)
    assert len(result.summary) == 10_000_000


def test_a_completion_of_another_content_type_is_an_answer() -> None:
    with Server(http(json.dumps(completion("fine")).encode(), content_type="text/plain")) as server:
        result = person().initiate_chat(bot(server.llm()), message="hi", max_turns=1, silent=True)
    assert result.summary == "fine"


# ---- streams --------------------------------------------------------------------------------------------------------


def events(data: bytes, then: str = "keep", missing: int = 0) -> Answer:
    return http(data, content_type=EVENTS, length=len(data) + missing, then=then)


CUT_STREAMS: dict[str, tuple[Answer, type[Exception], str, str | None]] = {
    "closed": (events(stream("a", "b", done=False), "close", 9), errors.BrokenStream, "in the middle", "ab"),
    "killed": (events(stream("a", "b", done=False), "reset", 9), errors.BrokenStream, "broke the connection", "ab"),
    "silent": (events(stream("a", "b", done=False), "stall", 9), errors.ModelTimeout, "no answer in time", "ab"),
    "without an end": (events(stream("a", "b", done=False)), errors.BrokenStream, "ended in the middle", "ab"),
    "half an event": (events(stream("a")[:-30], "close", 9), errors.BrokenStream, "in the middle", "a"),
    "no JSON": (events(b"data: {nope\n\n"), errors.BrokenStream, "a line that is no JSON: {nope", None),
    "a mile deep": (events(b"data: " + b"[" * 99_999 + b"\n\n"), errors.BrokenStream, "a line that is no JSON", None),
    "an endless line": (events(b"data: " + b"x" * 10_000_001), errors.BrokenStream, "longer than 10,000,000", None),
    "an error event": (
        events(stream("a", done=False) + b'data: {"error": {"message": "busy", "type": "server_error"}}\n\n'),
        errors.Overloaded,
        "busy (status 500)",
        "a",
    ),
    "nothing": (events(b""), errors.UnreadableReply, "answered with an empty body", None),
    "only the end": (events(b"data: [DONE]\n\n"), errors.UnreadableReply, "not a chat completion", None),
    "a page": (http(b"<html>", content_type="text/html"), errors.UnreadableReply, "not a chat completion", None),
    "429": (http(error("slow down"), 429), errors.RateLimited, "slow down", None),
}


@pytest.mark.parametrize("face", ["sync", "async"])
@pytest.mark.parametrize("name", CUT_STREAMS)
def test_a_stream_that_breaks_is_a_clear_error_that_keeps_what_had_come(name: str, face: str) -> None:
    line, kind, phrase, partial = CUT_STREAMS[name]
    with Server(line, events(stream("b", "ack"))) as server, watching() as watch:
        user, model = person(), bot(server.llm(stream=True, timeout=0.3))
        with pytest.raises(kind) as caught:
            talk(face, user, model, message="hi", max_turns=1)
        failure: Any = caught.value
        assert phrase in str(failure)
        assert texts(failure.run) == ["hi"]
        assert (None if failure.partial is None else failure.partial.message.text) == partial
        survives_pickling(failure)
        result = talk(face, user, model, message="and now?", max_turns=1, clear_history=False)
        assert contents(result.chat_history) == ["hi", "and now?", "back"]
    watch.assert_without_the_key()


def test_what_a_broken_stream_had_shown_is_taken_back_before_the_next_attempt() -> None:
    broken = events(stream("wrong", done=False), "reset", 9)
    with Server(broken) as first, Server(events(stream("ri", "ght"))) as second, watching() as watch:
        config = {"config_list": [first.entry(), second.entry()], "cache_seed": None, "stream": True}
        result = person().initiate_chat(bot(config), message="hi", max_turns=1, silent=True)
    assert contents(result.chat_history) == ["hi", "right"]
    deltas = [(event.kind, event.text) for event in watch.events if type(event).__name__ == "Delta"]
    assert deltas == [("text", "wrong"), ("reset", ""), ("text", "ri"), ("text", "ght"), ("end", "")]
