"""`autogen runs fork` and `diff`: go back, change one thing, see what became of it."""

from pathlib import Path

import pytest

import autogen
from autogen.cli import main
from tests.cli.journaled import acts, asked_run, fails, paid_chat, step_number, told


def test_a_changed_tool_result_is_shared_marked_and_compared(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    at = step_number(capsys, "paid", "tool")
    assert main(["runs", "fork", "paid", "--at", str(at), "--set", "answer=the account is empty"]) == 0
    shown = capsys.readouterr().out
    assert f"paid~1: shares {at - 1} step" in shown
    assert f"what differs: the outcome of step {at} (*)" in shown
    assert "run the script again with run_id='paid~1'" in shown
    paid_chat("paid~1")
    assert acts() == ["paid 1", "paid 2", "paid 2"]

    capsys.readouterr()
    assert main(["runs", "show", "paid~1"]) == 0
    shown = capsys.readouterr().out
    assert f"forked from paid, shares {at - 1} step" in shown
    assert f"*{at}" in shown
    assert main(["runs", "show", "paid"]) == 0
    assert "forks: paid~1" in capsys.readouterr().out

    assert main(["runs", "diff", "paid", "paid~1"]) == 0
    shown = capsys.readouterr().out
    assert f"the same in the first {at - 1} step" in shown
    row = next(line for line in shown.splitlines() if "the account is empty" in line)
    assert row.split()[:6] == [str(at), str(at), "user", "tool", "pay", "changed"]
    assert "paid 1" in row
    assert main(["runs", "diff", "paid", "paid~1", "--json"]) == 0
    (found,) = told(capsys)
    assert found["same"] is False
    assert found["first"] == at - 1
    assert found["b"]["parent"] == "paid"


def test_equal_runs_are_called_so(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat("one")
    paid_chat("other")
    capsys.readouterr()
    assert main(["runs", "diff", "one", "other"]) == 0
    assert "the same in all" in capsys.readouterr().out


def test_an_answer_from_a_file_and_arguments_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    autogen.answer("q3", ask_id, "exit", journal="runs.db")
    autogen.advance("q3", journal="runs.db")
    Path("words.txt").write_text("exit", encoding="utf-8")
    at = str(step_number(capsys, "q3", "human"))
    command = ["runs", "fork", "q3", "--json", "--id"]
    assert main([*command, "by-file", "--at", at, "--set-file", "answer=words.txt"]) == 0
    (made,) = told(capsys)
    assert (made["id"], made["parent"], made["status"]) == ("by-file", "q3", "paused")
    assert main([*command, "anew", "--at", "0", "--set", 'arguments.topic:="milk"']) == 0
    assert told(capsys)[0]["shared"] == 0
    assert main(["runs", "show", "anew"]) == 0
    assert 'what differs: argument topic = "milk"' in capsys.readouterr().out
    assert main(["runs", "resume", "by-file", "--quiet"]) == 0


def test_settings_are_given_by_agent(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    capsys.readouterr()
    settings = ["system_message.assistant=Be brief.", "parameters.assistant.temperature:=0"]
    assert main(["runs", "fork", "paid", "--at", "1", *(part for one in settings for part in ("--set", one))]) == 0
    assert 'the system message of assistant; parameters of assistant: {"temperature":0}' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--at", "99"], "there is no 99"),
        (["--at", "2", "--set", "answer"], "--set 'answer': write KEY=TEXT, or KEY:=JSON"),
        (["--at", "2", "--set", "colour=red"], "set has no key 'colour'"),
        (["--at", "2", "--set", "answer:={"], "--set answer:=...: this is no JSON"),
        (["--at", "2", "--set", "answer=a", "--set", "answer=b"], "--set answer: it is set twice"),
        (["--at", "2", "--set-file", "answer=gone.txt"], "--set-file gone.txt: No such file"),
        (["--at", "1", "--set", "model.nobody=m"], "names the agent 'nobody'"),
        (["--at", "1", "--set", "model=a", "--set", "model.user=b"], "model is set as a whole, too"),
    ],
)
def test_a_change_that_cannot_be_is_one_line(options: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    assert says in fails(capsys, 2, "runs", "fork", "paid", *options)


def test_a_diff_needs_two_runs_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    assert "there is no run 'paid~1'" in fails(capsys, 2, "runs", "diff", "paid", "paid~1")
