"""Admits model calls under the budgets of a run: the worst case is reserved before a call is made.

Decides when a call is refused and, where the program set no `max_tokens`, how long an answer the budget still allows.
Refuses to know how calls are made. Source: DESIGN section 8 (Limits).
"""

from collections.abc import Callable
from threading import Lock

from msgspec.structs import replace

from autogen.conversation.run import Run
from autogen.core.effects import CallModel
from autogen.core.errors import ConfigError, LimitReached
from autogen.core.model import ModelReply
from autogen.core.stop import StopReason
from autogen.drivers.performer import Work
from autogen.models.admission import CallCeiling, answer_limit, worst_case

SHORTEST_ANSWER = 64
"""Tokens; a budget that allows less than this is used up."""
_admitting = Lock()


def admitted_freely(run: Run) -> bool:
    """Count a call that no budget bounds; False when one does, and nothing is counted."""
    one: Run | None = run
    while one is not None:
        if one.budget is not None:
            return False
        one = one.parent
    run.count_model_call()
    return True


async def within_budget(run: Run, effect: CallModel, call: Callable[[CallModel], Work[ModelReply]]) -> ModelReply:
    """The reply of `call(effect)`, its worst case reserved for as long as it takes.

    Raises LimitReached when a budget of the run, or of one that it is nested in, does not allow the call.
    """
    bounded = [one for one in run.lineage() if one.budget is not None]
    with _admitting:
        for one in bounded:
            effect = _fitted(one, effect)
        worst = worst_case(effect.client, effect.request)
        run.count_model_call()
        for one in bounded:
            _reserve(one, worst, 1)
    try:
        return await call(effect)
    finally:
        with _admitting:
            for one in bounded:
                _reserve(one, worst, -1)


def _fitted(run: Run, effect: CallModel) -> CallModel:
    budget, spent = run.budget, run.spent
    assert budget is not None
    if budget.model_calls is not None and spent.model_calls >= budget.model_calls:
        raise LimitReached(
            StopReason.BUDGET_MODEL_CALLS.value, f"the budget of {budget.model_calls} model calls is used up"
        )
    if budget.tokens is not None:
        left = budget.tokens - spent.usage.total - spent.reserved_tokens
        effect = _bounded(effect, left, None, StopReason.BUDGET_TOKENS, f"{max(left, 0)} of {budget.tokens} tokens")
    if budget.usd is not None:
        usd = budget.usd - spent.usd - spent.reserved_usd
        effect = _bounded(effect, None, usd, StopReason.BUDGET_USD, f"{max(usd, 0):.4f} of {budget.usd:g} US dollars")
    return effect


def _bounded(effect: CallModel, tokens: int | None, usd: float | None, reason: StopReason, left: str) -> CallModel:
    """The effect with an answer no longer than the budget allows."""
    worst = worst_case(effect.client, effect.request)
    if usd is not None and worst.usd is None:
        raise ConfigError(
            f"agent {effect.agent!r} has a budget in dollars, but how long an answer may be is not known: "
            "set max_tokens in its llm_config"
        )
    if (tokens is None or (worst.tokens is not None and worst.tokens <= tokens)) and (
        usd is None or (worst.usd is not None and worst.usd <= usd)
    ):
        return effect
    allowed = answer_limit(effect.client, effect.request, tokens, usd)
    if allowed is None or allowed < SHORTEST_ANSWER:
        raise LimitReached(reason.value, f"the next model call could use more than what is left: {left}")
    settings = {**effect.request.settings, "max_tokens": allowed}
    return replace(effect, request=replace(effect.request, settings=settings))


def _reserve(run: Run, worst: CallCeiling, sign: int) -> None:
    run.spent.reserved_tokens += sign * (worst.tokens or 0)
    run.spent.reserved_usd += sign * (worst.usd or 0.0)
