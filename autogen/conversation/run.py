"""A run: all that happens in one chat and the chats nested in it. Owns transcript, agent states, usage, stop reason.

Agents are definitions; nothing of a run is kept on them while it goes on. Refuses to know drivers and performers.
"""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from msgspec import Struct

from autogen.conversation.state import AgentState
from autogen.core.callables import qualified_name
from autogen.core.errors import LimitReached
from autogen.core.heard import UNTRUSTED, Heard, Whose, handed
from autogen.core.model import ModelReply, Origin, Usage
from autogen.core.progress import ProgressWatch, RepeatWatch
from autogen.core.stop import Budget, Status, StopReason
from autogen.core.transcript import Transcript, restored_origin, sayings, texts
from autogen.core.wire import MessageDict

_ALONE: Final = nullcontext()
_HANDED: Final[frozenset[Origin]] = frozenset({"program", "quoted", "carried"})
"""What may be made of words that were said in another run."""


class Spent(Struct):
    """What a run and all runs nested in it have used so far. Written by the engine only."""

    usage: Usage = Usage()
    usd: float = 0.0
    unpriced: bool = False
    """A call was answered by a model without a known price: `usd` is too low."""
    model_calls: int = 0
    messages: int = 0
    reserved_usd: float = 0.0
    reserved_tokens: int = 0


class Run:
    """One run, or a branch of one: nested chats have a run of their own that shares `spent` and `budget`."""

    __slots__ = (
        "__weakref__", "_branches", "_handed", "_known", "_linked", "_told_upto", "always", "bounded", "budget",
        "cache", "calling", "counting", "deadline", "earlier", "gate", "heard", "held_for", "id", "is_async", "joined",
        "keeps_words", "lent", "nest", "over", "owed", "parent", "repeats", "session", "settled", "spent", "started",
        "states", "status", "stop_detail", "stop_reason", "table", "told", "transcript", "usage", "watch",
    )  # fmt: skip
    """Without them a run of so many attributes weighs a kilobyte more, and a thousand chats are a thousand runs."""

    def __init__(
        self,
        run_id: str,
        *,
        parent: "Run | None" = None,
        budget: Budget | None = None,
        is_async: bool = False,
        watch: ProgressWatch | None = None,
        cache: Any = None,
        guarded: bool = False,
        joined: bool = False,
    ) -> None:
        self.id = run_id
        self.parent = parent
        self.budget = budget
        self.is_async = is_async
        self.watch = watch
        self.cache: Any = cache if cache is not None or parent is None else parent.cache
        self.joined = joined and parent is not None
        """Steps of the parent under the other driver (a blocking face in an async run, or the reverse), no chat of its
        own: what was said, who hands what to whom, and the stop reason are the parent's."""
        self.over = False
        """Its face has returned; a thread or task that was left behind stands in it no longer."""
        self.transcript = Transcript()
        self.states: dict[Any, AgentState] = {}
        self.heard: Heard = Heard(None if parent is None else parent.heard)
        """Who said what here, and in chats that were nested in this one and are over."""
        self.earlier: tuple[Heard, ...] = ()
        """What the session of a top-level run remembers of other runs."""
        self.keeps_words = False
        """What was said is remembered although nothing untrusted was heard: it is handed on as code."""
        self.calling = 0
        """Tools that are being called: what is sent meanwhile is said by one of them."""
        self._told_upto = 0
        self._known: tuple[int, int] = (-1, 0)
        self._linked: tuple[Heard, ...] = ()
        """Those of `earlier` that texts come from which the program handed on into this run."""
        self.spent = Spent()
        self.repeats: RepeatWatch | None = RepeatWatch() if guarded else None
        """Each chat has its own: who starts one chat after the other may well ask the same tool in each of them."""
        self.status: Status = "done"
        self.usage: dict[str, Usage] = {}
        self.deadline: float | None = None
        """Monotonic seconds; filled in by `runtime`."""
        self.started: float = 0.0
        self.stop_reason: StopReason | None = None
        self.stop_detail: str = ""
        self._branches = 0
        self._handed: list[tuple[Any, Any, Any]] = []
        self.told: list[tuple[Origin, str]] | None = None
        """What agents' faces gave to a function of the program while it is called; None outside of such a call."""
        if joined and parent is not None:
            self.transcript, self.states, self.heard = parent.transcript, parent.states, parent.heard
            self.watch, self.repeats = parent.watch, parent.repeats
            self._handed, self.told = parent._handed, parent.told
        self.owed: Any = None
        """Of an outermost run: `(run, agent)` is told to it when a run meets an agent; a journal has edits for some."""
        self.session: Any = None
        """The session that a top-level run commits to."""
        self.bounded = False
        """A budget of this run or of one around it bounds model calls. Filled in by `runtime`."""
        self.settled: dict[int, ModelReply] | None = None
        """Replies, by identity, that were counted already: in one step with the end of what was reserved for them."""
        self.gate: Any = None
        """Which model calls are under way and which wait, in the outermost run that has a budget."""
        self.always: tuple[str, ...] = ()
        """Of an outermost run: the calls that a person approved for the rest of it."""
        self.lent: tuple[str, ...] = ()
        """Of an outermost run: approved calls that an override is being called with."""
        self.table: Any = None
        """The performer table, filled in by `runtime`."""
        self.nest: Any = None
        """Makes the run of a chat that the conversation holds inside of this one (a `sequence.Nest`); filled in by who
        makes runs."""
        self.held_for: Any = None
        """Of a chat that an agent's nested chats hold: `(agent, its NestedChats)`."""
        self.counting: AbstractContextManager[Any] = _ALONE
        """Held while something is counted: a lock from `runtime`, because chats nested in threads count together."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as a record: transcript, usage and how it ended. Agents, performers and the session stay behind."""
        names = ("status", "usage", "spent", "started", "stop_reason", "stop_detail")
        facts = {name: getattr(self, name) for name in names}
        entries = [(entry.author, entry.recipient, _portable(entry.message)) for entry in self.transcript]
        return (_recorded, (self.id, self.parent, self.budget, self.is_async, facts, entries))

    def next_branch(self) -> int:
        """The number of the next chat nested in this run."""
        with self.counting:
            self._branches += 1
            return self._branches

    @contextmanager
    def hand(self, sender: Any, recipient: Any, message: Any) -> Generator[None, None, None]:
        """While an overridden `send` or `receive` of the program is called: `super()` in it records only."""
        handed = (sender, recipient, message)
        self._handed.append(handed)
        try:
            yield
        finally:
            self._handed.remove(handed)

    def handing(self, sender: Any, recipient: Any) -> Any:
        """The message that is being handed to an override between these two now, or None."""
        return next((m for s, r, m in reversed(self._handed) if s is sender and r is recipient), None)

    @contextmanager
    def passing_on(self) -> Generator[list[tuple[Origin, str]], None, None]:
        """While a function of the program makes a reply: what it is told meanwhile. See `origin_passed_on`."""
        before, self.told = self.told, []
        try:
            yield self.told
        finally:
            self.told = before

    def tell(self, message: Any, origin: Origin | None = None) -> None:
        """Note a message (or its text) that a face gives to the program: passed on, it stays what it is."""
        known: Origin | None = getattr(message, "origin", origin)
        if known is None:
            return
        said = [message] if isinstance(message, str) else list(texts(message))
        if known in UNTRUSTED:
            self.catch_up()
            self.heard.say(known, said)
        if self.told is not None:
            self.told.extend((known, text) for text in said)

    def stop(self, reason: StopReason, detail: str = "") -> StopReason:
        """Record why the run ends; the first reason stays and is returned."""
        if self.joined and self.parent is not None:
            return self.parent.stop(reason, detail)
        if self.stop_reason is None:
            self.stop_reason, self.stop_detail = reason, detail
        return self.stop_reason

    def lineage(self) -> Sequence["Run"]:
        """This run and those it is nested in, innermost first."""
        if self.parent is None:
            return (self,)
        runs: list[Run] = []
        run: Run | None = self
        while run is not None:
            runs.append(run)
            run = run.parent
        return runs

    def refuse_if_cancelled(self) -> None:
        """Raise LimitReached when this run, or one that it is nested in, was cancelled.

        What was left behind in a thread says and pays nothing more.
        """
        for run in self.lineage():
            if run.status == "cancelled":
                raise LimitReached(StopReason.CANCELLED.value, "the run that this chat belongs to was cancelled")

    def refuse_if_repeating(self) -> None:
        """Raise LimitReached when the same tool call has given the same result too often."""
        if self.repeats is not None and self.repeats.over is not None:
            raise LimitReached(StopReason.REPEATED_TOOL_CALL.value, self.repeats.over)

    def count_message(self) -> None:
        """Count one message; raises LimitReached when a budget allows no further one."""
        with self.counting:
            for run in self.lineage():
                limit = run.budget.turns if run.budget is not None else None
                if limit is not None and run.spent.messages >= limit:
                    raise LimitReached(StopReason.BUDGET_TURNS.value, f"the budget of {limit} messages is used up")
            for run in self.lineage():
                run.spent.messages += 1

    def count_model_call(self) -> None:
        """Count one model call here and wherever this run is nested."""
        with self.counting:
            for run in self.lineage():
                run.spent.model_calls += 1

    def account(self, agent: str, reply: ModelReply) -> None:
        """Add the usage of one model call here and wherever this run is nested. Cached answers cost nothing."""
        if reply.cached or (self.settled and self.settled.pop(id(reply), None) is not None):
            return
        with self.counting:
            self.add(agent, reply.usage, reply.cost)

    def add(self, agent: str, usage: Usage, usd: float | None) -> None:
        """Add usage here and wherever this run is nested; for who holds `counting`. usd: None when not known."""
        for run in self.lineage():
            run.usage[agent] = run.usage.get(agent, Usage()) + usage
            run.spent.usage += usage
            if usd is None:
                run.spent.unpriced = True
            else:
                run.spent.usd += usd

    def lost(self, agent: str, usage: Usage, usd: float | None) -> None:
        """Add what an attempt of a model call that failed may have been billed."""
        with self.counting:
            self.add(agent, usage, usd)

    def effect(self) -> None:
        """A tool, code or person acted: that is progress."""
        if self.watch is not None:
            self.watch.effect()

    @contextmanager
    def calls_a_tool(self) -> Generator[None, None, None]:
        """While a tool is called: what it sends are a tool's words, until it is known who said them first."""
        with self.counting:
            self.calling += 1
        try:
            yield
        finally:
            with self.counting:
                self.calling -= 1

    @property
    def voice(self) -> Origin:
        """Whose words a message is that the program sends now: a tool may hand on what it has read."""
        return "quoted" if any(run.calling for run in self.lineage()) else "program"

    def hears_untrusted(self) -> bool:
        """Was anything untrusted said in this run, in those it is nested in, or in the session before?"""
        return self._listen().any_untrusted()

    def whose(self, code: str) -> Whose:
        """Whose is this block, by all that was said in this run, in those it is nested in, and in the session?"""
        return self._listen().whose(code)

    def _listen(self) -> Heard:
        """All that was said until now, in order."""
        for run in reversed(self.lineage()):
            run.catch_up()
        root = self._root()
        known = (len(root.states), len(root._linked))
        if known != root._known:
            root._known = known
            root.heard.before = _past(root)
        return self.heard

    def _root(self) -> "Run":
        return self.lineage()[-1]

    def catch_up(self) -> None:
        """Note what the transcript holds since the last time."""
        if self.joined and self.parent is not None:
            self.parent.catch_up()
            return
        root = self._root()
        for index in range(self._told_upto, len(self.transcript)):
            self._told_upto = index + 1
            entry = self.transcript[index]
            origin = entry.message.origin
            self.heard.say(*sayings(entry.message, origin))
            if root.earlier and origin in _HANDED:
                for text in texts(entry.message):
                    found = handed(text, root.earlier, origin != "program")
                    root._linked = tuple(dict.fromkeys((*root._linked, *found)))

    def memory(self) -> Heard | None:
        """What the agents of a top-level run heard before, and what texts come from that the program handed on."""
        known = dict.fromkeys(state.heard for state in tuple(self.states.values()) if state.heard is not None)
        known.update(dict.fromkeys(self._linked))
        if len(known) > 1:
            both = Heard()
            both.take_as_past(known)
            return both
        return next(iter(known), None)

    def to_remember(self) -> Heard | None:
        """A top-level run is over: leave to its agents what they heard, and give what the session is to remember."""
        worth = self.keeps_words or self.heard.untrusted or self.memory() is not None
        if not worth and not any(entry.origin in UNTRUSTED for entry in self.transcript):
            return None  # most chats: there is nothing to look into
        said, before = self.said(), self.memory()
        words = Heard(before)
        words.absorb(said)
        words.trim()
        if words.any_untrusted():
            for state in tuple(self.states.values()):
                state.heard = words
        return words

    def said(self) -> Heard:
        """All that was said in this run and in those nested in it that are over."""
        self.catch_up()
        return self.heard


LONG_ENOUGH = 16
"""Characters of a text by which it is known inside another one."""


def origin_passed_on(told: list[tuple[Origin, str]], reply: Any) -> Origin:
    """The origin of a reply that a function of the program made after it was told these.

    What it repeats keeps its origin. Else its words are taken for a model's, and what they copy is checked; but not if
    all that it was told was untrusted, for then they are most likely made of that.
    """
    said = [reply] if isinstance(reply, str) else list(texts(reply))
    for origin, text in reversed(told):
        if any(text == one or (len(text) >= LONG_ENOUGH and text in one) for one in said):
            return origin
    return told[-1][0] if told and all(origin in UNTRUSTED for origin, _ in told) else "model"


def _past(run: Run) -> Heard:
    """What was said before the run: in its agents' runs, and in conversations that the program gave them."""
    known, here = run.memory(), run.heard.texts()
    conversations: list[Heard] = []
    for state in tuple(run.states.values()):
        for partner, history in tuple(state.histories.items()):
            conversation = Heard(known)
            begun = 0 if state.touched.get(partner) else state.begun.get(partner, 0)
            for message in history[:begun]:
                origin, said = sayings(message, getattr(message, "origin", None) or restored_origin(message))
                conversation.say(origin, [text for text in said if text not in here])  # else it began afresh since
            conversations.append(conversation)
    past = Heard(known)
    past.take_as_past(conversations)
    return past


def _recorded(
    run_id: str,
    parent: Run | None,
    budget: Budget | None,
    is_async: bool,
    facts: dict[str, Any],
    entries: list[tuple[str, str, MessageDict]],
) -> Run:
    run = Run(run_id, parent=parent, budget=budget, is_async=is_async)
    for name, value in facts.items():
        setattr(run, name, value)
    for entry in entries:
        run.transcript.append(*entry)
    return run


def _portable(message: MessageDict) -> MessageDict:
    """The message without what only this process can hold: its `context`, and the function of a template."""
    kept = {key: value for key, value in message.items() if key != "context"}
    if callable(kept.get("content")):
        kept["content"] = f"<template {qualified_name(kept['content'])}>"
    return MessageDict(kept, message.origin)
