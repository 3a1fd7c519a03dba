"""Local servers are found by asking for their models; whatever else answers is left alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from autogen.cli.local_servers import ListedModel, find_local_servers, listed_models


@contextmanager
def server(status: int, body: bytes) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield http.server_address[1]
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def models(*rows: object) -> bytes:
    return json.dumps({"object": "list", "data": list(rows)}).encode()


def test_a_server_that_lists_models_is_found_with_its_context_sizes() -> None:
    body = models({"id": "nomic-embed-text"}, {"id": "qwen3:8b", "max_model_len": 32768}, {"id": "llama"})
    with server(200, body) as port:
        [found] = find_local_servers({port: "vLLM"})
    assert found.kind == "vLLM"
    assert found.base_url == f"http://127.0.0.1:{port}/v1"
    assert found.models[1] == ListedModel("qwen3:8b", 32768)
    assert found.chat_model() == "qwen3:8b"


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, b"not found"), (200, b"<html>a page</html>"), (200, b"[]"), (200, models()), (500, models({"id": "m"}))],
)
def test_whatever_lists_no_models_is_no_model_server(status: int, body: bytes) -> None:
    with server(status, body) as port:
        assert list(find_local_servers({port: "something"})) == []


def test_a_closed_port_costs_nothing_and_is_skipped() -> None:
    with server(200, models({"id": "m"})) as port:
        pass
    assert list(find_local_servers({port: "gone"})) == []


@pytest.mark.parametrize(
    "row", [{}, {"id": 5}, "text", None, {"id": "m", "max_model_len": "many"}, {"id": "m", "context_length": -1}]
)
def test_odd_rows_are_dropped_or_lose_their_context_size(row: object) -> None:
    assert listed_models(models(row)) in ([], [ListedModel("m", None)])


def test_llama_cpp_tells_its_context_in_meta() -> None:
    assert listed_models(models({"id": "m", "meta": {"n_ctx_train": 4096}})) == [ListedModel("m", 4096)]
