"""What can be wrong with a journal or with what is asked of it: one clear error each, and never a half-written run.

A wrong file is left as it is; a run that could not go on goes on when the reason is gone.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent
from autogen.core.errors import ConfigError, ModelError
from autogen.runs.durable import _opened
from autogen.runs.errors import (
    Damaged,
    Diverged,
    HasForks,
    JournalUnusable,
    NotStorable,
    UnboundTool,
    UnknownFormat,
)
from autogen.runs.sqlite import SqliteStore
from autogen.testing import Script
from tests.runs.payments import acts, note
from tests.stories.cast import a_model, a_user, contents, tool_call


@pytest.fixture(autouse=True)
def no_journal_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def chat(
    journal: Any, lines: Any = ("Hello.", "TERMINATE"), run_id: str = "r", message: str = "Hi", **policy: Any
) -> Any:
    with autogen.durable(journal, **policy):
        return a_user(default_auto_reply="more").initiate_chat(
            a_model(list(lines)), message=message, run_id=run_id, silent=True
        )


def closed(path: Path) -> Path:
    """As after the end of the process: everything is in the file itself."""
    for key in [key for key in _opened if key[1] == os.path.realpath(path)]:
        _opened.pop(key).close()
    return path


# ---- the file -------------------------------------------------------------------------------------------------------


def test_a_journal_of_a_newer_format_is_refused_by_its_number_and_left_as_it_is(path: Path) -> None:
    chat(path)
    with sqlite3.connect(closed(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(UnknownFormat, match="format 99, this version reads 1"):
        chat(path)
    assert path.read_bytes() == before


def test_a_truncated_journal_is_damaged_or_unusable_and_says_so(path: Path) -> None:
    chat(path, ["x" * 40_000, "TERMINATE"])
    whole = closed(path).read_bytes()
    for part in (len(whole) // 2, len(whole) - 3000, 2048, 700, 60):
        path.write_bytes(whole[:part])
        with pytest.raises((Damaged, JournalUnusable), match=r"runs\.db|entry|run 'r'"):
            chat(path)
        closed(path)


def test_a_tampered_entry_is_named(path: Path) -> None:
    chat(path)
    with sqlite3.connect(closed(path)) as db:
        db.execute("UPDATE entries SET answer = replace(answer, 'Hello', 'Hullo')")
        db.execute("UPDATE entries SET answer = CAST(answer AS BLOB)")
    with pytest.raises(Damaged, match="entry 1 of run 'r'"):
        chat(path)


def test_a_missing_entry_is_named(path: Path) -> None:
    chat(path)
    with sqlite3.connect(closed(path)) as db:
        db.execute("DELETE FROM entries WHERE key IN (SELECT min(key) FROM entries)")
    with pytest.raises(Damaged, match="entry 1 of run 'r'"):
        chat(path)


def test_a_foreign_database_a_text_and_a_link_are_no_journals(tmp_path: Path) -> None:
    foreign = tmp_path / "app.db"
    with sqlite3.connect(foreign) as db:
        db.execute("CREATE TABLE customers (name TEXT)")
    text = tmp_path / "notes.txt"
    text.write_text("no database\n" * 100)
    for other, word in ((foreign, "another program.*customers"), (text, "not a SQLite database")):
        before = other.read_bytes()
        with pytest.raises(JournalUnusable, match=word):
            chat(other)
        assert other.read_bytes() == before
        assert not other.with_name(other.name + "-wal").exists()


def test_a_directory_holds_a_journal_and_a_missing_folder_is_named(tmp_path: Path) -> None:
    chat(tmp_path)
    assert (tmp_path / "runs.db").is_file()
    with pytest.raises(JournalUnusable, match=r"nowhere.*does not exist"):
        chat(tmp_path / "nowhere" / "runs.db")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(JournalUnusable, match="may write"):
            chat(tmp_path / "runs.db")
    finally:
        tmp_path.chmod(0o700)


def test_a_read_only_database_is_told_and_nothing_is_half_written(path: Path) -> None:
    with pytest.raises(ModelError):
        chat(path, ["Hello.", {"error": "auth"}])
    store = SqliteStore(path)
    entries = store.read("r")
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(JournalUnusable, match="read-only"):
        chat(store)
    assert SqliteStore(path).read("r") == entries
    assert chat(path).summary == ""


class Paying:
    """A program with two payments, that can be started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def go(self, journal: Any, tool: str = "pay", **policy: Any) -> Any:
        lines = [{"tool_calls": [tool_call("pay", {"n": n}, f"c{n}")]} for n in range(2)]
        user, assistant = a_user(), a_model([*lines, "TERMINATE"])

        def pay(n: int) -> str:
            note(self.folder, f"paid {n}")
            return "x" * 3000

        assistant.register_for_llm(name="pay", description="Pay.")(pay)
        user.register_for_execution(name=tool)(pay)
        with autogen.durable(journal, **policy):
            return user.initiate_chat(assistant, message="Pay.", run_id="r", silent=True)


def test_a_full_disk_in_the_middle_of_a_run_is_one_error_and_the_run_goes_on_later(tmp_path: Path, path: Path) -> None:
    """At every page at which the disk can be full: the error is clear, the log whole, and the end the same."""
    program = Paying(tmp_path)
    whole = program.go(tmp_path / "whole.db")
    pages = 0
    failures = 0
    while True:
        pages += 1
        (tmp_path / "acts").unlink(missing_ok=True)
        store = SqliteStore(tmp_path / f"{pages}.db")
        used = store._db.execute("PRAGMA page_count").fetchone()[0]
        store._db.execute(f"PRAGMA max_page_count = {used + pages}")
        try:
            program.go(store)
            break
        except JournalUnusable as full:
            failures += 1
            assert "disk is full" in str(full)
            assert "goes on from its last entry" in str(full)
        in_flight = [e for e in _latest(store) if e.kind == "tool" and e.state == "started"]
        store._db.execute("PRAGMA max_page_count = 1000000")
        again = program.go(SqliteStore(tmp_path / f"{pages}.db"), on_unknown="retry")
        assert contents(again.chat_history) == contents(whole.chat_history)
        assert len(acts(tmp_path)) == 2 + len(in_flight)
    assert failures >= 3


def _latest(store: SqliteStore) -> list[Any]:
    try:
        return list({entry.address: entry for entry in store.read("r")}.values())
    except LookupError:
        return []


def test_a_journal_that_was_removed_and_made_anew_is_opened_anew(path: Path) -> None:
    """A person deletes the file and runs the cell again, in the same process."""
    chat(path)
    for name in ("", "-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    assert chat(path).status == "done"
    assert [run.id for run in autogen.runs(journal=path)] == ["r"]


# ---- the program ----------------------------------------------------------------------------------------------------


def begun(path: Path) -> None:
    with pytest.raises(ModelError):
        changed(path, last={"error": "auth"})


def changed(
    path: Path,
    *,
    message: str = "Hi",
    system_message: str = "Be brief.",
    model: str = "scripted",
    temperature: float = 0.0,
    tool: str = "look",
    last: Any = "TERMINATE",
    **given: Any,
) -> Any:
    script = Script([{"tool_calls": [tool_call("look")]}, last])
    config = {
        "config_list": [{"model": model, "api_type": "scripted", "script": script}],
        "cache_seed": None,
        "temperature": temperature,
    }
    user = a_user()
    assistant = autogen.AssistantAgent("assistant", llm_config=config, system_message=system_message)

    @user.register_for_execution(name=tool)
    @assistant.register_for_llm(name=tool, description="Look.")
    def look() -> str:
        return "seen"

    with autogen.durable(path):
        return user.initiate_chat(assistant, message=message, run_id="r", silent=True, **given)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"message": "Ho"}, "message"),
        ({"system_message": "Be long."}, "system message of assistant"),
        ({"model": "another"}, "llm_config of assistant"),
        ({"temperature": 1.0}, "llm_config of assistant"),
        ({"tool": "peek"}, "tools of assistant"),
        ({"max_turns": 1}, "max_turns"),
        ({"summary_method": "reflection_with_llm"}, "summary_method"),
        ({"carryover": "context"}, "carryover"),
    ],
)
def test_what_changed_in_the_script_is_named(path: Path, change: dict[str, Any], named: str) -> None:
    begun(path)
    entries = SqliteStore(path).read("r")
    with pytest.raises(Diverged) as diverged:
        changed(path, **change)
    assert f"another {named}" in str(diverged.value)
    assert 'on_diverge="fork"' in str(diverged.value)
    assert SqliteStore(path).read("r") == entries
    assert SqliteStore(path).run("r").owner == ""
    assert changed(path).status == "done"


def test_a_key_an_endpoint_and_a_time_out_may_change(path: Path) -> None:
    begun(path)
    script = Script([{"tool_calls": [tool_call("look")]}, "TERMINATE"])
    entry = {"model": "scripted", "api_type": "scripted", "script": script, "api_key": "another", "timeout": 5}
    config = {"config_list": [entry], "cache_seed": 7, "temperature": 0.0}
    user, assistant = a_user(), autogen.AssistantAgent("assistant", llm_config=config, system_message="Be brief.")

    @user.register_for_execution()
    @assistant.register_for_llm(description="Look.")
    def look() -> str:
        return "seen"

    with autogen.durable(path):
        assert user.initiate_chat(assistant, message="Hi", run_id="r", silent=True).status == "done"


def test_a_tool_that_is_missing_on_resume_is_named(tmp_path: Path, path: Path) -> None:
    """The model still knows it, but the agent that executes it registered it under another name."""
    program = Paying(tmp_path)
    store = SqliteStore(path)
    used = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {used + 4}")
    with pytest.raises(JournalUnusable):
        program.go(store)
    assert [entry.state for entry in _latest(store) if entry.kind == "tool"]
    paid = acts(tmp_path)
    with pytest.raises(UnboundTool, match=r"'pay' of agent 'user'.*registered: payment"):
        program.go(SqliteStore(path), tool="payment")
    assert acts(tmp_path) == paid
    assert program.go(SqliteStore(path), on_unknown="retry").status == "done"


def test_a_callback_whose_result_is_no_json_fails_where_it_is_produced(path: Path) -> None:
    asked: list[str] = []

    def answer(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        asked.append("reply")
        return True, {"content": "x", "context": {"when": object()}}

    assistant = a_model(["TERMINATE"])
    assistant.register_reply([ConversableAgent, None], answer)
    with pytest.raises(NotStorable) as refused, autogen.durable(path):
        a_user().initiate_chat(assistant, message="Hi", run_id="r", silent=True)
    assert refused.value.field == "$[1].context.when"
    assert refused.value.kind == "object"
    assert "answer" in refused.value.what
    assert asked == ["reply"]


def test_a_run_whose_forks_stand_cannot_be_deleted(path: Path) -> None:
    chat(path)
    fork = autogen.fork("r", at=1, set={"system_message": {"assistant": "Other."}}, journal=path)
    store = SqliteStore(path)
    with pytest.raises(HasForks, match=str(fork)):
        store.delete("r", 2e9)
    assert chat(path).status == "done"
    store.delete(str(fork), 2e9)
    store.delete("r", 2e9)
    assert autogen.runs(journal=path) == []


# ---- the call -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"on_human": "maybe"}, "on_human"),
        ({"on_unknown": "again"}, "on_unknown"),
        ({"on_conflict": "wait"}, "on_conflict"),
        ({"on_diverge": "go"}, "on_diverge"),
        ({"lease": 0}, "lease"),
        ({"lease": "15"}, "lease"),
        ({"lease": float("nan")}, "lease"),
    ],
)
def test_wrong_choices_are_told_at_once(path: Path, given: dict[str, Any], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        autogen.durable(path, **given)
    assert not path.exists()


@pytest.mark.parametrize("journal", [5, None, object(), ["runs.db"]])
def test_what_is_no_journal_is_told_at_once(journal: Any) -> None:
    with pytest.raises(ConfigError, match=r"autogen\.durable"):
        autogen.durable(journal)


def test_durable_without_brackets_above_a_function_is_told() -> None:
    with pytest.raises(ConfigError, match=r'with autogen\.durable\("runs\.db"\)'):

        @autogen.durable  # type: ignore[arg-type]
        def main() -> None: ...


def test_durable_above_a_generator_is_told(path: Path) -> None:
    with pytest.raises(ConfigError, match="generator"):

        @autogen.durable(path)
        def main() -> Any:
            yield 1


def test_durable_that_was_never_entered_is_told_by_the_chat_that_names_a_run(path: Path) -> None:
    autogen.durable(path)
    with pytest.raises(ConfigError, match=r"put the chat inside autogen\.durable"):
        a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id="r")
    assert not path.exists()


@pytest.mark.parametrize("verb", [autogen.advance, autogen.cancel])
def test_a_journal_argument_that_is_none_of_ours_is_told(verb: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match="a path or a store"):
        verb("r", journal=7)
    with pytest.raises(ConfigError, match="empty"):
        verb("r", journal="")
