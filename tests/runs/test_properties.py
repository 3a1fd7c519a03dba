"""Laws of journaled runs, over random conversations: branches, errors, questions, nested chats, functions.

A: a program that was killed after any entry of its log, and is started again, ends as if nobody had killed it; so does
   one that waits for a person at each question.
B: a run that was exported, imported and played again is the same run.
C: no secret of the configuration or by its form gets out of the journal, and the API key never gets into it.
"""

import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from autogen.runs.answers import keep_answer
from autogen.runs.recording import load_recording
from autogen.runs.rows import RunQuery
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store
from autogen.testing import driven
from autogen.testing.driven import DriverName
from autogen.testing.recorded import write_recording
from tests.runs.plots import API_KEY, CALLS, CANARY, TWISTS, Plot, hold, killed_at, plots, prefixes, said_after

BOTH: tuple[DriverName, DriverName] = ("blocking", "concurrent")
drivers = st.sampled_from(BOTH)
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
LONG = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
EVERYTHING = Plot(
    lines=(*({"calls": (number,)} for number in range(len(CALLS))), {"calls": (0, 2, 4, 6)}, {"text": "Well."}),
    mode="TERMINATE",
    answers=("more",),
    chats=2,
    clear=False,
    summary="nested",
    twists=frozenset({"nested_reply", "deep_reply", "caught_reply", "hook_send", "receive", "predicate"}),
)
"""What each property sees, whatever chance brings."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


# ---- A -------------------------------------------------------------------------------------------------------------


@QUICK
@given(plots(), drivers, drivers)
def test_a_killed_run_ends_as_the_uninterrupted_one(plot: Plot, begun: DriverName, ended: DriverName) -> None:
    check_law_a(plot, begun, ended)


@pytest.mark.parametrize("part", range(2))
def test_a_long_run_killed_anywhere_ends_as_the_uninterrupted_one(part: int) -> None:
    assert check_law_a(EVERYTHING, *BOTH, slice(part, None, 8)) > 100


@pytest.mark.slow
@pytest.mark.timeout(1800)
@LONG
@given(plots(), drivers, drivers)
def test_many_killed_runs_end_as_the_uninterrupted_ones(plot: Plot, begun: DriverName, ended: DriverName) -> None:
    check_law_a(plot, begun, ended)


@pytest.mark.parametrize("ended", BOTH)
@pytest.mark.parametrize("begun", BOTH)
@pytest.mark.parametrize("twist", TWISTS)
def test_each_function_of_the_program_survives(twist: str, begun: DriverName, ended: DriverName) -> None:
    lines = ({"text": "Hello."}, {"calls": (4, 0)}, {"text": "Go on."}, {"text": "Done. TERMINATE"})
    plot = Plot(lines=lines, mode="TERMINATE", answers=("more",), turns=4, twists=frozenset({twist}))
    assert check_law_a(plot, begun, ended) >= 5


def check_law_a(plot: Plot, begun: DriverName, ended: DriverName, some: slice = slice(None)) -> int:
    """How many prefixes there were."""
    store = SqliteStore(":memory:")
    whole = hold(plot, store, driven(begun))
    places = prefixes(store)
    for run_id, count in places[some]:
        left = killed_at(store, run_id, count)
        again = hold(plot, left, driven(ended))
        left.close()
        assert again == whole, f"killed after {count} entries of {run_id}: {difference(whole, again)}"
    store.close()
    return len(places)


@QUICK
@given(plots(), st.lists(drivers, min_size=1, max_size=3))
def test_a_run_that_waits_for_each_answer_ends_as_one_that_asks(plot: Plot, each: list[DriverName]) -> None:
    check_parked(plot, each)


@pytest.mark.parametrize("each", [["blocking"], ["concurrent"], ["blocking", "concurrent"]], ids="+".join)
def test_a_run_that_waits_twice_ends_as_one_that_asks(each: list[DriverName]) -> None:
    plot = Plot(
        lines=({"text": "Hello."}, {"calls": (4, 2)}, {"text": "Go on."}),
        mode="ALWAYS",
        answers=("why?", "", "more"),
        twists=frozenset({"nested_reply", "hook_send", "receive"}),
    )
    assert check_parked(plot, each) == 2


def check_parked(plot: Plot, each: list[DriverName]) -> int:
    """How often the run waited."""
    plot = replace(plot, twists=plot.twists - {"generate_reply"})  # a person cannot be waited for inside of it
    asked = hold(plot, SqliteStore(":memory:"), driven(each[0]))
    store = SqliteStore(":memory:")
    for turn in range(60):
        parked = hold(plot, store, driven(each[turn % len(each)]), on_human="park")
        last = parked["outcomes"][-1]
        if last[0] != "paused":
            assert parked == asked, difference(asked, parked)
            return turn
        (ask_id,), number, run_id = last[1:]
        keep_answer(store, run_id, ask_id, said_after(plot, number), "eve", 1.0)
    raise AssertionError("it waits for ever")


# ---- B -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


@QUICK
@example(EVERYTHING, "concurrent", "blocking")
@given(plots(), drivers, drivers)
def test_an_exported_run_imports_and_plays_as_it_was(
    folder: Path, plot: Plot, begun: DriverName, played: DriverName
) -> None:
    check_law_b(folder, plot, begun, played)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@LONG
@given(plots(), drivers, drivers)
def test_many_exported_runs_import_and_play(folder: Path, plot: Plot, begun: DriverName, played: DriverName) -> None:
    check_law_b(folder, plot, begun, played)


def check_law_b(folder: Path, plot: Plot, begun: DriverName, played: DriverName) -> None:
    store = SqliteStore(":memory:")
    whole = hold(plot, store, driven(begun))
    first, second = folder / "first.recording.jsonl", folder / "second.recording.jsonl"
    write_recording(store, first)
    again = load_recording(first)
    write_recording(again, second)
    assert second.read_bytes().splitlines()[1:-1] == first.read_bytes().splitlines()[1:-1]  # but how many secrets left
    if CANARY not in str(list(rows_of(store))):
        assert list(rows_of(again)) == list(rows_of(store))
    replayed = hold(plot, again, driven(played), replayed=True)
    assert shown(replayed) == shown(whole), difference(whole, replayed)
    again.close()
    store.close()


def rows_of(store: Store) -> Iterator[Any]:
    for row in store.runs(RunQuery()):
        live = {"owner": "", "lease_until": 0.0, "generation": 0}
        yield replace(row, **live), store.read(row.id), store.answers(row.id)


def shown(outcome: Any) -> str:
    """Without what an export takes out."""
    return str(outcome).replace(CANARY, "[redacted:api-key]")


# ---- C -------------------------------------------------------------------------------------------------------------


@QUICK
@example(replace(EVERYTHING, twists=EVERYTHING.twists | {"raising_reply"}), "blocking")
@given(plots(), drivers)
def test_no_secret_gets_out(plot: Plot, drive: DriverName) -> None:
    records: list[logging.LogRecord] = []
    handler = logging.Handler(0)
    handler.emit = records.append  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with tempfile.TemporaryDirectory() as home:
            check_law_c(Path(home), plot, drive)
    finally:
        root.removeHandler(handler)
    logged = "\n".join(f"{record.getMessage()} {record.args!r}" for record in records)
    assert API_KEY not in logged
    assert CANARY not in logged


def check_law_c(home: Path, plot: Plot, drive: DriverName) -> None:
    store = SqliteStore(home / "runs.db")
    whole = hold(plot, store, driven(drive))
    write_recording(store, home / "it.recording.jsonl")
    for row in store.runs(RunQuery()):
        errors = [entry.answer for entry in store.read(row.id) if entry.state == "failed"]
        for text in (row.error, row.stop_detail, str(errors)):
            assert CANARY not in text
            assert API_KEY not in text
    recording = (home / "it.recording.jsonl").read_text()
    assert CANARY not in recording
    for file in home.rglob("*"):  # the journal, what belongs to it, artifacts, the recording
        if file.is_file():
            assert API_KEY.encode() not in file.read_bytes(), file.name
    store.close()
    assert API_KEY not in str(whole)


def difference(one: Any, other: Any, path: str = "") -> str:
    """Where two values differ first, and how."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in {**one, **other}:
            if one.get(key) != other.get(key):
                return difference(one.get(key), other.get(key), f"{path}/{key}")
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine != theirs:
                return difference(mine, theirs, f"{path}/{index}")
    return f"{path}: {one!r:.1500} != {other!r:.1500}"
