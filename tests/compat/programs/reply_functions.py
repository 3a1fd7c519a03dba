"""Reply functions: registration, order, triggers, configuration."""

from __future__ import annotations

import asyncio
from typing import Any

import autogen
from scenario import bot, chat, error, mute, scenario, user, views


def chain(agent: Any) -> list[Any]:
    rows = []
    for entry in agent._reply_func_list:
        trigger = entry["trigger"]
        kinds = trigger if isinstance(trigger, list) else [trigger]
        rows.append([None in kinds, entry["reply_func"].__name__, entry["ignore_async_in_sync_chat"]])
    return rows


@scenario()
def built_in_chain(base_url: str, work_dir: str) -> Any:
    return {
        "no code": chain(mute("a")),
        "code": chain(mute("b", code_execution_config={"use_docker": False})),
        "executor": chain(mute("c", code_execution_config={"executor": "commandline-local"})),
        "assistant": chain(bot(base_url)),
        "proxy": chain(autogen.UserProxyAgent("u", code_execution_config={"use_docker": False})),
    }


@scenario()
def chain_entry_keys(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    one.register_reply("two", lambda *a, **k: (False, None), config={"a": 1}, reset_config=None)
    return [sorted(entry) for entry in one._reply_func_list[:2]]


def said(text: Any, final: bool = True) -> Any:
    def reply(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        print(
            f"[{recipient.name} asked for {text!r} by {getattr(sender, 'name', sender)}, {len(messages or [])} messages, config {config!r}]"
        )
        return final, text

    reply.__name__ = f"said_{text}"
    return reply


@scenario()
def first_registered_last_is_tried_first(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    two.register_reply(autogen.Agent, said("first", final=False))
    two.register_reply(autogen.Agent, said("second"))
    two.register_reply([autogen.Agent, None], said("third", final=False))
    return [chat(one.initiate_chat(two, message="q", max_turns=1)), chain(two)[:3]]


@scenario()
def positions(base_url: str, work_dir: str) -> Any:
    two = mute("two")
    two.register_reply(autogen.Agent, said("second place"), position=1)
    two.register_reply(autogen.Agent, said("last place"), position=100)
    two.register_reply(autogen.Agent, said("from behind"), position=-1)
    return [row[1] for row in chain(two)]


@scenario()
def remove_other_reply_funcs(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    two.register_reply([autogen.Agent, None], said("only"), remove_other_reply_funcs=True)
    return [chain(two), chat(one.initiate_chat(two, message="TERMINATE", max_turns=1))]


@scenario()
def final_none_ends_the_chat(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y")
    two.register_reply(autogen.Agent, said(None))
    return chat(one.initiate_chat(two, message="q"))


@scenario()
def kinds_of_replies(base_url: str, work_dir: str) -> Any:
    kept = []
    for reply in (
        "",
        "text",
        {"content": "dict"},
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
    ):
        one, two = mute("one", "x"), mute("two", "y")
        two.register_reply(autogen.Agent, said(reply))
        kept.append(one.initiate_chat(two, message="q", max_turns=1).chat_history)
    return kept


@scenario()
def triggers(base_url: str, work_dir: str) -> Any:
    one, other = mute("one"), bot(base_url, "other")
    table: dict[str, Any] = {
        "class": autogen.ConversableAgent,
        "subclass": autogen.AssistantAgent,
        "instance": one,
        "name": "one",
        "another name": "other",
        "callable true": lambda sender: True,
        "callable by name": lambda sender: sender.name == "one",
        "list": ["nobody", one],
        "empty list": [],
        "list with none": [None],
    }
    answers = {}
    for label, trigger in table.items():
        two = mute("two", "default")
        two.register_reply(trigger, lambda recipient, messages, sender, config: (True, "triggered"))
        answers[label] = [
            two.generate_reply(messages=[{"content": "q", "role": "user"}], sender=sender) for sender in (one, other)
        ]
    return answers


@scenario()
def triggers_without_a_sender(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    table: dict[str, Any] = {
        "class": autogen.Agent,
        "name": "one",
        "instance": one,
        "list": [autogen.Agent, None],
        "callable": lambda s: s is None,
    }
    answers = {}
    for label, trigger in table.items():
        two = mute("two", "default")
        two.register_reply(trigger, lambda recipient, messages, sender, config: (True, "triggered"))
        answers[label] = error(two.generate_reply, messages=[{"content": "q", "role": "user"}])
    return answers


@scenario()
def triggers_that_are_refused(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    two.register_reply(lambda sender: "yes", said("x"))
    return [
        error(mute("three").register_reply, 3, said("x")),
        error(two.generate_reply, messages=[{"content": "q"}], sender=one)["raised"] != [],
    ]


@scenario()
def config_is_copied_and_reset(base_url: str, work_dir: str) -> Any:
    seen = []

    def count(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        config["n"] += 1
        config["deep"].append(config["n"])
        seen.append(dict(config))
        return False, None

    given = {"n": 0, "deep": []}
    one, two = mute("one"), mute("two")
    two.register_reply(autogen.Agent, count, config=given)
    two.generate_reply(messages=[{"content": "q"}], sender=one)
    two.generate_reply(messages=[{"content": "q"}], sender=one)
    two.reset()
    two.generate_reply(messages=[{"content": "q"}], sender=one)
    return [given["n"], [row["n"] for row in seen]]


@scenario()
def own_reset_of_config(base_url: str, work_dir: str) -> Any:
    def reset(config: Any) -> None:
        print("reset", config)
        config["n"] = 100

    def count(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        config["n"] += 1
        return True, str(config["n"])

    one, two = mute("one"), mute("two")
    two.register_reply(autogen.Agent, count, config={"n": 0}, reset_config=reset)
    before = two.generate_reply(messages=[{"content": "q"}], sender=one)
    two.reset()
    return [before, two.generate_reply(messages=[{"content": "q"}], sender=one)]


@scenario()
def configs_that_are_no_dict(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    two.register_reply(autogen.Agent, said("x"), config="a text")
    return two.generate_reply(messages=[{"content": "q"}], sender=one)


@scenario()
def async_function_in_a_sync_chat(base_url: str, work_dir: str) -> Any:
    async def reply(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        return True, "async"

    one, two = mute("one", "x"), mute("two", "y")
    two.register_reply(autogen.Agent, reply)
    refused = [
        error(one.initiate_chat, two, message="q", max_turns=1),
        error(two.initiate_chat, one, message="q", max_turns=1),
    ]
    three = mute("three", "z")
    three.register_reply(autogen.Agent, reply, ignore_async_in_sync_chat=True)
    skipped = chat(one.initiate_chat(three, message="q", max_turns=1))
    used = chat(asyncio.run(one.a_initiate_chat(three, message="q", max_turns=1)))
    return [refused, skipped, used]


@scenario()
def sync_function_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y")
    two.register_reply(autogen.Agent, said("sync"))
    return chat(asyncio.run(one.a_initiate_chat(two, message="q", max_turns=1)))


@scenario()
def async_generate_reply_directly(base_url: str, work_dir: str) -> Any:
    async def reply(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        return True, "async"

    one, two = mute("one", "x"), mute("two", "y")
    two.register_reply(autogen.Agent, reply)
    sync = two.generate_reply(messages=[{"content": "q"}], sender=one)
    return [sync, asyncio.run(two.a_generate_reply(messages=[{"content": "q"}], sender=one))]


@scenario()
def replace_reply_func(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    old, new = said("old"), said("new")
    two.register_reply(autogen.Agent, old, config={"a": 1})
    two.replace_reply_func(old, new)
    two.replace_reply_func(said("not there"), said("nothing"))
    return two.generate_reply(messages=[{"content": "q"}], sender=one)


@scenario()
def replace_a_built_in(base_url: str, work_dir: str) -> Any:
    class Loud(autogen.ConversableAgent):
        pass

    two = Loud("two", llm_config=False, human_input_mode="NEVER", default_auto_reply="d")
    two.replace_reply_func(autogen.ConversableAgent.generate_oai_reply, said("mine"))
    return [two.generate_reply(messages=[{"content": "q"}], sender=mute("one")), chain(two)[-1]]


@scenario(["from the model"])
def generate_reply_arguments(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two", "d")
    one.send("kept", two, request_reply=False)
    return [
        two.generate_reply(sender=one),
        two.generate_reply(messages=[{"content": "q", "role": "user"}]),
        bot(base_url).generate_reply(messages=[{"content": "q", "role": "user"}]),
        error(two.generate_reply),
        two.generate_reply(messages=[{"content": "TERMINATE"}], sender=one),
        error(two.generate_reply, messages=[{"role": "user"}], sender=one),
    ]


@scenario(["text reply", {"content": None, "tool_calls": [("c1", "f", {"a": 1})]}])
def generate_oai_reply_directly(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url)
    first = agent.generate_oai_reply([{"content": "q", "role": "user"}])
    second = agent.generate_oai_reply([{"content": "q", "role": "user"}])
    calls = {key: second[1].get(key) for key in ("role", "content", "tool_calls", "function_call")}
    return [list(first), second[0], calls, mute("one").generate_oai_reply([{"content": "q", "role": "user"}])]


@scenario()
def exclude(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two", "default")
    reply = said("registered")
    two.register_reply(autogen.Agent, reply)
    messages = [{"content": "TERMINATE", "role": "user"}]
    return [
        two.generate_reply(messages=messages, sender=one),
        two.generate_reply(messages=messages, sender=one, exclude=[reply]),
        two.generate_reply(
            messages=messages, sender=one, exclude=[reply, autogen.ConversableAgent.check_termination_and_human_reply]
        ),
    ]


@scenario()
def reply_function_that_raises(base_url: str, work_dir: str) -> Any:
    def reply(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        raise KeyError("mine")

    one, two = mute("one"), mute("two")
    two.register_reply(autogen.Agent, reply)
    return [error(one.initiate_chat, two, message="q", text=True), views(one, two)]


@scenario()
def reply_function_with_positional_parameters(base_url: str, work_dir: str) -> Any:
    class Agent(autogen.ConversableAgent):
        def __init__(self, name: str) -> None:
            super().__init__(name, llm_config=False, human_input_mode="NEVER", default_auto_reply="d")
            self.register_reply([autogen.Agent, None], Agent.mine)

        def mine(self, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
            return True, f"{self.name} answers {messages[-1]['content']} of {sender.name}"

    return chat(mute("one").initiate_chat(Agent("two"), message="q", max_turns=1))


@scenario(["polite answer"])
def reply_function_edits_the_messages(base_url: str, work_dir: str) -> Any:
    def polite(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        messages[-1]["content"] += " please"
        return False, None

    person, agent = user(), bot(base_url)
    agent.register_reply([autogen.Agent, None], polite)
    person.initiate_chat(agent, message="q", max_turns=1)
    return views(person, agent)
