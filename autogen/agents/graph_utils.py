"""Helpers for speaker transitions, as in 0.2: checked, turned round, drawn.

Decides which tables are graphs of a group. Refuses to know how speakers are chosen.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, cast

from autogen.core.errors import ConfigError, NotSetUp

Table = dict[Any, list[Any]]


def has_self_loops(allowed_speaker_transitions: Mapping[Any, Sequence[Any]]) -> bool:
    """May any agent follow itself?"""
    return any(any(agent is one for one in following) for agent, following in allowed_speaker_transitions.items())


def check_graph_validity(allowed_speaker_transitions_dict: Any, agents: Sequence[Any]) -> None:
    """Raise ConfigError for a table that is none, or whose keys are no agents of the group; log what looks wrong."""
    table: Any = allowed_speaker_transitions_dict
    if not isinstance(table, dict):
        raise ConfigError("allowed_speaker_transitions_dict must be a dictionary.")
    known = cast("Table", table)
    followed: dict[Any, Any] = known
    if not all(isinstance(following, list) for following in followed.values()):
        raise ConfigError("allowed_speaker_transitions_dict must be a dictionary with lists as values.")
    members = {id(agent) for agent in agents}
    if any(id(agent) not in members for agent in known):
        raise ConfigError("allowed_speaker_transitions_dict has keys not in agents.")
    reached = {id(one): one for following in known.values() for one in following}
    strangers = [getattr(one, "name", repr(one)) for number, one in reached.items() if number not in members]
    if strangers:
        _warn(f"The set of agents in allowed_speaker_transitions do not match agents. Offending agents: {strangers}")
    for agent, following in known.items():
        if len({id(one) for one in following}) < len(following):
            _warn(f"Agent '{agent.name}' has duplicate elements: {[one.name for one in following]}. Please check.")


def _warn(text: str) -> None:
    logging.getLogger("autogen").warning(text)


def invert_disallowed_to_allowed(
    disallowed_speaker_transitions_dict: Mapping[Any, Sequence[Any]], agents: Sequence[Any]
) -> Table:
    """The allowed transitions where these are disallowed; an agent without an entry may be followed by all."""
    table: Table = {}
    for agent in agents:
        never = {id(one) for one in disallowed_speaker_transitions_dict.get(agent, ())}
        table[agent] = [one for one in agents if id(one) not in never]
    return table


def visualize_speaker_transitions_dict(
    speaker_transitions_dict: Mapping[Any, Sequence[Any]], agents: Sequence[Any], export_path: str | None = None
) -> None:
    """Draw the transitions: on the screen, or into a picture at `export_path`. Raises NotSetUp without matplotlib."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise NotSetUp(
            "visualize_speaker_transitions_dict draws with matplotlib, which is not here: pip install matplotlib"
        ) from error
    from math import cos, pi, sin

    plot: Any = pyplot
    places = {
        id(agent): (cos(2 * pi * number / len(agents)), sin(2 * pi * number / len(agents)))
        for number, agent in enumerate(agents)
    }
    figure, axes = plot.subplots(figsize=(7, 7))
    axes.axis("off")
    axes.set_xlim(-1.4, 1.4)
    axes.set_ylim(-1.4, 1.4)
    style = {"arrowstyle": "->", "shrinkA": 22, "shrinkB": 22, "connectionstyle": "arc3,rad=0.12"}
    for agent, following in speaker_transitions_dict.items():
        for one in following:
            if one is agent:
                axes.annotate("↻", places[id(agent)], xytext=(14, 14), textcoords="offset points")
            else:
                axes.annotate("", xy=places[id(one)], xytext=places[id(agent)], arrowprops=style)
    for agent in agents:
        axes.text(*places[id(agent)], agent.name, ha="center", va="center", bbox={"boxstyle": "round", "fc": "white"})
    if export_path is None:
        plot.show()
    else:
        figure.savefig(export_path)
    plot.close(figure)
