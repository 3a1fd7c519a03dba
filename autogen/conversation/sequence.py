"""Chats one after the other, or side by side where their prerequisites allow: 0.2's `initiate_chats`.

Each chat gets the summaries of those before it as carryover. Every chat has a run of its own, nested in the run that
the sequence belongs to, so that all of them share its budget and its journal. Decides order, carryover and 0.2's
banner. Refuses to know how runs are made and where their results go.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from autogen.conversation.chat import ChatSettings, Ended, chat
from autogen.conversation.party import Party
from autogen.conversation.run import Run
from autogen.conversation.sending import plain
from autogen.core.callables import qualified_name
from autogen.core.effects import Branch, Emit, Gather
from autogen.core.errors import ConfigAssertion, Parked
from autogen.core.events import Line
from autogen.core.stop import Budget


class PrerequisiteError(ConfigAssertion):
    """Chats that wait for one another, for themselves or for one that is not there."""


class PlannedChat(Struct, frozen=True, kw_only=True, eq=False):
    """One entry of a queue."""

    sender: Any
    recipient: Any
    settings: ChatSettings
    """Its `context` is the entry without what `initiate_chat` names; without the carryover of other chats."""
    carryover: tuple[Any, ...] = ()
    """What the entry itself gives."""
    chat_id: int | None = None
    prerequisites: tuple[int, ...] = ()
    left_out: frozenset[int] = frozenset()
    """Chats whose summaries are not carried over: by place in the queue, or by chat_id where prerequisites count."""
    verbose: bool = False
    budget: Budget | None = None
    no_progress: bool = True

    @property
    def name(self) -> str:
        """The two agents, for people and for addresses."""
        return f"{self.sender.name}>{self.recipient.name}"


class NestedRun(Protocol):
    """The run of a chat that a conversation holds."""

    @property
    def run(self) -> Run: ...

    @property
    def frame(self) -> Any:
        """What a `Branch` needs for its steps to stand in this run."""
        ...

    def leave(self, raised: BaseException | None = None) -> None:
        """The chat is over: give what happened to the run that it was held in."""
        ...


Nest: TypeAlias = Callable[[Run, PlannedChat, Sequence[str]], NestedRun]
"""(the run that holds the chat, the chat, the words of its address) -> its run."""

Made: TypeAlias = Callable[[PlannedChat, Ended], Any]
"""Makes a result of a chat as soon as it is over: something with a `summary`."""

Results: TypeAlias = dict[int, Any]
"""By place in the queue, or by chat_id where prerequisites count. A chat that waits for a person leaves its
PlannedChat there."""


async def in_order(run: Run, chats: Sequence[PlannedChat], made: Made, results: Results, held_for: Any = None) -> None:
    """Hold the chats one after the other; `results` grows with each, so that a failure leaves those that are over."""
    for index, planned in enumerate(chats):
        carryover = [result.summary for place, result in results.items() if place not in planned.left_out]
        ready = _with_carryover(planned, carryover)
        await _announce(ready)
        try:
            results[index] = await _hold(
                run, ready, made, (planned.name,), held_for, f"chat {index + 1} of {len(chats)}"
            )
        except Parked:
            results[index] = ready
            raise


async def side_by_side(
    run: Run, chats: Sequence[PlannedChat], made: Made, results: Results, held_for: Any = None
) -> None:
    """Hold each chat as soon as its prerequisites are over. Chats after one that failed do not begin.

    `results` ends in the order of `ordered`.
    """
    await _Beside(run, ordered(chats), made, results, held_for).hold()


class _Beside:
    """Chats under way at the same time. Whichever ends as the last prerequisite of others carries them on."""

    def __init__(self, run: Run, chats: Sequence[PlannedChat], made: Made, results: Results, held_for: Any) -> None:
        self._run, self._chats, self._made, self._results, self._held_for = run, chats, made, results, held_for
        self._missing = {_id(planned): len(set(planned.prerequisites)) for planned in chats}
        self._after: dict[int, list[PlannedChat]] = {_id(planned): [] for planned in chats}
        for planned in chats:
            for needed in set(planned.prerequisites):
                self._after[needed].append(planned)

    async def hold(self) -> None:
        await self._go_on([planned for planned in self._chats if not planned.prerequisites])
        known = self._results
        for planned in self._chats:
            known[_id(planned)] = known.pop(_id(planned))

    async def _go_on(self, ready: list[PlannedChat]) -> None:
        """A fork goes on in branches, a line of chats in a loop."""
        while ready:
            told = [await self._told(planned) for planned in ready]
            if len(told) > 1:
                await Gather(tuple(Branch(f"chat/{one.chat_id}", self._branch(one)) for one in told))
                return
            ready = await self._one(told[0])

    async def _told(self, planned: PlannedChat) -> PlannedChat:
        wanted = [needed for needed in planned.prerequisites if needed not in planned.left_out]
        ready = _with_carryover(planned, [self._results[needed].summary for needed in wanted])
        await _announce(ready)
        return ready

    async def _branch(self, planned: PlannedChat) -> None:
        await self._go_on(await self._one(planned))

    async def _one(self, planned: PlannedChat) -> list[PlannedChat]:
        """Hold one chat; the chats that waited for nothing else."""
        mine = _id(planned)
        words = (str(mine), planned.name)
        try:
            self._results[mine] = await _hold(self._run, planned, self._made, words, self._held_for, f"chat {mine}")
        except Parked:
            self._results[mine] = planned
            raise
        for follower in self._after[mine]:
            self._missing[_id(follower)] -= 1
        return [follower for follower in self._after[mine] if not self._missing[_id(follower)]]


async def _hold(run: Run, planned: PlannedChat, made: Made, words: Sequence[str], held_for: Any, which: str) -> Any:
    nest: Nest = run.nest
    nested = nest(run, planned, words)
    nested.run.held_for = held_for
    try:
        steps = chat(nested.run, planned.sender, planned.recipient, planned.settings)
        [ended] = await Gather((Branch(planned.name, steps, frame=nested.frame),))
    except BaseException as raised:
        nested.leave(raised)
        if isinstance(raised, Exception):
            raised.add_note(f"in {which}: {planned.sender.name} > {planned.recipient.name}")
        raise
    nested.leave()
    return made(planned, cast("Ended", ended))


def _with_carryover(planned: PlannedChat, summaries: list[Any]) -> PlannedChat:
    """The chat with all that is carried over into it."""
    context = {**planned.settings.context, "carryover": [*planned.carryover, *summaries]}
    return replace(planned, settings=replace(planned.settings, context=context))


_STARS: Final = "\n" + "*" * 80


async def _announce(planned: PlannedChat) -> None:
    """0.2's banner; `verbose` tells message and carryover."""
    if planned.settings.silent:
        return
    await Emit(Line(_STARS, "blue"))
    await Emit(Line("Starting a new chat....", "blue"))
    if planned.verbose:
        carryover: list[Any] = planned.settings.context["carryover"]
        await Emit(Line(f"Message:\n{_shown(planned.settings.message)}", "blue"))
        await Emit(Line("Carryover:\n" + "\n".join(map(_item, carryover)), "blue"))
    await Emit(Line(_STARS, "blue"))


def _shown(message: Any) -> str:
    if callable(message):
        return f"Callable: {qualified_name(message).rpartition('.')[2]}"
    known: object = plain(message)
    return f"Dict: {dict(cast('dict[str, Any]', known))}" if isinstance(known, dict) else str(known)


def _item(item: Any) -> str:
    if isinstance(item, Mapping):
        known = cast("Mapping[str, Any]", item)
        return str(known.get("content", known))
    return str(cast("object", item))


def _id(planned: PlannedChat) -> int:
    assert planned.chat_id is not None  # whoever made the queue has seen to it
    return planned.chat_id


def ordered(chats: Sequence[PlannedChat]) -> tuple[PlannedChat, ...]:
    """The chats, each behind its prerequisites; those that do not depend on each other in the order of the queue.

    Raises PrerequisiteError for an id that two chats have, a prerequisite that is not there, and a cycle.
    """
    by_id: dict[int, PlannedChat] = {}
    for planned in chats:
        other = by_id.setdefault(_id(planned), planned)
        if other is not planned:
            raise PrerequisiteError(f"two chats have the chat_id {planned.chat_id}: {other.name} and {planned.name}")
    for planned in chats:
        refuse_unknown(planned, by_id)
    waits = {chat_id: set(planned.prerequisites) for chat_id, planned in by_id.items()}
    after: dict[int, list[int]] = {chat_id: [] for chat_id in by_id}
    for chat_id, needed in waits.items():
        for one in needed:
            after[one].append(chat_id)
    line = [chat_id for chat_id in by_id if not waits[chat_id]]
    for chat_id in line:  # grows
        for follower in after[chat_id]:
            waits[follower].discard(chat_id)
            if not waits[follower]:
                line.append(follower)
    if len(line) < len(by_id):
        raise PrerequisiteError(f"the prerequisites of these chats wait for one another: {_cycle(waits)}")
    return tuple(by_id[chat_id] for chat_id in line)


def refuse_unknown(planned: PlannedChat, known: Collection[int]) -> None:
    """Raise PrerequisiteError when the chat waits for itself or for one that is not in the queue."""
    for needed in planned.prerequisites:
        if needed == planned.chat_id:
            raise PrerequisiteError(f"chat {planned.chat_id} ({planned.name}) is its own prerequisite")
        if needed not in known:
            there = ", ".join(map(str, known))
            raise PrerequisiteError(
                f"chat {planned.chat_id} ({planned.name}) has the prerequisite {needed}, but there is no chat of that "
                f"id; there are: {there}"
            )


def _cycle(waits: dict[int, set[int]]) -> str:
    """One cycle among chats that still wait, in words."""
    path: list[int] = [next(chat_id for chat_id, needed in waits.items() if needed)]
    while True:
        following = min(waits[path[-1]])
        if following in path:
            return " -> ".join(map(str, [*path[path.index(following) :], following]))
        path.append(following)


def parties(chats: Sequence[PlannedChat]) -> tuple[Party, ...]:
    """All who take part, each once."""
    return tuple(dict.fromkeys(agent for planned in chats for agent in (planned.sender, planned.recipient)))
