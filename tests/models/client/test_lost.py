"""What failed attempts may have been billed: counted as an estimate, and held against the budget."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autogen import AssistantAgent, Budget, UserProxyAgent
from autogen.core.errors import LimitReached
from autogen.core.model import ModelMessage, ModelRequest, Text, Usage
from autogen.drivers import concurrent
from autogen.drivers.blocking import perform
from autogen.models.admission import prompt_tokens
from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout, Unreachable
from autogen.models.in_process import InProcessTransport, StreamedReply
from autogen.models.openai_wrapper import OpenAIWrapper
from autogen.models.transport import HttpReply, HttpRequest

REQUEST = ModelRequest((ModelMessage("user", (Text("How many dollars are a hundred euros today?"),)),))
PROMPT = prompt_tokens(REQUEST, "gpt-4o")
JSON = {"content-type": "application/json"}


class Book:
    """A ledger that writes down what is lost."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, Usage, float | None]] = []
        self.asked = 0

    def lost(self, agent: str, usage: Usage, usd: float | None) -> None:
        self.lines.append((agent, usage, usd))

    def again(self) -> None:
        self.asked += 1


def answer(text: str = "110", usage: tuple[int, int] = (100, 50)) -> HttpReply:
    body = {
        "id": "1", "object": "chat.completion", "created": 0, "model": "gpt-4o",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
    }  # fmt: skip
    return HttpReply(status=200, headers=JSON, body=json.dumps(body).encode())


def failure(status: int) -> HttpReply:
    return HttpReply(status=status, headers=JSON, body=b'{"error": {"message": "no"}}')


def late(phase: str) -> ModelTimeout:
    error = ModelTimeout("no answer in time")
    error.phase = phase
    return error


def cut(text: str) -> StreamedReply:
    piece = {"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant", "content": text}}]}
    return StreamedReply(pieces=[f"data: {json.dumps(piece)}\n\n".encode(), BrokenStream("the connection was cut")])


Said = HttpReply | StreamedReply | Exception


def in_order(*said: Said) -> tuple[InProcessTransport, Iterator[Said]]:
    left = iter(said)

    def handler(request: HttpRequest) -> HttpReply | StreamedReply:
        one = next(left)
        if isinstance(one, Exception):
            raise one
        return one

    return InProcessTransport(handler), left


def entry(*said: Said, **given: Any) -> dict[str, Any]:
    return {
        "model": "gpt-4o", "api_key": "k", "base_url": "http://model.invalid/v1", "http_client": in_order(*said)[0],
        "max_retries": 0, **given,
    }  # fmt: skip


def lose(one: dict[str, Any]) -> tuple[Book, CallFailed]:
    book = Book()
    with pytest.raises(CallFailed) as failed:
        perform(OpenAIWrapper(config_list=[one], cache_seed=None).complete(REQUEST, agent="bot", ledger=book))
    return book, failed.value


@pytest.mark.parametrize(
    "said", [failure(500), failure(429), failure(400), late("connect"), late("write"), Unreachable("no")]
)
def test_an_error_status_and_a_request_that_did_not_leave_cost_nothing(said: Said) -> None:
    assert lose(entry(said))[0].lines == []


@pytest.mark.parametrize(
    "said",
    [
        late("read"),
        late("total"),
        BrokenStream("the server broke the connection off"),
        HttpReply(status=200, headers=JSON, body=b'{"error": {"message": "in the middle", "code": 500}}'),
        HttpReply(status=200, headers=JSON, body=b"no json"),
    ],
)
def test_a_request_that_left_in_whole_costs_its_prompt(said: Said) -> None:
    ((agent, usage, usd),) = lose(entry(said))[0].lines
    assert agent == "bot" and usage == Usage(input=PROMPT, requests=1, estimated=True)
    assert usd is not None and usd > 0


def test_an_answer_that_was_cut_costs_what_had_arrived_too() -> None:
    book, failed = lose(entry(cut("a hundred and ten dollars, " * 20), stream=True))
    assert failed.partial is not None
    ((_, usage, _),) = book.lines
    assert usage.estimated and usage.input > 0 and usage.output > 100


def test_every_attempt_counts_and_the_ledger_is_asked_before_the_next() -> None:
    book = Book()
    entries = [entry(late("read"), price=None, model="own"), entry(answer())]
    reply = perform(OpenAIWrapper(config_list=entries, cache_seed=None).complete(REQUEST, agent="bot", ledger=book))
    assert reply.usage == Usage(input=100, output=50, requests=1)
    assert [(usage.estimated, usd) for _, usage, usd in book.lines] == [(True, None)] and book.asked == 1


def test_a_call_that_is_cancelled_costs_its_prompt() -> None:
    book = Book()
    began = asyncio.Event

    async def story() -> None:
        event = began()

        class Waiting(InProcessTransport):
            async def a_send(self, request: HttpRequest) -> HttpReply:
                event.set()
                await asyncio.Event().wait()
                raise AssertionError("it is cancelled")

        one = {**entry(), "http_client": Waiting(lambda request: answer())}
        work = OpenAIWrapper(config_list=[one], cache_seed=None).complete(REQUEST, agent="bot", ledger=book)
        call = asyncio.create_task(concurrent.perform(work))
        await event.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asyncio.run(story())
    assert [usage for _, usage, _ in book.lines] == [Usage(input=PROMPT, requests=1, estimated=True)]


def chat(said: list[Said], budget: Budget | None, **given: Any) -> Any:
    model = AssistantAgent("bot", "Brief.", llm_config={"config_list": [entry(*said, **given)], "cache_seed": None})
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    return user.initiate_chat(model, message="go " * 100, max_turns=1, silent=True, budget=budget)


@pytest.mark.parametrize("budget", [None, Budget(tokens=100_000), Budget(usd=10)])
def test_a_runs_usage_holds_the_lost_attempts_once(budget: Budget | None) -> None:
    usage = chat([late("read"), answer()], budget, max_retries=1).usage["bot"]
    assert usage.estimated and usage.requests == 2 and usage.output == 50 and 100 < usage.input < 400
    known = chat([answer()], budget).usage["bot"]
    assert known == Usage(input=100, output=50, requests=1)


def test_no_further_attempt_is_made_that_the_budget_could_not_pay() -> None:
    said: list[Said] = [late("read"), answer()]
    whole = chat(list(said), Budget(tokens=800), max_retries=1, max_tokens=200)
    assert whole.stop_reason == "max_turns"
    stopped = chat(list(said), Budget(tokens=400), max_retries=1, max_tokens=200)
    assert stopped.stop_reason == "budget_tokens" and "an attempt failed" in stopped.stop_detail
    assert stopped.usage["bot"].total < 400


def test_the_last_failure_is_told_even_where_it_used_the_budget_up() -> None:
    with pytest.raises(ModelTimeout):
        chat([late("read")], Budget(tokens=400), max_tokens=200)


def make(raised: BaseException) -> Callable[[], None]:
    def again() -> None:
        raise raised

    return again


def test_what_the_ledger_raises_ends_the_call() -> None:
    book = Book()
    book.again = make(LimitReached("cancelled", "no more"))  # type: ignore[method-assign]
    wrapper = OpenAIWrapper(config_list=[entry(late("read")), entry(answer())], cache_seed=None)
    with pytest.raises(LimitReached, match="no more"):
        perform(wrapper.complete(REQUEST, agent="bot", ledger=book))
