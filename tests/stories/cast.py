"""The cast of the stories: agents that need no network, and the words that end a chat.

Refuses to know any story.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autogen import AssistantAgent, ConversableAgent, GroupChat, GroupChatManager, UserProxyAgent
from autogen.testing import Line, Script

Lines = Iterable[str | Mapping[str, Any] | Line]


def is_over(message: Mapping[str, Any]) -> bool:
    return "TERMINATE" in str(message.get("content") or "")


def a_user(name: str = "user", **given: Any) -> UserProxyAgent:
    """Nobody to ask, no code to run, ends on TERMINATE."""
    settings = {"human_input_mode": "NEVER", "code_execution_config": False, "is_termination_msg": is_over, **given}
    return UserProxyAgent(name, **settings)


def a_model(script: Script | Lines, name: str = "assistant", **given: Any) -> AssistantAgent:
    """An assistant that answers from a script."""
    lines = script if isinstance(script, Script) else Script(script)
    return AssistantAgent(name, llm_config=lines.llm_config, **given)


def an_echo(name: str, reply: Callable[[str], str | None] = lambda text: text, **given: Any) -> ConversableAgent:
    """An agent without a model: answers with `reply(text of the last message)`."""
    agent = ConversableAgent(name, human_input_mode="NEVER", **given)

    def answer(_: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, reply(messages[-1]["content"])

    agent.register_reply([ConversableAgent, None], answer)
    return agent


def contents(history: Iterable[Mapping[str, Any]] | None) -> list[Any]:
    """What was said, in order."""
    return [message["content"] for message in history or ()]


def tool_call(name: str, arguments: Any = None, call_id: str = "call_1") -> list[Any]:
    return [call_id, name, {} if arguments is None else arguments]


def a_group(members: list[Any], lines: Script | Lines | None = None, **settings: Any) -> GroupChatManager:
    """The manager of a group of `members`; its model answers from a script."""
    script = lines if isinstance(lines, Script) or lines is None else Script(lines)
    of_manager = {name: settings.pop(name) for name in ("name", "silent", "is_termination_msg") if name in settings}
    group = GroupChat(members, [], **settings)
    return GroupChatManager(group, llm_config=script.llm_config if script is not None else False, **of_manager)


def a_speaker(name: str, *words: str, **given: Any) -> ConversableAgent:
    """An agent without a model that always says the same: its words, or its own name."""
    settings = {"human_input_mode": "NEVER", "description": f"The {name}.", **given}
    return ConversableAgent(name, default_auto_reply=" ".join(words) or f"I am {name}.", **settings)


def speakers(manager: GroupChatManager) -> list[str]:
    """Who spoke in a group, in order."""
    return [message["name"] for message in manager.groupchat.messages]
