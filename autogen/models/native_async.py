"""The concurrent face of the native transport: HTTP/1.1 on asyncio protocols.

Decides how a connection is made, watched and kept under one event loop. A cancelled or failed exchange closes its
connection at once. Connections belong to the loop that made them; when a loop shuts down, those it kept are closed.
Refuses to know what the bytes mean.
"""

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextvars import Context
from typing import Any, cast
from weakref import WeakKeyDictionary

from autogen.models.errors import BrokenStream, Unreachable
from autogen.models.http1 import Answer, CutAnswer, MalformedAnswer
from autogen.models.native_common import (
    IDLE_KEPT,
    IDLE_SECONDS,
    READ_SIZE,
    ProxyRefused,
    connect_head,
    pieces_of,
    quiet,
    raise_named,
)
from autogen.models.routes import Route, is_address
from autogen.models.transport import MAX_BODY, HttpReply, HttpRequest, Timeout

_NONE = Answer()
"""No answer is expected: what comes is a mistake."""
_NONE.done = True
HIGH_WATER = 4 * 1024 * 1024
"""Bytes of a streamed body that wait for their reader before the connection is held back."""


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

    async def _new(self, pool: "LoopPool", route: Route, limit: Timeout) -> "Connection":
        # In a context of its own: what the loop keeps for a connection would keep the run that happened to open it.
        connecting = pool.loop.create_task(self._connect(pool, route, limit), context=Context())
        try:
            return await connecting
        except BaseException:
            connecting.add_done_callback(_close_unwanted)
            raise

    async def _connect(self, pool: "LoopPool", route: Route, limit: Timeout) -> "Connection":
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

    async def _connected(self, pool: "LoopPool", route: Route, made: "list[Connection]") -> "Connection":
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
        """An empty one for timers: a cancelled timer stays with the loop for a while, and its context with it."""
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

    def take(self, route: Route) -> "Connection | None":
        idle = self._idle.get(route)
        while idle:
            connection = idle.pop()
            if connection.usable(self.loop.time() - IDLE_SECONDS) and connection.still_there():
                return connection
            connection.abort()
        return None

    def keep(self, route: Route, connection: "Connection") -> None:
        idle = self._idle.setdefault(route, deque())
        idle.append(connection)
        if len(idle) > IDLE_KEPT or not idle[0].usable(self.loop.time() - IDLE_SECONDS):
            idle.popleft().abort()


class Connection(asyncio.BufferedProtocol):
    """One connection: its answer in progress, one waiter, one watchdog."""

    __slots__ = (
        "_context", "_end", "_failure", "_inbox", "_last", "_loop", "_lost", "_paused", "_pieces", "_timeout", "_timer",
        "_transport", "_unsent", "_waiter", "_waiting", "answer", "phase", "sent", "since",
    )  # fmt: skip

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context, inbox: memoryview) -> None:
        self._loop, self._context, self._inbox = loop, context, inbox
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._lost = False
        self._pieces: list[bytes] = []
        self._waiting = 0
        """Bytes of `_pieces`."""
        self._paused = False
        self._timer: asyncio.TimerHandle | None = None
        self._end: asyncio.TimerHandle | None = None
        self._last = 0.0
        self._unsent = 0
        self._timeout = Timeout()
        self.answer = _NONE
        self.sent = False
        """A byte of the request in progress went out, or nobody can tell: the server may act on it."""
        self.phase = "connect"
        self.since = 0.0

    # ---- asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def tune(self) -> None:
        """Keep-alive probes: a peer that vanished is noticed even without a read timeout."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._inbox

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._inbox[:nbytes])
        self._last = self._loop.time()
        answer = self.answer
        if answer.done:
            self._fail(MalformedAnswer("the server sent bytes that nobody asked for"))
            return
        try:
            pieces = answer.feed(data)
        except MalformedAnswer as error:
            self._fail(error)
            return
        if pieces:
            self._pieces += pieces
            self._waiting += len(data)
            if self._waiting > HIGH_WATER and not self._paused and self._transport is not None:
                self._paused = True
                self._transport.pause_reading()
        if answer.done:
            self._still()
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if not self.answer.done and self._failure is None:
            if exc is not None:
                self._failure = exc
            else:
                try:
                    self.answer.end()
                except CutAnswer as error:
                    self._failure = error
        self._unwatched()
        self._wake()

    # ---- the exchange's side

    def start(self, data: tuple[bytes, ...], method: str, timeout: Timeout, began: float) -> None:
        """Send a request and begin to wait for its answer. began: when the attempt did, on the loop's clock."""
        transport = self._transport
        self.sent = False
        if transport is None or transport.is_closing():
            raise CutAnswer("the server closed the connection before its answer")
        self.answer = Answer(method)
        self._timeout = timeout
        self._failure = None
        self._last = self._loop.time()
        self.phase = "read"
        for piece in data:
            transport.write(piece)
            self.sent = self.sent or not transport.is_closing()  # asyncio sends at once; a failure closes at once
        self._unsent = transport.get_write_buffer_size()
        self._watch()
        if timeout.total is not None:
            self._end = self._loop.call_at(began + timeout.total, self._expire, "total", context=self._context)

    def wait(self) -> asyncio.Future[None]:
        """The next bytes, or what has gone wrong."""
        self._waiter = waiter = self._loop.create_future()
        if self._failure is not None:
            self._wake()
        return waiter

    def due(self) -> bool:
        """Body bytes are still to come, and none is here."""
        return not self._pieces and not self.answer.done

    def take(self) -> bytes:
        """The body bytes that there are."""
        pieces = self._pieces
        self._pieces = []
        self._waiting = 0
        if self._paused and self._transport is not None:
            self._paused = False
            if not self._lost:
                self._context.run(self._transport.resume_reading)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.done():
            return
        if self._failure is not None and not self._pieces:
            waiter.set_exception(self._failure)
        else:
            waiter.set_result(None)

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self.abort()
        self._wake()

    def _still(self) -> None:
        """The exchange is over. The watchdog stays for the next one: a timer for each would cost more than it."""
        if self._end is not None:
            self._end.cancel()
            self._end = None

    def _unwatched(self) -> None:
        """No timer any more."""
        self._still()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _watch(self) -> None:
        limit = self._timeout.write if self._unsent else self._timeout.read
        if limit is None and self._unsent:
            limit = 60.0 if self._timeout.read is not None else None  # looks whether the sending has ended
        if limit is None:
            return
        when = self._last + limit
        if self._timer is not None:
            if self._timer.when() <= when:
                return  # it will look, and watch on
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look, context=self._context)

    def _look(self) -> None:
        """The watchdog: one timer for each connection, not one for each read."""
        self._timer = None
        if self.answer.done:
            return
        transport = self._transport
        unsent = transport.get_write_buffer_size() if transport is not None else 0
        now = self._loop.time()
        if unsent != self._unsent or self._paused:  # it goes on, or the reader is the slow one
            self._unsent, self._last = unsent, now
        limit = self._timeout.write if unsent else self._timeout.read
        if limit is not None and now - self._last >= limit:
            self._expire("write" if unsent else "read")
        else:
            if limit is None:
                self._last = now
            self._watch()

    def _expire(self, phase: str) -> None:
        self.phase = phase
        self._fail(TimeoutError())

    def usable(self, oldest: float) -> bool:
        transport = self._transport
        return not self._lost and self.since > oldest and transport is not None and not transport.is_closing()

    def still_there(self) -> bool:
        """The loop may not have looked at the socket since the server ended the connection."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        return sock is None or quiet(sock)

    def rest(self) -> bool:
        """The exchange is over: whether the connection can carry another one."""
        self._still()
        self.since = self._loop.time()
        kept = self.answer.done and self.answer.keep_alive and not self._lost and not self._pieces
        if kept:
            self.answer = _NONE  # an unused connection holds no headers
        return kept

    def abort(self) -> None:
        self._unwatched()
        if self._transport is not None:
            self._transport.abort()


class AsyncStream:
    """One answer being read under the loop that opened it."""

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
