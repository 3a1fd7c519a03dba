"""Decoded JSON of unknown make, read without trust: a dict or nothing, a list or nothing."""

from typing import Any


def as_dict(value: object) -> dict[str, Any]:
    """The value when it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def as_list(value: object) -> list[Any]:
    """The value when it is a JSON array, else an empty one."""
    return list(value) if isinstance(value, list) else []  # pyright: ignore[reportUnknownArgumentType,reportUnknownVariableType]
