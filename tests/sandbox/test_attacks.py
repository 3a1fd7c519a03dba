"""Every attack on every rung that this machine has. A rung that is not here is skipped by name, once per attack."""

import platform
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


def _cases() -> list[Any]:
    """The same filter answers for both Landlock rungs, so its many variants run on the slower of them on demand."""
    return [
        pytest.param(attack, rung, id=f"{attack.name}-{rung}",
                     marks=[pytest.mark.slow] if rung == "sandlock" and attack.row in (14, 19) else [])
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
