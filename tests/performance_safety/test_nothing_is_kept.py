"""What ended is let go: runs, sessions and agents do not outlive their use."""

import asyncio
import gc
import json
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from autogen import ConversableAgent
from autogen.agents import faces
from autogen.conversation.run import Run
from autogen.models.native_transport import NativeTransport
from autogen.models.transport import ConnectionSettings, HttpRequest
from autogen.testing import Script

ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "gpt-4o",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


@pytest.fixture
def base_url() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one write: a body sent apart waits 40 ms until the head is acknowledged

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps(ANSWER).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> "list[weakref.ref[Run]]":
    """Every run that is made from here on."""
    made: list[weakref.ref[Run]] = []

    class Watched(Run):
        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            made.append(weakref.ref(self))

    monkeypatch.setattr(faces, "Run", Watched)
    return made


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def pair(config: Any) -> tuple[ConversableAgent, ConversableAgent]:
    given: Any = {"human_input_mode": "NEVER", "llm_config": config}
    return ConversableAgent("one", **given), ConversableAgent("two", **given)


def alive(watched: "list[weakref.ref[Any]]") -> list[Any]:
    return [one for ref in watched if (one := ref()) is not None]


def test_a_finished_run_is_freed_at_once(runs: "list[weakref.ref[Run]]") -> None:
    one, two = pair(Script(["a", "b", "c"]).llm_config)
    with no_collector():
        one.initiate_chat(two, message="hi", max_turns=2, silent=True)
        assert runs
        assert alive(runs) == []


def test_a_kept_connection_keeps_no_run(base_url: str, runs: "list[weakref.ref[Run]]") -> None:
    config = {"config_list": [{"model": "gpt-4o", "api_key": "k", "base_url": base_url}], "cache_seed": None}

    async def main() -> list[Any]:
        nearer = asyncio.get_running_loop().call_later(300, print)  # so that cancelled timers stay with the loop
        for _ in range(2):  # the second chat goes on over the first one's connection
            one, two = pair(config)
            await asyncio.create_task(one.a_initiate_chat(two, message="hi", max_turns=2, silent=True))
        gc.collect()
        nearer.cancel()
        return alive(runs)

    assert asyncio.run(main()) == []
    assert len(runs) == 2


def test_a_task_that_ended_leaves_only_the_last_state(runs: "list[weakref.ref[Run]]") -> None:
    one, two = pair(Script(["a"] * 20).llm_config)

    async def main() -> None:
        for _ in range(8):
            await asyncio.create_task(one.a_initiate_chat(two, message="hi", max_turns=1, silent=True))
        gc.collect()

    asyncio.run(main())
    gc.collect()
    assert len(one._states or ()) <= 2, "the main thread's session, and the view of it"
    assert [message["content"] for message in one.chat_messages[two]] == ["hi", "a"]
    assert alive(runs) == []


def test_agents_are_freed() -> None:
    one, two = pair(Script(["a"]).llm_config)
    one.initiate_chat(two, message="hi", max_turns=1, silent=True)
    watched = [weakref.ref(one), weakref.ref(two)]
    del one, two
    gc.collect()
    assert alive(watched) == []


def test_short_histories_forget_what_they_were_rendered_to_and_go_on() -> None:
    one, two = pair(Script([f"answer {number}" for number in range(40)]).llm_config)
    one.initiate_chat(two, message="hi", max_turns=8, silent=True)
    assert [message.rendered for message in two.chat_messages[one]] == [None] * 16  # type: ignore[attr-defined]
    result = one.initiate_chat(two, message="more", max_turns=1, clear_history=False, silent=True)
    assert [message["content"] for message in result.chat_history or ()][-2:] == ["more", "answer 15"]


def test_a_connection_made_while_its_exchange_is_cancelled_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Connection:
        closed = False

        def abort(self) -> None:
            self.closed = True

    made = Connection()

    async def main() -> None:
        transport = NativeTransport(ConnectionSettings())

        async def connect(*_: Any) -> Any:
            asyncio.get_running_loop().call_soon(exchange.cancel)  # comes between the connection and its exchange
            return made

        monkeypatch.setattr(transport._async, "_connect", connect)
        exchange = asyncio.ensure_future(transport.a_send(HttpRequest(url="http://127.0.0.1:9/")))
        with pytest.raises(asyncio.CancelledError):
            await exchange
        await asyncio.sleep(0)

    asyncio.run(main())
    assert made.closed
