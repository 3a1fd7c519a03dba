"""The network closed: whoever connects meanwhile gets an error that says so.

Decides what counts as a network. Refuses to know who connects. Sockets of the machine itself that have no address on
a network (Unix sockets, pairs) stay open: event loops need them.
"""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final, cast

from autogen.core.errors import AutogenError

_NAMES: Final = ("connect", "connect_ex", "sendto")
_lock = Lock()
_closed = 0
_LOCAL: Final = getattr(socket, "AF_UNIX", None)


class NetworkClosed(AutogenError, ConnectionError):
    """Something connects while the network is closed."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address

    def __str__(self) -> str:
        return (
            f"something connects to {self.address} while a recording is played, which needs no network: it is done "
            "outside of the chats, or by a function that runs again; take it out of what is played"
        )


@contextmanager
def closed_network() -> Generator[None, None, None]:
    """No socket of this process connects while inside, in any thread; it raises NetworkClosed."""
    global _closed
    with _lock:
        _closed += 1
        if _closed == 1:
            _close()
    try:
        yield
    finally:
        with _lock:
            _closed -= 1
            if not _closed:
                _open()


def _close() -> None:
    kind: Any = socket.socket
    for name in _NAMES:
        setattr(kind, name, _refusing(name))
    socket.getaddrinfo = _no_lookup


def _open() -> None:
    kind: Any = socket.socket
    for name in _NAMES:
        delattr(kind, name)  # the method of its base class is seen again
    socket.getaddrinfo = _getaddrinfo


_getaddrinfo = socket.getaddrinfo


def _refusing(name: str) -> Any:
    def refuse(self: socket.socket, *arguments: Any) -> Any:
        if self.family == _LOCAL:
            return getattr(super(socket.socket, self), name)(*arguments)
        raise NetworkClosed(_told(arguments[-1] if arguments else ""))

    return refuse


def _no_lookup(host: Any, port: Any, *_: Any, **__: Any) -> Any:
    raise NetworkClosed(_told((host, port)))


def _told(address: Any) -> str:
    return ":".join(map(str, cast("tuple[Any, ...]", address)[:2])) if isinstance(address, tuple) else str(address)
