"""A recording plays the whole run: tools, code, a person, streaming, under every driver, with the network closed."""

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.core.events import Delta, Event
from autogen.testing import (
    DRIVERS,
    DriverName,
    NetworkClosed,
    RecordingDiffers,
    Script,
    ScriptedHuman,
    closed_network,
    driven,
    recorded,
)
from tests.stories.cast import is_over

PROMPT = "You add numbers and then check them with code."
LINES = (
    {"tool_calls": [["c1", "add", {"a": 20, "b": 22}], ["c2", "add", {"a": 1, "b": 1}]]},
    {"text": "```python\nprint(6 * 7)\n```"},
    {"text": "It is 42. TERMINATE"},
    {"text": "Then it is 42 apples. TERMINATE"},
)


class Program:
    """What is recorded and played: each start makes new agents; `acts` are the acts that were really done."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.acts: list[str] = []
        self.events: list[Event] = []

    def hold(self, drive: DriverName, lines: Any, said: list[str], prompt: str = PROMPT) -> Any:
        script = Script(lines)
        config = {**script.llm_config, "stream": True}
        assistant = autogen.AssistantAgent("assistant", llm_config=config, system_message=prompt)
        user = autogen.UserProxyAgent(
            "user",
            human_input_mode="TERMINATE",
            is_termination_msg=is_over,
            code_execution_config={"work_dir": str(self.folder)},
        )

        @user.register_for_execution()
        @assistant.register_for_llm(description="Add.")
        def add(a: int, b: int) -> int:
            self.acts.append(f"{a}+{b}")
            return a + b

        with ScriptedHuman(said), autogen.observing(self.events.append, console=False):
            return driven(drive)(user.initiate_chat, assistant, message="How much?")

    def streamed(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Delta) and event.kind == "text")


def outcome(result: Any) -> tuple[Any, ...]:
    return (
        result.chat_history, result.summary, result.cost, result.human_input, result.stop_reason, result.usage,
        result.usd, result.seconds, result.run_id,
    )  # fmt: skip


@pytest.fixture(scope="module")
def taped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, str]:
    folder = tmp_path_factory.mktemp("taped")
    path = folder / "apples.recording.jsonl"
    program = Program(folder)
    with recorded(path):
        result = program.hold("blocking", LINES, ["apples?", "exit"])
    assert program.acts == ["20+22", "1+1"]
    assert [message["content"] for message in result.chat_history][-2:] == [
        "apples?",
        "Then it is 42 apples. TERMINATE",
    ]
    assert "42" in result.chat_history[4]["content"]
    return path, outcome(result), program.streamed()


@pytest.mark.parametrize("drive", DRIVERS)
def test_a_recording_plays_under_every_driver_without_a_model_a_tool_or_a_person(
    taped: tuple[Path, Any, str], tmp_path: Path, drive: DriverName
) -> None:
    path, expected, streamed = taped
    program = Program(tmp_path)
    with recorded(path):
        result = program.hold(drive, [], [])
    assert outcome(result) == expected
    assert program.acts == []
    assert program.streamed() == streamed
    assert list(tmp_path.iterdir()) == [], "code ran"


@pytest.mark.parametrize("drive", DRIVERS)
def test_one_word_of_a_prompt_is_told_at_its_turn_with_both_texts(
    taped: tuple[Path, Any, str], tmp_path: Path, drive: DriverName
) -> None:
    path, _, _ = taped
    program = Program(tmp_path)
    with pytest.raises(RecordingDiffers) as caught, recorded(path):
        program.hold(drive, [], [], PROMPT.replace("numbers", "figures"))
    told = caught.value
    assert told.step == 1
    assert told.address == "assistant.model.reply/1"
    assert "You add numbers" in told.recorded
    assert "You add figures" in told.now
    assert re.search(r"^> .*numbers.* \| .*figures", str(told), re.MULTILINE)
    assert "pytest --rebuild" in str(told)
    assert program.acts == []


def test_a_word_that_a_hook_changes_late_is_told_at_that_turn(taped: tuple[Path, Any, str], tmp_path: Path) -> None:
    path, _, _ = taped

    def late(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**one, "content": "pears?"} if one.get("content") == "apples?" else one for one in messages]

    program = Program(tmp_path)
    made = autogen.AssistantAgent.__init__

    def with_hook(self: Any, *args: Any, **kwargs: Any) -> None:
        made(self, *args, **kwargs)
        self.register_hook("process_all_messages_before_reply", late)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(autogen.AssistantAgent, "__init__", with_hook)
        with pytest.raises(RecordingDiffers) as caught, recorded(path):
            program.hold("blocking", [], [])
    # the hook itself is a step that the recording does not hold
    assert caught.value.address == "assistant.call.process_all_messages_before_reply/1"


def test_a_program_that_ends_before_its_recording_is_told(tmp_path: Path) -> None:
    path = tmp_path / "two.recording.jsonl"

    def hold(turns: int) -> Any:
        with Script([{"text": "One.", "times": 0}]) as script:
            model = autogen.AssistantAgent("assistant", llm_config=script.llm_config)
            user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
            return user.initiate_chat(model, message="Go.", max_turns=turns, silent=True)

    with recorded(path):
        hold(2)
    with pytest.raises(RecordingDiffers, match="the program ended before it") as caught, recorded(path):
        hold(1)
    assert caught.value.address == "assistant.model.reply/2"
    with pytest.raises(RecordingDiffers, match="does not come here"), recorded(path):
        hold(3)
    with pytest.raises(RecordingDiffers, match="the program ended before it"), recorded(path):
        """No chat at all."""
    with pytest.raises(RecordingDiffers, match="no further chat"), recorded(path):
        assert [hold(2), hold(2)]


def test_what_raises_while_it_is_recorded_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bad.recording.jsonl"
    with pytest.raises(ZeroDivisionError), recorded(path):
        _ = 1 // 0
    with pytest.raises(autogen.core.errors.ConfigError, match="no chat was started"), recorded(path):
        """Nothing."""
    assert not path.exists()


def test_rebuilding_writes_it_anew(tmp_path: Path) -> None:
    path = tmp_path / "again.recording.jsonl"

    def hold(text: str) -> Any:
        with Script([text] if text else []) as script:
            model = autogen.AssistantAgent("assistant", llm_config=script.llm_config)
            user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
            return user.initiate_chat(model, message="Go.", max_turns=1, silent=True)

    with recorded(path):
        hold("First.")
    with recorded(path, rebuild=True):
        hold("Second.")
    with recorded(path):
        assert hold("").summary == "Second."


@pytest.mark.parametrize(
    "connect",
    [
        lambda: socket.create_connection(("127.0.0.1", 9)),
        lambda: socket.socket().connect(("127.0.0.1", 9)),
        lambda: socket.socket().connect_ex(("127.0.0.1", 9)),
        lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", 9)),
        lambda: socket.getaddrinfo("example.org", 443),
    ],
    ids=["create_connection", "connect", "connect_ex", "sendto", "getaddrinfo"],
)
def test_whoever_connects_meanwhile_is_told(connect: Callable[[], Any]) -> None:
    with closed_network(), closed_network():
        with pytest.raises(NetworkClosed, match="needs no network"):
            connect()
        one, other = socket.socketpair()
        one.close()
        other.close()
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()):
        """It is open again."""


def test_a_hook_that_connects_while_a_recording_is_played_is_told(tmp_path: Path) -> None:
    path = tmp_path / "hook.recording.jsonl"
    server = socket.create_server(("127.0.0.1", 0))

    def hold(lines: list[str]) -> Any:
        with Script(lines) as script:
            model = autogen.AssistantAgent("assistant", llm_config=script.llm_config)

            def look(content: str) -> str:
                socket.create_connection(server.getsockname()).close()
                return content

            model.register_hook("process_last_received_message", look)
            user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
            return user.initiate_chat(model, message="Go.", max_turns=1, silent=True)

    with server:
        with recorded(path):
            hold(["Yes."])
        with pytest.raises(NetworkClosed), recorded(path):
            hold([])
