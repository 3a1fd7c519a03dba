"""One connection of the concurrent face: an asyncio protocol with one answer in progress.

Decides how bytes are sent, awaited and watched for time-outs, and when a connection can carry another exchange. Refuses
to know pools, routes and what failures are called.
"""

import asyncio
import socket
from contextvars import Context
from typing import cast

from autogen.models.http1 import Answer, CutAnswer, MalformedAnswer
from autogen.models.native_common import quiet
from autogen.models.transport import Timeout

_NONE = Answer()
"""No answer is expected: what comes is a mistake."""
_NONE.done = True
HIGH_WATER = 4 * 1024 * 1024
"""Bytes of a streamed body that wait for their reader before the connection is held back."""


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
