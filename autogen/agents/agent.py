"""The protocols `Agent` and `LLMAgent` of 0.2: what any participant of a conversation offers."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Agent(Protocol):
    """A participant that sends, receives and replies. Any object of this shape may take part."""

    @property
    def name(self) -> str:
        """The name by which others know it."""
        ...

    @property
    def description(self) -> str:
        """What others are told of it."""
        ...

    def send(self, message: dict[str, Any] | str, recipient: "Agent", request_reply: bool | None = None) -> None: ...

    async def a_send(
        self, message: dict[str, Any] | str, recipient: "Agent", request_reply: bool | None = None
    ) -> None: ...

    def receive(self, message: dict[str, Any] | str, sender: "Agent", request_reply: bool | None = None) -> None: ...

    async def a_receive(
        self, message: dict[str, Any] | str, sender: "Agent", request_reply: bool | None = None
    ) -> None: ...

    def generate_reply(
        self, messages: list[dict[str, Any]] | None = None, sender: "Agent | None" = None, **kwargs: Any
    ) -> str | dict[str, Any] | None: ...

    async def a_generate_reply(
        self, messages: list[dict[str, Any]] | None = None, sender: "Agent | None" = None, **kwargs: Any
    ) -> str | dict[str, Any] | None: ...


@runtime_checkable
class LLMAgent(Agent, Protocol):
    """An agent with a system message."""

    @property
    def system_message(self) -> str: ...

    def update_system_message(self, system_message: str) -> None: ...
