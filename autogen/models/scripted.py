"""`api_type: "scripted"`: answers from a script instead of a model, for tests, examples and documentation.

    {"model": "any", "api_type": "scripted", "script": [
        {"agent": "assistant", "expect": "weather", "tool_calls": [["call_1", "weather", {"city": "Oslo"}]]},
        {"agent": "assistant", "text": "Rain. TERMINATE"},
    ]}

Each request takes the first unused line that is addressed to its agent and purpose, so parallel branches cannot take
each other's answers. A request without a line, and a line without a request, fail loudly. Refuses to know any wire.
"""
# ruff: noqa: PTH100 - os.path, because a first agent does not load pathlib

import os
from collections.abc import Iterable, Mapping, Sequence
from threading import Lock
from types import TracebackType
from typing import Any, Self, cast
from weakref import WeakValueDictionary

import msgspec
from msgspec import Struct

from autogen.core.errors import ConfigError, ModelError
from autogen.core.events import Delta
from autogen.core.model import (
    Finish,
    Json,
    ModelMessage,
    ModelReply,
    ModelRequest,
    Part,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from autogen.drivers.performer import EmitNow
from autogen.models.errors import (
    AuthError,
    BadRequest,
    CallFailed,
    ContentFiltered,
    ContextTooLong,
    ModelTimeout,
    Overloaded,
    RateLimited,
    Unreachable,
)

ERRORS: Mapping[str, tuple[type[CallFailed], int | None]] = {
    "auth": (AuthError, 401),
    "bad_request": (BadRequest, 400),
    "content_filter": (ContentFiltered, 400),
    "context_length": (ContextTooLong, 400),
    "rate_limit": (RateLimited, 429),
    "server": (Overloaded, 500),
    "timeout": (ModelTimeout, None),
    "unreachable": (Unreachable, None),
}
"""What a line may name as its `error`."""

_LINE = ", line "
_ID = "scripted"
"""What the ids of replies begin with; the number of the line follows."""


class ScriptError(ModelError, AssertionError):
    """A program and its script did not fit."""


class Line(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One answer. What is None does not matter."""

    agent: str | None = None
    purpose: str | None = None
    expect: str | None = None
    """Text that the last message of the request must contain."""
    text: str | None = None
    tool_calls: list[Any] | None = None
    """Each {"id", "name", "arguments"} or [id, name, arguments]; arguments as JSON text or as a dict."""
    function_call: Any = None
    """The old form: {"name", "arguments"} or [name, arguments]."""
    choices: list[str] | None = None
    """Several answers (n > 1)."""
    error: str | None = None
    """One of `ERRORS`: the call fails in this way."""
    message: str | None = None
    """The text of the error."""
    usage: tuple[int, int] = (10, 5)
    """Prompt and completion tokens."""
    finish: Finish | None = None
    model: str | None = None
    times: int = 1
    """How many requests the line answers; 0: any number, none included."""


class Script:
    """Lines and how far they are used. Shared between threads and by copies: a copy is the same script.

    lines: texts, dicts with the fields of `Line`, or `Line`s. `with Script(lines) as script:` ends with `check_used()`.
    """

    def __init__(self, lines: Iterable[str | Mapping[str, Any] | Line], name: str = "script") -> None:
        self.name = name
        self.lines: tuple[Line, ...] = tuple(_line(item, number) for number, item in enumerate(lines, 1))
        self.requests: list[tuple[str, str, ModelRequest]] = []
        """(agent, purpose, request) of all requests so far."""
        self._used = [0] * len(self.lines)
        self._recalled = [0] * len(self.lines)
        self._lock = Lock()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Script":
        """A script from a JSON file: a list of lines, or {"lines": [...]}."""
        name = os.fspath(path)
        try:
            with open(name, "rb") as file:
                content: Any = msgspec.json.decode(file.read())
        except OSError as error:
            raise ConfigError(f"the script {name!r} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise ConfigError(f"the script {name!r} is no JSON: {error}") from error
        lines = cast("dict[str, Any]", content).get("lines") if isinstance(content, dict) else content
        if not isinstance(lines, list):
            raise ConfigError(f'the script {name!r} must hold a list of lines, or {{"lines": [...]}}')
        return cls(cast("Iterable[Any]", lines), name)

    def __repr__(self) -> str:
        return f"Script({self.name!r}, {sum(1 for used in self._used if used)} of {len(self.lines)} lines used)"

    def __copy__(self) -> "Script":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Script":
        return self

    def answer(self, agent: str, purpose: str, request: ModelRequest, emit: EmitNow) -> ModelReply:
        """The reply of the next line for this agent and purpose; streamed when the request says so.

        Raises `ScriptError` when no line fits, and what the line's `error` names.
        """
        with self._lock:
            self.requests.append((agent, purpose, request))
            number, line = self._take(agent, purpose, request)
        if line.error is not None:
            raise _failure(line, f"{self.name}{_LINE}{number + 1}")
        reply = _reply(line, number)
        if request.settings.get("stream"):
            _stream(reply.message, agent, emit)
        return reply

    def _take(self, agent: str, purpose: str, request: ModelRequest) -> tuple[int, Line]:
        for number, line in enumerate(self.lines):
            if line.agent not in (None, agent) or line.purpose not in (None, purpose):
                continue
            if line.times and self._used[number] >= line.times:
                continue
            last = _last_text(request)
            if line.expect is not None and line.expect not in last:
                raise ScriptError(
                    f"{self.name}, line {number + 1} for agent {agent!r} ({purpose}) expects a last message with "
                    f"{line.expect!r}, but it is {_short(last)!r}"
                )
            self._used[number] += 1
            return number, line
        raise ScriptError(
            f"{self.name} has no line left for agent {agent!r} ({purpose}), request {len(self.requests)}; its last "
            f"message is {_short(_last_text(request))!r}. {self._what_is_next()}"
        )

    def recalled(self, reply: ModelReply) -> None:
        """A journal answered with what a line once gave: the line is used, in this process as in that one."""
        kind, _, number = reply.id.rpartition("-")
        if kind == _ID:
            self._recall(number)

    def recalled_failure(self, error: BaseException) -> None:
        """The same for a line with an `error`."""
        name, _, number = str(getattr(error, "endpoint", "")).rpartition(_LINE)
        if name == self.name:
            self._recall(number)

    def _recall(self, number: str) -> None:
        if number.isdigit() and 0 < int(number) <= len(self.lines):
            with self._lock:
                index = int(number) - 1
                self._recalled[index] += 1
                self._used[index] = max(self._used[index], self._recalled[index])

    def unused(self) -> list[Line]:
        """The lines that no request has used up so far."""
        with self._lock:
            return [line for line, used in zip(self.lines, self._used, strict=True) if used < line.times]

    def check_used(self) -> None:
        """Raises `ScriptError` unless every line was used as often as it says."""
        left = self.unused()
        if left:
            raise ScriptError(
                f"{self.name}: {len(left)} of {len(self.lines)} lines were not used. {self._what_is_next()}"
            )

    close = check_used

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.check_used()

    def _what_is_next(self) -> str:
        for number, (line, used) in enumerate(zip(self.lines, self._used, strict=True), 1):
            if used < line.times:
                said = line.text if line.text is not None else line.error or line.tool_calls or line.function_call
                whom = f"agent {line.agent or 'any'!r} ({line.purpose or 'any purpose'})"
                return f"Next unused is line {number}, for {whom}: {_short(str(said))!r}"
        return "All its lines are used"


_loaded: "WeakValueDictionary[str, Script]" = WeakValueDictionary()


def script_of(value: Any) -> Script:
    """A `Script`, a list of lines, or the path of a JSON file; entries that name one file share its script."""
    if isinstance(value, Script):
        return value
    if isinstance(value, (list, tuple)):
        return Script(cast("Sequence[Any]", value))
    if isinstance(value, (str, os.PathLike)):
        path = os.path.abspath(cast("str", value))
        script = _loaded.get(path)
        if script is None:
            script = _loaded[path] = Script.load(path)
        return script
    raise ConfigError(
        'an entry with api_type "scripted" needs "script": a list of lines, the path of a JSON file, or a Script; '
        f"got {type(value).__name__}"
    )


def _line(item: Any, number: int) -> Line:
    if isinstance(item, Line):
        return item
    if isinstance(item, str):
        return Line(text=item)
    try:
        line = msgspec.convert(item, Line)
    except msgspec.ValidationError as error:
        raise ConfigError(f"line {number} of a script is wrong: {error}") from error
    names = ("text", "tool_calls", "function_call", "choices", "error")
    if all(getattr(line, name) is None for name in names):
        raise ConfigError(f"line {number} of a script says nothing; give it text, tool_calls or error")
    if line.error is not None and line.error not in ERRORS:
        known = ", ".join(sorted(ERRORS))
        raise ConfigError(f"line {number} of a script has the error {line.error!r}; known are {known}")
    return line


def _reply(line: Line, number: int) -> ModelReply:
    parts: list[Part] = [] if line.text is None else [Text(line.text)]
    for index, call in enumerate(line.tool_calls or ()):
        parts.append(_call(call, f"call_{number + 1}_{index + 1}", legacy=False))
    if line.function_call is not None:
        parts.append(_call(line.function_call, "", legacy=True))
    choices = tuple(ModelMessage("assistant", (Text(text),)) for text in line.choices or ())
    message = choices[0] if choices else ModelMessage("assistant", tuple(parts))
    return ModelReply(
        message=message,
        finish=line.finish or ("tools" if message.calls else "stop"),
        usage=Usage(input=line.usage[0], output=line.usage[1], requests=1),
        model=line.model or "",
        id=f"{_ID}-{number + 1}",
        choices=choices,
        cost=0.0,
    )


def _call(call: Any, call_id: str, legacy: bool) -> ToolCall:
    if isinstance(call, Mapping):
        known = cast("Mapping[str, Any]", call)
        return ToolCall(str(known.get("id", call_id)), str(known["name"]), _json(known.get("arguments", {})), legacy)
    fields = list(cast("Sequence[Any]", call))
    name, arguments = fields[-2], fields[-1]
    return ToolCall(str(fields[0]) if len(fields) == 3 else call_id, str(name), _json(arguments), legacy)


def _json(arguments: Json) -> str:
    return arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()


def _failure(line: Line, where: str) -> CallFailed:
    kind, status = ERRORS[line.error or "server"]
    return kind(line.message or f"scripted {line.error}", status=status, endpoint=where, model=line.model or "scripted")


def _stream(message: ModelMessage, agent: str, emit: EmitNow) -> None:
    for index, word in enumerate(message.text.split(" ")):
        emit(Delta(agent, f" {word}" if index else word))
    for call in message.calls:
        emit(Delta(agent, f"{call.name}({call.arguments})", "call"))
    emit(Delta(agent, "", "end"))


def _last_text(request: ModelRequest) -> str:
    if not request.messages:
        return ""
    last = request.messages[-1]
    answers = "".join(part.content for part in last.parts if isinstance(part, ToolResult))
    return last.text + answers


def _short(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else text[:limit] + "..."
