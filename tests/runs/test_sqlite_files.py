"""The files of a SQLite journal: who may read them, what is refused, what damage looks like, how large they grow."""

import json
import os
import pickle
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogen.runs.artifacts import FILE_BYTES
from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged, Fenced, JournalError, JournalUnusable, NotStorable, UnknownFormat
from autogen.runs.rows import FORMAT, Answer, Entry, RunChange, RunQuery, RunRow
from autogen.runs.sqlite import SqliteStore

ROOT = Path(__file__).parents[2]
BIG = b"big" * FILE_BYTES
NAME = of_blob(BIG)


def entry(address: str = "a", **more: Any) -> Entry:
    return Entry(address=address, kind="model", state="done", **more)


def journal(path: Path, entries: int = 3) -> SqliteStore:
    """With a run `r`, carried on by `me` in generation 1; its first entry brought a large blob."""
    store = SqliteStore(path)
    store.create(RunRow(id="r"))
    store.claim("r", "me", 100.0, 15.0)
    store.append("r", 1, [entry("0", answer=b"first answer")], {NAME: BIG, of_blob(b"small"): b"small"})
    for number in range(1, entries):
        store.append("r", 1, [entry(str(number), answer=b"x" * 3000)])
    return store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def artifact(folder: Path) -> Path:
    return folder / "runs.db.artifacts" / NAME[:2] / NAME[2:]


def raw(path: Path, *statements: str) -> None:
    """Change the file behind the store's back."""
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def in_child(program: str, *arguments: str) -> Any:
    """What a fresh process prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- for the owner only ----------------------------------------------------------------------------------------------


def test_every_file_is_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = journal(tmp_path / "runs.db")
        made = {path.relative_to(tmp_path).as_posix(): mode(path) for path in tmp_path.rglob("*")}
    finally:
        os.umask(before)
    store.close()
    folder = "runs.db.artifacts"
    assert made == {
        "runs.db": 0o600, "runs.db-wal": 0o600, "runs.db-shm": 0o600, folder: 0o700, f"{folder}/{NAME[:2]}": 0o700,
        f"{folder}/{NAME[:2]}/{NAME[2:]}": 0o600,
    }  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs.db", folder]


def test_a_journal_in_memory_touches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore(":memory:")
    store.create(RunRow(id="r"))
    store.append("r", 0, [entry()], {NAME: BIG})
    assert store.blob("r", NAME) == BIG
    assert list(tmp_path.iterdir()) == []


def test_the_program_may_change_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = SqliteStore("runs.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    store.create(RunRow(id="r"))
    store.append("r", 0, [entry()], {NAME: BIG})
    store.close()
    assert store.where == str(tmp_path / "runs.db")
    assert artifact(tmp_path).is_file()


def test_any_name_of_a_file_works(tmp_path: Path) -> None:
    path = tmp_path / "a ?mode=ro#x%20 ü.db"
    journal(path).close()
    assert len(SqliteStore(path, create=False).read("r")) == 3


# ---- what is refused -------------------------------------------------------------------------------------------------


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    (path.parent / "target").touch()
    path.symlink_to("target")


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("target")


def a_link_beside_it(path: Path) -> None:
    (path.parent / "runs.db-wal").symlink_to("target")


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def a_text(path: Path) -> None:
    path.write_text("dear diary, " * 1000)


def a_foreign_database(path: Path) -> None:
    raw(path, "CREATE TABLE cats (name)", "INSERT INTO cats VALUES ('Tom')", "PRAGMA application_id = 123456")


def a_foreign_database_without_a_name(path: Path) -> None:
    raw(path, "CREATE TABLE cats (name)")


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (a_folder, "it is a folder"),
        (a_link, "it is a symbolic link"),
        (a_link_to_nothing, "it is a symbolic link"),
        (a_link_beside_it, "it is a symbolic link"),
        (a_pipe, "it is not a plain file"),
        (a_text, "it is not a SQLite database"),
        (a_foreign_database, "another program .application id 0x1e240, it holds: cats."),
        (a_foreign_database_without_a_name, "another program .application id 0x0, it holds: cats."),
    ],
)
def test_what_is_no_journal_is_refused_and_left_alone(
    planted: Callable[[Path], None], why: str, tmp_path: Path
) -> None:
    path = tmp_path / "runs.db"
    planted(path)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    with pytest.raises(JournalUnusable, match=why) as refused:
        SqliteStore(path)
    assert str(path) in str(refused.value)
    after = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}
    assert {name: after[name] for name in before} == before
    assert not (tmp_path / "target").exists() or (tmp_path / "target").read_bytes() == b""
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match=r"its folder '.*gone' does not exist"):
        SqliteStore(tmp_path / "gone" / "runs.db")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_does_not_make_a_journal(tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="no such file"):
        SqliteStore(tmp_path / "runs.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_no_system_takes_is_refused() -> None:
    with pytest.raises(JournalUnusable, match="null"):
        SqliteStore("runs\0.db")


def test_a_newer_format_is_refused_by_its_number(tmp_path: Path) -> None:
    journal(tmp_path / "runs.db").close()
    raw(tmp_path / "runs.db", f"PRAGMA user_version = {FORMAT + 1}")
    with pytest.raises(UnknownFormat, match=f"format {FORMAT + 1}, this version reads {FORMAT};") as refused:
        SqliteStore(tmp_path / "runs.db")
    assert (refused.value.found, refused.value.known) == (str(FORMAT + 1), str(FORMAT))


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER spy AFTER INSERT ON entries BEGIN DELETE FROM runs; END",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE entries ADD COLUMN more",
        "DROP TABLE answers",
    ],
)
def test_changed_tables_are_refused(statement: str, tmp_path: Path) -> None:
    journal(tmp_path / "runs.db").close()
    raw(tmp_path / "runs.db", statement)
    with pytest.raises(Damaged, match="tables are not those of a journal"):
        SqliteStore(tmp_path / "runs.db")


UNPRIVILEGED = """
import json, os, sys
from autogen.runs.errors import JournalUnusable
from autogen.runs.rows import RunRow
from autogen.runs.sqlite import SqliteStore
if os.geteuid() == 0:
    os.setgid(65534); os.setuid(65534)  # rights do not bind root
try:
    SqliteStore(sys.argv[1]).create(RunRow(id="new"))
except JournalUnusable as error:
    print(json.dumps(str(error)))
else:
    print(json.dumps("it worked"))
"""


@pytest.mark.parametrize("read_only", ["folder", "file", "both"])
def test_a_read_only_folder_or_file_is_told(read_only: str) -> None:
    import tempfile

    folder = Path(tempfile.mkdtemp())  # pytest's folders are closed to other users
    try:
        path = folder / "runs.db"
        if read_only != "folder":
            journal(path).close()
            path.chmod(0o444)
        folder.chmod(0o777 if read_only == "file" else 0o555)
        said = in_child(UNPRIVILEGED, str(path))
        assert said.startswith(f"the journal {str(path)!r} cannot be used: ")
        assert "see that this user may write the file and its folder" in said
    finally:
        folder.chmod(0o700)
        shutil.rmtree(folder)


def test_a_full_disk_loses_nothing_that_was_written(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    for write in (
        lambda: store.append("r", 1, [entry("full", answer=bytes(20_000))]),
        lambda: store.append("r", 1, [entry("one"), entry("two", answer=bytes(20_000))]),
        lambda: store.append("r", 1, [entry("full")], {of_blob(bytes(20_000)): bytes(20_000)}),
        lambda: store.settle("r", 1, RunChange(status="done", updated=1.0, result=bytes(20_000))),
    ):
        with pytest.raises(JournalUnusable, match="the disk is full"):
            write()
    assert [one.address for one in store.read("r")] == ["0", "1", "2"]
    assert store.run("r").status == "running"
    store._db.execute("PRAGMA max_page_count = 1000000")
    assert store.append("r", 1, [entry("after", answer=bytes(20_000))]) == [4]
    store.append("r", 1, [entry("b")], {of_blob(bytes(20_000)): bytes(20_000)})
    assert store.blob("r", of_blob(bytes(20_000))) == bytes(20_000)


def test_a_locked_file_is_told_after_a_while(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    store._db.execute("PRAGMA busy_timeout = 20")
    other = sqlite3.connect(tmp_path / "runs.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(JournalUnusable, match="locked"):
            store.append("r", 1, [entry()])
        assert len(store.read("r")) == 3
    finally:
        other.close()
    assert store.append("r", 1, [entry()]) == [4]


def test_a_number_that_no_file_holds_is_refused(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    with pytest.raises(NotStorable):
        store.append("r", 1, [entry(attempt=2**70)])
    assert len(store.read("r")) == 3


# ---- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.9, 0.5, 0.1])
def test_a_truncated_file_is_damaged(kept: float, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal(path, 50).close()
    os.truncate(path, int(path.stat().st_size * kept))
    with pytest.raises(Damaged, match=r"runs\.db"):
        SqliteStore(path).read("r")


def test_pages_of_noise_are_damaged(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    journal(path, 50).close()
    data = bytearray(path.read_bytes())
    data[8192:] = bytes(range(256)) * ((len(data) - 8192) // 256)
    path.write_bytes(data)
    with pytest.raises(Damaged):
        SqliteStore(path).read("r")


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE entries SET answer = x'00' WHERE address = '1'", "entry 2 of run 'r'"),
        ("UPDATE entries SET address = 'elsewhere' WHERE address = '1'", "entry 2 of run 'r'"),
        ("UPDATE entries SET kind = 'magic' WHERE address = '1'", "magic"),
        ("UPDATE entries SET state = 'finished' WHERE address = '1'", "finished"),
        ("UPDATE entries SET attempt = 'many' WHERE address = '1'", "attempt"),
        ("UPDATE entries SET answer = 'text' WHERE address = '1'", "answer"),
        ("UPDATE entries SET label = x'ff' WHERE address = '1'", "label"),
        ("UPDATE entries SET label = CAST(x'ff' AS TEXT) WHERE address = '1'", "UTF-8"),
        ("UPDATE entries SET held = x'00' WHERE address = '1'", "entry 2 of run 'r'"),
        ("DELETE FROM entries WHERE address = '1'", "entry 2 of run 'r' is damaged: it is missing"),
        ("UPDATE runs SET parent = 'r'", "forked from"),
        ("UPDATE runs SET parent = 'nobody', fork_seq = 1", "'nobody'"),
    ],
)
def test_a_changed_entry_is_damaged_by_name(statement: str, told: str, tmp_path: Path) -> None:
    journal(tmp_path / "runs.db").close()
    raw(tmp_path / "runs.db", statement)
    with pytest.raises(Damaged) as damaged:
        SqliteStore(tmp_path / "runs.db").read("r")
    assert told in str(damaged.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE runs SET status = 'asleep'",
        "UPDATE runs SET facts = x'5b5d'",
        "UPDATE runs SET facts = 7",
        "UPDATE runs SET cancel = 2",
        "UPDATE runs SET usd = 'free'",
        "UPDATE runs SET result = 'text'",
        "UPDATE runs SET lease_until = 'always'",
        "UPDATE runs SET generation = 1.5",
    ],
)
def test_a_changed_run_is_damaged_by_name(statement: str, tmp_path: Path) -> None:
    journal(tmp_path / "runs.db").close()
    raw(tmp_path / "runs.db", statement)
    store = SqliteStore(tmp_path / "runs.db")
    for look in (lambda: store.run("r"), lambda: store.runs(RunQuery()), lambda: store.claim("r", "x", 1e9, 15.0)):
        with pytest.raises(Damaged, match="run 'r'"):
            look()


def test_a_changed_answer_is_damaged(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    store.keep_answer("r", Answer(address="0", value=b"1"))
    raw(tmp_path / "runs.db", "UPDATE answers SET at = 'noon'")
    with pytest.raises(Damaged, match="an answer in run 'r'"):
        store.answers("r")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE entries SET pack = x'00'", "UPDATE entries SET held = x'0102'", "UPDATE entries SET held = zeroblob(25)"],
)
def test_a_changed_small_blob_is_damaged(statement: str, tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    raw(tmp_path / "runs.db", statement)
    with pytest.raises(Damaged):
        store.blob("r", of_blob(b"small"))


def gone(path: Path) -> None:
    path.unlink()


def gone_with_its_folder(path: Path) -> None:
    shutil.rmtree(path.parents[1])


def changed(path: Path) -> None:
    path.write_bytes(b"bag" * FILE_BYTES)


def cut(path: Path) -> None:
    os.truncate(path, 100)


def linked(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def its_folder_linked(path: Path) -> None:
    path.parent.rename(path.parents[1] / "moved")
    path.parent.symlink_to("moved")


def all_linked(path: Path) -> None:
    folder = path.parents[1]
    folder.rename(folder.with_name("moved"))
    folder.symlink_to("moved")


def a_pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def a_folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (gone, "missing"),
        (gone_with_its_folder, "missing"),
        (changed, "its content was changed"),
        (cut, "100 bytes in place of"),
        (linked, "symbolic link"),
        (its_folder_linked, "symbolic link"),
        (all_linked, "symbolic link"),
        (a_pipe_instead, "not a plain file"),
        (a_folder_instead, "not a plain file|directory"),
    ],
)
def test_a_harmed_artifact_is_not_read(harm: Callable[[Path], None], why: str, tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    assert store.blob("r", NAME) == BIG
    harm(artifact(tmp_path))
    with pytest.raises(JournalError, match=why):
        store.blob("r", NAME)


@pytest.mark.parametrize("planted", ["runs.db.artifacts", f"runs.db.artifacts/{NAME[:2]}"])
def test_no_artifact_is_written_through_a_link(planted: str, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / planted).parent.mkdir(exist_ok=True)
    (tmp_path / planted).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalUnusable, match="not a plain folder"):
        journal(tmp_path / "runs.db")
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert SqliteStore(tmp_path / "runs.db").read("r") == []


# ---- artifacts come and go with runs ---------------------------------------------------------------------------------


def test_a_large_blob_is_one_file_for_all_runs_and_goes_with_the_last(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    store.create(RunRow(id="s"))
    store.append("s", 0, [entry()], {NAME: BIG})
    assert [path.name for path in (tmp_path / "runs.db.artifacts").rglob("*") if path.is_file()] == [NAME[2:]]
    store.delete("r", 1000.0)
    assert store.blob("s", NAME) == BIG
    store.delete("s", 1000.0)
    assert not artifact(tmp_path).exists()


def test_a_stale_writer_leaves_no_file(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    store.create(RunRow(id="r"))
    with pytest.raises(Fenced):
        store.append("r", 7, [entry()], {NAME: BIG})
    assert not (tmp_path / "runs.db.artifacts").exists()


def test_pruning_sweeps_what_dead_processes_left(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    folder = tmp_path / "runs.db.artifacts"
    (folder / ".half.tmp").write_bytes(b"x")
    os.utime(folder / ".half.tmp", (0, 0))
    (folder / "ab").mkdir(exist_ok=True)
    (folder / "ab" / ("0" * 30)).write_bytes(b"of nobody")
    (folder / "notes.txt").write_text("of a person")
    store.prune(0.0, 1_000_000.0)
    left = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    assert left == sorted([f"{NAME[:2]}/{NAME[2:]}", "notes.txt"])


def test_a_deleted_run_leaves_no_trace_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = journal(path)
    secret = b"the patient said: it hurts"
    store.append("r", 1, [entry(answer=secret)], {of_blob(secret * 2): secret * 2})
    store.delete("r", 1000.0)
    store.close()
    assert secret not in path.read_bytes()


# ---- in use ----------------------------------------------------------------------------------------------------------


def test_a_file_that_goes_away_in_use_is_told_at_the_next_sign_of_life(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store = journal(path)
    path.rename(tmp_path / "moved.db")
    for use in (lambda: store.renew("r", 1, 1.0, 15.0), lambda: store.read("r")):
        with pytest.raises(JournalUnusable, match="removed or replaced"):
            use()
    SqliteStore(path).close()
    with pytest.raises(JournalUnusable, match="removed or replaced"):
        store.run("r")


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    store.close()
    store.close()
    with pytest.raises(JournalUnusable, match="it was closed"):
        store.read("r")


FORK = """
import json, os, sys
from autogen.runs.rows import Entry
from autogen.runs.sqlite import SqliteStore
store = SqliteStore(sys.argv[1])
def add(address):
    return store.append("r", 1, [Entry(address=address, kind="model", state="done")])
add("before")
to_child, to_parent = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    add("child opens the file")
    os.write(to_parent[1], b"x")
    os.read(to_child[0], 1)  # the parent has closed it by now
    for number in range(30):
        add(f"child {number}")
    os._exit(0)
add("parent")
os.read(to_parent[0], 1)
store.close()
os.write(to_child[1], b"x")
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
store = SqliteStore(sys.argv[1])
print(json.dumps([code, len(store.read("r"))]))
"""


def test_a_forked_child_writes_by_a_connection_of_its_own(tmp_path: Path) -> None:
    """The parent closes the file meanwhile; a connection that went through the fork would lose the child's writes."""
    journal(tmp_path / "runs.db").close()
    assert in_child(FORK, str(tmp_path / "runs.db")) == [0, 3 + 1 + 1 + 30 + 1]


def test_a_failed_transaction_of_an_interrupt_is_rolled_back_by_the_next(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db")
    store._db.execute("BEGIN IMMEDIATE")
    store._db.execute("DELETE FROM runs")
    assert store.run("r").id == "r"


# ---- how large, how fast ---------------------------------------------------------------------------------------------


def test_two_hundred_turns_of_2_kb_stay_small(tmp_path: Path) -> None:
    """Answers and request pieces of 2 kB each that share nothing: 820 kB of data."""
    path = tmp_path / "runs.db"
    store = SqliteStore(path)
    store.create(RunRow(id="r"))
    for number in range(200):
        piece = os.urandom(1024).hex().encode()
        more = entry(f"chat/{number}/critic/1", answer=os.urandom(1024).hex().encode(), digest="ab" * 16)
        store.append("r", 0, [more], {of_blob(piece): piece})
    in_use = sum(one.stat().st_size for one in tmp_path.iterdir() if not one.name.endswith("-shm"))
    store.close()
    assert path.stat().st_size < 1_000_000
    assert in_use < 2_000_000


def test_a_blob_that_is_given_with_every_entry_takes_its_room_once(tmp_path: Path) -> None:
    store = journal(tmp_path / "runs.db", 1)
    piece = os.urandom(20_000)
    for number in range(50):
        store.append("r", 1, [entry(str(number))], {of_blob(piece): piece})
    store.close()
    assert (tmp_path / "runs.db").stat().st_size < 100_000
    again = SqliteStore(tmp_path / "runs.db")
    generation = again.claim("r", "me", 101.0, 15.0).generation
    again.append("r", generation, [entry("resumed")], {of_blob(piece): piece})
    assert again._db.execute("SELECT sum(length(pack)) FROM entries").fetchone()[0] == len(piece) + len(b"small")
