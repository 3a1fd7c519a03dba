"""HTTP/1.1 without sockets: a request to bytes, an answer's bytes to status, headers and body pieces.

Decides framing (length, chunks, until close), interim answers and what is refused as malformed; used by both faces of
`native_transport.py`. Refuses to know connections, TLS and proxies. Source: RFC 9112.
"""

from collections.abc import Mapping
from typing import Any

MAX_HEAD = 256 * 1024
"""Bytes of status line and headers, or of trailers."""
MAX_CHUNK_LINE = 4096
HEAD_END = b"\r\n\r\n"
_NO_HEADERS: Mapping[str, str] = {}
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection"})
"""Headers that the transport writes itself."""


class MalformedAnswer(ValueError):
    """The server's bytes are no HTTP/1.1 answer."""


class CutAnswer(ConnectionError):
    """The connection ended inside an answer."""


def find_end(data: bytes | bytearray, mark: bytes, start: int) -> int:
    """Where an element's end mark begins, from `start` on; -1: not there yet."""
    return data.find(mark, start)


def encode_head(method: str, target: str, host: str, headers: Mapping[str, str], length: int) -> bytes:
    """The request up to its body. Raises ValueError for a header that would break out of its line."""
    lines = [f"{method} {target} HTTP/1.1", f"host: {host}"]
    lines += [f"{low}: {value}" for name, value in headers.items() if (low := name.lower()) not in _FRAMING]
    for low, value in (("user-agent", "autogen"), ("accept-encoding", "identity")):
        if low not in headers:
            lines.append(f"{low}: {value}")
    if length or method not in ("GET", "HEAD", "CONNECT"):
        lines.append(f"content-length: {length}")
    text = "\r\n".join(lines)
    ends = len(lines) - 1
    if text.count("\n") != ends or text.count("\r") != ends or "\0" in text:
        raise ValueError("a header holds a line break or NUL")
    return text.encode("latin-1") + b"\r\n\r\n"


class Answer:
    """One answer being received. `feed` gives body pieces as they come; look at `begun` and `done` after it."""

    __slots__ = (
        "_buffer", "_inflate", "_left", "_looked", "_method", "_state", "begun", "done", "headers", "keep_alive",
        "status", "touched",
    )  # fmt: skip

    def __init__(self, method: str = "POST") -> None:
        self._method = method
        self._buffer = bytearray()
        """Begins with an element that has no end yet."""
        self._looked = 0
        """Where to look on for that end: each byte is searched once, in however small pieces they come."""
        self._state = "head"
        """head, length, eof, and of a chunked body: size, chunk, crlf, trailer."""
        self._left = 0
        self._inflate: Any = None
        self.begun = False
        """Status and headers are there."""
        self.touched = False
        """A byte of the answer has come: the server has seen the request."""
        self.done = False
        self.keep_alive = False
        """The connection can carry another request once this is done."""
        self.status = 0
        self.headers = _NO_HEADERS

    def feed(self, data: bytes) -> list[bytes]:
        """Body pieces in these bytes. Raises MalformedAnswer."""
        pieces: list[bytes] = []
        self.touched = True
        if self._buffer:
            self._buffer += data
            mark = HEAD_END if self._state == "head" else b"\n"
            if find_end(self._buffer, mark, self._looked) < 0:
                self._look_on(mark)
                return pieces
            data = bytes(self._buffer)
            self._buffer.clear()
            self._looked = 0
        place, size = 0, len(data)
        while place < size and not self.done:
            after = self._step(data, place, pieces)
            if after < 0:
                self._buffer += data[place:]
                self._look_on(HEAD_END if self._state == "head" else b"\n")
                break
            place = after
        else:
            if place < size:  # bytes after the answer: the connection is not to be trusted with another request
                self.keep_alive = False
        if self._inflate is not None:
            pieces = self._inflated(pieces)
        return pieces

    def end(self) -> None:
        """The connection ended. Raises CutAnswer unless that is how this answer ends."""
        if self._state == "eof":
            self.done = True
        if not self.done:
            where = "before its answer" if not self.begun else "in the middle of its answer"
            raise CutAnswer(f"the server closed the connection {where}")

    def _look_on(self, mark: bytes) -> None:
        """More bytes are needed. Raises MalformedAnswer when they could not help."""
        waiting = self._buffer
        self._looked = max(0, len(waiting) - len(mark) + 1)
        if self._state == "head":
            if len(waiting) > MAX_HEAD:
                raise MalformedAnswer("headers without end")
            if not b"HTTP/".startswith(waiting[:5]):
                raise MalformedAnswer(f"the server does not speak HTTP: {bytes(waiting[:40])!r}")
        elif len(waiting) > (MAX_HEAD if self._state == "trailer" else MAX_CHUNK_LINE):
            raise MalformedAnswer("a chunk's line without end")

    def _step(self, data: bytes, place: int, pieces: list[bytes]) -> int:
        """Where the next element begins; -1: more bytes are needed for this one."""
        state = self._state
        if state == "length" or state == "chunk":
            return self._take(data, place, pieces)
        if state == "head":
            return self._head(data, place)
        if state == "eof":
            pieces.append(data[place:] if place else data)
            return len(data)
        end = find_end(data, b"\n", place)
        if end < 0:
            return -1
        line = data[place:end].removesuffix(b"\r")
        if state == "crlf":
            if line:
                raise MalformedAnswer("a chunk longer than it said")
            self._state = "size"
        elif state == "size":
            self._size(line)
        elif not line:  # the trailers' end
            self.done = True
        return end + 1

    def _size(self, line: bytes) -> None:
        digits = line.partition(b";")[0].strip()
        if not digits or len(digits) > 15 or digits.strip(b"0123456789abcdefABCDEF"):
            raise MalformedAnswer(f"a chunk's size reads {line[:40]!r}")
        self._left = int(digits, 16)
        self._state = "chunk" if self._left else "trailer"

    def _take(self, data: bytes, place: int, pieces: list[bytes]) -> int:
        end = place + self._left
        if end > len(data):
            self._left = end - len(data)
            pieces.append(data[place:] if place else data)
            return len(data)
        pieces.append(data[place:end])
        self._left = 0
        if self._state == "chunk":
            self._state = "crlf"
        else:
            self.done = True
        return end

    def _head(self, data: bytes, place: int) -> int:
        end = find_end(data, HEAD_END, place)
        if end < 0:
            return -1
        head, rest = data[place:end], end + 4
        lines = head.decode("latin-1").split("\r\n")
        version, _, status = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not status[:3].isdigit() or len(status[:3]) != 3:
            raise MalformedAnswer(f"the server does not speak HTTP/1.1: {lines[0][:60]!r}")
        number = int(status[:3])
        if 100 <= number < 200:
            if number == 101:
                raise MalformedAnswer("the server switched protocols unasked")
            return rest
        headers: dict[str, str] = {}
        codings: list[str] = []
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise MalformedAnswer(f"a header reads {line[:60]!r}")
            name, value = name.lower(), value.strip()
            if name == "transfer-encoding":
                codings.append(value.lower())
            elif name == "content-length" and headers.get(name, value) != value:
                raise MalformedAnswer("two content-lengths")
            headers.setdefault(name, value)
        self.status, self.headers, self.begun = number, headers, True
        self._frame(version, headers, ", ".join(codings))
        return rest

    def _frame(self, version: str, headers: Mapping[str, str], coding: str) -> None:
        """How long the body is, and whether the connection lives on."""
        said = headers.get("connection", "").lower()
        self.keep_alive = "close" not in said and (version == "HTTP/1.1" or "keep-alive" in said)
        if headers.get("content-encoding", "identity").lower() in ("gzip", "x-gzip", "deflate"):
            import zlib

            self._inflate = zlib.decompressobj(47)
        if self._method == "HEAD" or self.status in (204, 304) or (self._method == "CONNECT" and self.status < 300):
            self.done = True
        elif coding:
            if not coding.endswith("chunked"):
                self._state, self.keep_alive = "eof", False
            elif coding == "chunked":
                self._state = "size"
            else:
                raise MalformedAnswer(f"transfer-encoding {coding[:60]!r}")
        elif "content-length" in headers:
            length = headers["content-length"]
            if not (length.isascii() and length.isdigit()) or len(length) > 15:
                raise MalformedAnswer(f"content-length {length[:40]!r}")
            self._left = int(length)
            self._state = "length"
            self.done = self._left == 0
        else:
            self._state, self.keep_alive = "eof", False

    def _inflated(self, pieces: list[bytes]) -> list[bytes]:
        import zlib

        try:
            opened = [plain for piece in pieces if (plain := self._inflate.decompress(piece, 64 * 1024 * 1024))]
        except zlib.error as error:
            raise MalformedAnswer(f"a compressed body cannot be read: {error}") from error
        if self._inflate.unconsumed_tail:
            raise MalformedAnswer("a compressed body grows beyond 64 MiB at once")
        return opened
