"""A stretch of a program with a recording: made the first time, played ever after with the network closed.

Decides when a recording is made and what counts as the same run. Refuses to know what the program does.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from autogen.core.errors import AutogenError, ConfigError
from autogen.core.secrets import known
from autogen.runs.branches import encloses, steps_of
from autogen.runs.durable import Scope, here
from autogen.runs.errors import Diverged
from autogen.runs.log import Policy, RunLog
from autogen.runs.recording import export_run, load_recording
from autogen.runs.redact import Redactor, names_secret
from autogen.runs.replaying import ReplayScope
from autogen.runs.rows import RunQuery, RunRow
from autogen.runs.store import Store
from autogen.testing.network import closed_network

rebuilding: ContextVar[bool] = ContextVar("autogen_rebuilding", default=False)
"""`pytest --rebuild` is under way: recordings are made anew."""


class RecordingDiffers(AutogenError, AssertionError):
    """A program does something else than its recording holds. Both sides are shown beside one another."""

    def __init__(self, path: str, run_id: str, address: str, step: int, recorded: str, now: str) -> None:
        super().__init__(path, run_id, address, step, recorded, now)
        self.path, self.run_id, self.address, self.step = path, run_id, address, step
        self.recorded, self.now = recorded, now

    def __str__(self) -> str:
        where = f"step {self.step}, " if self.step else ""
        return (
            f"{self.path} went another way at {where}{self.address} of run {self.run_id!r}:\n"
            f"{side_by_side(self.recorded, self.now)}\n"
            "If the change is wanted, make the recording anew: pytest --rebuild"
        )


def side_by_side(recorded: str, now: str, width: int = 56) -> str:
    """Two texts in two columns of `width` characters; lines that differ are marked."""
    left, right = _wrapped(recorded, width), _wrapped(now, width)
    rows = [f"  {'recorded':<{width}} | now", f"  {'-' * width}-+-{'-' * width}"]
    for index in range(max(len(left), len(right))):
        mine = left[index] if index < len(left) else ""
        theirs = right[index] if index < len(right) else ""
        rows.append(f"{'  ' if mine == theirs else '> '}{mine:<{width}} | {theirs}".rstrip())
    return "\n".join(rows)


def _wrapped(text: str, width: int) -> list[str]:
    return [line[at : at + width] for line in text.splitlines() or [""] for at in range(0, max(len(line), 1), width)]


@contextmanager
def recorded(path: "str | os.PathLike[str]", *, rebuild: bool | None = None) -> Generator[None, None, None]:
    """The chats inside are played from the recording at `path`, with the network closed; if there is none, it is made.

    rebuild: True does everything for real and writes the recording anew; None: as `pytest --rebuild` says.
    Raises RecordingDiffers at the first difference, also when the program ends before its recording does; what the
    program raises, and then nothing is written; Damaged and UnknownFormat for a file that does not read.
    """
    file = Path(path)
    if (rebuilding.get() if rebuild is None else rebuild) or not file.exists():
        with recording_to(file):
            yield
    else:
        with playing(load_recording(file), file):
            yield


@contextmanager
def recording_to(path: Path) -> Generator[Store, None, None]:
    """Journal the chats inside, and write them to `path` when all has ended well."""
    from autogen.runs.sqlite import SqliteStore

    store = SqliteStore(":memory:")
    token = here.set(_RecordingScope(store, Policy(on_human="ask", on_unknown="fail")))
    try:
        yield store
        write_recording(store, path)
    finally:
        here.reset(token)
        store.close()


def write_recording(store: Store, path: Path) -> None:
    """All runs of the journal as one recording, the oldest first, without secrets that are known here."""
    rows = list(reversed(store.runs(RunQuery(limit=10_000))))
    if not rows:
        raise ConfigError(f"nothing was recorded for {path}: no chat was started inside")
    secrets = [*known(), *(value for name, value in os.environ.items() if names_secret(name))]
    export_run(store, rows[0].id, path, redactor=Redactor(secrets), children=[row.id for row in rows[1:]])


class _RecordingScope(Scope):
    overrides = True


class _Playing(ReplayScope):
    """Remembers what was played, so that what was not is seen."""

    def __init__(self, store: Store, rows: list[RunRow]) -> None:
        super().__init__(store, rows, None)
        self.logs: list[RunLog] = []
        self.rows = rows

    def _played(self, row: RunRow) -> RunLog:
        log = super()._played(row)
        self.logs.append(log)
        return log

    def check_end(self) -> None:
        """Raises Diverged for what the recording holds and nobody asked for."""
        for log in self.logs:
            for step in steps_of(list(log.entries.values())):
                used = step.address in log.used or any(encloses(outer, step.address) for outer in log.used)
                if not used and step.state in ("done", "failed"):
                    raise Diverged(log.id, step.address, f"{step.kind} {step.label} of {step.agent}", _ENDED)
        played = {log.id for log in self.logs}
        for row in self.rows:
            if row.id not in played and row.parent is None:
                raise Diverged(row.id, "its beginning", row.title, "nothing: the program ended before it")


_ENDED = "nothing: the program ended before it"


@contextmanager
def playing(store: Store, path: Path) -> Generator[None, None, None]:
    """Play the runs of `store`; the network is closed. Raises RecordingDiffers."""
    scope = _Playing(store, list(reversed(store.runs(RunQuery(limit=10_000)))))
    token = here.set(scope)
    try:
        with closed_network():
            yield
        scope.check_end()
    except Diverged as different:
        raise RecordingDiffers(
            str(path), different.run_id, different.address, _step(store, different), different.recorded, different.now
        ) from different
    finally:
        here.reset(token)
        store.close()


def _step(store: Store, different: Diverged) -> int:
    """The number of the recorded step there, as `autogen runs show` counts; 0 where there is none."""
    try:
        steps = steps_of(store.read(different.run_id))
    except AutogenError:
        return 0
    return next((number for number, step in enumerate(steps, 1) if step.address == different.address), 0)


def facts_of_entry(store: Store) -> "tuple[RunRow, Mapping[str, str]] | None":
    """The first run that began with an entry function."""
    rows: list[Any] = [row for row in reversed(store.runs(RunQuery(limit=10_000))) if row.entry]
    return (rows[0], rows[0].facts) if rows else None
