"""Small mistakes of programs: one clear error in the one tree, at the program's own line, of 0.2's class, too."""

import asyncio
import warnings
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, Budget, ConversableAgent
from autogen.core.errors import AutogenError, ConfigError
from autogen.testing import Script


def test_a_budget_by_position_is_told_which_names_there_are() -> None:
    with pytest.raises(ConfigError, match=r"Budget takes its bounds by name, .*Budget\(usd=1\.5\).*got 5") as caught:
        Budget(5)  # type: ignore[misc]  # pyright: ignore[reportCallIssue]
    assert all(name in str(caught.value) for name in ("usd", "tokens", "model_calls", "seconds", "turns"))


def test_a_bound_that_there_is_not_is_told_so() -> None:
    with pytest.raises(ConfigError, match=r"Budget has no bound 'messages'.*turns \(messages\)"):
        Budget(messages=5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_a_wrong_number_of_turns_says_that_messages_are_meant() -> None:
    with pytest.raises(ConfigError, match=r"Budget\.turns must be .* got -1; it counts messages"):
        Budget(turns=-1)


def test_budgets_are_values_still() -> None:
    import copy
    import pickle

    import msgspec

    budget = Budget(usd=1.5, turns=4)
    assert budget == copy.deepcopy(budget) == pickle.loads(pickle.dumps(budget))
    assert msgspec.json.decode(msgspec.json.encode(budget), type=Budget) == budget
    with pytest.raises(AttributeError):
        budget.usd = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_a_tool_without_a_model_is_an_error_of_ours_and_of_the_old_kind() -> None:
    def add(a: int) -> int:
        return a

    agent = ConversableAgent("agent", llm_config=False)
    with pytest.raises(AutogenError, match="LLM config must be setup") as caught:
        agent.register_for_llm(description="adds")(add)
    assert isinstance(caught.value, RuntimeError)


def test_a_custom_client_that_nobody_registered_is_one_too() -> None:
    config = {"config_list": [{"model": "m", "model_client_cls": "Mine"}], "cache_seed": None}
    with pytest.raises(AutogenError, match=r"\['Mine'\] are not activated") as caught:
        AssistantAgent("bot", llm_config=config).generate_reply([{"role": "user", "content": "hi"}])
    assert isinstance(caught.value, RuntimeError)


def test_async_reply_functions_in_a_blocking_chat_are_one_too() -> None:
    async def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, "never"

    one, two = ConversableAgent("one"), ConversableAgent("two")
    two.register_reply(ConversableAgent, reply)
    with pytest.raises(AutogenError, match="Async reply functions") as caught:
        one.initiate_chat(two, message="hi")
    assert isinstance(caught.value, RuntimeError)


def test_the_warning_of_a_tool_declared_twice_points_at_the_programs_line() -> None:
    def add(a: int) -> int:
        return a

    agent = AssistantAgent("agent", llm_config=Script([]).llm_config)
    other = ConversableAgent("other")
    agent.register_for_llm(name="add", description="adds")(add)
    schema = agent.llm_config["tools"][0]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        agent.register_for_llm(name="add", description="adds")(add)
        agent.update_tool_signature(schema, is_remove=False)
        autogen.register_function(add, caller=agent, executor=other, name="add", description="adds")
    assert [str(one.message) for one in seen] == ["Tool 'add' is being overridden."] * 3
    first = test_the_warning_of_a_tool_declared_twice_points_at_the_programs_line.__code__.co_firstlineno
    assert [(one.filename, one.lineno - first) for one in seen] == [(__file__, at) for at in (10, 11, 12)]


@pytest.mark.parametrize("face", ["sync", "async"])
def test_an_agent_may_chat_with_itself_as_it_always_could(face: str) -> None:
    agent = ConversableAgent("self", human_input_mode="NEVER", default_auto_reply="r")
    if face == "sync":
        result = agent.initiate_chat(agent, message="hi", max_turns=2, silent=True)
    else:
        result = asyncio.run(agent.a_initiate_chat(agent, message="hi", max_turns=2, silent=True))
    said = [(message["role"], message["content"]) for message in result.chat_history or ()]
    assert said == [(role, text) for text in ("hi", "r", "r", "r") for role in ("assistant", "user")][: len(said)]
    assert len(said) == 8
