"""The concurrent face of the native transport: HTTP/1.1 on asyncio protocols.

Decides how a connection is made and kept under one event loop, and how one exchange goes over it. A cancelled or failed
exchange closes its connection at once. Connections belong to the loop that made them; when a loop shuts down, those it
kept are closed. Refuses to know what the bytes mean.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import Context
from typing import Any, cast
from weakref import WeakKeyDictionary

from autogen.models.errors import BrokenStream, Unreachable
from autogen.models.http1 import MalformedAnswer
from autogen.models.native_common import (
    IDLE_KEPT,
    IDLE_SECONDS,
    READ_SIZE,
    ProxyRefused,
    connect_head,
    pieces_of,
    raise_named,
)
from autogen.models.native_connection import Connection
from autogen.models.routes import Route, is_address
from autogen.models.transport import MAX_BODY, HttpReply, HttpRequest, Timeout


class AsyncPool:
    """The connections of one set of settings, by event loop and route."""

    def __init__(
        self, prepare: Callable[[HttpRequest], tuple[Route, bytes]], context: Callable[[], ssl.SSLContext]
    ) -> None:
        self._prepare, self._context = prepare, context
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopPool] = WeakKeyDictionary()

    async def open(self, request: HttpRequest) -> "AsyncStream":
        route, head = self._prepare(request)
        method, limit = request.method, request.timeout
        unsent = pieces_of(head, request.body)
        del request, head
        loop = asyncio.get_running_loop()
        pool = self._loops.get(loop)
        if pool is None:
            pool = self._loops[loop] = LoopPool(loop)
            await pool.guard()
        began = loop.time()
        connection = pool.take(route)
        reused = connection is not None
        while True:
            if connection is None:
                connection = await self._new(pool, route, limit)
            stream = AsyncStream(pool, route, connection)
            try:
                connection.start(unsent, method, limit, began)
                if connection.sent:
                    unsent = ()  # nothing is sent a second time from here: a thousand who wait hold no bodies
                while not connection.answer.begun:
                    await connection.wait()
            except Exception as error:  # noqa: BLE001 - named and raised again
                stream.close()
                try:
                    raise_named(error, route, connection.phase)
                except (Unreachable, BrokenStream):
                    if not reused or connection.sent:
                        raise
                connection, reused = None, False  # the server had ended the kept connection: a new one decides
            except BaseException:
                stream.close()
                raise
            else:
                stream.status, stream.headers = connection.answer.status, connection.answer.headers
                return stream

    async def send(self, request: HttpRequest) -> HttpReply:
        opening = self.open(request)
        del request
        stream = await opening
        try:
            body = await stream.read_all()
        finally:
            stream.close()
        return HttpReply(status=stream.status, headers=stream.headers, body=body)

    async def _new(self, pool: "LoopPool", route: Route, limit: Timeout) -> Connection:
        # In the pool's context: what the loop keeps for a connection would keep the run that happened to open it.
        connecting = pool.loop.create_task(self._connect(pool, route, limit), context=pool.context)
        try:
            return await connecting
        except BaseException:
            connecting.add_done_callback(_close_unwanted)
            raise

    async def _connect(self, pool: "LoopPool", route: Route, limit: Timeout) -> Connection:
        made: list[Connection] = []
        limits = [seconds for seconds in (limit.connect, limit.total) if seconds is not None]
        phase = "total" if limit.total is not None and limit.total == min(limits) else "connect"
        try:
            async with asyncio.timeout(min(limits, default=None)):
                return await self._connected(pool, route, made)
        except BaseException as error:
            for connection in made:
                connection.abort()
            if isinstance(error, Exception):
                raise_named(error, route, phase)
            raise

    async def _connected(self, pool: "LoopPool", route: Route, made: list[Connection]) -> Connection:
        loop = pool.loop

        def new() -> Connection:
            connection = Connection(loop, pool.context, pool.inbox)
            made.append(connection)
            return connection

        host, port = route.proxy or (route.host, route.port)
        secure = self._context() if route.secure else None
        direct: dict[str, Any] = {"ssl": secure, "server_hostname": route.host} if secure and not route.proxy else {}
        race = None if is_address(host) else 0.25  # an address leaves nothing to race for
        transport, connection = await loop.create_connection(new, host, port, happy_eyeballs_delay=race, **direct)
        connection.tune()
        if secure is not None and route.proxy is not None:
            connection.start((connect_head(route),), "CONNECT", Timeout(read=None, write=None), loop.time())
            while not connection.answer.begun:
                await connection.wait()
            status = connection.answer.status
            if not 200 <= status < 300:
                raise ProxyRefused(f"the proxy answered {status} to CONNECT")
            over = await loop.start_tls(transport, connection, secure, server_hostname=route.host)
            connection.connection_made(cast("asyncio.Transport", over))
        return connection


def _close_unwanted(connecting: "asyncio.Task[Connection]") -> None:
    """Close a connection that was made at the very moment at which its exchange was cancelled."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().abort()


class LoopPool:
    """The unused connections of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.context = Context()
        """An empty one for connections and timers: what stays with the loop for a while keeps nothing else alive."""
        self.inbox = memoryview(bytearray(READ_SIZE))
        """Where bytes arrive, for all connections: each takes its own out at once."""
        self._idle: dict[Route, deque[Connection]] = {}
        self._keeper: AsyncGenerator[None, None] | None = None

    async def guard(self) -> None:
        """Be told of the loop's end: `asyncio.run` closes the async generators that were begun under it."""
        self._keeper = self._close_at_the_end()
        await anext(self._keeper)

    async def _close_at_the_end(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            for connections in self._idle.values():
                for connection in connections:
                    connection.abort()
            self._idle.clear()

    def take(self, route: Route) -> Connection | None:
        idle = self._idle.get(route)
        while idle:
            connection = idle.pop()
            if connection.usable(self.loop.time() - IDLE_SECONDS) and connection.still_there():
                return connection
            connection.abort()
        return None

    def keep(self, route: Route, connection: Connection) -> None:
        idle = self._idle.setdefault(route, deque())
        idle.append(connection)
        if len(idle) > IDLE_KEPT or not idle[0].usable(self.loop.time() - IDLE_SECONDS):
            idle.popleft().abort()


class AsyncStream:
    """One answer being read under the loop that opened it."""

    __slots__ = ("_open", "_pool", "connection", "headers", "route", "status")

    def __init__(self, pool: LoopPool, route: Route, connection: Connection) -> None:
        self._pool, self.route, self.connection = pool, route, connection
        self._open = True
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def read(self) -> bytes:
        if not self._open:
            return b""
        connection = self.connection
        try:
            while connection.due():
                await connection.wait()
        except Exception as error:  # noqa: BLE001 - named and raised again
            self.close()
            raise_named(error, self.route, connection.phase)
        except BaseException:
            self.close()
            raise
        data = connection.take()
        if not data:
            self.close()
        return data

    async def read_all(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            pieces.append(piece)
            size += len(piece)
            if size > MAX_BODY:
                raise_named(MalformedAnswer(f"the answer is longer than {MAX_BODY:,} bytes"), self.route, "read")
        return b"".join(pieces)

    def close(self) -> None:
        """Keeps the connection when the answer was read to its end, else closes it at once."""
        if not self._open:
            return
        self._open = False
        if self.connection.rest():
            self._pool.keep(self.route, self.connection)
        else:
            self.connection.abort()
