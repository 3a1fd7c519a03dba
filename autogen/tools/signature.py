"""The parameters of a function as a model may fill them: resolved types, texts, defaults.

Decides what of a function the model sees: not `self`, not what functools.partial has bound, not `*args`.
Refuses to know about JSON. Imports `inspect` only when asked.
"""

import functools
import typing
from collections.abc import Callable
from typing import Any, Literal, cast

from msgspec import Struct

from autogen.tools.errors import InvalidDescription, UnsupportedType
from autogen.tools.idempotency import is_key


class _Missing(Struct, frozen=True):
    def __repr__(self) -> str:
        return "MISSING"


MISSING = _Missing()
"""No annotation, no default."""


class Parameter(Struct, frozen=True, eq=False):
    """One parameter that the model may fill."""

    name: str
    annotation: Any
    """Resolved, or MISSING; a name that cannot be resolved stays a ForwardRef."""
    default: Any = MISSING
    kind: Literal["named", "positional", "rest"] = "named"
    """rest: `**kwargs`, whose annotation is that of each value."""

    @property
    def required(self) -> bool:
        return self.default is MISSING and self.kind != "rest"


class Signature(Struct, frozen=True, eq=False):
    name: str
    parameters: tuple[Parameter, ...]
    returns: Any = MISSING
    keys: tuple[str, ...] = ()
    """Names of the parameters that take an idempotency key."""


def function_name(function: Any) -> str:
    """The name a tool has when none is given: of the function, of what a partial binds, of an object's class."""
    for _ in range(32):
        name = getattr(function, "__name__", None)
        if isinstance(name, str):
            return name
        inner = getattr(function, "func", None)
        if inner is None:
            return type(function).__name__
        function = inner
    return type(function).__name__


def read_signature(function: Callable[..., Any]) -> Signature:
    """What `function` takes. Raises UnsupportedType when Python cannot tell (some builtins)."""
    import inspect

    try:
        raw = inspect.signature(function)
    except (TypeError, ValueError) as error:
        raise UnsupportedType(function_name(function), f"has no readable signature ({error})") from None
    scope = namespaces(function)
    bound = _bound_by_partial(function)
    kinds: dict[Any, Literal["named", "positional", "rest"]] = {
        inspect.Parameter.POSITIONAL_ONLY: "positional",
        inspect.Parameter.POSITIONAL_OR_KEYWORD: "named",
        inspect.Parameter.KEYWORD_ONLY: "named",
        inspect.Parameter.VAR_KEYWORD: "rest",
    }
    read = [
        Parameter(
            parameter.name,
            MISSING if parameter.annotation is parameter.empty else resolve(parameter.annotation, *scope),
            MISSING if parameter.default is parameter.empty else parameter.default,
            kinds[parameter.kind],
        )
        for parameter in raw.parameters.values()
        if parameter.kind in kinds and parameter.name not in bound
    ]
    filled = [parameter for parameter in read if is_key(parameter.annotation)]
    for parameter in filled:
        if parameter.kind != "named":
            raise UnsupportedType(
                "IdempotencyKey", "needs a parameter that can be given by name", function_name(function)
            )
    parameters = tuple(parameter for parameter in read if not is_key(parameter.annotation))
    returns = MISSING if raw.return_annotation is raw.empty else resolve(raw.return_annotation, *scope)
    return Signature(function_name(function), parameters, returns, tuple(parameter.name for parameter in filled))


def namespaces(function: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Where the names in a function's annotations are looked up: its module, and what it closes over."""
    for _ in range(32):
        inner = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        inner = inner or getattr(function, "__func__", None)
        if inner is None:
            break
        function = inner
    if not hasattr(function, "__globals__") and not isinstance(function, type):
        function = getattr(type(function).__call__, "__func__", type(function).__call__)
    code: Any = getattr(function, "__code__", None)
    cells: Any = getattr(function, "__closure__", None)
    closed: dict[str, Any] = {}
    if code is not None and cells:
        for name, cell in zip(code.co_freevars, cells, strict=True):
            try:
                closed[name] = cell.cell_contents
            except ValueError:  # not filled yet
                continue
    return getattr(function, "__globals__", {}), closed


def resolve(annotation: Any, names: dict[str, Any], local: dict[str, Any] | None = None) -> Any:
    """An annotation with its strings replaced by what they name; a ForwardRef when a name is not known."""
    if isinstance(annotation, type) and not typing.get_args(annotation):
        return annotation
    import types

    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        resolved = typing.get_type_hints(holder, names, local or {}, include_extras=True)["it"]
    except (NameError, AttributeError, TypeError, SyntaxError):
        return typing.ForwardRef(annotation) if isinstance(annotation, str) and annotation.strip() else annotation
    return None if annotation is None else resolved


def described(parameter: str, annotation: Any) -> str | None:
    """The text of `Annotated[T, "text"]`; None without one. Raises InvalidDescription for other things than text.

    A pydantic `Field` or `msgspec.Meta` counts as text when it has a description, and is accepted without one.
    """
    if typing.get_origin(annotation) is not typing.Annotated:
        return None
    first = annotation.__metadata__[0]
    if isinstance(first, str):
        return first
    texts = [extra for extra in annotation.__metadata__ if isinstance(extra, str)]
    for extra in annotation.__metadata__:
        text = getattr(extra, "description", None)
        if isinstance(text, str):
            texts.append(text)
    if texts:
        return texts[0]
    if type(first).__module__.partition(".")[0] in ("builtins", "typing"):
        raise InvalidDescription(parameter, str(first))
    return None


def _bound_by_partial(function: Any) -> set[str]:
    names: set[str] = set()
    for _ in range(32):
        if not isinstance(function, functools.partial):
            break
        names |= function.keywords.keys()
        function = cast("Any", function).func
    return names
