"""A model asks for tools; each call gets one answer, in order, whatever happens."""

import asyncio
import threading
from typing import Annotated, Any

import pytest

import autogen
from autogen import AssistantAgent, UserProxyAgent, tool
from autogen.testing import Driven, Script
from tests.stories.cast import a_model, a_user, contents

Call = list[Any]


def pair(*calls: Call, then: Any = ("TERMINATE",)) -> tuple[UserProxyAgent, AssistantAgent, Script]:
    """A model that asks for these calls in one message."""
    script = Script([{"tool_calls": list(calls)}, *then])
    return a_user(), a_model(script), script


def give(user: UserProxyAgent, model: AssistantAgent, *functions: Any) -> None:
    for function in functions:
        autogen.register_function(function, caller=model, executor=user, description="a tool")


def answers(result: Any, index: int = 2) -> list[tuple[str, str]]:
    return [(one["tool_call_id"], one["content"]) for one in result.chat_history[index]["tool_responses"]]


def add(a: int, b: Annotated[int, "the second"] = 1) -> int:
    return a + b


async def a_add(a: int, b: int = 1) -> int:
    await asyncio.sleep(0)
    return a + b


def broken() -> str:
    raise RuntimeError("no paper left")


@pytest.mark.parametrize("function", [add, a_add])
def test_a_tool_is_called_and_its_answer_goes_back_to_the_model(drive: Driven, function: Any) -> None:
    user, model, script = pair(
        ["c1", function.__name__, {"a": 2, "b": 3}], then=[{"expect": "5", "text": "5. TERMINATE"}]
    )
    give(user, model, function)
    with script:
        result = drive(user.initiate_chat, model, message="2+3?")
    assert result.chat_history == [
        {"content": "2+3?", "role": "assistant", "name": "user"},
        {
            "content": None,
            "tool_calls": [
                {"id": "c1", "function": {"arguments": '{"a":2,"b":3}', "name": function.__name__}, "type": "function"}
            ],
            "role": "assistant",
        },
        {
            "content": "5",
            "tool_responses": [{"tool_call_id": "c1", "role": "tool", "content": "5"}],
            "role": "tool",
            "name": "user",
        },
        {"content": "5. TERMINATE", "role": "user", "name": "assistant"},
    ]
    assert [spec.name for spec in script.requests[0][2].tools] == [function.__name__]


def test_several_calls_of_one_message_are_answered_in_their_order(drive: Driven) -> None:
    """However long each takes, and whatever fails among them."""
    user, model, _ = pair(
        ["c1", "add", {"a": 1}],
        ["c2", "a_add", {"a": 2}],
        ["c3", "broken", {}],
        ["c4", "nobody", {}],
        ["c5", "add", '{"a": '],
        ["c6", "add", {"a": "seven"}],
        ["c7", "add", {"a": 7, "b": 0}],
    )
    give(user, model, add, a_add, broken)
    found = answers(drive(user.initiate_chat, model, message="go"))
    assert [call_id for call_id, _ in found] == ["c1", "c2", "c3", "c4", "c5", "c6", "c7"]
    texts = [text for _, text in found]
    assert texts[:3] == ["2", "3", "Error: no paper left"] and texts[6] == "7"
    assert texts[3].startswith("Error: Function nobody not found.") and "add, a_add, broken" in texts[3]
    assert texts[4].startswith("Error: ") and "The argument must be in JSON format." in texts[4]
    assert texts[5].startswith("Error: ") and "a" in texts[5]


def test_the_joined_answers_are_the_messages_content(drive: Driven) -> None:
    user, model, _ = pair(["c1", "add", {"a": 1}], ["c2", "broken", {}])
    give(user, model, add, broken)
    result = drive(user.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2] == "2\n\nError: no paper left"


def test_an_executor_without_tools_says_that_the_function_is_not_there(drive: Driven) -> None:
    user, model, _ = pair(["c1", "add", {"a": 1}])
    assert answers(drive(user.initiate_chat, model, message="go")) == [("c1", "Error: Function add not found.")]


def test_the_old_function_call_is_answered_in_its_old_form(drive: Driven) -> None:
    script = Script([{"function_call": ["add", {"a": 2, "b": 2}]}, {"expect": "4", "text": "TERMINATE"}])
    user, model = a_user(function_map={"add": add}), a_model(script)
    with script:
        result = drive(user.initiate_chat, model, message="go")
    assert result.chat_history is not None
    assert result.chat_history[1]["function_call"] == {"arguments": '{"a":2,"b":2}', "name": "add"}
    assert result.chat_history[2] == {"content": "4", "name": "add", "role": "function"}


def test_a_bound_method_is_a_tool(drive: Driven) -> None:
    class Till:
        def __init__(self) -> None:
            self.total = 0

        @tool
        def pay(self, amount: int) -> int:
            self.total += amount
            return self.total

        async def refund(self, amount: int) -> int:
            self.total -= amount
            return self.total

    one, other = Till(), Till()
    user, model, _ = pair(["c1", "pay", {"amount": 5}], ["c2", "refund", {"amount": 2}], ["c3", "other", {"amount": 1}])
    give(user, model, one.pay, one.refund)
    autogen.register_function(other.pay, caller=model, executor=user, name="other", description="another till")
    found = dict(answers(drive(user.initiate_chat, model, message="go")))
    assert found["c1"] == "5" and found["c3"] == "1" and (one.total, other.total) == (3, 1)


def test_a_name_that_no_provider_takes_is_made_valid_and_found(drive: Driven) -> None:
    user, model, _ = pair(["c1", "add!", {"a": 1}])
    user.register_function({"add_": add})
    assert answers(drive(user.initiate_chat, model, message="go")) == [("c1", "2")]


def test_a_tools_timeout_is_an_answer(drive: Driven) -> None:
    release = threading.Event()

    @tool(timeout=0.02)
    def slow() -> str:
        release.wait(20)
        return "too late"

    @tool(timeout=0.02)
    async def a_slow() -> str:
        await asyncio.Event().wait()
        return "never"

    user, model, _ = pair(["c1", "slow", {}], ["c2", "a_slow", {}])
    give(user, model, slow, a_slow)
    try:
        texts = [text for _, text in answers(drive(user.initiate_chat, model, message="go"))]
    finally:
        release.set()
    assert all(text.startswith("Error: ") and "timed out after 0.02 s" in text for text in texts)


def test_a_tool_may_say_the_word_that_ends_the_chat(drive: Driven) -> None:
    def finish() -> str:
        return "TERMINATE"

    user, model, script = pair(["c1", "finish", {}], then=["never said"])
    model._is_termination_msg = lambda message: message["content"] == "TERMINATE"
    give(user, model, finish)
    result = drive(user.initiate_chat, model, message="go")
    assert result.stop_reason == "termination" and len(script.unused()) == 1


def test_a_person_who_speaks_leaves_no_call_open(drive: Driven) -> None:
    user, model, script = pair(["c1", "add", {"a": 1}], ["c2", "add", {"a": 2}], then=["as you like"])
    give(user, model, add)
    user.human_input_mode = "ALWAYS"
    said = iter(["leave it", "exit"])
    user.get_human_input = lambda prompt: next(said)  # type: ignore[method-assign]
    result = drive(user.initiate_chat, model, message="go")
    assert contents(result.chat_history) == ["go", None, "leave it", "as you like"]
    assert answers(result) == [("c1", "USER INTERRUPTED"), ("c2", "USER INTERRUPTED")]
    assert [message.role for message in script.requests[1][2].messages] == [
        "system", "user", "assistant", "tool", "tool", "user",
    ]  # fmt: skip


def test_a_tool_removed_between_call_and_answer_is_unknown(drive: Driven) -> None:
    user, model, _ = pair(["c1", "add", {"a": 1}])
    give(user, model, add)
    user.register_function({"add": None})
    assert answers(drive(user.initiate_chat, model, message="go")) == [("c1", "Error: Function add not found.")]


def test_a_call_without_an_id_is_answered_too(drive: Driven) -> None:
    user, model, _ = pair({"name": "add", "arguments": {"a": 1}, "id": ""}, then=[{"expect": "2", "text": "TERMINATE"}])  # type: ignore[arg-type]
    give(user, model, add)
    result = drive(user.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2] == "2"
