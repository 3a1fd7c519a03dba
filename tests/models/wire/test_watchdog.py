"""A kept connection has one watchdog for all its requests: each request still has its own limits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from autogen.models.errors import ModelTimeout
from autogen.models.native_transport import NativeTransport
from autogen.models.transport import ConnectionSettings, HttpRequest, Timeout

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers each request after the seconds that its body tells; counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(float(await reader.readexactly(3)))
                writer.write(WHOLE)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def ask(self, seconds: str, read: float) -> HttpRequest:
        """A request answered after `seconds` ("0.3"), by a client that waits for `read` seconds at most."""
        return HttpRequest(url=self.url, body=seconds.encode(), timeout=Timeout(read=read))


@asynccontextmanager
async def served() -> AsyncGenerator[tuple[Server, NativeTransport], None]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
        yield server, NativeTransport(ConnectionSettings())


def test_a_later_request_may_have_less_time_than_the_first() -> None:
    async def story() -> None:
        async with served() as (server, transport):
            await transport.a_send(server.ask("0.0", read=60))
            with pytest.raises(ModelTimeout):
                await asyncio.wait_for(transport.a_send(server.ask("9.0", read=0.1)), 5)
            assert server.connections == 1

    asyncio.run(story())


def test_a_later_request_may_have_more_time_than_the_first() -> None:
    async def story() -> None:
        async with served() as (server, transport):
            await transport.a_send(server.ask("0.0", read=0.1))
            reply = await transport.a_send(server.ask("0.3", read=60))
            assert reply.body == b"ok"
            assert server.connections == 1

    asyncio.run(story())


def test_an_unused_connection_outlives_the_limit_of_its_last_request() -> None:
    async def story() -> None:
        async with served() as (server, transport):
            await transport.a_send(server.ask("0.0", read=0.1))
            await asyncio.sleep(0.2)
            await transport.a_send(server.ask("0.0", read=0.1))
            assert server.connections == 1

    asyncio.run(story())
