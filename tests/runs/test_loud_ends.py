"""What must never be told to a model, or happen twice, without a word: errors of the run itself, and power cuts.

A tool that fails is an answer to the model. A question that nobody can wait for, another request than was recorded, a
run that was lost, a value that no journal holds: these end the run, wherever in it they are raised.
"""

from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent
from autogen.coding import CodeResult, MarkdownCodeExtractor
from autogen.core.code import CodeBlock
from autogen.core.errors import EndsRun, LimitReached
from autogen.runs.durable import open_journal
from autogen.runs.errors import CannotPark, Diverged, Fenced, NotStorable, OutcomeUnknown, UnboundTool
from autogen.runs.rows import Entry, RunRow
from autogen.runs.sqlite import SqliteStore
from tests.runs.payments import acts, note
from tests.stories.cast import a_model, a_user, an_echo, contents, tool_call


@pytest.fixture(autouse=True)
def no_journal_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


LOUD = (
    CannotPark("r", "the tool 'ask'"),
    Diverged("r", "a/1", "this", "that"),
    Fenced("r", 2),
    NotStorable("a hook", "$", "object"),
    OutcomeUnknown("r", "a/1", "pay", "k"),
    UnboundTool("r", "user", "pay", ()),
)


def a_chat(work: Any, *, is_async: bool = False, repeat: Any = "never", **policy: Any) -> Any:
    """A model calls the tool `work`; what comes of it."""
    user = a_user()
    model = a_model([{"tool_calls": [tool_call("work")]}, "Thanks. TERMINATE"])
    autogen.register_function(
        autogen.tool(repeat=repeat)(work), caller=model, executor=user, name="work", description="Work."
    )
    if not is_async:
        return user.initiate_chat(model, message="Go.", silent=True, **policy)
    import asyncio

    return asyncio.run(user.a_initiate_chat(model, message="Go.", silent=True, **policy))


# ---- errors of the run itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("error", LOUD, ids=lambda error: type(error).__name__)
def test_an_error_of_the_run_is_no_answer_to_a_model(error: Exception, is_async: bool) -> None:
    def work() -> str:
        raise error

    assert isinstance(error, EndsRun)
    with pytest.raises(type(error)):
        a_chat(work, is_async=is_async)


def test_a_limit_belongs_to_them_and_a_tools_own_error_does_not() -> None:
    assert issubclass(LimitReached, EndsRun)

    def work() -> str:
        raise ValueError("no paper")

    assert "Error: no paper" in str(contents(a_chat(work).chat_history))


def test_a_question_inside_a_tool_that_cannot_wait_ends_the_run(tmp_path: Path) -> None:
    def work() -> str:
        note(tmp_path, "worked")
        person = a_user("person", human_input_mode="ALWAYS")
        person.initiate_chat(an_echo("clerk"), message="May I?", max_turns=2, silent=True)
        return "allowed"

    with autogen.durable(tmp_path / "runs.db", on_human="park"), pytest.raises(CannotPark, match="'work'"):
        a_chat(work, run_id="r")
    (run,) = autogen.runs(journal=tmp_path / "runs.db")
    assert run.status == "failed" and "cannot wait for a person" in run.error
    with autogen.durable(tmp_path / "runs.db", on_human="park"):
        asked = a_chat(work, run_id="r")
    assert asked.status == "paused" and asked.pending[0].kind == "unknown", "it may have worked before it asked"
    assert "The run ended inside the tool 'work'" in asked.pending[0].prompt
    assert acts(tmp_path) == ["worked"]


def test_a_question_inside_a_reply_function_that_cannot_wait_ends_the_run(tmp_path: Path) -> None:
    def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, str]:
        person = a_user("person", human_input_mode="ALWAYS")
        person.initiate_chat(an_echo("clerk"), message="May I?", max_turns=2, silent=True)
        return True, "allowed"

    desk = ConversableAgent("desk", human_input_mode="NEVER")
    desk.register_reply([ConversableAgent, None], reply)
    with autogen.durable(tmp_path / "runs.db", on_human="park"), pytest.raises(CannotPark, match="reply"):
        a_user().initiate_chat(desk, message="Go.", run_id="r", silent=True)
    (run,) = autogen.runs(journal=tmp_path / "runs.db")
    assert (run.status, "cannot wait for a person" in run.error) == ("failed", True)


def test_another_way_inside_a_tool_of_chats_is_told_aloud(tmp_path: Path) -> None:
    question = ["What colour?"]

    def work() -> str:
        clerk = a_model(["Blue."], name="clerk")
        person = a_user("person", human_input_mode="ALWAYS")
        person.initiate_chat(clerk, message=question[0], max_turns=2, silent=True)
        return "asked"

    with autogen.durable(tmp_path / "runs.db", on_human="park"):
        assert a_chat(work, run_id="r", repeat="resume").status == "paused"
    question[0] = "What size?"
    with autogen.durable(tmp_path / "runs.db", on_human="park"), pytest.raises(Diverged):
        a_chat(work, run_id="r", repeat="resume")


def test_what_no_journal_holds_inside_a_tools_chat_is_told_aloud(tmp_path: Path) -> None:
    def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, {"content": "Hi", "handle": object()}

    def work() -> str:
        clerk = ConversableAgent("clerk", human_input_mode="NEVER")
        clerk.register_reply([ConversableAgent, None], reply)
        a_user("person").initiate_chat(clerk, message="Hello", max_turns=1, silent=True)
        return "greeted"

    with autogen.durable(tmp_path / "runs.db"), pytest.raises(NotStorable, match="handle"):
        a_chat(work, run_id="r")


# ---- power cuts -----------------------------------------------------------------------------------------------------


def commits(store: SqliteStore) -> list[str]:
    """The statements that this store runs from now on which decide what a power cut leaves."""
    seen: list[str] = []

    def look(statement: str) -> None:
        if statement.startswith("PRAGMA synchronous"):
            seen.append(statement.rpartition(" ")[2])
        elif "INTO entries" in statement:
            seen.append("entry")

    store._db.connect().set_trace_callback(look)
    return seen


def row(store: SqliteStore) -> RunRow:
    return store.create(RunRow(id="r", created=1.0, updated=1.0))


@pytest.mark.parametrize("blobs", [{}, {"0" * 32: b""}], ids=["alone", "with a blob"])
def test_a_firm_entry_waits_for_the_disk_and_others_do_not(tmp_path: Path, blobs: dict[str, bytes]) -> None:
    from autogen.runs.digest import of_blob

    store = SqliteStore(tmp_path / "runs.db")
    generation = row(store).generation
    seen = commits(store)
    given = {of_blob(data): data for data in blobs.values()}
    assert store.append("r", generation, (Entry(address="a/1", kind="tool", state="started"),), given, firm=True) == [1]
    assert store.append("r", generation, (Entry(address="a/1", kind="tool", state="done"),)) == [2]
    assert seen == ["FULL", "entry", "NORMAL", "entry"]


def test_a_firm_entry_that_is_refused_leaves_the_next_ones_as_they_were(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")
    generation = row(store).generation
    seen = commits(store)
    entry = Entry(address="a/1", kind="tool", state="started")
    with pytest.raises(Fenced):
        store.append("r", generation + 7, (entry,), firm=True)
    assert seen[-1] == "NORMAL"


@pytest.mark.parametrize(
    ("repeat", "firm"), [("never", True), ("idempotent", True), ("resume", False), ("free", False)]
)
def test_a_tool_that_must_not_run_twice_is_on_the_disk_before_it_is_called(
    tmp_path: Path, repeat: str, firm: bool
) -> None:
    store = open_journal(tmp_path / "runs.db")
    seen = commits(store)  # type: ignore[arg-type]
    before: list[list[str]] = []

    def work() -> str:
        before.append(list(seen))
        return "worked"

    a_chat(work, run_id="r", repeat=repeat, journal=store)
    assert (before[0][-3:] == ["FULL", "entry", "NORMAL"]) is firm
    assert seen.count("FULL") == firm, "nothing else waits"


def test_code_that_must_not_run_twice_is_on_the_disk_before_it_runs(tmp_path: Path) -> None:
    store = open_journal(tmp_path / "runs.db")
    seen = commits(store)  # type: ignore[arg-type]
    before: list[list[str]] = []

    class Executor:
        code_extractor = MarkdownCodeExtractor()

        def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> Any:
            before.append(list(seen))
            return CodeResult(exit_code=0, output="1")

        def restart(self) -> None:
            """Nothing is kept up."""

    runner = a_user(code_execution_config={"executor": Executor()})
    model = a_model(["```python\nprint(1)\n```", "TERMINATE"])
    runner.initiate_chat(model, message="Count.", run_id="r", journal=store, silent=True)
    assert before[0][-3:] == ["FULL", "entry", "NORMAL"]
