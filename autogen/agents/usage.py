"""What an agent's model has used so far, as 0.2 shows it. Refuses to know how usage is counted."""

from typing import Any

from autogen.agents.base import AgentBase


class UsageViews(AgentBase):
    """The part of ConversableAgent that shows usage."""

    def print_usage_summary(self, mode: str | list[str] = ["actual", "total"]) -> None:  # noqa: B006
        """Print tokens and dollars so far."""
        from autogen.observability.io_stream import IOStream

        stream = IOStream.get_default()
        if self.client is None:
            stream.print(f"No cost incurred from agent '{self.name}'.")
            return
        stream.print(f"Agent '{self.name}':")
        self.client.print_usage_summary(mode)

    def get_actual_usage(self) -> dict[str, Any] | None:
        """Usage without cached answers: {"total_cost": ..., model: {...}}; None without a model or a call."""
        used: dict[str, Any] | None = None if self.client is None else self.client.actual_usage_summary
        return used

    def get_total_usage(self) -> dict[str, Any] | None:
        """Usage with cached answers."""
        used: dict[str, Any] | None = None if self.client is None else self.client.total_usage_summary
        return used
