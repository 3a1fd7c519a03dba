"""Which values of this process are secrets: those that the program declared, and the API keys that it uses.

Declared ones are hidden wherever a journal writes; keys, too, in errors and exports. Never shows a value. Refuses to
know journals and models.
"""

import json
from collections.abc import Iterator
from typing import Final

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")
SHORTEST: Final = 8
"""Characters; a shorter value stands in too many places by chance."""

MOST_USED: Final = 256
"""API keys that are remembered: tokens that a provider makes anew are many."""

_declared: dict[str, str] = {}
"""Value -> name."""
_used: dict[str, None] = {}
_forms: list[tuple[bytes, bytes]] = []
"""(what a declared value may be written as, what stands for it), the longest first."""


def declare(name: str, value: str) -> None:
    """From now on the value is hidden."""
    if _declared.get(value) == name:
        return
    _declared[value] = name
    made = {form.encode("utf-8", "surrogatepass"): f"[secret {name}]".encode() for form in forms_of(value)}
    _forms.extend(pair for pair in made.items() if pair not in _forms)
    _forms.sort(key=lambda pair: -len(pair[0]))


def used(value: str) -> None:
    """An API key of the program."""
    if len(value) < SHORTEST or value in _used:
        return
    while len(_used) >= MOST_USED:
        _used.pop(next(iter(_used)), None)
    _used[value] = None


def known() -> list[str]:
    """All of them, for who takes them out of errors and exports."""
    return [*_declared, *_used]


def any_declared() -> bool:
    return bool(_declared)


def hide(data: bytes) -> bytes:
    """Text or JSON without the declared secrets: their names stand in their places."""
    for form, instead in _forms:
        if form in data:
            data = data.replace(form, instead)
    return data


def hide_text(text: str) -> str:
    """The same for a text."""
    return hide(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass") if _forms else text


def forms_of(value: str, layers: int = 3) -> Iterator[str]:
    """A secret as it is, as it stands in JSON, in JSON inside JSON, in a URL, and in bytes read one by one."""
    yield value
    for ascii_only in (False, True):
        form = value
        for _ in range(layers):
            form = json.dumps(form, ensure_ascii=ascii_only)[1:-1]
            yield form
    if not any("\ud800" <= character <= "\udfff" for character in value):
        yield _in_url(value)
        yield value.encode().decode("latin-1")


def _in_url(value: str) -> str:
    """As a part of a URL has it."""
    return "".join(chr(byte) if chr(byte) in _PLAIN else f"%{byte:02X}" for byte in value.encode())
