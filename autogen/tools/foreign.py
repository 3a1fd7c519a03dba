"""The one door to pydantic: its adapter for a type of its own, made once. Imports pydantic when first asked."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from autogen.tools.errors import UnsupportedType

if TYPE_CHECKING:
    from pydantic import TypeAdapter


def adapter(annotation: Any) -> "TypeAdapter[Any]":
    """pydantic's adapter for `annotation`. Raises UnsupportedType when pydantic refuses the type."""
    try:
        hash(annotation)
    except TypeError:  # metadata without a hash
        return _made(annotation)
    return _cached(annotation)


@lru_cache(maxsize=256)
def _cached(annotation: Any) -> "TypeAdapter[Any]":
    return _made(annotation)


def _made(annotation: Any) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    try:
        return TypeAdapter(annotation)
    except PydanticUserError as error:
        raise _refused(annotation, error.message or str(error)) from None


def foreign_schema(annotation: Any) -> dict[str, Any]:
    """pydantic's JSON Schema of a type of its own; the caller may change it. Raises UnsupportedType."""
    from pydantic.errors import PydanticUserError

    try:
        return adapter(annotation).json_schema()
    except PydanticUserError as error:
        raise _refused(annotation, error.message or str(error)) from None


def _refused(annotation: Any, reason: str) -> UnsupportedType:
    name = str(getattr(annotation, "__qualname__", None) or repr(annotation))
    return UnsupportedType(name, f"is refused by pydantic ({reason})")
