"""The way out for code that may reach some hosts: an HTTP proxy on a unix socket, outside the sandbox.

Decides which host and port may be reached. Refuses to know who connects. The sandbox keeps its empty network; names
are resolved here, so that code cannot even ask a name server. An address that is private, link-local or of this
machine is refused, whatever name led to it, unless that very address (or a network that holds it, or "localhost") is
listed: else a public name could be pointed inwards.
"""

import ipaddress
import os
import select
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox.errors import SandboxPolicyError

_PORTS: Final = (80, 443)
_HEAD_BYTES: Final = 65536
_MOST_CONNECTIONS: Final = 64
_CONNECT_S: Final = 20.0
_IDLE_S: Final = 300.0
_REFUSED: Final = "HTTP/1.1 403 refused by the sandbox\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"


class Rule(Struct, frozen=True):
    """One host (a name, "*.name", an address or a network) and port that may be reached."""

    host: str
    port: int


def read_rules(network: tuple[str, ...]) -> tuple[Rule, ...]:
    """Rules from "host", "host:port", "[v6]:port" or "10.0.0.0/8:port". Raises SandboxPolicyError on anything else."""
    rules: list[Rule] = []
    for text in network:
        host, port = _split(text)
        if not host or (any(mark in host for mark in "/@ ") and not _is_network(host)):
            raise SandboxPolicyError("network", f"{text!r} is not a host", 'write "host" or "host:port", no scheme')
        if port is None:
            rules += [Rule(host, each) for each in _PORTS]
        elif port.isdecimal() and 0 < int(port) < 65536:
            rules.append(Rule(host, int(port)))
        else:
            raise SandboxPolicyError("network", f"{text!r} has no usable port", 'write "host:port", port 1 to 65535')
    return tuple(rules)


def _split(text: str) -> tuple[str, str | None]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host.lower(), rest.removeprefix(":") or None
    host, colon, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "")
    return host.lower().rstrip("."), port if colon else None


def _is_network(host: str) -> bool:
    try:
        ipaddress.ip_network(host)
    except ValueError:
        return False
    return True


class Gate:
    """Says which addresses a host and port may be reached at."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules

    def addresses(self, host: str, port: int) -> list[str]:
        """Addresses to try; empty when refused. Raises OSError when the name does not resolve."""
        host = host.lower().rstrip(".")
        if not self._listed(host, port):
            return []
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        return [address for address in addresses if self._may(host, address, port)]

    def _listed(self, host: str, port: int) -> bool:
        return any(rule.port == port and _covers(rule.host, host) for rule in self.rules)

    def _may(self, host: str, address: str, port: int) -> bool:
        ip = ipaddress.ip_address(address.partition("%")[0])
        plain = getattr(ip, "ipv4_mapped", None) or ip
        if plain.is_global and not plain.is_multicast:
            return True
        if host == "localhost" and plain.is_loopback:
            return True
        networks = (rule.host for rule in self.rules if rule.port == port and _is_network(rule.host))
        return any(_covers(network, str(plain)) for network in networks)


def _covers(pattern: str, host: str) -> bool:
    if pattern == host:
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern)
    except ValueError:
        return False


class Proxy:
    """Serves CONNECT and plain `http://` requests on a unix socket until closed. `refused` counts what it refused."""

    def __init__(self, path: str, rules: tuple[Rule, ...]) -> None:
        self.gate, self.refused = Gate(rules), 0
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        os.chmod(path, 0o666)  # noqa: S103 - the folder around it is private
        self._listener.listen(64)
        self._slots = threading.Semaphore(_MOST_CONNECTIONS)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._accept, daemon=True, name="sandbox-proxy")
        self._thread.start()

    def close(self) -> None:
        """End every connection."""
        with self._lock:
            self._closed = True
            waiting = list(self._open)
        for connection in (self._listener, *waiting):
            _shut(connection)
        self._listener.close()
        self._thread.join(1.0)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            if self._slots.acquire(blocking=False):
                threading.Thread(target=self._serve, args=(client,), daemon=True, name="sandbox-proxy").start()
            else:
                client.close()

    def _serve(self, client: socket.socket) -> None:
        try:
            with self._tracked(client), client:
                client.settimeout(_CONNECT_S)
                head, rest = _read_head(client)
                method, target, version = (*head.split(b"\r\n", 1)[0].decode("latin-1").split(" "), "", "")[:3]
                host, port, line = _target(method, target, version)
                upstream = self._connect(client, host, port)
                if upstream is None:
                    return
                with self._tracked(upstream), upstream:
                    if method == "CONNECT":
                        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    else:
                        upstream.sendall(_rewritten(head, line))
                    upstream.sendall(rest)
                    _pump(client, upstream)
        except (OSError, ValueError):  # either side hung up, or spoke no HTTP: the connection is closed
            return
        finally:
            self._slots.release()

    def _connect(self, client: socket.socket, host: str, port: int) -> socket.socket | None:
        addresses = self.gate.addresses(host, port) if host else []
        if not addresses:
            with self._lock:
                self.refused += 1
            text = f"{_REFUSED}network: {host}:{port} is not in the list of allowed hosts\n"
            client.sendall(text.encode("latin-1", "replace"))
            return None
        last: OSError = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, port), _CONNECT_S)
            except OSError as error:
                last = error
        client.sendall(b"HTTP/1.1 502 the host is not reachable\r\nConnection: close\r\n\r\n")
        raise last

    @contextmanager
    def _tracked(self, connection: socket.socket) -> Generator[None]:
        with self._lock:
            if self._closed:
                raise OSError("the proxy is closed")
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


def _read_head(client: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(8192)
        if not more or len(data) > _HEAD_BYTES:
            raise ValueError("no HTTP request")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _target(method: str, target: str, version: str) -> tuple[str, int, str]:
    """(host, port, request line for the server)."""
    if method == "CONNECT":
        host, port = _split(target)
        return host, int(port or 443), ""
    if not target.startswith("http://"):
        return "", 0, ""
    place, slash, path = target[len("http://") :].partition("/")
    host, port = _split(place.rpartition("@")[2])
    return host, int(port or 80), f"{method} {slash or '/'}{path} {version}"


def _rewritten(head: bytes, line: str) -> bytes:
    """The request for the server itself, one per connection (a second one could name another host)."""
    drop = (b"proxy-", b"connection:", b"keep-alive:")
    kept = [header for header in head.split(b"\r\n")[1:] if not header.lower().startswith(drop)]
    return b"\r\n".join((line.encode("latin-1"), *kept, b"Connection: close", b"", b""))


def _pump(one: socket.socket, other: socket.socket) -> None:
    pairs = {one.fileno(): (one, other), other.fileno(): (other, one)}
    watch = select.poll()  # not `select`, which takes no number from 1024 on
    for number, (side, _) in pairs.items():
        side.settimeout(_IDLE_S)
        watch.register(number, select.POLLIN)
    while pairs:
        ready = watch.poll(_IDLE_S * 1000)
        if not ready:
            return
        for number, _ in ready:
            side, there = pairs[number]
            data = side.recv(65536)
            if data:
                there.sendall(data)
                continue
            watch.unregister(number)
            del pairs[number]
            there.shutdown(socket.SHUT_WR)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:  # not connected, or closed already
        return
