"""The default transport: HTTP/1.1 over the standard library, blocking on sockets, concurrent on asyncio.

Decides pooling, timeouts and what each failure is called; the concurrent face is in `native_async.py`. Why not a
library: the one that was to carry requests cannot end a call by Ctrl-C or cancellation while it waits for an answer,
nor work in a forked child. Refuses to know what the bytes mean. HTTP/2, SOCKS and https:// proxies are the business of
the other carriers.
"""

import atexit
import os
import socket
import ssl
from collections import deque
from collections.abc import Coroutine, Mapping
from threading import Lock
from time import monotonic
from types import TracebackType
from typing import Any

from autogen.core.errors import ConfigError
from autogen.models.errors import BrokenStream, Unreachable
from autogen.models.http1 import Answer, MalformedAnswer, encode_head
from autogen.models.native_async import AsyncPool
from autogen.models.native_common import (
    IDLE_KEPT,
    IDLE_SECONDS,
    READ_SIZE,
    ProxyRefused,
    connect_head,
    pieces_of,
    quiet,
    raise_named,
    target_of,
)
from autogen.models.routes import Route, route_of, split_url
from autogen.models.tls import context_for
from autogen.models.transport import (
    MAX_BODY,
    AsyncHttpStream,
    ConnectionSettings,
    HttpReply,
    HttpRequest,
    HttpStream,
    Timeout,
)

ROUTES_KEPT = 256


class NativeTransport:
    """One pool for one set of connection settings. Threads share it; each event loop has its own connections."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._settings = settings
        self._lock = Lock()
        self._idle: dict[Route, deque[Connection]] = {}
        self._context: ssl.SSLContext | None = None
        self._routes: dict[str, tuple[Route, str]] = {}
        """By URL; the environment's proxies count as they were when a URL was first used."""
        self._async = AsyncPool(self.prepare, self.context)
        self._process = os.getpid()
        atexit.register(self.close_idle)

    def close_idle(self) -> None:
        """Close the blocking face's unused connections; those that a forked child inherited are its parent's."""
        if os.getpid() == self._process:
            with self._lock:
                idle, self._idle = self._idle, {}
            for connections in idle.values():
                for connection in connections:
                    connection.sock.close()

    def prepare(self, request: HttpRequest) -> tuple[Route, bytes]:
        """Where a request goes and the bytes before its body."""
        known = self._routes.get(request.url)
        if known is None:
            parts = split_url(request.url)
            route = route_of(parts, self._settings)
            if len(self._routes) >= ROUTES_KEPT:
                self._routes.clear()
            known = self._routes[request.url] = (route, target_of(parts, route))
        route, target = known
        headers = request.headers
        if route.proxy is not None and not route.secure and route.proxy_auth:
            headers = {**headers, "proxy-authorization": route.proxy_auth}
        try:
            head = encode_head(request.method, target, route.host_header, headers, len(request.body))
        except (ValueError, UnicodeEncodeError) as error:
            raise ConfigError(f"a header of the request cannot be sent: {error}") from None
        return route, head

    def context(self) -> ssl.SSLContext:
        with self._lock:
            if self._context is None:
                self._context = context_for(self._settings)
            return self._context

    def send(self, request: HttpRequest) -> HttpReply:
        with self._open(request) as stream:
            pieces: list[bytes] = []
            size = 0
            while piece := stream.read():
                pieces.append(piece)
                size += len(piece)
                if size > MAX_BODY:
                    raise MalformedAnswer(f"the answer is longer than {MAX_BODY:,} bytes")
            return HttpReply(status=stream.status, headers=stream.headers, body=b"".join(pieces))

    def open(self, request: HttpRequest) -> HttpStream:
        return self._open(request)

    def _open(self, request: HttpRequest) -> "Stream":
        route, head = self.prepare(request)
        clock = Clock(request.timeout)
        connection = self._idle_connection(route)
        reused = connection is not None
        while True:
            if connection is None:
                connection = self._connect(route, clock)
            stream = Stream(self, route, connection, request.method, clock)
            try:
                stream.begin(head, request.body)
            except BaseException as error:
                stream.close()
                if not reused or stream.sent or not isinstance(error, (Unreachable, BrokenStream)):
                    raise
                connection, reused = None, False  # the server had ended the kept connection: a new one decides
            else:
                return stream

    def a_send(self, request: HttpRequest) -> Coroutine[Any, Any, HttpReply]:
        return self._async.send(request)

    def a_open(self, request: HttpRequest) -> Coroutine[Any, Any, AsyncHttpStream]:
        return self._async.open(request)

    def _idle_connection(self, route: Route) -> "Connection | None":
        while True:
            with self._lock:
                idle = self._idle.get(route)
                if not idle:
                    return None
                connection = idle.pop()
            if monotonic() - connection.since < IDLE_SECONDS and quiet(connection.sock):
                return connection
            connection.sock.close()

    def keep(self, route: Route, connection: "Connection") -> None:
        connection.since = monotonic()
        with self._lock:
            idle = self._idle.setdefault(route, deque())
            idle.append(connection)
            old = len(idle) > IDLE_KEPT or connection.since - idle[0].since > IDLE_SECONDS
            spare = idle.popleft() if old else None
        if spare is not None:
            spare.sock.close()

    def _connect(self, route: Route, clock: "Clock") -> "Connection":
        address = route.proxy or (route.host, route.port)
        sock: socket.socket | None = None
        clock.phase = "connect"
        try:
            sock = socket.create_connection(address, clock.left(clock.timeout.connect))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if route.secure:
                if route.proxy is not None:
                    tunnel(sock, route, clock)
                sock.settimeout(clock.left(clock.timeout.connect))
                sock = self.context().wrap_socket(sock, server_hostname=route.host)
            return Connection(sock)
        except BaseException as error:
            if sock is not None:
                sock.close()
            if isinstance(error, Exception):
                raise_named(error, route, clock.phase)
            raise


class Connection:
    """A socket of the pool."""

    __slots__ = ("since", "sock")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.since = 0.0


class Clock:
    """The limits of one attempt while it goes on: what is left for the step at hand."""

    __slots__ = ("_end", "phase", "timeout")

    def __init__(self, timeout: Timeout) -> None:
        self.timeout = timeout
        self.phase = "connect"
        self._end = None if timeout.total is None else monotonic() + timeout.total

    def left(self, limit: float | None) -> float | None:
        """Seconds for the next step: its own limit or what the total leaves. Raises TimeoutError at the total's end."""
        if self._end is None:
            return limit
        left = self._end - monotonic()
        if limit is not None and limit <= left:
            return limit
        self.phase = "total"
        if left <= 0:
            raise TimeoutError
        return left


class Stream:
    """One answer being read on this thread."""

    def __init__(self, pool: NativeTransport, route: Route, connection: Connection, method: str, clock: Clock) -> None:
        self._pool, self._route, self._connection, self._clock = pool, route, connection, clock
        self._answer = Answer(method)
        self._pieces: list[bytes] = []
        self._open = True
        self.sent = False
        """A byte of the request went out: the server may act on it."""
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def begin(self, head: bytes, body: bytes) -> None:
        """Send the request and wait for the answer's head."""
        clock, sock = self._clock, self._connection.sock
        try:
            clock.phase = "write"
            limit(sock, clock.left(clock.timeout.write))
            try:
                for piece in pieces_of(head, body):
                    size = sock.send(piece)
                    self.sent = True
                    if size < len(piece):
                        sock.sendall(memoryview(piece)[size:])
            except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                if not self._connection_answers():
                    raise
            while not self._answer.begun:
                self._receive()
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, self._route, clock.phase)
        self.status, self.headers = self._answer.status, self._answer.headers
        if self._answer.done and not self._pieces:
            self._finish()

    def _connection_answers(self) -> bool:
        """A server may refuse a large request with an answer and close before it has read all."""
        try:
            self._receive()
        except Exception:  # noqa: BLE001 - there is no answer: the failure to send is the one to tell
            return False
        return True

    def read(self) -> bytes:
        try:
            while not self._pieces:
                if self._answer.done or not self._open:
                    self._finish()
                    return b""
                self._receive()
        except Exception as error:  # noqa: BLE001 - named and raised again
            self.close()
            raise_named(error, self._route, self._clock.phase)
        except BaseException:
            self.close()
            raise
        piece = b"".join(self._pieces) if len(self._pieces) > 1 else self._pieces[0]
        self._pieces = []
        if self._answer.done:
            self._finish()
        return piece

    def _receive(self) -> None:
        clock = self._clock
        clock.phase = "read"
        sock = self._connection.sock
        limit(sock, clock.left(clock.timeout.read))
        data = sock.recv(READ_SIZE)
        if data:
            self._pieces += self._answer.feed(data)
        else:
            self._answer.end()

    def _finish(self) -> None:
        if not self._open:
            return
        self._open = False
        if self._answer.done and self._answer.keep_alive:
            self._pool.keep(self._route, self._connection)
        else:
            self._connection.sock.close()

    def close(self) -> None:
        """Closes the connection unless the answer was read to its end."""
        if self._open:
            self._open = False
            self._connection.sock.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def limit(sock: socket.socket, seconds: float | None) -> None:
    """`settimeout`, which asks the system even where nothing changes."""
    if sock.gettimeout() != seconds:
        sock.settimeout(seconds)


def tunnel(sock: socket.socket, route: Route, clock: Clock) -> None:
    sock.settimeout(clock.left(clock.timeout.connect))
    sock.sendall(connect_head(route))
    answer = Answer("CONNECT")
    while not answer.begun:
        data = sock.recv(1)  # not a byte beyond the proxy's answer: what follows belongs to TLS
        if not data:
            answer.end()
        answer.feed(data)
    if not 200 <= answer.status < 300:
        raise ProxyRefused(f"the proxy answered {answer.status} to CONNECT")
