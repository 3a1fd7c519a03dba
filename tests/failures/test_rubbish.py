"""A model that answers with rubbish, and tools that fail: one clear error, or one clear message to the model.

The chat goes on where the model can act on it, and every request stays one that a provider accepts.
"""

from typing import Any

import pytest

import autogen
from autogen.models import errors
from tests.failures.agents import bot, contents, person, scripted, watching
from tests.failures.server import Server, completion, http


def count(a: int = 7) -> str:
    """Counts."""
    return f"counted {a}"


def tool_call(**fields: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": "count", "arguments": "{}"}, **fields}
    return completion(None, "tool_calls", tool_calls=[call])


def answers(reply: Any, *, finish: str = "stop") -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """(the chat's messages, the tool messages of the second request, what was watched) for a first reply."""
    with Server(reply, "done") as server, watching() as watch:
        user, model = person(), bot(server.llm())
        autogen.register_function(count, caller=model, executor=user, description="Counts.")
        result = user.initiate_chat(model, message="hi", max_turns=2, silent=True)
        second = server.requests[1]["messages"]
    calls = [call["id"] for message in second for call in message.get("tool_calls") or ()]
    answered = [message["tool_call_id"] for message in second if message["role"] == "tool"]
    assert calls == answered, "every call has exactly one answer on the wire"
    assert len(set(calls)) == len(calls)
    assert all(calls), "no call is without an id on the wire"
    assert all(call["function"]["name"] for message in second for call in message.get("tool_calls") or ())
    return result.chat_history, [message for message in second if message["role"] == "tool"], watch


TOOL_CALLS: list[tuple[dict[str, Any], str]] = [
    (tool_call(id=None), "counted 7"),
    (tool_call(id=""), "counted 7"),
    (tool_call(function={"name": "count", "arguments": {"a": 3}}), "counted 3"),
    (
        tool_call(function={"name": "count", "arguments": [3]}),
        "Error: The arguments of count must be a JSON object, got array.",
    ),
    (
        tool_call(function={"name": "count", "arguments": 5}),
        "Error: The arguments of count must be a JSON object, got integer.",
    ),
    (tool_call(function={"name": "count", "arguments": None}), "Error: Expecting value"),
    (
        tool_call(function={"name": "count", "arguments": '{"a": "many"}'}),
        'Expected: {"a": integer (optional)}\nGot: {"a": "many"}',
    ),
    (tool_call(function={"name": "count", "arguments": '{"b": 1}'}), "- b: count has no such parameter"),
    (
        tool_call(function={"name": "recount", "arguments": "{}"}),
        "Error: Function recount not found.\nThe functions are: count",
    ),
    (tool_call(function={"arguments": "{}"}), "Error: Function  not found.\nThe functions are: count"),
    (tool_call(function=None), "Error: Function  not found.\nThe functions are: count"),
]


@pytest.mark.parametrize(("reply", "phrase"), TOOL_CALLS)
def test_a_tool_call_of_an_odd_shape_gets_one_answer_that_the_model_can_act_on(reply: Any, phrase: str) -> None:
    history, tools, _ = answers(reply)
    assert len(tools) == 1
    assert phrase in tools[0]["content"]
    assert history[-1]["content"] == "done"


def test_two_calls_of_one_id_are_both_made_and_told_apart_on_the_wire() -> None:
    calls = [
        {"id": "c1", "type": "function", "function": {"name": "count", "arguments": f'{{"a": {n}}}'}} for n in (1, 2)
    ]
    _, tools, _ = answers(completion(None, "tool_calls", tool_calls=calls))
    assert [tool["content"] for tool in tools] == ["counted 1", "counted 2"]


@pytest.mark.parametrize("arguments", ['{"a": 12', ""])
def test_a_call_that_was_cut_is_never_made_with_what_there_is(arguments: str) -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "count", "arguments": arguments}}
    _, tools, watch = answers(completion(None, "length", tool_calls=[call]))
    assert tools[0]["content"].startswith("Error: Expecting ")
    assert "The argument must be in JSON format.\nExpected: " in tools[0]["content"]
    assert "the answer of bot's model was cut at its limit of tokens; raise max_tokens" in watch.log.getvalue()


ODD_REPLIES: list[tuple[dict[str, Any], str]] = [
    (completion([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), "in parts"),
    (completion([5, None, {"x": 1}, "text"]), "text"),
    (completion("x", tool_calls=[]), "x"),
    (completion("x", tool_calls="count()"), "x"),
    (completion("x", tool_calls=[None, 5]), "x"),
    (completion("partial", "length"), "partial"),
    (completion(None, refusal="I will not do that."), "I will not do that."),
    ({**completion("x"), "usage": "many"}, "x"),
    ({**completion("x"), "usage": {"prompt_tokens": -5, "completion_tokens": "7"}}, "x"),
    ({**completion("x"), "model": [5], "created": "today", "id": 5}, "x"),
]


@pytest.mark.parametrize(("reply", "said"), ODD_REPLIES)
def test_an_odd_answer_is_read_as_far_as_it_makes_sense(reply: Any, said: str) -> None:
    history, _, _ = answers(reply)
    assert contents(history) == ["hi", said, "go on", "done"]


EMPTY = [
    completion(None),
    completion(5),
    completion({"text": "x"}),
    completion("", "content_filter"),
    completion(None, tool_calls={"id": "x"}),
    completion(None, function_call="count"),
]


@pytest.mark.parametrize("reply", EMPTY)
def test_an_answer_without_content_is_said_as_in_0_2_and_told_to_the_person(reply: Any) -> None:
    history, _, watch = answers(reply)
    assert contents(history) == ["hi", "", "go on", "done"]
    notices = [line for line in watch.log.getvalue().splitlines() if "the answer of bot's model was" in line]
    assert len(notices) == 1


UNREADABLE = [b"\xff\xfe{", b"null", b"[]", b'"text"', b"NaN"]


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_is_no_completion_is_a_clear_error(body: bytes) -> None:
    with Server(http(body)) as server, pytest.raises(errors.UnreadableReply, match="not a chat completion"):
        person().initiate_chat(bot(server.llm()), message="hi", max_turns=1, silent=True)


# ---- tools that fail ------------------------------------------------------------------------------------------------


def endless() -> Any:
    items: list[Any] = []
    items.append(items)
    return items


def broken() -> str:
    raise ValueError("no connection to the counter")


def silent_failure() -> str:
    raise KeyError


TOOLS: list[tuple[Any, str]] = [
    (lambda: object(), "Error: the tool 'tool' returned a object, which is not JSON serializable"),
    (lambda: {"f": print}, "is not JSON serializable"),
    (lambda: lambda: 1, "Error: the tool 'tool' returned a function, which is not JSON serializable"),
    (endless, "Error: the tool 'tool' returned a list, which is not JSON serializable (nested too deeply)"),
    (broken, "Error: no connection to the counter"),
    (silent_failure, "Error: KeyError"),
]


@pytest.mark.parametrize(("tool", "phrase"), TOOLS)
def test_a_tool_that_fails_is_an_answer_to_the_model_and_the_chat_goes_on(tool: Any, phrase: str) -> None:
    user, model = person(), scripted({"tool_calls": [["c1", "tool", {}]]}, "done")
    autogen.register_function(tool, caller=model, executor=user, name="tool", description="A tool.")
    result = user.initiate_chat(model, message="hi", max_turns=2, silent=True)
    assert phrase in result.chat_history[2]["content"]
    assert result.chat_history[-1]["content"] == "done"
