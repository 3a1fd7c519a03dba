"""What must be the same for a run to go on: its facts, and how a difference between them is told.

A fact is a name and a digest. Beside some stands a head: how its text begins, for people, so that both sides of a
difference can be shown. Heads decide nothing. Refuses to know what the facts are of.
"""

from collections.abc import Mapping
from typing import Final

from autogen.core.secrets import hide_text

MOST: Final = 160
"""Characters of a head."""
_HEAD: Final = "head of "


def head_of(name: str, text: str) -> dict[str, str]:
    """The head that stands beside the fact of this name. Declared secrets are hidden, and no word is cut in two."""
    line = " ".join(hide_text(text).encode("utf-8", "replace").decode().split())
    if len(line) > MOST:
        line = f"{line[:MOST].rpartition(' ')[0]} …".lstrip()
    return {f"{_HEAD}{name}": line}


def same_facts(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Is this the same beginning?"""
    return _facts(one) == _facts(other)


def told_apart(recorded: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, str]:
    """What differs between two beginnings: how it was recorded, and how it is now."""
    before, after = _facts(recorded), _facts(now)
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return (
        "; ".join(_told("another ", name, recorded, after) for name in names),
        "; ".join(_told("", name, now, before) for name in names),
    )


def _told(another: str, name: str, facts: Mapping[str, str], other: Mapping[str, str]) -> str:
    if name not in facts:
        return f"no {name}"
    if name not in other:
        return name
    if name == "agents":
        return f"{another}{name}: {facts[name]}"
    head = facts.get(f"{_HEAD}{name}")
    if head is None:
        return f"{another}{name}" if another else f"{name} as the program gives it"
    return f"{another}{name}: {head!r}"


def _facts(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if not name.startswith(_HEAD)}
