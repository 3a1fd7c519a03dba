"""The JSON Schema of a type, in the form that 0.2 showed models. Refuses to know about functions and parameters.

Key order is part of the form: keys are sorted, as 0.2's were, because prompts and caches see the bytes.
"""

from typing import Any, assert_never

from autogen.tools.errors import UnsupportedType
from autogen.tools.foreign import foreign_schema
from autogen.tools.serialize import json_form
from autogen.tools.shapes import (
    SCALARS,
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
    Slot,
    Unknown,
    Values,
    shape_of,
)

Schema = dict[str, Any]
_JSON_TYPES = ((str, "string"), (bool, "boolean"), (int, "integer"), (float, "number"), (type(None), "null"))
_META = {
    "gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum",
    "multiple_of": "multipleOf", "pattern": "pattern", "title": "title", "description": "description",
}  # fmt: skip
_LENGTHS = {"string": ("minLength", "maxLength"), "array": ("minItems", "maxItems")}


def type_schema(annotation: Any) -> Schema:
    """The schema of `annotation`, self-contained: shared and recursive classes stand under `$defs`.

    Raises UnsupportedType for what JSON cannot hold.
    """
    return shape_schema(shape_of(annotation))


def shape_schema(shape: Shape) -> Schema:
    """As `type_schema`, of a type already read."""
    if isinstance(shape, Foreign):
        return foreign_schema(shape.annotation)
    return _Emitter().root(shape)


class _Emitter:
    def __init__(self) -> None:
        self._definitions: Schema = {}
        self._names: dict[Any, str] = {}

    def root(self, shape: Shape) -> Schema:
        """The outermost class stands in place, unless it holds itself."""
        if isinstance(shape, (Record, Names)):
            name = self._reserve(shape.type)
            schema = self._body(shape)
            if name in self._definitions:  # met again inside itself
                self._definitions[name] = schema
                schema = {"$ref": f"#/$defs/{name}"}
        else:
            schema = self.emit(shape)
        if not self._definitions:
            return schema
        return _ordered({**schema, "$defs": _ordered(self._definitions)})

    def emit(self, shape: Shape) -> Schema:
        match shape:
            case Anything():
                return {}
            case Scalar(kind=kind):
                return _copied(SCALARS[kind])
            case Many(item=item, build=build):
                unique = {"uniqueItems": True} if build in (set, frozenset) else {}
                return {"items": self.emit(item), "type": "array", **unique}
            case Row(items=items):
                return self._row([self.emit(item) for item in items], len(items))
            case Pairs(value=value):
                return {"additionalProperties": self.emit(value) or True, "type": "object"}
            case Choice(members=members):
                return {"anyOf": [self.emit(member) for member in members]}
            case Values(values=values):
                return _literal(values)
            case Record() | Names():
                return self._reference(shape)
            case Foreign(annotation=annotation):
                return self._foreign(annotation)
            case Refined(shape=inner, rule=rule):
                return _refined(self.emit(inner), rule)
            case Unknown(annotation=annotation):
                raise UnsupportedType(_named(annotation), "has no JSON form")
            case _ as never:
                assert_never(never)

    def _row(self, items: list[Schema], least: int) -> Schema:
        if not items:
            return {"maxItems": 0, "minItems": 0, "type": "array"}
        return {"maxItems": len(items), "minItems": least, "prefixItems": items, "type": "array"}

    def _reserve(self, cls: Any) -> str:
        if cls not in self._names:
            taken = set(self._names.values()) | set(self._definitions)
            name, number = cls.__name__, 2
            while name in taken:
                name, number = f"{cls.__name__}_{number}", number + 1
            self._names[cls] = name
        return self._names[cls]

    def _reference(self, shape: Record | Names) -> Schema:
        known = shape.type in self._names
        name = self._reserve(shape.type)
        if not known:
            self._definitions[name] = {}  # a recursive class finds its name here
            self._definitions[name] = self._body(shape)
        elif name not in self._definitions:
            self._definitions[name] = {}  # the root, met inside itself
        return {"$ref": f"#/$defs/{name}"}

    def _body(self, shape: Record | Names) -> Schema:
        if isinstance(shape, Names):
            return _enum(shape)
        if shape.kind == "named tuple":
            return self._row([self._slot(slot) for slot in shape.slots], sum(slot.required for slot in shape.slots))
        properties = {slot.wire: self._slot(slot) for slot in shape.slots}
        required = [slot.wire for slot in shape.slots if slot.required]
        if shape.tag is not None:
            properties[shape.tag[0]] = {"const": shape.tag[1]}
            required.append(shape.tag[0])
        schema: Schema = {"properties": properties, "title": shape.type.__name__, "type": "object"}
        if required:
            schema["required"] = required
        text = _class_text(shape.type)
        if text:
            schema["description"] = text
        return _ordered(schema)

    def _slot(self, slot: Slot) -> Schema:
        schema = self.emit(slot.shape)
        if _titled(slot.shape):
            schema["title"] = slot.wire.title().replace("_", " ").strip()
        if slot.has_default:
            try:
                schema["default"] = json_form(slot.default)
            except TypeError as error:
                raise UnsupportedType(repr(slot.default), f"is a default without a JSON form ({error})") from None
        return _ordered(schema)

    def _foreign(self, annotation: Any) -> Schema:
        schema = foreign_schema(annotation)
        self._definitions.update(schema.pop("$defs", {}))
        if "$ref" in schema or not hasattr(annotation, "__name__") or "title" not in schema:
            return schema
        self._definitions.setdefault(schema["title"], schema)
        return {"$ref": f"#/$defs/{schema['title']}"}


def _titled(shape: Shape) -> bool:
    """Fields get a title, except those that stand under `$defs` with a title of their own."""
    match shape:
        case Record() | Names():
            return False
        case Foreign(annotation=annotation):
            return not hasattr(annotation, "model_fields")
        case Choice(members=members):
            real = [member for member in members if not _is_null(member)]
            return len(real) != 1 or _titled(real[0])
        case _:
            return True


def _is_null(shape: Shape) -> bool:
    return isinstance(shape, Scalar) and shape.kind == "builtins.NoneType"


def _literal(values: tuple[Any, ...]) -> Schema:
    plain = [getattr(value, "value", value) for value in values]
    schema: Schema = {"const": plain[0]} if len(plain) == 1 else {"enum": plain}
    return {**schema, **_kind(plain)}


def _kind(values: list[Any]) -> Schema:
    """The JSON type that all of them share, if they do."""
    kinds = {next((name for kind, name in _JSON_TYPES if isinstance(value, kind)), None) for value in values}
    kind = kinds.pop() if len(kinds) == 1 else None
    return {"type": kind} if kind else {}


def _enum(shape: Names) -> Schema:
    values = [member.value for member in shape.type]
    schema: Schema = {"enum": values, **_kind(values), "title": shape.type.__name__}
    text = _class_text(shape.type)
    if text:
        schema["description"] = text
    return _ordered(schema)


def _class_text(cls: Any) -> str:
    """The docstring that a person wrote: not an inherited one, nor the one that dataclasses make up."""
    text: str | None = cls.__dict__.get("__doc__")
    if not text or text == "An enumeration." or text.startswith(f"{cls.__name__}("):
        return ""
    from inspect import cleandoc

    return cleandoc(text)


def _refined(schema: Schema, rule: Any) -> Schema:
    """The conditions of a `msgspec.Meta`; any other rule shows nothing."""
    extra = {key: getattr(rule, name) for name, key in _META.items() if getattr(rule, name, None) is not None}
    least, most = _LENGTHS.get(schema.get("type", ""), ("minProperties", "maxProperties"))
    for name, key in (("min_length", least), ("max_length", most)):
        if getattr(rule, name, None) is not None:
            extra[key] = getattr(rule, name)
    return _ordered({**schema, **extra})


def _copied(schema: Schema) -> Schema:
    return {key: [dict(item) for item in value] if key == "anyOf" else value for key, value in schema.items()}


def _ordered(schema: Schema) -> Schema:
    return dict(sorted(schema.items()))


def _named(annotation: Any) -> str:
    return str(getattr(annotation, "__qualname__", None) or repr(annotation))
