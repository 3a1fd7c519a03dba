"""Replay: a recorded run plays again with nothing performed, up to the first difference, or on from a step for real.

Decides which recorded run a chat plays. Refuses to know how effects are answered.
"""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace as changed

from autogen.core.errors import ConfigError
from autogen.runs.branches import steps_of
from autogen.runs.carrying import take_run
from autogen.runs.changes import encode_changes, passed_on
from autogen.runs.durable import JournalLike, Scope, here, open_journal
from autogen.runs.errors import Diverged, JournalError, UnknownRun
from autogen.runs.log import Policy, RunLog
from autogen.runs.rows import RunQuery, RunRow
from autogen.runs.store import Store


class ReplayScope(Scope):
    """Chats play the recorded runs: the one of their name, else the next one that no chat has played."""

    overrides = True

    def __init__(self, store: Store, rows: list[RunRow], live_from: int | None) -> None:
        super().__init__(store, Policy(on_human="ask", on_unknown="retry", played=True))
        self._left = {row.id: row for row in rows}
        self._live_from = live_from

    def begin(self, run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
        named = self.next(run_id)
        row = self._left.get(named) or next((one for one in self._left.values() if not one.entry), None)
        if row is None:
            raise Diverged(named, "its beginning", "no further chat: the recording holds none", title, True)
        del self._left[row.id]
        return self._played(row)

    def take(self, run_id: str) -> RunLog:
        return self._played(self.store.run(run_id))

    def _played(self, row: RunRow) -> RunLog:
        if self._live_from is None:
            return RunLog(self.store, row, policy=self.policy, clock=self.clock, alive=False, replay=True)
        shared = steps_of(self.store.read(row.id))[: self._live_from - 1]
        last = max((entry.seq for entry in shared), default=0)
        live = changed(
            row,
            id=f"{row.id}~live",
            status="running",
            parent=row.id,
            fork_seq=last,
            changes=encode_changes(passed_on(row)),
            result=b"",
            owner="",
            generation=0,
        )
        return take_run(self, self.store.create(live))


@contextmanager
def replay(
    recording: JournalLike, *, run_id: str | None = None, live_from: int | None = None
) -> Generator[None, None, None]:
    """Play recorded runs: the chats inside get every answer from the recording, and nothing is performed.

    recording: a file made by `autogen runs export`, or a journal; then `run_id` says which run.
    live_from: from this step on (as `autogen runs show` counts) everything is done for real; nothing of it is kept.
    Raises Diverged at the first difference, Damaged and UnknownFormat for a file that does not read.
    """
    if live_from is not None and (isinstance(live_from, bool) or live_from < 1):
        raise ConfigError(f"live_from is the number of a step, from 1; got {live_from!r}")
    store = load(recording)
    rows = [store.run(run_id)] if run_id is not None else list(reversed(store.runs(RunQuery(limit=10_000))))
    if not rows:
        raise UnknownRun("any", store.where)
    token = here.set(ReplayScope(store, rows, live_from))
    try:
        yield
    finally:
        here.reset(token)


def load(recording: JournalLike) -> Store:
    """A recording, or a journal, to be played. Raises ConfigError without one, JournalError for one that cannot serve.

    A journal that is open in this process is not looked into first: to open and close its file would drop SQLite's
    locks on it, and another process would then throw its log away.
    """
    if not isinstance(recording, (str, os.PathLike)):
        return open_journal(recording)
    path = Path(recording)
    if not path.is_file():
        raise ConfigError(f"there is no recording {os.fspath(path)!r}")
    try:
        return open_journal(path)
    except JournalError:
        with path.open("rb") as file:
            if file.read(16).startswith(b"SQLite format 3"):
                raise
    from autogen.runs.recording import load_recording

    return load_recording(path)
