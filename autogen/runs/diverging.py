"""What becomes of a run whose program asks for something else than was recorded, where the policy is to fork.

It goes on in a fork that shares everything before that place: one that left there in the same way before, else a new
one. The run itself stays as it was. Refuses to know how a difference was found.
"""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from autogen.runs.beginnings import same_facts
from autogen.runs.branches import copies, cut, encloses, make_fork, steps_of
from autogen.runs.carrying import take_run
from autogen.runs.changes import changes_of, passed_on
from autogen.runs.durable import Scope
from autogen.runs.errors import JournalError
from autogen.runs.lease import heart
from autogen.runs.rows import Entry, RunChange, RunRow

if TYPE_CHECKING:
    from autogen.runs.log import RunLog


def go_on_in_a_fork(log: "RunLog", address: str, digest: str) -> None:
    """Make `log` the log of the fork, claimed. Raises RunBusy when another process carries that fork on."""
    found = _left_before(log, address, digest)
    other = take_run(Scope(log.store, log.policy, log.clock), found or _new_fork(log, address, digest))
    heart.let_go(other)
    heart.let_go(log)
    if not log.closed:
        log.store.settle(log.id, log.generation, _as_it_was(log.before, log.clock()))
    log.become(other)
    if not log.closed:
        heart.keep(log)


def _left_before(log: "RunLog", address: str, digest: str) -> RunRow | None:
    for row in log.store.forks(log.id):
        changes = changes_of(row)
        if (changes.at, changes.digest) == (address, digest) and same_facts(row.facts, log.facts):
            return row
    return None


def _new_fork(log: "RunLog", address: str, digest: str) -> RunRow:
    store, row = log.store, log.row
    entries = store.read(log.id)
    steps = [step.address for step in steps_of(entries)]
    base, later = cut(entries, address if address in steps else _first_unused(log, entries), log.used)
    changes = replace(
        passed_on(row),
        at=address,
        step=steps.index(address) + 1 if address in steps else len(steps) + 1,
        digest=digest,
        restore=True,
    )
    now = log.clock()
    made = make_fork(store, row, base, changes, copies(store, log.id, entries, base, later), now, facts=log.facts)
    if made is None:
        raise JournalError(f"run {log.id!r} could not be forked at {address}")
    return made


def _first_unused(log: "RunLog", entries: list[Entry]) -> str:
    """The first address that this process did not come to; "" when it came to all of them."""
    for entry in entries:
        known = entry.address
        if known not in log.used and not any(encloses(outer, known) for outer in log.used):
            return known
    return ""


def _as_it_was(row: RunRow, now: float) -> RunChange:
    return RunChange(
        status="failed" if row.status == "running" else row.status,
        updated=now,
        stop_reason=row.stop_reason,
        stop_detail=row.stop_detail,
        error=row.error,
        result=row.result,
        usd=row.usd,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        model_calls=row.model_calls,
    )
