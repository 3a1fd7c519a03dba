"""A run always stops, and says why: budgets, no progress, the same tool call over and over."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, Budget, ConversableAgent, UserProxyAgent, tool
from autogen.core.errors import ConfigError
from autogen.models.in_process import InProcessTransport
from autogen.models.transport import HttpReply, HttpRequest
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, an_echo, contents


def chatty(usage: tuple[int, int] = (10, 5)) -> Script:
    """A model that always has something new to say."""

    class Counting(Script):
        def answer(self, agent: str, purpose: str, request: Any, emit: Any) -> Any:
            from msgspec.structs import replace

            self.lines = (replace(self.lines[0], text=f"answer {len(self.requests) + 1}"),)
            return super().answer(agent, purpose, request, emit)

    return Counting([{"text": "", "times": 0, "usage": usage}])


def talk(drive: Driven, script: Script, budget: Budget | None, **given: Any) -> Any:
    return drive(
        a_user(default_auto_reply="go on").initiate_chat, a_model(script), message="go", budget=budget, **given
    )


# ---- each kind of budget -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("calls", [0, 1, 3])
def test_model_calls_are_bounded_exactly(drive: Driven, calls: int) -> None:
    script = chatty()
    result = talk(drive, script, Budget(model_calls=calls))
    assert len(script.requests) == calls and len(result.chat_history) == 2 * calls + 1
    assert result.stop_reason == "budget_model_calls" and result.status == "done"
    assert result.stop_detail == f"the budget of {calls} model calls is used up"


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_turns_are_bounded_exactly(drive: Driven, turns: int) -> None:
    result = talk(drive, chatty(), Budget(turns=turns))
    assert len(result.chat_history) == turns and result.stop_reason == "budget_turns"


def test_a_budget_of_no_turns_says_nothing_at_all(drive: Driven) -> None:
    result = talk(drive, chatty(), Budget(turns=0))
    assert result.chat_history == [] and result.stop_reason == "budget_turns"


def test_tokens_are_never_exceeded_by_a_model_that_keeps_to_what_it_is_allowed(drive: Driven) -> None:
    script = chatty(usage=(100, 50))
    result = talk(drive, script, Budget(tokens=1000))
    assert result.stop_reason == "budget_tokens"
    assert 0 < result.usage["assistant"].total <= 1000 and len(script.requests) >= 2
    assert all(request.settings["max_tokens"] <= 1000 for _, _, request in script.requests)


def priced(seen: list[dict[str, Any]], usage: tuple[int, int] = (1000, 100), **entry: Any) -> AssistantAgent:
    """A model at one dollar for a thousand tokens in, ten for a thousand out; its answers are all new."""

    def handler(request: HttpRequest) -> HttpReply:
        seen.append(json.loads(request.body or b""))
        answer = {
            "id": "1",
            "object": "chat.completion",
            "created": 0,
            "model": "own",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": f"answer {len(seen)}"},
                }
            ],
            "usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)},
        }
        return HttpReply(status=200, headers={"content-type": "application/json"}, body=json.dumps(answer).encode())

    known = {
        "model": "own", "api_key": "k", "base_url": "http://model.invalid/v1", "price": [1.0, 10.0],
        "http_client": InProcessTransport(handler), **entry,
    }  # fmt: skip
    return AssistantAgent("assistant", llm_config={"config_list": [known], "cache_seed": None})


def test_dollars_are_bounded_by_the_worst_case_of_the_next_call(drive: Driven) -> None:
    seen: list[dict[str, Any]] = []
    model = priced(seen, max_tokens=100)
    result = drive(a_user(default_auto_reply="go on").initiate_chat, model, message="go", budget=Budget(usd=7))
    assert result.stop_reason == "budget_usd" and len(seen) == 3
    assert result.usd == pytest.approx(6.0) and "of 7 US dollars" in result.stop_detail
    assert result.cost["usage_including_cached_inference"]["total_cost"] == pytest.approx(6.0)


def test_where_the_program_set_no_limit_an_answer_is_as_long_as_the_dollars_last(drive: Driven) -> None:
    seen: list[dict[str, Any]] = []
    result = drive(
        a_user(default_auto_reply="go on").initiate_chat,
        priced(seen, model="gpt-4o"),
        message="go",
        budget=Budget(usd=4),
    )
    assert result.stop_reason == "budget_usd" and seen
    assert all(request["max_tokens"] * 0.01 <= 4 for request in seen)


def test_a_price_that_is_not_known_is_refused_before_a_word(drive: Driven) -> None:
    seen: list[dict[str, Any]] = []
    user, model = a_user(), priced(seen, price=None)
    with pytest.raises(ConfigError, match="the price of .* is not known") as refused:
        drive(user.initiate_chat, model, message="go", budget=Budget(usd=1))
    assert seen == [] and contents(user.chat_messages[model]) == [] and refused.value.agent == "assistant"  # type: ignore[attr-defined]


def test_an_unknown_price_without_a_dollar_budget_makes_the_dollars_unknown_and_never_nothing(drive: Driven) -> None:
    result = drive(a_user().initiate_chat, priced([], price=None), message="go", max_turns=1)
    assert result.usd is None


def test_seconds_end_a_tool_that_waits_and_then_the_chat(drive: Driven) -> None:
    async def slow() -> str:
        await asyncio.Event().wait()
        return "never"

    user, model = a_user(), a_model([{"tool_calls": [["slow", {}]], "times": 0}])
    autogen.register_function(slow, caller=model, executor=user, description="waits for ever")
    result = drive(user.initiate_chat, model, message="go", budget=Budget(seconds=0.05))
    assert result.stop_reason == "budget_seconds" and result.stop_detail == "the budget of seconds is used up"
    assert "timed out" in contents(result.chat_history)[2]


def test_a_budget_of_no_seconds_lets_nothing_be_paid(drive: Driven) -> None:
    script = chatty()
    result = talk(drive, script, Budget(seconds=0))
    assert script.requests == [] and result.stop_reason == "budget_seconds" and contents(result.chat_history) == ["go"]


@pytest.mark.parametrize("field", ["usd", "tokens", "model_calls", "seconds", "turns"])
def test_a_budget_below_nothing_is_refused_by_name(field: str) -> None:
    with pytest.raises(ConfigError, match=f"Budget.{field} must be 0 or more, got -1"):
        Budget(**{field: -1})


def test_a_summary_that_the_budget_no_longer_allows_is_empty(drive: Driven) -> None:
    script = chatty()
    result = talk(drive, script, Budget(model_calls=2), max_turns=2, summary_method="reflection_with_llm")
    assert len(script.requests) == 2 and result.summary == "" and result.stop_reason == "max_turns"


# ---- nested chats --------------------------------------------------------------------------------------------------


def nesting(script: Script, inner_turns: int, budget: Budget | None = None) -> tuple[UserProxyAgent, ConversableAgent]:
    """An outer agent whose every reply is a chat of `inner_turns` turns with a model."""
    inner_user, inner = a_user("inner_user", default_auto_reply="more"), a_model(script, "inner")

    def reply(text: str) -> str:
        result = inner_user.initiate_chat(inner, message=text, max_turns=inner_turns, budget=budget)
        return f"{result.stop_reason} after {len(result.chat_history or ())}: {result.summary}"

    return a_user(default_auto_reply="go on"), an_echo("outer", reply)


def test_nested_chats_share_the_budget(drive: Driven) -> None:
    script = chatty()
    user, outer = nesting(script, inner_turns=2)
    result = drive(user.initiate_chat, outer, message="go", budget=Budget(model_calls=3), max_turns=5)
    assert len(script.requests) == 3
    assert contents(result.chat_history)[1::2][:2] == [
        "max_turns after 4: answer 2",
        "budget_model_calls after 3: more",
    ]


def test_a_nested_chat_may_have_a_smaller_budget_of_its_own(drive: Driven) -> None:
    script = chatty()
    user, outer = nesting(script, inner_turns=5, budget=Budget(model_calls=1))
    result = drive(user.initiate_chat, outer, message="go", budget=Budget(model_calls=10), max_turns=3)
    assert [text.partition(" ")[0] for text in contents(result.chat_history)[1::2]] == ["budget_model_calls"] * 3
    assert len(script.requests) == 3 and result.stop_reason == "max_turns"


def test_turns_of_nested_chats_count(drive: Driven) -> None:
    user, outer = nesting(chatty(), inner_turns=2)
    result = drive(user.initiate_chat, outer, message="go", budget=Budget(turns=7), max_turns=9)
    assert result.stop_reason == "budget_turns" and len(result.chat_history or ()) <= 3


def test_chats_nested_side_by_side_do_not_spend_one_call_twice(drive: Driven) -> None:
    script = chatty()

    def ask(number: int) -> Callable[[], str]:
        @tool(parallel=True)
        def ask_one() -> str:
            return str(
                a_user(f"u{number}").initiate_chat(a_model(script, f"m{number}"), message="go", max_turns=1).summary
            )

        return ask_one

    names = [f"ask{number}" for number in range(8)]
    user, model = a_user(), a_model([{"tool_calls": [[name, {}] for name in names]}, "TERMINATE"])
    for number, name in enumerate(names):
        autogen.register_function(ask(number), caller=model, executor=user, name=name, description="ask")
    result = drive(user.initiate_chat, model, message="go", budget=Budget(model_calls=4))
    assert len(script.requests) == 3 and result.stop_reason == "budget_model_calls"


# ---- no progress ---------------------------------------------------------------------------------------------------


def test_two_polite_agents_stop_after_three_rounds_that_bring_nothing(drive: Driven) -> None:
    script = Script([{"text": "You're welcome! Have a great day!", "times": 0}])
    result = drive(a_user(default_auto_reply="Thank you!").initiate_chat, a_model(script), message="What is 1+1?")
    assert result.stop_reason == "no_progress" and len(script.requests) <= 4
    assert "max_consecutive_auto_reply" in result.stop_detail and "no_progress=False" in result.stop_detail


@pytest.mark.parametrize("texts", [[""], ["same", "same"], ["One. ", "one!", "ONE"]])
def test_empty_and_repeated_texts_are_no_progress(drive: Driven, texts: list[str]) -> None:
    said = iter(texts * 50)
    result = drive(
        an_echo("one", lambda _: next(said)).initiate_chat, an_echo("other", lambda _: next(said)), message="hi"
    )
    assert result.stop_reason == "no_progress" and len(result.chat_history or ()) < 12


def test_texts_that_differ_are_progress(drive: Driven) -> None:
    script = Script([*(f"step {number}" for number in range(30)), "TERMINATE"])
    with script:
        result = drive(a_user().initiate_chat, a_model(script), message="go")
    assert result.stop_reason == "termination"


@pytest.mark.parametrize("choice", ["no_progress=False", "max_turns", "limit of the user", "limit of the model"])
def test_who_chose_a_limit_is_left_alone(drive: Driven, choice: str) -> None:
    user, given = a_user(default_auto_reply="Thank you!"), dict[str, Any]()
    script = Script([{"text": "You're welcome!", "times": 20}, "TERMINATE"])
    model = a_model(script)
    match choice:
        case "no_progress=False":
            given["no_progress"] = False
        case "max_turns":
            given["max_turns"] = 30
        case "limit of the user":
            user = a_user(default_auto_reply="Thank you!", max_consecutive_auto_reply=30)
        case "limit of the model":
            model = a_model(script, max_consecutive_auto_reply=30)
    with script:
        result = drive(user.initiate_chat, model, message="go", **given)
    assert result.stop_reason == "termination"


# ---- the same tool call --------------------------------------------------------------------------------------------


def calling(look: Any, arguments: list[Any], **given: Any) -> tuple[UserProxyAgent, AssistantAgent, Script]:
    script = Script([*({"tool_calls": [["look", one]]} for one in arguments), "TERMINATE"])
    user, model = a_user(), a_model(script, **given)
    autogen.register_function(look, caller=model, executor=user, name="look", description="look")
    return user, model, script


def look(at: str = "here") -> str:
    return "nothing new"


def test_the_same_call_with_the_same_result_is_noted_the_third_time_and_stopped_the_fifth(drive: Driven) -> None:
    user, model, script = calling(look, [{"at": "here"}] * 9)
    result = drive(user.initiate_chat, model, message="go")
    assert len(script.requests) == 5 and result.stop_reason == "repeated_tool_call"
    assert "'look' 5 times" in result.stop_detail and "polling=True" in result.stop_detail
    answers = contents(result.chat_history)[2::2]
    assert answers[:2] == ["nothing new"] * 2
    assert [text.startswith("nothing new\n\nNotice: ") for text in answers[2:]] == [True, True, True]


def test_arguments_in_another_order_are_the_same_call(drive: Driven) -> None:
    def look(a: int, b: int) -> str:
        return "nothing new"

    user, model, _ = calling(look, ['{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a":1,  "b":2}', '{"b": 2, "a": 1}'] * 2)
    assert drive(user.initiate_chat, model, message="go").stop_reason == "repeated_tool_call"


def test_other_arguments_or_other_results_are_progress(drive: Driven) -> None:
    count = iter(range(100))

    def look(at: str) -> str:
        return f"seen {next(count)}" if at == "clock" else "nothing new"

    places = [{"at": "clock"}] * 8 + [{"at": f"place {number}"} for number in range(8)]
    user, model, script = calling(look, places)
    with script:
        assert drive(user.initiate_chat, model, message="go").stop_reason == "termination"


def test_a_polling_tool_may_be_called_for_ever(drive: Driven) -> None:
    user, model, script = calling(tool(polling=True)(lambda: "nothing new"), [{}] * 12)
    with script:
        result = drive(user.initiate_chat, model, message="go")
    assert result.stop_reason == "termination" and "Notice" not in str(result.chat_history)


def test_a_limit_of_turns_leaves_repeated_calls_watched_and_no_progress_false_does_not(drive: Driven) -> None:
    user, model, _ = calling(look, [{}] * 9)
    assert drive(user.initiate_chat, model, message="go", max_turns=9).stop_reason == "repeated_tool_call"
    user, model, script = calling(look, [{}] * 9)
    with script:
        assert drive(user.initiate_chat, model, message="go", no_progress=False).stop_reason == "termination"


def test_chats_started_one_after_the_other_may_ask_the_same_tool_each_time(drive: Driven) -> None:
    """A program's own loop is no loop of a model's."""

    def each_city(_: str) -> str:
        for _city in range(8):
            inner_user, inner, script = calling(look, [{}])
            with script:
                inner_user.initiate_chat(inner, message="go")
        return "all asked"

    result = drive(a_user().initiate_chat, an_echo("outer", each_city), message="go", max_turns=1)
    assert result.summary == "all asked" and result.stop_reason == "max_turns"
