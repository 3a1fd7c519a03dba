"""Who may speak next: 0.2's filters, and the transition table, which binds tool calls too.

Pure: a function of the group's settings and its last message. Decides when nobody may, and when nobody needs to be
asked because one is left. Refuses to know how one of several is chosen (`group_selection.py`).
"""

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from autogen.conversation.group_view import Group
from autogen.core.errors import ConfigError
from autogen.core.exceptions import NoEligibleSpeaker


class NoExecutor(ConfigError):
    """A member called a tool, and nobody who may speak next can execute it."""

    def __init__(self, caller: str, tools: tuple[str, ...], allowed: tuple[str, ...], able: tuple[str, ...]) -> None:
        super().__init__(caller, tools, allowed, able)
        self.caller, self.tools, self.allowed, self.able = caller, tools, allowed, able

    def __str__(self) -> str:
        called = ", ".join(repr(tool) for tool in self.tools)
        if self.able:
            return (
                f"No agent that {self.caller!r} may pass the floor to ({', '.join(self.allowed) or 'nobody'}) can "
                f"execute the function {called}; {', '.join(self.able)} can: let the speaker transitions lead there"
            )
        return (
            f"No agent can execute the function {called}, called by {self.caller!r}. Please check the function_map of "
            "the agents: register the function for execution with one of them"
        )


class Eligible(Struct, frozen=True, eq=False):
    """Who may speak next. With `how`, there is no choice left: `agents` is one, and `how` says why."""

    agents: list[Any]
    how: str = ""
    detail: str = ""


def eligible(group: Group, last: Any) -> Eligible:
    """Who may speak after `last`. Raises NoEligibleSpeaker when nobody may, ConfigError when nobody can."""
    agents = _peopled(group)
    allowed = _allowed(group, last, agents)
    called = _called(group.messages[-1]) if group.func_call_filter and group.messages else ()
    if called:
        able = [agent for agent in allowed if _can(agent, called)]
        detail = f"can execute {', '.join(called)}"
        if not able:
            able = [agent for agent in allowed if agent.function_map]
            detail = f"has functions, though not {', '.join(called)}"
        if not able:
            names = tuple(agent.name for agent in agents if _can(agent, called) or agent.function_map)
            raise NoExecutor(last.name, called, tuple(agent.name for agent in allowed), names)
        if len(able) == 1:
            return Eligible(able, "executor", detail)
        return _of(_repeating(group, last, able) or able)
    return _of(_repeating(group, last, allowed))


def _of(agents: list[Any]) -> Eligible:
    if not agents:
        raise NoEligibleSpeaker
    return Eligible(agents, "only") if len(agents) == 1 else Eligible(agents)


def _peopled(group: Group) -> list[Any]:
    agents = group.agents
    if len(agents) < 2:
        raise ConfigError(
            f"GroupChat is underpopulated with {len(agents)} agents. Please add more agents to the GroupChat or use "
            "direct communication instead."
        )
    return agents


def _allowed(group: Group, last: Any, agents: list[Any]) -> list[Any]:
    """The members that `last` may pass the floor to, by the table."""
    if not group.allowed_or_disallowed_speaker_transitions:
        return agents
    table = group.allowed_speaker_transitions_dict
    following = table.get(last)
    if following is None:
        if any(last is agent for agent in agents):
            raise NoEligibleSpeaker
        return agents  # somebody from outside began
    known = set(map(id, following))
    found = [agent for agent in agents if id(agent) in known]
    if not found:
        raise NoEligibleSpeaker
    return found


def _repeating(group: Group, last: Any, agents: list[Any]) -> list[Any]:
    """Those of `agents` that may speak with regard to who spoke last."""
    repeats: Any = group.allow_repeat_speaker
    if group.allowed_or_disallowed_speaker_transitions or repeats is None or repeats is True:
        return agents
    if isinstance(repeats, list) and any(last is one for one in cast("list[Any]", repeats)):
        return agents
    return [agent for agent in agents if agent is not last]


def _called(message: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of the tools and functions that a message calls."""
    names: list[str] = []
    call: Any = message.get("function_call")
    if call:
        names.append(str(call.get("name", "")))
    every = cast("list[Mapping[str, Any]]", message.get("tool_calls") or [])
    tools = [tool for tool in every if tool.get("type", "function") == "function"]
    functions = [cast("Mapping[str, Any]", tool.get("function") or {}) for tool in tools]
    names += [str(function.get("name", "")) for function in functions]
    return tuple(dict.fromkeys(names))


def _can(agent: Any, names: tuple[str, ...]) -> bool:
    return bool(agent.can_execute_function(list(names)))
