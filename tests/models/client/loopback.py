"""A loopback Chat Completions server for these tests: answers in order, keeps what it saw, headers included.

An answer is a text (one assistant message), a dict (the whole JSON body, status 200), a (status, body, headers) tuple
(body as JSON or bytes), or `HANG`: nothing is sent until the server closes. After the last answer it refuses.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG = object()


class Loopback:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._closing = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # one write: a body sent apart waits 40 ms until the head is acknowledged

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = owner.next_answer(self.path, headers, body)
                if answer is HANG:
                    owner._closing.wait(20)
                    self.close_connection = True
                    return
                status, content, extra = answer
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **extra}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def entry(self, model: str = "gpt-4", **more: Any) -> dict[str, Any]:
        """A config list entry for this server, without retries."""
        return {"model": model, "api_key": "sk-test", "base_url": self.base_url, "max_retries": 0, **more}

    def next_answer(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Any:
        with self._lock:
            self.seen.append((path, headers, body))
            answer = self.answers.pop(0) if self.answers else (418, error("no answer left"), {})
        if answer is HANG:
            return HANG
        if isinstance(answer, str):
            answer = completion(answer, body.get("model", "?"), len(self.seen))
        if isinstance(answer, dict):
            answer = (200, answer, {})
        status, content, extra = answer
        return status, content if isinstance(content, bytes) else json.dumps(content).encode(), extra

    def __enter__(self) -> "Loopback":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def completion(text: str | None, model: str, number: int = 1, **message: Any) -> dict[str, Any]:
    """A Chat Completions body with 10 prompt and 5 completion tokens."""
    finish = "tool_calls" if "tool_calls" in message else "stop"
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": 1700000000 + number,
        "model": model,
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }


def error(message: str, code: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "test", "code": code}}


HI = [{"role": "user", "content": "hi"}]
