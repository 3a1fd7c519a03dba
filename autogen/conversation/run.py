"""A run: all that happens in one chat and the chats nested in it. Owns transcript, agent states, usage, stop reason.

Agents are definitions; nothing of a run is kept on them while it goes on. Refuses to know drivers and performers.
"""

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Final

from msgspec import Struct

from autogen.conversation.state import AgentState
from autogen.core.callables import qualified_name
from autogen.core.errors import LimitReached
from autogen.core.model import ModelReply, Origin, Usage
from autogen.core.progress import ProgressWatch, RepeatWatch
from autogen.core.stop import Budget, Status, StopReason
from autogen.core.transcript import UNTRUSTED, Transcript, restored_origin, texts
from autogen.core.wire import MessageDict

_ALONE: Final = nullcontext()


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
        self.heard: dict[str, None] = {}
        """Untrusted texts of chats that were nested in this one and are over."""
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
        self.session: Any = None
        """The session that a top-level run commits to."""
        self.looked: Any = None
        """The session in which the program wrote to views before, where that is another one."""
        self.table: Any = None
        """The performer table, filled in by `runtime`."""
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
        if self.told is not None and known is not None:
            self.told.extend((known, text) for text in ([message] if isinstance(message, str) else texts(message)))

    def stop(self, reason: StopReason, detail: str = "") -> StopReason:
        """Record why the run ends; the first reason stays and is returned."""
        if self.joined and self.parent is not None:
            return self.parent.stop(reason, detail)
        if self.stop_reason is None:
            self.stop_reason, self.stop_detail = reason, detail
        return self.stop_reason

    def lineage(self) -> Iterator["Run"]:
        """This run and those it is nested in, innermost first."""
        run: Run | None = self
        while run is not None:
            yield run
            run = run.parent

    def refuse_if_cancelled(self) -> None:
        """Raise LimitReached when this run, or one that it is nested in, was cancelled.

        What was left behind in a thread says and pays nothing more.
        """
        for run in self.lineage():
            if run.status == "cancelled":
                raise LimitReached(StopReason.CANCELLED.value, "the run that this chat belongs to was cancelled")

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
        if reply.cached:
            return
        with self.counting:
            for run in self.lineage():
                run.usage[agent] = run.usage.get(agent, Usage()) + reply.usage
                run.spent.usage += reply.usage
                if reply.cost is None:
                    run.spent.unpriced = True
                else:
                    run.spent.usd += reply.cost

    def effect(self) -> None:
        """A tool, code or person acted: that is progress."""
        if self.watch is not None:
            self.watch.effect()

    def untrusted_texts(self) -> Iterator[str]:
        """Untrusted texts that agents of this run, or of those it is nested in, have read; each once."""
        seen: set[str] = set()
        for run in self.lineage():
            for text in run.untrusted_here():
                if text not in seen:
                    seen.add(text)
                    yield text

    def untrusted_here(self) -> Iterator[str]:
        """What this run heard itself, in chats nested in it, and in the conversations that it goes on with."""
        yield from self.transcript.untrusted_texts()
        yield from self.heard
        for state in tuple(self.states.values()):
            for history in tuple(state.histories.values()):
                for message in history:
                    if (getattr(message, "origin", None) or restored_origin(message)) in UNTRUSTED:
                        yield from texts(message)


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
