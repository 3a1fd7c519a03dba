"""What the commands do with the terminal: each word shown once, questions as JSON lines, quiet prices.

Decides where streamed words appear and how a person is asked under `--json`. Refuses to decide how a run goes.
"""

import logging
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any

from autogen.cli.exits import Exit
from autogen.cli.report import write_json
from autogen.core.events import ChatStarted, Delta, Event, MessageReceived
from autogen.observability.console import Console, coloured
from autogen.observability.io_stream import IOConsole, IOStream

BROKE_OFF = "\n(the answer broke off)"


def tell(command: str, message: str) -> None:
    """One line on stderr, as every error of a command."""
    print(f"{command}: {' '.join(message.split())}", file=sys.stderr, flush=True)


def piped(observer: Callable[[Event], None]) -> Callable[[Event], None]:
    """`observer`, ending the command in silence when the reader of stdout is gone (`| head`)."""

    def observe(event: Event) -> None:
        try:
            observer(event)
        except BrokenPipeError:
            with suppress(OSError, ValueError):  # else Python tries once more at its end, and complains
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(int(Exit.UNFINISHED)) from None

    return observe


class StreamedTranscript:
    """The printed transcript, with each streamed message shown while it arrives, and not a second time at its end."""

    def __init__(self) -> None:
        self._console = Console()
        self._pair: tuple[str, str] = ("", "")
        self._speaker = ""
        """Whose streamed message stands on the screen; "" for nobody's."""

    def __call__(self, event: Event) -> None:
        match event:
            case ChatStarted():
                self._pair = (event.sender, event.recipient)
            case Delta():
                self._delta(event)
            case MessageReceived() if self._speaker == event.sender:
                print("\n\n", "-" * 80, sep="", flush=True)
                self._speaker = ""
            case _:
                self._console(event)

    def close(self) -> None:
        """End the line that a message left open which never came to its end."""
        if self._speaker:
            print(flush=True)
        self._speaker = ""

    def _delta(self, event: Delta) -> None:
        if event.kind == "reset" and self._speaker:
            print(BROKE_OFF, flush=True)
            self._speaker = ""
        if event.kind != "text":
            return
        if not self._speaker:
            listener = self._pair[0] if event.agent == self._pair[1] else self._pair[1]
            print(coloured(event.agent, "yellow"), f"(to {listener}):\n")
            self._speaker = event.agent
        sys.stdout.write(event.text)
        sys.stdout.flush()


class JsonQuestions(IOConsole):
    """Asks a person by one JSON line on stdout, and reads one line of stdin."""

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        """The next line of stdin. Raises EOFError at its end."""
        write_json({"event": "Question", "prompt": prompt.strip(), "password": password})
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.removesuffix("\n")


@contextmanager
def asking(as_json: bool) -> Generator[None, None, None]:
    """Where the questions of a run go: to the person, or as JSON lines to the program that reads stdout."""
    if not as_json:
        yield
        return
    stream: Any = JsonQuestions()
    with IOStream.set_default(stream):
        yield


@contextmanager
def quiet_prices() -> Generator[None, None, None]:
    """No warning for a model without a price: the summary says `cost: unknown`."""
    logger = logging.getLogger("autogen.oai.client")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
