"""Hooks: the three kinds, their order, and what they change."""

from __future__ import annotations

import asyncio
from typing import Any

from scenario import bot, chat, error, mute, scenario, user, views


@scenario(["r1", "r2"])
def before_send(base_url: str, work_dir: str) -> Any:
    def hook(sender: Any, message: Any, recipient: Any, silent: Any) -> Any:
        print(f"[{sender.name} sends {message!r} to {recipient.name}, silent {silent}]")
        return f"{message}!" if isinstance(message, str) else {**message, "content": "hooked"}

    person, agent = user(max_consecutive_auto_reply=1), bot(base_url)
    person.register_hook("process_message_before_send", hook)
    person.initiate_chat(agent, message="hello")
    person.send({"content": "a dict", "more": 1}, agent, request_reply=False, silent=True)
    return views(person, agent)


@scenario(["r1", "r2"])
def last_received(base_url: str, work_dir: str) -> Any:
    def hook(content: Any) -> Any:
        print(f"[received {content!r}]")
        return f"{content} (processed)"

    person, agent = user(max_consecutive_auto_reply=1), bot(base_url)
    agent.register_hook("process_last_received_message", hook)
    person.initiate_chat(agent, message="hello")
    return views(person, agent)


@scenario(["r1", "r2"])
def all_messages(base_url: str, work_dir: str) -> Any:
    def hook(messages: list[Any]) -> Any:
        print(f"[{len(messages)} messages]")
        return [{"content": "inserted", "role": "user"}, *messages[-1:]]

    person, agent = user(max_consecutive_auto_reply=1), bot(base_url)
    agent.register_hook("process_all_messages_before_reply", hook)
    person.initiate_chat(agent, message="hello")
    return views(person, agent)


@scenario(["r1"])
def all_messages_edited_in_place(base_url: str, work_dir: str) -> Any:
    def hook(messages: list[Any]) -> Any:
        messages[0]["content"] = "edited in place"
        return messages

    person, agent = user(), bot(base_url)
    agent.register_hook("process_all_messages_before_reply", hook)
    person.initiate_chat(agent, message="hello", max_turns=1)
    return views(person, agent)


@scenario(["r1"])
def order(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)

    def sent(sender: Any, message: Any, recipient: Any, silent: Any) -> Any:
        print(f"[{sender.name} sends]")
        return message

    def received(number: int) -> Any:
        def hook(content: Any) -> Any:
            print(f"[last message {number}: {content}]")
            return f"{content}{number}"

        return hook

    def everything(messages: Any) -> Any:
        print("[all messages:", [message["content"] for message in messages], "]")
        return messages

    for each in (person, agent):
        each.register_hook("process_message_before_send", sent)
        each.register_hook("process_last_received_message", received(1))
        each.register_hook("process_last_received_message", received(2))
        each.register_hook("process_all_messages_before_reply", everything)
    person.initiate_chat(agent, message="hello", max_turns=1)
    return views(person, agent)


@scenario()
def registration(base_url: str, work_dir: str) -> Any:
    def hook(content: Any) -> Any:
        return content

    async def async_hook(content: Any) -> Any:
        return content

    one = mute("one")
    one.register_hook("process_last_received_message", hook)
    return [
        error(one.register_hook, "process_last_received_message", hook),
        error(one.register_hook, "no_such_method", hook),
        error(one.register_hook, "process_last_received_message", async_hook),
        error(one.register_hook, "a_process_last_received_message", async_hook),
        sorted(one.hook_lists),
        [len(one.hook_lists[name]) for name in sorted(one.hook_lists)],
    ]


@scenario(["r1"])
def last_received_hooks_that_are_skipped(base_url: str, work_dir: str) -> Any:
    def hook(content: Any) -> Any:
        print(f"[received {content!r}]")
        return content

    agent, one = bot(base_url), mute("one")
    agent.register_hook("process_last_received_message", hook)
    call = {"content": None, "function_call": {"name": "f", "arguments": "{}"}}
    return [
        agent.process_last_received_message([]),
        agent.process_last_received_message([{"content": "exit"}]),
        agent.process_last_received_message([call]),
        agent.process_last_received_message([{"content": "", "role": "user"}]),
        agent.process_last_received_message([{"content": None, "role": "user"}]),
        agent.process_last_received_message([{"content": "text", "role": "user", "context": {"a": 1}}]),
        agent.process_last_received_message([{"content": [{"type": "text", "text": "t"}]}]),
        agent.generate_reply(messages=[{"content": "q", "role": "user"}], sender=one),
    ]


@scenario(["r1", "r2"])
def sync_hooks_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    def hook(content: Any) -> Any:
        return f"{content} (sync)"

    async def async_hook(content: Any) -> Any:
        return f"{content} (async)"

    histories = []
    for name, function in (("process_last_received_message", hook), ("a_process_last_received_message", async_hook)):
        person, agent = user(), bot(base_url)
        agent.register_hook(name, function)
        histories.append(chat(asyncio.run(person.a_initiate_chat(agent, message="hello", max_turns=1))))
    return histories


@scenario(["r1"])
def async_hooks_of_each_kind(base_url: str, work_dir: str) -> Any:
    async def sent(sender: Any, message: Any, recipient: Any, silent: Any) -> Any:
        print(f"[{sender.name} sends]")
        return message

    async def received(content: Any) -> Any:
        print(f"[last message: {content}]")
        return f"{content}+"

    async def everything(messages: Any) -> Any:
        print("[all messages:", [message["content"] for message in messages], "]")
        return messages

    person, agent = user(), bot(base_url)
    agent.register_hook("a_process_message_before_send", sent)
    agent.register_hook("a_process_last_received_message", received)
    agent.register_hook("a_process_all_messages_before_reply", everything)
    asyncio.run(person.a_initiate_chat(agent, message="hello", max_turns=1))
    return views(person, agent)
