"""Runs as those see them who carry them on and answer them: workers, web services, people at another machine.

What can be carried on, what a question is about, what an answer was, why a run ended; and nothing is made by looking.
"""

import asyncio
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.agents import entrypoints
from autogen.cli import main
from autogen.core.errors import ConfigError
from autogen.io.base import IOStream
from autogen.runs.durable import open_journal
from autogen.runs.errors import JournalUnusable, RunExists, UnknownEntrypoint, UnknownRun
from autogen.runs.log import Policy
from autogen.runs.rows import RunRow
from tests.runs.payments import Person, acts
from tests.stories.cast import a_model, a_user, contents


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of the environment, and entry functions of this test's own."""
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(tmp_path / "runs.db"))
    monkeypatch.setattr(entrypoints, "_registered", {})
    return tmp_path / "runs.db"


@pytest.fixture
def made(journal: Path) -> Path:
    """The same, where a program has made it."""
    open_journal(journal)
    return journal


def asker(answer: str = "Which colour?") -> None:
    @autogen.entrypoint(name="ask")
    def ask(topic: str = "tea") -> list[Any]:
        user = a_user(human_input_mode="ALWAYS")
        result = user.initiate_chat(a_model([answer, "So be it."]), message=f"Draw {topic}.", silent=True)
        return contents(result.chat_history)


# ---- who asks, and where --------------------------------------------------------------------------------------------


def test_a_worker_under_a_terminal_says_that_the_run_shall_wait(tmp_path: Path) -> None:
    asker()
    with IOStream.set_default(Person(tmp_path)):  # as under a terminal
        run = autogen.advance(autogen.start("ask"), on_human="park")
        assert run.status == "paused" and acts(tmp_path) == [], "nobody was asked here"
        assert asyncio.run(autogen.a_advance(run.id, on_human="park")).pending == run.pending
        assert autogen.advance(run.id).status == "done", "without it the scope decides: here is somebody to ask"
    assert acts(tmp_path) == ["asked"]


def test_on_human_goes_before_what_the_scope_says(tmp_path: Path) -> None:
    asker()
    with autogen.durable(tmp_path / "runs.db", on_human="park"), IOStream.set_default(Person(tmp_path)):
        assert autogen.advance(autogen.start("ask"), on_human="ask").status == "done"
    with pytest.raises(ConfigError, match="on_human must be one of 'auto', 'ask', 'park', got 'never'"):
        autogen.advance("any", on_human="never")  # type: ignore[arg-type]


# ---- what a question is about ---------------------------------------------------------------------------------------


def test_a_question_says_which_message_it_is_about(capsys: pytest.CaptureFixture[str]) -> None:
    asker("Which colour shall the roof have?")
    run = autogen.advance(autogen.start("ask", run_id="roof"), on_human="park")
    (question,) = run.pending
    assert question.about == "Which colour shall the roof have?"
    assert main(["runs", "show", "roof"]) == 0
    assert "Which colour shall the roof have?" in capsys.readouterr().out.split("carry it on")[0].split("asks for")[1]


def test_what_a_question_is_about_is_cut_and_any_text_can_be_kept() -> None:
    asker("\ud83d" + "x" * 10_000)
    (question,) = autogen.advance(autogen.start("ask"), on_human="park").pending
    assert len(question.about) == 4_000
    assert question.about.startswith("?xxx") and question.about.endswith("…")


def test_a_question_of_the_programs_own_has_the_last_message_that_was_received() -> None:
    @autogen.entrypoint(name="pay")
    def pay() -> None:
        user, model = a_user(), a_model([{"text": "I pay now.", "tool_calls": [["c", "send", {}]]}, "TERMINATE"])

        @autogen.tool(repeat="resume")
        def send() -> str:
            return user.get_human_input("Sure? ")

        autogen.register_function(send, caller=model, executor=user, name="send", description="Send.")
        user.initiate_chat(model, message="Pay.", silent=True)

    (question,) = autogen.advance(autogen.start("pay"), on_human="park").pending
    assert (question.about, question.prompt) == ("I pay now.", "Sure? ")


# ---- a run as a file ------------------------------------------------------------------------------------------------


def test_a_run_goes_out_as_a_file_and_comes_into_another_journal(tmp_path: Path) -> None:
    asker()
    autogen.advance(autogen.start("ask", run_id="r"), on_human="park")
    exported = autogen.export_run("r", tmp_path / "r.jsonl")
    assert exported.lines > 3 and exported.bytes == (tmp_path / "r.jsonl").stat().st_size
    assert autogen.import_run(tmp_path / "r.jsonl", journal=tmp_path / "other.db") == ["r"]
    (there,) = autogen.runs(journal=tmp_path / "other.db")
    assert (there.id, there.status, there.pending) == ("r", "paused", autogen.runs()[0].pending)
    with pytest.raises(RunExists):
        autogen.import_run(tmp_path / "r.jsonl")
    with pytest.raises(UnknownRun):
        autogen.export_run("none", tmp_path / "none.jsonl")

    async def faces() -> Any:
        await autogen.a_export_run("r", tmp_path / "again.jsonl")
        return await autogen.a_import_run(tmp_path / "again.jsonl", journal=tmp_path / "third.db")

    assert asyncio.run(faces()) == ["r"]


# ---- names of entry functions ---------------------------------------------------------------------------------------


def test_a_name_that_is_registered_elsewhere_may_be_started_and_an_unknown_function_may_not() -> None:
    run_id = autogen.start("a name that a worker has", {"x": 1})
    assert autogen.runs()[0].status == "paused"
    with pytest.raises(UnknownEntrypoint):
        autogen.advance(run_id)
    with pytest.raises(UnknownEntrypoint):
        autogen.start(lambda: None)
    assert "not registered in this process" in str(autogen.start.__doc__)


# ---- what is told ---------------------------------------------------------------------------------------------------


def test_an_answer_is_given_back_as_what_was_said() -> None:
    asker()
    run = autogen.advance(autogen.start("ask"), on_human="park")
    (question,) = run.pending
    given = autogen.answer(run.id, question.id, "blue", by="eve")
    assert (given.run_id, given.ask_id, given.value, given.by) == (run.id, question.id, "blue", "eve")
    assert given.at > 1e9


def test_an_approval_is_given_back_as_the_decision_that_was_read() -> None:
    @autogen.entrypoint(name="pay")
    def pay() -> None:
        user, model = a_user(), a_model([{"tool_calls": [["c", "send", {}]]}, "TERMINATE"])
        send = autogen.tool(approval=True)(lambda: "sent")
        autogen.register_function(send, caller=model, executor=user, name="send", description="Send.")
        user.initiate_chat(model, message="Pay.", silent=True)

    run = autogen.advance(autogen.start("pay"), on_human="park")
    given = autogen.answer(run.id, run.pending[0].id, "y")
    assert isinstance(given.value, dict) and given.value["decision"] == "approve"


def test_a_run_of_an_entry_function_says_that_it_returned() -> None:
    @autogen.entrypoint(name="add")
    def add() -> int:
        return 3

    run = autogen.advance(autogen.start("add"))
    assert (run.status, run.stop_reason, run.result) == ("done", "returned", 3)


@pytest.mark.parametrize("wrong", [KeyError("tea"), ValueError(""), AssertionError()])
def test_a_run_that_fails_before_its_first_effect_says_why(wrong: Exception) -> None:
    @autogen.entrypoint(name="bad")
    def bad() -> None:
        raise wrong

    run = autogen.advance(autogen.start("bad"))
    assert (run.status, run.stop_reason) == ("failed", "error")
    assert run.error and run.error in (str(wrong), type(wrong).__name__)


def test_a_run_that_fails_after_its_chat_was_over_says_why() -> None:
    def broken(*_: Any) -> str:
        raise ZeroDivisionError("no summary")

    with pytest.raises(ZeroDivisionError):
        a_user().initiate_chat(
            a_model(["Hi. TERMINATE"]), message="Hi", run_id="r", silent=True, max_turns=1, summary_method=broken
        )
    (run,) = autogen.runs()
    assert (run.status, run.stop_reason, run.error) == ("failed", "error", "no summary")


def test_a_run_that_could_not_even_be_opened_says_why(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from autogen import runtime

    asker()
    run_id = autogen.start("ask")

    def broken(*_: Any) -> None:
        raise RuntimeError("no room")

    monkeypatch.setattr(runtime, "equip", broken)
    with pytest.raises(RuntimeError, match="no room"):
        autogen.advance(run_id)
    with pytest.raises(RuntimeError, match="no room"):
        a_user().initiate_chat(a_model([]), message="Hi", run_id="script", silent=True)
    script, entry = autogen.runs()
    assert (entry.status, entry.error) == ("paused", ""), "it stays as it was: it was not begun"
    assert (script.status, script.error) == ("failed", "no room")


# ---- nothing is made by looking -------------------------------------------------------------------------------------

LOOKS = {
    "runs": lambda journal: autogen.runs(journal=journal),
    "advance": lambda journal: autogen.advance("r", journal=journal),
    "answer": lambda journal: autogen.answer("r", "ask", "x", journal=journal),
    "cancel": lambda journal: autogen.cancel("r", journal=journal),
    "fork": lambda journal: autogen.fork("r", 1, journal=journal),
    "diff": lambda journal: autogen.diff("r", "s", journal=journal),
    "export_run": lambda journal: autogen.export_run("r", "r.jsonl", journal=journal),
    "a_runs": lambda journal: asyncio.run(autogen.a_runs(journal=journal)),
    "a_advance": lambda journal: asyncio.run(autogen.a_advance("r", journal=journal)),
    "a_answer": lambda journal: asyncio.run(autogen.a_answer("r", "ask", "x", journal=journal)),
    "a_cancel": lambda journal: asyncio.run(autogen.a_cancel("r", journal=journal)),
}


@pytest.mark.parametrize("verb", LOOKS)
@pytest.mark.parametrize("named", [True, False], ids=["argument", "environment"])
def test_a_journal_that_is_not_there_is_told_and_not_made(verb: str, named: bool, tmp_path: Path) -> None:
    with pytest.raises(JournalUnusable, match="there is no such file"):
        LOOKS[verb](tmp_path / "nothere.db" if named else None)
    assert list(tmp_path.iterdir()) == []


def test_durable_start_and_a_chat_make_it(tmp_path: Path) -> None:
    with autogen.durable(tmp_path / "a.db"):
        assert autogen.runs() == []
    autogen.start("elsewhere", journal=tmp_path / "b.db")
    a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", journal=tmp_path / "c.db", silent=True)
    assert all((tmp_path / name).is_file() for name in ("a.db", "b.db", "c.db"))


# ---- what can be carried on -----------------------------------------------------------------------------------------


def ready() -> list[str]:
    return sorted(run.id for run in autogen.runs(ready=True))


def test_what_can_be_carried_on_is_listed(tmp_path: Path) -> None:
    asker()

    @autogen.entrypoint(name="bad")
    def bad() -> None:
        raise ValueError("bad")

    for run_id in ("new", "asks", "answered", "done", "cancelled"):
        autogen.start("ask", run_id=run_id)
    assert autogen.advance(autogen.start("bad", run_id="failed")).ready
    for run_id in ("asks", "answered", "done"):
        run = autogen.advance(run_id, on_human="park")
        assert not run.ready, "it waits for a person"
        if run_id != "asks":
            autogen.answer(run_id, run.pending[0].id, "exit")
    assert not autogen.advance("done", on_human="park").ready
    assert not autogen.cancel("cancelled").ready
    a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id="script", silent=True)
    assert ready() == ["answered", "failed", "new"]
    assert {run.id for run in autogen.runs() if run.ready} == set(ready())
    assert {run.id for run in autogen.runs(ready=False)} == {"asks", "done", "cancelled", "script"}
    assert [run.id for run in autogen.runs(ready=True, limit=1)] == ["failed"], "the newest one"
    assert asyncio.run(autogen.a_runs(ready=True, status="paused"))[0].id == "answered"
    for run_id in ready():
        autogen.advance(run_id, on_human="park")
    assert ready() == ["failed"], "advance got each further; one that fails is tried again"


def test_a_run_that_its_process_left_is_ready_and_one_at_work_is_not(made: Path) -> None:
    from autogen.runs.lease import this_owner

    store = open_journal(made)
    for run_id, owner, lease in (
        ("alive", this_owner(), 1e6), ("elsewhere", "host:b:1:1:r", 1e6), ("lost", "host:b:1:1:r", -1.0),
        ("dead", ":".join([*this_owner().split(":")[:2], "4194305", "1", "r"]), 1e6),
    ):  # fmt: skip
        store.create(RunRow(id=run_id, status="paused", entry="ask", created=1.0))
        import time

        store.claim(run_id, owner, time.time(), lease)
    assert ready() == ["dead", "lost"]


def test_a_question_that_has_expired_makes_a_run_ready(made: Path) -> None:
    asker()
    with autogen.durable(made, on_human="park", ask_expires=1e-6):
        autogen.advance(autogen.start("ask", run_id="r"))
    assert ready() == ["r"], "it is asked anew"


def test_a_fork_that_was_just_made_is_ready() -> None:
    asker()
    autogen.advance(autogen.start("ask", run_id="r"), on_human="park")
    assert autogen.fork("r", 1) in ready()


def test_policies_have_one_default() -> None:
    assert Policy().on_human == "auto"
