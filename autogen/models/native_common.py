"""What both faces of the native transport share: targets, tunnels, and what each failure is called.

The rule for sending a request a second time, on a connection of its own: only when it was to go over a kept connection
that the server had ended meanwhile, and no byte of it went out. That is looked for before the first byte (`quiet`), and
told by that byte's failure. Once a byte is out, the server may have acted on it: `max_retries` decides, nothing here.
Refuses to open connections.
"""

import select
import socket
import ssl
from typing import Any, NoReturn
from urllib.parse import SplitResult

from autogen.core.errors import ConfigError
from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout, Unreachable
from autogen.models.http1 import CutAnswer, MalformedAnswer, encode_head
from autogen.models.routes import Route

IDLE_SECONDS = 60.0
"""How long an unused connection is kept."""
LARGE = 64 * 1024
"""Bytes."""
READ_SIZE = 64 * 1024
"""Bytes. A larger buffer comes straight from the system each time, which costs more than a second read."""
IDLE_KEPT = 1000
"""Unused connections kept for each route."""


def pieces_of(head: bytes, body: bytes) -> tuple[bytes, ...]:
    """A request as it is sent: in one piece, unless joining costs more than sending twice."""
    return (head + body,) if len(body) < LARGE else (head, body)


def quiet(sock: Any) -> bool:
    """Nothing to read on a kept connection: neither its end nor bytes that nobody asked for."""
    try:
        if hasattr(select, "poll"):
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            return not poll.poll(0)
        return not select.select([sock], [], [], 0)[0]
    except (OSError, ValueError):
        return False


def target_of(parts: SplitResult, route: Route) -> str:
    """The request's target; the whole address for a proxy that forwards."""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return f"http://{route.host_header}{target}" if route.proxy is not None and not route.secure else target


def connect_head(route: Route) -> bytes:
    """The request for a tunnel through the proxy."""
    auth = {"proxy-authorization": route.proxy_auth} if route.proxy_auth else {}
    return encode_head("CONNECT", route.authority, route.authority, auth, 0)


class ProxyRefused(ConnectionError):
    """The proxy answered the request for a tunnel with an error."""


def raise_named(error: Exception, route: Route, phase: str) -> NoReturn:
    """Raise the failure that this is in our tree."""
    if isinstance(error, (CallFailed, ConfigError)):
        raise error
    where = route.authority
    made: CallFailed
    if isinstance(error, TimeoutError):
        made = timeout_error(where, phase)
    elif isinstance(error, (CutAnswer, MalformedAnswer)):
        made = BrokenStream(str(error), endpoint=where)
    elif isinstance(error, ConnectionResetError) and phase == "read":
        made = BrokenStream("the server broke the connection off", endpoint=where)
    else:
        made = unreachable(error, route)
    raise made from error


def timeout_error(where: str, phase: str) -> ModelTimeout:
    made = ModelTimeout(f"no answer in time ({phase} timeout)", endpoint=where)
    made.phase = phase
    return made


def unreachable(error: Exception, route: Route) -> Unreachable:
    host = f"the proxy {route.proxy[0]}:{route.proxy[1]}" if route.proxy else route.authority
    if isinstance(error, ProxyRefused):
        cause, text = "proxy", f"{error}; check proxy, HTTPS_PROXY and NO_PROXY"
    elif isinstance(error, socket.gaierror):
        cause, text = "dns", f"the name of {host} is not known; check base_url, the network and the proxy settings"
    elif isinstance(error, ssl.SSLCertVerificationError):
        cause = "tls"
        text = (
            f"the certificate of {route.authority} is not trusted ({error.verify_message}); "
            "give its authority as ca_bundle or by SSL_CERT_FILE"
        )
    elif isinstance(error, ssl.SSLError):
        cause, text = "tls", f"no TLS connection to {host}: {error.reason or error}"
    elif isinstance(error, ConnectionRefusedError):
        cause, text = "refused", f"{host} refuses connections; is the server running there?"
    else:
        cause, text = "connection", f"the connection to {host} failed: {error}"
    made = Unreachable(text, endpoint=route.authority)
    made.host, made.cause = route.host, cause
    return made
