"""The scripts of the checkout: they find a Python or say so, stop on failure, and work from any directory.

The whole way from a fresh copy to a chart is a slow test: it makes an environment and installs into it.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ["scripts/run", "scripts/test", "scripts/check", ".ci/run"]

pytestmark = pytest.mark.skipif(os.name == "nt" or shutil.which("bash") is None, reason="the scripts are for bash")


def bash(command: str, *, cwd: Path = ROOT, path: str | None = None, timeout: int = 60) -> tuple[int, str, str]:
    environment = {**os.environ, "PATH": os.environ["PATH"] if path is None else path}
    shell = shutil.which("bash")
    assert shell is not None
    done = subprocess.run(
        [shell, "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_can_be_run_and_stops_at_the_first_failure(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert os.access(ROOT / name, os.X_OK)
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in text
    assert bash(f"bash -n {name}") == (0, "", "")


def test_a_machine_without_python_is_told_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "python3").chmod(0o755)
    (tmp_path / "dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")
    code, out, err = bash("unset AUTOGEN_PYTHON; source scripts/_setup.sh; find_python", path=str(tmp_path))
    assert (code, out) == (1, "")
    assert "needs Python 3.11 or newer" in err
    assert "AUTOGEN_PYTHON" in err


def test_the_named_python_is_taken_first(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.write_text("#!/bin/sh\nexit 0\n")
    mine.chmod(0o755)
    assert bash(f"AUTOGEN_PYTHON={mine}; source scripts/_setup.sh; find_python") == (0, f"{mine}\n", "")


def checkout_with(tmp_path: Path, check: str, test: str) -> Path:
    """A folder with our .ci/run and two scripts that do as told."""
    for name, body in {"scripts/check": check, "scripts/test": test}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"#!/usr/bin/env bash\n{body}\n")
        file.chmod(0o755)
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    return tmp_path / ".ci/run"


SLOW_OR_NOT = 'if [ "${1:-}" = -m ]; then echo "SLOW LINE"; exit %s; fi; echo "LINE"; exit %s'


@pytest.mark.parametrize(
    ("check", "slow", "default", "code"), [(0, 0, 0, 0), (0, 5, 0, 0), (1, 0, 0, 1), (0, 1, 0, 1), (0, 0, 1, 1)]
)
def test_ci_runs_everything_and_fails_if_anything_failed(
    check: int, slow: int, default: int, code: int, tmp_path: Path
) -> None:
    run = checkout_with(tmp_path, f"exit {check}", SLOW_OR_NOT % (slow, default))
    status, out, _ = bash(str(run), cwd=Path("/"))
    assert status == code
    assert "tests:      LINE\nslow tests: SLOW LINE\n" in out
    assert ("all passed" in out) == (code == 0)


def left_by_runs(folder: str, names: list[str]) -> set[str]:
    """What a clone would not have: environments, caches, and what runs leave at the top."""
    at_the_top = {".git", ".venv", "coding", "site"} if Path(folder) == ROOT else set()
    return {name for name in names if name in at_the_top or name.endswith("_cache") or name == "__pycache__"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_fresh_copy_makes_the_chart_without_a_key(tmp_path: Path) -> None:
    """Everything a new user types: from no environment at all to a picture with two lines."""
    copy = tmp_path / "a checkout"
    shutil.copytree(ROOT, copy, ignore=left_by_runs)
    keys = "unset OPENAI_API_KEY OAI_CONFIG_LIST OPENAI_BASE_URL"
    code, out, err = bash(f"{keys}; '{copy}/scripts/run'", cwd=tmp_path, timeout=800)
    assert code == 0, out + err
    assert "the assistant's lines come from examples/chart/script.json" in out
    assert "KeyError: 'TESLA'" in out
    assert "exitcode: 0 (execution succeeded)" in out
    assert "stop reason: termination" in out
    picture = copy / "coding" / "stock_price_ytd.png"
    assert f"chart: {picture}" in out
    assert picture.read_bytes().startswith(b"\x89PNG\r\n")
