"""A kept connection that the server closes: what was sent over it is not sent again, `max_retries` has to allow it."""

import asyncio
import socket
import threading
from collections.abc import Callable

import pytest

from autogen.models.errors import BrokenStream
from autogen.models.native_transport import NativeTransport
from autogen.models.transport import ConnectionSettings, HttpReply, HttpRequest

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers the first request of a connection; to the second of the first connection it says `then` and hangs up."""

    def __init__(self, then: bytes) -> None:
        self.then, self.requests = then, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for number in range(2):
            connection, _ = self._listener.accept()
            with connection:
                self._read(connection)
                connection.sendall(WHOLE)
                if number == 0:
                    self._read(connection)
                    connection.sendall(self.then)
        self._listener.close()

    def _read(self, connection: socket.socket) -> None:
        seen = b""
        while b"\r\n\r\nask" not in seen:
            seen += connection.recv(4096)
        self.requests += 1


def blocking(server: Server) -> HttpReply:
    transport = NativeTransport(ConnectionSettings())
    ask = HttpRequest(method="POST", url=server.url, headers={}, body=b"ask")
    transport.send(ask)
    return transport.send(ask)


def concurrent(server: Server) -> HttpReply:
    async def both() -> HttpReply:
        transport = NativeTransport(ConnectionSettings())
        ask = HttpRequest(method="POST", url=server.url, headers={}, body=b"ask")
        await transport.a_send(ask)
        return await transport.a_send(ask)

    return asyncio.run(both())


@pytest.mark.parametrize("twice", [blocking, concurrent])
def test_a_request_that_was_read_is_not_sent_again(twice: Callable[[Server], HttpReply]) -> None:
    server = Server(b"")
    with pytest.raises(BrokenStream):
        twice(server)
    assert server.requests == 2


@pytest.mark.parametrize("twice", [blocking, concurrent])
def test_a_request_whose_answer_had_begun_is_not_sent_again(twice: Callable[[Server], HttpReply]) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\ncontent-le")
    with pytest.raises(BrokenStream):
        twice(server)
    assert server.requests == 2
