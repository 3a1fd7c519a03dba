"""What was heard, in order: a line of code belongs to whoever said it first.

Trusted voices are the program, persons and models; tools, files, the web and the output of code are not. So a model's
own line stays its own when a traceback shows it later, and a page's line stays the page's when a model repeats it.
Quoted text neither owns nor spoils a line: who said it first is known, or nobody knows it.

One `Heard` for each run, and one for what its agents remember of earlier ones, linked by `before`. What is remembered
is bounded: of texts that are too many only hashes of their lines stay. Refuses to know what follows for a block
(`conversation/code_turn.py`) and how lines are compared (`core/provenance.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from autogen.core.model import Origin

if TYPE_CHECKING:
    from autogen.core.provenance import Shown

UNTRUSTED: Final[frozenset[Origin]] = frozenset({"tool", "code", "retrieved"})
"""Content that nobody in the conversation vouches for."""
TRUSTED: Final[frozenset[Origin]] = frozenset({"program", "human", "model"})

MOST_TEXT: Final = 32_768
"""Characters of texts that are remembered as they are."""
MOST_LINES: Final = 16_384
"""Lines whose owners are remembered; the oldest are forgotten first."""
MOST_RUNS: Final = 16
"""Runs that a session remembers, and runs of an agent that are kept one by one."""
LONG_ENOUGH: Final = 16
"""Characters of a text by which it is known inside another one."""

Whose: TypeAlias = Literal["own", "copied", "unknown"]


class Heard:
    """Who said what, in order. Texts are looked into when somebody asks about a block, not before."""

    __slots__ = ("_folded", "_out", "_owners", "_said", "_shown", "before", "untrusted")

    def __init__(self, before: "Heard | None" = None) -> None:
        self.before = before
        """What was said before any of this."""
        self.untrusted = False
        """Was anything said that nobody vouches for?"""
        self._said: list[tuple[bool, str]] = []
        """(trusted, text)"""
        self._folded = 0
        """So many of `_said` are looked into."""
        self._owners: dict[int, bool] = {}
        """Commands by hash: were they said by a trusted voice first?"""
        self._shown: list[Shown] = []
        """Untrusted texts, without lines that had been said before."""
        self._out: tuple[int, tuple[str, ...]] | None = None
        """What `handed_out` gave when so much had been said."""

    def say(self, origin: Origin, said: Iterable[str]) -> None:
        """Note what a voice said. Quoted text is nobody's."""
        if origin in UNTRUSTED:
            self.untrusted = True
            self._said += [(False, text) for text in said]
        elif origin in TRUSTED:
            self._said += [(True, text) for text in said]

    def absorb(self, other: "Heard") -> None:
        """Note all that was said in `other`, a run that is over."""
        self._said += other._said
        self.untrusted = self.untrusted or other.untrusted

    def count(self) -> int:
        """How much was said here so far."""
        return len(self._said)

    def since(self, upto: int) -> list[tuple[bool, str]]:
        """(trusted, text) of what was said after the first `upto`."""
        return self._said[upto:]

    def say_again(self, said: Iterable[tuple[bool, str]]) -> None:
        """Note what `since` gave in another process."""
        for trusted, text in said:
            self.untrusted = self.untrusted or not trusted
            self._said.append((trusted, text))

    def handed_out(self) -> Sequence[str]:
        """Texts of here that are known when a program hands them on, as a summary has them."""
        upto = len(self._said)
        if self._out is None or self._out[0] != upto:
            worth = [text for trusted, text in self._said[:upto] if not trusted or "`" in text]
            texts = [text.replace("TERMINATE", "").strip() for text in worth if len(text) >= LONG_ENOUGH]
            self._out = (upto, tuple([text for text in texts if len(text) >= LONG_ENOUGH]))
        return self._out[1]

    def texts(self) -> set[str]:
        """All texts that were said here."""
        return {text for _, text in self._said}

    def _length(self) -> int:
        return sum(len(text) for _, text in self._said)

    def _chain(self) -> Iterator["Heard"]:
        one: Heard | None = self
        while one is not None:
            yield one
            one = one.before

    def any_untrusted(self) -> bool:
        """Was anything untrusted said here or before?"""
        return any(one.untrusted for one in self._chain())

    def whose(self, code: str) -> Whose:
        """Whose is this block? "own": every line of it was said by a trusted voice first; "copied": see
        `mostly_copied`, or it stands in an untrusted text as a whole; else "unknown".
        """
        from autogen.core.provenance import commands, key, mostly_copied

        self._fold()
        lines = commands(code)
        known = {line: self._owner(line, key(line)) for line in set(lines)}
        owners = [known[line] for line in lines]
        if lines and all(owners):
            return "own"
        copied = [owner is False for owner in owners]
        return "copied" if mostly_copied(lines, copied) or self._stands(code) else "unknown"

    def trim(self) -> None:
        """Keep no more than the bounds allow: texts that are too many become hashes of their lines."""
        chain = list(self._chain())
        if len(chain) > MOST_RUNS or sum(map(Heard._length, chain)) > MOST_TEXT:
            self._fold()
            owners: dict[int, bool] = {}
            for one in reversed(chain):
                for command, trusted in one._owners.items():
                    owners.setdefault(command, trusted)
            self._shown = [text for one in reversed(chain) for text in one._shown]
            self._owners, self.untrusted, self.before = owners, self.any_untrusted(), None
        if self._length() > MOST_TEXT:
            self._fold()
            self._said.clear()
            self._out = None
            self._folded = 0
        kept = 0
        for index in range(len(self._shown) - 1, -1, -1):
            kept += len(self._shown[index].visible)
            if kept > MOST_TEXT:
                del self._shown[: index + 1]
                break
        for oldest in list(self._owners)[: max(len(self._owners) - MOST_LINES, 0)]:
            del self._owners[oldest]

    def take_as_past(self, others: Iterable["Heard"]) -> None:
        """Note conversations that went on beside one another: what is untrusted in one is untrusted in all."""
        looked = list(dict.fromkeys(one for other in others for one in other._chain()))
        for other in looked:
            other._fold()
            self.untrusted = self.untrusted or other.untrusted
            self._shown += other._shown
        for first in (False, True):
            for other in looked:
                for command, trusted in other._owners.items():
                    if trusted is first:
                        self._owners.setdefault(command, trusted)

    def _fold(self) -> None:
        """Look into what was said since the last time. Runs in other threads may do the same: each makes its own."""
        if self.before is not None:
            self.before._fold()
        upto = len(self._said)
        if self._folded == upto:
            return
        made = Heard(self.before)
        made._owners, made._shown = dict(self._owners), list(self._shown)
        for trusted, text in self._said[self._folded : upto]:
            if trusted:
                made._take_in_own(text)
            else:
                made._take_in(text)
        self._owners, self._shown = made._owners, made._shown
        self._folded = upto

    def _take_in_own(self, text: str) -> None:
        from autogen.core.provenance import commands, key

        for line in commands(text):
            number = key(line)
            if self._known(number) is None:
                self._owners[number] = self._owner(line, number) is not False

    def _take_in(self, text: str) -> None:
        """Note an untrusted text: its lines are untrusted, but those that were said before."""
        from autogen.core.provenance import commands, key, readings, shown

        for reading in readings(text):
            strange: list[str] = []
            for line in reading.replace("Code output: ", "\n", 1).splitlines():
                numbers = [key(command) for command in commands(line)]
                if not numbers or not all(map(self._known, numbers)):
                    strange.append(line)
                for number in numbers:
                    if self._known(number) is None:
                        self._owners[number] = False
            self._shown.append(shown("\n".join(strange)))

    def _known(self, number: int) -> bool | None:
        for one in reversed(tuple(self._chain())):
            if (found := one._owners.get(number)) is not None:
                return found
        return None

    def _owner(self, command: str, number: int) -> bool | None:
        """Who said it first: a trusted voice (True), an untrusted one (False), nobody (None)."""
        from autogen.core.provenance import telling

        known = self._known(number)
        return False if known is None and telling(command) and self._stands(command) else known

    def _stands(self, code: str) -> bool:
        from autogen.core.provenance import stands_in

        return stands_in(code, self._shown) or (self.before is not None and self.before._stands(code))


def handed(text: str, earlier: Iterable[Heard], quoted: bool) -> Iterator[Heard]:
    """Those of `earlier` whose words stand in `text`: untrusted ones, or some with code in them.

    quoted: words that are nothing but code count, too. A program that has such code of its own did not hear it there.
    """
    for one in earlier:
        if any(said in text and (quoted or _prose(said)) for said in one.handed_out()):
            yield one


def _prose(text: str) -> bool:
    outside = "".join(text.split("```")[::2])
    return len(outside.strip()) >= LONG_ENOUGH
