"""Nothing is paid twice: what one call sends, whatever connections, patches and overrides are in the way.

Refuses to know how connections are kept.
"""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autogen import OpenAIWrapper
from autogen.models.errors import BrokenStream

ANSWER = json.dumps(
    {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "ok"}}]}
).encode()
MESSAGES = [{"role": "user", "content": "x"}]


class Dying:
    """Answers `at_once` requests together, so that as many connections stay; once `dead`, reads and hangs up."""

    def __init__(self, at_once: int) -> None:
        self.together = threading.Barrier(at_once)
        self.dead = False
        self.requests = 0
        self.port = 0

    def serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            while lines.readline():
                length = 0
                while line := lines.readline().strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                lines.read(length)
                self.requests += 1
                if self.dead:
                    return
                self.together.wait(10)
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
                connection.sendall(head % len(ANSWER) + ANSWER)


@contextmanager
def dying(at_once: int) -> Iterator[Dying]:
    server = Dying(at_once)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=server.serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield server


def client_of(server: Dying) -> OpenAIWrapper:
    entry = {"model": "gpt-4", "api_key": "sk-test", "base_url": f"http://127.0.0.1:{server.port}/v1"}
    return OpenAIWrapper(config_list=[{**entry, "max_retries": 0, "cache_seed": None}])


def test_a_call_is_sent_on_one_kept_connection_and_then_on_a_new_one_at_most() -> None:
    with dying(5) as server:
        client = client_of(server)
        threads = [threading.Thread(target=client.create, kwargs={"messages": MESSAGES}) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        server.dead, server.requests = True, 0
        with pytest.raises(BrokenStream):
            client.create(messages=MESSAGES)
        assert server.requests <= 2


def test_the_same_under_asyncio() -> None:
    async def story(server: Dying) -> None:
        client = client_of(server)
        await asyncio.gather(*(client.a_create(messages=MESSAGES) for _ in range(5)))
        server.dead, server.requests = True, 0
        with pytest.raises(BrokenStream):
            await client.a_create(messages=MESSAGES)

    with dying(5) as server:
        asyncio.run(story(server))
        assert server.requests <= 2
