"""The asynchronous face: the same chats through `a_initiate_chat`."""

from __future__ import annotations

import asyncio
from typing import Any

import autogen
from scenario import bot, calls, chat, llm, mute, scenario, user, views


def run(base_url: str, mode: str = "NEVER", **options: Any) -> Any:
    person, agent = user(human_input_mode=mode, **options), bot(base_url)
    result = asyncio.run(person.a_initiate_chat(agent, message="hello"))
    return {**chat(result), "views": views(person, agent)}


@scenario(["hi", "bye TERMINATE", "TERMINATE"])
def plain_chat(base_url: str, work_dir: str) -> Any:
    return run(base_url)


@scenario(["first", "second"])
def max_turns(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)
    result = asyncio.run(person.a_initiate_chat(agent, message="hello", max_turns=2))
    return chat(result)


@scenario([calls(("c1", "f", {}), ("c2", "f", {})), "x"], inputs=["stop it", "exit"])
def text_on_tool_calls(base_url: str, work_dir: str) -> Any:
    return run(base_url, "ALWAYS", function_map={"f": lambda: "v"})


@scenario(["hello\n```python\nprint(1)\n```", "TERMINATE"])
def code(base_url: str, work_dir: str) -> Any:
    return run(base_url, code_execution_config={"work_dir": "w", "use_docker": False})


@scenario(["hello\n```python\nprint(1)\n```", "TERMINATE"])
def code_by_executor(base_url: str, work_dir: str) -> Any:
    return run(
        base_url, code_execution_config={"executor": "commandline-local", "commandline-local": {"work_dir": work_dir}}
    )


@scenario(["answer", "in short"])
def reflection(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)
    return chat(
        asyncio.run(person.a_initiate_chat(agent, message="q", max_turns=1, summary_method="reflection_with_llm"))
    )


@scenario(inputs=["typed"])
def missing_first_message(base_url: str, work_dir: str) -> Any:
    return chat(asyncio.run(mute("one").a_initiate_chat(mute("two"), max_turns=1)))


@scenario()
def carryover_and_callable_message(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    plain = chat(asyncio.run(one.a_initiate_chat(two, message="q", carryover=["a", "b"], max_turns=1)))
    made = chat(
        asyncio.run(
            one.a_initiate_chat(two, message=lambda s, r, c: f"from {s.name} {sorted(c)}", topic=1, max_turns=1)
        )
    )
    return [plain, made]


@scenario()
def send_and_receive(base_url: str, work_dir: str) -> Any:
    async def main() -> Any:
        one, two = mute("one", "x"), mute("two", "y")
        await one.a_send("hello", two)
        await one.a_send("again", two, request_reply=True)
        await one.a_receive({"content": "direct"}, two, request_reply=False)
        return [views(one, two), await two.a_generate_reply(sender=one), kinds_of(await raised(two.a_generate_reply()))]

    return asyncio.run(main())


async def raised(awaitable: Any) -> Any:
    try:
        return await awaitable
    except Exception as failure:
        return failure


def kinds_of(value: Any) -> Any:
    return {"raised": [kind.__name__ for kind in type(value).__mro__ if kind not in (BaseException, object)]}


@scenario(["a", "a"])
def two_chats_at_once(base_url: str, work_dir: str) -> Any:
    async def main() -> Any:
        chats = [user().a_initiate_chat(bot(base_url), message="q", max_turns=1, silent=True) for _ in range(2)]
        return [chat(result) for result in await asyncio.gather(*chats)]

    return asyncio.run(main())


@scenario(["r"])
def async_reply_function_with_the_model(base_url: str, work_dir: str) -> Any:
    async def note(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        print(f"[{recipient.name} waits]")
        await asyncio.sleep(0)
        return False, None

    person, agent = user(), bot(base_url)
    agent.register_reply([autogen.Agent, None], note)
    return chat(asyncio.run(person.a_initiate_chat(agent, message="q", max_turns=1)))


@scenario([calls(("c1", "slow", {"n": 1}), ("c2", "slow", {"n": 2})), "TERMINATE"])
def async_tools_run_together(base_url: str, work_dir: str) -> Any:
    log: list[str] = []
    both = []

    async def slow(n: int) -> str:
        log.append(f"start {n}")
        both.append(n)
        while len(both) < 2:
            await asyncio.sleep(0.001)
        log.append(f"end {n}")
        return str(n)

    async def main() -> Any:
        person, agent = user(), bot(base_url, llm_config=llm(base_url))
        person.register_for_execution()(agent.register_for_llm(description="Slow.")(slow))
        await asyncio.wait_for(person.a_initiate_chat(agent, message="go"), 10)
        return [log[:2], sorted(log[2:]), views(person)]

    return asyncio.run(main())
