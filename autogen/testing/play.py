"""Play a conversation against a story: the effects it is to ask for, in order, and what each is answered.

Values in, values out: no driver, no network, no clock. Decides when a conversation and its story do not fit. Refuses
to know what conversations are about. Change together: `core/effects.py`, `docs/testing.md`.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from msgspec import Struct

from autogen.core.effects import Ask, Emit, Gather, Invoke
from autogen.core.errors import AutogenError, ConfigError

T = TypeVar("T")


class PlayError(AutogenError, AssertionError):
    """A conversation and its story did not fit."""


class Asked(Struct, frozen=True):
    """An effect as a story expects it: its class and the fields that matter."""

    kind: type[Ask[Any]]
    fields: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"{self.kind.__name__}({', '.join(f'{name}={value!r}' for name, value in self.fields.items())})"


Line: TypeAlias = "tuple[type[Ask[Any]] | Ask[Any] | Asked, Any]"
"""What is asked, and the answer: a value, an exception to throw in, or a function of the effect that makes one."""


def asks(kind: type[Ask[Any]], /, **fields: Any) -> Asked:
    """An effect of class `kind` with these fields; others do not matter. Raises ConfigError for an unknown field."""
    unknown = [name for name in fields if name not in kind.__struct_fields__]
    if unknown:
        raise ConfigError(f"{kind.__name__} has no field {unknown[0]!r}; it has {', '.join(kind.__struct_fields__)}")
    return Asked(kind, fields)


def called(effect: Invoke) -> Any:
    """An answer for a story: what the program's own (sync) callback gives."""
    return effect.function(*effect.args, **effect.kwargs)


def play(conversation: Coroutine[Any, Any, T], story: Iterable[Line]) -> T:
    """Carry `conversation` through `story`; what it returns, or raises.

    story: pairs (what is asked, answer). What is asked is a class of effect, `asks(class, field=...)`, or a whole
        effect, compared field by field. The branches of a `Gather` are played one after the other, and the Gather
        itself has no line. Events (`Emit`) are passed over unless the next line is the very event.
    Raises PlayError when the conversation asks for something else, asks for more, or ends before the story does.
    """
    stage = _Stage(tuple(story))
    result = stage.carry(conversation)
    stage.check_end()
    return result


class _Stage:
    def __init__(self, story: tuple[Line, ...]) -> None:
        self._story = story
        self._at = 0

    def carry(self, steps: Coroutine[Any, Any, T]) -> T:
        answer: Any = None
        try:
            while True:
                try:
                    asked = steps.throw(answer) if isinstance(answer, BaseException) else steps.send(answer)
                except StopIteration as done:
                    result: T = done.value
                    return result
                answer = self._answer(asked)
        finally:
            steps.close()

    def check_end(self) -> None:
        left = len(self._story) - self._at
        if left:
            raise PlayError(
                f"the conversation ended before its story: {left} of {len(self._story)} lines are left, next "
                f"{_shown(self._story[self._at][0])}"
            )

    def _answer(self, asked: Any) -> Any:
        if isinstance(asked, Gather):
            return self._gather(asked)
        expected, answer = self._story[self._at] if self._at < len(self._story) else (None, None)
        if expected is None or not _fits(expected, asked):
            if isinstance(asked, Emit):
                return None
            wanted = "the story is at its end" if expected is None else f"the story expects {_shown(expected)}"
            raise PlayError(f"line {self._at + 1}: the conversation asks {_shown(asked)}, but {wanted}")
        self._at += 1
        return cast("Callable[[Any], Any]", answer)(asked) if callable(answer) else answer

    def _gather(self, effect: Gather) -> Any:
        answers: list[Any] = []
        failures: list[BaseException] = []
        for branch in effect.branches:
            try:
                answers.append(self.carry(branch.steps))
            except PlayError:
                raise
            except BaseException as raised:  # noqa: BLE001 - the first failure is thrown in after all have ended
                failures.append(raised)
        return failures[0] if failures else answers


def _fits(expected: "type[Ask[Any]] | Ask[Any] | Asked", asked: Any) -> bool:
    if isinstance(expected, type):
        return isinstance(asked, expected)
    if isinstance(expected, Asked):
        found: Any = asked
        return isinstance(asked, expected.kind) and all(
            _same(value, getattr(found, name)) for name, value in expected.fields.items()
        )
    return _same(expected, asked)


def _same(one: Any, other: Any) -> bool:
    """Equal by content, also where values are compared by identity elsewhere (effects, requests, messages)."""
    if isinstance(one, Struct):
        return type(one) is type(other) and all(
            _same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__ if name != "encoded"
        )
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        ours, theirs = cast("list[Any]", one), cast("list[Any]", other)
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return bool(one == other)


def _shown(value: Any, limit: int = 300) -> str:
    text = value.__name__ if isinstance(value, type) else repr(value)
    return text if len(text) <= limit else text[:limit] + "..."
