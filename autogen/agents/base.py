"""The attributes that the parts of ConversableAgent share. Declares, decides nothing."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from autogen.agents.on_demand import OnDemand
from autogen.agents.sessions import States, state_of
from autogen.conversation.state import AgentState
from autogen.core.model import ToolSpec

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent


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
