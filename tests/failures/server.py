"""A loopback endpoint that misbehaves on purpose, byte for byte, and keeps every request it saw.

Decides what goes over the socket and when the connection ends. Refuses to know clients. Lines are used in order:

- a text is a proper completion with that text, a dict a proper answer with that JSON;
- an `Answer` is sent as it is; what follows it is in `then`.

After the last line every request is refused with a status that nobody tries again.
"""

import contextlib
import json
import socket
import struct
import threading
from typing import Any, Literal, NamedTuple

CANARY = "sk-canary-2f9d61c07be84a35"
"""The API key of every entry: it may stand in the authorization header and nowhere else."""


class Answer(NamedTuple):
    """Bytes for one request, and what becomes of the connection.

    keep: it waits for the next request; close: it ends in order; reset: it ends as a killed process's does;
    stall: nothing more comes until the server ends.
    """

    data: bytes
    then: Literal["keep", "close", "reset", "stall"] = "keep"


def http(body: Any, status: int = 200, *, then: Any = "keep", length: int | None = None, **headers: str) -> Answer:
    """A whole HTTP answer. length: what the header claims, when it is to be a lie. Header names with `_` for `-`."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"content_type": "application/json", "content_length": str(len(data) if length is None else length)}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in {**told, **headers}.items()]
    return Answer("\r\n".join([f"HTTP/1.1 {status} Told", *lines, "", ""]).encode() + data, then)


def completion(text: str | None = None, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A Chat Completions body with 10 prompt and 5 completion tokens."""
    said = {"role": "assistant", "content": text, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4",
        "choices": [{"index": 0, "finish_reason": finish, "message": said}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def error(message: str, code: str | None = None, kind: str = "test") -> dict[str, Any]:
    """A provider's error object."""
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


def stream(*texts: str, done: bool = True) -> bytes:
    """Server-sent chunks; without `done` the stream has no end."""
    choices = [{"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None} for text in texts]
    if done:
        choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4"}
    events = [json.dumps({**base, "choices": [choice]}) for choice in choices] + ["[DONE]"] * done
    return "".join(f"data: {event}\n\n" for event in events).encode()


EVENTS = "text/event-stream"
CLOSE = Answer(b"", "close")
RESET = Answer(b"", "reset")
STALL = Answer(b"", "stall")


class Server:
    """`with Server("one", RESET, "two") as server:`; `.requests` are the JSON bodies in order."""

    def __init__(self, *lines: Any) -> None:
        self.lines = list(lines)
        self.requests: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def entry(self, **more: Any) -> dict[str, Any]:
        """A config list entry for this server, tried once."""
        return {"model": "gpt-4", "api_key": CANARY, "base_url": self.base_url, "max_retries": 0, **more}

    def llm(self, **more: Any) -> dict[str, Any]:
        """An `llm_config` with that one entry, nothing cached."""
        return {"config_list": [self.entry(**more)], "cache_seed": None}

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End as a killed process does: nobody listens any more, and open connections end."""
        self._ending.set()
        self.hang_up()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._listener.close()
        self._thread.join(5)

    def hang_up(self) -> None:
        """Close the connections that wait for a next request, and go on listening."""
        with self._lock:
            for known in self._open:
                with contextlib.suppress(OSError):
                    known.shutdown(socket.SHUT_RDWR)
            self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as reader:
                while self._one(connection, reader):
                    continue
        except (OSError, ValueError):
            return  # the client or `kill` ended it

    def _one(self, connection: socket.socket, reader: Any) -> bool:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = reader.readline()
            if not line:
                return False
            head += line
        text = head.decode()
        length = next((line.split(":")[1] for line in text.splitlines() if line.startswith("content-length:")), "0")
        body = json.loads(reader.read(int(length)) or b"{}")
        with self._lock:
            self.requests.append(body)
            self.heads.append(text)
            line = self.lines.pop(0) if self.lines else http(error("no line left"), 418)
        if isinstance(line, str):
            line = completion(line)
        answer: Answer = line if isinstance(line, Answer) else http(line)
        connection.sendall(answer.data)
        if answer.then == "stall":
            self._ending.wait(20)
        elif answer.then == "reset":
            _reset(connection)
        return answer.then == "keep"


def _reset(connection: socket.socket) -> None:
    """Let the connection end by a reset when it is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
