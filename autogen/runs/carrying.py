"""How a run is taken by this process, and let go again: claimed, waited for, forked, ended, given back.

Decides what becomes of a run that another process carries on, or left when it died. Refuses to know which run a chat
names (`durable.py`) and what is in one.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from autogen.core.stop import StopReason
from autogen.drivers.waiting import refuse_if_left_behind
from autogen.runs.beginnings import same_facts, told_apart
from autogen.runs.errors import Diverged, RunBusy
from autogen.runs.lease import heart, is_dead, this_owner, told
from autogen.runs.log import RunLog
from autogen.runs.rows import RunChange, RunRow
from autogen.runs.store import Store

if TYPE_CHECKING:
    from autogen.runs.durable import Scope

_POLL: Final = 0.05
"""Seconds between two looks at a run that another one carries on."""


def open_run(scope: "Scope", run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
    """Begin the run, or go on with it. A finished one is opened for reading.

    Raises Diverged when it began in another way, RunBusy when another process carries it on.
    """
    now = scope.clock()
    store = scope.store
    row = store.create(RunRow(id=run_id, created=now, updated=now, title=title, facts=dict(facts)))
    if not row.entry and not same_facts(row.facts, facts) and not row.parent:
        if scope.policy.on_diverge == "fail":
            raise Diverged(run_id, "its beginning", *told_apart(row.facts, facts))
        # read only: the first effect that the run does not answer makes a fork of it, or leads to the one made before
        log = RunLog(store, row, policy=scope.policy, clock=scope.clock, alive=False)
        log.facts = dict(facts)
        return log
    return take_run(scope, row)


def take_run(scope: "Scope", row: RunRow) -> RunLog:
    """Claim a run and read its log; of a finished one, read only."""
    if row.status in ("done", "cancelled"):
        return RunLog(scope.store, row, policy=scope.policy, clock=scope.clock, alive=False)
    claimed = _claim(scope, row.id)
    if claimed.id != row.id or claimed.generation != row.generation + 1:  # a fork, or others carried it on meanwhile
        row = replace(claimed, status="failed" if claimed.status == "running" else claimed.status)
    if claimed.status in ("done", "cancelled"):
        _give_back(scope.store, claimed, claimed.generation, scope.clock())
        return RunLog(scope.store, claimed, policy=scope.policy, clock=scope.clock, alive=False)
    try:
        log = RunLog(scope.store, claimed, policy=scope.policy, clock=scope.clock)
    except BaseException as raised:
        _give_back(scope.store, row, claimed.generation, scope.clock(), str(raised) or type(raised).__name__)
        raise
    log.before = row
    heart.keep(log)
    return log


def _claim(scope: "Scope", run_id: str) -> RunRow:
    owner = this_owner()
    while True:
        now = scope.clock()
        try:
            return scope.store.claim(run_id, owner, now, scope.policy.lease)
        except RunBusy as busy:
            if is_dead(busy.owner):
                try:
                    return scope.store.claim(run_id, owner, now, scope.policy.lease, dead=busy.owner)
                except RunBusy:
                    continue  # another one was faster, and lives
            match scope.policy.on_conflict:
                case "reject":
                    raise RunBusy(run_id, told(busy.owner), busy.seconds) from None
                case "branch":
                    return _branched(scope, run_id, owner)
                case "queue":
                    refuse_if_left_behind()
                    time.sleep(_POLL)


def _branched(scope: "Scope", run_id: str, owner: str) -> RunRow:
    """A fork of the run as far as it has come, for the one who came second."""
    from autogen.runs.branches import make_fork
    from autogen.runs.changes import passed_on

    store = scope.store
    row = store.run(run_id)
    entries = store.read(run_id)
    now = scope.clock()
    fork = make_fork(store, row, entries[-1].seq if entries else 0, passed_on(row), [], now)
    if fork is None:
        raise RunBusy(run_id, told(row.owner), row.lease_until - now)
    return store.claim(fork.id, owner, now, scope.policy.lease)


def end_if_dead(scope: "Scope", row: RunRow) -> None:
    """Somebody asked for the end of a run: nobody else will come to it if who carried it on is dead."""
    if not is_dead(row.owner):
        return
    now = scope.clock()
    try:
        taken = scope.store.claim(row.id, this_owner(), now, scope.policy.lease, dead=row.owner)
    except RunBusy:
        return  # another one carries it on, and will see it
    ended = replace(_as_it_is(taken), status="cancelled", stop_reason=StopReason.CANCELLED.value, updated=now)
    scope.store.settle(row.id, taken.generation, ended)


def shown_safely(text: str) -> str:
    """The text of an error without secrets."""
    if not text:
        return text
    from autogen.runs.error_codec import known_redactor

    return known_redactor().redact(text)[0]


def give_back(log: RunLog, why: str = "") -> None:
    """Let a run go that nobody will carry on after all: it stays as it was. why: what kept it from being begun."""
    heart.let_go(log)
    if not log.closed and not log.lost:
        log.closed = True
        _give_back(log.store, log.before, log.generation, log.clock(), why)


def _give_back(store: Store, row: RunRow, generation: int, now: float, why: str = "") -> None:
    kept = _as_it_is(row)
    if row.status == "running":
        kept = replace(kept, status="failed", error=row.error or shown_safely(why) or "the process left it")
    store.settle(row.id, generation, replace(kept, updated=now))


def _as_it_is(row: RunRow) -> RunChange:
    kept: dict[str, Any] = {name: getattr(row, name) for name in RunChange.__struct_fields__}
    return RunChange(**kept)


def close_run(log: RunLog, **ended: Any) -> None:
    """Write how the run ended or paused and let it go."""
    heart.let_go(log)
    if not log.closed:
        log.settle(RunChange(updated=log.clock(), **ended))
