"""A loopback OpenAI chat-completions server that answers from a given list, and keeps every request it saw.

Decides: how one scripted line becomes an HTTP answer, and that a script must be used exactly (too few and too many
lines are both errors). Refuses to know: which client asks, and what the answers mean. Standard library only: it runs
under both packages' interpreters.

A line of the script is one of

- ``"text"``: an assistant message with that text;
- ``{"content": ..., "tool_calls": [...], "function_call": {...}}``: that assistant message (`tool_calls` as `(id,
  name, arguments)`);
- ``{"message": ..., "usage": (prompt, completion), "finish_reason": ..., "choices": [...]}``: the same with more of
  the answer given;
- ``{"status": 429, "body": {...}, "headers": {...}}``: a raw answer (`body` is text or JSON);
- ``{"stream": ["a", "b"]}``: server-sent chunks of text.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DEFAULT_USAGE = (10, 5)
"""Prompt and completion tokens reported where a line does not say."""


class ScriptError(AssertionError):
    """The program and the script did not fit: lines ran out, or lines were left over."""


class ScriptedServer:
    """``with ScriptedServer(lines) as server:`` gives ``.base_url`` (ends in ``/v1``) and ``.requests`` (bodies, in
    order).
    """

    def __init__(self, lines: list[Any]) -> None:
        self.requests: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._lines = list(lines)
        self._next = 0
        self._overrun = 0
        self._lock = threading.Lock()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write: a body sent apart waits 40 ms until the head is acknowledged

            def do_POST(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                request = json.loads(self.rfile.read(size) or b"{}")
                status, headers, body = owner.answer(self.path, request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Nothing on stderr: the run's own output is what is compared."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def answer(self, path: str, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Record one request and give (status, headers, body) of the next line."""
        with self._lock:
            self.requests.append(request)
            self.paths.append(path)
            if self._next >= len(self._lines):
                self._overrun += 1
                text = f"the script has {len(self._lines)} lines and this is request {len(self.requests)}"
                return _json(
                    500,
                    {"error": {"message": text, "type": "script", "code": "script_over"}},
                    {"x-should-retry": "false"},
                )
            line = self._lines[self._next]
            self._next += 1
            number = self._next
        return _render(line, number, request)

    def close(self) -> None:
        """Stop, and raise `ScriptError` unless every line was used and none was missing."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        if self._overrun:
            raise ScriptError(f"{self._overrun} requests came after the last of {len(self._lines)} scripted lines")
        if self._next < len(self._lines):
            raise ScriptError(
                f"only {self._next} of {len(self._lines)} scripted lines were used; next: {self._lines[self._next]!r}"
            )

    def __enter__(self) -> ScriptedServer:
        self._thread.start()
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except ScriptError:
            if kind is None:
                raise


def _render(line: Any, number: int, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    if isinstance(line, str):
        line = {"content": line}
    if "status" in line:
        body = line.get("body", "")
        headers = {"x-should-retry": "false", **line.get("headers", {})}
        if isinstance(body, str):
            return line["status"], {"Content-Type": "text/plain", **headers}, body.encode()
        return _json(line["status"], body, headers)
    base = {
        "id": f"chatcmpl-{number}",
        "created": 1700000000 + number,
        "model": line.get("model", request.get("model", "?")),
    }
    prompt, completion = line.get("usage", DEFAULT_USAGE)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    if "stream" in line:
        return _stream(line, base)
    choices = line.get("choices") or [line.get("message", line)]
    rendered = [_choice(index, choice, line.get("finish_reason")) for index, choice in enumerate(choices)]
    return _json(200, {**base, "object": "chat.completion", "choices": rendered, "usage": usage}, {})


def _choice(index: int, choice: Any, finish_reason: str | None) -> dict[str, Any]:
    if isinstance(choice, str):
        choice = {"content": choice}
    message: dict[str, Any] = {"role": "assistant", "content": choice.get("content")}
    finish = "stop"
    if "tool_calls" in choice:
        finish = "tool_calls"
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": _text(arguments)}}
            for call_id, name, arguments in choice["tool_calls"]
        ]
    if "function_call" in choice:
        finish = "function_call"
        name, arguments = choice["function_call"]
        message["function_call"] = {"name": name, "arguments": _text(arguments)}
    for extra in ("refusal", "name"):
        if extra in choice:
            message[extra] = choice[extra]
    return {"index": index, "message": message, "finish_reason": finish_reason or finish, "logprobs": None}


def _stream(line: dict[str, Any], base: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": part} if isinstance(part, str) else part for part in line["stream"]]
    chunks = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    chunks.append({"index": 0, "delta": {}, "finish_reason": line.get("finish_reason", "stop")})
    events = [json.dumps({**base, "object": "chat.completion.chunk", "choices": [chunk]}) for chunk in chunks]
    body = "".join(f"data: {event}\n\n" for event in [*events, "[DONE]"])
    return 200, {"Content-Type": "text/event-stream"}, body.encode()


def _json(status: int, body: Any, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


def _text(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments)
