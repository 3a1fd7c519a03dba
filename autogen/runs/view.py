"""A run as programs and people see it: how it stands, what it waits for, what came of it.

Refuses to know how it is carried on.
"""

from typing import Any

from msgspec import Struct

from autogen.core.errors import RunPaused
from autogen.drivers.clock import clock_here
from autogen.runs import codec
from autogen.runs.asks import Question, question_of, told_of
from autogen.runs.digest import key_at
from autogen.runs.lease import is_dead
from autogen.runs.rows import Entry, EntryKind, RunRow, RunStatus
from autogen.runs.store import Store


class InFlight(Struct, frozen=True, kw_only=True):
    """A tool call or code run that was begun and has no outcome: at work while somebody carries the run on, else of
    unknown outcome."""

    address: str
    kind: EntryKind
    agent: str
    tool: str = ""
    """"" for code."""
    arguments: Any = None
    repeat: str = "never"
    """What repeating it means; code that may run again is not listed."""
    key: str = ""
    """The idempotency key that it was called with."""
    attempt: int = 1
    began: float = 0.0
    """Seconds since 1970."""


class RunView(Struct, frozen=True, kw_only=True):
    """One run of a journal. Times are seconds since 1970."""

    id: str
    status: RunStatus
    title: str = ""
    entry: str = ""
    """Its entry function; "" for a chat that a script started."""
    created: float = 0.0
    updated: float = 0.0
    stop_reason: str = ""
    stop_detail: str = ""
    error: str = ""
    usd: float | None = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    parent: str | None = None
    """The run that it was forked from."""
    owner: str = ""
    """Who carries it on now; "" for nobody."""
    pending: tuple[Question, ...] = ()
    """The questions that it waits for."""
    in_flight: tuple[InFlight, ...] = ()
    """Tool calls and code runs that were begun and have no outcome yet."""
    ready: bool = False
    """`advance` would get it further: it was just started or forked, was answered, asks anew because its question has
    expired, failed, or was left by a process that died. Never true of a script's run: that script carries it on."""
    value: Any = None
    """What its entry function returned; read `result`, which tells when there is nothing yet."""

    @property
    def result(self) -> Any:
        """What came of it. Raises RunPaused while it waits for an answer."""
        if self.status == "paused":
            raise RunPaused(self.id, tuple(f"{one.id}: {one.prompt}" for one in self.pending))
        return self.value


def view(row: RunRow, entries: list[Entry], *, ready: bool = False) -> RunView:
    """Raises Damaged for what does not read."""
    return RunView(
        id=row.id,
        status=row.status,
        title=row.title,
        entry=row.entry,
        created=row.created,
        updated=row.updated,
        stop_reason=row.stop_reason,
        stop_detail=row.stop_detail,
        error=row.error,
        usd=row.usd,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        model_calls=row.model_calls,
        parent=row.parent,
        owner=row.owner,
        pending=() if row.status in ("done", "cancelled") else pending_of(entries),
        in_flight=() if row.status in ("done", "cancelled") else in_flight_of(row.id, entries),
        ready=ready,
        value=codec.decode(row.result, f"the result of run {row.id!r}", _by_name) if row.result else None,
    )


def seen(store: Store, run_id: str) -> RunView:
    """The run as it stands now. Raises UnknownRun."""
    row = store.run(run_id)
    return _viewed(store, row, store.read(run_id), clock_here()())


def listed(store: Store, row: RunRow, now: float) -> RunView:
    """The same for lists: what is in flight is told of runs that wait only."""
    return _viewed(store, row, store.read(row.id) if row.status == "paused" else [], now)


def _viewed(store: Store, row: RunRow, entries: list[Entry], now: float) -> RunView:
    return view(row, entries, ready=bool(row.entry) and _is_ready(store, row, entries, now))


def _is_ready(store: Store, row: RunRow, entries: list[Entry], now: float) -> bool:
    """entries: the log of a run that is paused."""
    match row.status:
        case "done" | "cancelled":
            return False
        case "failed":
            return True
        case "running":
            return row.lease_until <= now or is_dead(row.owner)
        case "paused":
            waiting = [entry for entry in latest(entries).values() if entry.state == "waiting"]
            if not waiting:
                return True
            given = store.answers(row.id)
            expire = [question_of(entry).expires for entry in waiting]
            return any(entry.address in given for entry in waiting) or any(one and one < now for one in expire)


def latest(entries: list[Entry]) -> dict[str, Entry]:
    """What counts, by address."""
    return {entry.address: entry for entry in entries}


def pending_of(entries: list[Entry]) -> tuple[Question, ...]:
    """The questions without an answer that was taken."""
    return tuple(question_of(entry) for entry in latest(entries).values() if entry.state == "waiting")


def in_flight_of(run_id: str, entries: list[Entry]) -> tuple[InFlight, ...]:
    """What was begun and has no outcome."""
    return tuple(
        _in_flight(run_id, entry)
        for entry in latest(entries).values()
        if entry.state == "started" and entry.kind in ("tool", "code")
    )


def _in_flight(run_id: str, entry: Entry) -> InFlight:
    told = told_of(entry)
    return InFlight(
        address=entry.address,
        kind=entry.kind,
        agent=entry.agent,
        tool=entry.label,
        arguments=told.get("arguments"),
        repeat=str(told.get("repeat", "never")),
        key=key_at(run_id, entry.address),
        attempt=entry.attempt,
        began=entry.started,
    )


def _by_name(name: str) -> object:
    return name
