"""What observers are told, in which order; and that nothing depends on them."""

import logging
import re
from typing import Any

import pytest

import autogen
from autogen.core.events import (
    ChatEnded,
    ChatStarted,
    CodeStarted,
    Delta,
    Event,
    MessageReceived,
    ModelFinished,
    ModelStarted,
    Notice,
    ToolFinished,
    ToolStarted,
)
from autogen.testing import Driven
from tests.stories.cast import a_model, a_user, an_echo

LETTERS = {
    ChatStarted: "(", ChatEnded: ")", MessageReceived: "m", ModelStarted: "a", ModelFinished: "z", ToolStarted: "t",
    ToolFinished: "T", Notice: "n", CodeStarted: "c", Delta: "d",
}  # fmt: skip


def written(events: list[Event]) -> str:
    return "".join(LETTERS.get(type(event), "?") for event in events)


def test_a_chat_with_a_tool_tells_a_sentence_of_a_small_grammar(drive: Driven) -> None:
    def add(a: int) -> int:
        return a + 1

    user, model = a_user(), a_model([{"tool_calls": [["c1", "add", {"a": 1}], ["c2", "nobody", {}]]}, "TERMINATE"])
    autogen.register_function(add, caller=model, executor=user, description="add")
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        result = drive(user.initiate_chat, model, message="go")
    told = written(events)
    assert re.fullmatch(r"\(m(azm)t?[tT]{2}T?m(azm)\)", told) and told.count("t") == 1 and told.count("T") == 2
    started, ended = events[0], events[-1]
    assert isinstance(started, ChatStarted) and isinstance(ended, ChatEnded)
    assert started == ChatStarted("user", "assistant", result.run_id or "")
    assert ended == ChatEnded("user", "assistant", result.run_id or "", "termination")
    finished = {event.call_id: event.outcome for event in events if isinstance(event, ToolFinished)}
    assert finished["c1"].content == "2" and finished["c2"].why == "unknown"


def test_each_message_is_told_once_in_the_order_of_the_history(drive: Driven) -> None:
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        result = drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=3)
    told = [event.message["content"] for event in events if isinstance(event, MessageReceived)]
    assert told == [message["content"] for message in result.chat_history or ()]


def test_a_nested_chat_is_told_inside_its_tool(drive: Driven) -> None:
    inner_user, inner = a_user("inner_user"), an_echo("inner")

    def ask() -> str:
        return str(inner_user.initiate_chat(inner, message="in", max_turns=1).summary)

    user, model = a_user(), a_model([{"tool_calls": [["ask", {}]]}, "TERMINATE"])
    autogen.register_function(ask, caller=model, executor=user, description="ask")
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        drive(user.initiate_chat, model, message="go")
    assert written(events) == "(mazmt(mm)Tmazm)"


def test_an_observer_that_fails_changes_nothing_but_the_log(drive: Driven, caplog: pytest.LogCaptureFixture) -> None:
    def broken(event: Event) -> None:
        raise RuntimeError("my dashboard is down")

    events: list[Event] = []
    with caplog.at_level(logging.ERROR, "autogen"), autogen.observing(broken), autogen.observing(events.append):
        result = drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert result.summary == "hi" and len(events) == 4
    assert [record.message for record in caplog.records] == [
        f"an observer failed on {type(event).__name__}" for event in events
    ]


def test_without_the_console_nothing_is_printed_and_observers_still_hear(
    drive: Driven, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert capsys.readouterr().out == "" and len(events) == 4


def test_outside_the_block_an_observer_hears_no_more(drive: Driven) -> None:
    events: list[Event] = []
    with autogen.observing(events.append):
        pass
    drive(a_user().initiate_chat, an_echo("parrot"), message="hi", max_turns=1)
    assert events == []


def test_a_streamed_answer_is_told_in_pieces_before_it_is_finished(drive: Driven) -> None:
    model = a_model([{"text": "three little words"}])
    model.llm_config["stream"] = True
    streaming = autogen.AssistantAgent("assistant", llm_config=model.llm_config)
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        drive(a_user().initiate_chat, streaming, message="go", max_turns=1)
    assert re.fullmatch(r"\(mad+zm\)", written(events))
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "three little words"


def test_why_a_chat_was_stopped_is_a_notice_in_the_log_and_not_in_the_transcript(
    drive: Driven, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.WARNING, "autogen"):
        result = drive(a_user().initiate_chat, an_echo("parrot"), message="hi", budget=autogen.Budget(turns=1))
    assert result.stop_reason == "budget_turns" and result.stop_detail == "the budget of 1 messages is used up"
    assert "the chat of user and parrot was stopped: the budget of 1 messages is used up" in caplog.text
    assert capsys.readouterr().out == f"user (to parrot):\n\nhi\n\n{'-' * 80}\n"


def test_the_console_prints_what_0_2_printed(drive: Driven, capsys: pytest.CaptureFixture[str]) -> None:
    def add(a: int) -> int:
        return a + 1

    user, model = a_user(), a_model([{"tool_calls": [["c1", "add", {"a": 1}]]}, "TERMINATE"])
    autogen.register_function(add, caller=model, executor=user, description="add")
    drive(user.initiate_chat, model, message="go")
    line, kind = "-" * 80, "ASYNC FUNCTION" if drive.driver == "concurrent" else "FUNCTION"
    suggested, answered = "***** Suggested tool call (c1): add *****", "***** Response from calling tool (c1) *****"
    assert capsys.readouterr().out == (
        f"user (to assistant):\n\ngo\n\n{line}\n"
        f'assistant (to user):\n\n{suggested}\nArguments: \n{{"a":1}}\n{"*" * len(suggested)}\n\n{line}\n'
        f"\n>>>>>>>> EXECUTING {kind} add...\n"
        f"user (to assistant):\n\nuser (to assistant):\n\n{answered}\n2\n{'*' * len(answered)}\n\n{line}\n"
        f"assistant (to user):\n\nTERMINATE\n\n{line}\n"
    )


def test_events_of_an_override_that_answers_itself_keep_the_grammar(drive: Driven) -> None:
    parrot: Any = an_echo("parrot")
    parrot.generate_reply = lambda messages=None, sender=None, **_: "own"
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        drive(a_user().initiate_chat, parrot, message="hi", max_turns=1)
    assert written(events) == "(mm)"


@pytest.mark.parametrize(("error", "reason"), [(ZeroDivisionError, "error"), (KeyboardInterrupt, "cancelled")])
def test_every_chat_that_began_is_told_to_have_ended(drive: Driven, error: type[BaseException], reason: str) -> None:
    inner_user, events = a_user("inner_user"), list[Event]()

    def broken(_: str) -> str:
        raise error("broken")

    def ask(text: str) -> str:
        return str(inner_user.initiate_chat(an_echo("inner", broken), message=text).summary)

    with autogen.observing(events.append, console=False), pytest.raises(error):
        drive(a_user().initiate_chat, an_echo("outer", ask), message="hi")
    assert written(events) == "(m(m))"
    assert [event.stop_reason for event in events if isinstance(event, ChatEnded)] == [reason, reason]
