"""What a terminal, a pipe and a closed pipe see of a command: each word once, questions that do not mix with JSON."""

import io
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from autogen.cli import main
from tests.compat.scripted_server import ScriptedServer, ScriptError

ROOT = Path(__file__).parents[2]
REFUSED = {"status": 401, "body": {"error": {"message": "Incorrect API key"}}}


class Terminal(io.StringIO):
    """A stdin that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(there: ScriptedServer, *options: str) -> int:
    return main(["run", "do it", "--base-url", there.base_url, "--model", "gpt-4o", *options])


def result_of(shown: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(shown.splitlines()[-1])
    assert result["event"] == "result"
    return result


def test_a_streamed_message_is_shown_once_and_without_colours_on_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([{"stream": ["It is ", "done. TERMINATE"]}]) as there:
        assert run(there, "--stream") == 0
    shown = capsys.readouterr().out
    assert shown.count("It is done. TERMINATE") == 1
    assert f"assistant (to user):\n\nIt is done. TERMINATE\n\n{'-' * 80}\n" in shown
    assert "\033[" not in shown


def test_the_same_task_asks_the_model_again(capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("One. TERMINATE", "Two. TERMINATE"):
        with ScriptedServer([text]) as there:
            assert run(there) == 0
        assert text in capsys.readouterr().out


@pytest.mark.parametrize("mode", ["always", "terminate"])
def test_a_question_at_the_end_of_input_is_one_line_and_code_2(
    mode: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with ScriptedServer(["TERMINATE"]) as there:
        assert run(there, "--human", mode) == 2
    told = capsys.readouterr()
    assert told.err == (
        "autogen run: you were asked, but the input is at its end; run it in a terminal, pipe the answers in, or use "
        "--human never\n"
    )
    assert "turns: 1 (2 messages)" in told.out


@pytest.mark.parametrize("command", [["chat"], ["run", "do it", "--human", "always"]])
def test_a_closed_stdin_is_an_empty_one(command: list[str]) -> None:
    with ScriptedServer([] if command == ["chat"] else ["TERMINATE"]) as there:
        words = [sys.executable, "-m", "autogen", *command, "--base-url", there.base_url, "--model", "gpt-4o"]
        done = subprocess.run(
            ["sh", "-c", 'exec "$@" <&-', "sh", *words], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
    assert "Traceback" not in done.stderr
    assert done.returncode == (0 if command == ["chat"] else 2)


def test_under_json_a_question_is_a_line_and_the_answer_is_a_line_of_stdin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("shorter\nexit\n"))
    with ScriptedServer(["A long text.", "Short."]) as there:
        assert run(there, "--human", "always", "--json") == 0
        assert there.requests[1]["messages"][-1]["content"] == "shorter"
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    questions = [line for line in told if line["event"] == "Question"]
    assert len(questions) == 2
    assert questions[0]["prompt"].startswith("Replying as user.")
    assert told[-1]["stop_reason"] == "human_exit"


class Waiting(ScriptedServer):
    """Answers when it is let; it need not be asked."""

    def __init__(self, lines: list[Any]) -> None:
        super().__init__(lines)
        self.go = Event()

    def answer(self, path: str, request: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        self.go.wait(30)
        return super().answer(path, request)

    def close(self) -> None:
        with suppress(ScriptError):
            super().close()


@pytest.mark.parametrize("options", [["--json"], ["--stream"], []])
def test_a_reader_that_goes_away_ends_a_run_in_silence(options: list[str]) -> None:
    """As in `autogen run ... | head -1`."""
    line: Any = {"stream": ["TERM", "INATE"]} if options == ["--stream"] else "TERMINATE"
    with Waiting([line]) as there:
        words = ["run", "x", "--base-url", there.base_url, "--model", "gpt-4o", *options]
        with subprocess.Popen(
            [sys.executable, "-m", "autogen", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as command:
            assert command.stdout is not None
            assert command.stderr is not None
            assert command.stdout.readline()
            command.stdout.close()
            there.go.set()
            assert (command.wait(60), command.stderr.read()) == (1, b"")


def test_what_was_done_before_a_failure_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(["What do you mean?", REFUSED]) as there:
        assert run(there) == 3
    told = capsys.readouterr()
    assert "stopped: error\nturns: 2 (3 messages)" in told.out
    assert "model calls: 1" in told.out
    assert told.err.startswith("autogen run: ")
    assert told.err.count("Incorrect API key") == 1
    assert "Incorrect API key" not in told.out


def test_a_failure_under_json_has_every_key_of_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(["TERMINATE"]) as there:
        run(there, "--json")
    done = result_of(capsys.readouterr().out)
    with ScriptedServer([REFUSED]) as there:
        assert run(there, "--json") == 3
    failed = result_of(capsys.readouterr().out)
    assert failed.keys() == done.keys()
    assert (failed["status"], failed["stop_reason"], failed["exit_code"]) == ("failed", "error", 3)
    assert "Incorrect API key" in failed["stop_detail"]


def test_ctrl_c_is_a_result_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(prompt: str = "") -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("autogen.cli.terminal.JsonQuestions.input", lambda *_, **__: interrupt())
    with ScriptedServer(["A text."]) as there:
        assert run(there, "--human", "always", "--json") == 130
    told = capsys.readouterr()
    result = result_of(told.out)
    assert (result["status"], result["turns"], result["exit_code"]) == ("cancelled", 1, 130)
    assert told.err.strip() == "autogen run: interrupted"


def test_a_failed_answer_does_not_end_a_chat_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter(["hello", "again", "exit"])
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", lambda prompt="": next(typed))
    with ScriptedServer([REFUSED, "Hi."]) as there:
        words = ["chat", "--base-url", there.base_url, "--model", "gpt-4o", "--no-stream"]
        assert main(words) == 0
        assert [message["content"] for message in there.requests[1]["messages"][1:]] == ["again"]
    told = capsys.readouterr()
    assert told.err.count("autogen chat: ") == 1
    assert told.out.endswith("Hi.\n")


def test_a_failed_answer_ends_a_piped_chat_with_its_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("hello\nagain\n"))
    with ScriptedServer([REFUSED]) as there:
        assert main(["chat", "--base-url", there.base_url, "--model", "gpt-4o", "--json"]) == 3
    result = result_of(capsys.readouterr().out)
    assert (result["status"], result["exit_code"]) == ("failed", 3)


def test_a_model_without_a_price_is_told_in_the_summary_only(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(["TERMINATE"]) as there:
        words = ["run", "do it", "--base-url", there.base_url, "--model", "nobody-knows-this-one"]
        assert main(words) == 0
    told = capsys.readouterr()
    assert "cost: unknown (no price)" in told.out
    assert told.err == ""
