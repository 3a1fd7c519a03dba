"""A secret that can be carried about without ever being shown.

Decides how an API key is held: revealed only by `reveal()`, which the wire adapters call while they write a header;
and which headers of the program's own carry one.
Refuses to be printed, compared for order, or pickled: a journal, log or error that reached it would keep it.
"""

import re
from collections.abc import Mapping
from typing import Any, NoReturn

from autogen.core.secrets import SHORTEST, declare, used


class Secret:
    """An API key or token. `repr` and `str` hide it; equal when the values are equal; copying gives the same object."""

    __slots__ = ("_fingerprint", "_value", "name")

    def __init__(self, value: str, name: str = "") -> None:
        self._value = value
        self._fingerprint = ""
        self.name = name
        """Of a declared one."""
        used(value)

    def reveal(self) -> str:
        """The value, for a header about to be written."""
        return self._value

    def fingerprint(self) -> str:
        """Sixteen hex digits that tell two secrets apart and reveal neither; for keys of limiters and pools."""
        if not self._fingerprint:
            from hashlib import sha256

            self._fingerprint = sha256(b"autogen-secret:" + self._value.encode()).hexdigest()[:16]
        return self._fingerprint

    def __repr__(self) -> str:
        return f"<secret {self.name}>" if self.name else "Secret('***')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Secret":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never pickled; give the other process the key by an environment variable")


def secret(name: str, value: str | None = None) -> Secret:
    """Declare a secret of the program: no journal holds it, its name stands wherever its value would.

    name: of the environment variable that holds it; with `value`, a name of your own for it.
    What it gives has a text form without the value; `reveal()` gives the value, where it is used. Give it as an
    `api_key`, or keep it where a tool can reach it. A tool's answer that holds the value is told without it.
    Raises ConfigError when the variable is not set or the value is too short to be found in texts.
    """
    from os import environ

    from autogen.core.errors import ConfigError

    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError("a secret needs a name of letters, digits, '_', '-' and '.'; got something else")
    found = environ.get(name) if value is None else value
    if not found:
        raise ConfigError(f"the secret {name!r} is not there: set the environment variable {name}, or give value=")
    if not isinstance(found, str) or len(found) < SHORTEST:
        raise ConfigError(f"the secret {name!r} must be text of {SHORTEST} characters or more, to be known in texts")
    declare(name, found)
    return Secret(found, name)


_NAME = re.compile(r"[\w.-]{1,100}")
_CARRIES = (
    "(?i)authori[sz]|authentic|(^|[-_])auth($|[-_])|(^|[-_]|api)key$|token|secret|cookie|passw|credential|signature"
)
"""Names of headers whose value is a secret."""
_PARTS = r"[\s;,=]+"
_WHOLE, _PART = 4, 8
"""Letters: what is shorter would be found in any text."""


def secrets_of(headers: Mapping[str, Any]) -> list[str]:
    """The secrets in these headers, the longest first: values, and the parts of `Bearer token` or `a=b; c=d`."""
    import re

    found: set[str] = set()
    for value in (str(value).strip() for name, value in headers.items() if re.search(_CARRIES, name)):
        found.update([value] if len(value) >= _WHOLE else [])
        found.update(part for part in re.split(_PARTS, value) if len(part) >= _PART)
    return sorted(found, key=len, reverse=True)
