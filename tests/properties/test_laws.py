"""Laws of the design: every driver tells the same story, and no request leaves a tool call open."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from autogen import AssistantAgent, UserProxyAgent
from autogen.core.model import ModelRequest, ToolCall, ToolResult
from autogen.testing import DRIVERS, Script, driven
from tests.stories.cast import is_over

WORDS = st.text(alphabet="abc é\n{}<>`'\"\\", max_size=12)
CALLS = st.sampled_from(["add", "a_add", "broken", "nobody"])
ARGUMENTS = st.sampled_from([{"a": 1}, {"a": 2}, {}, "not json", {"a": "x"}])
TOOL_LINE = st.lists(st.tuples(CALLS, ARGUMENTS), min_size=1, max_size=4).map(
    lambda calls: {"tool_calls": [[f"c{number}", *call] for number, call in enumerate(calls)]}
)
TEXT_LINE = WORDS.map(lambda text: {"text": text})
BOTH_LINE = st.tuples(WORDS, TOOL_LINE).map(lambda both: {"text": both[0], **both[1]})
OLD_LINE = st.tuples(CALLS, ARGUMENTS).map(lambda call: {"function_call": list(call)})
LINES = st.lists(st.one_of(TEXT_LINE, TOOL_LINE, BOTH_LINE, OLD_LINE), max_size=6)


def add(a: int) -> int:
    return a + 1


async def a_add(a: int) -> int:
    return a + 10


def broken() -> str:
    raise RuntimeError("broken")


def cast(lines: list[Any]) -> tuple[UserProxyAgent, AssistantAgent, Script]:
    script = Script([*lines, {"text": "TERMINATE", "times": 0}])
    model = AssistantAgent("model", llm_config=script.llm_config)
    tools = {"add": add, "a_add": a_add, "broken": broken}
    user = UserProxyAgent(
        "user", human_input_mode="NEVER", code_execution_config=False, is_termination_msg=is_over, function_map=tools,
        default_auto_reply="go on",
    )  # fmt: skip
    return user, model, script


def in_pairs(request: ModelRequest) -> bool:
    """Is each call answered exactly once, right after the message that asks for it?"""
    open_calls: list[str] = []
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolResult):
                wanted = part.name if part.legacy else part.id
                if wanted not in open_calls:
                    return False
                open_calls.remove(wanted)
            elif open_calls:
                return False
            if isinstance(part, ToolCall):
                continue
        calls = [part.name if part.legacy else part.id for part in message.parts if isinstance(part, ToolCall)]
        if calls and open_calls:
            return False
        open_calls += calls
    return not open_calls


@settings(max_examples=40)
@given(LINES, WORDS)
def test_every_driver_gives_the_same_transcript(lines: list[Any], message: str) -> None:
    told = []
    for name in DRIVERS:
        user, model, script = cast(lines)
        result = driven(name)(user.initiate_chat, model, message=message or "hi", silent=True, no_progress=False)
        requests = [
            [(sent.role, sent.parts, sent.name) for sent in request.messages] for _, _, request in script.requests
        ]
        told.append((result.chat_history, result.summary, result.stop_reason, result.usage, requests))
        assert model.chat_messages[user] and len(model.chat_messages[user]) == len(result.chat_history or ())
    assert told[0] == told[1] == told[2] == told[3]


@settings(max_examples=60)
@given(st.lists(st.tuples(LINES, st.integers(0, 6), st.booleans()), min_size=1, max_size=3))
def test_each_request_pairs_every_call_with_exactly_one_answer(chats: list[tuple[list[Any], int, bool]]) -> None:
    """Through several chats of one conversation, trimmed in between on both sides."""
    user, model, script = cast([line for lines, _, _ in chats for line in [*lines, {"text": "TERMINATE"}]])
    for _, keep, trim in chats:
        user.initiate_chat(model, message="go", silent=True, no_progress=False, clear_history=False)
        if trim:
            model.clear_history(user, nr_messages_to_preserve=keep)
            user.clear_history(model, nr_messages_to_preserve=keep)
    assert script.requests and all(in_pairs(request) for _, _, request in script.requests)


@settings(max_examples=40)
@given(LINES, st.integers(1, 12))
def test_a_bounded_run_uses_no_more_than_its_bound(lines: list[Any], calls: int) -> None:
    from autogen import Budget

    user, model, script = cast(lines)
    result = user.initiate_chat(model, message="go", silent=True, budget=Budget(model_calls=calls, turns=8))
    assert len(script.requests) <= calls and len(result.chat_history or ()) <= 8
    assert result.stop_reason is not None


def test_the_pairing_test_can_fail() -> None:
    from autogen.core.wire import render

    call = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}],
    }
    answer = {"role": "tool", "tool_call_id": "c", "content": "x"}
    assert in_pairs(ModelRequest(render([call, answer])))
    for wrong in (
        [call],
        [answer],
        [call, answer, answer],
        [call, {"role": "user", "content": "x"}, answer],
        [call, call],
    ):
        assert not in_pairs(ModelRequest(render(wrong)))
