"""When a person is asked, with which words, and what each answer leads to."""

from __future__ import annotations

from typing import Any

import autogen
from scenario import bot, calls, chat, counters, error, function_call, mute, scenario, user, views


def start(sender: Any, recipient: Any, **options: Any) -> Any:
    """Begin a chat; the asynchronous twin of this program puts its own here."""
    return sender.initiate_chat(recipient, **options)


def run(base_url: str, mode: str, tool: bool = False, **options: Any) -> Any:
    person = user(human_input_mode=mode, **options)
    agent = bot(base_url)
    if tool:

        @person.register_for_execution()
        @agent.register_for_llm(description="Give v.")
        def f() -> str:
            return "v"

    result = start(person, agent, message="hello")
    return {**chat(result), "counters": [counters(person), counters(agent)], "views": views(person, agent)}


@scenario(["r1", "r2", "r3"], inputs=["", "text", "exit"])
def always(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["TERMINATE"], inputs=[""])
def always_enter_on_terminal(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["TERMINATE", "x"], inputs=["more", "exit"])
def always_text_on_terminal(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["TERMINATE"], inputs=["exit"])
def always_exit_on_terminal(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["r1", "r2", "r3"], inputs=["", "", "exit"])
def always_ignores_the_limit(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", max_consecutive_auto_reply=1)


@scenario(["r1", "r2"], inputs=["", "exit"])
def always_with_limit_zero(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", max_consecutive_auto_reply=0)


@scenario(["r1", "x", "y"], inputs=["EXIT", " exit", "exit"])
def exit_is_an_exact_word(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["r1", "x"], inputs=["  spaced  ", "exit"])
def typed_text_is_kept_as_it_is(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario(["r1"], inputs=["TERMINATE"])
def typed_terminate(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS")


@scenario([calls(("c1", "f", {}), ("c2", "f", {})), "x"], inputs=["stop it", "exit"])
def always_text_on_tool_calls(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", tool=True)


@scenario([calls(("c1", "f", {})), "x"], inputs=["", "exit"])
def always_enter_on_a_tool_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", tool=True)


@scenario([calls(("c1", "f", {}))], inputs=["exit"])
def always_exit_on_a_tool_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", tool=True)


@scenario([function_call("f", {}), "x"], inputs=["stop it", "exit"])
def always_text_on_a_function_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", tool=True)


@scenario(["r1", "TERMINATE"], inputs=[""])
def terminate_enter(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE")


@scenario(["TERMINATE", "TERMINATE"], inputs=["go", "exit"])
def terminate_text_then_exit(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE")


@scenario(["r1", "r2", "r3", "r4", "r5", "r6"], inputs=["", "", "t", "exit"])
def terminate_at_the_limit(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE", max_consecutive_auto_reply=1)


@scenario(["r1", "TERMINATE", "r3"], inputs=["", "x", "exit"])
def terminate_with_limit_zero(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE", max_consecutive_auto_reply=0)


@scenario(["r1", "TERMINATE"], inputs=[""])
def terminate_at_the_limit_and_terminal(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE", max_consecutive_auto_reply=1)


@scenario([calls(("c1", "f", {})), "TERMINATE"], inputs=[""])
def terminate_with_a_tool_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE", tool=True)


@scenario([calls(("c1", "f", {})), "x"], inputs=["do not", "exit"])
def terminate_at_the_limit_with_a_tool_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "TERMINATE", tool=True, max_consecutive_auto_reply=0)


@scenario(["r1", "r2"])
def never_at_the_limit(base_url: str, work_dir: str) -> Any:
    return run(base_url, "NEVER", max_consecutive_auto_reply=1)


@scenario([calls(("c1", "f", {}))])
def never_at_the_limit_with_a_tool_call(base_url: str, work_dir: str) -> Any:
    return run(base_url, "NEVER", tool=True, max_consecutive_auto_reply=0)


@scenario([], inputs=["", "b1", "", "exit"])
def two_people(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x", human_input_mode="ALWAYS"), mute("two", "y", human_input_mode="ALWAYS")
    result = start(one, two, message="hello")
    return {**chat(result), "inputs": [one._human_input, two._human_input]}


@scenario(["r1"])
def end_of_input(base_url: str, work_dir: str) -> Any:
    person, agent = user(human_input_mode="ALWAYS"), bot(base_url)
    return [error(start, person, agent, message="hello"), views(person, agent)]


@scenario(inputs=["typed"])
def get_human_input_directly(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    return [one.get_human_input("Say: "), one._human_input]


@scenario(["r1", "r2", "r3"], inputs=["exit", "exit", "exit"])
def human_input_and_clear_history(base_url: str, work_dir: str) -> Any:
    person, agent = user(human_input_mode="ALWAYS"), bot(base_url)
    first = list(start(person, agent, message="a").human_input)
    second = list(start(person, agent, message="b", clear_history=False).human_input)
    third = list(start(person, agent, message="c").human_input)
    return [first, second, third]


@scenario(["r1"], inputs=["exit"])
def assistant_that_asks(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url, human_input_mode="TERMINATE", is_termination_msg=lambda m: m["content"] == "enough")
    person = user(default_auto_reply="enough")
    return chat(start(person, agent, message="hello"))


@scenario(inputs=["", "exit"])
def conversable_agent_asks_by_default(base_url: str, work_dir: str) -> Any:
    one = autogen.ConversableAgent("one", llm_config=False, max_consecutive_auto_reply=1, default_auto_reply="x")
    return chat(start(one, mute("two", "y"), message="hello"))
