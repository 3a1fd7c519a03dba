"""Groups that could not talk are refused when they are made, with who, what and the way out."""

from typing import Any

import pytest

from autogen import AgentNameConflict, ConversableAgent, GroupChat, GroupChatManager
from autogen.core.errors import ConfigError
from tests.stories.cast import a_speaker, a_user


def three() -> list[ConversableAgent]:
    return [a_speaker("ann"), a_speaker("ben"), a_speaker("cleo")]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"speaker_selection_method": "sometimes"}, "sometimes.*round_robin"),
        ({"speaker_selection_method": 7}, "set to '7'"),
        ({"speaker_selection_method": lambda last: None}, "speaker_selection_method.*last_speaker, groupchat.*one arg"),
        ({"max_round": -1}, "max_round must be a number of 0 or more, got -1"),
        ({"max_round": "ten"}, "max_round"),
        ({"allow_repeat_speaker": "yes"}, "bool or a list of Agents"),
        ({"max_retries_for_selecting_speaker": None}, "cannot be None"),
        ({"select_speaker_auto_none_template": ""}, "select_speaker_auto_none_template cannot be empty"),
        ({"speaker_transitions_type": "maybe"}, "'maybe'"),
    ],
)
def test_a_setting_that_makes_no_sense(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        GroupChat(three(), [], **settings)


def test_a_group_of_one_cannot_talk() -> None:
    with pytest.raises(ValueError, match="underpopulated with 1 agents.*'ann'"):
        GroupChatManager(GroupChat([a_speaker("ann")], []))


def test_a_group_of_nobody_is_refused_when_it_is_to_talk() -> None:
    manager = GroupChatManager(GroupChat([], []))
    with pytest.raises(ValueError, match="underpopulated with 0 agents"):
        a_user().initiate_chat(manager, message="Hello?")


def test_two_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(AgentNameConflict, match="'ann'"):
        GroupChat([a_speaker("ann"), a_speaker("ben"), a_speaker("ann")], [])
    with pytest.raises(AgentNameConflict, match="'ben'"):
        GroupChatManager(GroupChat(three(), []), name="ben")


def test_a_member_has_to_be_an_agent() -> None:
    with pytest.raises(ConfigError, match="agents must be agents.*str: 'ben'"):
        GroupChat([a_speaker("ann"), "ben"], [])
    with pytest.raises(ConfigError, match="needs a GroupChat, got list"):
        GroupChatManager(three())  # type: ignore[arg-type]


def test_transitions_lead_from_members_to_members() -> None:
    ann, ben, cleo = three()
    zoe = a_speaker("zoe")
    for table, told in (
        ({ann: [zoe]}, "transitions of 'ann' lead to 'zoe', which is none of ann, ben, cleo"),
        ({zoe: [ann]}, "keys not in agents. 'zoe' is none of"),
        ({"ann": ["ben"]}, "keys not in agents. 'ann'"),
        ({ann: ["ben"]}, "lead to 'ben'"),
        ({ann: ben}, "lists as values"),
    ):
        with pytest.raises(ConfigError, match=told):
            GroupChat([ann, ben, cleo], [], allowed_or_disallowed_speaker_transitions=table,  # type: ignore[arg-type]
                      speaker_transitions_type="allowed")  # fmt: skip


def test_a_sink_that_the_program_did_not_name_is_told_of() -> None:
    ann, ben, cleo = three()
    with pytest.warns(UserWarning, match="the chat ends after ben"):
        GroupChat([ann, ben, cleo], [], allowed_or_disallowed_speaker_transitions={ann: [ben, cleo], cleo: [ann]},
                  speaker_transitions_type="allowed")  # fmt: skip
    with pytest.warns(UserWarning, match="leads to or from cleo"):
        GroupChat([ann, ben, cleo], [], allowed_or_disallowed_speaker_transitions={ann: [ben], ben: [ann]},
                  speaker_transitions_type="allowed")  # fmt: skip


def test_the_manager_has_no_tools() -> None:
    config = {"config_list": [{"model": "m", "api_key": "k"}], "tools": [{"type": "function"}]}
    with pytest.raises(ValueError, match="not allowed to make function/tool calls"):
        GroupChatManager(GroupChat(three(), []), llm_config=config)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "no messages were provided"),
        ("no json", "not a valid JSON string"),
        (5, "not of type"),
        ('"text"', "not of type"),
        ([{"content": "x", "name": "zoe"}], "zoe; members are ann, ben, cleo"),
        ([{"role": "user", "name": "ann"}, {"content": "x", "name": "ben"}], "neither content nor calls"),
        ([{"role": "king", "content": "x", "name": "ann"}], "'king'"),
    ],
)
def test_what_cannot_be_resumed(messages: Any, told: str) -> None:
    manager = GroupChatManager(GroupChat(three(), []))
    with pytest.raises(ConfigError, match=told):
        manager.resume(messages)


def test_a_transform_has_to_be_one() -> None:
    members = three()
    from autogen.testing import Script

    manager = GroupChatManager(
        GroupChat(members, [], select_speaker_transform_messages=object()), llm_config=Script([]).llm_config
    )
    with pytest.raises(ConfigError, match="apply_transform"):
        members[0].initiate_chat(manager, message="Begin.")


def test_groups_that_hold_one_another_would_never_end() -> None:
    ann, ben, cleo = three()
    inner = GroupChatManager(GroupChat([ben, cleo], []), name="inner")
    outer = GroupChatManager(GroupChat([ann, inner], []), name="outer")
    inner.groupchat.agents.append(outer)
    with pytest.raises(ConfigError, match="outer > inner > outer"):
        ann.initiate_chat(outer, message="Begin.")
    assert outer.groupchat.messages == []
