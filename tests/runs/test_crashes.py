"""A run is killed at every boundary of every effect, by a real SIGKILL, and started again: nothing lost or twice."""

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.runs.errors import Fenced, OutcomeUnknown
from autogen.runs.sqlite import SqliteStore
from tests.runs.payments import KillingStore, acts, hold

APPENDS = 14
"""Of an uninterrupted run; `test_the_story_has_this_many_appends` holds it to that."""
_fork = multiprocessing.get_context("fork")


def in_process(work: Callable[..., Any], *args: Any) -> int:
    """The exit code of `work` in a process of its own: the number of the signal, negative, if one ended it."""
    child = _fork.Process(target=_quiet, args=(work, *args))
    child.start()
    child.join(60)
    assert child.exitcode is not None, "the child hangs"
    return child.exitcode


def _quiet(work: Callable[..., Any], *args: Any) -> None:
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
    work(*args)


def killed_at(folder: Path, at: int, after: bool) -> None:
    hold(folder, KillingStore(folder / "runs.db", at, after=after))


def resumed(folder: Path, **policy: Any) -> dict[str, Any]:
    return hold(folder, SqliteStore(folder / "runs.db"), **policy)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("whole")
    return hold(folder, SqliteStore(folder / "runs.db"))


def test_the_story_has_this_many_appends(tmp_path: Path) -> None:
    store = KillingStore(tmp_path / "runs.db", 0, after=False)
    hold(tmp_path, store)
    assert store.count == APPENDS
    assert acts(tmp_path) == ["paid 1", "paid 2", "asked"]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, APPENDS + 1))
def test_a_killed_run_ends_as_the_uninterrupted_one(
    tmp_path: Path, uninterrupted: dict[str, Any], at: int, after: bool
) -> None:
    assert in_process(killed_at, tmp_path, at, after) == -signal.SIGKILL
    before = Counter(acts(tmp_path))
    entries = SqliteStore(tmp_path / "runs.db").read("payments")
    latest = {entry.address: entry for entry in entries}
    in_flight = [entry for entry in latest.values() if entry.state == "started" and entry.kind == "tool"]

    if in_flight:
        with pytest.raises(OutcomeUnknown, match="pay"):
            resumed(tmp_path, on_unknown="fail")
        assert Counter(acts(tmp_path)) == before, "a tool of unknown outcome ran again without leave"
        assert resumed(tmp_path, on_unknown="retry") == uninterrupted
    else:
        assert resumed(tmp_path, on_unknown="fail") == uninterrupted

    finished = {entry.address for entry in latest.values() if entry.state in ("done", "failed")}
    for entry in SqliteStore(tmp_path / "runs.db").read("payments"):
        if entry.address in finished:
            assert entry.attempt == 1, f"{entry.address} was finished and ran again"
    twice = Counter(acts(tmp_path)) - Counter(["paid 1", "paid 2", "asked"])
    assert sum(twice.values()) <= 1, "more than the effect in flight ran twice"
    if not in_flight:
        assert not any(act.startswith("paid") for act in twice)


def test_a_tool_of_unknown_outcome_can_be_told(tmp_path: Path, uninterrupted: dict[str, Any]) -> None:
    """The person looked: the money had gone out. They say so, and the run goes on without a second payment."""
    before_the_outcome_is_written = 4
    assert in_process(killed_at, tmp_path, before_the_outcome_is_written, False) == -signal.SIGKILL
    assert acts(tmp_path) == ["paid 1"]
    paused = _park(tmp_path)
    assert paused == "paused"
    (question,) = autogen.runs(journal=SqliteStore(tmp_path / "runs.db"))[0].pending
    assert question.kind == "unknown"
    assert "pay" in question.prompt
    autogen.answer("payments", question.id, "done: paid 1", by="eve", journal=SqliteStore(tmp_path / "runs.db"))
    assert resumed(tmp_path) == uninterrupted
    assert acts(tmp_path) == ["paid 1", "paid 2", "asked"]


def _park(folder: Path) -> str:
    try:
        return str(hold(folder, SqliteStore(folder / "runs.db"), on_human="park")["summary"])
    except Exception as raised:
        return "paused" if type(raised).__name__ == "RunPaused" else repr(raised)


class SlowStore(SqliteStore):
    """Stops its process, as a laptop's lid does, right before the n-th append."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self.at, self.count = at, 0

    def append(self, *args: Any, **kwargs: Any) -> list[int]:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().append(*args, **kwargs)


def _stopped(folder: Path, at: int) -> None:
    try:
        hold(folder, SlowStore(folder / "runs.db", at), lease=0.3)
    except Fenced:
        os._exit(7)


@pytest.mark.parametrize("at", [1, 3, 6, 9, APPENDS])
def test_a_process_that_was_stopped_and_taken_over_writes_nothing(
    tmp_path: Path, uninterrupted: dict[str, Any], at: int
) -> None:
    stale = _fork.Process(target=_quiet, args=(_stopped, tmp_path, at))
    stale.start()
    assert stale.pid is not None
    os.waitid(os.P_PID, stale.pid, os.WSTOPPED | os.WNOWAIT)
    assert hold(tmp_path, SqliteStore(tmp_path / "runs.db"), on_conflict="queue", on_unknown="retry") == uninterrupted
    written = SqliteStore(tmp_path / "runs.db").read("payments")
    os.kill(stale.pid, signal.SIGCONT)
    stale.join(60)
    assert stale.exitcode == 7, "the stale process should end with Fenced"
    assert SqliteStore(tmp_path / "runs.db").read("payments") == written
