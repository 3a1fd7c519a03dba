"""The testing package: scripts that must be used up, stories that must fit, one body under every driver."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

import pytest

from autogen import AssistantAgent, UserProxyAgent
from autogen.conversation import human
from autogen.conversation.run import Run
from autogen.core.effects import AskHuman, Branch, CallModel, Draw, Emit, Gather, Invoke, Sleep
from autogen.core.errors import ConfigError
from autogen.core.events import NoHumanInput, Notice
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.drivers.frame import Frame, current
from autogen.testing import (
    DRIVERS,
    Driven,
    DriverName,
    PlayError,
    Script,
    ScriptError,
    asks,
    called,
    driven,
    play,
)
from tests.stories.cast import a_model, a_user, an_echo

# ---- the example of the package's docstring ------------------------------------------------------------------------


def test_the_example_in_the_docstring_passes_as_it_stands(tmp_path: Any) -> None:
    import autogen.testing

    example = str(autogen.testing.__doc__).partition("\n\n")[2].rpartition("\n\n")[0]
    (tmp_path / "test_example.py").write_text("\n".join(line[4:] for line in example.splitlines()))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_the_package_does_not_load_pytest() -> None:
    program = "import sys, autogen.testing; sys.exit('pytest' in sys.modules or 'asyncio' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=50, check=False).returncode == 0


# ---- scripts -------------------------------------------------------------------------------------------------------


def test_lines_go_to_the_agent_and_purpose_that_they_name(drive: Driven) -> None:
    lines = [
        {"agent": "two", "text": "TERMINATE"},
        {"agent": "one", "purpose": "summary", "text": "a summary"},
        {"agent": "one", "text": "said by one"},
    ]
    with Script(lines) as script:
        one, two = (AssistantAgent(name, llm_config=script.llm_config) for name in ("one", "two"))
        drive(a_user().initiate_chat, one, message="hi", max_turns=1, summary_method="reflection_with_llm")
        drive(a_user().initiate_chat, two, message="hi")
    assert [(agent, purpose) for agent, purpose, _ in script.requests] == [
        ("one", "reply"), ("one", "summary"), ("two", "reply"),
    ]  # fmt: skip


def test_a_line_that_nobody_asked_for_fails_at_the_end() -> None:
    with pytest.raises(ScriptError, match="1 of 2 lines were not used"), Script(["TERMINATE", "left over"]) as script:
        a_user().initiate_chat(a_model(script), message="hi")


def test_a_request_that_no_line_answers_fails_at_once(drive: Driven) -> None:
    with pytest.raises(ScriptError, match="no line left for agent 'assistant'"):
        drive(a_user(default_auto_reply="more").initiate_chat, a_model(Script(["only one"])), message="hi")


def test_an_unexpected_message_fails_at_once(drive: Driven) -> None:
    with pytest.raises(ScriptError, match="expects a last message with 'Oslo'"):
        drive(a_user().initiate_chat, a_model([{"expect": "Oslo", "text": "Rain"}]), message="Bergen?")


def test_an_error_inside_the_block_is_not_hidden_by_unused_lines() -> None:
    with pytest.raises(ZeroDivisionError), Script(["left over"]):
        _ = 1 // 0


# ---- play ----------------------------------------------------------------------------------------------------------


async def draft_until_approved(task: str) -> str:
    """Write, show, rewrite."""
    draft = task
    for _ in range(3):
        await Emit(Notice(draft))
        remark = await AskHuman("editor", draft)
        if not remark:
            break
        draft = f"{draft}, {remark}"
    return draft


def test_a_story_that_fits_gives_what_the_conversation_returns() -> None:
    story = [
        (AskHuman("editor", "Haiku"), "shorter"),
        (asks(AskHuman, prompt="Haiku, shorter"), "better"),
        (AskHuman, ""),
    ]
    assert play(draft_until_approved("Haiku"), story) == "Haiku, shorter, better"


@pytest.mark.parametrize(
    ("story", "complaint"),
    [
        (
            [(asks(AskHuman, prompt="Sonnet"), "")],
            "line 1: the conversation asks AskHuman.*expects AskHuman\\(prompt='Sonnet'",
        ),
        ([(Draw, 1.0)], "line 1: the conversation asks AskHuman.*expects Draw"),
        ([(AskHuman, "more")], "line 2: the conversation asks AskHuman.*the story is at its end"),
        ([], "line 1: the conversation asks AskHuman.*the story is at its end"),
        ([(AskHuman, ""), (AskHuman, "")], "ended before its story: 1 of 2 lines are left, next AskHuman"),
        ([(Emit(Notice("Sonnet")), None), (AskHuman, "")], "line 1: .* asks AskHuman"),
    ],
)
def test_a_story_that_does_not_fit_fails_and_says_where(story: Any, complaint: str) -> None:
    with pytest.raises(PlayError, match=complaint):
        play(draft_until_approved("Haiku"), story)


def test_events_are_passed_over_unless_the_story_names_them() -> None:
    story = [(AskHuman, "a"), (Emit(Notice("Haiku, a")), None), (AskHuman, "")]
    assert play(draft_until_approved("Haiku"), story) == "Haiku, a"


def test_an_exception_in_a_story_is_thrown_in() -> None:
    async def careful() -> str:
        try:
            return str(await AskHuman("editor", "?"))
        except EOFError:
            return "nobody there"

    assert play(careful(), [(AskHuman, EOFError())]) == "nobody there"
    assert play(careful(), [(AskHuman, EOFError)]) == "nobody there"
    with pytest.raises(KeyboardInterrupt):
        play(careful(), [(AskHuman, KeyboardInterrupt())])


def test_an_answer_may_be_made_of_the_effect() -> None:
    async def steps() -> Any:
        return await Invoke("agent", "message", "double", lambda number: 2 * number, (21,))

    assert play(steps(), [(asks(Invoke, name="double"), called)]) == 42
    assert play(steps(), [(Invoke, lambda effect: effect.args)]) == (21,)


def test_the_branches_of_a_gather_are_played_one_after_the_other() -> None:
    async def branch(number: int) -> Any:
        first = await Draw("random")
        return first, await Sleep(number)

    async def steps() -> Any:
        return await Gather(tuple(Branch(str(number), branch(number)) for number in range(2)))

    story = [(Draw, 0.1), (asks(Sleep, seconds=0), None), (Draw, 0.2), (asks(Sleep, seconds=1), None)]
    assert play(steps(), story) == [(0.1, None), (0.2, None)]
    with pytest.raises(ValueError, match="first"):
        play(steps(), [(Draw, ValueError("first")), (Draw, ValueError("second"))])


def test_requests_are_compared_by_what_they_say() -> None:
    def request(text: str) -> ModelRequest:
        return ModelRequest((ModelMessage("user", (Text(text),)),))

    async def steps() -> Any:
        return await CallModel("writer", "reply", request("Haiku"), None)

    assert play(steps(), [(asks(CallModel, request=request("Haiku")), "fine")]) == "fine"  # type: ignore[comparison-overlap]
    with pytest.raises(PlayError):
        play(steps(), [(asks(CallModel, request=request("Sonnet")), "fine")])


def test_a_field_that_an_effect_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="AskHuman has no field 'question'; it has agent, prompt"):
        asks(AskHuman, question="?")


def test_a_conversation_of_the_engine_can_be_played() -> None:
    """The human step: Enter at the end of a chat ends it."""
    person: Any = a_user("person", human_input_mode="ALWAYS")
    run, partner = Run("r"), an_echo("partner")
    token = current.set(Frame(run, False))
    try:
        story = [
            (asks(Invoke, kind="predicate"), called),
            (asks(AskHuman, agent="person"), ""),
            (asks(Emit, event=NoHumanInput("person")), None),
        ]
        steps = human.termination_or_human(run, person, [{"content": "TERMINATE"}], partner)
        assert play(steps, story) == (True, None)
    finally:
        current.reset(token)
    assert run.stop_reason == "termination"


# ---- driven --------------------------------------------------------------------------------------------------------


class Place:
    """Where a face was called."""

    def look(self, word: str, *, mark: str = "") -> tuple[str, bool, bool]:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return word + mark, threading.current_thread() is threading.main_thread(), False
        return word + mark, threading.current_thread() is threading.main_thread(), True

    async def a_look(self, word: str, *, mark: str = "") -> tuple[str, bool, bool]:
        answer, main, loop = self.look(word, mark=mark)
        return "a " + answer, main, loop

    def alone(self) -> None:
        """Has no twin."""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("blocking", ("hi!", True, False)),
        ("concurrent", ("a hi!", True, True)),
        ("in_loop", ("hi!", True, True)),
        ("thread", ("hi!", False, False)),
    ],
)
def test_each_driver_calls_a_face_in_its_way(name: DriverName, expected: Any) -> None:
    assert driven(name)(Place().look, "hi", mark="!") == expected


def test_every_driver_has_its_name() -> None:
    assert DRIVERS == ("blocking", "concurrent", "in_loop", "thread")
    assert [driven(name).driver for name in DRIVERS] == list(DRIVERS)
    with pytest.raises(ConfigError, match="there is no driver 'trio'"):
        driven("trio")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="has no twin a_alone"):
        driven("concurrent")(Place().alone)


def test_errors_come_out_of_every_driver(drive: Driven) -> None:
    user: UserProxyAgent = a_user()
    with pytest.raises(ConfigError):
        drive(user.initiate_chat, an_echo("parrot"), message="hi", max_turns=-1)
