"""Faces called inside a run, by an override of the other kind, by what was left behind, and by who catches errors.

Refuses to know how runs are told apart.
"""

import asyncio
from typing import Any

import autogen
from autogen import AssistantAgent, ConversableAgent, StopReason, UserProxyAgent
from autogen.testing import Script


class HandsOn(UserProxyAgent):
    """What 0.2's programs do to see each message: a sync override, in whatever chat."""

    def receive(self, message: Any, sender: Any, request_reply: Any = None, silent: Any = False) -> None:
        super().receive(message, sender, request_reply, silent)


def test_a_sync_override_in_an_async_chat_pays_and_stops_as_in_a_sync_one() -> None:
    seen: list[tuple[int, Any]] = []
    for is_async in (False, True):
        script = Script([{"text": str(number)} for number in range(9)])
        assistant = AssistantAgent("assistant", llm_config=script.llm_config)
        user = HandsOn(
            "user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="go on",
            max_consecutive_auto_reply=2,
        )  # fmt: skip
        if is_async:
            result = asyncio.run(user.a_initiate_chat(assistant, message="start", silent=True))
        else:
            result = user.initiate_chat(assistant, message="start", silent=True)
        seen.append((len(script.requests), result.stop_reason))
        assert len(result.chat_history) == 6
    assert seen == [(3, StopReason.MAX_AUTO_REPLY)] * 2


def test_a_chat_of_a_task_that_a_tool_left_behind_is_there_afterwards() -> None:
    script = Script([{"tool_calls": [["c1", "start", {}]]}, "done"])
    assistant = AssistantAgent("assistant", llm_config=script.llm_config)
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    asked = ConversableAgent("asked", human_input_mode="NEVER", default_auto_reply="late")
    asking = ConversableAgent("asking", human_input_mode="NEVER")
    left: list[asyncio.Task[Any]] = []
    ended = asyncio.Event()

    async def later() -> None:
        await ended.wait()
        await asking.a_initiate_chat(asked, message="q", max_turns=1, silent=True)

    async def start() -> str:
        """Starts it."""
        left.append(asyncio.create_task(later()))
        return "started"

    async def story() -> None:
        await user.a_initiate_chat(assistant, message="go", max_turns=2, silent=True)
        ended.set()
        await left[0]

    autogen.register_function(start, caller=assistant, executor=user, description="Starts it.")
    asyncio.run(story())
    assert [message["content"] for message in asking.chat_messages[asked]] == ["q", "late"]


def test_an_error_that_the_program_catches_inside_a_run_does_not_end_it() -> None:
    script = Script([{"error": "server"}])
    assistant = AssistantAgent("assistant", llm_config=script.llm_config)
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)

    def carefully(agent: Any, messages: Any = None, sender: Any = None, config: Any = None) -> tuple[bool, str]:
        try:
            return agent.generate_oai_reply(messages, sender)
        except Exception:
            return True, "the model is down"

    assistant.register_reply([autogen.Agent, None], carefully)
    result = user.initiate_chat(assistant, message="go", max_turns=1, silent=True)
    assert (result.summary, result.stop_reason) == ("the model is down", StopReason.MAX_TURNS)
