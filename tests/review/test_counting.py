"""What threads of one run count together adds up. Refuses to know who counts."""

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, Budget, ConversableAgent, UserProxyAgent
from autogen.testing import Script

TOOLS = 40


@pytest.fixture(autouse=True)
def threads_change_at_every_step() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("budget", [None, Budget(model_calls=1000)])
def test_the_calls_of_nested_chats_in_threads_are_all_counted_and_their_histories_kept(budget: Budget | None) -> None:
    calls = [[f"c{number}", "ask", {"number": number}] for number in range(TOOLS)]
    lines = [{"agent": "assistant", "tool_calls": calls}, {"agent": "assistant", "text": "done"}]
    script = Script([*lines, {"agent": "expert", "text": "known", "times": 0}])
    assistant = AssistantAgent("assistant", llm_config=script.llm_config)
    expert = AssistantAgent("expert", llm_config=script.llm_config)
    asking = [ConversableAgent(f"asking {number}", human_input_mode="NEVER") for number in range(TOOLS)]
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)

    def ask(number: int) -> str:
        """Asks the expert."""
        chat = asking[number].initiate_chat(expert, message=f"question {number}", max_turns=1, silent=True)
        return str(chat.chat_history[0]["content"])

    autogen.register_function(ask, caller=assistant, executor=user, description="Asks the expert.")

    async def story() -> Any:
        with autogen.observing(lambda event: None, console=False):
            return await user.a_initiate_chat(assistant, message="go", max_turns=2, budget=budget)

    for _ in range(5):
        for line in range(len(script.lines)):
            script._used[line] = 0
        result = asyncio.run(story())
        answers = [answer["content"] for answer in result.chat_history[2]["tool_responses"]]
        assert answers == [f"question {number}" for number in range(TOOLS)]
        assert sum(usage.requests for usage in result.usage.values()) == TOOLS + 2
        assert all(len(expert.chat_messages[one]) == 2 for one in asking)
