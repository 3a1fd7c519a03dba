"""Reply chains, hook lists and limits are made when a program first looks: from then on they are the truth."""

import copy
from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from autogen import Agent, AssistantAgent, ConversableAgent, UserProxyAgent
from autogen.testing import Script

NAMES = [
    "a_check_termination_and_human_reply", "check_termination_and_human_reply", "a_generate_function_call_reply",
    "generate_function_call_reply", "a_generate_tool_calls_reply", "generate_tool_calls_reply",
    "a_generate_oai_reply", "generate_oai_reply",
]  # fmt: skip


def agent(**given: Any) -> ConversableAgent:
    return ConversableAgent("one", human_input_mode="NEVER", default_auto_reply="default", **given)


def ask(one: ConversableAgent) -> Any:
    return one.generate_reply(messages=[{"role": "user", "content": "hello"}])


def names(one: ConversableAgent) -> list[str]:
    return [entry["reply_func"].__name__ for entry in one._reply_func_list]


def answers(words: str) -> Callable[..., Any]:
    return lambda recipient, messages=None, sender=None, config=None: (True, words)


def test_the_chain_is_what_0_2_shows() -> None:
    assert names(agent()) == NAMES
    first = agent()._reply_func_list[0]
    assert first["trigger"] == [Agent, None]
    assert (first["config"], first["init_config"], first["reset_config"]) == (None, None, None)
    assert [entry["ignore_async_in_sync_chat"] for entry in agent()._reply_func_list] == [True, False] * 4


def test_chains_of_two_agents_are_two_lists() -> None:
    one, other = agent(), agent()
    one._reply_func_list.clear()
    one._reply_func_list += [{**entry, "trigger": []} for entry in other._reply_func_list[:1]]
    other._reply_func_list[0]["trigger"].append("somebody")
    assert (len(one._reply_func_list), len(other._reply_func_list)) == (1, 8)
    assert agent()._reply_func_list[0]["trigger"] == [Agent, None]


def test_looking_changes_nothing() -> None:
    one = AssistantAgent("one", llm_config=Script(["first", "second"]).llm_config)
    assert ask(one) == "first"
    assert (names(one), one.hook_lists["process_last_received_message"]) == (NAMES, [])
    assert ask(one) == "second"


def test_a_list_changed_in_place_counts() -> None:
    one = agent()
    assert ask(one) == "default"
    one._reply_func_list.insert(0, {**one._reply_func_list[0], "reply_func": answers("mine")})
    assert ask(one) == "mine"
    del one._reply_func_list[0]
    assert ask(one) == "default"


def test_a_list_put_in_its_place_counts_even_an_empty_one() -> None:
    one = AssistantAgent("one", llm_config=Script(["never said"]).llm_config)
    one._reply_func_list = []
    assert ask(one) == ""


def test_a_registered_or_replaced_function_counts() -> None:
    one = agent()
    one.register_reply([Agent, None], answers("registered"))
    assert ask(one) == "registered"
    two = agent()
    two.replace_reply_func(ConversableAgent.generate_oai_reply, answers("replaced"))
    assert ask(two) == "replaced"
    three = agent()
    three.register_reply([Agent, None], answers("only one"), remove_other_reply_funcs=True)
    assert len(three._reply_func_list) == 1


def test_a_method_replaced_on_the_class_counts_for_agents_made_then() -> None:
    before = agent()
    with mock.patch.object(ConversableAgent, "generate_oai_reply", answers("patched")):
        patched = agent()
        assert (ask(patched), ask(before)) == ("patched", "default")
    assert (ask(patched), ask(agent())) == ("patched", "default")
    assert names(before) == NAMES


def test_a_class_with_its_own_register_reply_sees_each_registration() -> None:
    class Watched(ConversableAgent):
        def register_reply(self, trigger: Any, reply_func: Any, *given: Any, **more: Any) -> None:
            self.__dict__.setdefault("seen", []).append(reply_func.__name__)
            super().register_reply(trigger, reply_func, *given, **more)

    assert Watched("one").__dict__["seen"] == NAMES[::-1]


def test_excluded_functions_are_left_out() -> None:
    one = AssistantAgent("one", llm_config=Script(["said"]).llm_config, default_auto_reply="default")
    left_out = [ConversableAgent.generate_oai_reply, ConversableAgent.a_generate_oai_reply]
    asked = [{"role": "user", "content": "hello"}]
    assert one.generate_reply(messages=asked, exclude=left_out) == "default"
    assert one.generate_reply(messages=asked) == "said"


def test_hooks_registered_at_any_time_are_called() -> None:
    one = agent()
    assert ask(one) == "default"
    heard: list[Any] = []

    def listen(content: Any) -> Any:
        heard.append(content)
        return content

    one.register_hook("process_last_received_message", listen)
    ask(one)
    assert heard == ["hello"]


@pytest.mark.parametrize("how", ["in place", "assigned"])
def test_hook_lists_are_the_programs(how: str) -> None:
    one, heard = agent(), list[Any]()

    def hook(messages: Any) -> Any:
        heard.append(len(messages))
        return messages

    if how == "in place":
        one.hook_lists["process_all_messages_before_reply"].append(hook)
    else:
        one.hook_lists = {**one.hook_lists, "process_all_messages_before_reply": [hook]}
    ask(one)
    assert heard == [1]
    assert agent().hook_lists["process_all_messages_before_reply"] == []


def test_limits_by_partner_begin_as_the_agents_own() -> None:
    one, other = agent(max_consecutive_auto_reply=7), agent()
    assert dict(one._max_consecutive_auto_reply_dict) == {}
    assert one._max_consecutive_auto_reply_dict[other] == 7
    one.update_max_consecutive_auto_reply(2)
    assert one.max_consecutive_auto_reply(other) == 2


def test_a_copy_made_before_anybody_looked_works() -> None:
    one = AssistantAgent("one", llm_config=Script(["a", "b"]).llm_config)
    twin = copy.copy(one)
    assert {ask(one), ask(twin)} == {"a", "b"}
    assert names(twin) == names(one) == NAMES


def test_code_agents_have_their_step() -> None:
    coder = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config={"use_docker": False})
    assert "generate_code_execution_reply" in names(coder)
    assert "generate_code_execution_reply" not in names(agent())
