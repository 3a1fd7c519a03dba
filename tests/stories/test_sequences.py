"""Chats in a row, and side by side: what is carried over, in which order, and what is left when one fails."""

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import Budget, ConversableAgent
from autogen.conversation.sequence import PrerequisiteError
from autogen.runs.durable import Scope, here
from autogen.runs.errors import Diverged
from autogen.runs.log import Policy
from autogen.runs.rows import RunQuery
from autogen.runs.sqlite import SqliteStore
from autogen.testing import DRIVERS, Driven, Script, driven
from tests.runs.plots import killed_at, prefixes
from tests.stories.cast import a_model, a_user, an_echo, contents

pytestmark = pytest.mark.filterwarnings("ignore:Repetitive recipients")


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)


def listed(results: Any) -> list[Any]:
    """The results in order, whichever face gave them."""
    return list(results.values() if hasattr(results, "values") else results)


def a_queue(
    *recipients: ConversableAgent, sender: ConversableAgent | None = None, **given: Any
) -> list[dict[str, Any]]:
    """A line of chats, each after the one before it."""
    asker = sender or a_user()
    return [
        {
            "chat_id": number,
            "prerequisites": list(range(1, number)),
            "sender": asker,
            "recipient": recipient,
            "message": f"Question {number}.",
            "max_turns": 1,
            "silent": True,
            **given,
        }
        for number, recipient in enumerate(recipients, 1)
    ]


def test_each_chat_is_told_what_those_before_it_came_to(drive: Driven) -> None:
    recipients = [an_echo(f"r{number}", partial("Answer {}.".format, number)) for number in range(3)]
    results = listed(drive(autogen.initiate_chats, a_queue(*recipients)))
    assert [result.chat_history[0]["content"] for result in results] == [
        "Question 1.",
        "Question 2.\nContext: \nAnswer 0.",
        "Question 3.\nContext: \nAnswer 0.\nAnswer 1.",
    ]
    assert [result.summary for result in results] == ["Answer 0.", "Answer 1.", "Answer 2."]


def test_the_agent_that_began_keeps_the_results(drive: Driven) -> None:
    user = a_user()
    queue = a_queue(an_echo("a"), an_echo("b"))
    for entry in queue:
        del entry["sender"]
    results = drive(user.initiate_chats, queue)
    if drive.driver in ("blocking", "in_loop", "concurrent"):
        assert listed(user.get_chat_results()) == listed(results)
    assert a_user().get_chat_results() == []


def test_the_programs_queue_stays_as_it_is(drive: Driven) -> None:
    queue = a_queue(an_echo("a"), an_echo("b"))
    before = [dict(entry) for entry in queue]
    first, second = (listed(drive(autogen.initiate_chats, queue)) for _ in range(2))
    assert queue == before
    assert [contents(one.chat_history) for one in first] == [contents(one.chat_history) for one in second]


def test_one_budget_holds_for_all_chats(drive: Driven) -> None:
    with Script([{"text": "Well.", "times": 0}]) as script:
        queue = a_queue(*(a_model(script, f"m{number}") for number in range(4)))
        results = listed(drive(autogen.initiate_chats, queue, budget=Budget(model_calls=2)))
    assert [str(result.stop_reason) for result in results] == ["max_turns"] * 2 + ["budget_model_calls"] * 2
    assert len(script.requests) == 2


def test_a_failure_leaves_with_the_results_of_those_before_it(drive: Driven) -> None:
    def fails(_: str) -> str:
        raise KeyError("lost")

    third = an_echo("c")
    with pytest.raises(KeyError) as caught:
        drive(autogen.initiate_chats, a_queue(an_echo("a"), an_echo("b", fails), third))
    assert [result.summary for result in listed(caught.value.finished_chats)] == ["Question 1."]  # type: ignore[attr-defined]
    assert "user > b" in caught.value.__notes__[0]
    assert len(caught.value.run.transcript) == 1  # type: ignore[attr-defined]
    assert not any(third.chat_messages.values())


def test_what_is_carried_over_is_not_taken_for_the_programs_words() -> None:
    second = an_echo("b")
    autogen.initiate_chats(a_queue(an_echo("a", lambda _: "```python\nprint(1)\n```"), second))
    [history] = second.chat_messages.values()
    assert history[0].origin == "carried"  # type: ignore[attr-defined]


# ---- side by side ---------------------------------------------------------------------------------------------------


def test_chats_that_wait_for_nobody_go_on_at_the_same_time() -> None:
    meeting: list[asyncio.Event] = []

    class Waiting(ConversableAgent):
        async def a_generate_reply(self, messages: Any = None, sender: Any = None, **_: Any) -> str:
            """Replies when both are here."""
            meeting.append(asyncio.Event())
            if len(meeting) == 2:
                for one in meeting:
                    one.set()
            await asyncio.wait_for(meeting[-1].wait(), 5)
            return "Here."

    queue = a_queue(Waiting("a"), Waiting("b"), an_echo("c"))
    for entry in queue[:2]:
        entry["prerequisites"] = []
    results = asyncio.run(autogen.a_initiate_chats(queue))
    assert list(results) == [1, 2, 3]
    assert results[3].chat_history is not None
    assert results[3].chat_history[0]["content"] == "Question 3.\nContext: \nHere.\nHere."


def test_a_chat_begins_as_soon_as_its_own_prerequisites_are_over() -> None:
    """Chat 3 waits for 1 only, so it does not wait for the slow chat 2."""
    third_is_over = asyncio.Event()

    class Slow(ConversableAgent):
        async def a_generate_reply(self, messages: Any = None, sender: Any = None, **_: Any) -> str:
            await asyncio.wait_for(third_is_over.wait(), 5)
            return "Late."

    class Last(ConversableAgent):
        async def a_generate_reply(self, messages: Any = None, sender: Any = None, **_: Any) -> str:
            third_is_over.set()
            return "Over."

    queue = a_queue(an_echo("a"), Slow("b"), Last("c"))
    queue[1]["prerequisites"], queue[2]["prerequisites"] = [], [1]
    results = asyncio.run(autogen.a_initiate_chats(queue))
    assert [result.summary for result in results.values()] == ["Question 1.", "Late.", "Over."]


def test_a_long_line_of_chats_is_held_without_recursion() -> None:
    recipients = [an_echo(f"r{number}", lambda _: "ok") for number in range(300)]
    queue = a_queue(*recipients)
    for number, entry in enumerate(queue):
        entry["prerequisites"] = [number] if number else []
    assert len(asyncio.run(autogen.a_initiate_chats(queue))) == 300


def test_two_chats_of_the_same_agents_at_once_do_not_mix() -> None:
    user, other = a_user(), an_echo("other")
    queue = a_queue(other, other, sender=user)
    for entry in queue:
        entry["prerequisites"] = []
    results = asyncio.run(autogen.a_initiate_chats(queue))
    assert [contents(one.chat_history) for one in results.values()] == [["Question 1."] * 2, ["Question 2."] * 2]


def test_threads_see_their_own_results() -> None:
    user, seen = a_user(), {}

    def hold(name: str) -> None:
        user.initiate_chats([{"recipient": an_echo(name), "message": name, "max_turns": 1, "silent": True}])
        seen[name] = user.get_chat_results(0).summary  # type: ignore[union-attr]

    threads = [threading.Thread(target=hold, args=(name,)) for name in ("x", "y")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"x": "x", "y": "y"}


# ---- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prerequisites", "said"),
    [
        ({1: [2], 2: [1]}, "1 -> 2 -> 1"),
        ({2: [3], 3: [2]}, "2 -> 3 -> 2"),
        ({1: [1]}, "is its own prerequisite"),
        ({1: [9]}, "has the prerequisite 9, but there is no chat of that id; there are: 1, 2, 3"),
    ],
)
def test_prerequisites_that_cannot_be_met_are_named_before_anything_is_said(
    prerequisites: dict[int, list[int]], said: str
) -> None:
    agents = [an_echo(name) for name in "abc"]
    queue = a_queue(*agents)
    for entry in queue:
        entry["prerequisites"] = prerequisites.get(entry["chat_id"], [])
    with pytest.raises(PrerequisiteError) as caught:
        asyncio.run(autogen.a_initiate_chats(queue))
    assert said in str(caught.value)
    assert not any(agent.chat_messages for agent in agents)


def test_a_blocking_queue_keeps_its_order_so_a_prerequisite_stands_in_front() -> None:
    queue = a_queue(an_echo("a"), an_echo("b"))
    queue[0]["prerequisites"], queue[1]["prerequisites"] = [2], []
    with pytest.raises(AssertionError, match="which stands behind it"):
        autogen.initiate_chats(queue)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"mesage": "x"}, "chat 2 of the queue has no argument 'mesage'; did you mean 'message'?"),
        ({"recipient": "b"}, "chat 2 of the queue: the recipient must be an agent"),
        ({"recipient": None}, "recipient must be provided. It is missing in chat 2"),
        ({"sender": None}, "sender must be provided. It is missing in chat 2"),
        ({"max_turns": "3"}, "max_turns must be a number"),
        ({"summary_method": "short"}, "summary_method must be a string chosen from"),
        ({"carryover": 3}, "Carryover should be a string or a list of strings"),
        ({"run_id": "x"}, "run_id belongs to the whole sequence"),
        ({"prerequisites": "1"}, "prerequisites must be a list of int"),
        ({"chat_id": 1}, "two chats have the chat_id 1"),
        ({"chat_id": None}, "chat 2 of the queue has no chat_id"),
        ({"budget": 3}, "budget must be an autogen.Budget"),
    ],
)
def test_an_entry_that_makes_no_chat_is_told_by_its_place(change: dict[str, Any], said: str) -> None:
    first = an_echo("a")
    queue = a_queue(first, an_echo("b"))
    queue[1] |= change
    with pytest.raises((autogen.InvalidCarryOverType, ValueError)) as caught:
        asyncio.run(autogen.a_initiate_chats(queue))
    assert said in str(caught.value)
    assert not first.chat_messages


@pytest.mark.parametrize("queue", [None, "queue", {}, [3], [None]])
def test_what_is_no_queue_is_told(queue: Any) -> None:
    with pytest.raises(TypeError, match="queue"):
        autogen.initiate_chats(queue)


# ---- journaled ------------------------------------------------------------------------------------------------------


def _program(script: Script) -> list[dict[str, Any]]:
    queue = a_queue(*(a_model(script, name) for name in ("poet", "critic", "editor")))
    queue[1]["prerequisites"] = []
    return queue


LINES = [{"agent": name, "text": f"{name}: done", "times": 0} for name in ("poet", "critic", "editor")]


@pytest.mark.parametrize("driver", ["blocking", "concurrent"])
def test_a_sequence_killed_after_any_entry_ends_as_if_nobody_had_killed_it(driver: Any) -> None:
    drive = driven(driver)

    def hold(store: SqliteStore) -> tuple[Any, int]:
        script = Script(LINES)
        token = here.set(Scope(store, Policy()))
        try:
            results = drive(autogen.initiate_chats, _program(script), run_id="three")
        finally:
            here.reset(token)
        told = [(one.chat_history, one.summary, str(one.stop_reason), one.chat_id) for one in listed(results)]
        return told, len(script.requests)

    store = SqliteStore(":memory:")
    whole, asked = hold(store)
    assert asked == 3
    assert [row.id for row in store.runs(RunQuery())] == ["three"]
    places = prefixes(store)
    assert len(places) == 4
    for run_id, count in places:
        again, paid = hold(killed_at(store, run_id, count))  # type: ignore[arg-type]
        assert again == whole
        assert paid == 3 - count


@pytest.mark.parametrize("driver", ["blocking", "concurrent"])
def test_a_sequence_that_waits_for_a_person_is_paused_and_goes_on(driver: Any, tmp_path: Path) -> None:
    drive, journal = driven(driver), tmp_path / "runs.db"

    def hold() -> list[Any]:
        person = ConversableAgent("person", human_input_mode="ALWAYS", silent=True)
        queue = a_queue(an_echo("a"), person, an_echo("c"))
        return listed(drive(autogen.initiate_chats, queue, run_id="ask", journal=journal))

    waiting = hold()
    assert [result.status for result in waiting] == ["done", "paused"]
    [question] = waiting[1].pending
    autogen.answer("ask", question.id, "Because.", journal=journal)
    done = hold()
    assert [result.summary for result in done] == ["Question 1.", "Because.", contents(done[2].chat_history)[-1]]


def test_a_run_id_needs_a_journal_and_the_same_queue() -> None:
    with pytest.raises(ValueError, match="names a run of a journal, but none is in use"):
        autogen.initiate_chats(a_queue(an_echo("a")), run_id="x")
    store = SqliteStore(":memory:")

    def hold(*names: str) -> None:
        token = here.set(Scope(store, Policy()))
        try:
            autogen.initiate_chats(a_queue(*map(an_echo, names)), run_id="x")
        finally:
            here.reset(token)

    hold("a")
    with pytest.raises(Diverged, match="chats"):
        hold("a", "b")
