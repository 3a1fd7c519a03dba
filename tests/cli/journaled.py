"""Runs for the commands to look at: two payments, or two questions to a person; and programs in files of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.cli import main

ROOT = Path(__file__).parents[2]

PAYING = (
    {"agent": "assistant", "tool_calls": [["c1", "pay", {"amount": 1}]]},
    {"agent": "assistant", "tool_calls": [["c2", "pay", {"amount": 2}]]},
    {"agent": "assistant", "text": "All paid. TERMINATE"},
)
ASKING = ({"agent": "assistant", "text": "What colour?"}, {"agent": "assistant", "text": "Fine."})

ENTRY = """
import autogen
from tests.cli.journaled import asked_chat

@autogen.entrypoint(name="colours")
def colours(topic: str) -> dict:
    result = asked_chat(topic)
    return {"said": list(result.human_input)}
"""
"""A module with an entry function; a person is asked twice."""

SCRIPT = """
import sys
from tests.cli.journaled import paid_chat

print(paid_chat(*sys.argv[1:]).stop_reason)
"""


def scripted(lines: Any) -> dict[str, Any]:
    return {"config_list": [{"model": "m", "api_type": "scripted", "script": list(lines)}], "cache_seed": None}


def paid_chat(run_id: str = "paid", message: str = "Pay.", journal: str = "runs.db", note: str = "") -> Any:
    """A chat with two payments; each real one leaves a line in the file `acts`."""
    assistant = autogen.AssistantAgent("assistant", llm_config=scripted(PAYING))
    user = autogen.UserProxyAgent(
        "user",
        human_input_mode="NEVER",
        code_execution_config=False,
        is_termination_msg=lambda message: "TERMINATE" in (message.get("content") or ""),
    )

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay an amount.")
    def pay(amount: int) -> str:
        with Path("acts").open("a") as acts:
            acts.write(f"paid {amount}\n")
        return f"paid {amount}{note}"

    return user.initiate_chat(assistant, message=message, run_id=run_id, journal=journal, silent=True)


def acts() -> list[str]:
    return Path("acts").read_text().splitlines() if Path("acts").exists() else []


def asked_chat(topic: str = "tea") -> Any:
    assistant = autogen.AssistantAgent("assistant", llm_config=scripted(ASKING))
    user = autogen.UserProxyAgent("user", human_input_mode="ALWAYS", code_execution_config=False)
    return user.initiate_chat(assistant, message=f"Ask about {topic}.", silent=True)


def colours(topic: str) -> dict[str, Any]:
    """As the one in ENTRY, registered where a test makes such a run."""
    result = asked_chat(topic)
    return {"said": list(result.human_input or [])}


def asked_run(run_id: str = "q3", topic: str = "tea") -> str:
    """A run that waits for the first answer; gives the question's id."""
    autogen.entrypoint(name="colours")(colours)
    autogen.start("colours", {"topic": topic}, run_id=run_id, journal="runs.db")
    view = autogen.advance(run_id, journal="runs.db")
    (question,) = view.pending
    return question.id


def step_number(capsys: pytest.CaptureFixture[str], run: str, kind: str, which: int = 0) -> int:
    """Of the run's steps of this kind, counted from 0."""
    capsys.readouterr()
    assert main(["runs", "show", run, "--json"]) == 0
    return [int(step["number"]) for step in told(capsys)[0]["steps"] if step["kind"] == kind][which]


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines that a command wrote."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def fails(capsys: pytest.CaptureFixture[str], code: int, *argv: str) -> str:
    """The one line on stderr of a command that ends with this code."""
    capsys.readouterr()
    assert main(list(argv)) == code
    shown = capsys.readouterr().err.splitlines()
    assert len(shown) == 1, shown
    return shown[0]


def process(*argv: str, **options: Any) -> "subprocess.Popen[str]":
    """`autogen ...` in a process of its own, in this directory."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "autogen", *argv],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(command: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = command.communicate(timeout=50)
    return command.returncode, out, err
