"""What a type annotation means for JSON: one reading, folded twice (`type_schema.py` tells it, `coerce.py` checks it).

Decides which types are understood. Refuses to know about functions, texts and providers. pydantic is never imported
here: its types become `Foreign`, and whoever folds the shape asks pydantic itself.
Change together: the `Shape` union, `type_schema.py`, `coerce.py`.
"""

import collections
import collections.abc as abc
import enum
import types
import typing
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from autogen.tools.errors import UnsupportedType


class Anything(Struct, frozen=True):
    pass


class Scalar(Struct, frozen=True):
    """`kind` names the JSON side in `SCALARS`; `type` is the class that a value becomes."""

    kind: str
    type: Any


class Many(Struct, frozen=True):
    """A JSON array of equal items."""

    item: "Shape"
    build: Any
    """list, set, frozenset, tuple or deque"""


class Row(Struct, frozen=True):
    """A JSON array of fixed length."""

    items: "tuple[Shape, ...]"


class Pairs(Struct, frozen=True):
    key: "Shape"
    value: "Shape"


class Choice(Struct, frozen=True):
    members: "tuple[Shape, ...]"


class Values(Struct, frozen=True):
    values: tuple[Any, ...]


class Names(Struct, frozen=True):
    """An enum, told by its values."""

    type: type[enum.Enum]


class Slot(Struct, frozen=True):
    """One field of a record. `name` is Python's, `wire` is JSON's."""

    name: str
    wire: str
    shape: "Shape"
    required: bool
    default: Any = None
    has_default: bool = False
    """A default that can be shown (a factory's cannot)."""


class Record(Struct, frozen=True, eq=False):
    """A class with fields. `slots` is filled after the record exists, because a class may hold itself."""

    type: Any
    kind: Literal["dataclass", "typed dict", "named tuple", "struct"]
    slots: list[Slot]
    tag: tuple[str, Any] | None = None


class Foreign(Struct, frozen=True):
    """pydantic's: a model, one of its types, or an annotation with its metadata."""

    annotation: Any


class Refined(Struct, frozen=True):
    """A shape with more conditions: a `msgspec.Meta`, or an object with `check(value) -> value`."""

    shape: "Shape"
    rule: Any


class Unknown(Struct, frozen=True):
    """A class that we cannot check: no schema; a value is passed on as received."""

    annotation: Any


Shape: TypeAlias = (
    Anything | Scalar | Many | Row | Pairs | Choice | Values | Names | Record | Foreign | Refined | Unknown
)

SCALARS: dict[str, dict[str, Any]] = {
    "builtins.str": {"type": "string"},
    "builtins.int": {"type": "integer"},
    "builtins.float": {"type": "number"},
    "builtins.bool": {"type": "boolean"},
    "builtins.NoneType": {"type": "null"},
    "builtins.bytes": {"format": "binary", "type": "string"},
    "datetime.datetime": {"format": "date-time", "type": "string"},
    "datetime.date": {"format": "date", "type": "string"},
    "datetime.time": {"format": "time", "type": "string"},
    "datetime.timedelta": {"format": "duration", "type": "string"},
    "uuid.UUID": {"format": "uuid", "type": "string"},
    "decimal.Decimal": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    "pathlib.Path": {"format": "path", "type": "string"},
}
_PYDANTIC_MARKS = ("__get_pydantic_core_schema__", "__pydantic_core_schema__", "__pydantic_validator__")
_SEQUENCES: dict[Any, Any] = {
    list: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    abc.Iterable: list,
    abc.Collection: list,
    collections.deque: collections.deque,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
}
_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping, collections.OrderedDict, collections.defaultdict)
_TRANSPARENT = ("Required", "NotRequired", "ReadOnly", "Final", "ClassVar")


def shape_of(annotation: Any) -> Shape:
    """Read one resolved annotation (no strings left in it). Raises UnsupportedType for an unresolved name."""
    return _Reader().read(annotation)


class _Reader:
    def __init__(self) -> None:
        self._records: dict[Any, Record] = {}

    def read(self, annotation: Any) -> Shape:
        if annotation is Any or annotation is object:
            return Anything()
        if annotation is None:
            annotation = types.NoneType
        if isinstance(annotation, (str, typing.ForwardRef)):
            name = getattr(annotation, "__forward_arg__", annotation)
            raise UnsupportedType(str(name), "cannot be resolved here")
        if isinstance(annotation, typing.NewType):
            return self.read(annotation.__supertype__)
        if isinstance(annotation, typing.TypeVar):
            return self.read(annotation.__bound__ or Any)
        if type(annotation).__name__ == "TypeAliasType":
            return self.read(annotation.__value__)
        origin = typing.get_origin(annotation)
        if origin is not None:
            return self._generic(annotation, origin)
        if isinstance(annotation, type):
            return self._class(annotation)
        return Unknown(annotation)

    def _generic(self, annotation: Any, origin: Any) -> Shape:
        arguments = typing.get_args(annotation)
        if origin is typing.Annotated:
            return self._annotated(annotation, arguments)
        if origin is typing.Union or origin is types.UnionType:
            return Choice(tuple(self.read(member) for member in arguments))
        if origin is Literal:
            return Values(arguments)
        if getattr(origin, "_name", None) in _TRANSPARENT or getattr(origin, "__name__", None) in _TRANSPARENT:
            return self.read(arguments[0])
        if origin in _SEQUENCES:
            return Many(self.read(arguments[0] if arguments else Any), _SEQUENCES[origin])
        if origin is tuple:
            return self._tuple(annotation, arguments)
        if origin in _MAPPINGS:
            key, value = arguments or (Any, Any)
            return Pairs(self.read(key), self.read(value))
        if type(origin).__name__ == "TypeAliasType":
            return self.read(origin.__value__[arguments])
        if _is_pydantic(origin):
            return Foreign(annotation)
        return self._class(origin) if _record_kind(origin) else Unknown(annotation)

    def _annotated(self, annotation: Any, arguments: tuple[Any, ...]) -> Shape:
        rules = [rule for rule in arguments[1:] if not isinstance(rule, str)]
        modules = {type(rule).__module__.partition(".")[0] for rule in rules}
        if "annotated_types" in modules or "pydantic" in modules or "pydantic_core" in modules:
            return Foreign(annotation)
        shape = self.read(arguments[0])
        for rule in rules:
            if type(rule).__module__.partition(".")[0] == "msgspec" or hasattr(rule, "check"):
                shape = Refined(shape, rule)
        return shape

    def _tuple(self, annotation: Any, arguments: tuple[Any, ...]) -> Shape:
        if annotation is typing.Tuple:  # noqa: UP006 - the bare alias, not Tuple[()]
            return Many(Anything(), tuple)
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return Many(self.read(arguments[0]), tuple)
        return Row(tuple(self.read(item) for item in arguments))

    def _class(self, cls: type[Any]) -> Shape:
        if _is_pydantic(cls):
            return Foreign(cls)
        name = f"{cls.__module__}.{cls.__qualname__}"
        if cls.__module__.partition(".")[0] == "pathlib":
            name = "pathlib.Path"
        if name in SCALARS:
            return Scalar(name, cls)
        if cls in _SEQUENCES:
            return Many(Anything(), _SEQUENCES[cls])
        if cls is tuple:
            return Many(Anything(), tuple)
        if cls in _MAPPINGS:
            return Pairs(Anything(), Anything())
        if issubclass(cls, enum.Enum):
            return Names(cls)
        kind = _record_kind(cls)
        return self._record(cls, kind) if kind else Unknown(cls)

    def _record(self, cls: type[Any], kind: Any) -> Record:
        if cls in self._records:
            return self._records[cls]
        config = getattr(cls, "__struct_config__", None)
        tag = (config.tag_field, config.tag) if config is not None and config.tag_field else None
        record = Record(cls, kind, [], tag)
        self._records[cls] = record
        try:
            hints = typing.get_type_hints(cls, include_extras=True)
        except (NameError, AttributeError) as error:
            raise UnsupportedType(cls.__qualname__, f"has a field whose type cannot be resolved ({error})") from None
        reading = {
            "dataclass": self._dataclass, "struct": self._struct,
            "typed dict": self._typed_dict, "named tuple": self._named_tuple,
        }[kind]  # fmt: skip
        record.slots.extend(reading(cls, hints))
        return record

    def _dataclass(self, cls: Any, hints: dict[str, Any]) -> abc.Iterator[Slot]:
        import dataclasses

        for field in dataclasses.fields(cls):
            if field.init:
                given = field.default is not dataclasses.MISSING
                made = field.default_factory is not dataclasses.MISSING
                shape = self.read(hints[field.name])
                default = field.default if given else None
                yield Slot(field.name, field.name, shape, not (given or made), default, given)

    def _struct(self, cls: Any, hints: dict[str, Any]) -> abc.Iterator[Slot]:
        from msgspec import NODEFAULT, structs

        for field in structs.fields(cls):
            given = field.default is not NODEFAULT
            shape = self.read(hints[field.name])
            default = field.default if given else None
            yield Slot(field.name, field.encode_name, shape, field.required, default, given)

    def _typed_dict(self, cls: Any, hints: dict[str, Any]) -> abc.Iterator[Slot]:
        for name, hint in hints.items():
            yield Slot(name, name, self.read(hint), name in cls.__required_keys__)

    def _named_tuple(self, cls: Any, hints: dict[str, Any]) -> abc.Iterator[Slot]:
        for name in cls._fields:
            given = name in cls._field_defaults
            shape = self.read(hints.get(name, Any))
            yield Slot(name, name, shape, not given, cls._field_defaults.get(name), given)


def _is_pydantic(cls: Any) -> bool:
    return any(hasattr(cls, mark) for mark in _PYDANTIC_MARKS)


def _record_kind(cls: Any) -> str | None:
    if hasattr(cls, "__struct_fields__"):
        return "struct"
    if hasattr(cls, "__dataclass_fields__"):
        return "dataclass"
    if hasattr(cls, "__required_keys__"):
        return "typed dict"
    if hasattr(cls, "_fields") and hasattr(cls, "_field_defaults"):
        return "named tuple"
    return None
