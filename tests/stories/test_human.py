"""A person takes part: asked always, at the end, or never; with 0.2's prompts and answers."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from autogen.core.errors import HumanInputClosed
from autogen.observability.io_stream import IOStream
from autogen.testing import Driven
from tests.stories.cast import a_model, a_user, an_echo, contents

ALWAYS = (
    "Replying as user. Provide feedback to parrot. Press enter to skip and use auto-reply, "
    "or type 'exit' to end the conversation: "
)
AT_LIMIT = (
    "Please give feedback to parrot. Press enter to skip and use auto-reply, or type 'exit' to stop the conversation: "
)
AT_END = "Please give feedback to parrot. Press enter or type 'exit' to stop the conversation: "


class Desk(IOStream):
    """A person who types these lines; then the input is at its end."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self.prompts: list[str] = []
        self.printed = ""

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        self.printed += sep.join(map(str, objects)) + end

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        self.prompts.append(prompt)
        for line in self._lines:
            return line
        raise EOFError


@contextmanager
def typing(*lines: str) -> Iterator[Desk]:
    desk = Desk(lines)
    with IOStream.set_default(desk):
        yield desk


def parrot(**given: Any) -> Any:
    return an_echo("parrot", lambda text: f"{text}!", **given)


def test_in_always_the_person_is_asked_each_time_and_may_leave(drive: Driven) -> None:
    user = a_user(human_input_mode="ALWAYS", default_auto_reply="auto")
    with typing("mine", "", "exit") as desk:
        result = drive(user.initiate_chat, parrot(), message="hi")
    assert contents(result.chat_history) == ["hi", "hi!", "mine", "mine!", "auto", "auto!"]
    assert desk.prompts == [ALWAYS] * 3
    assert result.human_input == ["mine", "", "exit"] and result.stop_reason == "human_exit"
    assert "\n>>>>>>>> NO HUMAN INPUT RECEIVED.\n\n>>>>>>>> USING AUTO REPLY...\n" in desk.printed


def test_in_terminate_the_person_is_asked_at_the_limit(drive: Driven) -> None:
    user = a_user(human_input_mode="TERMINATE", max_consecutive_auto_reply=1, default_auto_reply="auto")
    with typing("mine", "exit") as desk:
        result = drive(user.initiate_chat, parrot(), message="hi")
    assert contents(result.chat_history) == ["hi", "hi!", "auto", "auto!", "mine", "mine!", "auto", "auto!"]
    assert desk.prompts == [AT_LIMIT] * 2 and result.stop_reason == "human_exit"


def test_in_terminate_the_person_is_asked_at_the_end_and_may_go_on(drive: Driven) -> None:
    user = a_user(human_input_mode="TERMINATE")
    with typing("once more TERMINATE", "") as desk:
        result = drive(user.initiate_chat, parrot(), message="TERMINATE")
    assert contents(result.chat_history)[2:] == ["once more TERMINATE", "once more TERMINATE!"]
    assert desk.prompts == [AT_END] * 2 and result.stop_reason == "termination"


def test_in_never_nobody_is_asked(drive: Driven) -> None:
    user = a_user(max_consecutive_auto_reply=1, default_auto_reply="auto")
    with typing() as desk:
        drive(user.initiate_chat, parrot(), message="hi")
    assert desk.prompts == []


def test_without_a_message_the_person_opens_the_chat(drive: Driven) -> None:
    with typing("typed") as desk:
        result = drive(a_user().initiate_chat, parrot(), max_turns=1)
    assert contents(result.chat_history) == ["typed", "typed!"] and desk.prompts == [">"]
    assert result.human_input == ["typed"]


def test_at_the_end_of_the_input_one_clear_error_carries_the_run(drive: Driven) -> None:
    user = a_user(human_input_mode="ALWAYS")
    with typing("only this"), pytest.raises(HumanInputClosed, match="agent 'user' asked for human input") as closed:
        drive(user.initiate_chat, parrot(), message="hi")
    assert isinstance(closed.value, EOFError) and closed.value.agent == "user" and closed.value.prompt == ALWAYS
    run: Any = closed.value.run
    assert [entry.message["content"] for entry in run.transcript] == ["hi", "hi!", "only this", "only this!"]
    assert run.status == "failed" and run.stop_reason == "error"


def test_an_own_way_of_asking_that_reaches_the_end_of_its_input_is_not_relabelled(drive: Driven) -> None:
    user = a_user(human_input_mode="ALWAYS")

    def ask(prompt: str) -> str:
        raise EOFError("own")

    user.get_human_input = ask  # type: ignore[method-assign]
    with pytest.raises(EOFError, match="own") as closed:
        drive(user.initiate_chat, parrot(), message="hi")
    assert not isinstance(closed.value, HumanInputClosed) and closed.value.run.status == "failed"  # type: ignore[attr-defined]


def test_both_sides_may_have_a_person(drive: Driven) -> None:
    one = a_user("one", human_input_mode="ALWAYS")
    other = a_user("other", human_input_mode="ALWAYS")
    with typing("other says", "one says", "exit") as desk:
        result = drive(one.initiate_chat, other, message="hi")
    assert contents(result.chat_history) == ["hi", "other says", "one says"]
    assert [prompt[:17] for prompt in desk.prompts] == ["Replying as other", "Replying as one. ", "Replying as other"]
    assert result.human_input == ["one says"]


def test_what_a_person_says_counts_as_progress(drive: Driven) -> None:
    user = a_user(human_input_mode="ALWAYS")
    with typing(*["same"] * 9, "exit"):
        result = drive(user.initiate_chat, a_model([{"text": "same", "times": 0}], "parrot"), message="same")
    assert result.stop_reason == "human_exit" and len(result.chat_history or ()) == 20
