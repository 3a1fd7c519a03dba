"""Who speaks next: a weak model's answers, functions, persons, chance, transitions; and events that say why."""

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent, StopReason
from autogen.core.errors import ConfigError
from autogen.core.events import SpeakerChosen
from autogen.testing import Driven, Script
from tests.stories.cast import a_group, a_speaker, contents, speakers


def chosen_in(hold: Callable[[], Any]) -> list[tuple[str, str]]:
    told: list[Any] = []
    with autogen.observing(told.append, console=False):
        hold()
    return [(event.speaker, event.how) for event in told if isinstance(event, SpeakerChosen)]


def test_with_a_weak_model_every_agent_still_gets_its_turn(drive: Driven) -> None:
    """Prose, wrong case, an alias, two names, nothing at all, thoughts: and why each one spoke is told."""
    answers = [
        "I think the planner should go first, as always.",  # one mention in other letters
        "WRITER",
        "Well, data analyst sounds right to me.",
        "Planner or Writer, whoever wants",  # two names ...
        "Writer",  # ... and asked again
        "Hm.",
        "No idea.",
        "I would rather not say.",  # three times nothing: the next in order
        "<think>Planner? No, Writer, or Data_Analyst...</think>Planner",
    ]
    names = ["Boss", "Planner", "Writer", "Data_Analyst"]
    script = Script([{"agent": "chat_manager", "purpose": "speaker", "text": text} for text in answers])
    members = [a_speaker(name) for name in names]
    manager = a_group(members, script, max_round=7)
    with script:
        chosen = chosen_in(lambda: drive(members[0].initiate_chat, manager, message="Begin."))
    assert chosen == [
        ("Planner", "alias"),
        ("Writer", "alias"),
        ("Data_Analyst", "alias"),
        ("Writer", "exact"),
        ("Data_Analyst", "next"),
        ("Planner", "exact"),
    ]
    assert set(speakers(manager)) == set(names)


def test_a_model_that_never_names_a_speaker_ends_in_turns(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    script = Script([{"purpose": "speaker", "text": "The weather is fine.", "times": 0}])
    manager = a_group(members, script, max_round=7)
    drive(members[0].initiate_chat, manager, message="Begin.")
    assert speakers(manager) == ["ann", "ben", "cleo", "ann", "ben", "cleo", "ann"]
    assert len(script.requests) == 6 * 3, "asked three times each"


def test_no_model_is_asked_when_one_is_eligible(drive: Driven) -> None:
    members = [a_speaker("ann"), a_speaker("ben")]
    script = Script([])
    manager = a_group(members, script, max_round=4, allow_repeat_speaker=False)
    chosen = chosen_in(lambda: drive(members[0].initiate_chat, manager, message="Begin."))
    assert chosen == [("ben", "only"), ("ann", "only"), ("ben", "only")] and script.requests == []


def test_the_request_for_a_speaker_holds_the_conversation_and_the_names(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    with Script([{"purpose": "speaker", "text": "cleo"}]) as script:
        manager = a_group(members, script, max_round=2)
        drive(members[0].initiate_chat, manager, message="Begin.")
    ((agent, purpose, request),) = script.requests
    assert (agent, purpose) == ("chat_manager", "speaker")
    first, talk, prompt = request.messages
    assert first.role == "system" and "ann: The ann.\nben: The ben.\ncleo: The cleo." in first.text
    assert (talk.role, talk.name, talk.text) == ("user", "ann", "Begin.")
    assert "['ann', 'ben', 'cleo']" in prompt.text and request.tools == ()


def test_a_name_inside_another_name_is_not_meant(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("Ann", "Ann_Lee", "Bo")]
    with Script([{"purpose": "speaker", "text": "Next is Ann Lee."}]) as script:
        manager = a_group(members, script, max_round=2)
        chosen = chosen_in(lambda: drive(members[0].initiate_chat, manager, message="Begin."))
    assert chosen == [("Ann_Lee", "mention")]


def test_a_model_can_be_given_for_the_choice_alone(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    with Script([{"purpose": "speaker", "text": "cleo"}]) as script:
        manager = a_group(members, max_round=2, select_speaker_auto_llm_config=script.llm_config)
        drive(members[0].initiate_chat, manager, message="Begin.")
    assert speakers(manager) == ["ann", "cleo"] and manager.client is None


class LastOnly:
    """A transform of messages in 0.2's form."""

    def apply_transform(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return messages[-1:]


class Capability:
    """A capability in 0.2's form."""

    def add_to_agent(self, agent: ConversableAgent) -> None:
        agent.register_hook("process_all_messages_before_reply", LastOnly().apply_transform)


@pytest.mark.parametrize("transforms", [LastOnly(), Capability()], ids=["transform", "capability"])
def test_what_the_choosing_model_reads_can_be_transformed(drive: Driven, transforms: Any) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    with Script([{"purpose": "speaker", "text": "cleo"}]) as script:
        manager = a_group(members, script, max_round=2, select_speaker_transform_messages=transforms)
        drive(members[0].initiate_chat, manager, message="Begin.")
    assert len(script.requests[0][2].messages) == 2
    assert contents(manager.groupchat.messages) == ["Begin.", "I am cleo."]


def test_chance_reaches_everybody_and_never_repeats_where_it_may_not(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    manager = a_group(members, speaker_selection_method="random", allow_repeat_speaker=False, max_round=60)
    drive(members[0].initiate_chat, manager, message="Begin.", silent=True)
    spoke = speakers(manager)
    assert set(Counter(spoke)) == {"ann", "ben", "cleo"}
    assert all(one != other for one, other in pairwise(spoke))


def test_an_async_function_chooses_too(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]

    async def choose(last: Any, group: Any) -> Any:
        return group.agent_by_name("cleo") if len(group.messages) == 1 else None

    manager = a_group(members, speaker_selection_method=choose, max_round=9)
    result = drive(members[0].initiate_chat, manager, message="Begin.")
    assert speakers(manager) == ["ann", "cleo"]
    assert result.stop_reason is StopReason.NO_ELIGIBLE_SPEAKER and "chose nobody" in result.stop_detail


def test_a_stranger_is_refused_by_name_of_who_chose_it(drive: Driven) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    stranger = a_speaker("zoe")

    def careless(last: Any, group: Any) -> Any:
        return stranger

    manager = a_group(members, speaker_selection_method=careless)
    with pytest.raises(ValueError, match=r"careless.* zoe not in the group chat; members are ann, ben, cleo"):
        drive(members[0].initiate_chat, manager, message="Begin.")


@pytest.mark.parametrize(("given", "told"), [("sometimes", "sometimes"), (7, "instead of Agent or str: 7")])
def test_nonsense_of_a_function_is_told(drive: Driven, given: Any, told: str) -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    manager = a_group(members, speaker_selection_method=lambda last, group: given)
    with pytest.raises(ConfigError, match=told):
        drive(members[0].initiate_chat, manager, message="Begin.")


def test_an_overridden_selection_may_ask_for_the_standard_one(drive: Driven) -> None:
    class Own(autogen.GroupChat):
        def select_speaker(self, last_speaker: Any, selector: Any) -> Any:
            if last_speaker.name == "ann":
                return self.agent_by_name("cleo")
            return super().select_speaker(last_speaker, selector)

    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    manager = autogen.GroupChatManager(Own(members, [], 4, speaker_selection_method="round_robin"))
    chosen = chosen_in(lambda: drive(members[0].initiate_chat, manager, message="Begin."))
    assert chosen == [("cleo", "override"), ("ann", "override"), ("cleo", "override")]


def test_the_transitions_bind_tool_calls_too(drive: Driven) -> None:
    ann, reader, executor = a_speaker("ann"), a_speaker("reader"), a_speaker("executor")
    executor.register_function({"remove": lambda: "removed"})
    call = {"content": "", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "remove"}}]}
    table = {ann: [reader], reader: [ann], executor: [ann]}
    manager = a_group(
        [ann, reader, executor], allowed_or_disallowed_speaker_transitions=table, speaker_transitions_type="allowed"
    )
    with pytest.raises(ValueError, match=r"'ann' may pass the floor to \(reader\).*'remove'.*executor can"):
        drive(ann.initiate_chat, manager, message=call)
    table[ann] = [reader, executor]
    free = a_group(
        [ann, reader, executor], max_round=2,
        allowed_or_disallowed_speaker_transitions=table, speaker_transitions_type="allowed",
    )  # fmt: skip
    chosen = chosen_in(lambda: drive(ann.initiate_chat, free, message=call))
    assert chosen == [("executor", "executor")]


def test_a_state_machine_ends_where_nothing_leads_on(drive: Driven) -> None:
    plan, work, report = a_speaker("plan"), a_speaker("work"), a_speaker("report")
    manager = a_group(
        [plan, work, report], Script([]), speaker_transitions_type="allowed",
        allowed_or_disallowed_speaker_transitions={plan: [work], work: [report], report: []},
    )  # fmt: skip
    result = drive(plan.initiate_chat, manager, message="Begin.")
    assert speakers(manager) == ["plan", "work", "report"]
    assert result.stop_reason is StopReason.NO_ELIGIBLE_SPEAKER
    assert result.stop_detail == "nobody may speak after report"


def test_manual_selection_reads_numbers(drive: Driven) -> None:
    from autogen.io import IOStream

    class Typist(IOStream):
        def __init__(self) -> None:
            self.lines, self.shown = ["9", "3", "q"], ""

        def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
            self.shown += sep.join(map(str, objects)) + end

        def input(self, prompt: str = "", *, password: bool = False) -> str:
            return self.lines.pop(0)

    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    manager = a_group(members, speaker_selection_method="manual", max_round=3)
    typist = Typist()
    with IOStream.set_default(typist):
        drive(members[0].initiate_chat, manager, message="Begin.")
    assert speakers(manager) == ["ann", "cleo", "ann"]
    assert "1: ann\n2: ben\n3: cleo\n" in typist.shown and "Please enter a number between 1 and 3." in typist.shown


def test_the_public_helpers_choose_outside_of_a_chat() -> None:
    members = [a_speaker(name) for name in ("ann", "ben", "cleo")]
    with Script([{"purpose": "speaker", "text": "cleo"}]) as script:
        manager = a_group(members, script)
        assert manager.groupchat.select_speaker(members[0], manager) is members[2]
        assert manager.groupchat.random_select_speaker([members[1]]) is members[1]
