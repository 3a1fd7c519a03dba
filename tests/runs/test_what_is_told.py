"""What a run tells people: how it went another way, and nothing twice that a terminal has shown.

Both sides of a difference are shown where the journal can, and the advice fits where it stands.
"""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.agents import entrypoints
from autogen.io.base import IOStream
from autogen.runs.durable import open_journal
from autogen.runs.errors import Diverged
from autogen.runs.rows import RunQuery
from tests.stories.cast import a_model, a_user


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(tmp_path / "runs.db"))
    monkeypatch.setattr(entrypoints, "_registered", {})
    return tmp_path / "runs.db"


def chat(message: Any = "Order tea.", system: str = "You order.", run_id: str = "r", **given: Any) -> Any:
    user, model = a_user(), a_model(["Done. TERMINATE"], system_message=system)
    with autogen.durable(os.environ["AUTOGEN_JOURNAL"]):  # each time as in another process
        return user.initiate_chat(model, message=message, run_id=run_id, silent=True, **given)


def difference(**other: Any) -> Diverged:
    chat()
    with pytest.raises(Diverged) as raised:
        chat(**other)
    return raised.value


# ---- another beginning ----------------------------------------------------------------------------------------------


def test_another_message_is_shown_beside_the_recorded_one() -> None:
    diverged = difference(message="Order coffee.")
    assert (diverged.recorded, diverged.now) == ("another message: 'Order tea.'", "message: 'Order coffee.'")
    assert "see message" not in str(diverged)


def test_each_thing_that_differs_is_shown() -> None:
    diverged = difference(message={"content": "Order\ncoffee."}, system="You pay.", max_turns=2)
    assert diverged.recorded == (
        "another max_turns; another message: 'Order tea.'; another system message of assistant: 'You order.'"
    )
    assert diverged.now == (
        "max_turns as the program gives it; message: 'Order coffee.'; system message of assistant: 'You pay.'"
    )


def test_a_long_text_is_cut_between_words_and_what_a_config_holds_is_never_kept(journal: Path) -> None:
    secret = "sk-" + "a" * 300
    chat(message=f"{'word ' * 30}{secret}")
    (row,) = open_journal(journal).runs(RunQuery())
    assert row.facts["head of message"] == "word " * 30 + "…"
    assert not any("sk-" in value or "scripted" in value for value in row.facts.values())


def test_a_declared_secret_does_not_stand_in_a_head(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "correct-horse-battery")
    autogen.secret("SHOP_PASSWORD")
    chat(message="Log in with correct-horse-battery.")
    (row,) = open_journal(journal).runs(RunQuery())
    assert "correct-horse" not in str(dict(row.facts)) and "[secret SHOP_PASSWORD]" in row.facts["head of message"]


def test_a_run_begun_without_heads_is_told_in_words_and_goes_on(journal: Path) -> None:
    """As an earlier version wrote it."""
    chat()
    store = open_journal(journal)
    db = store._db  # type: ignore[attr-defined]
    facts = {name: value for name, value in store.run("r").facts.items() if not name.startswith("head of")}
    db.execute("UPDATE runs SET facts = ?", (json.dumps(facts).encode(),))
    assert chat().summary == "Done. "
    with pytest.raises(Diverged, match="recorded: another message\n  now:      message: 'Order coffee.'"):
        chat(message="Order coffee.")


def test_other_arguments_of_an_entry_function_are_shown() -> None:
    autogen.start("paint", {"what": "door"}, run_id="p")
    with pytest.raises(Diverged) as raised:
        autogen.start("paint", {"what": "wall"}, run_id="p")
    assert (raised.value.recorded, raised.value.now) == (
        'another arguments: {"what":"door"}', 'arguments: {"what":"wall"}'
    )  # fmt: skip


def test_the_advice_fits_a_journal_and_a_replay(journal: Path, tmp_path: Path) -> None:
    in_journal = difference(message="Order coffee.")
    assert 'on_diverge="fork"' in str(in_journal) and "live_from" not in str(in_journal)
    autogen.export_run("r", tmp_path / "r.jsonl")
    for live in (None, 1):
        user, model = a_user(), a_model(["Done. TERMINATE"])
        with autogen.replay(tmp_path / "r.jsonl", live_from=live):
            if live:
                user.initiate_chat(model, message="Order tea.", silent=True)
                continue
            with pytest.raises(Diverged) as raised:
                user.initiate_chat(model, message="Order coffee.", silent=True)
    assert "on_diverge" not in str(raised.value) and "live_from=" in str(raised.value)
    assert "run_id" not in str(raised.value)
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.played) == (str(raised.value), True)


# ---- nothing is printed twice ---------------------------------------------------------------------------------------


class Terminal:
    """Keeps what is printed apart from what is typed at it."""

    def __init__(self, *typed: str) -> None:
        self.typed, self.printed = list(typed), ""

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        self.printed += sep.join(map(str, objects)) + end

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        return self.typed.pop(0)


@pytest.mark.parametrize("silent", [True, False])
def test_a_recall_prints_what_the_first_run_printed(silent: bool) -> None:
    def printed(*typed: str) -> str:
        terminal = Terminal(*typed)
        user = a_user(human_input_mode="ALWAYS")
        with IOStream.set_default(terminal), autogen.durable(os.environ["AUTOGEN_JOURNAL"]):
            user.initiate_chat(a_model(["Blue?", "Red?"]), message="Draw.", run_id="d", silent=silent)
        assert terminal.typed == []
        return terminal.printed

    first = printed("dark blue", "exit")
    assert printed() == first
    assert ("Blue?" in first) is not silent


def test_an_answer_from_elsewhere_prints_nothing_of_the_question(capsys: pytest.CaptureFixture[str]) -> None:
    @autogen.entrypoint(name="ask")
    def ask() -> None:
        a_user(human_input_mode="ALWAYS").initiate_chat(a_model(["Blue?"]), message="Draw.", silent=True)

    run = autogen.advance(autogen.start("ask"), on_human="park")
    autogen.answer(run.id, run.pending[0].id, "exit")
    assert autogen.advance(run.id, on_human="park").status == "done"
    assert capsys.readouterr().out == ""
