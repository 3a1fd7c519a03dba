"""The httpx family as a transport: the program's own `http_client`, or httpx2 as a chosen carrier.

Works with httpx and httpx2 alike, by the names that both have. Refuses to know what the bytes mean.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from threading import Lock
from typing import Any, NoReturn
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from autogen.core.errors import ConfigError
from autogen.drivers.threads import spawn
from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout, Unreachable
from autogen.models.routes import proxy_of, split_url
from autogen.models.transport import AsyncHttpStream, ConnectionSettings, HttpReply, HttpRequest, HttpStream, Timeout


class HttpxTransport:
    """Over one client that the program made and keeps; it is never closed here.

    A blocking client serves concurrent calls from threads of their own (cancelling waits for nothing, but such a
    thread ends with its answer); an async client serves concurrent calls only.
    """

    def __init__(self, client: object) -> None:
        homes = [cls.__module__.partition(".")[0] for cls in type(client).__mro__]
        family = next((name for name in homes if name in ("httpx", "httpx2")), "")
        if not family or not callable(getattr(client, "build_request", None)):
            raise ConfigError(
                f"http_client must be an httpx or httpx2 client (or a Transport), got {type(client).__name__}"
            )
        self._http: Any = sys.modules[family]
        self._client: Any = client
        self._concurrent = isinstance(client, self._http.AsyncClient)

    def send(self, request: HttpRequest) -> HttpReply:
        try:
            answer = self._blocking().send(self._built(request))
            return HttpReply(status=answer.status_code, headers=_headers(answer), body=answer.content)
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, request, self._http)

    async def a_send(self, request: HttpRequest) -> HttpReply:
        if not self._concurrent:
            return await asyncio.wrap_future(spawn(lambda: self.send(request)))
        try:
            answer = await self._client.send(self._built(request))
            return HttpReply(status=answer.status_code, headers=_headers(answer), body=answer.content)
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, request, self._http)

    def open(self, request: HttpRequest) -> HttpStream:
        try:
            answer = self._blocking().send(self._built(request), stream=True)
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, request, self._http)
        return Stream(answer, request, self._http)

    async def a_open(self, request: HttpRequest) -> AsyncHttpStream:
        if not self._concurrent:
            return ThreadedStream(await asyncio.wrap_future(spawn(lambda: self.open(request))))
        try:
            answer = await self._client.send(self._built(request), stream=True)
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, request, self._http)
        return AsyncStream(answer, request, self._http)

    def _blocking(self) -> Any:
        if self._concurrent:
            raise ConfigError("http_client is an AsyncClient, which a blocking chat cannot use; give a Client")
        return self._client

    def _built(self, request: HttpRequest) -> Any:
        extra: dict[str, Any] = {}
        # As the official client does: a client's own timeout counts, unless it is the family's short default.
        if request.timeout != Timeout() or self._client.timeout == self._http.Timeout(5.0):
            extra["timeout"] = timeout_for(self._http, request.timeout)
        return self._client.build_request(
            request.method, request.url, headers=dict(request.headers), content=request.body, **extra
        )


class OwnHttpxTransport:
    """httpx2 with clients of our own, for programs that choose this carrier."""

    def __init__(self, settings: ConnectionSettings) -> None:
        try:
            import httpx2
        except ImportError as error:
            raise ConfigError("carrier='httpx2' needs httpx2: pip install httpx2") from error
        self._http: Any = httpx2
        self._settings = settings
        self._lock = Lock()
        self._context: Any = None
        self._blocking: dict[str, HttpxTransport] = {}
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, HttpxTransport]] = WeakKeyDictionary()

    def send(self, request: HttpRequest) -> HttpReply:
        return self._for(request, self._blocking, self._http.Client).send(request)

    def open(self, request: HttpRequest) -> HttpStream:
        return self._for(request, self._blocking, self._http.Client).open(request)

    async def a_send(self, request: HttpRequest) -> HttpReply:
        return await self._here(request).a_send(request)

    async def a_open(self, request: HttpRequest) -> AsyncHttpStream:
        return await self._here(request).a_open(request)

    def _here(self, request: HttpRequest) -> HttpxTransport:
        with self._lock:
            clients = self._loops.setdefault(asyncio.get_running_loop(), {})
        return self._for(request, clients, self._http.AsyncClient)

    def _for(self, request: HttpRequest, clients: dict[str, HttpxTransport], kind: Any) -> HttpxTransport:
        proxy = proxy_of(split_url(request.url), self._settings)
        with self._lock:
            found = clients.get(proxy)
            if found is None:
                from autogen.models.tls import context_for

                if self._context is None:
                    self._context = context_for(self._settings)
                limits = self._http.Limits(max_connections=None, max_keepalive_connections=64)
                client = kind(
                    verify=self._context, trust_env=False, proxy=proxy or None, limits=limits,
                    http2=self._settings.http2,
                )  # fmt: skip
                found = clients[proxy] = HttpxTransport(client)
            return found


class Stream:
    def __init__(self, answer: Any, request: HttpRequest, http: Any) -> None:
        self._answer, self._request, self._http = answer, request, http
        self._pieces: Iterator[bytes] = answer.iter_bytes()
        self.status: int = answer.status_code
        self.headers: Mapping[str, str] = _headers(answer)

    def read(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, self._request, self._http)

    def close(self) -> None:
        self._answer.close()


class AsyncStream:
    def __init__(self, answer: Any, request: HttpRequest, http: Any) -> None:
        self._answer, self._request, self._http = answer, request, http
        self._pieces: AsyncIterator[bytes] = answer.aiter_bytes()
        self._closing: asyncio.Task[None] | None = None
        self.status: int = answer.status_code
        self.headers: Mapping[str, str] = _headers(answer)

    async def read(self) -> bytes:
        try:
            return await anext(self._pieces, b"")
        except Exception as error:  # noqa: BLE001 - named and raised again
            raise_named(error, self._request, self._http)

    def close(self) -> None:
        if not self._answer.is_closed:
            self._closing = asyncio.get_running_loop().create_task(self._answer.aclose())


class ThreadedStream:
    """A blocking stream read from an event loop: each read in a thread of its own."""

    def __init__(self, stream: HttpStream) -> None:
        self._stream = stream
        self.status, self.headers = stream.status, stream.headers

    async def read(self) -> bytes:
        return await asyncio.wrap_future(spawn(self._stream.read))

    def close(self) -> None:
        self._stream.close()


def timeout_for(http: Any, timeout: Timeout) -> Any:
    """The family has no total: the shorter of it and each phase's limit stands in."""
    total = timeout.total
    limits = {
        name: value if total is None else total if value is None else min(value, total)
        for name, value in (
            ("connect", timeout.connect), ("read", timeout.read), ("write", timeout.write), ("pool", timeout.pool),
        )
    }  # fmt: skip
    return http.Timeout(**limits)


def _headers(answer: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.multi_items():
        headers.setdefault(name.lower(), value)
    return headers


CAUSES = (
    ("CERTIFICATE", "tls"), ("SSL", "tls"), ("Name or service", "dns"), ("refused", "refused"),
    ("Connect call failed", "refused"),
)  # fmt: skip


def _chain(error: BaseException | None) -> Iterator[str]:
    """The texts of an error and its causes; anyio puts the one that tells into a group."""
    while error is not None:
        if str(error):
            yield str(error)
        inner = error.__cause__ or error.__context__
        group = getattr(inner, "exceptions", None)
        error = group[0] if group else inner


def raise_named(error: Exception, request: HttpRequest, http: Any) -> NoReturn:
    """The family's failure as ours."""
    if isinstance(error, (CallFailed, ConfigError)):
        raise error
    parts = urlsplit(request.url)
    where = parts.netloc.rpartition("@")[2]
    if isinstance(error, http.TimeoutException):
        names = ((http.ConnectTimeout, "connect"), (http.WriteTimeout, "write"), (http.PoolTimeout, "pool"))
        phase = next((name for cls, name in names if isinstance(error, cls)), "read")
        late = ModelTimeout(f"no answer in time ({phase} timeout)", endpoint=where)
        late.phase = phase
        raise late from error
    if isinstance(error, (http.ReadError, http.RemoteProtocolError, http.DecodingError, http.StreamError)):
        raise BrokenStream(f"the connection broke in the middle of the answer: {error}", endpoint=where) from error
    if isinstance(error, http.HTTPError):
        text = " / ".join(_chain(error))
        cause = "proxy" if isinstance(error, http.ProxyError) else "connection"
        for mark, name in CAUSES:
            if mark in text:
                cause = name
                break
        failed = Unreachable(f"the connection to {where} failed: {text}", endpoint=where)
        failed.host, failed.cause = parts.hostname or "", cause
        raise failed from error
    raise error
