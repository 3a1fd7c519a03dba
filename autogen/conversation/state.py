"""What a run keeps of one agent: its histories, counters and human inputs.

0.2 kept these on the agent; here they belong to a run (or to a session between runs) and are forked, never shared.
Refuses to know how agents are configured.
"""

from collections import defaultdict
from typing import Any


class AgentState:
    """One agent's side of its conversations, by partner (the agent object, as in 0.2)."""

    __slots__ = ("counters", "histories", "human_input", "reply_at_receive", "touched")

    def __init__(self) -> None:
        self.touched: set[Any] = set()
        """Partners with whom something happened since the fork."""
        self.histories: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.counters: defaultdict[Any, int] = defaultdict(int)
        self.reply_at_receive: defaultdict[Any, bool] = defaultdict(bool)
        self.human_input: list[str] = []

    def fork(self) -> "AgentState":
        """An independent copy; messages themselves are shared."""
        twin = AgentState()
        for partner, history in self.histories.items():
            twin.histories[partner] = list(history)
        twin.counters.update(self.counters)
        twin.reply_at_receive.update(self.reply_at_receive)
        twin.human_input = list(self.human_input)
        return twin

    def take(self, nested: "AgentState") -> None:
        """Take over what happened in a nested chat, partner by partner: siblings do not undo one another."""
        for partner in nested.touched:
            self.histories[partner] = nested.histories[partner]
            self.counters[partner] = nested.counters[partner]
            self.reply_at_receive[partner] = nested.reply_at_receive[partner]
        self.touched |= nested.touched
