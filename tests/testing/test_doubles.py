"""A scripted person and a virtual clock: what programs under test are given in place of the world's own."""

import asyncio
import time

import pytest

import autogen
from autogen import Budget
from autogen.conversation.run import Run
from autogen.core.effects import Draw, Sleep
from autogen.core.errors import ConfigError
from autogen.core.events import Event, ModelFinished
from autogen.drivers.blocking import run as block
from autogen.drivers.concurrent import run as concur
from autogen.runs.sqlite import SqliteStore
from autogen.runtime import equip
from autogen.testing import (
    DRIVERS,
    DriverName,
    HumanScriptError,
    Script,
    ScriptedHuman,
    ScriptedModel,
    VirtualClock,
    driven,
)
from tests.stories.cast import a_model, contents

# ---- people --------------------------------------------------------------------------------------------------------


def a_typist(**given: str) -> autogen.UserProxyAgent:
    return autogen.UserProxyAgent("typist", human_input_mode="ALWAYS", code_execution_config=False, **given)


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_person_says_what_the_script_holds(drive: DriverName) -> None:
    model = a_model(["One.", "Two."], name="writer")
    with ScriptedHuman(["shorter", "exit"]) as person:
        result = driven(drive)(a_typist().initiate_chat, model, message="Write.")
    assert contents(result.chat_history) == ["Write.", "One.", "shorter", "Two."]
    assert len(person.prompts) == 2
    assert "feedback to writer" in person.prompts[0]
    assert any("One." in text for text in person.printed)


def test_answers_find_their_questions() -> None:
    with ScriptedHuman([{"expect": "editor", "text": "to the editor"}, {"expect": "writer", "text": "exit"}]) as person:
        a_typist().initiate_chat(a_model(["One."], name="writer"), message="Write.")
        a_typist().initiate_chat(a_model(["Two.", "Three."], name="editor"), message="Edit.", max_turns=2)
    assert [("writer" in prompt, "editor" in prompt) for prompt in person.prompts] == [(True, False), (False, True)]


def test_a_question_that_nobody_expected_is_told() -> None:
    person = ScriptedHuman([{"expect": "editor", "text": "no"}])
    left = r"feedback to writer.*1 of 1 answers are left: 'no' \(to 'editor'\)"
    with pytest.raises(HumanScriptError, match=left), person:
        a_typist().initiate_chat(a_model(["One."], name="writer"), message="Write.")


def test_an_answer_that_nobody_asked_for_is_told() -> None:
    with pytest.raises(HumanScriptError, match="not every answer was asked for: 1 of 2"), ScriptedHuman(["exit", "so"]):
        a_typist().initiate_chat(a_model(["One."]), message="Write.")
    with ScriptedHuman([{"text": "exit", "times": 0}]):
        """Any number of times, none included."""


def test_a_wrong_answer_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="answer 2"):
        ScriptedHuman(["yes", {"txt": "no"}])  # type: ignore[list-item]


def test_the_model_has_a_name_that_goes_with_it() -> None:
    assert ScriptedModel is Script


# ---- time ----------------------------------------------------------------------------------------------------------


async def nap(seconds: float) -> float:
    before: float = await Draw("time")
    await Sleep(seconds)
    after: float = await Draw("time")
    return after - before


def test_sleeping_takes_no_time() -> None:
    began = time.monotonic()
    with VirtualClock() as clock:
        run = Run("r")
        equip(run)
        assert block(nap(86_400.0), run.table) == 86_400.0
        assert asyncio.run(_concur(run)) == 86_400.0
    assert time.monotonic() - began < 5
    assert clock.slept == [86_400.0, 86_400.0]


async def _concur(run: Run) -> float:
    return await concur(nap(86_400.0), run.table)


def test_those_who_sleep_at_the_same_time_sleep_together() -> None:
    async def both(clock: VirtualClock) -> None:
        await asyncio.gather(clock.a_sleep(3.0), clock.a_sleep(5.0))

    clock = VirtualClock(100.0)
    asyncio.run(both(clock))
    assert clock() == 105.0


def test_time_only_goes_forward() -> None:
    clock = VirtualClock(100.0)
    clock.advance(1.5)
    assert clock.now() == 101.5
    with pytest.raises(ConfigError, match="forward"):
        clock.advance(-1.0)


def test_outside_of_it_the_machines_clock_counts() -> None:
    with VirtualClock(5.0):
        """Nothing."""
    run = Run("r")
    equip(run)
    assert abs(run.table.draw(Draw("time")) - time.time()) < 60


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_deadline_is_reached_without_waiting(drive: DriverName) -> None:
    clock = VirtualClock()

    def look(event: Event) -> None:
        if isinstance(event, ModelFinished):
            clock.advance(40.0)

    user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    with clock, autogen.observing(look, console=False):
        result = driven(drive)(
            user.initiate_chat,
            a_model([{"text": "On.", "times": 0}]),
            message="Go.",
            budget=Budget(seconds=100),
            no_progress=False,
        )
    assert result.stop_reason == "budget_seconds"
    assert result.seconds == pytest.approx(120.0)


def test_a_journal_notes_the_virtual_time() -> None:
    store = SqliteStore(":memory:")
    user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    with VirtualClock(1000.0), autogen.durable(store):
        user.initiate_chat(a_model(["Yes."]), message="Go.", max_turns=1, silent=True, run_id="timed")
    assert store.run("timed").created == 1000.0
