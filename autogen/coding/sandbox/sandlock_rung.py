"""The second rung: the `sandlock` package, with what it leaves open closed by our own launcher.

Decides sandlock's options. Refuses to know its insides. Two programs stand between this process and the code: a
supervisor (the launcher with a "sandlock" key, outside) and the launcher again (inside), which adds the system call
filter and the limits; time, output, disk and the end of the tree are watched from here as for every rung.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final

from autogen.coding.sandbox import launcher, lend, seccomp
from autogen.coding.sandbox.landlock import (
    CPUS,
    DEVICES,
    LAUNCHER,
    PROC,
    abi,
    launch_job,
    refuse_nested,
    rlimits,
    scratch_folder,
    started,
    supervise_launcher,
    unavailable,
)  # fmt: skip
from autogen.coding.sandbox.layout import ETC, ETC_NETWORK, SYSTEM, Layout, environment, lay_out
from autogen.coding.sandbox.masking import masks_in
from autogen.coding.sandbox.policy import Outcome, Policy
from autogen.coding.sandbox.process import Cancelled, outcome
from autogen.coding.sandbox.proxy import read_rules

_OLDEST_ABI: Final = 4


class Sandlock:
    """Runs code under sandlock (Landlock, a filter and a supervisor; no namespaces)."""

    def __init__(self) -> None:
        self.name, self.level = "sandlock", 2
        import importlib.util

        found = importlib.util.find_spec("sandlock")
        if found is None or found.origin is None:
            raise unavailable(self.name, "the package is not installed")
        self.packages = os.path.dirname(os.path.dirname(os.path.realpath(found.origin)))
        if abi() < _OLDEST_ABI:
            raise unavailable(self.name, f"needs Landlock ABI {_OLDEST_ABI} (Linux 6.7); this kernel has {abi()}")
        if not seccomp.supported():
            raise unavailable(self.name, f"there is no system call filter for {os.uname().machine} machines")
        self.root = lend.is_root()

    def run(self, argv: Sequence[str], policy: Policy, cancelled: Cancelled | None = None) -> Outcome:
        """Run `argv`; see `Sandbox.run`."""
        layout = lay_out(policy, self.name)
        own = masks_in(layout.work_dir, layout)
        refuse_nested(self.name, layout, None)
        with ExitStack() as stack:
            hidden = (*own.files, *own.folders)
            user = stack.enter_context(lend.lent(layout.work_dir, hidden)) if self.root else None
            scratch = stack.enter_context(scratch_folder(user))
            inner = os.path.join(scratch, "spec.json")
            self._write(inner, self._inner(argv, policy, layout, scratch, user), user)
            options = self._options(policy, layout, scratch, hidden)
            outer = os.path.join(scratch, "supervisor.json")
            supervisor: launcher.Spec = {
                "argv": [sys.executable, "-I", "-S", LAUNCHER, inner],
                "cwd": layout.work_dir,
                "user": user,
                "search": True,
                "sandlock": options,
                "packages": self.packages,
            }
            self._write(outer, supervisor, user)
            job = launch_job(self.name, outer, policy, True, layout, scratch)
            return outcome(started(supervise_launcher(job, cancelled), self.name), job, policy.network is not True)

    def _options(self, policy: Policy, layout: Layout, scratch: str, hidden: tuple[str, ...]) -> dict[str, object]:
        """Arguments of `sandlock.Sandbox`."""
        network = policy.network
        masks = [masks_in(root, layout) for root in layout.sources if os.path.isdir(root)]
        readable = (*SYSTEM, *ETC, *layout.interpreter, *layout.sources, *PROC, CPUS, LAUNCHER)
        endpoints = ["*:*", "udp://*:*"] if network is True else []
        if isinstance(network, tuple):
            endpoints = [f"tcp://{rule.host}:{rule.port}" for rule in read_rules(network)]
        return {
            "fs_readable": [path for path in (*readable, *(ETC_NETWORK if network else ())) if os.path.exists(path)],
            "fs_writable": [layout.work_dir, scratch, *DEVICES],
            "fs_denied": [*hidden, *(path for mask in masks for path in (*mask.files, *mask.folders))],
            "net_allow": endpoints,
            "net_allow_bind": ["*"] if network is True else [],
            "max_processes": policy.limits.processes,
            "clean_env": True,
            "cwd": layout.work_dir,
            "allow_degraded": ["SIGNAL_SCOPE", "ABSTRACT_UNIX_SOCKET_SCOPE", "FS_IOCTL_DEV"],
        }

    def _inner(
        self, argv: Sequence[str], policy: Policy, layout: Layout, scratch: str, user: int | None
    ) -> "launcher.Spec":
        """What the second launcher does, inside, before it becomes the code."""
        profile = seccomp.Profile(
            unix_sockets=False,
            internet=policy.network is not False,
            own_group=True,
            mute=abi() < 6,
            keep_attributes=user is None,
        )
        return {
            "argv": list(argv),
            "env": environment(policy, home=os.path.join(scratch, "home"), tmp=os.path.join(scratch, "tmp")),
            "cwd": layout.work_dir,
            "rlimits": rlimits(policy.limits, user),
            "filter": seccomp.build(profile).hex(),
            "inner": True,
        }

    def _write(self, path: str, spec: "launcher.Spec", user: int | None) -> None:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            json.dump(spec, file)
        if user is not None:
            os.chown(path, user, user)
