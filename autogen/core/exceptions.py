"""0.2's own exceptions, by its names and texts. Refuses to know who raises them."""

from typing import Any

from autogen.core.errors import AutogenError


class AgentNameConflict(AutogenError):
    def __init__(self, msg: str = "Found multiple agents with the same name.", *args: Any, **kwargs: Any) -> None:
        super().__init__(msg, *args, **kwargs)


class NoEligibleSpeaker(AutogenError):
    """Early termination: the last speaker has no one to pass the floor to."""

    def __init__(self, message: str = "No eligible speakers.") -> None:
        self.message = message
        super().__init__(message)


class SenderRequired(AutogenError):
    """A name as trigger needs a sender to compare with."""

    def __init__(self, message: str = "Sender is required but not provided.") -> None:
        self.message = message
        super().__init__(message)


class InvalidCarryOverType(AutogenError):
    def __init__(
        self,
        message: str = "Carryover should be a string or a list of strings. Not adding carryover to the message.",
    ) -> None:
        self.message = message
        super().__init__(message)


class UndefinedNextAgent(AutogenError):
    """The next agent is not among the participants."""

    def __init__(self, message: str = "The provided agents list does not overlap with agents in the group.") -> None:
        self.message = message
        super().__init__(message)
