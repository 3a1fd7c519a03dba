"""What every store of a journal does, whatever it is made of: the contract of `autogen/runs/store.py` as tests.

A new store adds one line to STORES, and one to SHARED when several processes can open it.
"""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged, Fenced, HasForks, JournalError, RunBusy, UnknownRun, WrongFork
from autogen.runs.rows import Answer, Entry, RunChange, RunQuery, RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store

Maker = Callable[[Path], Store]

STORES: dict[str, Maker] = {
    "sqlite-file": lambda folder: SqliteStore(folder / "runs.db"),
    "sqlite-memory": lambda _: SqliteStore(":memory:"),
}
SHARED: dict[str, str] = {
    "sqlite-file": "from autogen.runs.sqlite import SqliteStore\nstore = SqliteStore(folder + '/runs.db')\n",
}
"""Source text that opens the store in another process."""

BIG = 200_000


@pytest.fixture(params=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = STORES[request.param](tmp_path)
    yield made
    made.close()


@pytest.fixture(params=list(SHARED))
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Store, Callable[[str], Any]]]:
    """A store, and a way to start a process in which `store` is the same one."""
    made = STORES[request.param](tmp_path)
    started: list[subprocess.Popen[str]] = []

    def start(program: str) -> subprocess.Popen[str]:
        opening = f"import sys\nfolder = {str(tmp_path)!r}\n" + SHARED[request.param]
        process = subprocess.Popen(
            [sys.executable, "-c", opening + program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2],
        )  # fmt: skip
        started.append(process)
        return process

    yield made, start
    for process in started:
        process.kill()
        process.communicate()
    made.close()


def entry(address: str = "chat/a/1", *, answer: bytes = b"{}", **more: Any) -> Entry:
    return Entry(address=address, kind="model", state="done", answer=answer, **more)


def begun(store: Store, run_id: str = "r", owner: str = "me", **more: Any) -> int:
    """A new run, claimed; its generation."""
    store.create(RunRow(id=run_id, **more))
    return store.claim(run_id, owner, 100.0, 15.0).generation


def change(status: Any = "done", updated: float = 200.0, **more: Any) -> RunChange:
    return RunChange(status=status, updated=updated, **more)


def addresses(entries: list[Entry]) -> list[str]:
    return [one.address for one in entries]


# ---- rows ------------------------------------------------------------------------------------------------------------

FULL = RunRow(
    id="q3/2", status="paused", created=12.5, updated=13.25, title="user → assistant: „hi“\0", entry="report",
    arguments=b'{"a":[1,null]}', facts={"model": "ab", "ключ": ""}, changes=b'{"x":1}', stop_reason="max_turns",
    stop_detail="two", error="Boom", result=b"\x00\xff", usd=None, input_tokens=2**40, output_tokens=3, model_calls=4,
    cancel=True, generation=7, owner="h:b:1:2", lease_until=99.5,
)  # fmt: skip


def test_a_run_comes_back_as_it_was_written(store: Store) -> None:
    assert store.create(FULL) == FULL
    assert store.run("q3/2") == FULL


def test_a_taken_id_changes_nothing_and_gives_the_row_that_has_it(store: Store) -> None:
    store.create(FULL)
    assert store.create(RunRow(id="q3/2", title="another")) == FULL
    assert store.run("q3/2") == FULL


def test_an_entry_comes_back_as_it_was_written(store: Store) -> None:
    generation = begun(store)
    full = Entry(
        address="chat/2/critic/1", kind="human", state="waiting", agent="critic", label="Überweisen?\n\0", digest="ab",
        attempt=3, started=1.5, ended=2.5, detail=b'{"x":1}', answer=b"\x00\xff" * 3000, seq=77,
    )  # fmt: skip
    assert store.append("r", generation, [full, entry("b")]) == [1, 2]
    first, second = store.read("r")
    assert (first.seq, second.seq) == (1, 2)
    assert first == Entry(**{**{name: getattr(full, name) for name in full.__struct_fields__}, "seq": 1})


def test_a_firm_entry_is_one_like_others_and_fenced_like_them(store: Store) -> None:
    """What it adds, that a power cut cannot take it back, is for the store's own tests to show."""
    stale = begun(store)
    kept = {of_blob(b"x"): b"x"}
    assert store.append("r", stale, [entry("a")], firm=True) == [1]
    assert store.append("r", stale, [entry("b"), entry("c")], kept, firm=True) == [2, 3]
    assert [one.address for one in store.read("r")] == ["a", "b", "c"]
    assert store.blob("r", of_blob(b"x")) == b"x"
    store.claim("r", "other", 1e6, 15.0)
    with pytest.raises(Fenced):
        store.append("r", stale, [entry("d")], firm=True)
    with pytest.raises(UnknownRun):
        store.append("gone", stale, [entry("d")], firm=True)
    assert len(store.read("r")) == 3


def test_half_a_character_in_a_text_does_not_lose_a_paid_answer(store: Store) -> None:
    half = "half \ud83d"
    store.create(RunRow(id=half, title=half, error=half))
    generation = store.claim(half, half, 1.0, 15.0).generation
    store.append(half, generation, [entry(half, label=half, answer=b"paid")])
    (found,) = store.read(half)
    assert (found.address, found.label, found.answer) == (half, half, b"paid")
    assert store.keep_answer(half, Answer(address=half, value=b"1", by=half)).by == half
    assert list(store.answers(half)) == [half]
    row = store.run(half)
    assert (row.id, row.title, row.owner) == (half, half, half)


@pytest.mark.parametrize(
    "asked",
    [
        lambda store: store.run("gone"),
        lambda store: store.read("gone"),
        lambda store: store.forks("gone"),
        lambda store: store.answers("gone"),
        lambda store: store.blob("gone", of_blob(b"")),
        lambda store: store.claim("gone", "me", 1.0, 15.0),
        lambda store: store.renew("gone", 1, 1.0, 15.0),
        lambda store: store.append("gone", 1, [entry()]),
        lambda store: store.append("gone", 1, [entry(), entry()]),
        lambda store: store.append("gone", 1, [entry()], {of_blob(b"x"): b"x"}),
        lambda store: store.settle("gone", 1, change()),
        lambda store: store.keep_answer("gone", Answer(address="a", value=b"1")),
        lambda store: store.ask_to_cancel("gone", 1.0),
        lambda store: store.delete("gone", 1.0),
        lambda store: store.create(RunRow(id="r", parent="gone", fork_seq=0)),
    ],
)
def test_a_run_that_is_not_there_is_named_by_every_method(store: Store, asked: Callable[[Store], object]) -> None:
    with pytest.raises(UnknownRun, match="'gone'"):
        asked(store)


# ---- lists -----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_and_found_by_status_text_and_age(store: Store) -> None:
    for number in range(5):
        store.create(RunRow(id=f"r{number}", created=float(number), updated=float(number), title=f"t{number}"))
    store.create(RunRow(id="x%", created=9.0, updated=9.0, entry="report", status="failed"))

    def found(**query: Any) -> list[str]:
        return [row.id for row in store.runs(RunQuery(**query))]

    assert found() == ["x%", "r4", "r3", "r2", "r1", "r0"]
    assert found(limit=2, offset=1) == ["r4", "r3"]
    assert found(status="failed") == ["x%"]
    assert found(text="%") == ["x%"]
    assert found(text="t3") == ["r3"]
    assert found(text="repor") == ["x%"]
    assert found(text="nothing of it") == []
    assert found(updated_before=2.0) == ["r1", "r0"]
    assert found(status="running", updated_before=4.0, text="r", limit=1) == ["r3"]


# ---- leases ----------------------------------------------------------------------------------------------------------


def test_a_claim_begins_the_next_generation(store: Store) -> None:
    store.create(RunRow(id="r"))
    first = store.claim("r", "me", 100.0, 15.0)
    assert (first.generation, first.owner, first.lease_until, first.updated) == (1, "me", 115.0, 100.0)
    assert store.run("r") == first


def test_another_owner_waits_until_the_lease_is_over(store: Store) -> None:
    begun(store)
    with pytest.raises(RunBusy) as busy:
        store.claim("r", "other", 110.0, 15.0)
    assert (busy.value.owner, busy.value.seconds) == ("me", 5.0)
    assert store.claim("r", "other", 115.0, 15.0).generation == 2


def test_a_renewed_lease_lasts_from_then_on(store: Store) -> None:
    generation = begun(store)
    assert store.renew("r", generation, 110.0, 15.0) is False
    with pytest.raises(RunBusy):
        store.claim("r", "other", 120.0, 15.0)
    assert store.claim("r", "other", 125.0, 15.0).owner == "other"


def test_the_lease_of_a_dead_owner_does_not_count(store: Store) -> None:
    begun(store)
    assert store.claim("r", "other", 101.0, 15.0, dead="me").generation == 2


def test_a_living_owner_is_not_taken_for_a_dead_one(store: Store) -> None:
    """Two who saw the same owner dead: the second one comes too late."""
    begun(store)
    store.claim("r", "first", 101.0, 15.0, dead="me")
    with pytest.raises(RunBusy) as busy:
        store.claim("r", "second", 101.0, 15.0, dead="me")
    assert busy.value.owner == "first"


def test_an_owner_may_claim_its_own_run_again(store: Store) -> None:
    begun(store)
    assert store.claim("r", "me", 101.0, 15.0).generation == 2


def test_a_lease_from_a_clock_that_jumped_is_over(store: Store) -> None:
    store.create(RunRow(id="r"))
    store.claim("r", "me", 1_000_000.0, 15.0)
    assert store.claim("r", "other", 100.0, 15.0).owner == "other"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("running", "running"),
        ("paused", "running"),
        ("failed", "running"),
        ("done", "done"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_claimed_run_is_running_unless_it_has_its_result(store: Store, before: Any, after: str) -> None:
    store.create(RunRow(id="r", status=before))
    assert store.claim("r", "me", 1.0, 15.0).status == after
    assert store.run("r").status == after


def test_a_settled_run_is_let_go_with_its_outcome(store: Store) -> None:
    generation = begun(store)
    ended = change("failed", stop_reason="error", stop_detail="d", error="Boom", result=b"x", usd=None, input_tokens=1,
                   output_tokens=2, model_calls=3)  # fmt: skip
    store.settle("r", generation, ended)
    row = store.run("r")
    assert {name: getattr(row, name) for name in ended.__struct_fields__} == {
        name: getattr(ended, name) for name in ended.__struct_fields__
    }
    assert (row.owner, row.lease_until) == ("", 0.0)
    assert store.claim("r", "other", 100.0, 15.0).owner == "other"


def test_a_late_sign_of_life_does_not_take_a_settled_run_again(store: Store) -> None:
    generation = begun(store)
    store.settle("r", generation, change("paused"))
    settled = store.run("r")
    store.renew("r", generation, 210.0, 15.0)
    assert store.run("r") == settled
    assert (store.run("r").owner, store.run("r").lease_until) == ("", 0.0)


def test_who_lost_the_run_writes_nothing(store: Store) -> None:
    stale = begun(store)
    store.append("r", stale, [entry("a")])
    taken = store.claim("r", "other", 200.0, 15.0)
    data = b"y" * BIG
    writes: list[Callable[[], object]] = [
        lambda: store.append("r", stale, [entry("b")]),
        lambda: store.append("r", stale, [entry("b"), entry("c")]),
        lambda: store.append("r", stale, [entry("b")], {of_blob(b"x"): b"x"}),
        lambda: store.append("r", stale, [entry("b")], {of_blob(data): data}),
        lambda: store.append("r", stale, []),
        lambda: store.settle("r", stale, change("done")),
        lambda: store.renew("r", stale, 201.0, 15.0),
    ]
    for write in writes:
        with pytest.raises(Fenced) as fenced:
            write()
        assert (fenced.value.run_id, fenced.value.generation) == ("r", stale)
    assert store.run("r") == taken
    assert addresses(store.read("r")) == ["a"]
    for digest in (of_blob(b"x"), of_blob(data)):
        with pytest.raises(Damaged):
            store.blob("r", digest)


def test_a_run_made_anew_refuses_who_is_left_from_the_deleted_one(store: Store) -> None:
    stale = begun(store)
    store.delete("r", 1000.0)
    assert begun(store) > stale
    with pytest.raises(Fenced):
        store.append("r", stale, [entry()])


# ---- cancelling ------------------------------------------------------------------------------------------------------


def test_a_run_that_nobody_carries_on_is_cancelled_at_once(store: Store) -> None:
    store.create(RunRow(id="r", status="paused"))
    row = store.ask_to_cancel("r", 50.0)
    assert (row.status, row.cancel, row.stop_reason, row.updated) == ("cancelled", True, "cancelled", 50.0)
    assert store.run("r") == row


def test_a_run_that_is_carried_on_is_asked_to_end(store: Store) -> None:
    generation = begun(store)
    row = store.ask_to_cancel("r", 101.0)
    assert (row.status, row.cancel, row.owner) == ("running", True, "me")
    assert store.renew("r", generation, 102.0, 15.0) is True
    assert store.append("r", generation, [entry()]) == [1]


def test_who_lost_the_lease_cannot_go_on_with_a_cancelled_run(store: Store) -> None:
    generation = begun(store)
    assert store.ask_to_cancel("r", 500.0).status == "cancelled"
    with pytest.raises(Fenced):
        store.append("r", generation, [entry()])


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_run_that_has_ended_stays_as_it_is(store: Store, status: Any) -> None:
    made = store.create(RunRow(id="r", status=status))
    assert store.ask_to_cancel("r", 50.0) == made == store.run("r")


# ---- the log, forks, answers -----------------------------------------------------------------------------------------


def test_a_log_is_read_from_any_entry_on(store: Store) -> None:
    generation = begun(store)
    for name in "abc":
        store.append("r", generation, [entry(name)])
    assert addresses(store.read("r", after=1)) == ["b", "c"]
    assert store.read("r", after=3) == store.read("r", after=99) == []


def test_two_runs_do_not_mix(store: Store) -> None:
    first, second = begun(store, "one"), begun(store, "two")
    assert store.append("one", first, [entry("a")]) == [1]
    assert store.append("two", second, [entry("x")]) == [1]
    assert store.append("one", first, [entry("b")]) == [2]
    assert (addresses(store.read("one")), addresses(store.read("two"))) == (["a", "b"], ["x"])


def family(store: Store) -> None:
    """`root` has a b c d; `child` shares a b and adds C; `grandchild` shares a b C and adds D; `early` shares a."""
    root = begun(store, "root", created=1.0)
    store.append("root", root, [entry(name) for name in "abcd"], {of_blob(b"of a"): b"of a"})
    store.append("root", root, [entry("e")], {of_blob(b"of e"): b"of e"})
    child = begun(store, "child", parent="root", fork_seq=2, created=2.0)
    assert store.append("child", child, [entry("C")], {of_blob(b"of C"): b"of C"}) == [3]
    grandchild = begun(store, "grandchild", parent="child", fork_seq=3, created=3.0)
    assert store.append("grandchild", grandchild, [entry("D")]) == [4]
    early = begun(store, "early", parent="child", fork_seq=1, created=4.0)
    assert store.append("early", early, [entry("B")]) == [2]


def test_a_fork_reads_the_shared_part_first_and_counts_on(store: Store) -> None:
    family(store)
    assert [one.seq for one in store.read("grandchild")] == [1, 2, 3, 4]
    assert addresses(store.read("child")) == ["a", "b", "C"]
    assert addresses(store.read("grandchild")) == ["a", "b", "C", "D"]
    assert addresses(store.read("grandchild", after=1)) == ["b", "C", "D"]
    assert addresses(store.read("grandchild", after=3)) == ["D"]
    assert addresses(store.read("early")) == ["a", "B"]
    assert addresses(store.read("root")) == ["a", "b", "c", "d", "e"]


def test_a_fork_shares_the_blobs_of_its_part_and_no_others(store: Store) -> None:
    family(store)
    assert store.blob("grandchild", of_blob(b"of a")) == b"of a"
    assert store.blob("grandchild", of_blob(b"of C")) == b"of C"
    for run_id, data in (("child", b"of e"), ("early", b"of C"), ("root", b"of C")):
        with pytest.raises(Damaged):
            store.blob(run_id, of_blob(data))


def test_forks_are_known_oldest_first(store: Store) -> None:
    family(store)
    assert [row.id for row in store.forks("child")] == ["grandchild", "early"]
    assert store.forks("early") == []


@pytest.mark.parametrize(("parent", "seq"), [("root", 3), ("root", -1), (None, 1)])
def test_a_fork_cannot_share_more_than_there_is(store: Store, parent: str | None, seq: int) -> None:
    generation = begun(store, "root")
    store.append("root", generation, [entry("a"), entry("b")])
    with pytest.raises(WrongFork):
        store.create(RunRow(id="f", parent=parent, fork_seq=seq))
    with pytest.raises(UnknownRun):
        store.run("f")


def test_the_first_answer_counts(store: Store) -> None:
    begun(store)
    first = Answer(address="ask/1", value=b"true", by="ann", at=5.0)
    assert store.keep_answer("r", first) == first
    assert store.keep_answer("r", Answer(address="ask/1", value=b"false", by="bob")) == first
    assert store.answers("r") == {"ask/1": first}


def test_a_fork_shares_answers_to_questions_of_its_part_and_may_give_its_own(store: Store) -> None:
    family(store)
    for address in "ae":
        store.keep_answer("root", Answer(address=address, value=b"1", by="ann"))
    store.keep_answer("child", Answer(address="C", value=b"2", by="bob"))
    assert sorted(store.answers("grandchild")) == ["C", "a"]
    own = Answer(address="a", value=b"3", by="cy")
    assert store.keep_answer("grandchild", own) == own
    assert store.answers("grandchild")["a"] == own
    assert store.answers("child")["a"].by == "ann"


# ---- blobs -----------------------------------------------------------------------------------------------------------


def test_blobs_of_any_size_come_back(store: Store) -> None:
    generation = begun(store)
    kept = {of_blob(data): data for data in (b"", b"x", bytes(65_536), bytes(65_537), b"z" * BIG)}
    store.append("r", generation, [entry("a")], kept)
    assert {digest: store.blob("r", digest) for digest in kept} == kept


def test_a_blob_that_is_given_again_is_kept_once(store: Store) -> None:
    generation = begun(store)
    data = {of_blob(b"x"): b"x"}
    store.append("r", generation, [entry("a")], data)
    store.append("r", generation, [entry("b"), entry("c")], {**data, of_blob(b"y"): b"y"})
    assert store.blob("r", of_blob(b"x")) == b"x"
    assert store.blob("r", of_blob(b"y")) == b"y"


@pytest.mark.parametrize("name", ["", "ab", "../../../../etc/passwd", "A" * 32, "0" * 33, "0" * 32 + "\n"])
def test_a_blob_is_named_by_its_digest_only(store: Store, name: str) -> None:
    generation = begun(store)
    for use in (lambda: store.blob("r", name), lambda: store.append("r", generation, [entry()], {name: b"x" * BIG})):
        with pytest.raises(JournalError, match="32 hex digits"):
            use()
    assert store.read("r") == []


def test_blobs_come_with_an_entry(store: Store) -> None:
    generation = begun(store)
    with pytest.raises(JournalError, match="need an entry"):
        store.append("r", generation, [], {of_blob(b"x"): b"x"})


# ---- deletion --------------------------------------------------------------------------------------------------------


def test_a_deleted_run_is_gone_whole(store: Store) -> None:
    generation = begun(store)
    store.append("r", generation, [entry()], {of_blob(b"x"): b"x"})
    store.keep_answer("r", Answer(address="a", value=b"1"))
    store.delete("r", 1000.0)
    assert store.runs(RunQuery()) == []
    begun(store)
    assert (store.read("r"), store.answers("r")) == ([], {})
    with pytest.raises(Damaged):
        store.blob("r", of_blob(b"x"))


def test_a_run_that_is_carried_on_or_has_forks_is_not_deleted(store: Store) -> None:
    family(store)
    with pytest.raises(RunBusy):
        store.delete("grandchild", 101.0)
    with pytest.raises(HasForks) as refused:
        store.delete("child", 1000.0)
    assert refused.value.forks == ("grandchild", "early")
    for run_id in ("grandchild", "early", "child", "root"):
        store.delete(run_id, 1000.0)
    assert store.runs(RunQuery()) == []


def test_a_blob_stays_while_another_run_has_it(store: Store) -> None:
    data = b"shared" * BIG
    for run_id in ("one", "two"):
        store.append(run_id, begun(store, run_id), [entry()], {of_blob(data): data})
    store.delete("one", 1000.0)
    assert store.blob("two", of_blob(data)) == data


def test_pruning_takes_old_ended_runs_and_leaves_the_rest(store: Store) -> None:
    for run_id, status, updated in (
        ("old", "done", 10.0), ("old too", "cancelled", 10.0), ("new", "done", 60.0), ("open", "paused", 10.0),
    ):  # fmt: skip
        store.create(RunRow(id=run_id, status=status, updated=updated))  # type: ignore[arg-type]
    store.create(RunRow(id="held", status="done", owner="me", lease_until=2000.0, updated=10.0))
    store.create(RunRow(id="parent", status="done", updated=10.0))
    store.create(RunRow(id="fork that stays", status="paused", parent="parent", updated=10.0))
    store.create(RunRow(id="both go", status="done", updated=10.0))
    store.create(RunRow(id="its fork", status="failed", parent="both go", updated=10.0))
    assert store.prune(50.0, 1000.0) == 4
    assert sorted(row.id for row in store.runs(RunQuery())) == ["fork that stays", "held", "new", "open", "parent"]


# ---- many at once ----------------------------------------------------------------------------------------------------

EIGHT_THREADS = """
import threading
from autogen.runs.rows import Entry, RunRow
name = sys.argv[1] if len(sys.argv) > 1 else NAME
failures = []
def carry_on(number):
    try:
        run_id = f"{name}-{number}"
        store.create(RunRow(id=run_id))
        generation = store.claim(run_id, name, 1.0, 15.0).generation
        for step in range(25):
            (seq,) = store.append(run_id, generation, [Entry(address=f"{number}/{step}", kind="model", state="done")])
            assert seq == step + 1
            store.runs(__import__("autogen.runs.rows").runs.rows.RunQuery(limit=3))
    except BaseException as error:
        failures.append(repr(error))
threads = [threading.Thread(target=carry_on, args=(number,)) for number in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(failures)
"""


def test_eight_threads_in_two_processes_write_sixteen_runs(shared: tuple[Store, Callable[[str], Any]]) -> None:
    store, start = shared
    processes = [start(f"NAME = {name!r}\n" + EIGHT_THREADS) for name in ("p", "q")]
    assert [process.communicate(timeout=50)[0].strip() for process in processes] == ["[]", "[]"]
    for name in ("p", "q"):
        for number in range(8):
            assert addresses(store.read(f"{name}-{number}")) == [f"{number}/{step}" for step in range(25)]


CLAIM = """
from autogen.runs.errors import RunBusy
print("ready", flush=True)
sys.stdin.readline()
try:
    row = store.claim("r", OWNER, 100.0, 15.0)
    print("took", row.generation)
except RunBusy as busy:
    print("busy", busy.owner)
"""


def test_of_two_processes_one_gets_the_run(shared: tuple[Store, Callable[[str], Any]]) -> None:
    store, start = shared
    store.create(RunRow(id="r"))
    processes = [start(f"OWNER = {owner!r}\n" + CLAIM) for owner in ("p", "q")]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.communicate(timeout=50)[0].strip() for process in processes)
    winner = store.run("r")
    assert said == [f"busy {winner.owner}", "took 1"]
    assert winner.owner in ("p", "q")


def test_a_reader_sees_whole_entries_while_another_process_writes(shared: tuple[Store, Callable[[str], Any]]) -> None:
    store, start = shared
    generation = begun(store)
    reader = start(
        "from autogen.runs.rows import RunQuery\nprint('ready', flush=True)\nseen = 0\nwhile seen < 60:\n"
        "    found = store.read('r')\n    assert [one.seq for one in found] == list(range(1, len(found) + 1))\n"
        "    assert len(found) % 2 == 0 and len(found) >= seen\n    seen = len(found)\n"
        "    assert [row.id for row in store.runs(RunQuery())] == ['r']\nprint('read', seen)\n"
    )
    assert reader.stdout.readline() == "ready\n"
    for step in range(30):
        store.append("r", generation, [entry(f"{step}/a"), entry(f"{step}/b")], {of_blob(b"%d" % step): b"%d" % step})
    assert reader.communicate(timeout=50)[0].strip() == "read 60"


def test_threads_that_append_to_one_run_get_different_numbers(store: Store) -> None:
    generation = begun(store)
    numbers: list[int] = []

    def write(name: str) -> None:
        for step in range(20):
            data = f"{name}{step}".encode()
            numbers.extend(store.append("r", generation, [entry(f"{name}/{step}")], {of_blob(data): data}))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 161))
    assert len(store.read("r")) == 160


# ---- any sequence of calls agrees with the contract in plain Python --------------------------------------------------

ENDED = ("done", "failed", "cancelled")


class Model:
    """The contract of a store, as short as it can be said."""

    def __init__(self) -> None:
        self.rows: dict[str, RunRow] = {}
        self.logs: dict[str, list[tuple[Entry, dict[str, bytes]]]] = {}
        self.given: dict[str, dict[str, Answer]] = {}
        self.past = 0

    def run(self, run_id: str) -> RunRow:
        if run_id not in self.rows:
            raise UnknownRun(run_id, "")
        return self.rows[run_id]

    def _log(self, run_id: str) -> list[tuple[Entry, dict[str, bytes]]]:
        row = self.run(run_id)
        shared = [] if row.parent is None else self._log(row.parent)[: row.fork_seq]
        return shared + self.logs[run_id]

    def create(self, run: RunRow) -> RunRow:
        if run.id not in self.rows:
            last = 0 if run.parent is None else len(self._log(run.parent))
            if not 0 <= run.fork_seq <= last:
                raise WrongFork(run.id, run.parent, run.fork_seq, last)
            self.rows[run.id] = replace(run, generation=max(run.generation, self.past))
            self.logs[run.id], self.given[run.id] = [], {}
        return self.rows[run.id]

    def runs(self, query: RunQuery) -> list[RunRow]:
        newest = list(self.rows.values())
        newest.reverse()
        newest.sort(key=lambda row: -row.created)
        found = [
            row
            for row in newest
            if query.status in (None, row.status)
            and query.text in row.id + "\n" + row.title + "\n" + row.entry
            and (query.updated_before is None or row.updated < query.updated_before)
        ]
        return found[query.offset :][: query.limit]

    def forks(self, run_id: str) -> list[RunRow]:
        self.run(run_id)
        return sorted((row for row in self.rows.values() if row.parent == run_id), key=lambda row: row.created)

    def claim(self, run_id: str, owner: str, now: float, lease: float, dead: str = "") -> RunRow:
        row = self.run(run_id)
        if row.owner not in ("", owner, dead) and now < row.lease_until <= now + 2 * lease:
            raise RunBusy(run_id, row.owner, 0)
        status = "running" if row.status in ("paused", "failed") else row.status
        self.rows[run_id] = replace(
            row, generation=row.generation + 1, owner=owner, lease_until=now + lease, updated=now, status=status
        )
        return self.rows[run_id]

    def _fence(self, run_id: str, generation: int) -> RunRow:
        row = self.run(run_id)
        if row.generation != generation:
            raise Fenced(run_id, generation)
        return row

    def renew(self, run_id: str, generation: int, now: float, lease: float) -> bool:
        row = self._fence(run_id, generation)
        if row.owner:
            self.rows[run_id] = replace(row, updated=now, lease_until=now + lease)
        return row.cancel

    def append(
        self, run_id: str, generation: int, entries: list[Entry], blobs: dict[str, bytes], *, firm: bool = False
    ) -> list[int]:
        self._fence(run_id, generation)
        numbers = []
        for one in entries:
            numbers.append(self.rows[run_id].fork_seq + len(self.logs[run_id]) + 1)
            self.logs[run_id].append((replace(one, seq=numbers[-1]), blobs))
            blobs = {}
        return numbers

    def settle(self, run_id: str, generation: int, ended: RunChange) -> None:
        row = self._fence(run_id, generation)
        fields = {name: getattr(ended, name) for name in ended.__struct_fields__}
        self.rows[run_id] = replace(row, **fields, owner="", lease_until=0.0)

    def read(self, run_id: str, after: int = 0) -> list[Entry]:
        return [one for one, _ in self._log(run_id)][after:]

    def blob(self, run_id: str, digest: str) -> bytes:
        for _, blobs in self._log(run_id):
            if digest in blobs:
                return blobs[digest]
        raise Damaged(digest, "")

    def keep_answer(self, run_id: str, answer: Answer) -> Answer:
        self.run(run_id)
        return self.given[run_id].setdefault(answer.address, answer)

    def answers(self, run_id: str) -> dict[str, Answer]:
        row = self.run(run_id)
        shared: dict[str, Answer] = {}
        if row.parent is not None:
            asked = {one.address for one, _ in self._log(row.parent)[: row.fork_seq]}
            shared = {address: one for address, one in self.answers(row.parent).items() if address in asked}
        return {**shared, **self.given[run_id]}

    def ask_to_cancel(self, run_id: str, now: float) -> RunRow:
        row = self.run(run_id)
        if row.status in ENDED:
            return row
        if row.owner and row.lease_until > now:
            row = replace(row, cancel=True)
        else:
            row = replace(
                row, cancel=True, status="cancelled", stop_reason="cancelled", updated=now, owner="", lease_until=0.0,
                generation=row.generation + 1,
            )  # fmt: skip
        self.rows[run_id] = row
        return row

    def delete(self, run_id: str, now: float) -> None:
        row = self.run(run_id)
        if row.owner and row.lease_until > now:
            raise RunBusy(run_id, row.owner, 0)
        if self.forks(run_id):
            raise HasForks(run_id, ())
        self.past = max(self.past, row.generation)
        del self.rows[run_id], self.logs[run_id], self.given[run_id]

    def prune(self, updated_before: float, now: float) -> int:
        count = 0
        for row in list(self.rows.values())[::-1] * len(self.rows):
            free = not row.owner or row.lease_until <= now
            old = row.status in ENDED and row.updated < updated_before
            if row.id in self.rows and free and old and not self.forks(row.id):
                self.delete(row.id, now)
                count += 1
        return count


ids = st.sampled_from(["r", "s", "t", "u"])
times = st.floats(0, 100).map(lambda value: round(value, 1))
names = st.sampled_from(["a", "b", "c"])
owners = st.sampled_from(["me", "other"])
pieces = [b"", b"x", b"y" * 3000, b"z" * 70_000]
generations = st.integers(0, 4)
calls = st.one_of(
    st.tuples(st.just("create"), ids, times),
    st.tuples(st.just("fork"), ids, ids, st.integers(0, 4), times),
    st.tuples(st.just("claim"), ids, owners, times, st.sampled_from([5.0, 20.0]), st.booleans()),
    st.tuples(st.just("renew"), ids, generations, times, st.just(20.0)),
    st.tuples(st.just("append"), ids, generations, st.lists(names, max_size=3), st.sets(st.sampled_from(pieces))),
    st.tuples(
        st.just("append"), ids, st.none(), st.lists(names, min_size=1, max_size=2), st.sets(st.sampled_from(pieces))
    ),
    st.tuples(st.just("settle"), ids, generations, st.sampled_from(["paused", "done", "failed"]), times),
    st.tuples(st.just("keep_answer"), ids, names, st.sampled_from([b"1", b"2"])),
    st.tuples(st.just("ask_to_cancel"), ids, times),
    st.tuples(st.just("delete"), ids, times),
    st.tuples(st.just("prune"), times, times),
)


def carried_out(store: Any, model: Model, call: tuple[Any, ...]) -> object:
    """One call on a store or the model: its result, or the class of its error."""
    match call:
        case ("create", run_id, now):
            return attempt(store.create, RunRow(id=run_id, created=now, updated=now))
        case ("fork", run_id, parent, seq, now):
            return attempt(store.create, RunRow(id=run_id, parent=parent, fork_seq=seq, created=now, updated=now))
        case ("append", run_id, generation, addresses, blobs):
            if generation is None:  # the one that may write, as it happens
                generation = model.rows[run_id].generation if run_id in model.rows else 0
            named = {of_blob(data): data for data in sorted(blobs)} if addresses else {}
            return attempt(store.append, run_id, generation, [entry(name) for name in addresses], named)
        case ("settle", run_id, generation, status, now):
            return attempt(store.settle, run_id, generation, change(status, now, stop_detail=status))
        case ("keep_answer", run_id, address, value):
            return attempt(store.keep_answer, run_id, Answer(address=address, value=value))
        case (name, *arguments):
            return attempt(getattr(store, name), *arguments)
    raise AssertionError(call)


def attempt(call: Callable[..., object], *arguments: object) -> object:
    try:
        return call(*arguments)
    except JournalError as error:
        return type(error)


def everything(store: Any) -> list[object]:
    seen: list[object] = [store.runs(RunQuery()), store.runs(RunQuery(status="done", text="r", updated_before=50.0))]
    for run_id in "rstu":
        seen += [attempt(store.read, run_id), attempt(store.read, run_id, 2), attempt(store.answers, run_id)]
        seen += [attempt(store.forks, run_id)]
        seen += [attempt(store.blob, run_id, of_blob(data)) for data in pieces]
    return seen


@pytest.mark.parametrize("kind", list(STORES))
@settings(max_examples=60)
@given(made=st.lists(calls, max_size=30))
def test_any_sequence_of_calls_does_what_the_contract_says(kind: str, made: list[tuple[Any, ...]]) -> None:
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        store = STORES[kind](Path(folder))
        try:
            for call in made:
                expected = carried_out(model, model, call)
                assert carried_out(store, model, call) == expected, call
            assert everything(store) == everything(model)
        finally:
            store.close()
