"""`autogen run`: a task becomes a chat with code in a sandbox; its ending becomes a summary and an exit code."""

import json
from pathlib import Path
from typing import Any

import pytest

from autogen.cli import main
from autogen.cli.report import Files
from autogen.coding.sandbox import SandboxUnavailable, choose
from tests.compat.scripted_server import ScriptedServer

WRITE = "```python\nopen('note.txt', 'w').write('hello')\nprint('written')\n```"
LOOK = "```python\nimport os\nprint(os.environ.get('MINE'), os.environ.get('OTHER'))\n```"


@pytest.fixture
def sandbox() -> None:
    try:
        choose()
    except SandboxUnavailable as missing:
        pytest.skip(f"no sandbox works on this machine: {missing}")


needs_sandbox = pytest.mark.usefixtures("sandbox")


def run(there: ScriptedServer, *options: str) -> int:
    return main(["run", "do it", "--base-url", there.base_url, "--model", "gpt-4o", *options])


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@needs_sandbox
def test_a_task_is_done_and_told(quiet_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([WRITE, "All done. TERMINATE"]) as there:
        assert run(there, "--workspace", "work") == 0
        assert [message["role"] for message in there.requests[1]["messages"]] == ["system", "user", "assistant", "user"]
    assert (quiet_machine / "work" / "note.txt").read_text() == "hello"
    shown = capsys.readouterr().out
    assert "model: gpt-4o (from --base-url http://127.0.0.1" in shown
    assert "exitcode: 0 (execution succeeded)" in shown
    assert "stopped: termination" in shown
    assert "turns: 2 (4 messages)" in shown
    assert "model calls: 2  tokens: 20 in, 10 out" in shown
    assert f"file: {Path('work') / 'note.txt'}" in shown
    assert "\033[" not in shown


@needs_sandbox
def test_json_is_one_value_a_line_and_ends_with_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([WRITE, "TERMINATE"]) as there:
        assert run(there, "--json") == 0
    told = lines_of(capsys)
    names = [line["event"] for line in told]
    assert names[0] == "ChatStarted"
    assert names.count("MessageReceived") == 4
    assert {"ModelStarted", "ModelFinished", "CodeStarted", "CodeFinished", "ChatEnded"} <= set(names)
    result = told[-1]
    assert result["event"] == "result"
    assert (result["status"], result["stop_reason"], result["exit_code"]) == ("done", "termination", 0)
    assert (result["turns"], result["messages"], result["model_calls"]) == (2, 4, 2)
    assert result["files"][0].endswith("note.txt")
    assert result["usd"] > 0


@needs_sandbox
def test_the_code_sees_the_variables_that_were_named_and_no_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINE", "mine")
    monkeypatch.setenv("OTHER", "other")
    with ScriptedServer([LOOK, "TERMINATE"]) as there:
        assert run(there, "--env", "MINE") == 0
    assert "mine None" in capsys.readouterr().out


def test_a_run_that_ends_before_its_task_is_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer(["What do you mean?"]) as there:
        assert run(there, "--max-turns", "1") == 1
    assert "stopped: max_turns" in capsys.readouterr().out


def test_a_person_who_leaves_has_ended_it_in_order(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda prompt="": "exit")
    with ScriptedServer(["What do you mean?"]) as there:
        assert run(there, "--human", "always") == 0
    assert "stopped: human_exit" in capsys.readouterr().out


def test_a_dollar_budget_refuses_a_model_without_a_price(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([]) as there:
        assert main(["run", "t", "--base-url", there.base_url, "--model", "nobody-knows", "--budget-usd", "1"]) == 2
    assert "nobody-knows" in capsys.readouterr().err


def test_a_sandbox_that_is_not_there_is_the_users_to_mend(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([]) as there:
        assert run(there, "--sandbox", "moon") == 2
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("autogen run: ")
    assert "moon" in told


def test_a_model_that_is_gone_is_code_3_and_still_a_result_line(
    quiet_machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedServer([]) as there:
        pass
    gone = {"model": "gpt-4o", "api_key": "sk-test", "base_url": there.base_url, "max_retries": 0}
    (quiet_machine / "list.json").write_text(json.dumps([gone]))
    assert main(["run", "do it", "--config", "list.json", "--json"]) == 3
    told = capsys.readouterr()
    assert json.loads(told.out.splitlines()[-1])["status"] == "failed"
    assert told.err.startswith("autogen run: ")


def test_streaming_asks_for_a_stream(capsys: pytest.CaptureFixture[str]) -> None:
    with ScriptedServer([{"stream": ["TERM", "INATE"]}]) as there:
        assert run(there, "--stream", "--json") == 0
        assert there.requests[0]["stream"] is True
    assert [line["text"] for line in lines_of(capsys) if line["event"] == "Delta" and line["text"]] == ["TERM", "INATE"]


def test_a_workspace_that_is_a_file_is_refused(quiet_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (quiet_machine / "work").touch()
    assert main(["run", "t", "--workspace", "work"]) == 2
    assert capsys.readouterr().err.startswith("autogen run: --workspace work: ")


def test_the_whole_disk_is_no_workspace(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "t", "--workspace", "/"]) == 2
    assert capsys.readouterr().err == "autogen run: --workspace /: give the code a folder of its own\n"


@needs_sandbox
def test_the_chart_is_played_without_a_model(quiet_machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    assert main(["run", "--play", "chart"]) == 0
    shown = capsys.readouterr().out
    assert "KeyError: 'TESLA'" in shown
    assert "stopped: termination" in shown
    assert (quiet_machine / "coding" / "stock_price_ytd.png").read_bytes().startswith(b"\x89PNG")


def test_files_that_appear_or_change_are_found_and_hidden_ones_are_not(tmp_path: Path) -> None:
    for name in ("kept", "changed"):
        (tmp_path / name).write_text("a")
    files = Files(tmp_path)
    (tmp_path / "changed").write_text("abc")
    (tmp_path / "sub" / ".cache").mkdir(parents=True)
    (tmp_path / "sub" / "new").touch()
    (tmp_path / "sub" / ".cache" / "x").touch()
    (tmp_path / "sub" / "link").symlink_to("/etc/passwd")
    (tmp_path / "sub" / "loop").symlink_to(tmp_path)
    assert files.made() == [tmp_path / "changed", tmp_path / "sub" / "new"]
