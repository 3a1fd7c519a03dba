"""What a run keeps of one agent: its histories, counters and human inputs.

0.2 kept these on the agent; here they belong to a run (or to a session between runs) and are forked, never shared.
Refuses to know how agents are configured.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final, cast

from autogen.core.heard import Heard
from autogen.core.wire import MessageDict

RENDERED_AGAIN: Final = 64
"""Messages; longer histories keep their rendered form between runs."""


NO_CODE: Final[frozenset[str]] = frozenset()
"""One for all: Python makes a new empty set of 216 bytes each time."""
NO_METHODS: Final[frozenset[str]] = frozenset()
NONE_BEGUN: Final[Mapping[Any, int]] = {}
"""One for all, which nobody writes to."""


class AgentState:
    """One agent's side of its conversations, by partner (the agent object, as in 0.2)."""

    __slots__ = (
        "begun",
        "counters",
        "finished",
        "heard",
        "histories",
        "human_input",
        "kept",
        "kept_before",
        "lent",
        "own",
        "ran",
        "reply_at_receive",
        "speaker",
        "touched",
    )

    def __init__(self) -> None:
        self.touched: dict[Any, bool] = {}
        """Partners with whom something happened since the fork; True: a chat began afresh."""
        self.begun: Mapping[Any, int] = NONE_BEGUN
        """How many messages there were at the fork."""
        self.histories: defaultdict[Any, list[dict[str, Any]]] = defaultdict(list)
        self.counters: defaultdict[Any, int] = defaultdict(int)
        self.reply_at_receive: defaultdict[Any, bool] = defaultdict(bool)
        self.human_input: list[str] = []
        self.ran: frozenset[str] = NO_CODE
        """Code that this agent has run."""
        self.heard: Heard | None = None
        """What was said in this agent's runs that are over; None as long as nothing untrusted was heard in them."""
        self.finished: Any = None
        """What this agent's last sequence of chats gave: a list, or a dict by chat_id."""
        self.kept: dict[str, Any] | None = None
        """What the program keeps for itself, `agent.state`; None for nothing yet. Of a run: in the outermost one."""
        self.kept_before: tuple[str, dict[str, Any] | None] | None = None
        """Of a journaled run: its id, and what was kept when it began, so that it begins so each time."""
        self.lent: AgentState | None = None
        """Of a copy made by `lend`: how it was then."""
        self.speaker: Any = None
        """Of a group's: who had the floor last."""
        self.own: frozenset[str] = NO_METHODS
        """Which of 0.2's inner methods the program has made its own on this agent; looked for once for a run."""

    def touch(self, partner: Any, cleared: bool = False) -> None:
        """Note that something happens with `partner`."""
        self.touched[partner] = cleared or self.touched.get(partner, False)

    def kept_here(self) -> dict[str, Any]:
        """What the program keeps for itself."""
        if self.kept is None:
            self.kept = {}
        return self.kept

    def settle(self) -> None:
        """The run is over: forget what only it asked for, and of short histories what can be made again in no time."""
        self.touched = {}
        self.begun = NONE_BEGUN
        for history in self.histories.values():
            if len(history) <= RENDERED_AGAIN:
                for message in history:
                    if isinstance(message, MessageDict):
                        message.rendered = None

    def fork(self) -> "AgentState":
        """An independent copy; messages themselves are shared."""
        twin = AgentState()
        for partner, history in dict(self.histories).items():  # a chat in another thread may add one meanwhile
            twin.histories[partner] = list(history)
        if twin.histories:
            twin.begun = {partner: len(history) for partner, history in twin.histories.items()}
        twin.counters.update(self.counters)
        twin.reply_at_receive.update(self.reply_at_receive)
        twin.human_input = list(self.human_input)
        twin.ran = self.ran
        twin.heard = self.heard
        twin.kept = own_copy(self.kept) if self.kept else None
        twin.kept_before = self.kept_before
        twin.speaker = self.speaker
        twin.finished = self.finished
        return twin

    def lend(self) -> "AgentState":
        """A copy for a context that looks at another one's conversations; what it writes there stays its own."""
        twin = self.fork()
        twin.begun = NONE_BEGUN
        for partner, history in twin.histories.items():
            twin.histories[partner] = [message.copy() for message in history]
        twin.lent = self.fork()
        return twin

    def is_copy_of(self, source: "AgentState") -> bool:
        """Was this lent by a state that reads as `source` does now?"""
        return self.lent is not None and not source.differs(self.lent)

    def written(self) -> bool:
        """Is this a context's own: never lent, or written to since?"""
        return self.lent is None or self.differs(self.lent)

    def differs(self, other: "AgentState") -> bool:
        """Does it read differently? A missing history is an empty one."""
        views = zip(self._views(), other._views(), strict=True)
        if self.human_input != other.human_input or (self.kept or {}) != (other.kept or {}):
            return True
        return any(_changed(mine, theirs) for mine, theirs in views)

    def write_to(self, other: "AgentState") -> None:
        """Do to `other` what was written to this lent copy."""
        before = self.lent
        if before is None:
            return
        for mine, was, theirs in zip(self._views(), before._views(), other._views(), strict=True):
            for partner in _changed(mine, was):
                if partner in mine:
                    theirs[partner] = mine[partner]
                else:
                    theirs.pop(partner, None)
        if self.human_input != before.human_input:
            other.human_input = self.human_input
        if (self.kept or {}) != (before.kept or {}):
            other.kept = self.kept

    def _views(self) -> tuple[defaultdict[Any, Any], ...]:
        return self.histories, self.counters, self.reply_at_receive

    def take(self, nested: "AgentState") -> None:
        """Take over what happened in a nested chat, partner by partner: siblings do not undo one another."""
        for partner, cleared in nested.touched.items():
            mine, theirs, begun = self.histories[partner], nested.histories[partner], nested.begun.get(partner, 0)
            if cleared or len(mine) <= begun:
                self.histories[partner] = theirs
            else:  # a sibling went on with the same conversation meanwhile
                self.histories[partner] = [*mine, *theirs[begun:]]
            self.counters[partner] = nested.counters[partner]
            self.reply_at_receive[partner] = nested.reply_at_receive[partner]
            self.touch(partner, cleared)
        self.ran |= nested.ran
        if nested.speaker is not None:
            self.speaker = nested.speaker
        if nested.finished is not None:
            self.finished = nested.finished


def own_copy(value: Any) -> Any:
    """A copy down to the values; what is no dict or list is shared."""
    if type(value) is dict:
        return {key: own_copy(item) for key, item in cast("dict[Any, Any]", value).items()}
    return [own_copy(item) for item in cast("list[Any]", value)] if type(value) is list else value


def _changed(mine: defaultdict[Any, Any], was: defaultdict[Any, Any]) -> list[Any]:
    """The partners for which these read differently; what is missing is empty, 0 or False."""
    return [partner for partner in {*mine, *was} if (mine.get(partner) or None) != (was.get(partner) or None)]
