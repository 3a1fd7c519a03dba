"""Shorthands of the programs about group chats: members, teams, and what a team shows.

Refuses to know: which `autogen` it runs under; see `scenario.py`.
"""

from __future__ import annotations

import copy
from typing import Any

from scenario import chat, counters, mute, views

import autogen

WORDS = {
    "select_speaker_message_template": "Roles: {roles}. Read on, then choose from {agentlist}.",
    "select_speaker_prompt_template": "Choose from {agentlist}.",
    "select_speaker_auto_multiple_template": "More than one name. Choose from {agentlist}.",
    "select_speaker_auto_none_template": "No name. Choose from {agentlist}.",
}
"""Templates of the scenario's own: each package words its default ones itself."""


def member(name: str, *lines: Any, **options: Any) -> Any:
    """A member that says its lines one after the other, the last one for ever."""
    left = list(lines)

    def speak(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        return True, left.pop(0) if len(left) > 1 else left[0]

    agent = mute(name, description=f"The {name}.", **options)
    agent.register_reply([autogen.Agent, None], speak)
    return agent


def three() -> list[Any]:
    return [member("alice", "I am Alice."), member("bob", "I am Bob."), member("carol", "I am Carol.")]


def team(members: list[Any], manager: dict[str, Any] | None = None, **options: Any) -> Any:
    group = autogen.GroupChat(members, [], **{**WORDS, **options})
    return autogen.GroupChatManager(group, **(manager or {}))


def told(manager: Any, result: Any = None) -> dict[str, Any]:
    members = manager.groupchat.agents
    kept: dict[str, Any] = {
        "group": copy.deepcopy(manager.groupchat.messages),
        "views": views(manager, *members),
        "last": manager.last_speaker and manager.last_speaker.name,
        "counters": {agent.name: counters(agent) for agent in (manager, *members)},
    }
    return kept if result is None else {**kept, "chat": chat(result)}


def speakers(manager: Any) -> list[str]:
    return [message["name"] for message in manager.groupchat.messages]
