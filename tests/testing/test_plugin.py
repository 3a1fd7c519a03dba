"""The pytest plugin: recordings that lie beside the tests are tests."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import autogen
from autogen.runs.rows import RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.testing.recorded import write_recording

PROGRAM = """
import autogen
from autogen.testing import Script

def chat(prompt, lines):
    with Script(lines) as script:
        model = autogen.AssistantAgent("assistant", llm_config=script.llm_config, system_message=prompt)
        user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        return user.initiate_chat(model, message="Go.", max_turns=1, silent=True)
"""
BESIDE = """
import os
from program import chat

def run():
    lines = os.environ.get("LINES_OF_THE_MODEL")
    chat(os.environ.get("PROMPT", "Be brief."), [lines] if lines else [])
"""
ENTRY = """
import os
import autogen
from program import chat

@autogen.entrypoint
def report(topic: str):
    lines = os.environ.get("LINES_OF_THE_MODEL")
    return chat(f"Report on {topic}{os.environ.get('PROMPT', '')}.", [lines] if lines else []).summary
"""


def pytest_in(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    """A run of pytest of its own: exit code and output."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "AUTOGEN"))}
    path = f"{folder}{os.pathsep}{Path(autogen.__file__).parent.parent}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:hypothesispytest",
         "-p", "autogen.testing.plugin", f"--rootdir={folder}", "-c", os.devnull, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=50, check=False,
        env={**known, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "hello.recording.py").write_text(BESIDE)
    return tmp_path


def test_a_recording_with_a_program_beside_it_is_made_played_and_compared(project: Path) -> None:
    code, told = pytest_in(project)
    assert code == 5, told  # nothing to collect
    path = project / "hello.recording.jsonl"
    code, told = pytest_in(project, "--rebuild", LINES_OF_THE_MODEL="Hello.")
    assert code == 0, told
    before = path.read_bytes()

    code, told = pytest_in(project)
    assert code == 0, told
    assert "1 passed" in told

    code, told = pytest_in(project, PROMPT="Be long.")
    assert code == 1
    assert "step 1, assistant.model.reply/1" in told
    assert "Be brief." in told
    assert "Be long." in told
    assert "Traceback" not in told
    assert "::hello" in told
    assert path.read_bytes() == before

    code, told = pytest_in(project, "--rebuild", PROMPT="Be long.", LINES_OF_THE_MODEL="Hello.")
    assert code == 0, told
    assert path.read_bytes() != before
    code, told = pytest_in(project, PROMPT="Be long.")
    assert code == 0, told


def test_a_recording_names_its_entry_function(project: Path) -> None:
    (project / "reports.py").write_text(ENTRY)
    make = (
        "import autogen, reports\n"
        "from autogen.runs.sqlite import SqliteStore\n"
        "from autogen.testing.recorded import write_recording\n"
        "from pathlib import Path\n"
        "store = SqliteStore(':memory:')\n"
        "autogen.start('report', {'topic': 'tea'}, run_id='tea', journal=store)\n"
        "print(autogen.advance('tea', journal=store).result)\n"
        "write_recording(store, Path('tea.recording.jsonl'))\n"
    )
    root = str(Path(autogen.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{root}", "LINES_OF_THE_MODEL": "Tea is hot."}
    made = subprocess.run([sys.executable, "-c", make], cwd=project, env=environment, capture_output=True, text=True)
    assert made.stdout == "Tea is hot.\n", made.stderr
    path = project / "tea.recording.jsonl"
    assert json.loads(path.read_text().splitlines()[0])["run"]["facts"]["module"] == "reports"

    code, told = pytest_in(project)
    assert code == 0, told
    code, told = pytest_in(project, PROMPT=" in short")
    assert code == 1
    assert "Report on tea in short." in told.replace("\n", "")
    code, told = pytest_in(project, "--rebuild", PROMPT=" in short", LINES_OF_THE_MODEL="Hot.")
    assert code == 0, told
    code, told = pytest_in(project, PROMPT=" in short")
    assert code == 0, told


def a_recording_of(module: str, folder: Path) -> None:
    store = SqliteStore(":memory:")
    facts = {"entry": "report", "arguments": "x", **({"module": module} if module else {})}
    store.create(RunRow(id="r", status="done", entry="report", facts=facts))
    write_recording(store, folder / "bad.recording.jsonl")
    store.close()


@pytest.mark.parametrize("module", ["antigravity", "no_such_module", "../evil", "os.path", ""])
def test_a_recording_imports_no_module_from_elsewhere(tmp_path: Path, module: str) -> None:
    """It is data, and may come from anybody."""
    a_recording_of(module, tmp_path)
    code, told = pytest_in(tmp_path)
    assert code == 1
    assert "cannot be played" in told
    assert "put bad.recording.py beside it" in told
    if module in ("antigravity", "no_such_module"):
        assert "none of this project" in told


def test_a_recording_that_was_cut_fails_with_its_reason(project: Path) -> None:
    (project / "hello.recording.jsonl").write_text('{"autogen_recording":1,"run":{"id":"r"},"redacted":0}\n')
    code, told = pytest_in(project)
    assert code == 1
    assert "truncated" in told


def test_recorded_follows_rebuild(project: Path) -> None:
    (project / "test_it.py").write_text(
        "import os\n"
        "from autogen.testing import recorded\n"
        "from program import chat\n"
        "def test_it():\n"
        "    with recorded('it.recording.jsonl'):\n"
        "        lines = os.environ.get('LINES_OF_THE_MODEL')\n"
        "        assert chat('Be brief.', [lines] if lines else []).summary == os.environ['EXPECTED']\n"
    )
    only = ("test_it.py",)
    assert pytest_in(project, *only, LINES_OF_THE_MODEL="One.", EXPECTED="One.")[0] == 0
    assert pytest_in(project, *only, EXPECTED="One.")[0] == 0
    assert pytest_in(project, *only, "--rebuild", LINES_OF_THE_MODEL="Two.", EXPECTED="Two.")[0] == 0
    code, told = pytest_in(project, *only, EXPECTED="Two.")
    assert code == 0, told


def test_every_run_of_pytest_pays_little_for_the_plugin() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import sys, autogen.testing.plugin; print([m for m in sys.modules if 'autogen' in m])"],
        capture_output=True, text=True, check=True, cwd=Path(autogen.__file__).parent.parent,
    )  # fmt: skip
    loaded = sorted(told.stdout.strip(" []\n").replace("'", "").split(", "))
    assert loaded == ["autogen", "autogen._aliases", "autogen.testing", "autogen.testing.plugin"]
