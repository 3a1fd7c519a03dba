"""Where runs are journaled: `durable(...)`, `AUTOGEN_JOURNAL`, the `journal=` argument; and how one is opened.

Decides which run a chat belongs to, and what becomes of one that another process carries on. Refuses to know what is
in a run.
"""

import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal, TypeAlias, TypeVar

from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.runs.errors import Diverged, RunBusy
from autogen.runs.lease import heart, is_dead, this_owner, told
from autogen.runs.log import OnConflict, OnDiverge, OnHuman, OnUnknown, Policy, RunLog
from autogen.runs.rows import RunRow
from autogen.runs.store import Store

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE: Final = "AUTOGEN_JOURNAL"
"""Names the journal's file, or a directory for one."""

JournalLike: TypeAlias = str | os.PathLike[str] | Store

_POLL = 0.05
"""Seconds between two looks at a run that another one carries on."""


class Scope:
    """A stretch of a program under one journal: chats that name the same run are told apart by their order."""

    overrides = False
    """It holds also where the program names another journal."""

    def __init__(self, store: Store, policy: Policy, clock: Callable[[], float] = time.time) -> None:
        self.store, self.policy, self.clock = store, policy, clock
        self._lock = Lock()
        self._begun: dict[str, int] = {}

    def next(self, run_id: str) -> str:
        """`q3`, then `q3/2`, `q3/3`, ..."""
        with self._lock:
            number = self._begun[run_id] = self._begun.get(run_id, 0) + 1
        return run_id if number == 1 else f"{run_id}/{number}"

    def begin(self, run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
        """The log of the next chat that names this run."""
        return open_run(self, self.next(run_id), title, facts)

    def take(self, run_id: str) -> RunLog:
        """The log of a run that is there already. Raises UnknownRun, RunBusy."""
        return take_run(self, self.store.run(run_id))


here: ContextVar[Scope | None] = ContextVar("autogen_durable", default=None)
_opened: dict[tuple[int, str], Store] = {}
_ambient: dict[str, Scope] = {}
_opening = Lock()


@contextmanager
def durable(
    journal: JournalLike = "runs.db",
    *,
    on_human: OnHuman = "auto",
    on_unknown: OnUnknown = "ask",
    on_conflict: OnConflict = "reject",
    on_diverge: OnDiverge = "fail",
    lease: float = 15.0,
) -> Generator[Store, None, None]:
    """Journal the chats started inside; those with a `run_id` go on where they were, or give back their result.

    journal: a file (made with mode 0600 if it is not there), or a store.
    on_human: "auto" asks at once on a terminal and else parks the run, "ask" always asks, "park" never does.
    on_unknown: a tool that must not run twice was in flight when the process died: "ask" a person, "retry", "fail".
    on_conflict: another process carries the run on: "reject" raises RunBusy, "queue" waits, "branch" forks the run.
    on_diverge: the program asks for something else than was recorded: "fail" raises Diverged, "fork" goes on in a
        fork of the run.
    lease: seconds after which a process without a sign of life has lost its runs.
    Raises JournalUnusable and ConfigError at once.
    """
    policy = checked_policy(on_human, on_unknown, on_conflict, on_diverge, lease)
    scope = Scope(open_journal(journal), policy)
    token = here.set(scope)
    try:
        yield scope.store
    finally:
        here.reset(token)


def checked_policy(
    on_human: OnHuman, on_unknown: OnUnknown, on_conflict: OnConflict, on_diverge: OnDiverge, lease: float
) -> Policy:
    """Raises ConfigError for a value that is not among the choices."""
    for name, value, choices in (
        ("on_human", on_human, ("auto", "ask", "park")),
        ("on_unknown", on_unknown, ("ask", "retry", "fail")),
        ("on_conflict", on_conflict, ("reject", "queue", "branch")),
        ("on_diverge", on_diverge, ("fail", "fork")),
    ):
        if value not in choices:
            raise ConfigError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    if isinstance(lease, bool) or not isinstance(lease, (int, float)) or not lease > 0:
        raise ConfigError(f"lease must be a number of seconds above 0, got {lease!r}")
    return Policy(
        on_human=on_human, on_unknown=on_unknown, on_conflict=on_conflict, on_diverge=on_diverge, lease=float(lease)
    )


def open_journal(journal: JournalLike) -> Store:
    """The store behind a path, one per file and process; a store is given back as it is."""
    if not isinstance(journal, (str, os.PathLike)):
        if not hasattr(journal, "append") or not hasattr(journal, "claim"):
            raise ConfigError(f"a journal is a path or a store, got {type(journal).__name__}: {journal!r:.80}")
        return journal
    path = os.fspath(journal)
    if not path:
        raise ConfigError("a journal needs a path, got an empty one")
    if path != ":memory:":
        if Path(path).is_dir():
            path = str(Path(path) / "runs.db")
        path = os.path.realpath(path)
    from autogen.runs.sqlite import SqliteStore

    key = (os.getpid(), path)
    with _opening:
        known = _opened.get(key)
        if known is None or path == ":memory:":
            known = SqliteStore(path)
            _opened[key] = known
        return known


def current_scope(journal: JournalLike | None = None) -> Scope | None:
    """The scope of the calling code: of the argument, else of `durable`, else of the environment; None without one."""
    scope = here.get()
    if scope is not None and (journal is None or scope.overrides or scope.store is open_journal(journal)):
        return scope
    if journal is not None:
        return _ambient_scope(open_journal(journal))
    named = os.environ.get(VARIABLE)
    return _ambient_scope(open_journal(named)) if named else None


def wanted_scope(journal: JournalLike | None) -> Scope:
    """`current_scope`. Raises ConfigError when no journal is in use."""
    scope = current_scope(journal)
    if scope is None:
        raise ConfigError(
            f'no journal is in use; give journal="runs.db", use autogen.durable("runs.db"), or set {VARIABLE}'
        )
    return scope


def _ambient_scope(store: Store) -> Scope:
    with _opening:
        key = f"{os.getpid()}:{id(store)}"
        known = _ambient.get(key)
        if known is None:
            known = _ambient[key] = Scope(store, Policy())
        return known


def on_resume(what: Literal["recall", "rerun"]) -> Callable[[F], F]:
    """Say what becomes of a callback when a run goes on: `@autogen.on_resume("rerun")`.

    recall: its recorded result counts and it is not called again, what it wrote to views included. Default for reply
    functions and overridden methods.
    rerun: it is called again, and its result must be the recorded one, else Diverged. Default for the rest.
    """
    if what not in ("recall", "rerun"):
        raise ConfigError(f'on_resume takes "recall" or "rerun", got {what!r}')

    def mark(function: F) -> F:
        function.__autogen_on_resume__ = what  # type: ignore[attr-defined]
        return function

    return mark


def open_run(scope: Scope, run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
    """Begin the run, or go on with it. A finished one is opened for reading.

    Raises Diverged when it began in another way, RunBusy when another process carries it on.
    """
    now = scope.clock()
    store = scope.store
    row = store.create(RunRow(id=run_id, created=now, updated=now, title=title, facts=dict(facts)))
    if not row.entry and dict(row.facts) != dict(facts) and not row.parent:
        changed = sorted(name for name in {*row.facts, *facts} if row.facts.get(name) != facts.get(name))
        raise Diverged(run_id, "its beginning", f"another {', '.join(changed)}", f"see {', '.join(changed)}")
    return take_run(scope, row)


def take_run(scope: Scope, row: RunRow) -> RunLog:
    """Claim a run and read its log; of a finished one, read only."""
    if row.status in ("done", "cancelled"):
        return RunLog(scope.store, row, policy=scope.policy, clock=scope.clock, alive=False)
    claimed = _claim(scope, row.id)
    try:
        log = RunLog(scope.store, claimed, policy=scope.policy, clock=scope.clock)
    except BaseException:
        from autogen.runs.rows import RunChange

        scope.store.settle(row.id, claimed.generation, RunChange(status=row.status, updated=scope.clock()))
        raise
    heart.keep(log)
    return log


def _claim(scope: Scope, run_id: str) -> RunRow:
    owner = this_owner()
    while True:
        now = scope.clock()
        try:
            return scope.store.claim(run_id, owner, now, scope.policy.lease)
        except RunBusy as busy:
            if is_dead(busy.owner):
                row = scope.store.run(run_id)
                if row.owner == busy.owner:
                    return scope.store.claim(run_id, owner, now, scope.policy.lease, dead=True)
                continue
            match scope.policy.on_conflict:
                case "reject":
                    raise RunBusy(run_id, told(busy.owner), busy.seconds) from None
                case "branch":
                    return _branched(scope, run_id, owner)
                case "queue":
                    time.sleep(_POLL)


def _branched(scope: Scope, run_id: str, owner: str) -> RunRow:
    """A fork of the run as far as it has come, for the one who came second."""
    store = scope.store
    row = store.run(run_id)
    entries = store.read(run_id)
    number = len(store.forks(run_id)) + 1
    now = scope.clock()
    while True:
        fork = replace(
            row,
            id=f"{run_id}~{number}",
            status="running",
            created=row.created,
            updated=now,
            parent=run_id,
            fork_seq=entries[-1].seq if entries else 0,
            generation=0,
            owner="",
            lease_until=0.0,
        )
        if store.create(fork) == fork:
            return store.claim(fork.id, owner, now, scope.policy.lease)
        number += 1


def close_run(log: RunLog, **ended: Any) -> None:
    """Write how the run ended or paused and let it go."""
    from autogen.runs.rows import RunChange

    heart.let_go(log)
    if not log.closed:
        log.settle(RunChange(updated=log.clock(), **ended))
