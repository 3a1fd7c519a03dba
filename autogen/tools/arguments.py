"""From the model's JSON text to the arguments of a call, or a text that the model can act on.

Two steps, because 0.2 announces a call between them: `parse_arguments` reads the text, `bind_arguments` checks and
converts the values. A text that cannot be read, or that may have been cut, never becomes a call with defaults.
What a function accepts is read once per function and kept as long as the function lives.
"""

import json
from collections.abc import Callable
from typing import Any, cast
from weakref import WeakKeyDictionary

from msgspec import Struct

from autogen.tools.coerce import Mismatch, coerce, describe, kind_of
from autogen.tools.declare import Tool, tool_marks
from autogen.tools.errors import ArgumentsError, UnsupportedType
from autogen.tools.foreign import adapter
from autogen.tools.json_text import NotJson, parse_json, repair_json
from autogen.tools.shapes import Anything, Foreign, Shape, Unknown, shape_of
from autogen.tools.signature import MISSING, Parameter, function_name, read_signature

PREVIEW = 800
"""Characters of the model's own text that an error shows back."""
PROBLEMS = 10
"""How many problems one error names."""


class Accepted(Struct, frozen=True, eq=False):
    """One parameter with its type read."""

    name: str
    shape: Shape
    required: bool
    default: Any
    positional: bool


class Accepts(Struct, frozen=True, eq=False):
    """What a function takes. open: it takes other names too; their values are of shape `rest`."""

    name: str
    parameters: dict[str, Accepted]
    open: bool = False
    rest: Shape = Anything()
    keys: tuple[str, ...] = ()
    """Parameters that are filled in with the idempotency key, never by the model."""


class Arguments(Struct, frozen=True, eq=False):
    """Ready for `function(*args, **kwargs)`."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


_known: "WeakKeyDictionary[Any, Accepts]" = WeakKeyDictionary()


def accepts(function: Any) -> Accepts:
    """What `function` (or a Tool) takes; anything, where Python cannot tell or `@tool(validate=False)` says so."""
    inner = function.function if isinstance(function, Tool) else function
    given = isinstance(function, Tool) and function.parameters is not None
    if given:
        return Accepts(function_name(inner), {}, open=True)
    try:
        known = _known.get(inner)
        if known is None:
            known = _known[inner] = _read(inner)
    except TypeError:  # a callable that cannot be hashed or weakly referred to
        known = _read(inner)
    return known if tool_marks(function).validate else Accepts(known.name, {}, open=True, keys=known.keys)


def _read(function: Callable[..., Any]) -> Accepts:
    name = function_name(function)
    try:
        signature = read_signature(function)
    except UnsupportedType:
        return Accepts(name, {}, open=True)
    named = {p.name: _accepted(p) for p in signature.parameters if p.kind != "rest"}
    rest = [p for p in signature.parameters if p.kind == "rest"]
    return Accepts(name, named, open=bool(rest), rest=_shape(rest[0]) if rest else Anything(), keys=signature.keys)


def _accepted(parameter: Parameter) -> Accepted:
    positional = parameter.kind == "positional"
    return Accepted(parameter.name, _shape(parameter), parameter.required, parameter.default, positional)


def _shape(parameter: Parameter) -> Shape:
    if parameter.annotation is MISSING:
        return Anything()
    try:
        shape = shape_of(parameter.annotation)
        if isinstance(shape, Foreign):
            adapter(shape.annotation)
    except UnsupportedType:  # registration told the program; a plain function_map may hold such a function
        return Unknown(parameter.annotation)
    return shape


def read_arguments(function: Any, text: str, name: str | None = None) -> Arguments:
    """Both steps: `text` as the arguments of `function`. name: what the model calls it. Raises ArgumentsError."""
    taken = accepts(function)
    return bind_arguments(taken, parse_arguments(taken, text, name), name)


def parse_arguments(taken: Accepts, text: str, name: str | None = None) -> dict[str, Any]:
    """The model's text as a JSON object, repaired once if need be. Raises ArgumentsError(syntax=True).

    An empty text or null is an empty object only for a function without parameters: there nothing is left to a
    default. A text whose last brace is missing counts only if it names every parameter.
    """
    name = name or taken.name
    try:
        value = parse_json(text)
    except NotJson as error:
        value = _repaired(taken, text, name, error)
    if isinstance(value, str):
        value = _decoded_twice(value)
    if value is None and _takes_nothing(taken):
        return {}
    if not isinstance(value, dict):
        said = f"The arguments of {name} must be a JSON object, got {kind_of(value)}."
        raise ArgumentsError(name, _advice(said, taken, text), syntax=value is None)
    return cast("dict[str, Any]", value)


def bind_arguments(taken: Accepts, values: dict[str, Any], name: str | None = None) -> Arguments:
    """`values` checked against what the function takes and converted. Raises ArgumentsError naming each path."""
    name = name or taken.name
    problems: list[tuple[str, str]] = [
        (p.name, f"missing, expected {describe(p.shape)}")
        for p in taken.parameters.values()
        if p.required and p.name not in values
    ]
    ready: dict[str, Any] = {}
    for key, value in values.items():
        parameter = taken.parameters.get(key)
        if key in taken.keys or (parameter is None and not taken.open):
            problems.append((key, f"{name} has no such parameter"))
            continue
        try:
            ready[key] = _converted(parameter, taken.rest, key, value)
        except Mismatch as mismatch:
            problems += mismatch.problems
        except RecursionError:
            problems.append((key, "nested too deeply"))
        except Exception as error:  # noqa: BLE001 - a check of the program's own type; its text goes to the model
            problems.append((key, str(error) or type(error).__name__))
    if problems:
        raise ArgumentsError(name, _invalid(name, taken, problems, values))
    return _placed(taken, ready)


def _converted(parameter: Accepted | None, rest: Shape, key: str, value: Any) -> Any:
    if parameter is None:
        return coerce(rest, value, key)
    if parameter.default is not MISSING and type(parameter.default) is type(value) and parameter.default == value:
        return value  # the default itself is welcome even where the annotation leaves it out (`s: str = None`)
    return coerce(parameter.shape, value, key)


def _placed(taken: Accepts, ready: dict[str, Any]) -> Arguments:
    """Positional-only parameters go in order, as far as they are given without a gap."""
    args: list[Any] = []
    for parameter in taken.parameters.values():
        if not parameter.positional:
            break
        if parameter.name in ready:
            args.append(ready.pop(parameter.name))
        else:
            args.append(parameter.default)
    return Arguments(tuple(args), ready)


def _takes_nothing(taken: Accepts) -> bool:
    return not taken.parameters and not taken.open


def _repaired(taken: Accepts, text: str, name: str, error: NotJson) -> Any:
    if not text.strip() and _takes_nothing(taken):
        return {}
    repaired = repair_json(text)
    if repaired is None:
        said = f"{error}\n The argument must be in JSON format."
        raise ArgumentsError(name, _advice(said, taken, text), syntax=True)
    if repaired.cut and (taken.open or not set(taken.parameters) <= set(repaired.value)):
        said = f"{error}\n The argument must be in JSON format. It seems to be cut off: the closing brace is missing."
        raise ArgumentsError(name, _advice(said, taken, text), syntax=True)
    return repaired.value


def _decoded_twice(text: str) -> Any:
    """Arguments that were encoded twice, `"{\\"a\\": 1}"`; the text itself when they were not."""
    try:
        value = parse_json(text)
    except NotJson:
        return text
    return cast("Any", value) if isinstance(value, dict) else text


def _invalid(name: str, taken: Accepts, problems: list[tuple[str, str]], values: dict[str, Any]) -> str:
    lines = [f"- {path[:200]}: {problem[:300]}" for path, problem in problems[:PROBLEMS]]
    if len(problems) > PROBLEMS:
        lines.append(f"- and {len(problems) - PROBLEMS} more")
    shown = json.dumps(values, default=repr)
    return _advice("\n".join([f"The arguments of {name} are not valid:", *lines]), taken, shown)


def _advice(said: str, taken: Accepts, text: str) -> str:
    return f"{said}\nExpected: {_expectation(taken)}\nGot: {_preview(text)}"


def _expectation(taken: Accepts) -> str:
    parts = [f'"{p.name}": {describe(p.shape)}{"" if p.required else " (optional)"}' for p in taken.parameters.values()]
    if taken.open:
        parts.append("...")
    return _cut("{" + ", ".join(parts) + "}", PREVIEW)


def _preview(text: str) -> str:
    return _cut(text.encode("utf-8", "replace").decode(), PREVIEW)


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    mark = f" ... ({len(text)} characters)"
    return text[: longest - len(mark)] + mark
