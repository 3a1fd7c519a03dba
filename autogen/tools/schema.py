"""What a model is told of a function: 0.2's `get_function_schema`, the one emitter of tool declarations.

Decides names, descriptions, defaults and what is required; `type_schema.py` knows types.
Refuses to know about agents and requests.
"""

import logging
from collections.abc import Callable
from typing import Any

from autogen.tools.docstrings import parameter_texts
from autogen.tools.errors import MissingAnnotations, UnsupportedType
from autogen.tools.serialize import json_form
from autogen.tools.shapes import shape_of
from autogen.tools.signature import MISSING, Parameter, Signature, described, read_signature
from autogen.tools.type_schema import Schema, shape_schema

logger = logging.getLogger("autogen.function_utils")
"""0.2's logger, by its name, so that a program's filters keep working."""


def get_function_schema(f: Callable[..., Any], *, name: str | None = None, description: str) -> dict[str, Any]:
    """The declaration of `f` in 0.2's form, byte for byte when dumped:

    {"type": "function", "function": {"description", "name", "parameters": {"type": "object", "properties",
    "required"}}}.
    A parameter is described by `Annotated[T, "text"]`, else by the docstring, else by its own name.
    Raises MissingAnnotations (a TypeError), InvalidDescription (a ValueError), UnsupportedType (a TypeError).
    """
    signature = read_signature(f)
    _check_annotations(signature)
    return {
        "type": "function",
        "function": {
            "description": description,
            "name": name or signature.name,
            "parameters": _parameters_schema(signature, parameter_texts(f)),
        },
    }


def _check_annotations(signature: Signature) -> None:
    if signature.returns is MISSING:
        logger.warning(
            "The return type of the function '%s' is not annotated. Although annotating it is optional, "
            "the function should return either a string, a subclass of 'pydantic.BaseModel'.",
            signature.name,
        )
    bare = [p for p in signature.parameters if p.annotation is MISSING and p.kind != "rest"]
    needed = tuple(p.name for p in bare if p.required)
    if needed:
        raise MissingAnnotations(signature.name, needed)
    if bare:
        logger.warning(
            "The following parameters of the function '%s' with default values are not annotated: %s.",
            signature.name,
            ", ".join(f"'{p.name}'" for p in bare),
        )


def parameters_schema(function: Callable[..., Any]) -> Schema:
    """The schema of the parameters alone. Raises InvalidDescription, UnsupportedType."""
    return _parameters_schema(read_signature(function), parameter_texts(function))


def _parameters_schema(signature: Signature, texts: dict[str, str]) -> Schema:
    properties: Schema = {}
    schema: Schema = {
        "type": "object",
        "properties": properties,
        "required": [p.name for p in signature.parameters if p.required],
    }
    for parameter in signature.parameters:
        if parameter.kind == "rest":
            more = {} if parameter.annotation is MISSING else _annotation_schema(signature.name, parameter)
            schema["additionalProperties"] = more or True
        elif parameter.annotation is not MISSING:
            properties[parameter.name] = parameter_schema(parameter, texts.get(parameter.name), signature.name)
    return schema


def parameter_schema(parameter: Parameter, text: str | None = None, function: str = "") -> Schema:
    """The schema of one parameter. `text` describes it when its annotation does not."""
    said = described(parameter.name, parameter.annotation)
    schema = _annotation_schema(function, parameter)
    if parameter.default is not MISSING:
        try:
            schema["default"] = json_form(parameter.default)
        except TypeError:
            schema.pop("default", None)  # it works in Python all the same; the model only cannot be shown it
    schema["description"] = said or text or parameter.name
    return schema


def _annotation_schema(function: str, parameter: Parameter) -> Schema:
    try:
        return shape_schema(shape_of(parameter.annotation))
    except UnsupportedType as error:
        where = f"parameter {parameter.name!r} of {function!r}" if function else f"parameter {parameter.name!r}"
        raise UnsupportedType(error.annotation, error.reason, where) from None


def hoist_definitions(parameters: Schema) -> Schema:
    """`parameters` with the `$defs` of each property moved to its root, where their `$ref`s point.

    0.2 left them inside the property, so strict providers could not resolve them; profiles may ask for this form.
    A name that two properties define differently stays where it is.
    """
    shared: Schema = {}
    properties: Schema = {}
    for name, schema in parameters.get("properties", {}).items():
        own = schema.get("$defs", {})
        if own and all(shared.get(key, value) == value for key, value in own.items()):
            shared.update(own)
            schema = {key: value for key, value in schema.items() if key != "$defs"}
        properties[name] = schema
    moved = {**parameters, "properties": properties}
    return {**moved, "$defs": shared} if shared else moved
