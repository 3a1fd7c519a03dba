"""A run's log in this process: what is known of it, what is added, and whether it is still ours to carry on.

Decides which entry answers an effect and when a failure is tried again. Refuses to know how effects are performed
(`journaled.py`) and where rows are kept (a store).
"""

import time
from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import force_setattr

from autogen.core.errors import LimitReached
from autogen.core.secrets import any_declared, hide, hide_text
from autogen.core.stop import StopReason
from autogen.runs.changes import Changes, changes_of
from autogen.runs.digest import Chains, key_at
from autogen.runs.errors import Damaged, Diverged, Fenced
from autogen.runs.meant import Meant
from autogen.runs.place import Place, branch_of
from autogen.runs.rows import Answer, Entry, RunChange, RunRow
from autogen.runs.store import Store

OnHuman: TypeAlias = Literal["auto", "ask", "park"]
OnUnknown: TypeAlias = Literal["ask", "retry", "fail"]
OnConflict: TypeAlias = Literal["reject", "queue", "branch"]
OnDiverge: TypeAlias = Literal["fail", "fork"]


LOOK_SECONDS: Final = 0.1
"""After so long a run looks whether somebody asked for its end, before it performs anything further."""


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
    ask_expires: float | None = None
    """Seconds after which a parked question takes no answer any more and is asked anew; None: never."""
    lease: float = 15.0
    """Seconds after which a process that shows no life has lost the run."""
    restore: bool = False
    """Before a run first runs code in this process, its work directory's files are put back to where it stands."""
    played: bool = False
    """A recorded run is played; nothing of what is done is kept."""


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
        self.meant = Meant()
        """Which agents its names stand for."""
        self.requests: Any = None
        """Where exact requests are kept; made by `journaled.py`."""
        self.files: Any = None
        """What is known of the work directories' files; made by `journaled.py`."""
        self.cancelled = row.cancel
        self.lost = False
        self._looked = 0.0
        self.closed = not alive
        """A closed log answers and adds nothing."""
        self.entries: dict[str, Entry] = {}
        self._inside: tuple[Mapping[str, Entry], Mapping[str, list[Entry]]] | None = None
        self.last_in: dict[str, int] = {}
        """By branch: its last entry, so that a failure that nothing followed is known."""
        self.result = row.result
        """What its entry function returned, encoded."""
        self.performed = 0
        """Effects that this process performed; 0 after a recall of a finished run."""
        self.replay = replay
        """Nothing is performed: what the log does not hold is a divergence."""
        self.ended = replay or row.status in ("done", "cancelled")
        for entry in store.read(row.id):
            self._note(entry)
        if self.inherited > max(self.last_in.values(), default=0):
            raise Damaged(f"the fork {row.id!r}", "not all that it begins with was written; fork again")
        self.answers: dict[str, Answer] = store.answers(row.id)
        self.seed, self.began = self._origin()
        """Id and beginning of the run that it comes from in the end: chance and time are those of that run."""

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def generation(self) -> int:
        return self.row.generation

    def root(self) -> Place:
        """The outermost branch."""
        return Place(self, "", self.began)

    def _origin(self) -> tuple[str, float]:
        row = self.row
        while row.parent is not None:
            row = self.store.run(row.parent)
        return row.id, row.created

    def find(
        self,
        address: str,
        digest: str,
        shown: Callable[[], str],
        difference: Callable[[Entry], tuple[str, str]] | None = None,
        alike: Callable[[Entry], bool] | None = None,
        redacted: Callable[[Entry], bool] | None = None,
    ) -> Entry | None:
        """What answers the effect at this address; None when it has to be performed.

        alike: whether an entry that a fork took over serves although its request has another digest.
        redacted: the same for any entry, because secrets were taken out of the recording that the run came from.
        Raises Diverged when another request was recorded there (unless the run then goes on in a fork), LimitReached
        when the run was cancelled, Fenced when it was lost to another process.
        """
        row = self.row
        entry = self.entries.get(address)
        if entry is None:
            if self.replay:
                raise Diverged(self.id, address, "nothing: the recording does not come here", shown(), True)
            self.check()
            if self.closed:
                self.leave(row, address, digest, "nothing: the run ended before it came here", shown())
                return self.find(address, digest, shown, difference, alike, redacted)
            return None
        if entry.digest != digest and not (
            (alike is not None and entry.seq <= self.inherited and alike(entry))
            or (redacted is not None and redacted(entry))
        ):
            recorded, now = (_told(entry), shown()) if difference is None else difference(entry)
            self.leave(row, address, digest, recorded, now)
            return self.find(address, digest, shown, difference, alike, redacted)
        if self.replay and entry.state in ("started", "waiting"):
            raise Diverged(self.id, address, f"nothing: the recording ends in this {entry.kind}", shown(), True)
        open_here = entry.state in ("started", "waiting")
        if entry.state == "failed" and not self.ended and not self._followed(entry):
            open_here = True
        if open_here and self.closed and not self.ended:
            self.leave(row, address, digest, f"nothing: the run stands in this {entry.kind}", shown())
            return self.find(address, digest, shown, difference, alike, redacted)
        if open_here and entry.state == "failed":
            return None
        self.used.add(address)
        return entry

    def leave(self, row: RunRow, address: str, digest: str, recorded: str, now: str) -> None:
        """The program goes another way at this address: in a fork of the run from here on, if the policy says so.

        row: of the run that it was found in, in case another thread has gone on in a fork meanwhile. Raises Diverged.
        """
        if self.policy.on_diverge != "fork" or self.replay:
            raise Diverged(self.id, address, recorded, now, self.policy.played)
        from autogen.runs.diverging import go_on_in_a_fork

        with self.leaving:
            if self.row is row:
                self.used.discard(address)
                go_on_in_a_fork(self, address, digest)

    def become(self, other: "RunLog") -> None:
        """Go on as another run's log."""
        for name in (
            "row", "before", "facts", "changes", "inherited", "cancelled", "lost", "closed", "entries", "last_in",
            "result", "ended", "answers",
        ):  # fmt: skip
            setattr(self, name, getattr(other, name))
        self.requests = self.files = None
        run = self.carrier()
        if run is not None:
            run.id = self.id

    def check(self) -> None:
        """Refuse to perform anything for a run that is not ours any more, or that is to end."""
        if self.lost:
            raise Fenced(self.id, self.generation)
        if not self.closed and self.store.quick and (now := time.monotonic()) - self._looked > LOOK_SECONDS:
            self._looked = now  # the lease's next sign of life, which tells it too, may be seconds away
            self.cancelled = self.store.run(self.id).cancel or self.cancelled
        if self.cancelled:
            raise LimitReached(StopReason.CANCELLED.value, f"run {self.id!r} was cancelled")

    def attempt(self, address: str) -> int:
        """The number of the next attempt at this effect, from 1."""
        known = self.entries.get(address)
        return 1 if known is None else known.attempt + (known.state != "waiting")

    def add(self, entry: Entry, blobs: Mapping[str, bytes] = {}, *, firm: bool = False) -> None:
        """Write an entry; a firm one outlasts a power cut.

        Raises Fenced when another process has taken the run over; then nothing is written.
        """
        if self.lost:
            raise Fenced(self.id, self.generation)
        if any_declared():
            entry = without_secrets(entry)
        try:
            (seq,) = self.store.append(self.id, self.generation, (entry,), blobs, firm=firm)
        except Fenced:
            self.lost = True
            raise
        self.performed += entry.state == "done"
        force_setattr(entry, "seq", seq)  # nobody else has it yet
        self._note(entry)

    def settle(self, change: RunChange) -> None:
        """Write how the run ended and let it go."""
        self.closed = True
        if not self.lost:
            self.store.settle(self.id, self.generation, change)

    def key(self, address: str) -> str:
        """The idempotency key of an effect: the same for every attempt, another one for every run."""
        return key_at(self.id, address)

    def model_calls_inside(self, address: str) -> list[Entry]:
        """The answered model calls of chats that were held inside this effect."""
        if not self._inside or self._inside[0] is not self.entries:
            inside: dict[str, list[Entry]] = {}
            for entry in self.entries.values():
                branch = branch_of(entry.address) if entry.kind == "model" and entry.state == "done" else ""
                while branch:
                    inside.setdefault(branch[:-1], []).append(entry)
                    branch = branch_of(branch[:-1])
            self._inside = (self.entries, inside)
        return self._inside[1].get(address, [])

    def _note(self, entry: Entry) -> None:
        self.entries[entry.address] = entry
        self.last_in[branch_of(entry.address)] = entry.seq

    @property
    def spent_seconds(self) -> float:
        """How long something was performed: not while a person was waited for, nor while no process lived. What was
        done at once or inside something else counts once."""
        spent = until = 0.0
        ended = (one for one in self.entries.values() if one.state in ("done", "failed") and one.kind != "human")
        for entry in sorted(ended, key=lambda one: one.started):
            spent += max(0.0, entry.ended - max(entry.started, until))
            until = max(until, entry.ended)
        return spent

    def _followed(self, entry: Entry) -> bool:
        """Did the conversation go on after this failure, in its branch or one that it belongs to?"""
        branch = branch_of(entry.address)
        while True:
            if self.last_in.get(branch, 0) > entry.seq:
                return True
            if not branch:
                return False
            branch = branch_of(branch[:-1])


def without_secrets(entry: Entry) -> Entry:
    """The entry with the names of declared secrets in place of their values."""
    from msgspec.structs import replace

    clean = replace(entry, label=hide_text(entry.label), detail=hide(entry.detail), answer=hide(entry.answer))
    return entry if clean == entry else clean


def _nobody() -> None:
    return None


def _told(entry: Entry) -> str:
    detail = entry.detail.decode("utf-8", "replace")
    text = f"{entry.kind} {entry.label} of {entry.agent} {detail}".strip()
    return text if len(text) <= 320 else f"{text[:160]} … {text[-150:]}"
