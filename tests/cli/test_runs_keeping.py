"""`autogen runs export` and `prune`, `autogen replay`: runs as files, runs played again, old runs gone."""

import io
import json
import sys
import time
from pathlib import Path

import pytest
from click import Context, Group

import autogen
from autogen.cli import main
from autogen.cli.app import cli
from autogen.runs.durable import open_journal
from autogen.runs.rows import RunRow
from tests.cli.journaled import ENTRY, ROOT, SCRIPT, acts, asked_run, ended, fails, paid_chat, process, told

KEY = "sk-canary0123456789abcdef"
OWN = "a value that only a variable knows"

# ---- export --------------------------------------------------------------------------------------------------------


def test_an_export_holds_no_secret_and_says_how_many_were_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", OWN)
    paid_chat(note=f" with {KEY} and {OWN}")
    capsys.readouterr()
    assert main(["runs", "export", "paid", "-o", "bug.recording.jsonl", "--json"]) == 0
    (made,) = told(capsys)
    written = Path("bug.recording.jsonl").read_text()
    assert KEY not in written
    assert OWN not in written
    assert made["redacted"] >= 4
    assert made["redacted"] == written.count("[redacted:")
    assert main(["runs", "export", "paid", "-o", "bug.recording.jsonl"]) == 0
    assert f"{made['redacted']} secrets were removed" in capsys.readouterr().out


def test_a_variable_can_be_named_whose_value_is_a_secret(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "the house by the lake")
    paid_chat(note=" at the house by the lake")
    assert main(["runs", "export", "paid", "-o", "a.jsonl"]) == 0
    assert "by the lake" in Path("a.jsonl").read_text()
    assert main(["runs", "export", "paid", "-o", "b.jsonl", "--secret-env", "PLACE"]) == 0
    assert "by the lake" not in Path("b.jsonl").read_text()
    assert "GONE: this variable is not set" in fails(
        capsys, 2, "runs", "export", "paid", "-o", "b.jsonl", "--secret-env", "GONE"
    )


def test_the_keys_of_the_configuration_list_are_removed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAI_CONFIG_LIST", json.dumps([{"model": "m", "api_key": OWN}]))
    paid_chat(note=f" with {OWN}")
    assert main(["runs", "export", "paid", "-o", "a.jsonl"]) == 0
    assert OWN not in Path("a.jsonl").read_text()
    monkeypatch.setenv("OAI_CONFIG_LIST", "[{")
    assert "OAI_CONFIG_LIST does not read" in fails(capsys, 2, "runs", "export", "paid", "-o", "b.jsonl")
    assert not Path("b.jsonl").exists()


def test_several_runs_go_into_one_file_with_the_chats_of_their_scope(capsys: pytest.CaptureFixture[str]) -> None:
    with autogen.durable("runs.db"):
        paid_chat("a")
        paid_chat("a")
    paid_chat("b")
    assert main(["runs", "export", "b", "a", "-o", "all.jsonl"]) == 0
    capsys.readouterr()
    assert main(["replay", "all.jsonl", "--json"]) == 0
    assert sorted(run["id"] for run in told(capsys)) == ["a", "a/2", "b"]


def test_another_file_is_never_overwritten(capsys: pytest.CaptureFixture[str]) -> None:
    paid_chat()
    Path("thesis.txt").write_text("years of work")
    Path("folder").mkdir()
    assert "another file stands there" in fails(capsys, 2, "runs", "export", "paid", "-o", "thesis.txt")
    assert "this is a folder" in fails(capsys, 2, "runs", "export", "paid", "-o", "folder")
    assert "another file stands there" in fails(capsys, 2, "runs", "export", "paid", "-o", "runs.db")
    assert Path("thesis.txt").read_text() == "years of work"
    assert "gone" in fails(capsys, 6, "runs", "export", "paid", "-o", "gone/bug.jsonl")


# ---- replay --------------------------------------------------------------------------------------------------------


@pytest.fixture
def recording(quiet_machine: Path) -> str:
    """Of the payments, made and then out of reach of their journal."""
    paid_chat()
    assert main(["runs", "export", "paid", "-o", "bug.jsonl"]) == 0
    Path("script.py").write_text(SCRIPT)
    Path("acts").unlink()
    return "bug.jsonl"


def test_without_a_program_the_recorded_run_is_shown(recording: str, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["replay", recording]) == 0
    shown = capsys.readouterr().out
    assert "paid  done  user > assistant: Pay." in shown
    assert 'pay({"amount":2})' in shown
    assert "--live-from goes on for real" in fails(capsys, 2, "replay", recording, "--live-from", "2")
    assert "make a fork" in fails(capsys, 2, "replay", "runs.db", "--live-from", "2", "--program", "script.py")
    assert fails(capsys, 2, "replay", "gone.jsonl") == "autogen replay: no recording at gone.jsonl"


def test_a_script_plays_its_recording_and_nothing_happens(recording: str) -> None:
    code, out, err = ended(process("replay", recording, "--program", "script.py"))
    assert (code, acts()) == (0, []), err
    assert out.endswith("termination\n")
    assert err == "replaying run paid of bug.jsonl: nothing is performed\n\n"


def test_a_script_that_names_its_journal_is_played_all_the_same(recording: str) -> None:
    text = (
        "import autogen\nfrom tests.cli.journaled import paid_chat\nwith autogen.durable('mine.db'):\n    paid_chat()\n"
    )
    Path("script.py").write_text(text)
    code, _, err = ended(process("replay", recording, "--program", "script.py"))
    assert (code, acts(), Path("mine.db").exists()) == (0, [], False), err


def test_looking_at_a_journal_leaves_the_locks_of_who_has_it_open(recording: str) -> None:
    """To open and close its file would drop them; another process would then throw away what is written here."""
    with autogen.replay("runs.db", run_id="paid"):
        paid_chat()
    assert main(["replay", "runs.db"]) == 0
    assert main(["runs", "list"]) == 0
    assert ended(process("runs", "list"))[0] == 0
    paid_chat("later")
    assert "later" in ended(process("runs", "list"))[1]


def test_a_one_word_change_is_shown_side_by_side_at_its_step(recording: str) -> None:
    code, _, err = ended(process("replay", recording, "--program", "script.py", "--", "paid", "Pay now."))
    assert (code, acts()) == (1, [])
    lines = err.splitlines()
    assert lines[-1] == "autogen replay: run 'paid' went another way at assistant.model.reply/1 (step 1)"
    row = next(line for line in lines if "Pay." in line)
    assert row.index("Pay.") < row.index("Pay now.")


def test_a_difference_is_json_for_programs(recording: str) -> None:
    code, out, _ = ended(process("replay", recording, "--json", "--program", "script.py", "--", "paid", "Pay now."))
    found = json.loads(out.splitlines()[-1])
    assert code == found["exit_code"] == 1
    assert (found["status"], found["step"]) == ("different", 1)
    assert "Pay now." in found["now"]
    code, out, _ = ended(process("replay", recording, "--json", "--program", "script.py"))
    assert json.loads(out.splitlines()[-1]) == {"event": "result", "status": "same", "exit_code": 0}


def test_from_a_step_on_it_goes_on_for_real(recording: str) -> None:
    last = max(step["number"] for step in shown_steps(recording) if step["kind"] == "tool")
    code, _, err = ended(process("replay", recording, "--program", "script.py", "--live-from", str(last)))
    assert (code, acts()) == (0, ["paid 2"]), err
    assert f"from step {last} on everything is done for real" in err


def shown_steps(recording: str) -> list[dict[str, object]]:
    out = ended(process("replay", recording, "--json"))[1]
    steps: list[dict[str, object]] = json.loads(out)["steps"]
    return steps


def test_an_entry_function_is_played_by_importing_it(capsys: pytest.CaptureFixture[str]) -> None:
    ask_id = asked_run()
    autogen.answer("q3", ask_id, "exit", journal="runs.db")
    autogen.advance("q3", journal="runs.db")
    assert main(["runs", "export", "q3", "-o", "q3.jsonl"]) == 0
    Path("app.py").write_text(ENTRY)
    code, _, err = ended(process("replay", "q3.jsonl", "--import", "app.py"))
    assert code == 0, err
    assert err.endswith("q3: played as it was recorded\n")
    Path("app.py").write_text(ENTRY.replace("asked_chat(topic)", 'asked_chat("milk")'))
    code, _, err = ended(process("replay", "q3.jsonl", "--import", "app.py"))
    assert (code, "went another way" in err) == (1, True)


def test_what_the_script_raises_is_shown_from_its_first_line(recording: str) -> None:
    Path("script.py").write_text("def go():\n    raise KeyError('mine')\ngo()\n")
    code, _, err = ended(process("replay", recording, "--program", "script.py"))
    assert code == 1
    assert "KeyError: 'mine'" in err
    assert "runpy" not in err
    Path("script.py").write_text("import sys\nsys.exit(7)\n")
    assert ended(process("replay", recording, "--program", "script.py"))[0] == 7


def test_a_cut_and_a_newer_recording_are_one_line_with_code_6(
    recording: str, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = Path(recording).read_bytes()
    Path("cut.jsonl").write_bytes(whole[: len(whole) // 2])
    assert "cut.jsonl" in fails(capsys, 6, "replay", "cut.jsonl")
    Path("newer.jsonl").write_bytes(whole.replace(b'"autogen_recording":1', b'"autogen_recording":99', 1))
    assert "format 99" in fails(capsys, 6, "replay", "newer.jsonl")


# ---- prune ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def aged(quiet_machine: Path) -> None:
    """Old runs that have ended; one that waits; one with a fork that stays; a new one."""
    store = open_journal("runs.db")
    old = time.time() - 40 * 86400
    for name in ("old-1", "old-2", "kept-by-fork"):
        store.create(RunRow(id=name, status="done", created=old, updated=old, title=name))
    store.create(RunRow(id="waits", status="paused", created=old, updated=old))
    store.create(RunRow(id="kept-by-fork~1", status="paused", created=old, updated=old, parent="kept-by-fork"))
    store.create(RunRow(id="new", status="done", created=time.time(), updated=time.time()))


def left() -> list[str]:
    return sorted(run.id for run in autogen.runs(journal="runs.db"))


@pytest.mark.usefixtures("aged")
def test_old_runs_are_named_and_deleted_when_a_person_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer, stays in (("n", True), ("", True), ("y", False)):
        typed = io.StringIO(f"{answer}\n")
        monkeypatch.setattr(typed, "isatty", lambda: True, raising=False)
        monkeypatch.setattr(sys, "stdin", typed)
        assert main(["runs", "prune", "--older-than", "30d"]) == 0
        shown = capsys.readouterr().out
        assert "delete 2 runs? [y/N]" in shown
        assert "old-1" in shown
        assert "kept-by-fork" not in shown
        assert ("old-1" in left()) == stays
    assert left() == ["kept-by-fork", "kept-by-fork~1", "new", "waits"]


@pytest.mark.usefixtures("aged")
def test_without_a_terminal_pruning_wants_yes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["runs", "prune", "--older-than", "4w"]) == 2
    captured = capsys.readouterr()
    assert "old-2" in captured.out
    assert captured.err == "autogen runs prune: this deletes 2 runs; say --yes\n"
    assert len(left()) == 6
    assert main(["runs", "prune", "--older-than", "4w", "--yes", "--json"]) == 0
    assert told(capsys)[0]["deleted"] == 2
    assert main(["runs", "prune", "--older-than", "4w"]) == 0
    assert capsys.readouterr().out == "no ended run is older than 4w\n"


@pytest.mark.parametrize("age", ["30", "d", "-3d", "3 days", ""])
def test_an_age_needs_a_number_and_a_unit(age: str, capsys: pytest.CaptureFixture[str]) -> None:
    open_journal("runs.db")
    assert "write a number and a unit" in fails(capsys, 2, "runs", "prune", f"--older-than={age}")


# ---- the page ------------------------------------------------------------------------------------------------------


def commands() -> list[tuple[str, list[str]]]:
    found = [("replay", cli.commands["replay"])]
    runs = cli.commands["runs"]
    assert isinstance(runs, Group)
    found += [(f"runs {name}", runs.commands[name]) for name in runs.list_commands(Context(runs))]
    common = {"--json", "--journal"}
    return [
        (name, [word for option in command.params for word in option.opts if word[:2] == "--" and word not in common])
        for name, command in found
    ]


@pytest.mark.parametrize(("name", "options"), commands(), ids=[name for name, _ in commands()])
def test_every_command_and_option_is_on_the_page(name: str, options: list[str]) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    _, heading, after = page.partition(f"# `autogen {name}`\n")
    assert heading
    section = after.partition("\n## ")[0].partition("\n### ")[0]
    assert [word for word in options if f"`{word}" not in section] == []
