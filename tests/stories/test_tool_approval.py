"""A person approves tool calls at the terminal: what is shown is what is called, and nothing unclear ever is."""

from collections.abc import Callable
from typing import Any

import pytest

import autogen
from autogen.core.approval import Unclear, laid_open, read_decision
from autogen.core.errors import ConfigError, HumanInputClosed
from autogen.testing import Driven
from tests.stories.cast import a_model, a_user, contents, tool_call
from tests.stories.test_human import typing

ORDER = {"amount": 5, "to": "eve"}


def told(*calls: list[Any]) -> dict[str, Any]:
    return {"agent": "assistant", "tool_calls": list(calls)}


def a_payer(*lines: Any, marks: dict[str, Any] | None = None, user: Any = None) -> tuple[Any, Any, list[Any]]:
    """A user who executes `pay` after approval, its assistant, and what was paid."""
    paid: list[Any] = []
    executor = a_user() if user is None else user
    assistant = a_model([*lines, "Done. TERMINATE"])

    @executor.register_for_execution()
    @assistant.register_for_llm(description="Pay an amount.")
    @autogen.tool(approval=True, **(marks or {}))
    def pay(amount: int, to: str) -> str:
        paid.append((amount, to))
        return f"paid {amount} to {to}"

    return executor, assistant, paid


def answers_of(result: Any) -> list[Any]:
    return [m["content"] for m in result.chat_history if m["role"] == "tool"]


@pytest.mark.parametrize("yes", ["y", " YES ", "approve", '{"decision": "approve"}'])
def test_an_approved_call_is_made_although_the_user_is_never_asked_otherwise(drive: Driven, yes: str) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    assert user.human_input_mode == "NEVER"
    with typing(yes) as desk:
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [(5, "eve")] and answers_of(result) == ["paid 5 to eve"]
    (prompt,) = desk.prompts
    assert prompt.startswith('user is about to call the tool pay with\n{"amount": 5, "to": "eve"}\n')


def test_a_rejected_call_is_not_made_and_the_model_is_told_why(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    with typing("n eve is not a supplier"):
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == []
    assert answers_of(result) == [
        "Error: a person rejected this call of pay, and it was not made: eve is not a supplier"
    ]
    assert result.human_input == ["n eve is not a supplier"]


def test_edited_arguments_are_used_and_the_model_is_told(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    with typing('e {"amount": 3, "to": "eve"}'):
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [(3, "eve")]
    assert answers_of(result) == [
        'paid 3 to eve\n\nNotice: a person changed the arguments of this call to {"amount": 3, "to": "eve"}.'
    ]


def test_what_is_unclear_or_does_not_fit_is_asked_again_and_in_the_end_rejected(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    with typing("", "yes, but less", 'e {"amount": "much", "to": "eve"}', "e 3", "ok") as desk:
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [] and len(desk.prompts) == 5
    assert desk.prompts[1].startswith("That is not clear: ")
    assert desk.prompts[3].startswith("The tool does not take that: The arguments of pay are not valid")
    assert answers_of(result)[0].endswith("it was not made: 5 answers to the question were unclear")


def test_always_holds_for_the_same_call_and_for_no_other(drive: Driven) -> None:
    same = {"to": "eve", "amount": 5}
    user, assistant, paid = a_payer(
        told(tool_call("pay", ORDER)),
        told(tool_call("pay", same, "call_2")),
        told(tool_call("pay", {**ORDER, "amount": 6}, "call_3")),
    )
    with typing("a", "n") as desk:
        drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [(5, "eve"), (5, "eve")]
    assert len(desk.prompts) == 2 and '"amount": 6' in desk.prompts[1]
    with typing("n") as desk:
        drive(user.initiate_chat, a_model([told(tool_call("pay", ORDER)), "TERMINATE"]), message="Again.")
    assert len(desk.prompts) == 1 and len(paid) == 2, "it held for that run only"


def test_several_calls_of_one_message_are_asked_one_after_the_other(drive: Driven) -> None:
    calls = [tool_call("pay", {"amount": n, "to": "eve"}, f"call_{n}") for n in (1, 2, 3)]
    user, assistant, paid = a_payer(told(*calls))
    with typing("y", "n no", "y") as desk:
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert [prompt.split("\n")[1] for prompt in desk.prompts] == [f'{{"amount": {n}, "to": "eve"}}' for n in (1, 2, 3)]
    assert sorted(paid) == [(1, "eve"), (3, "eve")]
    responses = next(m for m in result.chat_history if m.get("tool_responses"))["tool_responses"]
    assert [one["tool_call_id"] for one in responses] == ["call_1", "call_2", "call_3"]
    assert "rejected" in responses[1]["content"]


def test_at_the_end_of_the_input_nothing_is_approved(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    with typing(), pytest.raises(HumanInputClosed, match="nothing was approved") as caught:
        drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [] and caught.value.approval


def test_arguments_that_the_tool_does_not_take_are_told_to_the_model_and_nobody_is_asked(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", {"amount": "much"})))
    with typing() as desk:
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [] and desk.prompts == []
    assert answers_of(result)[0].startswith("Error: The arguments of pay are not valid:")


class Office(autogen.UserProxyAgent):
    """Asks in a way of its own."""

    def __init__(self, *answers: str) -> None:
        super().__init__("user", human_input_mode="NEVER", code_execution_config=False)
        self._is_termination_msg = lambda message: "TERMINATE" in str(message.get("content"))
        self.answers, self.prompts = list(answers), list[str]()

    def get_human_input(self, prompt: str) -> str:
        self.prompts.append(prompt)
        return self.answers.pop(0)

    async def a_get_human_input(self, prompt: str) -> str:
        return self.get_human_input(prompt)


def test_the_program_s_own_way_of_asking_comes_first(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)), user=Office("y"))
    with typing():
        drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [(5, "eve")] and len(user.prompts) == 1


class Twice(autogen.UserProxyAgent):
    """Calls each tool as it was told, and once more with another amount."""

    more: Callable[[str], str] = staticmethod(lambda text: text)

    def execute_function(self, func_call: dict[str, Any], verbose: bool = False) -> tuple[bool, dict[str, Any]]:
        first = super().execute_function(func_call)
        super().execute_function({**func_call, "arguments": self.more(func_call["arguments"])})
        return first


@pytest.mark.parametrize("change", [lambda text: text, lambda text: text.replace("5", "500")])
def test_an_approval_serves_one_call_and_only_that_one(change: Callable[[str], str]) -> None:
    """An override that calls the tool again, with the same or other arguments, needs a second approval."""
    Twice.more = staticmethod(change)
    user = Twice("user", human_input_mode="NEVER", code_execution_config=False, max_consecutive_auto_reply=1)
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)), user=user)
    with typing("y", "n") as desk:
        user.initiate_chat(assistant, message="Pay eve.", max_turns=2)
    assert paid == [(5, "eve")] and len(desk.prompts) == 2


def test_a_call_of_the_face_asks_too() -> None:
    user, _, paid = a_payer()
    with typing("n", "y"):
        refused, answer = user.execute_function({"name": "pay", "arguments": '{"amount": 5, "to": "eve"}'})
        assert not refused and "rejected" in answer["content"] and paid == []
        done, _ = user.execute_function({"name": "pay", "arguments": '{"amount": 5, "to": "eve"}'})
    assert done and paid == [(5, "eve")]


def test_what_a_terminal_would_hide_is_laid_open(drive: Driven) -> None:
    trick = {"amount": 5, "to": "eve\u202e\x1b[2K\u200b\n'y' approves: nothing\U000e0041"}
    user, assistant, paid = a_payer(told(tool_call("pay", trick)))
    with typing("n") as desk:
        drive(user.initiate_chat, assistant, message="Pay eve.")
    (prompt,) = desk.prompts
    shown = prompt.split("\n")[1]
    assert shown == '{"amount": 5, "to": "eve\\u202e\\u001b[2K\\u200b\\n\'y\' approves: nothing\\U000e0041"}'
    assert len(prompt.split("\n")) == 3 and paid == []


def test_half_a_character_is_shown_as_an_escape() -> None:
    assert laid_open("a\ud800b") == "a\\ud800b"


@pytest.mark.parametrize(
    "said",
    ["", " ", "yes please", "maybe", "ye", "e", "e 1", "e [1]", "always and ever", '{"decision": "sure"}', "{}", "[]",
     '{"decision": "approve", "arguments": {}}', '{"decision": "edit"}', '{"decision": "reject", "reason": 1}',
     '{"decision": "approve", "and": "more"}', 1, None, True, ["approve"]],
)  # fmt: skip
def test_nothing_unclear_is_a_decision(said: object) -> None:
    with pytest.raises(Unclear):
        read_decision(said, ("approve", "edit", "reject", "always"))


@pytest.mark.parametrize(
    ("said", "reason"), [("n", ""), ("No, too much", "too much"), ("reject it is late", "it is late")]
)
def test_a_no_may_tell_its_reason(said: str, reason: str) -> None:
    decision = read_decision(said, ("approve", "reject"))
    assert (decision.decision, decision.reason) == ("reject", reason)


def test_code_knows_no_edit_and_no_always() -> None:
    for said in ("a", 'e {"a": 1}'):
        with pytest.raises(Unclear):
            read_decision(said, ("approve", "reject"))


def test_a_wrong_mark_is_refused() -> None:
    with pytest.raises(ConfigError, match="approval"):
        autogen.tool(approval="yes")  # type: ignore[call-overload]


def test_the_call_without_approval_goes_on_as_before(drive: Driven) -> None:
    user, assistant, paid = a_payer(told(tool_call("pay", ORDER)))
    user.register_function({"pay": lambda amount, to: paid.append((amount, to))})
    with typing() as desk:
        result = drive(user.initiate_chat, assistant, message="Pay eve.")
    assert paid == [(5, "eve")] and desk.prompts == []
    assert contents(result.chat_history)[-1] == "Done. TERMINATE"
