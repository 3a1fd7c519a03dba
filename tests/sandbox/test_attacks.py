"""Every attack on every rung that this machine has. A rung that is not here is skipped by name, once per attack."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autogen.coding.sandbox import Sandbox, SandboxPolicyError, choose, describe
from tests.sandbox.attacks import ATTACKS, Attack
from tests.sandbox.world import World, hits

RUNGS = ("bwrap", "sandlock", "landlock")
ALLOWED = {
    ("bwrap", "write_init_oom_score"): "process 1 is the sandbox's own, of the same user: only the run itself dies",
}
"""What a rung is known to let through, and why that is harmless."""


def rung_here(name: str) -> Sandbox:
    found = next(rung for rung in describe() if rung.name == name)
    if not found.present:
        pytest.skip(f"{name} is not here: {found.why_not}")
    return choose(name)


SANDLOCK_EACH_TIME = (2, 5, 12, 13, 17)
"""Rows of attacks on what is sandlock's own: limits, private folders, secrets, network, files outside."""


def _waits(rung: str, row: int) -> bool:
    """Is this attack on this rung left to the slow tests?"""
    return (rung == "sandlock" and row not in SANDLOCK_EACH_TIME) or (rung == "landlock" and row in (14, 19))


def _cases() -> list[Any]:
    """Both Landlock rungs share launcher and filter, so most attacks on the slower of them wait for the slow tests."""
    return [
        pytest.param(attack, rung, id=f"{attack.name}-{rung}",
                     marks=[pytest.mark.slow] if _waits(rung, attack.row) else [])
        for rung in RUNGS for attack in ATTACKS
    ]  # fmt: skip


@pytest.mark.parametrize(("attack", "name"), _cases())
def test_the_attack_is_stopped(attack: Attack, name: str, world: World) -> None:
    if attack.x86_only and platform.machine() != "x86_64":
        pytest.skip("written with the system call numbers of x86-64")
    try:
        got = hits(attack, rung_here(name), world)
    except SandboxPolicyError as refused:
        assert name == "landlock" and "cannot hide" in str(refused)
        return
    if got and (reason := ALLOWED.get((name, attack.name))):
        pytest.xfail(reason)
    assert not got


def test_every_attack_has_its_own_name() -> None:
    names = [attack.name for attack in ATTACKS]
    assert len(names) == len(set(names)) > 90


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_suite_holds_for_an_ordinary_user_too() -> None:
    """The other recipe: run again as a user with no rights, with an interpreter that this user can reach."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("already an ordinary user, or no way to become one")
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    root = Path(__file__).resolve().parents[2]
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": str(Path(pytest.__file__).parents[1])}
    known = (
        "import msgspec, os, pytest, sys; os.stat(os.path.realpath(sys.executable)); assert sys.version_info >= (3, 11)"
    )
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([*become, python, "-c", known], env=env, capture_output=True, check=False).returncode == 0:
            break
    else:
        pytest.skip("no interpreter with pytest and msgspec that an ordinary user can reach")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/sandbox/test_attacks.py", "-k", "bwrap"]
    done = subprocess.run([*become, *command], cwd=root, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
