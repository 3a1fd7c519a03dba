"""The pyreqwest carrier: for what the native one does not speak (HTTP/2, SOCKS and https:// proxies).

Not the default, because pyreqwest 0.15 cannot end a call that waits for an answer: a cancelled task leaves the request
running until its timeout, Ctrl-C in a blocking call is seen only when the answer comes, and it refuses to work in a
child that was forked after its first use. Refuses to know what the bytes mean.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from importlib import import_module
from threading import Lock
from typing import Any, NoReturn
from urllib.parse import urlsplit

from autogen.core.errors import ConfigError
from autogen.models.errors import BrokenStream, ModelTimeout, Unreachable
from autogen.models.shapes import as_dict, as_list
from autogen.models.tls import pem_bytes
from autogen.models.transport import AsyncHttpStream, ConnectionSettings, HttpReply, HttpRequest, HttpStream, Timeout

CLIENTS_KEPT = 16
"""pyreqwest takes timeouts for a client, not for a request: so many pairs of clients are kept."""


class PyreqwestTransport:
    """Clients of one set of connection settings, one pair for each set of timeouts."""

    def __init__(self, settings: ConnectionSettings) -> None:
        try:
            import_module("pyreqwest.client")  # its exceptions too: an interrupted import of them would abort
        except ImportError as error:
            raise ConfigError("this connection needs pyreqwest: pip install pyreqwest") from error
        self._settings = settings
        self._lock = Lock()
        self._clients: dict[tuple[object, ...], Any] = {}

    def send(self, request: HttpRequest) -> HttpReply:
        try:
            answer = self._built(request, False).build().send()
            return HttpReply(status=answer.status, headers=_headers(answer), body=bytes(answer.bytes()))
        except Exception as error:  # noqa: BLE001 - named and raised again
            _raise_named(error, request)

    async def a_send(self, request: HttpRequest) -> HttpReply:
        try:
            answer = await self._built(request, True).build().send()
            return HttpReply(status=answer.status, headers=_headers(answer), body=bytes(await answer.bytes()))
        except Exception as error:  # noqa: BLE001 - named and raised again
            _raise_named(error, request)

    def open(self, request: HttpRequest) -> HttpStream:
        context = self._built(request, False).streamed_read_buffer_limit(0).build_streamed()
        try:
            return _Stream(context, context.__enter__(), request)
        except Exception as error:  # noqa: BLE001 - named and raised again
            _raise_named(error, request)

    async def a_open(self, request: HttpRequest) -> AsyncHttpStream:
        context = self._built(request, True).streamed_read_buffer_limit(0).build_streamed()
        try:
            return _AsyncStream(context, await context.__aenter__(), request)
        except Exception as error:  # noqa: BLE001 - named and raised again
            _raise_named(error, request)

    def _built(self, request: HttpRequest, concurrent: bool) -> Any:
        builder = self._client(request.timeout, concurrent).request(request.method, request.url)
        builder = builder.headers(dict(request.headers)).body_bytes(request.body)
        total = request.timeout.total
        return builder if total is None else builder.timeout(timedelta(seconds=total))

    def _client(self, timeout: Timeout, concurrent: bool) -> Any:
        key = (timeout.connect, timeout.read, timeout.pool, concurrent)
        with self._lock:
            client = self._clients.get(key)
            if client is None:
                while len(self._clients) >= CLIENTS_KEPT:
                    del self._clients[next(iter(self._clients))]
                client = self._clients[key] = self._make(timeout, concurrent)
            return client

    def _make(self, timeout: Timeout, concurrent: bool) -> Any:
        from pyreqwest.client import ClientBuilder, SyncClientBuilder
        from pyreqwest.proxy import ProxyBuilder

        settings = self._settings
        builder: Any = ClientBuilder() if concurrent else SyncClientBuilder()
        builder = builder.follow_redirects(False).http2(settings.http2)
        for value, limit in (
            (timeout.connect, builder.connect_timeout),
            (timeout.read, builder.read_timeout),
            (timeout.pool, builder.pool_timeout),
        ):
            if value is not None:
                builder = limit(timedelta(seconds=value))
        bundle = pem_bytes(settings.ca_bundle, "ca_bundle", b"-----BEGIN CERTIFICATE-----")
        if bundle is not None:
            builder = builder.add_root_certificate_pem(bundle)
        identity = pem_bytes(settings.client_certificate, "client_certificate", b"-----BEGIN")
        if identity is not None:
            builder = builder.identity_pem(identity)
        if not settings.verify:
            builder = builder.danger_accept_invalid_certs(True)
        if settings.proxy is not None or settings.no_proxy is not None:
            from autogen.models.routes import proxy_of

            # Its own rules read the environment; one function for all carriers keeps no_proxy the same everywhere.
            builder = builder.no_proxy().proxy(
                ProxyBuilder.custom(lambda url: proxy_of(urlsplit(str(url)), settings) or None)
            )
        try:
            return builder.build()
        except RuntimeError as error:
            raise ConfigError(
                "pyreqwest cannot be used in this forked process, because its parent used it before the fork; "
                "start processes with the 'spawn' method, or leave carrier and http2 at their defaults"
            ) from error


class _Stream:
    def __init__(self, context: Any, answer: Any, request: HttpRequest) -> None:
        self._context, self._reader, self._request = context, answer.body_reader, request
        self.status: int = answer.status
        self.headers: Mapping[str, str] = _headers(answer)

    def read(self) -> bytes:
        if self._context is None:
            return b""
        try:
            data = self._reader.read_chunk()
        except Exception as error:  # noqa: BLE001 - named and raised again
            self.close()
            _raise_named(error, self._request)
        if data is None:
            self.close()
            return b""
        return bytes(data)

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            context.__exit__(None, None, None)


class _AsyncStream:
    def __init__(self, context: Any, answer: Any, request: HttpRequest) -> None:
        self._context, self._reader, self._request = context, answer.body_reader, request
        self._closing: asyncio.Task[None] | None = None
        self.status: int = answer.status
        self.headers: Mapping[str, str] = _headers(answer)

    async def read(self) -> bytes:
        if self._context is None:
            return b""
        try:
            data = await self._reader.read_chunk()
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                _raise_named(error, self._request)
            raise
        if data is None:
            self.close()
            return b""
        return bytes(data)

    def close(self) -> None:
        context, self._context = self._context, None
        if context is not None:
            self._closing = asyncio.get_running_loop().create_task(_closed(context))


async def _closed(context: Any) -> None:
    await context.__aexit__(None, None, None)


def _headers(answer: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in answer.headers.items():
        headers.setdefault(name.lower(), value)
    return headers


def _raise_named(error: Exception, request: HttpRequest) -> NoReturn:
    """pyreqwest's failure as ours; its texts hold the URL, so only the innermost cause is told."""
    from pyreqwest import exceptions as theirs

    parts = urlsplit(request.url)
    where = parts.netloc.rpartition("@")[2]
    if isinstance(error, theirs.RequestTimeoutError):
        # It calls every timeout before the answer's head a connect timeout.
        phase = "pool" if isinstance(error, theirs.PoolTimeoutError) else "read"
        if isinstance(error, theirs.ConnectTimeoutError) and "(Connect)" in str(error):
            phase = "connect"
        late = ModelTimeout(f"no answer in time ({phase} timeout)", endpoint=where)
        late.phase = phase
        raise late from None
    if not isinstance(error, theirs.PyreqwestError):
        raise error
    causes = [str(as_dict(cause).get("message", "")) for cause in as_list(getattr(error, "details", {}).get("causes"))]
    inner = causes[-1] if causes else error.message
    text = str(causes)
    if isinstance(error, (theirs.ReadError, theirs.DecodeError)) or "end of file" in inner or "EOF" in inner:
        raise BrokenStream(f"the connection broke in the middle of the answer: {inner}", endpoint=where) from None
    cause = "connection"
    for mark, name in (("certificate", "tls"), ("alert", "tls"), ("dns error", "dns"), ("refused", "refused")):
        if mark in text:
            cause = name
            break
    if "proxy" in text or "tunnel" in text:
        cause = "proxy"
    failed = Unreachable(f"the connection to {where} failed: {inner}", endpoint=where)
    failed.host, failed.cause = parts.hostname or "", cause
    raise failed from None
