"""Names of tools: the rule that every provider accepts, with 0.2's texts. Refuses to know what is named."""

import re

from autogen.core.errors import ConfigError

_OUTSIDE = re.compile(r"[^a-zA-Z0-9_-]")
LONGEST = 64


def normalize_name(name: str) -> str:
    """The nearest allowed name: other characters become `_`, cut at 64. For names that a model made up."""
    return _OUTSIDE.sub("_", name)[:LONGEST]


def assert_valid_name(name: str) -> str:
    """`name`, if it is 1 to 64 of letters, digits, `_` and `-`; else ConfigError (a ValueError), as in 0.2."""
    if not name or _OUTSIDE.search(name):
        raise ConfigError(f"Invalid name: {name}. Only letters, numbers, '_' and '-' are allowed.")
    if len(name) > LONGEST:
        raise ConfigError(f"Invalid name: {name}. Name must be less than 64 characters.")
    return name
