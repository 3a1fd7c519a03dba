"""Which agent a text names: what a model answered when it was asked who speaks next.

Decides how tolerant that is: the very name, one mention of it, or an alias (other case, spaces, dashes or underscores,
written together). Two names are never one: who asked asks again. Refuses to know agents, models and groups.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

How: TypeAlias = Literal["exact", "mention", "alias", "several", "none"]

_THOUGHT: Final = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
"""What some models say to themselves first; every name may stand in it."""
_AROUND: Final = " \t\r\n\"'`*_.,:;!?()[]{}<>#-"
_WORD: Final = re.compile(r"[^\W_]+")
MOST_WORDS: Final = 8
"""Words of an alias."""


class Named(Struct, frozen=True):
    """What a text names. `name` is "" unless it is one agent; `names` are those that stand in it."""

    how: How
    name: str = ""
    names: tuple[str, ...] = ()


def mentions(text: str, names: Iterable[str]) -> dict[str, int]:
    """How often each name stands in `text` as a word of its own, as 0.2 counts: `_` also reads as a space or `\\_`."""
    found: dict[str, int] = {}
    for name in names:
        count = len(_spans(name, text))
        if count:
            found[name] = count
    return found


def named(text: str, names: Sequence[str]) -> Named:
    """The one agent of `names` that `text` names, or that it names several, or none."""
    said = _THOUGHT.sub(" ", text)
    bare = said.strip().replace("\\_", "_")
    for candidate in (bare, bare.strip(_AROUND)):
        if candidate in names:
            return Named("exact", candidate, (candidate,))
    spans = {name: _spans(name, said) for name in names}
    found = _outermost(spans)
    if found:
        return _one("mention", found)
    return _one("alias", _aliases(said, names))


def _one(how: How, found: Sequence[str]) -> Named:
    if not found:
        return Named("none")
    if len(found) > 1:
        return Named("several", names=tuple(found))
    return Named(how, found[0], tuple(found))


def _spans(name: str, text: str) -> list[tuple[int, int]]:
    forms = dict.fromkeys((name, name.replace("_", " "), name.replace("_", "\\_")))
    pattern = "|".join(re.escape(form) for form in forms)
    return [match.span(1) for match in re.finditer(rf"(?<=\W)({pattern})(?=\W)", f" {text} ")]


def _outermost(spans: Mapping[str, list[tuple[int, int]]]) -> list[str]:
    """The names with a mention that is no part of another name's: of "Ann Lee", Ann was not meant."""
    every = [span for known in spans.values() for span in known]
    return [
        name
        for name, known in spans.items()
        if any(not any(other != one and other[0] <= one[0] and one[1] <= other[1] for other in every) for one in known)
    ]


def _aliases(text: str, names: Sequence[str]) -> list[str]:
    """The names that stand in `text` in other letters: words are compared without case, and as if written together."""
    keys: dict[str, list[str]] = {}
    for name in names:
        key = "".join(_WORD.findall(name.casefold()))
        if key:
            keys.setdefault(key, []).append(name)
    words = _WORD.findall(text.casefold())
    spans: dict[str, list[tuple[int, int]]] = {}
    for first in range(len(words)):
        joined = ""
        for last in range(first, min(first + MOST_WORDS, len(words))):
            joined += words[last]
            for name in keys.get(joined, ()):
                spans.setdefault(name, []).append((first, last + 1))
    return _outermost(spans)
