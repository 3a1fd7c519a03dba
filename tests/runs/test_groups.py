"""Group chats in a journal: killed after any entry and started again, they end as if nobody had killed them."""

from collections.abc import Callable
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent, GroupChatManager
from autogen.runs.durable import Scope, here
from autogen.runs.errors import Diverged
from autogen.runs.log import Policy
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store
from autogen.testing import Driven, Script, driven
from autogen.testing.driven import DriverName
from tests.runs.plots import killed_at, prefixes
from tests.stories.cast import a_group, a_model, a_speaker, a_user, is_over, tool_call

BOTH: tuple[DriverName, DriverName] = ("blocking", "concurrent")
Making = Callable[[Script], tuple[Any, GroupChatManager]]
"""Who begins, and the manager of the group."""


def hold(store: Store, drive: Driven, make: Making, lines: list[Any], **policy: Any) -> dict[str, Any]:
    """The whole program from its top; what came of it as its user sees it."""
    first, manager = make(Script(lines))
    token = here.set(Scope(store, Policy(on_unknown="retry", **policy)))
    try:
        result = drive(first.initiate_chat, manager, message="Begin.", silent=True, run_id="group")
    finally:
        here.reset(token)
    if result.status == "paused":
        return {"paused": [question.prompt for question in result.pending]}
    agents = (manager, *manager.groupchat.nested_agents())
    return {
        "history": result.chat_history,
        "reason": (result.stop_reason, result.stop_detail),
        "usage": result.usage,
        "group": [dict(message) for message in manager.groupchat.messages],
        "last": manager.last_speaker.name,
        "views": {
            agent.name: {partner.name: [dict(m) for m in talk] for partner, talk in agent.chat_messages.items() if talk}
            for agent in agents
        },
    }


def check_every_kill(make: Making, lines: list[Any]) -> dict[str, Any]:
    store = SqliteStore(":memory:")
    whole = hold(store, driven("blocking"), make, lines)
    places = prefixes(store)
    assert len(places) > 3
    for run_id, count in places:
        for driver in BOTH:
            left = killed_at(store, run_id, count)
            assert hold(left, driven(driver), make, lines) == whole, f"killed after {count} entries of {run_id}"
            left.close()
    store.close()
    return whole


def speaker_lines(*texts: str) -> list[Any]:
    return [{"agent": "chat_manager", "purpose": "speaker", "text": text} for text in texts]


def test_a_group_with_a_model_a_tool_and_a_function_that_writes_to_its_messages() -> None:
    def make(script: Script) -> tuple[Any, GroupChatManager]:
        boss, writer, runner, critic = a_user("Boss"), a_model(script, "Writer"), a_user("Runner"), a_speaker("Critic")

        def look() -> str:
            return "seen"

        def note(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
            manager.groupchat.messages.append({"content": "A note.", "role": "user", "name": "Critic"})
            return False, None

        autogen.register_function(look, caller=writer, executor=runner, description="Look.")
        critic.register_reply([ConversableAgent], note)
        manager = a_group([boss, writer, runner, critic], script, is_termination_msg=is_over, max_round=12, silent=True)
        return boss, manager

    whole = check_every_kill(
        make,
        [
            *speaker_lines("nobody", "Writer", "critic", "Writer"),
            {"agent": "Writer", "tool_calls": [tool_call("look")]},
            {"agent": "Writer", "text": "Done. TERMINATE"},
        ],
    )
    assert [m["name"] for m in whole["group"]] == ["Boss", "Writer", "Runner", "Critic", "Critic", "Writer"]
    assert whole["last"] == "Writer"


def test_a_group_by_chance() -> None:
    def make(script: Script) -> tuple[Any, GroupChatManager]:
        members = [a_speaker("ann"), *[a_model(script, name) for name in ("ben", "cleo", "dora")]]
        return members[0], a_group(members, speaker_selection_method="random", max_round=16, silent=True)

    check_every_kill(make, [{"text": "I say so.", "times": 0}])


def test_a_group_that_a_function_chooses_in_and_a_group_inside_it() -> None:
    def make(script: Script) -> tuple[Any, GroupChatManager]:
        board = [a_speaker("dora"), a_model(script, "emil")]
        inner = a_group(board, name="board", max_round=3, speaker_selection_method="round_robin", silent=True)
        members = [a_speaker("ann"), a_model(script, "ben"), a_speaker("cleo")]

        def consult(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
            agent.initiate_chat(inner, message="Well?", silent=True)
            return True, f"The board: {inner.groupchat.messages[-1]['content']}"

        members[2].register_reply([ConversableAgent], consult)

        def choose(last: Any, group: Any) -> Any:
            return {"ann": members[1], "ben": members[2]}.get(last.name)

        return members[0], a_group(members, speaker_selection_method=choose, max_round=9, silent=True)

    whole = check_every_kill(
        make, [{"agent": "ben", "text": "I am Ben."}, {"agent": "emil", "text": "The board says yes."}]
    )
    assert [m["content"] for m in whole["group"]] == ["Begin.", "I am Ben.", "The board: The board says yes."]


def test_an_overridden_selection_is_recalled_with_the_agent_that_it_chose() -> None:
    class Own(autogen.GroupChat):
        def select_speaker(self, last_speaker: Any, selector: Any) -> Any:
            if len(self.messages) > 4:
                return super().select_speaker(last_speaker, selector)
            return self.agents[(len(self.messages) * 2) % 3]

    def make(script: Script) -> tuple[Any, GroupChatManager]:
        members = [a_speaker("ann"), a_model(script, "ben"), a_speaker("cleo")]
        group = Own(members, [], max_round=7, speaker_selection_method="round_robin")
        return members[0], GroupChatManager(group, silent=True)

    check_every_kill(make, [{"agent": "ben", "text": f"Ben {number}."} for number in range(5)])


def test_a_function_that_chooses_another_one_now_has_diverged() -> None:
    wanted = ["ben"]

    def make(script: Script) -> tuple[Any, GroupChatManager]:
        members = [a_speaker("ann"), a_speaker("ben"), a_speaker("cleo"), a_model(script, "dora")]

        def choose(last: Any, group: Any) -> Any:
            return group.agent_by_name(wanted[0]) if last.name == "ann" else members[3] if last.name != "dora" else None

        return members[0], a_group(members, speaker_selection_method=choose, silent=True)

    store = SqliteStore(":memory:")
    lines = [{"agent": "dora", "text": "I am Dora."}]
    hold(store, driven("blocking"), make, lines)
    (*_, (run_id, count)) = prefixes(store)
    left = killed_at(store, run_id, count - 1)
    wanted[0] = "cleo"
    with pytest.raises(Diverged, match="speaker_selection_method"):
        hold(left, driven("blocking"), make, lines)


def test_a_group_waits_for_a_person_without_a_process() -> None:
    def make(script: Script) -> tuple[Any, GroupChatManager]:
        person = a_user("person", human_input_mode="ALWAYS")
        members = [a_speaker("ann"), person, a_model(script, "ben")]
        return members[0], a_group(members, speaker_selection_method="round_robin", max_round=4, silent=True)

    store = SqliteStore(":memory:")
    lines = [{"agent": "ben", "expect": "Blue.", "text": "Blue it is."}]
    for driver in BOTH:
        paused = hold(store, driven(driver), make, lines, on_human="park")
        assert paused["paused"][0].startswith("Replying as person. Provide feedback to chat_manager")
    (question,) = [entry for entry in store.read("group") if entry.state == "waiting"][-1:]
    autogen.answer("group", question.address, "Blue.", journal=store)
    done = hold(store, driven("blocking"), make, lines, on_human="park")
    assert [m["content"] for m in done["group"]] == ["Begin.", "Blue.", "Blue it is.", "I am ann."]
