"""Model calls that share a budget: it is never exceeded, and nobody is refused whom it could have served in turn."""

import asyncio
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from autogen import runtime
from autogen.conversation.run import Run
from autogen.core.effects import CallModel
from autogen.core.errors import LimitReached
from autogen.core.model import ModelMessage, ModelReply, ModelRequest, Text, Usage
from autogen.core.stop import Budget
from autogen.drivers import blocking, concurrent
from autogen.drivers.performer import Act, Work
from autogen.models.admission import size_of
from autogen.models.budgeted import FAIR_ANSWER, within_budget
from autogen.models.openai_wrapper import OpenAIWrapper

PRICES = [0.001, 0.01]
"""US dollars for a thousand tokens, in and out."""


class Asked(Struct, frozen=True):
    """One call of the story: how long its prompt and its answer are, and how many steps it takes."""

    letters: int
    limit: int | None
    wants: int
    steps: int


def client() -> OpenAIWrapper:
    return OpenAIWrapper(config_list=[{"model": "gpt-4o", "api_key": "k", "price": PRICES}])


def effect(asked: Asked) -> CallModel:
    settings_ = {} if asked.limit is None else {"max_tokens": asked.limit}
    return CallModel(
        "bot", "reply", ModelRequest((ModelMessage("user", (Text("x" * asked.letters),)),), (), settings_), client()
    )


def a_run(budget: Budget, is_async: bool = True) -> Run:
    run = Run("run", budget=budget, is_async=is_async)
    runtime.equip(run)
    return run


class Model:
    """Answers as long as it is allowed to and wants to; watches that the budget holds at every step."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.most_at_once = self.at_once = 0

    def holds(self) -> bool:
        budget, spent = self.run.budget, self.run.spent
        assert budget is not None
        tokens = budget.tokens is None or spent.usage.total + spent.reserved_tokens <= budget.tokens
        return tokens and (budget.usd is None or spent.usd + spent.reserved_usd <= budget.usd + 1e-9)

    async def call(self, allowed: CallModel, asked: Asked) -> ModelReply:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        assert self.holds()
        for _ in range(asked.steps):
            await Act(lambda: None, lambda: asyncio.sleep(0))
        assert self.holds()
        self.at_once -= 1
        sent = size_of(allowed.client, allowed.request).at[0].sent
        limit = allowed.request.settings.get("max_tokens", asked.wants)
        usage = Usage(input=sent, output=min(asked.wants, limit), requests=1)
        cost = (usage.input * PRICES[0] + usage.output * PRICES[1]) / 1000
        return ModelReply(message=ModelMessage("assistant", (Text("answer"),)), finish="stop", usage=usage, cost=cost)

    def steps(self, asked: Asked) -> Work[ModelReply]:
        return within_budget(
            self.run, effect(asked), lambda allowed, ledger, seconds: self.call(allowed, asked), lambda: None
        )


async def together(model: Model, calls: Iterable[Asked]) -> list[str | None]:
    """Why each was refused, or None."""

    async def one(asked: Asked) -> str | None:
        try:
            await concurrent.perform(model.steps(asked))
        except LimitReached as reached:
            return reached.reason
        return None

    return list(await asyncio.gather(*map(one, calls)))


async def in_turn(model: Model, calls: Iterable[Asked]) -> list[str | None]:
    return [(await together(model, [asked]))[0] for asked in calls]


asked_calls = st.lists(
    st.builds(
        Asked,
        letters=st.integers(0, 3000),
        limit=st.none() | st.integers(1, 3000),
        wants=st.integers(0, 3000),
        steps=st.integers(0, 4),
    ),
    max_size=12,
)
budgets = st.builds(
    Budget,
    tokens=st.none() | st.integers(0, 30_000),
    usd=st.none() | st.floats(0, 0.3),
    model_calls=st.none() | st.integers(0, 12),
)


@settings(max_examples=150)
@given(asked_calls, budgets)
def test_no_budget_is_exceeded_and_none_is_refused_whom_it_would_have_served_in_turn(
    calls: list[Asked], budget: Budget
) -> None:
    calls = [
        one if one.limit is None else Asked(one.letters, one.limit, min(one.wants, one.limit), one.steps)
        for one in calls
    ]
    side_by_side, sequential = Model(a_run(budget)), Model(a_run(budget))
    refused = asyncio.run(together(side_by_side, calls))
    refused_in_turn = asyncio.run(in_turn(sequential, calls))
    assert side_by_side.holds() and side_by_side.run.spent.reserved_tokens == 0
    assert side_by_side.run.spent.reserved_usd == pytest.approx(0)
    assert [why for why, before in zip(refused, refused_in_turn, strict=True) if why and not before] == []


def test_calls_without_a_limit_share_a_budget_below_the_window() -> None:
    model = Model(a_run(Budget(tokens=20_000)))
    calls = [Asked(100, None, 500, 3)] * 8
    assert asyncio.run(together(model, calls)) == [None] * 8
    assert model.run.spent.usage.total <= 20_000


def test_calls_whose_worst_cases_fit_together_are_made_together() -> None:
    model = Model(a_run(Budget(tokens=10 * FAIR_ANSWER)))
    assert asyncio.run(together(model, [Asked(10, None, 10, 3)] * 6)) == [None] * 6
    assert model.most_at_once == 6


def test_what_the_rest_can_never_pay_is_refused_at_once() -> None:
    model = Model(a_run(Budget(tokens=1000)))
    calls = [Asked(10, 400, 100, 50), Asked(10, 2000, 10, 0)]
    assert asyncio.run(together(model, calls)) == [None, "budget_tokens"]


def test_threads_wait_for_each_other_too() -> None:
    run = a_run(Budget(tokens=5000), is_async=False)
    model = Model(run)
    with ThreadPoolExecutor(8) as pool:
        asked = Asked(100, None, 300, 0)
        replies = list(pool.map(lambda _: blocking.perform(model.steps(asked)), range(12)))
    assert len(replies) == 12 and run.spent.usage.total <= 5000 and model.holds()


def test_a_cancelled_call_gives_back_its_turn_and_what_it_had_reserved() -> None:
    model = Model(a_run(Budget(tokens=2000)))
    never = asyncio.Event

    async def story() -> ModelReply:
        held = never()

        async def hold(allowed: CallModel) -> ModelReply:
            await Act(lambda: None, held.wait)
            raise AssertionError("it is never let go")

        first = asyncio.create_task(
            concurrent.perform(
                within_budget(model.run, effect(Asked(1, None, 1, 0)), lambda allowed, *_: hold(allowed), lambda: None)
            )
        )
        await asyncio.sleep(0)
        second = asyncio.create_task(concurrent.perform(model.steps(Asked(1, None, 1, 0))))
        third = asyncio.create_task(concurrent.perform(model.steps(Asked(1, None, 1, 0))))
        await asyncio.sleep(0)
        second.cancel()
        first.cancel()
        return await asyncio.wait_for(third, 20)

    assert asyncio.run(story()).usage.requests == 1
    assert model.run.spent.reserved_tokens == 0 and model.run.spent.model_calls == 2


def test_a_client_that_asks_within_its_own_call_does_not_wait_for_itself() -> None:
    model = Model(a_run(Budget(tokens=3000)))
    inner: list[str | None] = []

    async def nesting(allowed: CallModel) -> ModelReply:
        async def ask() -> None:
            inner.extend(await together(model, [Asked(1, None, 1, 0)]))

        await Act(lambda: None, ask)
        return await model.call(allowed, Asked(1, None, 1, 0))

    work = within_budget(model.run, effect(Asked(1, None, 1, 0)), lambda allowed, *_: nesting(allowed), lambda: None)
    asyncio.run(asyncio.wait_for(concurrent.perform(work), 20))
    assert inner == ["budget_tokens"]


def test_a_blocking_call_on_a_loop_does_not_wait_for_what_the_loop_carries() -> None:
    run = a_run(Budget(tokens=3000), is_async=False)
    model = Model(run)

    async def story() -> None:
        going = asyncio.create_task(concurrent.perform(model.steps(Asked(1, None, 1, 5))))
        await asyncio.sleep(0)
        with pytest.raises(LimitReached):
            blocking.perform(model.steps(Asked(1, None, 1, 0)))
        await going

    asyncio.run(story())


def test_a_wait_ends_with_the_seconds_of_the_run() -> None:
    run = a_run(Budget(tokens=3000, seconds=0.2), is_async=False)
    began, go_on = threading.Event(), threading.Event()

    async def held(allowed: CallModel) -> ModelReply:
        def hold() -> None:
            began.set()
            go_on.wait(20)

        await Act(hold)
        return await Model(run).call(allowed, Asked(1, None, 1, 0))

    def first() -> Any:
        work = within_budget(run, effect(Asked(1, None, 1, 0)), lambda allowed, *_: held(allowed), lambda: None)
        return blocking.perform(work)

    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(first)
        assert began.wait(20)
        second = runtime._in_time(
            run, within_budget(run, effect(Asked(1, None, 1, 0)), lambda *_: held(_[0]), lambda: runtime.remaining(run))
        )
        with pytest.raises(LimitReached, match="seconds"):
            blocking.perform(second)
        go_on.set()
        going.result(20)
    assert run.spent.reserved_tokens == 0
