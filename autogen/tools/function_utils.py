"""0.2's module `autogen.function_utils`: its names and results over ours.

Refuses to decide anything: `schema.py`, `signature.py` and `serialize.py` do. The three models that 0.2 showed
(`Function`, `Parameters`, `ToolFunction`) are pydantic models, made when somebody asks for them.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from autogen.core.callables import is_async
from autogen.tools import signature as _signature
from autogen.tools.schema import get_function_schema, logger, parameter_schema
from autogen.tools.serialize import serialize_to_str
from autogen.tools.shapes import shape_of
from autogen.tools.type_schema import shape_schema

if TYPE_CHECKING:
    import inspect

    from autogen.tools.function_models import Function, Parameters, ToolFunction

__all__ = [
    "Function", "Parameters", "T", "ToolFunction", "get_default_values", "get_function_schema",
    "get_load_param_if_needed_function", "get_missing_annotations", "get_param_annotations",
    "get_parameter_json_schema", "get_parameters", "get_required_params", "get_typed_annotation",
    "get_typed_return_annotation", "get_typed_signature", "load_basemodels_if_needed", "logger", "model_dump",
    "model_dump_json", "serialize_to_str", "type2schema",
]  # fmt: skip

T = TypeVar("T")


def __getattr__(name: str) -> Any:
    if name in ("Function", "Parameters", "ToolFunction"):
        from autogen.tools import function_models

        return getattr(function_models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def type2schema(t: Any) -> dict[str, Any]:
    """The JSON Schema of a type."""
    return shape_schema(shape_of(t))


def get_typed_annotation(annotation: Any, globalns: dict[str, Any]) -> Any:
    """An annotation with its string resolved in `globalns`; a ForwardRef when it names nothing."""
    return _signature.resolve(annotation, globalns)


def get_typed_signature(call: Callable[..., Any]) -> "inspect.Signature":
    """The signature of `call` with string annotations resolved."""
    import inspect

    raw = inspect.signature(call)
    scope = _signature.namespaces(call)
    parameters = [p.replace(annotation=_signature.resolve(p.annotation, *scope)) for p in raw.parameters.values()]
    return inspect.Signature(parameters)


def get_typed_return_annotation(call: Callable[..., Any]) -> Any:
    """The resolved return annotation; None without one."""
    returns = _signature.read_signature(call).returns
    return None if returns is _signature.MISSING else returns


def get_param_annotations(typed_signature: "inspect.Signature") -> dict[str, Any]:
    """Annotations of the annotated parameters."""
    return {k: p.annotation for k, p in typed_signature.parameters.items() if p.annotation is not p.empty}


def get_required_params(typed_signature: "inspect.Signature") -> list[str]:
    """Names of the parameters without a default."""
    return [k for k, p in typed_signature.parameters.items() if p.default is p.empty]


def get_default_values(typed_signature: "inspect.Signature") -> dict[str, Any]:
    """Defaults of the parameters that have one."""
    return {k: p.default for k, p in typed_signature.parameters.items() if p.default is not p.empty}


def get_missing_annotations(typed_signature: "inspect.Signature", required: list[str]) -> tuple[set[str], set[str]]:
    """Names of unannotated parameters: (required ones, others)."""
    bare = {k for k, p in typed_signature.parameters.items() if p.annotation is p.empty}
    return bare & set(required), bare - set(required)


def get_parameter_json_schema(k: str, v: Any, default_values: dict[str, Any]) -> dict[str, Any]:
    """The schema of parameter `k` of type `v`, with its default and description."""
    return parameter_schema(_signature.Parameter(k, v, default_values.get(k, _signature.MISSING)))


def get_parameters(
    required: list[str], param_annotations: dict[str, Any], default_values: dict[str, Any]
) -> "Parameters":
    """The schema of all annotated parameters."""
    from autogen.tools.function_models import Parameters

    properties = {k: get_parameter_json_schema(k, v, default_values) for k, v in param_annotations.items()}
    return Parameters(properties=properties, required=required)


def model_dump(model: Any) -> dict[str, Any]:
    """A pydantic model as a dict."""
    dumped: dict[str, Any] = model.model_dump()
    return dumped


def model_dump_json(model: Any) -> str:
    """A pydantic model as JSON text."""
    return str(model.model_dump_json())


def get_load_param_if_needed_function(t: Any) -> Callable[[Any, Any], Any] | None:
    """How a value becomes a `t`: a loader `(value, model class) -> model` for pydantic models, else None."""
    import typing

    if typing.get_origin(t) is typing.Annotated:
        t = typing.get_args(t)[0]
    if not (isinstance(t, type) and hasattr(t, "model_fields")):
        return None

    def load_base_model(value: Any, model: Any) -> Any:
        return value if isinstance(value, model) else model(**value)

    return load_base_model


def load_basemodels_if_needed(func: Callable[..., Any]) -> Callable[..., Any]:
    """A wrapper of `func` that builds its pydantic parameters from dicts.

    A coroutine function gives a coroutine function. The original is its `__wrapped__`.
    """
    import typing

    read = _signature.read_signature(func)
    loaders: dict[str, Callable[[Any], Any]] = {}
    for parameter in read.parameters:
        load = get_load_param_if_needed_function(parameter.annotation)
        if load is not None:
            kind = parameter.annotation
            kind = typing.get_args(kind)[0] if typing.get_origin(kind) is typing.Annotated else kind
            loaders[parameter.name] = functools.partial(_loaded, load, kind)
    order = [parameter.name for parameter in read.parameters]

    def prepared(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if loaders:
            ordered = [loaders.get(name, _same)(value) for name, value in zip(order, args, strict=False)]
            args = (*ordered, *args[len(order) :])
            kwargs = {name: loaders.get(name, _same)(value) for name, value in kwargs.items()}
        return args, kwargs

    if is_async(func):

        @functools.wraps(func)
        async def loaded_async(*args: Any, **kwargs: Any) -> Any:
            args, kwargs = prepared(args, kwargs)
            return await func(*args, **kwargs)

        return loaded_async

    @functools.wraps(func)
    def loaded(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = prepared(args, kwargs)
        return func(*args, **kwargs)

    return loaded


def _loaded(load: Callable[[Any, Any], Any], kind: Any, value: Any) -> Any:
    return load(value, kind) if isinstance(value, dict) else value


def _same(value: Any) -> Any:
    return value
