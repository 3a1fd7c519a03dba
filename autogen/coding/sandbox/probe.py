"""The ladder: which rung works here, and what to do when none does.

Decides by running a program in each rung, never by looking for a file. Refuses to know how rungs work. A rung once
chosen is kept for the process; its loss is an error at the run, never a weaker rung.
"""

import os
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox.errors import SandboxPolicyError, SandboxUnavailable
from autogen.coding.sandbox.policy import Limits, Policy, Rung, Sandbox

HELP: Final = (
    "pip install sandlock   (Linux 6.7 or newer; no root needed)",
    "apt-get install bubblewrap   (or your system's package of that name)",
    "Ubuntu 24.04 and newer: an AppArmor profile that grants `userns` to bwrap",
    (
        "in a container: start it with a seccomp profile that allows user namespaces, or accept the container itself "
        "as the boundary with AUTOGEN_SANDBOX=container"
    ),
    "last: sandbox='off' runs model-written code with your own rights",
)


class _Step(Struct, frozen=True):
    name: str
    level: int
    way_up: str
    make: Callable[[], Sandbox]


def _bwrap() -> Sandbox:
    from autogen.coding.sandbox.bwrap import Bwrap

    return Bwrap()


def _sandlock() -> Sandbox:
    from autogen.coding.sandbox.sandlock_rung import Sandlock

    return Sandlock()


def _landlock() -> Sandbox:
    from autogen.coding.sandbox.landlock import Landlock

    return Landlock()


def _container() -> Sandbox:
    from autogen.coding.sandbox.plain import Plain

    return Plain("container")


def _off() -> Sandbox:
    from autogen.coding.sandbox.plain import Plain

    return Plain("off")


_LADDER: Final = (
    _Step("bwrap", 3, HELP[1], _bwrap),
    _Step("sandlock", 2, HELP[0], _sandlock),
    _Step("landlock", 1, "Linux 5.13 or newer with Landlock enabled (lsm=landlock,...)", _landlock),
)
_OTHERS: Final = (
    _Step("container", 1, "AUTOGEN_SANDBOX=container, when the container is the boundary you want", _container),
    _Step("off", 0, "sandbox='off'", _off),
)
_STEPS: Final = {step.name: step for step in (*_LADDER, *_OTHERS)}

_lock = threading.Lock()
_tried: dict[str, Sandbox | str] = {}
"""What each rung's probe gave: the rung, or why not."""


def choose(wanted: str = "auto") -> Sandbox:
    """The strongest rung that works here, or the one named ("bwrap", "sandlock", "landlock", "container", "off").

    "auto" reads AUTOGEN_SANDBOX first. Raises SandboxUnavailable with what was tried and the ways out.
    """
    name = wanted
    if wanted == "auto":
        name = os.environ.get("AUTOGEN_SANDBOX", "").strip() or "auto"
    if name != "auto" and name not in _STEPS:
        raise SandboxUnavailable(name, ((name, "there is no sandbox of this name"),), (f"one of {', '.join(_STEPS)}",))
    steps = _LADDER if name == "auto" else (_STEPS[name],)
    failures: list[tuple[str, str]] = []
    for step in steps:
        found = _try(step)
        if not isinstance(found, str):
            return found
        failures.append((step.name, found))
    raise SandboxUnavailable(name, tuple(failures), HELP if sys.platform == "linux" else HELP[3:])


def describe() -> tuple[Rung, ...]:
    """Every rung as this machine has it, strongest first."""
    return tuple(_rung(step) for step in (*_LADDER, *_OTHERS))


def _rung(step: _Step) -> Rung:
    found = _try(step)
    why_not = found if isinstance(found, str) else ""
    return Rung(name=step.name, level=step.level, present=not why_not, why_not=why_not, way_up=step.way_up)


def _try(step: _Step) -> Sandbox | str:
    with _lock:
        if step.name not in _tried:
            _tried[step.name] = _probe(step)
        return _tried[step.name]


def _probe(step: _Step) -> Sandbox | str:
    """Run `true` and a little Python in the rung as it will be used."""
    if step.name in ("off", "container"):
        return step.make()
    if sys.platform != "linux":
        return f"needs Linux; this is {sys.platform}"
    try:
        rung = step.make()
        with tempfile.TemporaryDirectory(prefix="autogen-probe-") as folder:
            policy = Policy(work_dir=folder, limits=Limits(wall_s=20))
            for argv in (["true"], [sys.executable, "-I", "-c", "open('seen', 'w').write(str(6 * 7))"]):
                result = rung.run(argv, policy)
                if result.why != "ok":
                    return f"{argv[0]} ended with {result.exit_code} ({result.why}): {result.output.strip()[-300:]}"
            with open(os.path.join(folder, "seen"), encoding="ascii") as file:
                return rung if file.read() == "42" else "a file written inside did not arrive"
    except SandboxUnavailable as error:
        return error.tried[0][1] if error.tried else str(error)
    except (SandboxPolicyError, OSError, ImportError) as error:
        return f"{type(error).__name__}: {error}"
