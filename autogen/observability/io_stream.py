"""Where a program prints and reads: 0.2's IOStream. The console observer and human questions go through it.

Refuses to know what is printed.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class OutputStream(Protocol):
    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        """Print `objects`."""
        ...


@runtime_checkable
class InputStream(Protocol):
    def input(self, prompt: str = "", *, password: bool = False) -> str:
        """Ask for one line; `password` hides what is typed."""
        ...


@runtime_checkable
class IOStream(InputStream, OutputStream, Protocol):
    """A stream to print to and read from, with a default per process and one per context."""

    @staticmethod
    def set_global_default(stream: "IOStream") -> None:
        """Make `stream` the default of this process."""
        global _global_default
        _global_default = stream

    @staticmethod
    def get_global_default() -> "IOStream":
        return _global_default

    @staticmethod
    def get_default() -> "IOStream":
        """The stream of this context, else that of the process."""
        return _context_default.get() or _global_default

    @staticmethod
    @contextmanager
    def set_default(stream: "IOStream | None") -> Generator[None, None, None]:
        """Make `stream` the default inside a `with` block."""
        token = _context_default.set(stream)
        try:
            yield
        finally:
            _context_default.reset(token)


class IOConsole(IOStream):
    """The terminal: `print` and `input`."""

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        print(*objects, sep=sep, end=end, flush=flush)

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        if password:
            import getpass

            return getpass.getpass(prompt or "Password: ")
        try:
            return input(prompt)
        except RuntimeError as error:  # `input(): lost sys.stdin`: closed before the program began
            if sys.stdin is None or "lost sys.std" in str(error):
                raise EOFError("standard input is closed") from error
            raise


_global_default: IOStream = IOConsole()
_context_default: ContextVar[IOStream | None] = ContextVar("autogen_io_stream", default=None)
