"""Why a run ended, and what may end it: reasons, budgets.

Refuses to know how usage is counted and prices are found; the engine asks `Budget` before each effect.
"""

from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct, StructMeta

from autogen.core.errors import ConfigError

Status: TypeAlias = Literal["done", "paused", "failed", "cancelled"]


class StopReason(str, Enum):
    """Why a run ended. Reads and compares as its text."""

    TERMINATION = "termination"
    """A message passed an agent's termination test."""
    HUMAN_EXIT = "human_exit"
    MAX_TURNS = "max_turns"
    MAX_ROUND = "max_round"
    """A group said as many messages as it was to have."""
    MAX_AUTO_REPLY = "max_consecutive_auto_reply"
    NO_REPLY = "no_reply"
    """A reply function ended the chat, or nobody was to reply."""
    NO_ELIGIBLE_SPEAKER = "no_eligible_speaker"
    """Nobody of a group was to speak next."""
    NO_PROGRESS = "no_progress"
    REPEATED_TOOL_CALL = "repeated_tool_call"
    BUDGET_USD = "budget_usd"
    BUDGET_TOKENS = "budget_tokens"
    BUDGET_MODEL_CALLS = "budget_model_calls"
    BUDGET_SECONDS = "budget_seconds"
    BUDGET_TURNS = "budget_turns"
    RETURNED = "returned"
    """Of a run that began with an entry function: it came to its end."""
    ERROR = "error"
    CANCELLED = "cancelled"

    def __str__(self) -> str:
        return self.value

    def __format__(self, format_spec: str) -> str:
        return format(self.value, format_spec)


_BOUNDS: Final = ("usd", "tokens", "model_calls", "seconds", "turns")


class _ByName(StructMeta):
    """Wrong arguments of a Budget in words, where msgspec has its own bare ones."""

    if not TYPE_CHECKING:  # checkers read the fields

        def __call__(cls, *given: Any, **bounds: Any) -> Any:  # noqa: N805 - a metaclass
            names = "usd, tokens, model_calls, seconds, turns (messages)"
            if given:
                raise ConfigError(
                    f"Budget takes its bounds by name, such as Budget(usd=1.5): {names}; got {given[0]!r}"
                )
            if unknown := [name for name in bounds if name not in _BOUNDS]:
                raise ConfigError(f"Budget has no bound {unknown[0]!r}; there are {names}")
            return super().__call__(**bounds)


class Budget(Struct, frozen=True, kw_only=True, metaclass=_ByName):
    """What a run may use, nested chats included. None means no bound."""

    usd: float | None = None
    """US dollars, from the price of each model; a model without a known price is refused at the start."""
    tokens: int | None = None
    """Input and output tokens together."""
    model_calls: int | None = None
    seconds: float | None = None
    """Wall clock, from the start of the run; also the timeout of each effect."""
    turns: int | None = None
    """Messages, each single one that is sent, the first included. `max_turns` counts round trips: two messages each."""

    def __post_init__(self) -> None:
        for name in _BOUNDS:
            value = getattr(self, name)
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if value is not None and not (number and value >= 0):  # NaN is no bound
                meant = "; it counts messages, two to a round trip" if name == "turns" else ""
                raise ConfigError(f"Budget.{name} must be 0 or more, got {value!r}{meant}")
