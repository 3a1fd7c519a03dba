"""Where a group's messages are kept: in the run that talks, and in the session between runs, as agents' histories are.

So two threads with the same group never read each other's messages, and a recalled function's writes to them are done
again. Refuses to know groups.
"""

from typing import Any

from autogen.agents.sessions import States, state_of
from autogen.conversation.state import NO_METHODS, AgentState


class GroupState:
    """What stands for a group where states are kept: its one history is the conversation with itself."""

    def __init__(self, name: str, messages: list[dict[str, Any]]) -> None:
        self.name = name
        """By which a journal knows it: of its manager, when there is one."""
        self._states: States | None = None
        self._last_state: AgentState | None = None
        self._first_state: AgentState | None = AgentState()
        self._first_state.histories[self] = messages

    @property
    def _state(self) -> AgentState:
        return state_of(self)

    def _own_inner(self) -> frozenset[str]:
        return NO_METHODS

    def messages(self) -> list[dict[str, Any]]:
        """The messages as the calling code sees them, to be read and written."""
        state = state_of(self)
        state.touch(self)
        return state.histories[self]

    def replace(self, messages: list[dict[str, Any]]) -> None:
        """Put other messages at their place."""
        state = state_of(self)
        state.touch(self, cleared=True)
        state.histories[self] = messages

    @property
    def speaker(self) -> Any:
        """Who has the floor, or had it last."""
        return state_of(self).speaker

    @speaker.setter
    def speaker(self, speaker: Any) -> None:
        state_of(self).speaker = speaker
