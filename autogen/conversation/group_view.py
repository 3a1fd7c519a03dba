"""What the policies of a group need to know of it and of its manager. `agents/group_chat.py` has the public classes.

Names are 0.2's own: programs read and set them, so they are the truth here, too. Refuses to know how they are kept.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from autogen.conversation.party import Party


class Group(Protocol):
    """A group chat, as its policies see it. Members are agents; `messages` is the list that all of them share."""

    agents: list[Any]
    max_round: int
    admin_name: str
    func_call_filter: bool
    speaker_selection_method: Any
    max_retries_for_selecting_speaker: int
    allow_repeat_speaker: Any
    allowed_or_disallowed_speaker_transitions: Any
    allowed_speaker_transitions_dict: dict[Any, list[Any]]
    enable_clear_history: bool
    send_introductions: bool
    select_speaker_prompt_template: Any
    select_speaker_auto_multiple_template: str
    select_speaker_auto_none_template: str
    select_speaker_auto_verbose: bool | None
    role_for_select_speaker_messages: str | None

    @property
    def messages(self) -> list[dict[str, Any]]: ...

    @property
    def agent_names(self) -> list[str]: ...

    def append(self, message: dict[str, Any], speaker: Any) -> None: ...

    def reset(self) -> None: ...

    def agent_by_name(self, name: str) -> Any: ...

    def next_agent(self, agent: Any, agents: list[Any] | None = None) -> Any: ...

    def select_speaker_msg(self, agents: list[Any] | None = None) -> str: ...

    def select_speaker_prompt(self, agents: list[Any] | None = None) -> str: ...

    def introductions_msg(self, agents: list[Any] | None = None) -> str: ...

    def _filled(self, template: str, agents: Sequence[Any]) -> str:
        """A template with its roles and names."""
        ...

    def _own(self, method: str, is_async: bool) -> Callable[..., Any] | None:
        """The program's own version of a method (or its `a_` twin), or None."""
        ...

    def _has_floor(self, speaker: Any) -> None:
        """Note who speaks now."""
        ...

    def _selector(self, manager: Any) -> tuple[Any, Any]:
        """(client, stand-in): the model that selects speakers, or None, and the agent with hooks for it, or None."""
        ...


class Manager(Party, Protocol):
    """The manager of a group, as its policies see it."""

    _silent: bool

    @property
    def _groupchat(self) -> Group: ...
