"""Files of work directories in a journaled run: kept after code ran, put back in a fork, never lost."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, UserProxyAgent
from autogen.agents import entrypoints
from autogen.coding import CodeBlock, CodeExtractor, CodeResult, MarkdownCodeExtractor, work_files
from autogen.core.events import Event, Notice
from autogen.models.scripted import Script
from autogen.runs import work_files as told
from autogen.runs.rows import Entry
from autogen.runs.sqlite import SqliteStore
from autogen.testing.driven import Driven, driven


@pytest.fixture(params=("blocking", "concurrent"))
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(tmp_path / "runs.db")
    yield made
    made.close()


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


class Act(CodeResult):
    """What the executor below gives."""


class Writing:
    """An executor whose "code" is `name=content` lines, written into its work directory; `name=` deletes."""

    def __init__(self, work_dir: Path, ran: list[str]) -> None:
        self.work_dir, self.ran = work_dir, ran

    @property
    def code_extractor(self) -> CodeExtractor:
        return MarkdownCodeExtractor()

    def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> CodeResult:
        for block in code_blocks:
            self.ran.append(block.code.strip())
            for line in block.code.strip().splitlines():
                name, _, content = line.partition("=")
                path = self.work_dir / name
                path.parent.mkdir(exist_ok=True, parents=True)
                if content:
                    path.write_text(content)
                else:
                    path.unlink()
        return CodeResult(exit_code=0, output=" ".join(sorted(path.name for path in self.work_dir.iterdir())))

    def restart(self) -> None:
        """There is nothing to restart."""


def coding(store: SqliteStore, work: Path, drive: Driven, *codes: str, run_id: str = "c", **policy: Any) -> list[str]:
    """The assistant's blocks run one after the other; gives those that really ran."""
    lines = [f"```python\n{code}\n```" for code in codes]
    entry = {"api_type": "scripted", "model": "m", "script": Script([*lines, "TERMINATE"])}
    assistant = AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    ran: list[str] = []
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config={"executor": Writing(work, ran)})
    with autogen.durable(store, **policy):
        drive(user.initiate_chat, assistant, message="go", run_id=run_id, silent=True)
    return ran


def files(work: Path) -> dict[str, str]:
    return {path.relative_to(work).as_posix(): path.read_text() for path in sorted(work.rglob("*")) if path.is_file()}


def code_steps(store: SqliteStore, run_id: str = "c") -> list[Entry]:
    return [entry for entry in store.read(run_id) if entry.kind == "code" and entry.state == "done"]


def manifest(store: SqliteStore, run_id: str, number: int) -> told.Manifest:
    entries = {entry.address: entry for entry in store.read(run_id)}
    return told.manifest_after(code_steps(store, run_id)[number], entries.get)


# ---- what is kept --------------------------------------------------------------------------------------------------


def test_each_code_run_tells_what_it_changed_and_keeps_the_content(
    store: SqliteStore, work: Path, drive: Driven
) -> None:
    (work / "input.csv").write_text("1,2")
    coding(store, work, drive, "a.txt=one\nsub/b.txt=two", "a.txt=ONE\nsub/b.txt=")
    first, second = (told.code_detail(step).files for step in code_steps(store))
    assert first is not None and second is not None
    assert [row.path for row in first.before] == ["input.csv"]
    assert [row.path for row in first.set] == ["a.txt", "sub/b.txt"]
    assert ([row.path for row in second.set], second.gone) == (["a.txt"], ["sub/b.txt"])
    assert list(manifest(store, "c", 0)) == ["a.txt", "input.csv", "sub/b.txt"]
    now = manifest(store, "c", 1)
    assert {path: store.blob("c", row.digest) for path, row in now.items()} == {"a.txt": b"ONE", "input.csv": b"1,2"}


def test_files_that_did_not_change_cost_nothing(store: SqliteStore, work: Path) -> None:
    (work / "big.bin").write_bytes(os.urandom(50_000))
    drive = driven("blocking")
    coding(store, work, drive, "a.txt=one", "a.txt=two", "a.txt=three", run_id="c")
    sizes = [sum(row.size for row in _new(step)) for step in code_steps(store)]
    assert sizes == [50_003, 3, 5]
    assert max(len(step.detail) for step in code_steps(store)[1:]) < 400


def _new(step: Entry) -> list[told.FileRow]:
    found = told.code_detail(step).files
    assert found is not None
    return [*found.before, *found.set]


def test_secrets_links_pipes_and_the_journal_itself_are_never_kept(store: SqliteStore, tmp_path: Path) -> None:
    work = tmp_path  # the journal lies in it
    canary = "canary-7391"
    for name in (".env", ".env.local", "OAI_CONFIG_LIST", "id_rsa", "server.pem", ".git/config", ".venv/pyvenv.cfg"):
        (work / name).parent.mkdir(exist_ok=True)
        (work / name).write_text(canary)
    (work / "outside").symlink_to("/etc/passwd")
    os.mkfifo(work / "pipe")
    coding(store, work, driven("blocking"), "a.txt=one")
    found = manifest(store, "c", 0)
    assert list(found) == ["a.txt"]
    store.close()
    for path in tmp_path.glob("runs.db*"):
        data = path.read_bytes() if path.is_file() else b"".join(p.read_bytes() for p in path.rglob("*") if p.is_file())
        assert canary.encode() not in data and b"root:" not in data


def test_over_a_limit_only_the_digest_is_told(store: SqliteStore, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(told, "MOST_PER_FILE", 1_000)
    monkeypatch.setattr(told, "MOST_PER_SET", 1_500)
    monkeypatch.setattr(work_files, "MOST_FILES", 4)
    for name, size in (("a", 900), ("b", 1_001), ("c", 700), ("d", 500)):
        (work / name).write_text(name * size)
    coding(store, work, driven("blocking"), "e=x")
    found = manifest(store, "c", 0)
    assert {path: row.kept for path, row in found.items()} == {"a": True, "b": False, "c": False, "d": True}
    assert all(len(row.digest) == 32 for row in found.values())
    detail = told.code_detail(code_steps(store)[0]).files
    assert detail is not None and detail.left_out == 1  # "e" is the fifth file


def test_a_digest_is_taken_again_when_a_file_was_written(work: Path) -> None:
    (work / "a").write_text("one")
    os.utime(work / "a", ns=(1, 1))
    (first,) = work_files.scan(str(work), "/nowhere").files
    (work / "a").write_text("two")  # the same size
    os.utime(work / "a", ns=(2, 2))
    (second,) = work_files.scan(str(work), "/nowhere").files
    assert first.digest != second.digest and first.size == second.size


def test_an_executor_without_a_work_directory_tells_nothing(store: SqliteStore, work: Path) -> None:
    class Elsewhere(Writing):
        def __init__(self, work_dir: Path, ran: list[str]) -> None:
            self.ran = ran

        def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> CodeResult:
            return CodeResult(exit_code=0, output="ran")

    assert work_files.place(Elsewhere(work, [])) is None


# ---- what is put back ----------------------------------------------------------------------------------------------


def test_a_fork_gets_its_files_back_before_it_first_runs_code(store: SqliteStore, work: Path, drive: Driven) -> None:
    (work / "input.csv").write_text("1,2")
    first = ("a.txt=one\nold.txt=x", "a.txt=two\nsub/new.txt=y\nold.txt=", "last.txt=z")
    coding(store, work, drive, *first)
    after = files(work)
    fork = autogen.fork("c", 4, {"result": "changed"}, journal=store)  # the outcome of the second block
    assert files(work) == after  # nothing happens before the fork is carried on
    ran = coding(store, work, drive, *first[:2], "third.txt=1", run_id=fork)
    assert ran == ["third.txt=1"]
    assert files(work) == {"a.txt": "two", "input.csv": "1,2", "sub/new.txt": "y", "third.txt": "1"}

    again = autogen.fork("c", 3, journal=store)  # the model's answer before it
    ran = coding(store, work, drive, first[0], "fourth.txt=1", run_id=again)
    assert ran == ["fourth.txt=1"]
    assert files(work) == {"a.txt": "one", "fourth.txt": "1", "input.csv": "1,2", "old.txt": "x"}


def test_a_fork_before_any_code_gets_the_files_that_were_there_first(
    store: SqliteStore, work: Path, drive: Driven
) -> None:
    (work / "input.csv").write_text("1,2")
    coding(store, work, drive, "input.csv=spoilt\nmore.txt=x")
    fork = autogen.fork("c", 1, journal=store)
    coding(store, work, drive, "out.txt=1", run_id=fork)
    assert files(work) == {"input.csv": "1,2", "out.txt": "1"}


def test_in_an_empty_directory_elsewhere_everything_comes_back(
    store: SqliteStore, work: Path, tmp_path: Path, drive: Driven
) -> None:
    (work / "input.csv").write_text("1,2")
    coding(store, work, drive, "sub/a.txt=one", "b.txt=two")
    (work / "tool.sh").write_text("#!/bin/sh")
    fork = autogen.fork("c", 3, journal=store)
    there = tmp_path / "there"
    coding(store, there, drive, "sub/a.txt=one", "c.txt=three", run_id=fork)
    assert files(there) == {"c.txt": "three", "input.csv": "1,2", "sub/a.txt": "one"}


def test_what_the_journal_does_not_know_is_kept_beside_and_told(store: SqliteStore, work: Path, drive: Driven) -> None:
    coding(store, work, drive, "a.txt=one", "a.txt=two")
    (work / "a.txt").write_text("a night's work")
    (work / "mine.txt").write_text("mine")
    fork = autogen.fork("c", 3, journal=store)
    notices: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Notice):
            notices.append(event.text)

    with autogen.observing(note):
        coding(store, work, drive, "a.txt=one", "b.txt=x", run_id=fork)
    assert files(work) == {"a.txt": "one", "a.txt.kept-1": "a night's work", "b.txt": "x", "mine.txt": "mine"}
    assert [one for one in notices if "kept as a.txt.kept-1" in one and str(work) in one]
    assert autogen.fork("c", 3, journal=store) == "c~2"
    (work / "a.txt").write_text("another night's")
    coding(store, work, drive, "a.txt=one", "b.txt=x", run_id="c~2")
    assert files(work)["a.txt.kept-2"] == "another night's"


def test_a_file_of_another_fork_is_known_and_replaced(store: SqliteStore, work: Path, drive: Driven) -> None:
    coding(store, work, drive, "a.txt=one", "b.txt=x")
    for content in ("two", "three"):
        fork = autogen.fork("c", 3, journal=store)
        coding(store, work, drive, "a.txt=one", f"a.txt={content}", run_id=fork)
        assert files(work) == {"a.txt": content}


@pytest.mark.parametrize("planted", ["link", "folder", "linked_folder"])
def test_what_was_planted_leads_nowhere(
    store: SqliteStore, work: Path, tmp_path: Path, drive: Driven, planted: str
) -> None:
    coding(store, work, drive, "sub/a.txt=one", "b.txt=x")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.txt").write_text("not yours")
    (work / "sub" / "a.txt").unlink()
    if planted == "link":
        (work / "sub" / "a.txt").symlink_to(outside / "a.txt")
    elif planted == "folder":
        (work / "sub" / "a.txt").mkdir()
    else:
        (work / "sub").rmdir()
        (work / "sub").symlink_to(outside)
    fork = autogen.fork("c", 3, journal=store)
    notices: list[str] = []
    with autogen.observing(lambda event: notices.append(event.text) if isinstance(event, Notice) else None):
        coding(store, work, drive, "sub/a.txt=one", "c.txt=1", run_id=fork)
    assert (outside / "a.txt").read_text() == "not yours" and os.listdir(outside) == ["a.txt"]
    if planted == "linked_folder":
        assert any("sub/a.txt could not be put back" in one for one in notices)
    else:
        assert (work / "sub" / "a.txt").read_text() == "one"
        assert os.path.lexists(work / "sub" / "a.txt.kept-1")


def test_a_file_that_was_too_large_is_told_of(
    store: SqliteStore, work: Path, drive: Driven, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "MOST_PER_FILE", 10)
    coding(store, work, drive, "large.txt=" + "x" * 50, "large.txt=" + "y" * 50)
    fork = autogen.fork("c", 3, journal=store)
    notices: list[str] = []
    with autogen.observing(lambda event: notices.append(event.text) if isinstance(event, Notice) else None):
        coding(store, work, drive, "large.txt=" + "x" * 50, "b.txt=1", run_id=fork)
    assert files(work)["large.txt"] == "y" * 50  # never overwritten: nobody has another copy
    assert any("large.txt is not as it was" in one for one in notices)


def test_a_resumed_run_puts_files_back_only_when_asked(store: SqliteStore, work: Path, tmp_path: Path) -> None:
    before = dict(entrypoints._registered)
    drive = driven("blocking")

    def program(where: Path) -> Callable[[], list[str]]:
        def go() -> list[str]:
            ran: list[str] = []
            lines = ["```python\na.txt=one\n```", "```python\nb.txt=two\n```", "TERMINATE"]
            entry = {"api_type": "scripted", "model": "m", "script": Script(lines)}
            assistant = AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
            user = UserProxyAgent(
                "user", human_input_mode="ALWAYS", code_execution_config={"executor": Writing(where, ran)}
            )
            user.initiate_chat(assistant, message="go", silent=True)
            return ran

        return go

    def to_the_second_block(run: str, where: Path, **options: Any) -> None:
        """Enter each time, until both blocks ran."""
        while (view := drive(autogen.advance, run, journal=store, **options)).status == "paused":
            if (where / "b.txt").exists():
                return
            autogen.answer(run, view.pending[0].id, "", journal=store)

    try:
        for name, options in (("plain", {}), ("restored", {"restore": True})):
            here, there = tmp_path / f"{name}-here", tmp_path / f"{name}-there"
            here.mkdir(), there.mkdir()
            entrypoints._registered.clear()
            autogen.entrypoint(name="go")(program(here))
            run = autogen.start("go", run_id=name, journal=store)
            while not (here / "a.txt").exists():
                view = drive(autogen.advance, run, journal=store)
                autogen.answer(run, view.pending[0].id, "", journal=store) if not (here / "a.txt").exists() else None
            entrypoints._registered.clear()
            autogen.entrypoint(name="go")(program(there))
            to_the_second_block(run, there, **options)
            assert files(there) == ({"a.txt": "one", "b.txt": "two"} if options else {"b.txt": "two"})
    finally:
        entrypoints._registered.clear()
        entrypoints._registered.update(before)


def test_our_own_executors_files_are_kept_too(store: SqliteStore, work: Path) -> None:
    entry = {
        "api_type": "scripted",
        "model": "m",
        "script": ["```python\nopen('out.txt', 'w').write('1')\n```", "TERMINATE"],
    }
    assistant = AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config={"work_dir": str(work)})
    with autogen.durable(store):
        user.initiate_chat(assistant, message="go", run_id="c", silent=True)
    found = manifest(store, "c", 0)
    assert "out.txt" in found and store.blob("c", found["out.txt"].digest) == b"1"
