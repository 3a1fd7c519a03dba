"""The words by which a person makes members of a group forget: `clear history [agent] [number]`, as in 0.2.

Decides what is forgotten and what is left of the message. Refuses to know who said it.
"""

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from autogen.conversation.group_view import Group

WORDS = "CLEAR HISTORY"


class Clearing(Struct, frozen=True):
    """What a message asks to be forgotten. agent: "" for all; keep: the last messages that stay, None for none."""

    agent: str
    keep: int | None
    rest: str
    """The message without the words."""


def clearing(content: str, names: Iterable[str]) -> Clearing | None:
    """What `content` asks to be forgotten; None when it asks for nothing."""
    known = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    who = rf"(?:\s+(?P<agent>{known})(?!\w))?" if known else "(?P<agent>(?!))?"
    found = re.search(rf"\b(?i:clear\s+history)\b{who}(?:\s+(?P<keep>\d+)(?!\w))?", content)
    if found is None:
        return None
    keep = found["keep"]
    rest = " ".join(f"{content[: found.start()]} {content[found.end() :]}".split())
    return Clearing(found["agent"] or "", None if keep is None else int(keep), rest)


def clear(group: Group, asked: Clearing) -> str:
    """Make the members forget; the line that says so, in 0.2's words."""
    kept = f" except last {asked.keep} messages" if asked.keep else ""
    if asked.agent:
        member: Any = group.agent_by_name(asked.agent)
        member.clear_history(nr_messages_to_preserve=asked.keep)
        return f"Clearing history for {asked.agent}{kept}."
    messages = group.messages
    messages[:] = messages[-asked.keep :] if asked.keep else []
    for agent in group.agents:
        agent.clear_history(nr_messages_to_preserve=asked.keep)
    return f"Clearing history for all agents{kept}."
