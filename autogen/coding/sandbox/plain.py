"""No sandbox: a plain process, because somebody asked for it ("off") or because the container is the boundary.

Decides nothing about confinement; it still bounds time, output, memory, disk and processes, and leaves no child
behind. Never chosen by the ladder itself.
"""

import os
import shutil
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from typing import Literal

from autogen.coding.sandbox.errors import SandboxUnavailable
from autogen.coding.sandbox.layout import environment
from autogen.coding.sandbox.policy import Outcome, Policy
from autogen.coding.sandbox.process import Cancelled, Job, outcome, supervise

_warned = threading.Event()


class Plain:
    """Runs code with the rights of this process. `run` reads and writes wherever they reach."""

    def __init__(self, name: Literal["off", "container"]) -> None:
        self.name: str = name
        self.level = 1 if name == "container" else 0

    def run(self, argv: Sequence[str], policy: Policy, cancelled: Cancelled | None = None) -> Outcome:
        """Run `argv` as a plain child; see `Sandbox.run`. The policy's network and readable paths are not kept."""
        work_dir = os.path.realpath(policy.work_dir)
        if self.name == "off" and not _warned.is_set():
            _warned.set()
            text = f"model-written code runs without a sandbox (sandbox='off'), in {work_dir} and with all your rights"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
        env = environment(policy, home=os.path.expanduser("~"), tmp=tempfile.gettempdir())
        if sys.platform == "win32":  # programs there do not start without these
            env = {name: os.environ[name] for name in ("SYSTEMROOT", "COMSPEC", "PATHEXT") if name in os.environ} | env
        program = shutil.which(argv[0], path=env.get("PATH")) or argv[0]
        job = Job(
            argv=[program, *argv[1:]],
            env=env,
            limits=policy.limits,
            rung=self.name,
            cwd=work_dir,
            disk_roots=(work_dir,),
        )
        try:
            ended = supervise(job, cancelled)
        except OSError as error:
            raise SandboxUnavailable(self.name, ((self.name, f"{argv[0]}: {error.strerror}"),), ()) from error
        return outcome(ended, job, network_off=False)
