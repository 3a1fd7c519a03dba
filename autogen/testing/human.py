"""A person as tests use one: answers to the questions that are expected, and nothing else.

Refuses to know who asks. Change together: `observability/io_stream.py`, `docs/testing.md`.
"""

from collections.abc import Iterable, Mapping
from contextvars import Token
from threading import Lock
from types import TracebackType
from typing import Any, Self, TypeAlias, cast

import msgspec
from msgspec import Struct

from autogen.core.errors import AutogenError, ConfigError
from autogen.observability import io_stream
from autogen.observability.io_stream import IOStream


class HumanScriptError(AutogenError, AssertionError):
    """A program and the answers of its person did not fit."""


class SaidLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer."""

    text: str
    expect: str | None = None
    """A text that the question must hold, such as the name of who asks; None: any question."""
    times: int = 1
    """How many questions it answers; 0 is any number, none included."""


SaidLike: TypeAlias = "str | Mapping[str, Any] | SaidLine"


class ScriptedHuman:
    """An input stream with the answers of a person: `with ScriptedHuman(["blue", "exit"]):`

    answers: texts, dicts with the fields of `SaidLine`, or `SaidLine`s. Each question takes the first unused answer
        whose `expect` it holds. A question without an answer raises `HumanScriptError` at once; the end of the `with`
        raises it when answers are left over.
    """

    def __init__(self, answers: Iterable[SaidLike]) -> None:
        self.answers: tuple[SaidLine, ...] = tuple(_line(one, number) for number, one in enumerate(answers, 1))
        self.prompts: list[str] = []
        """The questions so far."""
        self.printed: list[str] = []
        """What the person was shown."""
        self._used = [0] * len(self.answers)
        self._lock = Lock()
        self._tokens: list[Token[IOStream | None]] = []

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        self.printed.append(sep.join(map(str, objects)) + end)

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        with self._lock:
            self.prompts.append(prompt)
            for number, line in enumerate(self.answers):
                if (not line.times or self._used[number] < line.times) and (line.expect or "") in prompt:
                    self._used[number] += 1
                    return line.text
        raise HumanScriptError(f"nobody expected the question {prompt!r}; {self._left()}")

    def check_used(self) -> None:
        """Raises HumanScriptError unless every answer was used as often as it says."""
        if any(used < line.times for line, used in zip(self.answers, self._used, strict=True)):
            raise HumanScriptError(f"not every answer was asked for: {self._left()}")

    def __enter__(self) -> Self:
        self._tokens.append(io_stream._context_default.set(cast("IOStream", self)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        io_stream._context_default.reset(self._tokens.pop())
        if kind is None:
            self.check_used()

    def _left(self) -> str:
        left = [line for line, used in zip(self.answers, self._used, strict=True) if used < line.times]
        if not left:
            return f"all {len(self.answers)} answers are used"
        shown = ", ".join(
            repr(line.text) if line.expect is None else f"{line.text!r} (to {line.expect!r})" for line in left[:5]
        )
        return f"{len(left)} of {len(self.answers)} answers are left: {shown}"


def _line(item: SaidLike, number: int) -> SaidLine:
    if isinstance(item, SaidLine):
        return item
    try:
        return SaidLine(text=item) if isinstance(item, str) else msgspec.convert(item, SaidLine)
    except msgspec.ValidationError as error:
        raise ConfigError(f"answer {number} of a scripted person is wrong: {error}") from error
