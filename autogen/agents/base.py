"""The attributes that the parts of ConversableAgent share. Declares, decides nothing."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from autogen.agents.on_demand import OnDemand
from autogen.agents.sessions import States, state_of
from autogen.conversation.state import AgentState
from autogen.core.errors import ConfigError
from autogen.core.model import ToolSpec

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent


def everybody(*agents: "ConversableAgent") -> "list[ConversableAgent]":
    """These agents and all members of their groups, each once. Raises ConfigError for groups that hold one another."""
    found = dict.fromkeys(agents)
    for agent in agents:
        _add_members(agent, found, (agent,))
    return list(found)


def _add_members(
    manager: "ConversableAgent", found: "dict[ConversableAgent, None]", path: "tuple[ConversableAgent, ...]"
) -> None:
    for member in manager._members():
        if member in path:
            names = " > ".join(agent.name for agent in (*path[path.index(member) :], member))
            raise ConfigError(f"these groups hold one another, so their talk would never end: {names}; take one out")
        found[member] = None
        if member._groupchat is not None:
            _add_members(member, found, (*path, member))


class AgentBase(OnDemand):
    """What every part of an agent may read."""

    _name: str
    _groupchat: Any = None
    client: Any
    llm_config: Any
    _limited: bool
    _function_map: dict[str, Callable[..., Any]]
    _tool_specs: tuple[bytes, tuple[ToolSpec, ...]] | None
    _code_setup: Any
    _code_executor: Any
    _code_execution_config: Any
    _max_consecutive_auto_reply: int
    _states: "States | None"
    _last_state: AgentState | None
    _first_state: AgentState | None

    @property
    def name(self) -> str:
        """How others know it."""
        return self._name

    @property
    def _state(self) -> AgentState:
        """This agent's conversations as the calling code sees them."""
        return state_of(self)

    def _members(self) -> "Sequence[ConversableAgent]":
        return ()

    @property
    def _whole(self) -> "ConversableAgent":
        """This agent with all its parts."""
        return cast("ConversableAgent", self)
