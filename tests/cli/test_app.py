"""The command as a whole: options, exit codes, and one line for every error."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autogen.cli import main
from autogen.core.errors import ConfigError, ModelError
from autogen.models.errors import Overloaded, Unreachable


def test_help_and_version_end_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("run", "chat", "doctor"))
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("autogen 1.0.0a1")


@pytest.mark.parametrize("command", ["run", "chat", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "--model" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "Usage: autogen"),
        (["fly"], "autogen: No such command 'fly'"),
        (["run"], "autogen run: say what to do"),
        (["run", "t", "--human", "sometimes"], "autogen run: Invalid value for '--human'"),
        (["run", "t", "--max-turns", "0"], "autogen run: Invalid value for '--max-turns'"),
        (["run", "t", "--budget-usd", "-1"], "autogen run: Invalid value for '--budget-usd'"),
        (["run", "--play", "opera"], "autogen run: there is no example 'opera' to play; there is: chart"),
        (["run", "t", "--config", "gone.json"], "autogen run: --config gone.json"),
        (["chat", "--workspace", "gone"], "autogen chat: --workspace gone"),
        (["doctor", "--config", "gone.json"], "autogen doctor: --config gone.json"),
    ],
)
def test_what_the_user_can_mend_is_one_line_and_code_2(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(argv) == 2
    told = capsys.readouterr().err
    assert told.startswith(says)
    assert "Traceback" not in told
    assert argv == [] or told.count("\n") == 1


@pytest.mark.parametrize("command", ["run", "chat"])
def test_no_model_is_one_line_and_code_3(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "task"] if command == "run" else [command]) == 3
    told = capsys.readouterr().err
    assert told.startswith(f"autogen {command}: no model found")
    assert told.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (Unreachable("nobody there"), 3),
        (Overloaded("busy"), 1),
        (ModelError("odd"), 1),
        (ConfigError("wrong\nin two lines"), 2),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_of_the_library_become_codes(
    raised: BaseException, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise raised

    monkeypatch.setattr("autogen.cli.run.run_task", fail)
    assert main(["run", "task"]) == code
    assert capsys.readouterr().err.strip().count("\n") == 0


def test_a_defect_of_ours_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr("autogen.cli.run.run_task", fail)
    with pytest.raises(ZeroDivisionError):
        main(["run", "task"])


def test_a_reader_that_went_away_ends_the_command_in_silence() -> None:
    """As in `autogen doctor | head -1`."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "autogen", "doctor", "--json"],
        cwd=Path(__file__).parents[2],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")
