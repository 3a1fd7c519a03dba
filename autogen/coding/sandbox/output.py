"""Collect what a run writes, keeping the head and the tail.

Decides how much is kept. Refuses to know who writes. Host memory stays bounded whatever the run does.
"""

import os
import sys
import threading
from typing import Final

_CHUNK: Final = 65536


class Capture:
    """Reads one pipe without ever waiting for its end. Not for use by two threads."""

    def __init__(self, fd: int, keep: int) -> None:
        self.fd, self.total, self.eof = fd, 0, False
        self._head_room = keep - keep // 2
        self._tail_room = keep // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._thread: threading.Thread | None = None
        if sys.platform == "win32":  # pipes cannot be polled there
            self._thread = threading.Thread(target=self._read_all, daemon=True, name="sandbox-output")
            self._thread.start()
        else:
            os.set_blocking(fd, False)

    @property
    def dropped(self) -> int:
        """Bytes read and not kept."""
        return self.total - len(self._head) - min(len(self._tail), self._tail_room)

    def text(self) -> str:
        """What was kept, with one line where bytes are missing."""
        tail = bytes(self._tail[-self._tail_room :]) if self._tail_room else b""
        if not self.dropped:
            return (bytes(self._head) + tail).decode("utf-8", "replace")
        gap = f"\n[... {self.dropped} bytes of output not kept ...]\n"
        return self._head.decode("utf-8", "replace") + gap + tail.decode("utf-8", "replace")

    def pump(self, seconds: float, exit_fd: int) -> bool:
        """Read for at most `seconds`; True as soon as `exit_fd` (a pidfd, -1: none) says that the process ended."""
        if sys.platform == "win32":
            assert self._thread is not None
            self._thread.join(seconds)
            return False
        import select

        poll = select.poll()
        if not self.eof:
            poll.register(self.fd, select.POLLIN)
        if exit_fd >= 0:
            poll.register(exit_fd, select.POLLIN)
        ready = poll.poll(seconds * 1000)
        for fd, _ in ready:
            if fd == self.fd:
                self._read_some()
        return any(fd == exit_fd for fd, _ in ready)

    def finish(self) -> None:
        """Take what is left in the pipe after the tree is dead, without waiting for a stranger that holds it."""
        if self._thread is not None:
            self._thread.join(1.0)
        elif not self.eof:
            self._read_some(limit=4 * 1024 * 1024)

    def _read_some(self, limit: int = 16 * _CHUNK) -> None:
        taken = 0
        while taken < limit:
            try:
                data = os.read(self.fd, _CHUNK)
            except BlockingIOError:
                return
            if not data:
                self.eof = True
                return
            taken += len(data)
            self._keep(data)

    def _read_all(self) -> None:
        try:
            while data := os.read(self.fd, _CHUNK):
                self._keep(data)
        except OSError:  # the pipe was closed under us at the end of the run
            self.eof = True

    def _keep(self, data: bytes) -> None:
        self.total += len(data)
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 2 * self._tail_room + _CHUNK:
            del self._tail[: len(self._tail) - self._tail_room]
