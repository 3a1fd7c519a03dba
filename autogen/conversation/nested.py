"""Nested chats: an agent answers by holding chats of its own first. 0.2's `register_nested_chats`.

A built-in step of the reply chain that carries its queue. The chats are part of the conversation: they wait for people,
are journaled and bounded like it. Decides which chats of the queue are held and what the reply is. Refuses to know
how a sequence goes on.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from autogen.conversation.callbacks import invoke
from autogen.conversation.chat import Ended
from autogen.conversation.opening import made_message
from autogen.conversation.party import Messages, Party
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.conversation.sequence import PlannedChat, Results, in_order, side_by_side
from autogen.core.errors import ConfigError
from autogen.core.model import Origin

MOST_ROUNDS: Final = 8
"""How often one registration may be entered inside of itself."""


class NestedChatsCycle(ConfigError, RecursionError):
    """Nested chats that start themselves again, without an end."""

    def __init__(self, cycle: tuple[str, ...], depth: int) -> None:
        super().__init__(cycle, depth)
        self.cycle, self.depth = cycle, depth

    def __str__(self) -> str:
        return (
            f"nested chats start one another without an end: {' > '.join(self.cycle)}, {self.depth} chats deep; give "
            "register_nested_chats a trigger that leaves one of them out"
        )


class NestedChats(Struct, frozen=True, eq=False):
    """What one call of `register_nested_chats` asked for."""

    chats: tuple[PlannedChat, ...]
    is_async: bool = False
    """Held by prerequisites, in async chats only; else in the order of the queue."""


async def nested_reply(
    run: Run, agent: Party, nested: NestedChats, messages: Messages, sender: Party | None, config: Any = None
) -> tuple[bool, Any]:
    """The summary of the last chat. Where no chat of the queue has anything to say, there is no reply, as in 0.2."""
    _refuse_cycle(run, agent, nested)
    chats: list[PlannedChat] = []
    for index, planned in enumerate(nested.chats):
        message = await _message(run, agent, planned, index, messages, sender, config)
        if message:
            chats.append(replace(planned, settings=replace(planned.settings, message=message)))
    if not chats:
        return True, None
    results: Results = {}
    if nested.is_async:
        there = {planned.chat_id for planned in chats}
        chats = [
            replace(planned, prerequisites=tuple(one for one in planned.prerequisites if one in there))
            for planned in chats
        ]
        await side_by_side(run, chats, _as_it_is, results, (agent, nested))
    else:
        await in_order(run, chats, _as_it_is, results, (agent, nested))
    summary: Any = list(results.values())[-1].summary
    return True, Said(summary if isinstance(summary, (str, dict)) else str(summary), "quoted")  # pyright: ignore[reportUnknownArgumentType]


def _as_it_is(planned: PlannedChat, ended: Ended) -> Ended:
    return ended


async def _message(
    run: Run, agent: Party, planned: PlannedChat, index: int, messages: Messages, sender: Party | None, config: Any
) -> Any:
    """What the chat is opened with; the first one's default is what the agent was told last."""
    message = planned.settings.message
    if callable(message):
        made = await invoke(agent.name, "message", "nested message", message, (agent, messages, sender, config))
        return made_message(made, agent, "nested message", message) if made else None
    if message is not None or index or not messages:
        return message
    last = messages[-1]
    content: Any = last.get("content")
    if not content:
        return None
    origin: Origin | None = getattr(last, "origin", None)
    return Said(content if isinstance(content, str) else {"content": content}, origin or "quoted")


def _refuse_cycle(run: Run, agent: Party, nested: NestedChats) -> None:
    around = [one.held_for for one in run.lineage() if one.held_for is not None]
    inside = [index for index, (_, other) in enumerate(around) if other is nested]
    if len(inside) >= MOST_ROUNDS:
        names = [agent.name, *(other.name for other, _ in around[: inside[0] + 1])]
        raise NestedChatsCycle(tuple(reversed(names)), len(around))
