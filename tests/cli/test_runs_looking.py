"""`autogen runs list`, `show` and `tail`: which journal, which runs, what happened in one and why."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

import autogen
from autogen.cli import main
from autogen.core.events import Event, RequestSent
from autogen.runs.durable import open_journal
from autogen.runs.rows import Entry, RunRow
from tests.cli.journaled import ROOT, asked_run, ended, fails, paid_chat, process, step_number, told
from tests.compat.scripted_server import ScriptedServer

# ---- which journal -------------------------------------------------------------------------------------------------


def test_without_a_journal_the_way_out_is_told_and_none_is_made(
    quiet_machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = fails(capsys, 2, "runs", "list")
    assert line.startswith("autogen runs list: no journal: give --journal FILE, set AUTOGEN_JOURNAL")
    assert "--journal" in fails(capsys, 2, "runs", "list", "--journal", "gone.db")
    assert list(quiet_machine.iterdir()) == []


def test_the_option_wins_over_the_variable_and_that_over_this_folder(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("folder").mkdir()
    for path in ("runs.db", "other.db", "folder/runs.db"):
        paid_chat(path, journal=path)
    capsys.readouterr()

    def listed(*options: str) -> list[str]:
        assert main(["runs", "list", "--json", *options]) == 0
        return [run["id"] for run in told(capsys)]

    assert listed() == ["runs.db"]
    monkeypatch.setenv("AUTOGEN_JOURNAL", "folder")
    assert listed() == ["folder/runs.db"]
    assert listed("--journal", "other.db") == ["other.db"]


def test_a_damaged_and_a_newer_journal_are_each_one_line_with_code_6(capsys: pytest.CaptureFixture[str]) -> None:
    Path("junk.db").write_bytes(b"SQLite format 3\0" + b"junk" * 400)
    assert "junk.db" in fails(capsys, 6, "runs", "list", "--journal", "junk.db")
    paid_chat()
    open_journal("runs.db").close()
    with sqlite3.connect("runs.db") as file:
        file.execute("PRAGMA user_version = 99")
    file.close()
    os.rename("runs.db", "newer.db")
    assert "format 99" in fails(capsys, 6, "runs", "list", "--journal", "newer.db")


def test_a_recording_is_no_journal(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    assert main(["runs", "export", "paid", "-o", "bug.jsonl"]) == 0
    assert "autogen replay bug.jsonl" in fails(capsys, 2, "runs", "list", "--journal", "bug.jsonl")


# ---- list ----------------------------------------------------------------------------------------------------------


def test_runs_are_listed_newest_first_with_cost_and_open_questions(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat("first")
    asked_run("second")
    capsys.readouterr()
    assert main(["runs", "list"]) == 0
    head, _, second, first = capsys.readouterr().out.splitlines()
    assert head.split() == ["run", "status", "last", "written", "steps", "calls", "tokens", "cost", "asks", "title"]
    assert second.split()[:2] == ["second", "paused"]
    assert second.split()[4:] == ["2", "1", "15", "$0.0000", "1", "colours"]
    assert first.split()[:2] == ["first", "done"]
    assert first.endswith("user > assistant: Pay.")


def test_lists_are_filtered_by_status_text_and_number(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("tea-1", "tea-2", "milk"):
        paid_chat(name)
    asked_run("tea-3")
    capsys.readouterr()

    def listed(*options: str) -> list[str]:
        assert main(["runs", "list", "--json", *options]) == 0
        return [run["id"] for run in told(capsys)]

    assert listed("--status", "paused") == ["tea-3"]
    assert listed("--text", "tea") == ["tea-3", "tea-2", "tea-1"]
    assert listed("--limit", "2") == ["tea-3", "milk"]
    assert main(["runs", "list", "--text", "cocoa"]) == 0
    assert capsys.readouterr().out == "no runs like that\n"


def test_a_run_whose_process_is_gone_is_called_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    store = open_journal("runs.db")
    row = store.create(RunRow(id="lost", created=time.time(), updated=time.time()))
    row = store.claim(row.id, "here:boot:1:1:x", time.time() - 60, 15.0)
    store.append(
        "lost", row.generation, [Entry(address="user.tool/1", kind="tool", state="started", agent="user", label="pay")]
    )
    assert main(["runs", "show", "lost"]) == 0
    shown = capsys.readouterr().out
    assert "lost  interrupted" in shown
    assert "why it stopped: its process ended inside step 1, pay()" in shown
    assert "run the script again with run_id='lost'" in shown
    assert main(["runs", "tail", "lost"]) == 1


# ---- show ----------------------------------------------------------------------------------------------------------


def test_every_step_tells_what_came_of_it_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    capsys.readouterr()
    assert main(["runs", "show", "paid"]) == 0
    shown = capsys.readouterr().out
    assert "why it stopped: termination" in shown
    assert "steps, 3 model calls, 30 tokens in, 15 out, cost $0.0000" in shown
    assert main(["runs", "show", "paid", "--json"]) == 0
    (run,) = told(capsys)
    acted = [step for step in run["steps"] if step["kind"] != "callback"]
    assert [(step["agent"], step["kind"], step["what"], step["outcome"]) for step in acted] == [
        ("assistant", "model", "reply", 'calls pay({"amount":1})'),
        ("user", "tool", 'pay({"amount":1})', "paid 1"),
        ("assistant", "model", "reply", 'calls pay({"amount":2})'),
        ("user", "tool", 'pay({"amount":2})', "paid 2"),
        ("assistant", "model", "reply", "All paid. TERMINATE"),
    ]
    numbers = [step["number"] for step in acted]
    assert acted[1]["why"] == f"called by assistant's model (step {numbers[0]})"
    assert acted[3]["why"] == f"called by assistant's model (step {numbers[2]})"
    assert acted[0]["why"].startswith("answers the first message")
    assert acted[2]["why"].startswith(f"answers the result of pay (step {numbers[1]})")
    assert (acted[0]["input"], acted[0]["output"], acted[0]["usd"]) == (10, 5, 0.0)
    asked = [step for step in run["steps"] if step["kind"] == "callback"]
    assert asked[-1]["why"] == "predicate of user"
    assert asked[-1]["outcome"] == "True"


def test_open_questions_come_with_the_command_that_answers_them(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    capsys.readouterr()
    assert main(["runs", "show", "q3"]) == 0
    shown = capsys.readouterr().out
    assert "why it stopped: it waits for an answer" in shown
    assert f"autogen runs answer q3 {ask_id} '...'" in shown
    assert "carry it on: autogen runs resume q3 --import <the module or file of colours>" in shown


def test_one_step_is_shown_whole(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat(note=f"\n{'x' * 300} the end")
    capsys.readouterr()
    number = step_number(capsys, "paid", "tool")
    assert main(["runs", "show", "paid", "--step", str(number)]) == 0
    shown = capsys.readouterr().out
    assert "outcome:\npaid 1\n" in shown
    assert "xxx the end" in shown
    assert main(["runs", "show", "paid", "--step", str(number), "--json"]) == 0
    (step,) = told(capsys)
    assert step["detail"]["call_id"] == "c1"


def test_the_exact_bytes_of_a_request_are_printed_and_nothing_else(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    bodies: list[bytes] = []

    def keep(event: Event) -> None:
        if isinstance(event, RequestSent):
            bodies.append(event.body)

    with ScriptedServer(["Größe?", "Done."]) as there, autogen.observing(keep, console=False):
        config = {"config_list": [{"model": "gpt-4o", "base_url": there.base_url, "api_key": "k"}], "cache_seed": None}
        assistant = autogen.AssistantAgent("assistant", llm_config=config)
        user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        user.initiate_chat(assistant, message="Wie groß? " + "x" * 2000, run_id="sent", journal="runs.db", max_turns=2)
    assert len(bodies) == 2
    for number, body in enumerate(bodies, 1):
        capfdbinary.readouterr()
        assert main(["runs", "show", "sent", "--request", str(number)]) == 0
        assert capfdbinary.readouterr().out == body
    assert json.loads(bodies[1])["messages"][-1]["role"] == "user"


def test_a_step_that_sent_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    line = fails(capsys, 2, "runs", "show", "paid", "--request", "1")
    assert line == (
        "autogen runs show: step 1 sent no bytes over a network: a scripted model, a client of the program's own or a "
        "cache answered"
    )
    assert "there is no step 99" in fails(capsys, 2, "runs", "show", "paid", "--request", "99")
    tool = str(step_number(capsys, "paid", "tool"))
    assert "no model call but a tool step" in fails(capsys, 2, "runs", "show", "paid", "--request", tool)
    assert "prints bytes" in fails(capsys, 2, "runs", "show", "paid", "--request", "1", "--json")


def test_an_unknown_run_is_told_with_the_names_that_are_near(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat("q3-report")
    paid_chat("holiday")
    assert "did you mean q3-report?" in fails(capsys, 2, "runs", "show", "q3_report")
    assert "did you mean holiday?" in fails(capsys, 2, "runs", "tail", "holi")
    assert "`autogen runs list`" in fails(capsys, 2, "runs", "cancel", "zzz")


def test_what_a_tool_says_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat(note="\033]0;owned\007 [red]no markup[/red] \u202etxt")
    tool = str(step_number(capsys, "paid", "tool"))
    for argv in (["runs", "show", "paid"], ["runs", "show", "paid", "--step", tool], ["runs", "tail", "paid"]):
        assert main(argv) == 0
        shown = capsys.readouterr().out
        assert "\033" not in shown
        assert "\007" not in shown
        assert "\u202e" not in shown
        assert "\\x1b]0;owned\\x07 [red]no markup[/red] \\u202etxt" in shown


def test_on_a_narrow_terminal_everything_is_still_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paid_chat()
    model = step_number(capsys, "paid", "model", 1)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["runs", "show", "paid"]) == 0
    shown = capsys.readouterr().out
    assert all(part in shown for part in ('pay({"amount":2})', "-> paid 2", f"model (step {model})"))
    table = shown.partition("step  who")[2].splitlines()
    assert max(map(len, table)) <= 80


# ---- tail ----------------------------------------------------------------------------------------------------------


def test_a_run_is_followed_while_another_process_carries_it_on(quiet_machine: Path) -> None:
    script = f"""
import time
from pathlib import Path
from tests.cli.journaled import scripted
import autogen

assistant = autogen.AssistantAgent("assistant", llm_config=scripted(
    [{{"agent": "assistant", "tool_calls": [["c", "wait", {{}}]]}}, {{"agent": "assistant", "text": "TERMINATE"}}]))
user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False,
    is_termination_msg=lambda message: message.get("content") == "TERMINATE")

@user.register_for_execution()
@assistant.register_for_llm(description="Wait.")
def wait() -> str:
    Path({str(quiet_machine / "inside")!r}).touch()
    until = time.monotonic() + 40
    while not Path({str(quiet_machine / "go")!r}).exists() and time.monotonic() < until:
        time.sleep(0.02)
    return "waited"

user.initiate_chat(assistant, message="Go.", run_id="long", journal="runs.db", silent=True)
"""
    Path("long.py").write_text(script)
    carrying = subprocess.Popen([sys.executable, "long.py"], env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        until = time.monotonic() + 40
        while not Path("inside").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        following = process("runs", "tail", "long", "--json")
        assert following.stdout is not None
        first = [json.loads(following.stdout.readline())]
        while first[-1]["kind"] != "tool":
            first.append(json.loads(following.stdout.readline()))
        assert first[-1]["state"] == "started"
        Path("go").touch()
        code, out, err = ended(following)
    finally:
        Path("go").touch()
        carrying.wait(40)
    assert (code, err) == (0, "")
    later = [json.loads(line) for line in out.splitlines()]
    assert "waited" in [step.get("outcome") for step in later]
    assert later[-1]["event"] == "end"
    assert later[-1]["status"] == "done"


def test_following_ends_where_a_person_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    capsys.readouterr()
    assert main(["runs", "tail", "q3"]) == 4
    shown = capsys.readouterr().out
    assert "assistant model reply -> What colour?" in shown
    assert f"autogen runs answer q3 {ask_id}" in shown


def test_an_entry_function_that_returned_is_why_a_run_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    autogen.answer("q3", ask_id, "exit", journal="runs.db")
    autogen.advance("q3", journal="runs.db")
    capsys.readouterr()
    assert main(["runs", "show", "q3"]) == 0
    assert 'why it stopped: its entry function colours returned {"said":["exit"]}' in capsys.readouterr().out
