"""A secret that can be carried about without ever being shown.

Decides how an API key is held: revealed only by `reveal()`, which the wire adapters call while they write a header;
and which headers of the program's own carry one.
Refuses to be printed, compared for order, or pickled: a journal, log or error that reached it would keep it.
"""

from collections.abc import Mapping
from typing import Any, NoReturn


class Secret:
    """An API key or token. `repr` and `str` hide it; equal when the values are equal; copying gives the same object."""

    __slots__ = ("_fingerprint", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._fingerprint = ""

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
        return "Secret('***')"

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
