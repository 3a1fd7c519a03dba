"""One attempt from request to reply, by the blocking driver and by asyncio, over a function that plays the server."""

import asyncio
import builtins
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from autogen.core.errors import ConfigError
from autogen.core.events import Delta, Event, RequestSent
from autogen.core.model import ModelMessage, ModelReply, ModelRequest, Text
from autogen.drivers import blocking, concurrent
from autogen.drivers.performer import silent
from autogen.models import azure
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.errors import BrokenStream, ModelTimeout, NotFound, RateLimited, UnreadableReply
from autogen.models.exchange import exchange
from autogen.models.in_process import InProcessTransport, StreamedReply
from autogen.models.secret import Secret
from autogen.models.transport import HttpReply, HttpRequest

HELLO = ModelRequest((ModelMessage("user", (Text("hi"),)),))
STREAMED = ModelRequest(HELLO.messages, settings={"stream": True})
PLAIN = json.dumps({"model": "m1", "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}).encode()


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"model": "m1", "choices": [choice]}).encode() + b"\n\n"


@pytest.fixture(params=["blocking", "concurrent"])
def ask(request: pytest.FixtureRequest) -> Callable[..., ModelReply]:
    def go(
        handler: Callable[[HttpRequest], HttpReply | StreamedReply], asked: ModelRequest = HELLO,
        events: list[Event] | None = None, **endpoint: Any,
    ) -> ModelReply:  # fmt: skip
        where = ChatEndpoint(model="m", http_client=InProcessTransport(handler), **endpoint)
        emit = (events if events is not None else []).append
        work = exchange(where, asked, emit, "bot")
        return blocking.perform(work) if request.param == "blocking" else asyncio.run(concurrent.perform(work))

    return go


def test_a_plain_exchange(ask: Callable[..., ModelReply]) -> None:
    seen: list[HttpRequest] = []

    def server(request: HttpRequest) -> HttpReply:
        seen.append(request)
        return HttpReply(status=200, body=PLAIN)

    reply = ask(server, api_key=Secret("k"), config_id=3)
    assert (reply.message.text, reply.model, reply.config_id) == ("hello", "m1", 3)
    assert seen[0].headers["authorization"] == "Bearer k"
    assert reply.usage.estimated and reply.usage.input > 0


def test_deltas_are_told_as_they_come(ask: Callable[..., ModelReply]) -> None:
    events: list[Event] = []
    told: list[int] = []

    def pieces() -> Iterable[bytes]:
        for text in ("one ", "two"):
            yield piece(text)
            told.append(len(events))
        yield piece("", "stop") + b"data: [DONE]\n\n"

    reply = ask(lambda request: StreamedReply(pieces=pieces()), STREAMED, events)
    assert reply.message.text == "one two"
    assert told == [2, 3], "each delta was told before the next piece was asked for"
    assert isinstance(events[0], RequestSent), "first the request goes out"
    assert events[1:] == [Delta("bot", "one "), Delta("bot", "two"), Delta("bot", "", "end")]


def test_a_server_that_does_not_stream_is_understood(ask: Callable[..., ModelReply]) -> None:
    events: list[Event] = []
    answer = HttpReply(status=200, headers={"content-type": "application/json"}, body=PLAIN)
    assert ask(lambda request: answer, STREAMED, events).message.text == "hello"
    assert events[1:] == [Delta("bot", "hello"), Delta("bot", "", "end")]


def test_an_error_status_of_a_stream_is_read_as_one(ask: Callable[..., ModelReply]) -> None:
    with pytest.raises(RateLimited, match="slow down"):
        ask(lambda r: HttpReply(status=429, body=b'{"error":{"message":"slow down"}}'), STREAMED)


@pytest.mark.parametrize("failure", [BrokenStream("cut", endpoint="h:1"), ModelTimeout("late", endpoint="h:1")])
def test_a_stream_that_breaks_keeps_what_had_arrived(ask: Callable[..., ModelReply], failure: Exception) -> None:
    with pytest.raises(type(failure)) as raised:
        ask(lambda r: StreamedReply(pieces=[piece("half"), failure]), STREAMED)
    partial: ModelReply | None = getattr(raised.value, "partial", None)
    assert partial is not None and partial.message.text == "half"
    assert "'m'" in str(raised.value)


def test_a_stream_that_just_ends_is_broken(ask: Callable[..., ModelReply]) -> None:
    with pytest.raises(BrokenStream):
        ask(lambda r: StreamedReply(pieces=[piece("half")]), STREAMED)
    with pytest.raises(UnreadableReply):
        ask(lambda r: StreamedReply(pieces=[b"<html>"], headers={"content-type": "text/html"}), STREAMED)


def test_the_stream_is_closed_when_its_reader_fails() -> None:
    closed: list[str] = []

    class Watched(InProcessTransport):
        def open(self, request: HttpRequest) -> Any:
            stream = super().open(request)
            close = stream.close

            def told() -> None:
                closed.append("closed")
                close()

            stream.close = told  # type: ignore[method-assign]
            return stream

    def emit(event: Event) -> None:
        if isinstance(event, Delta):
            raise KeyboardInterrupt

    endpoint = ChatEndpoint(model="m", http_client=Watched(lambda r: StreamedReply(pieces=[piece("x"), piece("y")])))
    with pytest.raises(KeyboardInterrupt):
        blocking.perform(exchange(endpoint, STREAMED, emit, "bot"))
    assert closed == ["closed"]


# ---- Azure ---------------------------------------------------------------------------------------------------------


def test_a_token_provider_is_asked_each_time_sync_or_async(ask: Callable[..., ModelReply]) -> None:
    asked: list[str] = []

    def provide() -> str:
        asked.append("sync")
        return f"t{len(asked)}"

    async def provide_async() -> str:
        asked.append("async")
        return f"t{len(asked)}"

    seen: list[str] = []

    def server(request: HttpRequest) -> HttpReply:
        seen.append(request.headers["authorization"])
        return HttpReply(status=200, body=PLAIN)

    providers: list[Callable[[], str | Awaitable[str]]] = [provide, provide, provide_async]
    for provider in providers:
        ask(server, api_type="azure", base_url="https://n", azure_ad_token_provider=provider)
    assert seen == ["Bearer t1", "Bearer t2", "Bearer t3"]


def test_a_provider_that_gives_no_token_is_told_so(ask: Callable[..., ModelReply]) -> None:
    with pytest.raises(ConfigError, match="must return a token"):
        ask(lambda r: HttpReply(status=200, body=PLAIN), api_type="azure", azure_ad_token_provider=lambda: None)


def test_the_default_provider_names_the_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    monkeypatch.setattr(azure, "_default", None)
    with pytest.raises(ConfigError, match="pip install azure-identity"):
        azure.token_provider(ChatEndpoint(model="m", api_type="azure", azure_ad_token_provider="DEFAULT"))


# ---- openai's exceptions -------------------------------------------------------------------------------------------

CATCHING = """
import pickle, sys
{first}
from autogen.core.errors import ModelError
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.drivers.blocking import perform
from autogen.drivers.performer import silent
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.errors import *
from autogen.models.exchange import exchange
from autogen.models.in_process import InProcessTransport
from autogen.models.transport import HttpReply

def fail(handler):
    endpoint = ChatEndpoint(model="m", http_client=InProcessTransport(handler))
    try:
        perform(exchange(endpoint, ModelRequest((ModelMessage("user", (Text("x"),)),)), silent, "bot"))
    except ModelError as error:
        return error

def status(number):
    body = b'{{"error": {{"message": "why", "code": "c", "type": "t", "param": "p"}}}}'
    return fail(lambda r: HttpReply(status=number, headers={{"x-request-id": "r1", "retry-after": "2"}}, body=body))

def late(request):
    raise ModelTimeout("late", endpoint="h:1")

def gone(request):
    raise Unreachable("gone", endpoint="h:1")
"""

SEEN = """
import openai
wanted = {
    400: openai.BadRequestError, 401: openai.AuthenticationError, 403: openai.PermissionDeniedError,
    404: openai.NotFoundError, 409: openai.ConflictError, 422: openai.UnprocessableEntityError,
    429: openai.RateLimitError, 500: openai.InternalServerError, 503: openai.InternalServerError,
}
for number, theirs in wanted.items():
    error = status(number)
    assert isinstance(error, theirs) and isinstance(error, openai.APIStatusError) and isinstance(error, CallFailed)
    assert (error.status_code, error.response.status_code, error.request_id) == (number, number, "r1")
    assert (error.message, error.code, error.param, error.type) == ("why", "c", "p", "t")
    assert error.body["message"] == "why" and error.response.headers["retry-after"] == "2"
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, theirs) and str(again) == str(error), (again, error)
error = status(429)
assert isinstance(error, RateLimited) and error.retry_after == 2
error = fail(late)
assert isinstance(error, openai.APITimeoutError) and isinstance(error, TimeoutError) and isinstance(error, ModelTimeout)
error = fail(gone)
assert isinstance(error, openai.APIConnectionError) and isinstance(error, ConnectionError)
error = fail(lambda r: HttpReply(status=200, body=b"rubbish"))
assert isinstance(error, openai.APIError) and isinstance(error, UnreadableReply)
assert str(error).startswith("model 'm' at"), str(error)
print("fine")
"""

UNSEEN = """
error = status(429)
assert type(error) is RateLimited and "openai" not in sys.modules
print("fine")
"""


@pytest.mark.parametrize(("first", "rest"), [("import openai", SEEN), ("", UNSEEN)])
def test_errors_are_openais_too_where_that_package_is_loaded(first: str, rest: str) -> None:
    if first:
        pytest.importorskip("openai")
    program = CATCHING.format(first=first) + rest
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=root, timeout=50)
    assert (done.stdout, done.returncode) == ("fine\n", 0), done.stderr


# ---- the program's own client --------------------------------------------------------------------------------------


def test_a_client_of_another_kind_is_refused() -> None:
    endpoint = ChatEndpoint(model="m", http_client=builtins.object())
    with pytest.raises(ConfigError, match="http_client must be an httpx"):
        blocking.perform(exchange(endpoint, HELLO, silent, "bot"))


def test_an_httpx_client_of_the_programs_carries_the_request() -> None:
    httpx2 = pytest.importorskip("httpx2")

    def server(request: Any) -> Any:
        assert request.headers["authorization"] == "Bearer k" and request.extensions["timeout"]["read"] == 600
        if b"stream" in request.content:
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=piece("hello", "stop"))
        return (
            httpx2.Response(200, content=PLAIN) if request.url.path == "/v1/chat/completions" else httpx2.Response(404)
        )

    wire = httpx2.MockTransport(server)
    sync = ChatEndpoint(model="m", api_key=Secret("k"), http_client=httpx2.Client(transport=wire))
    for asked in (HELLO, STREAMED):
        assert blocking.perform(exchange(sync, asked, lambda e: None, "bot")).message.text == "hello"
        assert asyncio.run(concurrent.perform(exchange(sync, asked, lambda e: None, "bot"))).message.text == "hello"

    async def go() -> None:
        async with httpx2.AsyncClient(transport=wire) as client:
            endpoint = ChatEndpoint(model="m", api_key=Secret("k"), http_client=client)
            for asked in (HELLO, STREAMED):
                reply = await concurrent.perform(exchange(endpoint, asked, lambda e: None, "bot"))
                assert reply.message.text == "hello"
            with pytest.raises(ConfigError, match="AsyncClient"):
                blocking.perform(exchange(endpoint, HELLO, lambda e: None, "bot"))
            elsewhere = ChatEndpoint(model="m", base_url="http://h/x", api_key=Secret("k"), http_client=client)
            with pytest.raises(NotFound):
                await concurrent.perform(exchange(elsewhere, HELLO, lambda e: None, "bot"))

    asyncio.run(go())
