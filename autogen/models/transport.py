"""The transport: bytes out, bytes in. The protocol that every HTTP carrier implements, and the shared pools.

Decides what a request, a reply and a timeout are, and that a process keeps one transport per set of connection
settings. Refuses to know what the bytes mean, and which carrier is used beyond `transport_for`.
Change together: the carriers `*_transport.py`, the conformance suite `tests/models/wire/test_transport_conformance.py`.
"""

import os
from collections.abc import Callable, Coroutine, Mapping
from threading import Lock
from typing import Any, Literal, Protocol, cast

from msgspec import Struct, field

from autogen.core.errors import ConfigError
from autogen.core.events import Event, Notice

MAX_BODY = 256 * 1024 * 1024
"""Bytes that a whole answer may have."""


class Timeout(Struct, frozen=True, kw_only=True):
    """Limits of one attempt, in seconds. None: no limit of that kind."""

    connect: float | None = 10.0
    """Name resolution, TCP and TLS together."""
    read: float | None = 600.0
    """The longest silence of the server, before and within the answer."""
    write: float | None = 600.0
    """The longest time during which the server takes no more of the request."""
    pool: float | None = 600.0
    """Waiting for a free connection; only where the carrier limits their number."""
    total: float | None = None
    """The whole attempt, the last byte of a streamed answer included."""

    @classmethod
    def of(cls, seconds: float | None) -> "Timeout":
        """What `timeout=seconds` meant in 0.2: the same limit for each phase, no total."""
        return cls(connect=seconds, read=seconds, write=seconds, pool=seconds)


def shown(url: str) -> str:
    """The address without user, password and query: for errors and logs."""
    scheme, separator, rest = url.partition("?")[0].partition("://")
    host, slash, path = rest.partition("/")
    return scheme + separator + host.rpartition("@")[2] + slash + path


class HttpRequest(Struct, frozen=True, kw_only=True, gc=False):
    """One HTTP request. `headers` hold secrets, so no part of it is ever shown by `repr`."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    timeout: Timeout = Timeout()

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {shown(self.url)}, {len(self.body)} bytes)"


class HttpReply(Struct, frozen=True, kw_only=True, gc=False):
    """One whole answer. Header names are lower-case; of a repeated header the first is kept."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""


class HttpStream(Protocol):
    """An answer being read on this thread."""

    status: int
    headers: Mapping[str, str]

    def read(self) -> bytes:
        """The next bytes as soon as there are any; b"" at the end. A cut body raises `BrokenStream`."""
        ...

    def close(self) -> None:
        """Never waits. Before the end it closes the connection; afterwards it does nothing."""
        ...


class AsyncHttpStream(Protocol):
    """The same under asyncio; `close` is called on the loop that opened it. Cancelling a read closes the connection."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Carries requests; every method may be called from any thread, the `a_` forms from any event loop.

    Failures: `Unreachable`, `ModelTimeout`, `BrokenStream` (the answer was cut). A status of 400 and more is an answer.
    """

    def send(self, request: HttpRequest) -> HttpReply: ...

    def a_send(self, request: HttpRequest) -> Coroutine[Any, Any, HttpReply]: ...

    def open(self, request: HttpRequest) -> HttpStream: ...

    def a_open(self, request: HttpRequest) -> Coroutine[Any, Any, AsyncHttpStream]: ...


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """How connections are made: the key of the shared pools. The default is right for most programs."""

    proxy: str | None = None
    """URL of a proxy for all requests; None takes HTTPS_PROXY, HTTP_PROXY, ALL_PROXY of the environment."""
    no_proxy: str | None = None
    """Comma-separated hosts reached directly; None takes NO_PROXY of the environment."""
    ca_bundle: str | bytes | None = None
    """Path of a PEM file (str) or PEM text (bytes) of authorities trusted besides the system's."""
    client_certificate: str | bytes | None = None
    """Path of a PEM file (str) or PEM text (bytes) with the client's certificate and its private key."""
    verify: bool = True
    """False accepts any certificate; a `Notice` says so at each pool made."""
    http2: bool = False
    carrier: Literal["auto", "native", "pyreqwest", "httpx2"] = "auto"
    """Who carries the bytes. "auto": our own; pyreqwest for what ours does not speak (HTTP/2, SOCKS, https proxies)."""

    def __repr__(self) -> str:
        return f"ConnectionSettings(proxy={self.proxy is not None}, verify={self.verify}, http2={self.http2})"


_transports: dict[ConnectionSettings, Transport] = {}
_abandoned: list[dict[ConnectionSettings, Transport]] = []
"""Pools that a forked child inherited: never used, closed or let go, because the parent goes on using the sockets."""
_lock = Lock()


def _after_fork() -> None:
    global _transports, _lock
    _abandoned.append(_transports)
    _transports = {}
    _lock = Lock()  # the inherited one may be held by a thread that the child does not have


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


DEFAULT_CONNECTION = ConnectionSettings()


def transport_for(
    settings: ConnectionSettings = DEFAULT_CONNECTION,
    http_client: object = None,
    emit: Callable[[Event], None] | None = None,
) -> Transport:
    """The process's shared transport for these settings, made on first use.

    http_client: the program's own: an httpx or httpx2 client is wrapped, a `Transport` is used as it is.
    emit: told once for each pool that checks no certificates. Raises ConfigError for settings that cannot work.
    """
    if http_client is not None:
        if all(callable(getattr(http_client, name, None)) for name in ("send", "a_send", "open", "a_open")):
            return cast("Transport", http_client)
        from autogen.models.httpx_transport import HttpxTransport

        return HttpxTransport(http_client)
    found = _transports.get(settings)
    if found is None:
        with _lock:
            found = _transports.get(settings)
            if found is None:
                found = _transports[settings] = _make(settings)
                if not settings.verify and emit is not None:
                    emit(Notice("verify=False: the certificates of model servers are not checked", "security"))
    return found


def _make(settings: ConnectionSettings) -> Transport:
    carrier = settings.carrier
    if carrier == "auto":
        scheme = (settings.proxy or "http:").partition(":")[0]
        carrier = "pyreqwest" if settings.http2 or (scheme != "http" and "://" in (settings.proxy or "")) else "native"
    if settings.http2 and carrier == "native":
        raise ConfigError("the native carrier speaks HTTP/1.1 only; http2=True needs carrier='pyreqwest' or 'httpx2'")
    if carrier == "native":
        from autogen.models.native_transport import NativeTransport

        return NativeTransport(settings)
    if carrier == "pyreqwest":
        from autogen.models.pyreqwest_transport import PyreqwestTransport

        return PyreqwestTransport(settings)
    from autogen.models.httpx_transport import OwnHttpxTransport

    return OwnHttpxTransport(settings)
