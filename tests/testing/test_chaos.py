"""Chaos breaks a program at every effect, in every way, and tells what came of it."""

from typing import Any

import pytest

import autogen
from autogen.core.errors import ConfigError
from autogen.core.model import ModelMessage, ModelReply, Text, ToolCall
from autogen.testing import Script, ScriptedHuman, chaos
from autogen.testing.chaos import ChaosFailed, garbled
from tests.stories.cast import a_model, a_user


def a_story(repeat: Any = "idempotent", lines: Any = None) -> Any:
    """Two model calls, a tool, a question."""
    lines = lines or ({"tool_calls": [["c1", "pay", {"amount": 1}]]}, "Paid. TERMINATE")

    def story() -> Any:
        model, user = a_model(lines), a_user(human_input_mode="TERMINATE")

        @user.register_for_execution()
        @model.register_for_llm(description="Pay.")
        @autogen.tool(repeat=repeat)
        def pay(amount: int) -> str:
            return f"paid {amount}"

        with ScriptedHuman([{"text": "exit", "times": 0}]):
            return user.initiate_chat(model, message="Pay.")

    return story


def shown(report: Any) -> list[tuple[str, str, str]]:
    return [(case.boundary, case.fault, case.outcome) for case in report.cases]


def test_a_killed_program_goes_on_where_it_was() -> None:
    report = chaos(a_story(), faults=("kill",))
    assert shown(report) == [
        ("model reply of assistant", "kill", "recovered"),
        ("tool pay of user", "kill", "recovered"),
        ("model reply of assistant", "kill", "recovered"),
        ("question of user", "kill", "recovered"),
    ]
    report.check()


def test_a_tool_that_must_not_run_twice_is_told() -> None:
    report = chaos(a_story(repeat="never"), faults=("kill",))
    (case,) = report.of("failed")
    assert (case.number, case.boundary) == (2, "tool pay of user")
    assert "outcome is unknown" in case.reason
    with pytest.raises(ChaosFailed, match="1 of 4 faults did harm:\n2. tool pay of user, kill: failed"):
        report.check()
    report.check("recovered", "failed")
    chaos(a_story(repeat="never"), faults=("kill",), on_unknown="retry").check()


def test_failures_of_models_are_tried_again_by_who_starts_the_program_again() -> None:
    report = chaos(a_story(), faults=("timeout", "rate_limit"))
    assert shown(report) == [
        ("model reply of assistant", "timeout", "recovered"),
        ("model reply of assistant", "rate_limit", "recovered"),
        ("tool pay of user", "timeout", "changed"),
        ("model reply of assistant", "timeout", "recovered"),
        ("model reply of assistant", "rate_limit", "recovered"),
    ]
    (changed,) = report.of("changed")
    assert "timed out" in changed.reason


def test_a_program_that_lives_with_it_comes_out_the_same() -> None:
    def story() -> str:
        try:
            user = a_user()
            return str(user.initiate_chat(a_model(["Yes. TERMINATE"]), message="Go?").summary)
        except autogen.core.errors.ModelError:
            return "Yes. "

    assert shown(chaos(story, faults=("rate_limit",))) == [("model reply of assistant", "rate_limit", "same")]


def test_a_garbled_reply_is_seen_in_the_outcome() -> None:
    lines = (
        {"tool_calls": [["c1", "pay", {"amount": 1}]]},
        {"text": "Paid. TERMINATE", "times": 1},
        {"text": "Sorry. TERMINATE", "times": 0},
    )
    report = chaos(a_story(lines=lines), faults=("garble",))
    assert [case.outcome for case in report.cases] == ["changed", "changed"]
    assert report.cases[0].reason.startswith("messages 2, tool_calls 1, function, arguments")
    assert "1. model reply of assistant, garble: changed (" in str(report)


def test_what_is_compared_may_be_chosen() -> None:
    report = chaos(a_story(), faults=("timeout",), outcome=lambda result: result.summary)
    assert {case.outcome for case in report.cases} == {"recovered", "same"}


def test_an_async_program_and_one_of_several_chats() -> None:
    async def story() -> list[str]:
        user = a_user()
        one = await user.a_initiate_chat(a_model(["One. TERMINATE"]), message="1", run_id="one")
        two = await user.a_initiate_chat(a_model(["Two. TERMINATE"]), message="2")
        return [one.summary, two.summary]

    report = chaos(story, faults=("kill", "rate_limit"))
    assert [case.outcome for case in report.cases] == ["recovered"] * 4
    assert [case.number for case in report.cases] == [1, 1, 2, 2]


def test_nested_chats_are_broken_too() -> None:
    def story() -> Any:
        user, model, critic = a_user(), a_model(["Draft.", "Better. TERMINATE"]), a_model(["Bad."], name="critic")

        def ask_the_critic(recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
            if "Draft" not in messages[-1]["content"]:
                return False, None
            return True, recipient.initiate_chat(critic, message=messages[-1]["content"], max_turns=1).summary

        user.register_reply(model, ask_the_critic)
        return user.initiate_chat(model, message="Write.")

    report = chaos(story, faults=("kill",))
    assert [case.boundary for case in report.cases] == [
        "model reply of assistant",
        "model reply of critic",
        "model reply of assistant",
    ]
    report.check()


def test_a_story_that_fails_by_itself_is_not_begun() -> None:
    with pytest.raises(ZeroDivisionError):
        chaos(lambda: 1 // 0)
    with pytest.raises(ConfigError, match="nothing to break"):
        chaos(lambda: 1)
    with pytest.raises(ConfigError, match="no fault 'flood'; faults are kill, timeout, rate_limit, garble"):
        chaos(a_story(), faults=("flood",))  # type: ignore[arg-type]


def test_a_garbled_reply_is_cut_in_the_middle() -> None:
    reply = ModelReply(
        message=ModelMessage("assistant", (Text("abcdef"), ToolCall("c", "pay", '{"amount":1}'))), finish="tools"
    )
    text, call = garbled(reply).message.parts
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert (text.text, call.arguments) == ("abc\ufffd", '{"amou')


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with Script([]):
        chaos(a_story(), faults=("kill",))
    assert capsys.readouterr().out == ""
