"""What an agent shows of its conversations: messages, counters, human inputs; and how they are cleared.

All of it is a view of the run in progress, of this context's session, or of what was committed last. Refuses to know
how conversations go.
"""

from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

from autogen.agents.base import AgentBase

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent


class HistoryViews(AgentBase):
    """The part of ConversableAgent that reads and clears histories."""

    @property
    def chat_messages(self) -> dict["ConversableAgent", list[dict[str, Any]]]:
        """Conversations by partner: lists of dicts with content, role, name and calls."""
        return self._state.histories

    @property
    def _oai_messages(self) -> dict[Any, list[dict[str, Any]]]:
        return self._state.histories

    @_oai_messages.setter
    def _oai_messages(self, value: dict[Any, list[dict[str, Any]]]) -> None:
        self._state.histories = defaultdict(list, value)

    @property
    def _consecutive_auto_reply_counter(self) -> defaultdict[Any, int]:
        return self._state.counters

    @_consecutive_auto_reply_counter.setter
    def _consecutive_auto_reply_counter(self, value: dict[Any, int]) -> None:
        self._state.counters = defaultdict(int, value)

    @property
    def reply_at_receive(self) -> defaultdict[Any, bool]:
        """By partner: is a message from it to be answered?"""
        return self._state.reply_at_receive

    @reply_at_receive.setter
    def reply_at_receive(self, value: dict[Any, bool]) -> None:
        self._state.reply_at_receive = defaultdict(bool, value)

    @property
    def _human_input(self) -> list[str]:
        return self._state.human_input

    @_human_input.setter
    def _human_input(self, value: list[str]) -> None:
        self._state.human_input = value

    def last_message(self, agent: "ConversableAgent | None" = None) -> dict[str, Any] | None:
        """The last message exchanged with `agent`, or with the only partner when it is left out.

        Raises ValueError when there are several partners, KeyError when `agent` is none of them.
        """
        histories = self._state.histories
        if agent is None:
            if not histories:
                return None
            if len(histories) > 1:
                raise ValueError(
                    "More than one conversation is found. Please specify the sender to get the last message."
                )
            return next(iter(histories.values()))[-1]
        if agent not in histories:
            raise KeyError(
                f"The agent '{agent.name}' is not present in any conversation. No history available for this agent."
            )
        return histories[agent][-1]

    def chat_messages_for_summary(self, agent: "ConversableAgent") -> list[dict[str, Any]]:
        """The messages that a summary of the chat with `agent` is made of."""
        return self._summed_up(agent)

    def _summed_up(self, partner: Any) -> list[dict[str, Any]]:
        return self._state.histories[partner]

    def clear_history(
        self, recipient: "ConversableAgent | None" = None, nr_messages_to_preserve: int | None = None
    ) -> None:
        """Forget the conversation with `recipient`, or all; keep the last `nr_messages_to_preserve` messages.

        A tool's answer is never kept without the call that it answers: the call is kept, too.
        """
        histories = self._state.histories
        if recipient is not None:
            histories[recipient] = self._kept(histories[recipient], nr_messages_to_preserve)
            return
        if not nr_messages_to_preserve:
            histories.clear()
            return
        for partner, history in histories.items():
            histories[partner] = self._kept(history, nr_messages_to_preserve)

    def _kept(self, history: list[dict[str, Any]], count: int | None) -> list[dict[str, Any]]:
        if not count:
            return []
        start = max(len(history) - count, 0)
        if start and "tool_responses" in history[start]:
            from autogen.observability.io_stream import IOStream

            IOStream.get_default().print(
                f"Preserving one more message for {self.name} to not divide history between tool call and "
                "tool response."
            )
            start -= 1
        while start and history[start].get("role") in ("tool", "function"):
            start -= 1  # the forms that 0.2 did not know of here
        return history[start:]

    @property
    def _max_consecutive_auto_reply_dict(self) -> defaultdict[Any, int]:
        known: defaultdict[Any, int] | None = self.__dict__.get("_limits")
        if known is not None:
            return known
        made: defaultdict[Any, int] = defaultdict(self.max_consecutive_auto_reply)
        return cast("defaultdict[Any, int]", self.__dict__.setdefault("_limits", made))

    @_max_consecutive_auto_reply_dict.setter
    def _max_consecutive_auto_reply_dict(self, value: defaultdict[Any, int]) -> None:
        self.__dict__["_limits"] = value

    def max_consecutive_auto_reply(self, sender: "ConversableAgent | None" = None) -> int:
        """How many auto replies in a row `sender` gets at most; the general limit without a sender."""
        known: defaultdict[Any, int] | None = self.__dict__.get("_limits")
        if sender is None or known is None:
            return self._max_consecutive_auto_reply
        return known.get(sender, self._max_consecutive_auto_reply)  # reading keeps no partner alive

    def update_max_consecutive_auto_reply(self, value: int, sender: "ConversableAgent | None" = None) -> None:
        """Set the limit for `sender`, or for everybody."""
        if sender is None:
            self._max_consecutive_auto_reply = value
            for partner in self._max_consecutive_auto_reply_dict:
                self._max_consecutive_auto_reply_dict[partner] = value
        else:
            self._max_consecutive_auto_reply_dict[sender] = value

    def reset_consecutive_auto_reply_counter(self, sender: "ConversableAgent | None" = None) -> None:
        """Count auto replies to `sender`, or to everybody, from zero."""
        if sender is None:
            self._state.counters.clear()
        else:
            self._state.counters[sender] = 0

    def stop_reply_at_receive(self, sender: "ConversableAgent | None" = None) -> None:
        """Answer no more messages of `sender`, or of anybody."""
        if sender is None:
            self._state.reply_at_receive.clear()
        else:
            self._state.reply_at_receive[sender] = False
