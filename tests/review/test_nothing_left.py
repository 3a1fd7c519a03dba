"""Nothing is left running and nothing is kept alive: cancelled tools, tools that are cancelled from inside, partners.

Refuses to know drivers.
"""

import asyncio
import gc
import weakref
from typing import Any

import autogen
from autogen import AssistantAgent, UserProxyAgent
from autogen.testing import Script


def a_pair(tool: Any, calls: int) -> tuple[AssistantAgent, UserProxyAgent]:
    script = Script([{"tool_calls": [[f"c{number}", tool.__name__, {}] for number in range(calls)]}, "done"])
    assistant = AssistantAgent("assistant", llm_config=script.llm_config)
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    autogen.register_function(tool, caller=assistant, executor=user, description="A tool.")
    return assistant, user


def test_a_tool_that_is_cancelled_from_inside_is_an_outcome_in_both_kinds_of_chat() -> None:
    async def give_up() -> str:
        """Waits for something that was cancelled."""
        inner = asyncio.create_task(asyncio.sleep(60))
        inner.cancel()
        await inner
        return "never"

    answers: list[Any] = []
    for calls in (1, 2):
        assistant, user = a_pair(give_up, calls)
        result = user.initiate_chat(assistant, message="go", max_turns=2, silent=True)
        answers.append(result.chat_history[2]["content"])
        assistant, user = a_pair(give_up, calls)
        result = asyncio.run(user.a_initiate_chat(assistant, message="go", max_turns=2, silent=True))
        answers.append(result.chat_history[2]["content"])
    assert all("was cancelled" in answer for answer in answers)


def test_a_chat_cancelled_twice_waits_for_its_tools_to_clean_up() -> None:
    cleaning = asyncio.Event()

    async def slow() -> str:
        """Needs a moment to clean up."""
        try:
            await asyncio.sleep(60)
        finally:
            await cleaning.wait()
        return "never"

    async def story() -> int:
        assistant, user = a_pair(slow, 2)
        chat = asyncio.create_task(user.a_initiate_chat(assistant, message="go", max_turns=2, silent=True))
        while len(asyncio.all_tasks()) < 4:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        chat.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        chat.cancel()
        asyncio.get_running_loop().call_later(0.05, cleaning.set)
        await asyncio.wait([chat])
        return len(asyncio.all_tasks()) - 1

    assert asyncio.run(story()) == 0


def test_an_agent_that_serves_many_keeps_none_of_them_alive() -> None:
    script = Script([{"text": "ok", "times": 0}])
    serving = AssistantAgent("serving", llm_config=script.llm_config)
    served: list[weakref.ref[UserProxyAgent]] = []

    async def request() -> None:
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        served.append(weakref.ref(user))
        await user.a_initiate_chat(serving, message="x", silent=True, max_turns=1)

    async def story() -> None:
        for _ in range(20):
            await asyncio.create_task(request())

    asyncio.run(story())
    script.requests.clear()
    gc.collect()
    assert sum(agent() is not None for agent in served) <= 1
