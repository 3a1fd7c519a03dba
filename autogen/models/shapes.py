"""Decoded JSON of unknown make, read without trust: a dict or nothing, a list or nothing."""

from collections.abc import Iterable
from typing import Any, cast


def as_dict(value: object) -> dict[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value when it is a JSON array, else an empty one."""
    return list(cast("Iterable[Any]", value)) if isinstance(value, list) else []
