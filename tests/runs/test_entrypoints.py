"""Runs that any process can carry on: start, advance, answer, cancel, look; and what each of them refuses.

An entry function takes JSON and gives JSON. Whatever is wrong with either is told as early as it can be known.
"""

import asyncio
import multiprocessing
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.agents import entrypoints
from autogen.core.errors import ConfigError, ModelError, RunPaused
from autogen.runs.errors import (
    AlreadyAnswered,
    AnswerRefused,
    Diverged,
    NotStorable,
    RunBusy,
    UnknownEntrypoint,
    UnknownRun,
)
from tests.runs.payments import acts, note
from tests.stories.cast import a_model, a_user, contents, tool_call

_fork = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The journal of the environment, and entry functions of this test's own."""
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(tmp_path / "runs.db"))
    monkeypatch.setattr(entrypoints, "_registered", {})
    return tmp_path / "runs.db"


def painter(folder: Path) -> None:
    """An entry function that pays, then asks a person twice."""

    @autogen.entrypoint(name="paint")
    def paint(what: str, coats: int = 1) -> dict[str, Any]:
        note(folder, "entered")
        user = a_user(human_input_mode="ALWAYS")
        assistant = a_model([{"tool_calls": [tool_call("pay", {"amount": coats})]}, "Blue or red?", "Done."])

        @user.register_for_execution()
        @assistant.register_for_llm(description="Pay.")
        def pay(amount: int) -> str:
            note(folder, f"paid {amount}")
            return "paid"

        result = user.initiate_chat(assistant, message=f"Paint the {what}.", silent=True)
        return {"answers": result.human_input, "said": contents(result.chat_history)[-1]}


# ---- the whole life of a run ----------------------------------------------------------------------------------------


def test_a_run_is_started_parked_answered_and_done(tmp_path: Path) -> None:
    painter(tmp_path)
    run_id = autogen.start("paint", {"what": "door", "coats": 2}, run_id="door")
    assert (run_id, acts(tmp_path)) == ("door", []), "nothing happens before somebody advances it"
    assert autogen.runs()[0].status == "paused"

    view = autogen.advance(run_id)
    answers = iter(["", "blue", "exit"])
    while view.status == "paused":
        (question,) = view.pending
        with pytest.raises(RunPaused, match=question.id):
            _ = view.result
        assert autogen.advance(run_id).pending == view.pending, "advancing a parked run changes nothing"
        autogen.answer(run_id, question.id, next(answers), by="eve")
        view = autogen.advance(run_id)
    assert view.status == "done"
    assert view.result["answers"][-1] == "exit"
    assert acts(tmp_path).count("paid 2") == 1
    entered = acts(tmp_path).count("entered")
    assert autogen.advance(run_id) == view, "a run that has ended is only looked at"
    assert acts(tmp_path).count("entered") == entered


def test_every_verb_has_its_async_face(tmp_path: Path) -> None:
    painter(tmp_path)

    async def program() -> Any:
        run_id = await autogen.a_start("paint", {"what": "wall"}, run_id="wall")
        view = await autogen.a_advance(run_id)
        while view.status == "paused":
            await autogen.a_answer(run_id, view.pending[0].id, "exit" if len(acts(tmp_path)) > 3 else "")
            view = await autogen.a_advance(run_id)
        assert [run.id for run in await autogen.a_runs()] == ["wall"]
        await autogen.a_start("paint", {"what": "x"}, run_id="other")
        assert (await autogen.a_cancel("other")).status == "cancelled"
        return view

    assert asyncio.run(program()).status == "done"


def test_another_process_carries_it_on(tmp_path: Path) -> None:
    painter(tmp_path)
    autogen.start("paint", {"what": "door"}, run_id="door")

    def elsewhere() -> None:
        autogen.advance("door")

    child = _fork.Process(target=elsewhere)
    child.start()
    child.join(20)
    assert child.exitcode == 0
    view = autogen.runs()[0]
    assert view.status == "paused"
    assert autogen.advance("door").pending == view.pending
    assert acts(tmp_path).count("entered") == 2


def test_an_entry_function_may_be_async_and_hold_chats_of_both_faces() -> None:
    @autogen.entrypoint(name="both")
    async def both() -> list[Any]:
        first = await a_user("u1").a_initiate_chat(a_model(["one TERMINATE"], "m1"), message="a", silent=True)
        second = a_user("u2").initiate_chat(a_model(["two TERMINATE"], "m2"), message="b", silent=True)
        return [first.summary, second.summary]

    autogen.start(both, run_id="both")
    assert asyncio.run(autogen.a_advance("both")).result == ["one ", "two "]
    autogen.start(both, run_id="again")
    assert autogen.advance("again").result == ["one ", "two "]


# ---- what start refuses ---------------------------------------------------------------------------------------------


def test_arguments_that_the_function_does_not_take_are_told_at_start(tmp_path: Path) -> None:
    painter(tmp_path)
    for wrong, word in (({}, "what"), ({"what": "door", "colour": "red"}, "colour")):
        with pytest.raises(ConfigError, match=word):
            autogen.start("paint", wrong, run_id="door")
    assert autogen.runs() == []


def test_arguments_that_are_no_json_are_told_by_their_field() -> None:
    @autogen.entrypoint(name="report")
    def report(rows: Any) -> None: ...

    with pytest.raises(NotStorable, match=r"\$\.rows\[1\]\.when is date"):
        autogen.start("report", {"rows": [{}, {"when": date(2026, 1, 1)}]})
    assert autogen.runs() == []


def test_starting_again_changes_nothing_and_with_other_arguments_is_refused(tmp_path: Path) -> None:
    painter(tmp_path)
    for _ in range(2):
        assert autogen.start("paint", {"what": "door"}, run_id="door") == "door"
    with pytest.raises(Diverged, match="arguments"):
        autogen.start("paint", {"what": "wall"}, run_id="door")
    assert len(autogen.runs()) == 1


@pytest.mark.parametrize("run_id", ["", "  ", "x" * 201, "a\nb", "a\x00b", "tab\there", "q~1", 5])
def test_a_run_id_that_cannot_be_one_is_refused(run_id: Any) -> None:
    @autogen.entrypoint(name="nothing")
    def nothing() -> None: ...

    with pytest.raises(ConfigError, match="run_id"):
        autogen.start("nothing", run_id=run_id)
    with pytest.raises(ConfigError, match="run_id"):
        a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id=run_id)
    assert autogen.runs() == []


def test_a_secret_among_the_arguments_is_refused_by_name_only() -> None:
    @autogen.entrypoint(name="fetch")
    def fetch(token: str) -> None: ...

    token = autogen.secret("FETCH_TOKEN", "a value nobody may see")
    with pytest.raises(ConfigError, match=r"autogen\.secret") as refused:
        autogen.start("fetch", {"token": token.reveal()})
    assert "nobody" not in str(refused.value)


def test_a_function_that_is_not_registered_cannot_be_started() -> None:
    with pytest.raises(UnknownEntrypoint, match="stranger"):
        autogen.start(stranger)


def stranger() -> None: ...


def test_names_of_entry_functions_are_unique_and_known_elsewhere() -> None:
    autogen.entrypoint(name="mine")(stranger)
    with pytest.raises(ConfigError, match="registered already"):

        @autogen.entrypoint(name="mine")
        def other() -> None: ...

    with pytest.raises(ConfigError, match="name="):
        autogen.entrypoint(lambda: None)
    with pytest.raises(ConfigError, match="callable"):
        autogen.entrypoint(5)  # type: ignore[call-overload]


# ---- what advance tells ---------------------------------------------------------------------------------------------


def test_a_missing_entry_function_is_named_and_leaves_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    @autogen.entrypoint(name="gone")
    def gone() -> str:
        return "back"

    autogen.start("gone", run_id="g")
    registered = dict(entrypoints._registered)
    monkeypatch.setattr(entrypoints, "_registered", {})
    with pytest.raises(UnknownEntrypoint, match="'gone'.*import"):
        autogen.advance("g")
    assert autogen.runs()[0].owner == ""
    monkeypatch.setattr(entrypoints, "_registered", registered)
    assert autogen.advance("g").result == "back"


def test_a_result_that_is_no_json_is_told_by_its_field_and_can_be_mended() -> None:
    answer: Any = {"rows": [1, {"when": object()}]}

    @autogen.entrypoint(name="report")
    def report() -> Any:
        return answer

    autogen.start("report", run_id="r")
    view = autogen.advance("r")
    assert view.status == "failed"
    assert "$.rows[1].when is object" in view.error
    answer = {"rows": []}
    assert autogen.advance("r").result == {"rows": []}


def test_what_the_entry_function_raises_is_told_and_tried_again() -> None:
    tries: list[int] = []

    @autogen.entrypoint(name="flaky")
    def flaky() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError
        return "fine"

    autogen.start("flaky", run_id="f")
    view = autogen.advance("f")
    assert (view.status, view.error, view.stop_reason) == ("failed", "ValueError", "error")
    assert autogen.advance("f").result == "fine"


def test_who_advances_a_run_that_is_being_advanced_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    @autogen.entrypoint(name="busy")
    def busy() -> None:
        import threading

        def other() -> None:
            try:
                autogen.advance("b")
            except RunBusy as raised:
                told.append(str(raised))

        thread = threading.Thread(target=other)
        thread.start()
        thread.join(20)

    autogen.start("busy", run_id="b")
    assert autogen.advance("b").status == "done"
    assert "being carried on by" in told[0]


def test_runs_that_are_not_there_or_not_for_advance_are_told(journal: Path) -> None:
    autogen.start("elsewhere", run_id="elsewhere")
    for verb in (autogen.advance, autogen.cancel, lambda run_id: autogen.answer(run_id, "ask-1", "x")):
        with pytest.raises(UnknownRun, match="'nope'"):
            verb("nope")  # type: ignore[operator]
    with pytest.raises(ModelError):
        a_user().initiate_chat(a_model([{"error": "auth"}]), message="Hi", run_id="script", silent=True)
    with pytest.raises(ConfigError, match="started by a script"):
        autogen.advance("script")


def test_without_a_journal_every_verb_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL")
    for verb in (lambda: autogen.advance("x"), lambda: autogen.start("x"), autogen.runs, lambda: autogen.cancel("x")):
        with pytest.raises(ConfigError, match="no journal is in use"):
            verb()  # type: ignore[operator]


# ---- answers --------------------------------------------------------------------------------------------------------


def test_answers_of_another_type_too_late_or_to_nothing_are_refused(tmp_path: Path) -> None:
    painter(tmp_path)
    autogen.start("paint", {"what": "door"}, run_id="door")
    (question,) = autogen.advance("door").pending
    for wrong in (5, None, ["exit"], {"text": "exit"}, True):
        with pytest.raises(AnswerRefused, match="must be of type string"):
            autogen.answer("door", question.id, wrong)
    with pytest.raises(AnswerRefused, match=question.id):
        autogen.answer("door", "ask-0000000000", "exit")
    autogen.answer("door", question.id, "exit", by="eve")
    with pytest.raises(AlreadyAnswered, match="by eve"):
        autogen.answer("door", question.id, "stay", by="bob")
    view = autogen.advance("door")
    assert view.status == "done"
    with pytest.raises(AlreadyAnswered):
        autogen.answer("door", question.id, "again")
    assert view.result["answers"] == ["exit"]


def test_a_question_of_a_cancelled_run_takes_no_answer(tmp_path: Path) -> None:
    painter(tmp_path)
    autogen.start("paint", {"what": "door"}, run_id="door")
    (question,) = autogen.advance("door").pending
    autogen.cancel("door")
    with pytest.raises(AnswerRefused, match="cancelled"):
        autogen.answer("door", question.id, "exit")
    assert autogen.advance("door").status == "cancelled"
    assert os.path.exists(tmp_path / "runs.db")
