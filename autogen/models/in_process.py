"""A transport that carries nothing: a function answers. For tests, simulators and servers of one's own process.

Decides how a handler's answer becomes a reply or a stream. Refuses to imitate a network's failures: a handler raises
them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct, field

from autogen.models.transport import AsyncHttpStream, HttpReply, HttpRequest, HttpStream


class StreamedReply(Struct, frozen=True, kw_only=True):
    """An answer in pieces; an exception among them is raised when its turn comes."""

    pieces: Iterable[bytes | Exception]
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})


Handler: TypeAlias = Callable[[HttpRequest], HttpReply | StreamedReply]


class InProcessTransport:
    """`handler` answers each request. Give it as `http_client` of an endpoint or entry."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def send(self, request: HttpRequest) -> HttpReply:
        answer = self._handler(request)
        if isinstance(answer, HttpReply):
            return answer
        return HttpReply(status=answer.status, headers=answer.headers, body=b"".join(_until_failure(answer.pieces)))

    async def a_send(self, request: HttpRequest) -> HttpReply:
        return self.send(request)

    def open(self, request: HttpRequest) -> HttpStream:
        return _Stream(_streamed(self._handler(request)))

    async def a_open(self, request: HttpRequest) -> AsyncHttpStream:
        return _AsyncStream(_streamed(self._handler(request)))


def _streamed(answer: HttpReply | StreamedReply) -> StreamedReply:
    if isinstance(answer, StreamedReply):
        return answer
    return StreamedReply(status=answer.status, headers=answer.headers, pieces=[answer.body] if answer.body else [])


def _until_failure(pieces: Iterable[bytes | Exception]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, Exception):
            raise piece
        if piece:
            yield piece


class _Stream:
    def __init__(self, answer: StreamedReply) -> None:
        self.status, self.headers = answer.status, answer.headers
        self._pieces = _until_failure(answer.pieces)
        self.closed = False

    def read(self) -> bytes:
        return b"" if self.closed else next(self._pieces, b"")

    def close(self) -> None:
        self.closed = True


class _AsyncStream:
    def __init__(self, answer: StreamedReply) -> None:
        self._stream = _Stream(answer)
        self.status, self.headers = answer.status, answer.headers

    async def read(self) -> bytes:
        return self._stream.read()

    def close(self) -> None:
        self._stream.close()
