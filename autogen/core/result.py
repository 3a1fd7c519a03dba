"""The result of a chat: 0.2's fields, and what we add. Imported late: `dataclasses` is not cheap.

Refuses to know how chats run.
"""

from dataclasses import dataclass, field
from typing import Any

from autogen.core.model import Usage
from autogen.core.stop import Status, StopReason


@dataclass
class ChatResult:
    """What came of a chat. The first five fields are 0.2's; the rest does not show in `repr`."""

    chat_id: int | None = None
    chat_history: list[dict[str, Any]] | None = None
    """The chat as the initiator saw it: dicts with content, role, name and calls."""
    summary: str | None = None
    cost: dict[str, Any] | None = None
    """US dollars and tokens by model, of both agents so far: including and excluding cached inference."""
    human_input: list[str] | None = None
    status: Status = field(default="done", repr=False, compare=False)
    stop_reason: StopReason | None = field(default=None, repr=False, compare=False)
    stop_detail: str = field(default="", repr=False, compare=False)
    """One sentence on the stop reason where it needs one."""
    run_id: str | None = field(default=None, repr=False, compare=False)
    usage: dict[str, Usage] = field(default_factory=dict[str, Usage], repr=False, compare=False)
    """Tokens of this run by agent name, nested chats included."""
    usd: float | None = field(default=None, repr=False, compare=False)
    """US dollars of this run; None when a model's price is not known."""
    seconds: float = field(default=0.0, repr=False, compare=False)
    pending: tuple[Any, ...] = field(default=(), repr=False, compare=False)
    """Questions that a paused run waits for."""


class PausedResult(ChatResult):
    """The result of a run that waits for a person: it has no summary yet, and reading one raises RunPaused."""

    def __getattribute__(self, name: str) -> Any:
        if name == "summary":
            from autogen.core.errors import RunPaused

            raise RunPaused(self.run_id or "", tuple(f"{one.id}: {one.prompt}" for one in self.pending))
        return super().__getattribute__(name)

    def __repr__(self) -> str:
        return f"PausedResult(run_id={self.run_id!r}, pending={self.pending!r})"
