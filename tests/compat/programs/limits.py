"""Automatic replies and their limit."""

from __future__ import annotations

from typing import Any

import autogen
from scenario import bot, chat, counters, error, mute, scenario, user


@scenario(["a"])
def zero(base_url: str, work_dir: str) -> Any:
    person, agent = user(max_consecutive_auto_reply=0), bot(base_url)
    result = person.initiate_chat(agent, message="q")
    return [chat(result), counters(person), counters(agent)]


@scenario()
def zero_for_the_recipient(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y", max_consecutive_auto_reply=0)
    return [chat(one.initiate_chat(two, message="q")), counters(one), counters(two)]


@scenario(["a", "b", "c"])
def two(base_url: str, work_dir: str) -> Any:
    person, agent = user(max_consecutive_auto_reply=2), bot(base_url)
    result = person.initiate_chat(agent, message="q")
    return [
        chat(result),
        counters(person),
        counters(agent),
        person.max_consecutive_auto_reply(),
        person.max_consecutive_auto_reply(agent),
    ]


@scenario(["a", "b", "c"])
def counters_start_anew_with_each_chat(base_url: str, work_dir: str) -> Any:
    person, agent = user(max_consecutive_auto_reply=1), bot(base_url)
    person.initiate_chat(agent, message="q")
    before = [counters(person), counters(agent)]
    result = person.initiate_chat(agent, message="q", clear_history=False, max_turns=1)
    return [before, chat(result), counters(person), counters(agent)]


@scenario()
def updates(base_url: str, work_dir: str) -> Any:
    one, two, three = mute("one"), mute("two"), mute("three")
    start = [one.max_consecutive_auto_reply(), one.max_consecutive_auto_reply(two)]
    one.update_max_consecutive_auto_reply(2, two)
    middle = [
        one.max_consecutive_auto_reply(),
        one.max_consecutive_auto_reply(two),
        one.max_consecutive_auto_reply(three),
    ]
    one.update_max_consecutive_auto_reply(3)
    end = [one.max_consecutive_auto_reply(), one.max_consecutive_auto_reply(two), one.max_consecutive_auto_reply(three)]
    return [start, middle, end, autogen.ConversableAgent.MAX_CONSECUTIVE_AUTO_REPLY]


@scenario()
def class_limit(base_url: str, work_dir: str) -> Any:
    class Short(autogen.ConversableAgent):
        MAX_CONSECUTIVE_AUTO_REPLY = 1

    one, two = Short("one", llm_config=False, human_input_mode="NEVER", default_auto_reply="x"), mute("two", "y")
    return [one.max_consecutive_auto_reply(), chat(one.initiate_chat(two, message="q"))]


@scenario()
def reset_of_counters(base_url: str, work_dir: str) -> Any:
    one, two, three = mute("one", "x"), mute("two", "y"), mute("three", "z")
    one.receive("a", two, request_reply=False)
    one._consecutive_auto_reply_counter[two] = 4
    one._consecutive_auto_reply_counter[three] = 5
    one.reset_consecutive_auto_reply_counter(two)
    first = counters(one)
    one.reset_consecutive_auto_reply_counter()
    return [first, counters(one)]


@scenario()
def termination_of_either_side(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "TERMINATE")
    by_recipient = chat(one.initiate_chat(two, message="q"))
    three, four = mute("three", "x"), mute("four", "y")
    by_sender = chat(three.initiate_chat(four, message="TERMINATE"))
    return [by_recipient, by_sender]


@scenario()
def default_termination_needs_the_exact_word(base_url: str, work_dir: str) -> Any:
    histories = []
    for word in ("TERMINATE", "TERMINATE ", "terminate", "done TERMINATE", "exit"):
        one, two = mute("one", "x", max_consecutive_auto_reply=1), mute("two", word)
        histories.append([word, len(one.initiate_chat(two, message="q", silent=True).chat_history)])
    return histories


@scenario()
def own_termination_test(base_url: str, work_dir: str) -> Any:
    seen: list[Any] = []

    def over(message: dict[str, Any]) -> bool:
        seen.append(dict(message))
        return "stop" in message["content"]

    one, two = mute("one", "x", is_termination_msg=over), mute("two", "please stop")
    return [chat(one.initiate_chat(two, message="q")), seen]


@scenario()
def termination_of_empty_content(base_url: str, work_dir: str) -> Any:
    one = mute("one", "x", max_consecutive_auto_reply=1)
    two = mute(
        "two",
        {
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    )
    return chat(one.initiate_chat(two, message="q"))


@scenario()
def stop_reply_at_receive(base_url: str, work_dir: str) -> Any:
    one, two, three = mute("one", "x"), mute("two", "y"), mute("three", "z")
    two.send("a", one)
    two.stop_reply_at_receive(one)
    first = [len(one.chat_messages[two]), len(two.chat_messages[one])]
    one.send("b", two)
    second = [len(one.chat_messages[two]), len(two.chat_messages[one])]
    two.stop_reply_at_receive()
    one.send("c", two)
    return [first, second, [len(one.chat_messages[two])], error(three.stop_reply_at_receive)]


@scenario()
def reset(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y")
    one.initiate_chat(two, message="q", max_turns=2)
    one.reset()
    return [
        counters(one),
        {k.name: v for k, v in one.chat_messages.items()},
        counters(two),
        len(two.chat_messages[one]),
    ]
