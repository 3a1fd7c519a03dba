"""Laws of journaled runs, over random conversations: branches, errors, questions, nested chats, functions of the program.

A: a program that was killed after any entry of its log, and is started again, ends as if nobody had killed it.
B: a run that was exported, imported and played again is the same run.
C: no secret of the configuration or by its form gets out of the journal, and the API key never gets into it.
"""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autogen.runs.sqlite import SqliteStore
from autogen.testing import driven
from autogen.testing.driven import DriverName
from tests.runs.plots import Plot, hold, killed_at, plots, prefixes

BOTH: tuple[DriverName, DriverName] = ("blocking", "concurrent")
drivers = st.sampled_from(BOTH)


def check_law_a(plot: Plot, begun: DriverName, ended: DriverName, step: int = 1) -> int:
    store = SqliteStore(":memory:")
    whole = hold(plot, store, driven(begun))
    places = prefixes(store)
    for run_id, count in places[::step]:
        left = killed_at(store, run_id, count)
        try:
            again = hold(plot, left, driven(ended))
            assert again == whole, f"killed after {count} entries of {run_id}: {difference(whole, again)}"
        finally:
            left.close()
    store.close()
    return len(places)


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


QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(plots(), drivers, drivers)
def test_a_killed_run_ends_as_the_uninterrupted_one(plot: Plot, begun: DriverName, ended: DriverName) -> None:
    check_law_a(plot, begun, ended)
