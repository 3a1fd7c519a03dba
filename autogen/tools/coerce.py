"""A JSON value as the type that a function asks for, or what is wrong with it and where.

Decides which conversions lose nothing: "7" for an int, 7 for a str, [1] for a set, a JSON text for a list or object.
Refuses to know about functions. What must be the same for the schema and for this is in `shapes.py`.
"""

from typing import Any, assert_never, cast

from autogen.tools.shapes import (
    Anything,
    Choice,
    Foreign,
    Many,
    Names,
    Pairs,
    Record,
    Refined,
    Row,
    Scalar,
    Shape,
    Unknown,
    Values,
)

_NAMES = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "NoneType": "null",
    "bytes": "string",
}
MOST_PROBLEMS = 20
"""After so many, the rest is not looked for."""


class Mismatch(Exception):
    """A value does not fit. problems: (path, what was expected and found), outermost first."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__(problems)
        self.problems = problems


def coerce(shape: Shape, value: Any, at: str, *, exact: bool = False) -> Any:
    """`value` as `shape` asks. at: the path for messages. exact: without conversions between JSON types.

    Raises Mismatch.
    """
    match shape:
        case Anything() | Unknown():
            return value
        case Scalar():
            return _scalar(shape, value, at, exact)
        case Values(values=values):
            return _literal(shape, values, value, at, exact)
        case Names():
            return _enum(shape, value, at, exact)
        case Choice(members=members):
            return _choice(shape, members, value, at, exact)
        case Foreign(annotation=annotation):
            return _foreign(annotation, value, at)
        case Refined(shape=inner, rule=rule):
            return _refined(shape, rule, coerce(inner, value, at, exact=exact), at)
        case Many() | Row() | Pairs() | Record():
            return _container(shape, value, at, exact)
        case _ as never:
            assert_never(never)


def describe(shape: Shape) -> str:
    """The shape in a few words for a model: `integer`, `array of string`, `object Person`."""
    match shape:
        case Anything() | Unknown():
            return "any value"
        case Scalar(kind=kind):
            name = kind.rpartition(".")[2]
            return _NAMES.get(name, f"string ({name})")
        case Many(item=item):
            return "array" if isinstance(item, Anything) else f"array of {describe(item)}"
        case Row(items=items):
            return f"array of {len(items)}: " + ", ".join(describe(item) for item in items)
        case Pairs(value=value):
            return "object" if isinstance(value, Anything) else f"object of {describe(value)}"
        case Choice(members=members):
            return " or ".join(dict.fromkeys(describe(member) for member in members))
        case Values(values=values):
            return "one of " + ", ".join(repr(value) for value in values)
        case Names(type=type_):
            return "one of " + ", ".join(repr(member.value) for member in type_)
        case Record(type=type_):
            return f"object {type_.__name__}"
        case Foreign(annotation=annotation):
            name = getattr(annotation, "__name__", "value")
            return f"object {name}" if hasattr(annotation, "model_fields") else str(name)
        case Refined(shape=inner):
            return describe(inner)
        case _ as never:
            assert_never(never)


def kind_of(value: Any) -> str:
    """The JSON type of a value, for messages."""
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "value")


def _wrong(shape: Shape, value: Any, at: str) -> Mismatch:
    return Mismatch([(at, f"expected {describe(shape)}, got {kind_of(value)}")])


def _scalar(shape: Scalar, value: Any, at: str, exact: bool) -> Any:
    if type(value) is shape.type:
        return value
    from msgspec import ValidationError, convert

    name = shape.kind.rpartition(".")[2]
    if name in ("str", "bytes", "Path"):
        if isinstance(value, int) and not isinstance(value, bool) and not exact:
            value = str(value)
        if not isinstance(value, str):
            raise _wrong(shape, value, at)
        if name == "bytes":
            return value.encode("utf-8", "surrogatepass")
        return value if name == "str" else shape.type(value)
    try:
        return convert(value, shape.type, strict=exact)
    except (ValidationError, OverflowError):
        raise _wrong(shape, value, at) from None


def _literal(shape: Shape, values: tuple[Any, ...], value: Any, at: str, exact: bool) -> Any:
    for allowed in values:
        plain = getattr(allowed, "value", allowed)
        if type(plain) is type(value) and plain == value:
            return allowed
    if not exact and isinstance(value, (str, int)) and not isinstance(value, bool):
        alike = [allowed for allowed in values if str(getattr(allowed, "value", allowed)) == str(value)]
        if len(alike) == 1:
            return alike[0]
    raise _other(shape, value, at)


def _enum(shape: Names, value: Any, at: str, exact: bool) -> Any:
    members = tuple(shape.type)
    try:
        return _literal(shape, members, value, at, exact)
    except Mismatch:
        if not exact and isinstance(value, str) and value in shape.type.__members__:
            return shape.type[value]
        raise


def _other(shape: Shape, value: Any, at: str) -> Mismatch:
    shown = repr(value) if isinstance(value, (str, int, float)) else kind_of(value)
    return Mismatch([(at, f"expected {describe(shape)}, got {shown[:80]}")])


def _choice(shape: Choice, members: tuple[Shape, ...], value: Any, at: str, exact: bool) -> Any:
    """The first member that fits as it is; only then the first that fits after a conversion."""
    deepest: Mismatch | None = None
    for strictly in (True, False) if not exact else (True,):
        for member in members:
            try:
                return coerce(member, value, at, exact=strictly)
            except Mismatch as mismatch:
                if any(path != at for path, _ in mismatch.problems):
                    deepest = mismatch
    raise deepest or _wrong(shape, value, at)


def _container(shape: Many | Row | Pairs | Record, value: Any, at: str, exact: bool) -> Any:
    if isinstance(value, str) and not exact:
        value = _decoded(value)
    match shape:
        case Record():
            return _record(shape, value, at, exact)
        case Pairs():
            return _pairs(shape, value, at, exact)
        case Row(items=items):
            given = _as_list(value)
            if given is None or len(given) != len(items):
                raise _wrong(shape, value, at)
            return tuple(_items(list(items), given, at, exact))
        case Many(item=item, build=build):
            given = _as_list(value)
            if given is None:
                raise _wrong(shape, value, at)
            try:
                return build(_items([item] * len(given), given, at, exact))
            except TypeError:  # a set of lists
                raise _wrong(shape, value, at) from None
        case _ as never:
            assert_never(never)


class _Collector:
    """Converts part after part and raises the problems of all of them together."""

    def __init__(self, exact: bool) -> None:
        self._exact = exact
        self.problems: list[tuple[str, str]] = []

    def take(self, shape: Shape, value: Any, at: str) -> Any:
        try:
            return coerce(shape, value, at, exact=self._exact)
        except Mismatch as mismatch:
            self.problems += mismatch.problems
            if len(self.problems) >= MOST_PROBLEMS:
                raise Mismatch(self.problems) from None
            return None

    def finish(self) -> None:
        if self.problems:
            raise Mismatch(self.problems)


def _items(shapes: list[Shape], values: list[Any], at: str, exact: bool) -> list[Any]:
    parts = _Collector(exact)
    done = [
        parts.take(shape, value, f"{at}[{number}]")
        for number, (shape, value) in enumerate(zip(shapes, values, strict=True))
    ]
    parts.finish()
    return done


def _pairs(shape: Pairs, value: Any, at: str, exact: bool) -> dict[Any, Any]:
    given = _as_dict(value)
    if given is None:
        raise _wrong(shape, value, at)
    keys, items = _Collector(False), _Collector(exact)
    done = {
        keys.take(shape.key, key, f"{at} key {key!r}"): items.take(shape.value, item, f"{at}.{key}")
        for key, item in given.items()
    }
    keys.finish()
    items.finish()
    return done


def _as_list(value: Any) -> list[Any] | None:
    return [*value] if isinstance(value, list) else None


def _as_dict(value: Any) -> dict[str, Any] | None:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _decoded(text: str) -> Any:
    """A container that a model sent as a JSON text; the text itself when it is none."""
    from autogen.tools.json_text import NotJson, parse_json

    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return parse_json(text)
    except NotJson:
        return text


def _record(shape: Record, value: Any, at: str, exact: bool) -> Any:
    given, row = _as_dict(value), _as_list(value)
    if shape.kind == "named tuple" and row is not None and len(row) <= len(shape.slots):
        given = {slot.wire: item for slot, item in zip(shape.slots, row, strict=False)}
    if given is None:
        raise _wrong(shape, value, at)
    if shape.tag is not None:
        key, tag = shape.tag
        if given.get(key) != tag:
            raise Mismatch([(f"{at}.{key}", f"expected {tag!r}")])
        given = {name: item for name, item in given.items() if name != key}
    known = {slot.wire: slot for slot in shape.slots}
    parts = _Collector(exact)
    parts.problems += [
        (f"{at}.{slot.wire}", f"missing, expected {describe(slot.shape)}")
        for slot in shape.slots
        if slot.required and slot.wire not in given
    ]
    fields: dict[str, Any] = {}
    for key, item in given.items():
        slot = known.get(key)
        if slot is not None:
            fields[slot.name] = parts.take(slot.shape, item, f"{at}.{key}")
        elif shape.kind == "typed dict":
            fields[key] = item
        else:
            parts.problems.append((f"{at}.{key}", f"unknown; {describe(shape)} has {', '.join(known)}"))
    parts.finish()
    return _built(shape, fields, at)


def _built(shape: Record, fields: dict[str, Any], at: str) -> Any:
    if shape.kind == "typed dict":
        return fields
    try:
        return shape.type(**fields)
    except (TypeError, ValueError) as error:  # the class's own checks
        raise Mismatch([(at, str(error) or type(error).__name__)]) from None


def _refined(shape: Refined, rule: Any, value: Any, at: str) -> Any:
    """Ask the rule: its `check`, or msgspec for its own Meta."""
    check = getattr(rule, "check", None)
    try:
        if check is not None:
            return check(value)
        from typing import Annotated

        from msgspec import ValidationError, convert

        try:
            return convert(value, Annotated[type(value), rule])
        except ValidationError as error:
            raise ValueError(str(error)) from None
    except (TypeError, ValueError) as error:
        raise Mismatch([(at, str(error) or f"not a valid {describe(shape)}")]) from None


def _foreign(annotation: Any, value: Any, at: str) -> Any:
    from pydantic import ValidationError

    from autogen.tools.foreign import adapter

    if isinstance(value, str) and hasattr(annotation, "model_fields"):
        value = _decoded(value)
    try:
        return adapter(annotation).validate_python(value)
    except ValidationError as error:
        problems: list[tuple[str, str]] = []
        for problem in error.errors(include_url=False, include_input=False, include_context=False)[:MOST_PROBLEMS]:
            path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
            problems.append((at + path, problem["msg"]))
        raise Mismatch(problems) from None
