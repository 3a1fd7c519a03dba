"""How an agent holds several chats: one after the other, side by side, or nested in a reply of its own.

Refuses to know how; what does it is imported when first used.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from autogen.agents.base import AgentBase
from autogen.agents.checks import is_trigger
from autogen.core.errors import ConfigError
from autogen.core.stop import Budget

if TYPE_CHECKING:
    from autogen.core.result import ChatResult
    from autogen.runs.durable import JournalLike


class ManyChats(AgentBase):
    """The part of ConversableAgent that holds several chats."""

    def initiate_chats(
        self,
        chat_queue: list[dict[str, Any]],
        *,
        budget: Budget | None = None,
        run_id: str | None = None,
        journal: "JournalLike | None" = None,
    ) -> "list[ChatResult]":
        """`autogen.initiate_chats` with this agent as the sender of entries that name none."""
        from autogen.agents.sequences import hold

        return hold(chat_queue, self._whole, budget, run_id, journal)

    async def a_initiate_chats(
        self,
        chat_queue: list[dict[str, Any]],
        *,
        budget: Budget | None = None,
        run_id: str | None = None,
        journal: "JournalLike | None" = None,
    ) -> "dict[int, ChatResult]":
        """`autogen.a_initiate_chats` with this agent as the sender of entries that name none."""
        from autogen.agents.sequences import a_hold

        return await a_hold(chat_queue, self._whole, budget, run_id, journal)

    def get_chat_results(
        self, chat_index: int | None = None
    ) -> "list[ChatResult] | dict[int, ChatResult] | ChatResult":
        """What this agent's last `initiate_chats` gave, or one result of it: by index, after `a_initiate_chats` by id.

        Empty before any. Raises IndexError or KeyError.
        """
        finished: Any = self._state.finished
        if finished is None:
            finished = []
        known: list[ChatResult] | dict[int, ChatResult] | ChatResult
        known = finished if chat_index is None else finished[chat_index]
        return known

    def register_nested_chats(
        self,
        chat_queue: list[dict[str, Any]],
        trigger: Any,
        reply_func_from_nested_chats: str | Callable[..., Any] = "summary_from_nested_chats",
        position: int = 2,
        use_async: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Answer senders that match `trigger` with what chats of this agent's own come to.

        chat_queue: as `initiate_chats`; the sender is this agent by default. A message may be
            `callable(recipient, messages, sender, config)`; without one, the first chat begins with the last message.
            A chat without a message is left out.
        trigger: a class, an agent, a name, `callable(sender) -> bool`, or a list of these.
        reply_func_from_nested_chats: "summary_from_nested_chats", the last chat's summary; or
            `callable(chat_queue, recipient, messages, sender, config) -> (final, reply)`.
        position: in the reply chain. use_async: True holds the chats by chat_id and prerequisites, in async chats.
        kwargs: for `register_reply`.
        Raises ValueError for a queue or trigger that cannot work.
        """
        if not is_trigger(trigger):
            raise ConfigError(
                "trigger must be a class, a string, an agent, a callable or a list. "
                f"Agent {self.name!r} got {trigger!r:.80}"
            )
        from autogen.agents.sequences import nested_function

        function = nested_function(self._whole, chat_queue, reply_func_from_nested_chats, bool(use_async))
        self._whole.register_reply(trigger, function, position, **kwargs)
