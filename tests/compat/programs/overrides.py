"""Subclasses that override what 0.2 meant to be overridden."""

from __future__ import annotations

import asyncio
from typing import Any

import autogen
from scenario import bot, calls, chat, counters, mute, scenario, user, views


@scenario(["r1", "r2", "r3"])
def get_human_input(base_url: str, work_dir: str) -> Any:
    class Person(autogen.UserProxyAgent):
        lines = ["", "typed", "exit"]

        def get_human_input(self, prompt: str) -> str:
            print(f"[asked: {prompt!r}]")
            return self.lines.pop(0)

    person = Person("person", code_execution_config=False, default_auto_reply="auto")
    result = person.initiate_chat(bot(base_url), message="hello")
    return [chat(result), person._human_input]


@scenario(["r1", "r2", "r3"], inputs=["", "typed", "exit"])
def get_human_input_with_super(base_url: str, work_dir: str) -> Any:
    class Person(autogen.UserProxyAgent):
        def get_human_input(self, prompt: str) -> str:
            return super().get_human_input("? ")

    person = Person("person", code_execution_config=False, default_auto_reply="auto")
    return chat(person.initiate_chat(bot(base_url), message="hello"))


@scenario(["r1", "r2"])
def sync_get_human_input_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    class Person(autogen.UserProxyAgent):
        lines = ["typed", "exit"]

        def get_human_input(self, prompt: str) -> str:
            print(f"[asked: {prompt!r}]")
            return self.lines.pop(0)

    person = Person("person", code_execution_config=False)
    result = asyncio.run(person.a_initiate_chat(bot(base_url), message="hello"))
    return [chat(result), person.lines]


@scenario(["r1", "r2"])
def a_get_human_input(base_url: str, work_dir: str) -> Any:
    class Person(autogen.UserProxyAgent):
        lines = ["typed", "exit"]

        async def a_get_human_input(self, prompt: str) -> str:
            print(f"[asked: {prompt!r}]")
            return self.lines.pop(0)

    person = Person("person", code_execution_config=False)
    return chat(asyncio.run(person.a_initiate_chat(bot(base_url), message="hello")))


@scenario()
def generate_reply(base_url: str, work_dir: str) -> Any:
    class Echo(autogen.ConversableAgent):
        def generate_reply(self, messages: Any = None, sender: Any = None, **kwargs: Any) -> Any:
            last = messages[-1]["content"]
            print(f"[{self.name}: {len(messages)} messages, {sender.name}, {sorted(kwargs)}]")
            return None if len(last) > 8 else last + "!"

    one, two = Echo("one", llm_config=False), Echo("two", llm_config=False)
    return [chat(one.initiate_chat(two, message="hello")), counters(one), counters(two)]


@scenario()
def a_generate_reply(base_url: str, work_dir: str) -> Any:
    class Echo(autogen.ConversableAgent):
        async def a_generate_reply(self, messages: Any = None, sender: Any = None, **kwargs: Any) -> Any:
            return "async echo"

    one, two = mute("one"), Echo("two", llm_config=False)
    return chat(asyncio.run(one.a_initiate_chat(two, message="hello", max_turns=1)))


@scenario(["r1"])
def generate_reply_with_super(base_url: str, work_dir: str) -> Any:
    class Signed(autogen.AssistantAgent):
        def generate_reply(self, messages: Any = None, sender: Any = None, **kwargs: Any) -> Any:
            return f"{super().generate_reply(messages=messages, sender=sender, **kwargs)} -- {self.name}"

    agent = Signed("bot", system_message="s", llm_config=bot(base_url).llm_config)
    return chat(user().initiate_chat(agent, message="hello", max_turns=1))


@scenario(["```python\nprint(1)\n```", "TERMINATE"])
def run_code(base_url: str, work_dir: str) -> Any:
    class Runner(autogen.UserProxyAgent):
        def run_code(self, code: str, **kwargs: Any) -> Any:
            print(f"[run {code!r} {kwargs['lang']} {kwargs['work_dir']} {kwargs['use_docker']}]")
            return 0, "pretended", None

    runner = Runner("runner", human_input_mode="NEVER", code_execution_config={"use_docker": False, "work_dir": "w"})
    return chat(runner.initiate_chat(bot(base_url), message="hello"))


@scenario(["```python\nprint(1)\n```\n```sh\necho 2\n```", "TERMINATE"])
def execute_code_blocks(base_url: str, work_dir: str) -> Any:
    class Runner(autogen.UserProxyAgent):
        def execute_code_blocks(self, code_blocks: Any) -> Any:
            print(f"[blocks {code_blocks!r}]")
            return 1, "\nnot today"

    runner = Runner("runner", human_input_mode="NEVER", code_execution_config={"use_docker": False})
    return chat(runner.initiate_chat(bot(base_url), message="hello"))


@scenario([calls(("c1", "f", {"a": 1})), "TERMINATE"])
def execute_function(base_url: str, work_dir: str) -> Any:
    class Runner(autogen.UserProxyAgent):
        def execute_function(self, func_call: Any, *args: Any, **kwargs: Any) -> Any:
            print(f"[call {func_call} {args} {kwargs}]")
            return True, {"name": func_call["name"], "role": "function", "content": "pretended"}

    runner = Runner("runner", human_input_mode="NEVER", code_execution_config=False)
    runner.initiate_chat(bot(base_url), message="hello")
    return views(runner)


@scenario()
def receive(base_url: str, work_dir: str) -> Any:
    class Logged(autogen.ConversableAgent):
        def receive(self, message: Any, sender: Any, request_reply: Any = None, silent: Any = False) -> Any:
            print(f"[{self.name} receives {message!r} from {sender.name}, {request_reply}, {silent}]")
            return super().receive(message, sender, request_reply, silent)

    one = mute("one", "x", max_consecutive_auto_reply=1)
    two = Logged("two", llm_config=False, human_input_mode="NEVER", default_auto_reply="y")
    return [chat(one.initiate_chat(two, message="hello")), views(two)]


@scenario()
def send(base_url: str, work_dir: str) -> Any:
    class Logged(autogen.ConversableAgent):
        def send(self, message: Any, recipient: Any, request_reply: Any = None, silent: Any = False) -> Any:
            print(f"[{self.name} sends {message!r} to {recipient.name}, {request_reply}, {silent}]")
            return super().send(message, recipient, request_reply, silent)

    one = mute("one", "x", max_consecutive_auto_reply=1)
    two = Logged("two", llm_config=False, human_input_mode="NEVER", default_auto_reply="y")
    return chat(one.initiate_chat(two, message="hello"))


@scenario()
def print_received_message(base_url: str, work_dir: str) -> Any:
    class Quiet(autogen.ConversableAgent):
        def _print_received_message(self, message: Any, sender: Any) -> None:
            print(f"[{self.name} got {message!r}]")

    one, two = mute("one", "x"), Quiet("two", llm_config=False, human_input_mode="NEVER", default_auto_reply="y")
    return chat(one.initiate_chat(two, message="hello", max_turns=1))


@scenario()
def check_termination_and_human_reply(base_url: str, work_dir: str) -> Any:
    class Polite(autogen.ConversableAgent):
        def check_termination_and_human_reply(
            self, messages: Any = None, sender: Any = None, config: Any = None
        ) -> Any:
            print("[overridden check]")
            return True, "never reached by the chain?"

    one, two = mute("one", "x"), Polite("two", llm_config=False, human_input_mode="NEVER", default_auto_reply="y")
    return chat(one.initiate_chat(two, message="hello", max_turns=1))


@scenario()
def an_agent_of_ones_own(base_url: str, work_dir: str) -> Any:
    class Plain:
        name, description, silent = "plain", "an agent by protocol only", False

        def __init__(self) -> None:
            self.got: list[Any] = []

        def send(self, message: Any, recipient: Any, request_reply: Any = None) -> None:
            recipient.receive(message, self, request_reply)

        def receive(self, message: Any, sender: Any, request_reply: Any = None, silent: Any = None) -> None:
            self.got.append([message, sender.name, request_reply])

        def generate_reply(self, messages: Any = None, sender: Any = None, **kwargs: Any) -> Any:
            return None

    plain, one = Plain(), mute("one", "x")
    one.send("hello", plain)
    plain.send("back", one, request_reply=True)
    return [plain.got, [list(kept) for kept in one.chat_messages.values()], isinstance(plain, autogen.Agent)]
