"""`autogen chat`: a line is answered, with tools where the model asks for them, until the person leaves."""

import io
import json
from pathlib import Path

import pytest

from autogen.cli import main
from tests.compat.scripted_server import ScriptedServer


def chat(there: ScriptedServer, *options: str) -> int:
    return main(["chat", "--base-url", there.base_url, "--model", "gpt-4o", "--no-stream", *options])


def say(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


def test_two_questions_are_one_conversation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    say(monkeypatch, "hello", "", "again", "exit", "never asked")
    with ScriptedServer(["Hi.", "Hi again."]) as there:
        assert chat(there) == 0
        assert [message["content"] for message in there.requests[1]["messages"][1:]] == ["hello", "Hi.", "again"]
    assert capsys.readouterr().out.splitlines()[-2:] == ["Hi.", "Hi again."]


def test_the_model_can_calculate_and_list_files(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], quiet_machine: Path
) -> None:
    (quiet_machine / "notes.txt").write_text("x")
    say(monkeypatch, "what is 6 * 7, and which files are there?")
    calls = [("c1", "calculator", {"expression": "6 * 7"}), ("c2", "list_files", {"folder": "."})]
    with ScriptedServer([{"content": None, "tool_calls": calls}, "42, and notes.txt."]) as there:
        assert chat(there) == 0
        answers = {m["tool_call_id"]: m["content"] for m in there.requests[1]["messages"] if m["role"] == "tool"}
    assert answers == {"c1": "42", "c2": "notes.txt  1 bytes"}
    assert capsys.readouterr().out.splitlines()[-3:] == ["[calculator]", "[list_files]", "42, and notes.txt."]


def test_a_tool_that_refuses_is_told_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    say(monkeypatch, "list /etc")
    calls = [("c1", "list_files", {"folder": "/etc"})]
    with ScriptedServer([{"content": None, "tool_calls": calls}, "I may not."]) as there:
        assert chat(there) == 0
        assert "outside the workspace" in there.requests[1]["messages"][-1]["content"]


def test_text_is_shown_while_it_streams(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, "hello")
    with ScriptedServer([{"stream": ["Hi ", "there."]}]) as there:
        assert main(["chat", "--base-url", there.base_url, "--model", "gpt-4o"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Hi there."


def test_json_is_one_value_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    say(monkeypatch, "hello")
    with ScriptedServer(["Hi."]) as there:
        assert chat(there, "--json") == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["message"]["content"] for line in told if line["event"] == "MessageReceived"] == ["hello", "Hi."]
    assert told[-1] == {"event": "result", "status": "done", "turns": 1, "exit_code": 0}
