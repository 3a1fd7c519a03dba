"""Tells a conversation that goes nowhere from one that goes on.

A round is one message of each side. It brings nothing when every message in it is empty, a bare courtesy, or equal
to what its author said before, with no tool, code or person in between; three such rounds in a row are no progress.
Repeating one tool call with one result is watched apart. Pure: fed by the conversation, asks nobody.
"""

import re
from collections.abc import Iterable

ROUNDS = 3
NOTICE_AT = 3
STOP_AT = 5

_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_COURTESY = frozenset(
    "a again all always an and any anytime are assistance be best bye care chat day feel for free glad good goodbye "
    "great "
    "happy hear help helped helpful hesitate here i if in is it's it job know let luck many me more most much my need "
    "nice no of ok okay other out pleasure problem questions reach so sure take thank thanks that that's the there "
    "time to too useful very was welcome well wish with wonderful worries you you'd you're your i'm further ask "
    "anything else have don't do not could can assist appreciated appreciate it".split()
)
_COURTESY_MARKS = frozenset(
    "thank thanks welcome goodbye bye glad pleasure happy anytime appreciate appreciated".split()
)


def normalise(text: str) -> str:
    """`text` without case, punctuation and spacing; "" when it is empty or a bare courtesy."""
    if len(text) > 20_000:
        return text
    words = _WORD.findall(text.casefold().replace("’", "'"))
    if len(words) <= 30 and not _COURTESY_MARKS.isdisjoint(words) and _COURTESY.issuperset(words):
        return ""
    return " ".join(words) if words else re.sub(r"\s+", "", text)


class ProgressWatch:
    """Counts rounds without progress in one two-party conversation."""

    __slots__ = ("_last", "_stale")

    def __init__(self) -> None:
        self._last: dict[str, str] = {}
        self._stale = 0

    def effect(self) -> None:
        """A tool, code or person acted: the count starts again."""
        self._stale = 0

    @property
    def stale(self) -> int:
        """Messages in a row that brought nothing."""
        return self._stale

    def message(self, author: str, text: str) -> bool:
        """Record a message; True when three rounds have brought nothing."""
        known = normalise(text)
        stale = not known or self._last.get(author) == known
        self._last[author] = known
        self._stale = self._stale + 1 if stale else 0
        return self._stale >= 2 * ROUNDS


class RepeatWatch:
    """Counts calls of one tool with the same arguments and the same result, those of one message included."""

    __slots__ = ("_seen", "over")

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str, str], int] = {}
        self.over: str | None = None
        """Why the chat is to end, once the results that told so have been handed over."""

    def call(self, tool: str, arguments: str, result: str) -> int:
        """How many times this call has now given this result."""
        key = (tool, arguments, result if len(result) <= 256 else _short(result))
        self._seen[key] = count = self._seen.get(key, 0) + 1
        return count

    def counts(self) -> dict[tuple[str, str, str], int]:
        """How often each call has given each result."""
        return dict(self._seen)

    def add(self, counts: Iterable[tuple[str, str, str, int]]) -> None:
        """Count calls that were made in another process."""
        for tool, arguments, result, number in counts:
            key = (tool, arguments, result)
            self._seen[key] = self._seen.get(key, 0) + number


def _short(result: str) -> str:
    """A long result for comparing; the same in every process."""
    from hashlib import blake2b

    return f"{len(result)}:{blake2b(result.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"
