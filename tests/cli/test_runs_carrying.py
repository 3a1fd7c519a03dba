"""`autogen runs resume`, `answer` and `cancel`: runs go on from any process, and their questions are answered once."""

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.cli import main
from autogen.runs.durable import open_journal
from autogen.runs.rows import RunRow
from tests.cli.journaled import ENTRY, acts, asked_run, ended, fails, paid_chat, process, told
from tests.compat.scripted_server import ScriptedServer


class Terminal(io.StringIO):
    """A person who types these lines."""

    def isatty(self) -> bool:
        return True


def typing(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("".join(f"{line}\n" for line in lines)))


# ---- answer --------------------------------------------------------------------------------------------------------


def test_a_question_is_answered_by_id_and_the_run_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    capsys.readouterr()
    assert main(["runs", "answer", "q3", ask_id, "blue", "--by", "eve"]) == 0
    assert capsys.readouterr().out.startswith("kept; carry it on: autogen runs resume q3 --import")
    assert main(["runs", "show", "q3"]) == 0
    shown = capsys.readouterr().out
    assert "why it stopped: it waits to be carried on" in shown
    assert "answered by eve" in shown
    assert main(["runs", "resume", "q3", "--no-ask", "--quiet"]) == 4
    assert autogen.runs(journal="runs.db")[0].pending[0].id != ask_id


def test_the_second_answer_is_told_who_was_first(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    assert main(["runs", "answer", "q3", ask_id, "blue", "--by", "eve"]) == 0
    assert "already answered by eve" in fails(capsys, 5, "runs", "answer", "q3", ask_id, "red")
    assert "waits for no answer" in fails(capsys, 2, "runs", "answer", "q3", "red")


def test_where_one_question_is_open_its_id_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    capsys.readouterr()
    assert main(["runs", "answer", "q3", "blue", "--json"]) == 0
    assert told(capsys) == [{"event": "answered", "run": "q3", "ask_id": ask_id, "value": "blue", "by": ""}]


def test_an_answer_to_nothing_that_was_asked_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    assert f"no such question was asked; it waits for {ask_id}" in fails(
        capsys, 2, "runs", "answer", "q3", "ask-typo", "blue"
    )
    paid_chat("paid")
    assert "waits for no answer: termination" in fails(capsys, 2, "runs", "answer", "paid", "blue")


def test_what_is_left_out_is_asked_for_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_run()
    typing(monkeypatch, "blue")
    capsys.readouterr()
    assert main(["runs", "answer", "q3"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("user was told:\nWhat colour?\n\nuser asks:\nReplying as user.")
    assert "answer> " in shown
    assert main(["runs", "show", "q3", "--json"]) == 0
    assert "blue" in told(capsys)[0]["steps"][-1]["outcome"]


def test_without_a_terminal_the_command_is_told_instead(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_id = asked_run()
    monkeypatch.setattr(sys, "stdin", io.StringIO("blue\n"))
    assert f"give the answer: autogen runs answer q3 {ask_id} '...'" in fails(capsys, 2, "runs", "answer", "q3")


def approving(monkeypatch: pytest.MonkeyPatch) -> str:
    """A run that waits for the approval of a payment; gives the question's id."""

    @autogen.entrypoint(name="approved-payment")
    def approved_payment() -> Any:
        from tests.cli.journaled import PAYING, scripted

        assistant = autogen.AssistantAgent("assistant", llm_config=scripted((PAYING[0], PAYING[2])))
        user = autogen.UserProxyAgent(
            "user",
            human_input_mode="NEVER",
            code_execution_config=False,
            is_termination_msg=lambda message: "TERMINATE" in (message.get("content") or ""),
        )

        @user.register_for_execution()
        @assistant.register_for_llm(description="Pay an amount.")
        @autogen.tool(approval=True)
        def pay(amount: int) -> str:
            with Path("acts").open("a") as file:
                file.write(f"paid {amount}\n")
            return f"paid {amount}"

        user.initiate_chat(assistant, message="Pay.", silent=True)
        return None

    autogen.start("approved-payment", run_id="p", journal="runs.db")
    (question,) = autogen.advance("p", journal="runs.db").pending
    return question.id


def test_an_approval_takes_short_words_and_nothing_unclear(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask_id = approving(monkeypatch)
    capsys.readouterr()
    assert main(["runs", "show", "p"]) == 0
    assert f"autogen runs answer p {ask_id} y   ('y' approves" in capsys.readouterr().out
    assert "does not fit the question" in fails(capsys, 2, "runs", "answer", "p", ask_id, "perhaps")
    typing(monkeypatch, "perhaps", "y")
    assert main(["runs", "answer", "p"]) == 0
    assert main(["runs", "resume", "p", "--quiet", "--no-ask"]) == 0
    assert acts() == ["paid 1"]
    capsys.readouterr()
    assert main(["runs", "show", "p", "--json"]) == 0
    tool = next(step for step in told(capsys)[0]["steps"] if step["kind"] == "tool")
    assert "called by assistant's model" in tool["why"]
    assert "a person was asked (step" in tool["why"]


# ---- resume --------------------------------------------------------------------------------------------------------


def test_another_process_imports_the_entry_function_and_carries_the_run_on(quiet_machine: Path) -> None:
    ask_id = asked_run()
    Path("app.py").write_text(ENTRY)
    code, out, err = ended(process("runs", "resume", "q3"))
    assert (code, out) == (2, "")
    assert "no entry function 'colours' here" in err
    assert "--import app.py" in err

    code, out, err = ended(process("runs", "resume", "q3", "--import", "app.py"))
    assert code == 4
    assert "why" not in err
    assert f"autogen runs answer q3 {ask_id}" in out
    assert ended(process("runs", "answer", "q3", "blue"))[0] == 0
    assert ended(process("runs", "resume", "q3", "--import", "app"))[0] == 4
    assert ended(process("runs", "answer", "q3", "exit"))[0] == 0
    code, out, err = ended(process("runs", "resume", "q3", "--import", "app", "--json"))
    assert (code, err) == (0, "")
    result = json.loads(out.splitlines()[-1])
    assert result["status"] == "done"
    assert result["result"] == {"said": ["blue", "exit"]}


def test_on_a_terminal_the_questions_are_asked_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_run()
    typing(monkeypatch, "blue", "exit")
    capsys.readouterr()
    assert main(["runs", "resume", "q3"]) == 0
    shown = capsys.readouterr().out
    assert "Provide feedback to assistant" in shown
    assert shown.rstrip().endswith('done: its entry function colours returned {"said":["blue","exit"]}')


def test_a_finished_run_is_told_and_not_run_again(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    autogen.answer("q3", ask_id, "exit", journal="runs.db")
    assert main(["runs", "resume", "q3", "--quiet"]) == 0
    capsys.readouterr()
    assert main(["runs", "resume", "q3"]) == 0
    assert "done: its entry function colours returned" in capsys.readouterr().out


def test_a_run_of_a_script_is_carried_on_by_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    store = open_journal("runs.db")
    store.create(RunRow(id="mine", status="failed", created=1.0, updated=1.0))
    assert "run the script again with run_id='mine'" in fails(capsys, 2, "runs", "resume", "mine")


def test_a_run_that_another_process_carries_on_is_left_to_it(capsys: pytest.CaptureFixture[str]) -> None:
    asked_run()
    store = open_journal("runs.db")
    store.claim("q3", "elsewhere:boot:1:1:x", time.time(), 15.0)
    capsys.readouterr()
    assert main(["runs", "resume", "q3", "--quiet"]) == 5
    assert "is being carried on by another machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError: No module named 'nothing_of_that_name' (broken.py:1)"),
        ("def broken(:\n", "SyntaxError"),
        ("raise SystemExit('no')\n", "SystemExit: no"),
    ],
)
def test_a_module_that_does_not_load_is_one_line(text: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked_run()
    Path("broken.py").write_text(text)
    capsys.readouterr()
    assert main(["runs", "resume", "q3", "--import", "broken.py", "--quiet"]) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("autogen runs resume: --import broken.py: ")
    assert says in shown.replace(f"{Path.cwd()}/", "").replace(", line ", ":")
    assert "gone.py: there is no such file" in fails(
        capsys, 2, "runs", "resume", "q3", "--import", "gone.py", "--quiet"
    )


KILLED = """
import os, signal
from pathlib import Path
from tests.cli.journaled import PAYING, scripted
import autogen

@autogen.entrypoint(name="killed")
def killed() -> str:
    assistant = autogen.AssistantAgent("assistant", llm_config=scripted((PAYING[0], PAYING[2])))
    user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False,
        is_termination_msg=lambda message: "TERMINATE" in (message.get("content") or ""))

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay an amount.")
    def pay(amount: int) -> str:
        with Path("acts").open("a") as file:
            file.write(f"paid {amount}\\n")
        os.kill(os.getpid(), signal.SIGKILL)

    return str(user.initiate_chat(assistant, message="Pay.", silent=True).chat_history[2]["content"])
"""


def test_a_process_that_was_killed_inside_a_payment_is_told_and_the_person_decides(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("app.py").write_text(KILLED)
    autogen.start("killed", run_id="k", journal="runs.db")
    assert ended(process("runs", "resume", "k", "--import", "app.py"))[0] == -9
    capsys.readouterr()
    assert main(["runs", "show", "k"]) == 0
    shown = capsys.readouterr().out
    assert "k  interrupted" in shown
    assert "why it stopped: its process ended inside step 3, pay(" in shown

    code, out, _ = ended(process("runs", "resume", "k", "--import", "app.py"))
    assert code == 4
    assert "nobody knows whether it did its work" in out
    assert "does not fit" in fails(capsys, 2, "runs", "answer", "k", "dunno")
    assert main(["runs", "answer", "k", "done: paid 1, says the bank"]) == 0
    code, out, err = ended(process("runs", "resume", "k", "--import", "app.py"))
    assert code == 0, err
    assert "paid 1, says the bank" in out
    assert acts() == ["paid 1"]


def test_a_task_of_autogen_run_asks_at_once_in_a_journal_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no name to go on by, so it must not wait for an answer of tomorrow."""
    monkeypatch.setenv("AUTOGEN_JOURNAL", "runs.db")
    monkeypatch.setattr(sys, "stdin", io.StringIO("blue\nexit\n"))
    with ScriptedServer(["What colour?", "Fine."]) as there:
        options = ["--base-url", there.base_url, "--model", "gpt-4o", "--human", "always", "--sandbox", "off"]
        assert main(["run", "Ask me.", *options, "--json"]) == 0
        result = told(capsys)[-1]
    assert result["stop_reason"] == "human_exit"
    assert main(["runs", "show", result["run_id"], "--json"]) == 0
    (run,) = told(capsys)
    assert (run["status"], run["model_calls"]) == ("done", 2)


# ---- cancel --------------------------------------------------------------------------------------------------------


def test_a_waiting_run_is_cancelled_at_once_and_takes_no_answer_any_more(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    capsys.readouterr()
    assert main(["runs", "cancel", "q3"]) == 0
    assert capsys.readouterr().out == "cancelled\n"
    assert main(["runs", "cancel", "q3"]) == 0
    assert capsys.readouterr().out.startswith("it had ended before: it was cancelled")
    assert "the run is cancelled" in fails(capsys, 2, "runs", "answer", "q3", ask_id, "blue")
    assert main(["runs", "resume", "q3", "--quiet"]) == 1


def test_a_run_that_is_carried_on_ends_at_its_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    asked_run()
    open_journal("runs.db").claim("q3", "elsewhere:boot:1:1:x", time.time(), 15.0)
    capsys.readouterr()
    assert main(["runs", "cancel", "q3"]) == 0
    assert capsys.readouterr().out == "it ends at its next step\n"
    assert main(["runs", "show", "q3"]) == 0
    assert "another machine carries it on, which was asked to end it" in capsys.readouterr().out
