"""A run's log in this process: what is known of it, what is added, and whether it is still ours to carry on.

Decides which entry answers an effect and when a failure is tried again. Refuses to know how effects are performed
(`journaled.py`) and where rows are kept (a store).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from autogen.core.errors import LimitReached
from autogen.core.stop import StopReason
from autogen.runs.changes import Changes, changes_of
from autogen.runs.digest import Chains, of_bytes
from autogen.runs.errors import Diverged, Fenced
from autogen.runs.place import Place
from autogen.runs.rows import Answer, Entry, RunChange, RunRow
from autogen.runs.store import Store

OnHuman: TypeAlias = Literal["auto", "ask", "park"]
OnUnknown: TypeAlias = Literal["ask", "retry", "fail"]
OnConflict: TypeAlias = Literal["reject", "queue", "branch"]
OnDiverge: TypeAlias = Literal["fail", "fork"]


class Policy(Struct, frozen=True, kw_only=True):
    """What a journaled run does where there is a choice."""

    on_human: OnHuman = "auto"
    """auto: ask at once on a terminal or through an override, else park."""
    on_unknown: OnUnknown = "ask"
    """For a tool that must not run twice, when the process died inside it."""
    on_conflict: OnConflict = "reject"
    """When another process carries the run on."""
    on_diverge: OnDiverge = "fail"
    """When the program asks for something else than the journal holds."""
    lease: float = 15.0
    """Seconds after which a process that shows no life has lost the run."""
    restore: bool = False
    """Before a run first runs code in this process, its work directory's files are put back to where it stands."""


class RunLog:
    """The log of one run, claimed by this process for as long as it carries it on."""

    def __init__(
        self,
        store: Store,
        row: RunRow,
        *,
        policy: Policy,
        clock: Callable[[], float] = time.time,
        alive: bool = True,
        replay: bool = False,
    ) -> None:
        self.store, self.row, self.policy, self.clock = store, row, policy, clock
        self.before = row
        """The row as it was before it was claimed."""
        self.facts: Mapping[str, str] = row.facts
        """What holds for the program that carries it on."""
        self.changes: Changes = changes_of(row)
        self.inherited = row.fork_seq + self.changes.own if row.parent is not None else 0
        """The last entry that a fork took over from its parent, or was made with."""
        self.carrier: Callable[[], Any] = _nobody
        """The `Run` that is carried on by this log, if it is still there."""
        self.leaving = RLock()
        self.used: set[str] = set()
        """Addresses that were answered from the log in this process."""
        self.chains = Chains()
        self.requests: Any = None
        """Where exact requests are kept; made by `journaled.py`."""
        self.files: Any = None
        """What is known of the work directories' files; made by `journaled.py`."""
        self.cancelled = row.cancel
        self.lost = False
        self.closed = not alive
        """A closed log answers and adds nothing."""
        self.entries: dict[str, Entry] = {}
        self.last_in: dict[str, int] = {}
        """By branch: its last entry, so that a failure that nothing followed is known."""
        self.spent_seconds = 0.0
        self.result = row.result
        """What its entry function returned, encoded."""
        self.performed = 0
        """Effects that this process performed; 0 after a recall of a finished run."""
        self.replay = replay
        """Nothing is performed: what the log does not hold is a divergence."""
        self.ended = replay or row.status in ("done", "cancelled")
        for entry in store.read(row.id):
            self._note(entry)
        if self.changes.changed and (known := self.entries.get(self.changes.at)) is None or (
            row.parent is not None and self.changes.own and self._last < self.inherited
        ):
            raise Damaged(f"the fork {row.id!r}", "what it changes was never written; fork again")
        self.answers: dict[str, Answer] = store.answers(row.id)
        self.seed, self.began = self._origin()
        """Id and beginning of the run that it comes from in the end: chance and time are those of that run."""

    @property
    def id(self) -> str:
        return self.row.id

    def root(self) -> Place:
        """The outermost branch."""
        return Place(self, "", self.row.created)

    def find(
        self,
        address: str,
        digest: str,
        shown: Callable[[], str],
        difference: Callable[[Entry], tuple[str, str]] | None = None,
    ) -> Entry | None:
        """What answers the effect at this address; None when it has to be performed.

        Raises Diverged when another request was recorded there, LimitReached when the run was cancelled, Fenced when
        it was lost to another process.
        """
        entry = self.entries.get(address)
        if entry is None:
            if self.replay:
                raise Diverged(self.id, address, "nothing: the recording does not come here", shown())
            self.check()
            return None
        if entry.digest != digest:
            recorded, now = (_told(entry), shown()) if difference is None else difference(entry)
            raise Diverged(self.id, address, recorded, now)
        if self.replay and entry.state in ("started", "waiting"):
            raise Diverged(self.id, address, f"nothing: the recording ends in this {entry.kind}", shown())
        if entry.state == "failed" and not self.ended and not self._followed(entry):
            return None
        return entry

    def check(self) -> None:
        """Refuse to perform anything for a run that is not ours any more, or that is to end."""
        if self.lost:
            raise Fenced(self.id, self.generation)
        if self.cancelled:
            raise LimitReached(StopReason.CANCELLED.value, f"run {self.id!r} was cancelled")

    def attempt(self, address: str) -> int:
        """The number of the next attempt at this effect, from 1."""
        known = self.entries.get(address)
        return 1 if known is None else known.attempt + (known.state != "waiting")

    def add(self, entry: Entry, blobs: Mapping[str, bytes] = {}) -> None:
        """Write an entry. Raises Fenced when another process has taken the run over; then nothing is written."""
        if self.lost:
            raise Fenced(self.id, self.generation)
        try:
            (seq,) = self.store.append(self.id, self.generation, (entry,), blobs)
        except Fenced:
            self.lost = True
            raise
        self.performed += entry.state == "done"
        self._note(_numbered(entry, seq))

    def settle(self, change: RunChange) -> None:
        """Write how the run ended and let it go."""
        self.closed = True
        if not self.lost:
            self.store.settle(self.id, self.generation, change)

    def key(self, address: str) -> str:
        """The idempotency key of an effect: the same for every attempt, another one for every run."""
        return of_bytes(self.id.encode(), address.encode())

    def _note(self, entry: Entry) -> None:
        before = self.entries.get(entry.address)
        self.entries[entry.address] = entry
        self.last_in[_branch(entry.address)] = entry.seq
        if entry.state in ("done", "failed") and entry.kind != "human" and before is not entry:
            self.spent_seconds += max(0.0, entry.ended - entry.started)

    def _followed(self, entry: Entry) -> bool:
        """Did the conversation go on after this failure, in its branch or one that it belongs to?"""
        branch = _branch(entry.address)
        while True:
            if self.last_in.get(branch, 0) > entry.seq:
                return True
            if not branch:
                return False
            branch = _branch(branch[:-1])


def _branch(address: str) -> str:
    """`a/1/b/2` -> `a/1/`: the branch that an effect stands in."""
    head = address.rpartition("/")[0].rpartition("/")[0]
    return f"{head}/" if head else ""


def _numbered(entry: Entry, seq: int) -> Entry:
    from msgspec.structs import replace

    return replace(entry, seq=seq)


def _told(entry: Entry) -> str:
    detail = entry.detail.decode("utf-8", "replace")
    text = f"{entry.kind} {entry.label} of {entry.agent} {detail}".strip()
    return text if len(text) <= 320 else f"{text[:160]} … {text[-150:]}"
