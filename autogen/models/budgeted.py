"""Admits model calls under the budgets of a run: the worst case is reserved before a call is made.

Decides when a call waits for others to end, when it is refused and, where the program set no `max_tokens`, how long an
answer the budget still allows. Calls are admitted in the order in which they ask, so none is refused that would have
been admitted had they been made one after the other. Refuses to know how calls are made. Source: DESIGN section 8.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from autogen.conversation.run import Run
from autogen.core.effects import CallModel
from autogen.core.errors import LimitReached
from autogen.core.model import ModelReply, Usage
from autogen.core.stop import StopReason
from autogen.drivers.performer import Act, Work
from autogen.models.admission import CallCeiling, CallSize, counted, refuse_unpriced, size_of, takes_limits
from autogen.models.client import Ledger

if TYPE_CHECKING:
    from concurrent.futures import Future

SHORTEST_ANSWER = 64
"""Tokens; a budget that allows less than this is used up."""
FAIR_ANSWER = 16_384
"""Tokens; beside other calls an answer is not cut shorter than this: the call rather waits for one of them to end."""

_inside: ContextVar[bool] = ContextVar("autogen_inside_call", default=False)
"""The caller stands in a model call that is under way, such as that of a client which asks agents itself: it cannot
wait for that call to end."""


def admitted_freely(run: Run) -> bool:
    """Count a call that no budget bounds; False when one does, and nothing is counted."""
    if run.bounded:
        return False
    run.count_model_call()
    return True


async def within_budget(
    run: Run,
    effect: CallModel,
    call: Callable[[CallModel, Ledger, float | None], Work[ModelReply]],
    left: Callable[[], float | None],
) -> ModelReply:
    """The reply of `call(effect, ledger, seconds)`, its worst case reserved for as long as it takes, then counted.

    left: seconds that the run has; raises when it has none. Raises LimitReached when a budget of the run, or of one
    that it is nested in, does not allow the call.
    """
    seconds = left()
    asking = _Asking(run, effect)
    try:
        while (turn := asking.admit()) is not None:
            await _until(turn, seconds)
            seconds = left()
    finally:
        asking.leave()
    before = _inside.get()
    _inside.set(True)
    reply: ModelReply | None = None
    try:
        reply = counted(effect.client, effect.request, await call(asking.effect, asking, seconds))
        return reply
    finally:
        _inside.set(before)
        asking.settle(reply)


class Gate:
    """Which calls are under way and which wait, of all runs under the outermost one that has a budget."""

    __slots__ = ("under_way", "waiting")

    def __init__(self) -> None:
        self.under_way = 0
        self.waiting: deque[_Asking] = deque()

    def wake(self) -> None:
        """It is the first one's turn to look again."""
        if self.waiting and (turn := self.waiting[0].turn) is not None and not turn.done():
            turn.set_result(None)


class _Left(Struct, frozen=True):
    """What one budget leaves, of tokens or of dollars."""

    reason: StopReason
    text: str
    tokens: int | None = None
    usd: float | None = None


class _Asking:
    """One call, from the moment it asks to be admitted until its usage is counted. Also its ledger."""

    def __init__(self, run: Run, effect: CallModel) -> None:
        self.effect = effect
        self.turn: Future[None] | None = None
        self._run = run
        self._bounded: Final = [one for one in run.lineage() if one.budget is not None]
        budgets = [one.budget for one in self._bounded if one.budget is not None]
        if any(budget.usd is not None for budget in budgets):
            refuse_unpriced(effect.agent, effect.client)  # agents of nested chats were not seen at the start
        sized = any(budget.usd is not None or budget.tokens is not None for budget in budgets)
        self._size: Final = size_of(effect.client, effect.request) if sized else CallSize(())
        self._worst = CallCeiling(0, 0.0)
        self._can_wait = not _inside.get() and not _holds_a_loop(run)
        with run.counting:
            outermost = self._bounded[-1]
            outermost.gate = self._gate = outermost.gate or Gate()

    def admit(self) -> "Future[None] | None":
        """Reserve the worst case; None when that is done, else what to wait for before the next try."""
        with self._run.counting:
            self._refuse_used_up()
            cap = self._cap() if self._is_first() else None
            if cap is not None:
                self._reserve(cap)
                return None
            from concurrent.futures import Future

            self.turn = Future()
            self.turn.set_running_or_notify_cancel()  # who waits may stop waiting, but the turn stays
            if self not in self._gate.waiting:
                self._gate.waiting.append(self)
            return self.turn

    def leave(self) -> None:
        """Wait no longer, for whatever reason."""
        with self._run.counting:
            if self in self._gate.waiting:
                self._gate.waiting.remove(self)
                self._gate.wake()

    def settle(self, reply: ModelReply | None) -> None:
        """What was reserved becomes what was used, in one step."""
        with self._run.counting:
            self._hold(-1)
            self._gate.under_way -= 1
            if reply is not None and not reply.cached:
                self._run.add(self.effect.agent, reply.usage, reply.cost)
                self._run.settled = self._run.settled or {}
                self._run.settled[id(reply)] = reply
            self._gate.wake()

    # ---- the ledger of its attempts ---------------------------------------------------------------------------------

    def lost(self, agent: str, usage: Usage, usd: float | None) -> None:
        with self._run.counting:
            self._run.add(agent, usage, usd)

    def again(self) -> None:
        with self._run.counting:
            for left in self._lefts():
                if (left.tokens is not None and left.tokens < 0) or (left.usd is not None and left.usd < 0):
                    raise LimitReached(
                        left.reason.value,
                        f"an attempt failed that may have been paid, and too little is left for another: {left.text}",
                    )

    # ---- under the lock ---------------------------------------------------------------------------------------------

    def _refuse_used_up(self) -> None:
        """Raise LimitReached where no call that ends could change it: too many calls, or too much is spent for good."""
        for one in self._bounded:
            calls = one.budget.model_calls if one.budget is not None else None
            if calls is not None and one.spent.model_calls >= calls:
                raise LimitReached(StopReason.BUDGET_MODEL_CALLS.value, f"the budget of {calls} model calls is used up")
        for left in self._lefts(reserved=not self._can_wait):
            if not self._size.fits(left.tokens, left.usd) and self._longest([left]) < SHORTEST_ANSWER:
                raise LimitReached(
                    left.reason.value, f"the next model call could use more than what is left: {left.text}"
                )

    def _is_first(self) -> bool:
        waiting = self._gate.waiting
        return not waiting or waiting[0] is self or not self._can_wait

    def _cap(self) -> int | None:
        """The longest answer that the call may have, 0 for one that needs no limit; None: not now."""
        tight = [left for left in self._lefts() if not self._size.fits(left.tokens, left.usd)]
        if not tight:
            return 0
        longest = self._longest(tight)
        if self._gate.under_way == 0 or not self._can_wait:
            return longest
        if longest < FAIR_ANSWER:
            return None
        return max(FAIR_ANSWER, longest // (self._gate.under_way + max(1, len(self._gate.waiting))))

    def _longest(self, lefts: "Sequence[_Left]") -> int:
        return min(self._size.longest(left.tokens, left.usd) for left in lefts)

    def _lefts(self, reserved: bool = True) -> list[_Left]:
        """What each budget leaves beside what is spent and, if asked, `reserved`."""
        lefts: list[_Left] = []
        for one in self._bounded:
            budget, spent = one.budget, one.spent
            assert budget is not None
            if budget.tokens is not None:
                tokens = budget.tokens - spent.usage.total - (spent.reserved_tokens if reserved else 0)
                text = f"{max(tokens, 0)} of {budget.tokens} tokens"
                lefts.append(_Left(StopReason.BUDGET_TOKENS, text, tokens=tokens))
            if budget.usd is not None:
                usd = budget.usd - spent.usd - (spent.reserved_usd if reserved else 0.0)
                text = f"{max(usd, 0):.4f} of {budget.usd:g} US dollars"
                lefts.append(_Left(StopReason.BUDGET_USD, text, usd=usd))
        return lefts

    def _reserve(self, cap: int) -> None:
        self._worst = self._size.ceiling(cap or None)
        if cap and takes_limits(self.effect.client):
            request = self.effect.request
            request = replace(request, settings={**request.settings, "max_tokens": cap})
            self.effect = replace(self.effect, request=request)
        for one in self._run.lineage():
            one.spent.model_calls += 1
        self._hold(1)
        self._gate.under_way += 1

    def _hold(self, sign: int) -> None:
        for one in self._bounded:
            one.spent.reserved_tokens += sign * (self._worst.tokens or 0)
            one.spent.reserved_usd += sign * (self._worst.usd or 0.0)


def _holds_a_loop(run: Run) -> bool:
    """Would a blocking call that waits here keep an event loop from carrying on the calls it waits for?"""
    import sys

    asyncio: Any = sys.modules.get("asyncio")
    return not run.is_async and asyncio is not None and asyncio._get_running_loop() is not None


def _until(turn: "Future[None]", seconds: float | None) -> Act[None]:
    """Wait for a turn, `seconds` at most."""

    async def concurrent() -> None:
        import asyncio

        await asyncio.wait_for(asyncio.wrap_future(turn), seconds)

    return Act(lambda: turn.result(seconds), concurrent)
