"""A group talks: what one says all hear, then somebody is chosen and speaks. 0.2's `run_chat`, both of its faces.

What is said is one message for all who listen and one for who speaks; each listener's history gets it by reference, so
a round costs one append for each member and nothing else. Decides the order of a round and how a group ends. Refuses to
know how speakers are chosen (`group_selection.py`).
"""

from typing import Any, Literal, TypeAlias, cast

from msgspec import Struct

from autogen.conversation.group_clearing import WORDS, clear, clearing
from autogen.conversation.group_selection import Chosen, choose
from autogen.conversation.group_view import Group, Manager
from autogen.conversation.human import is_terminal
from autogen.conversation.party import hooks_of, own_method
from autogen.conversation.reply import reply_to
from autogen.conversation.run import Run
from autogen.conversation.sending import APPEND, BEFORE_SEND, PROCESS, Said, origin_of, plain, send
from autogen.conversation.state import AgentState
from autogen.core.effects import Emit
from autogen.core.errors import ConfigError
from autogen.core.events import Line, Notice, SpeakerChosen
from autogen.core.exceptions import NoEligibleSpeaker
from autogen.core.heard import UNTRUSTED
from autogen.core.stop import StopReason
from autogen.core.wire import MessageDict

Seating: TypeAlias = Literal["shares", "copies", "is_told"]
"""How a member hears: by the shared message; by a copy of its own, because functions of the program may write to it;
by a call of its own or the manager's methods, because the program has put its own there."""


class Seat(Struct, eq=False):
    """One member at the table."""

    agent: Any
    state: AgentState
    seating: Seating


async def run_group(run: Run, manager: Manager, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
    """Let the group talk about the last of `messages`; `(True, None)` when it is over."""
    group: Group = config if config is not None else manager._groupchat
    if sender is None or not messages:
        raise ConfigError(f"the group of {manager.name!r} needs a message and its sender to begin with")
    table = _Table(run, manager, group)
    message: Any = messages[-1]
    speaker = sender
    if group.send_introductions:
        await table.introduce()
    for number in range(1, group.max_round + 1):
        group._has_floor(speaker)
        group.append(message, speaker)
        await table.spread(message, speaker)
        if await is_terminal(manager, message):
            run.stop(StopReason.TERMINATION)
            break
        if number == group.max_round:
            run.stop(StopReason.MAX_ROUND, f"the group was to have at most {number} messages")
            break
        spoken = await _next(run, manager, group, speaker)
        if spoken is None:
            break
        speaker, reply = spoken
        if reply is None:
            run.stop(StopReason.NO_REPLY, f"{speaker.name} did not reply")
            break
        reply = await _cleared(group, reply)
        await send(run, speaker, manager, reply, manager._silent)
        message = manager._state.histories[speaker][-1]
    return True, None


async def _next(run: Run, manager: Manager, group: Group, last: Any) -> tuple[Any, Any] | None:
    """The next speaker and what it says; None when nobody may speak. Ctrl-C gives the floor to the admin."""
    run.refuse_if_repeating()
    try:
        chosen = await choose(run, manager, group, last)
        await _tell(manager, chosen, manager._silent)
        return chosen.agent, await reply_to(run, chosen.agent, manager)
    except NoEligibleSpeaker as nobody:
        text = str(nobody)
        detail = f"nobody may speak after {last.name}" + ("" if text == "No eligible speakers." else f": {text}")
        run.stop(StopReason.NO_ELIGIBLE_SPEAKER, detail)
        await Emit(Notice("No eligible speaker found. Terminating the conversation.", "stop"))
        return None
    except KeyboardInterrupt:
        admin = group.agent_by_name(group.admin_name)
        if admin is None:
            raise
        await _tell(manager, Chosen(admin, "admin", "the run was interrupted", (admin.name,)), True)
        return admin, await reply_to(run, admin, manager)


async def _tell(manager: Manager, chosen: Chosen, silent: bool) -> None:
    agent: Any = chosen.agent
    await Emit(SpeakerChosen(manager.name, agent.name, chosen.how, chosen.detail, chosen.candidates, silent))


async def _cleared(group: Group, reply: Any) -> Any:
    """The reply without `clear history`, which is done; only a person and the program are obeyed, never a tool."""
    if not group.enable_clear_history or not isinstance(reply, dict) or isinstance(plain(reply), str):
        return cast("Any", reply)
    known = cast("dict[str, Any]", reply)
    content: Any = known.get("content")
    if not isinstance(content, str) or WORDS not in content.upper() or origin_of(reply, "program") in UNTRUSTED:
        return known
    asked = clearing(content, group.agent_names)
    if asked is not None:
        await Emit(Line(clear(group, asked)))
        known["content"] = asked.rest
    return known


class _Table:
    """Who sits in a group, and how each of them hears."""

    def __init__(self, run: Run, manager: Manager, group: Group) -> None:
        self._run, self._manager, self._group = run, manager, group
        self._mine = manager._state
        self._seats: dict[int, Seat] = {}
        self._calls_manager = (
            own_method(manager, "send", run.is_async) is not None
            or bool(hooks_of(manager, "process_message_before_send", run.is_async))
            or bool(self._mine.own & {APPEND, BEFORE_SEND})
        )

    async def introduce(self) -> None:
        """Tell all members who is here."""
        name = self._manager.name
        shared = MessageDict({"content": self._group.introductions_msg(), "role": "user", "name": name}, "program")
        await self._hand_round(shared, _as_said(shared), None)

    async def spread(self, message: dict[str, Any], speaker: Any) -> None:
        """Let all but the speaker hear what it said."""
        shared = message if isinstance(message, MessageDict) else MessageDict(message, origin_of(message, "program"))
        own = shared
        if shared.get("role", "user") == "user":
            history = speaker._state.histories[self._manager]
            said = history[-1] if history else None
            own = cast("MessageDict", said) if _says_the_same(said, shared) else _as_said(shared)
        await self._hand_round(shared, own, speaker)

    async def _hand_round(self, shared: MessageDict, own: MessageDict, speaker: Any) -> None:
        manager, mine, seats = self._manager, self._mine.histories, self._seats
        for agent in tuple(self._group.agents):
            if agent is speaker:
                continue
            seat = seats.get(id(agent)) or self._seat(agent)
            if seat.seating == "is_told":
                await send(self._run, manager, agent, Said(shared, shared.origin), True)
                continue
            seat.state.histories[manager].append(shared if seat.seating == "shares" else shared.copy())
            mine[agent].append(own)

    def _seat(self, agent: Any) -> Seat:
        state: AgentState = agent._state
        state.touch(self._manager)
        self._mine.touch(agent)
        seat = self._seats[id(agent)] = Seat(agent, state, self._seating(agent, state))
        return seat

    def _seating(self, agent: Any, state: AgentState) -> Seating:
        is_async = self._run.is_async
        if (
            self._calls_manager
            or own_method(agent, "receive", is_async) is not None
            or own_method(agent, PROCESS, is_async) is not None
            or APPEND in state.own
        ):
            return "is_told"
        hooks = agent._own_hooks()
        if (
            agent._standard_chain() is None
            or (hooks is not None and any(hooks.values()))
            or own_method(agent, "generate_reply", is_async) is not None
        ):
            return "copies"
        return "shares"


def _as_said(shared: MessageDict) -> MessageDict:
    """The message as the manager has said it."""
    said = shared.__copy__()
    said["role"] = "assistant"
    return said


def _says_the_same(said: Any, shared: MessageDict) -> bool:
    return (
        isinstance(said, MessageDict)
        and len(said) == len(shared)
        and said.get("role") == "assistant"
        and said.get("name") == shared.get("name")
        and said.get("content") == shared.get("content")
    )
