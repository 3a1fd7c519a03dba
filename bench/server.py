"""A chat completions server with canned replies, run as its own process.

It decides what goes over the wire and how cheaply: standard library only, the
next reply is bytes put together from a template, and of a request no more is read
than its length (and, for tools and streams, one byte pattern in its body).
It refuses to know what is measured or by whom.

The path says how to answer, so that one server serves all scenarios:

    /<kind>[,<option>=<number>]*/v1/chat/completions

    kind    text    about 100 characters (`length` of them at least), another id and text each time
            tools   a call of `add(a, b)` until the body holds `calls` tool results, then text
            stream  `chunks` server-sent events, then usage if asked for, then [DONE]
    option  delay   milliseconds before the answer (default 0)
            length  see text
            calls   see tools
            chunks  see stream
            pace    milliseconds between two events (default 0: all in one burst)
            joined  1: a burst is one HTTP chunk; 0 (default): each event is one
            record  1: keep the bodies for GET /recorded

    GET /stats     {"requests": completions answered, "cpu_s": user + system of this process}
    GET /recorded  the bodies kept so far, each after its length in decimal and a newline;
                   they are forgotten afterwards

`python -m bench.server` listens on a free loopback port, prints it as one line, and
ends when its standard input does: it cannot outlive the process that started it.
"""

import asyncio
import json
import sys
import threading
import time
from dataclasses import dataclass
from itertools import count
from typing import cast

_WORDS = "the agents go over the plan once more and agree on the next step of it"
_CALL_ARGUMENTS = b'{\\"a\\": %d, \\"b\\": 1}'

_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nx-request-id: req_bench\r\n"
    b"date: Sat, 21 Nov 2026 09:00:00 GMT\r\n%b\r\n\r\n"
)
_COMPLETION = (
    b'{"id":"chatcmpl-%016x","object":"chat.completion","created":1795251600,"model":"gpt-4o","choices":[{"index":0,'
    b'"message":{"role":"assistant",%b,"refusal":null},"logprobs":null,"finish_reason":"%b"}],"usage":'
    b'{"prompt_tokens":120,"completion_tokens":24,"total_tokens":144,"prompt_tokens_details":{"cached_tokens":0},'
    b'"completion_tokens_details":{"reasoning_tokens":0}},"system_fingerprint":"fp_bench"}'
)
_EVENT_HEAD = (
    '{"id":"chatcmpl-%s","object":"chat.completion.chunk","created":1795251600,"model":"gpt-4o",'
    '"system_fingerprint":"fp_bench",'
)
_ID_MARK = "#" * 16


@dataclass(frozen=True)
class Behaviour:
    """How one path answers; the fields are the options of the module docstring."""

    kind: str
    delay: float = 0.0
    length: float = 0
    calls: float = 0
    chunks: float = 0
    pace: float = 0.0
    joined: float = 0
    record: float = 0

    @property
    def reads_body(self) -> bool:
        return self.kind != "text" or bool(self.record)

    @property
    def words(self) -> bytes:
        """What a text says after its number."""
        return ", ".join([_WORDS] * max(1, int(-(-self.length // (len(_WORDS) + 2))))).encode()


def parse_path(path: str) -> Behaviour:
    """The behaviour that a path names. Raises ValueError with the reason when it names none."""
    spec, _, endpoint = path.lstrip("/").partition("/")
    if endpoint != "v1/chat/completions":
        raise ValueError(f"no such path: {path}")
    kind, *options = spec.split(",")
    if kind not in ("text", "tools", "stream"):
        raise ValueError(f"no such kind of answer: {kind}")
    values = {name: float(value) for name, _, value in (option.partition("=") for option in options)}
    unknown = values.keys() - Behaviour.__dataclass_fields__.keys()
    if unknown:
        raise ValueError(f"no such option: {', '.join(sorted(unknown))}")
    return Behaviour(kind, **values)


class State:
    """What the connections of one server share."""

    def __init__(self) -> None:
        self.serial = count(1)
        self.requests = 0
        self.recorded: list[bytes] = []
        self.behaviours: dict[bytes, Behaviour] = {}
        self.events: dict[int, tuple[list[bytes], bytes]] = {}

    def behaviour(self, target: bytes) -> Behaviour:
        known = self.behaviours.get(target)
        if known is None:
            known = self.behaviours[target] = parse_path(target.decode("latin-1"))
        return known

    def completion(self, behaviour: Behaviour, body: bytes) -> bytes:
        """A whole HTTP response: a tool call while one is due, else a text."""
        serial = next(self.serial)
        if behaviour.kind == "tools" and body.count(b'"tool_call_id"') < behaviour.calls:
            arguments = _CALL_ARGUMENTS % serial
            message = (
                b'"content":null,"tool_calls":[{"id":"call_%016x","type":"function","function":'
                b'{"name":"add","arguments":"%b"}}]' % (serial, arguments)
            )
            reason = b"tool_calls"
        else:
            message = b'"content":"Reply %012d: %b."' % (serial, behaviour.words)
            reason = b"stop"
        payload = _COMPLETION % (serial, message, reason)
        return _HEAD % (b"application/json", b"content-length: %d" % len(payload)) + payload

    def stream(self, behaviour: Behaviour, body: bytes) -> tuple[list[bytes], bytes]:
        """The framed events of one stream and its end, under a fresh id."""
        chunks = int(behaviour.chunks)
        if chunks not in self.events:
            self.events[chunks] = stream_events(chunks)
        events, usage = self.events[chunks]
        mark, fresh = _ID_MARK.encode(), b"%016x" % next(self.serial)
        if b'"include_usage"' in body:
            events = [*events, usage]
        events = [*events, b"data: [DONE]\n\n"]
        if behaviour.pace:
            return [_framed(event.replace(mark, fresh)) for event in events], b"0\r\n\r\n"
        if behaviour.joined:
            return [_framed(b"".join(events).replace(mark, fresh))], b"0\r\n\r\n"
        return [b"".join(map(_framed, events)).replace(mark, fresh)], b"0\r\n\r\n"


def stream_events(chunks: int) -> tuple[list[bytes], bytes]:
    """`chunks` content events (the first with the role, then the finish reason) and a usage event."""
    head = _EVENT_HEAD % _ID_MARK

    def choice(delta: str, finish: str) -> bytes:
        text = f'data: {head}"choices":[{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":{finish}}}]}}\n\n'
        return text.encode()

    words = _WORDS.split()
    events = [choice('{"role":"assistant","content":""}', "null")]
    events += [choice(f'{{"content":"{words[i % len(words)]} "}}', "null") for i in range(chunks)]
    events.append(choice("{}", '"stop"'))
    counts = f'{{"prompt_tokens":120,"completion_tokens":{chunks},"total_tokens":{chunks + 120}}}'
    return events, f'data: {head}"choices":[],"usage":{counts}}}\n\n'.encode()


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Connection(asyncio.Protocol):
    """One kept connection; requests are answered in the order they come."""

    __slots__ = ("_buffer", "_length", "_loop", "_state", "_transport")

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        self._buffer = b""
        self._length = 0  # of the request under way, head included; 0: its head is not complete
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        if not self._length:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self._length = end + 4 + _content_length(buffer[:end])
        if len(buffer) < self._length:
            return
        if len(buffer) > self._length:
            self._refuse(b"400 Bad Request", "send one request, then wait for its answer")
            return
        self._buffer, self._length = b"", 0
        self._answer(buffer)

    def _answer(self, request: bytes) -> None:
        method, _, rest = request.partition(b" ")
        target = rest[: rest.index(b" ")]
        if method == b"GET":
            self._report(target)
            return
        try:
            behaviour = self._state.behaviour(target)
        except (ValueError, TypeError) as error:
            self._refuse(b"404 Not Found", str(error))
            return
        self._state.requests += 1
        body = request[request.index(b"\r\n\r\n") + 4 :] if behaviour.reads_body else b""
        if behaviour.record:
            self._state.recorded.append(body)
        if behaviour.delay:
            self._loop.call_later(behaviour.delay / 1000, self._reply, behaviour, body)
        else:
            self._reply(behaviour, body)

    def _reply(self, behaviour: Behaviour, body: bytes) -> None:
        if self._transport.is_closing():
            return
        if behaviour.kind != "stream":
            self._transport.write(self._state.completion(behaviour, body))
            return
        pieces, end = self._state.stream(behaviour, body)
        head = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked")
        if behaviour.pace:
            self._transport.write(head)
            self._drip([*pieces[:-1], pieces[-1] + end], 0, self._loop.time(), behaviour.pace / 1000)
        else:
            self._transport.write(b"".join((head, *pieces, end)))

    def _drip(self, pieces: list[bytes], at: int, start: float, pace: float) -> None:
        """Write piece `at` and arrange for the next one; a late piece does not delay the ones after it."""
        if self._transport.is_closing():
            return
        self._transport.write(pieces[at])
        if at + 1 < len(pieces):
            self._loop.call_at(start + (at + 1) * pace, self._drip, pieces, at + 1, start, pace)

    def _report(self, target: bytes) -> None:
        if target == b"/stats":
            payload = json.dumps({"requests": self._state.requests, "cpu_s": time.process_time()}).encode()
        elif target == b"/recorded":
            payload = b"".join(b"%d\n%b" % (len(body), body) for body in self._state.recorded)
            self._state.recorded.clear()
        else:
            self._refuse(b"404 Not Found", "no such report")
            return
        self._transport.write(_HEAD % (b"application/json", b"content-length: %d" % len(payload)) + payload)

    def _refuse(self, status: bytes, reason: str) -> None:
        payload = json.dumps({"error": {"message": reason, "type": "invalid_request_error"}}).encode()
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self._transport.write(head % (status, len(payload)) + payload)
        self._transport.close()


def _content_length(head: bytes) -> int:
    """Length of the body that follows `head`; bodies without one are taken as empty."""
    at = head.lower().find(b"\r\ncontent-length:")
    return 0 if at < 0 else int(head[at + 17 :].split(b"\r\n", 1)[0])


async def serve() -> None:
    """Serve on a free loopback port, printed on standard output, until standard input ends."""
    loop = asyncio.get_running_loop()
    state = State()
    server = await loop.create_server(lambda: Connection(state, loop), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()

    def wait_for_end() -> None:
        sys.stdin.buffer.read()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
