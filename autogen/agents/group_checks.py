"""What the makers of groups are refused at once: settings with which no group could talk, in 0.2's words.

Decides which groups can be. Refuses to know how they talk.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, cast
from warnings import warn

from autogen.conversation.callbacks import refuse_misfit
from autogen.conversation.group_selection import checked_method
from autogen.core.callables import level_of_program
from autogen.core.errors import ConfigError
from autogen.core.exceptions import AgentNameConflict

TRANSITIONS = ("allowed", "disallowed", None)
_NOT_EMPTY = (
    "select_speaker_message_template",
    "select_speaker_auto_multiple_template",
    "select_speaker_auto_none_template",
    "role_for_select_speaker_messages",
)


def check_group(group: Any) -> None:
    """Raise ConfigError or AgentNameConflict for a group that could not talk."""
    _check_members(group.agents)
    if not isinstance(group.messages, list):
        raise ConfigError(f"GroupChat messages must be a list of message dicts, got {group.messages!r:.80}")
    method = group.speaker_selection_method
    if callable(method):
        refuse_misfit("the group chat", "speaker_selection_method", method, 2)
    else:
        checked_method(method)
    _check_numbers(group)
    for name in _NOT_EMPTY:
        value = getattr(group, name)
        if not isinstance(value, str) or not value:
            raise ConfigError(f"{name} cannot be empty or None.")
    if not isinstance(group.select_speaker_auto_verbose, bool):
        raise ConfigError("select_speaker_auto_verbose cannot be None or non-bool")
    _check_repeats(group)


def _check_members(agents: Any) -> None:
    if not isinstance(agents, (list, tuple)):
        raise ConfigError(f"GroupChat agents must be a list of agents, got {type(agents).__name__}: {agents!r:.80}")
    for agent in cast("list[Any]", agents):
        if isinstance(agent, type) or not hasattr(agent, "_override"):
            raise ConfigError(
                f"GroupChat agents must be agents such as ConversableAgent, got {type(agent).__name__}: {agent!r:.80}"
            )
    check_names(cast("list[Any]", agents))


def check_names(agents: Iterable[Any]) -> None:
    """Raise AgentNameConflict when two are called alike."""
    known = list({id(agent): agent for agent in agents}.values())
    twice = [name for name, count in Counter(agent.name for agent in known).items() if count > 1]
    if twice:
        raise AgentNameConflict(
            f"{len(known)} agents of this group chat have {len(known) - len(twice)} names: several are called "
            f"{', '.join(map(repr, twice))}, so nobody could tell who said what; give each a name of its own"
        )


def _check_numbers(group: Any) -> None:
    retries = group.max_retries_for_selecting_speaker
    if isinstance(retries, bool) or not isinstance(retries, int):
        raise ConfigError("max_retries_for_selecting_speaker cannot be None or non-int")
    if retries < 0:
        raise ConfigError("max_retries_for_selecting_speaker must be greater than or equal to zero")
    rounds = group.max_round
    if isinstance(rounds, bool) or not isinstance(rounds, int) or rounds < 0:
        raise ConfigError(f"GroupChat max_round must be a number of 0 or more, got {rounds!r}")


def _check_repeats(group: Any) -> None:
    repeats = group.allow_repeat_speaker
    if repeats is None or isinstance(repeats, bool):
        return
    if not isinstance(repeats, (list, tuple)):
        raise ConfigError("GroupChat allow_repeat_speaker should be a bool or a list of Agents.")
    for agent in cast("list[Any]", repeats):
        if not any(agent is one for one in group.agents):
            raise ConfigError(
                f"GroupChat allow_repeat_speaker should be a bool or a list of Agents. {_called(agent)} is none of "
                f"this group: {', '.join(one.name for one in group.agents)}"
            )


def check_transitions(group: Any) -> None:
    """Raise ConfigError for a transition table that leads out of the group, or is given in two ways."""
    kind = group.speaker_transitions_type
    known = kind.lower() if isinstance(kind, str) else kind
    if known not in TRANSITIONS:
        raise ConfigError(
            f"GroupChat speaker_transitions_type is set to '{kind}'. It should be one of {list(TRANSITIONS)} (case "
            "insensitive). "
        )
    table = group.allowed_or_disallowed_speaker_transitions
    if table is None:
        return
    if kind is None:
        raise ConfigError(
            "GroupChat allowed_or_disallowed_speaker_transitions is not None, but speaker_transitions_type is None. "
            "Please set speaker_transitions_type to either 'allowed' or 'disallowed'."
        )
    if group.allow_repeat_speaker is not None:
        raise ConfigError(
            "Don't provide both allowed_or_disallowed_speaker_transitions and allow_repeat_speaker in group chat. "
            "Please set one of them to None."
        )
    if not isinstance(table, Mapping):
        raise ConfigError(f"allowed_or_disallowed_speaker_transitions must be a dictionary, got {table!r:.80}")
    members = {id(agent) for agent in group.agents}
    known_names = ", ".join(agent.name for agent in group.agents)
    for agent, following in cast("Mapping[Any, Any]", table).items():
        if id(agent) not in members:
            raise ConfigError(
                f"allowed_speaker_transitions_dict has keys not in agents. {_called(agent)} is none of {known_names}"
            )
        if not isinstance(following, (list, tuple)):
            raise ConfigError("allowed_speaker_transitions_dict must be a dictionary with lists as values.")
        for one in cast("list[Any]", following):
            if id(one) not in members:
                raise ConfigError(
                    f"the speaker transitions of {agent.name!r} lead to {_called(one)}, which is none of {known_names}"
                )


def tell_of_sinks(group: Any) -> None:
    """Warn of members that can get the floor, and whom nobody can follow though the program did not say so."""
    table: dict[Any, list[Any]] = group.allowed_speaker_transitions_dict
    reached = {id(one) for following in table.values() for one in following}
    sinks = [agent.name for agent in group.agents if id(agent) in reached and agent not in table]
    lonely = [agent.name for agent in group.agents if id(agent) not in reached and not table.get(agent)]
    if sinks:
        warn(
            f"the chat ends after {', '.join(sinks)}: the speaker transitions say nothing of who may follow; give an "
            "empty list if it is to end there",
            UserWarning,
            level_of_program(),
        )
    if lonely:
        warn(
            f"no speaker transition leads to or from {', '.join(lonely)}; give them some, or leave them out",
            UserWarning,
            level_of_program(),
        )


def _called(agent: Any) -> str:
    name = getattr(agent, "name", None)
    return repr(name) if isinstance(name, str) else f"{agent!r:.80} ({type(agent).__name__}, no agent)"
