"""A push parser for server-sent events: bytes in, in any pieces; whole events out.

Decides line ends (LF, CRLF, CR), joined data lines, comments and the size bound. Refuses to know what the data mean.
"""

from typing import TypeAlias

ServerEvent: TypeAlias = tuple[str, bytes]
"""(event name, "" when not given; data)."""

MAX_EVENT = 10_000_000
"""Bytes that one line or event may have: a server that never ends a line must not fill the memory."""


class EventTooLong(ValueError):
    """A line or event grew past the bound."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit

    def __str__(self) -> str:
        return f"the server sent an event longer than {self.limit:,} bytes"


class SSE:
    """Feed it the body's bytes as they come. State: the unfinished line and the unfinished event."""

    __slots__ = ("_after_cr", "_data", "_limit", "_name", "_size", "_started", "_tail", "_tail_size")

    def __init__(self, limit: int = MAX_EVENT) -> None:
        self._limit = limit
        self._tail: list[bytes] = []
        self._tail_size = 0
        self._data: list[bytes] = []
        self._size = 0
        self._name = ""
        self._after_cr = False
        self._started = False

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that this piece completes. Raises EventTooLong."""
        events: list[ServerEvent] = []
        for line in self._lines(chunk):
            if line[:5] == b"data:":
                value = line[6:] if line[5:6] == b" " else line[5:]
                self._size += len(value)
                if self._size > self._limit:
                    raise EventTooLong(self._limit)
                self._data.append(value)
            elif not line:
                if self._data:
                    events.append((self._name, self._data[0] if len(self._data) == 1 else b"\n".join(self._data)))
                    self._data = []
                    self._size = 0
                self._name = ""
            else:
                self._field(line)
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif name == b"data":  # "data" alone: an empty data line
            self._data.append(b"")

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends; the rest is kept."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if b"\n" not in chunk:
            if chunk:
                self._tail.append(chunk)
                self._tail_size += len(chunk)
                if self._tail_size > self._limit:
                    raise EventTooLong(self._limit)
            return []
        if self._tail:
            self._tail.append(chunk)
            chunk = b"".join(self._tail)
        lines = chunk.split(b"\n")
        last = lines.pop()
        self._tail = [last] if last else []
        self._tail_size = len(last)
        if not self._started:
            self._started = True
            lines[0] = lines[0].removeprefix(b"\xef\xbb\xbf")
        return lines
