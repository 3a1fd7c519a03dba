"""Laws of speaker selection: whoever speaks may speak, by the table and the rule of repeats, whatever a model says."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autogen import ConversableAgent, GroupChat, GroupChatManager
from autogen.conversation.naming import mentions, named
from autogen.testing import Script

NAMES = ("Ann", "Ann_Lee", "ben", "Ben", "Data Analyst 数据", "C++", "planner")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
words = st.one_of(st.sampled_from(NAMES), st.sampled_from(["ann", "ANN LEE", "data-analyst", "and", ".", "I choose"]))
texts = st.one_of(st.lists(words, max_size=6).map(" ".join), st.text(max_size=40))


@given(texts, st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_a_text_names_one_of_the_names_or_nobody(text: str, names: list[str]) -> None:
    found = named(text, names)
    assert (found.name in names) == (found.how in ("exact", "mention", "alias"))
    assert set(found.names) <= set(names)
    assert (len(found.names) > 1) == (found.how == "several")


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), unique=True))
def test_a_name_names_itself_whoever_else_is_there(name: str, others: list[str]) -> None:
    everybody = [name, *(other for other in others if other != name)]
    for text in (name, f" {name}.\n", f'"{name}"', f"**{name}**"):
        assert named(text, everybody).name == name


@given(texts, st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
def test_where_0_2_finds_one_name_we_find_that_one(text: str, names: list[str]) -> None:
    counted = mentions(text, names)
    if len(counted) == 1 and "<think" not in text:
        assert named(text, names).name in (*counted, text.strip())


tables = st.lists(st.lists(st.integers(0, 4), max_size=5, unique=True), min_size=5, max_size=5)
methods = st.sampled_from(["auto", "round_robin", "random"])


def hold(agents: list[ConversableAgent], script: Script, **options: Any) -> list[str]:
    group = GroupChat(agents, [], max_round=12, **options)
    manager = GroupChatManager(group, llm_config=script.llm_config, silent=True)
    agents[0].initiate_chat(manager, message="Begin.", silent=True)
    return [message["name"] for message in group.messages]


def agents_of(names: str = "abcde") -> list[ConversableAgent]:
    return [ConversableAgent(name, human_input_mode="NEVER", default_auto_reply="yes") for name in names]


@pytest.mark.filterwarnings("ignore:no speaker transition leads")
@QUICK
@given(tables, methods, st.lists(st.text(alphabet="abcde ,.", max_size=5), min_size=40, max_size=40))
def test_every_speaker_is_allowed_by_the_table(table: list[list[int]], method: str, answers: list[str]) -> None:
    agents = agents_of()
    allowed = {agent: [agents[number] for number in row] for agent, row in zip(agents, table, strict=True)}
    script = Script([{"purpose": "speaker", "text": text or "nobody"} for text in answers])
    spoke = hold(
        agents, script, speaker_selection_method=method, speaker_transitions_type="allowed",
        allowed_or_disallowed_speaker_transitions=allowed,
    )  # fmt: skip
    known = {agent.name: [one.name for one in row] for agent, row in allowed.items()}
    assert all(after in known[before] for before, after in pairwise(spoke))
    assert len(spoke) == 12 or not known[spoke[-1]], "it ends early only where nobody may follow"


@QUICK
@given(methods, st.sets(st.integers(0, 4)), st.lists(st.sampled_from("abcde"), min_size=40, max_size=40))
def test_nobody_speaks_twice_in_a_row_who_may_not(method: str, again: set[int], answers: list[str]) -> None:
    agents = agents_of()
    repeats = [agents[number] for number in sorted(again)]
    script = Script([{"purpose": "speaker", "text": text} for text in answers])
    spoke = hold(agents, script, speaker_selection_method=method, allow_repeat_speaker=repeats or False)
    names = {agent.name for agent in repeats}
    assert len(spoke) == 12
    assert all(one != other or one in names for one, other in pairwise(spoke))
