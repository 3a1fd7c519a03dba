"""The third rung: Landlock and a system call filter, by our own launcher. Needs nothing but a kernel.

Decides which rights the code has where. Refuses to know how the launcher applies them. No namespaces: the code sees
this machine's process numbers and mounts, has no /dev/shm, and cannot leave its process group (that is how it is
killed). Landlock only adds rights below a folder, so what must be hidden or kept read-only inside the work
directory cannot be: such a work directory is refused.
"""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

from autogen.coding.sandbox import launcher, lend, seccomp
from autogen.coding.sandbox.errors import SandboxPolicyError, SandboxUnavailable
from autogen.coding.sandbox.layout import ETC, ETC_NETWORK, SYSTEM, Layout, environment, lay_out, under
from autogen.coding.sandbox.masking import Masks, masks_in
from autogen.coding.sandbox.policy import Limits, Outcome, Policy
from autogen.coding.sandbox.process import Cancelled, Ended, Job, outcome, supervise

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
MAKE_CHAR, MAKE_BLOCK, REFER, TRUNCATE, IOCTL_DEV = 1 << 6, 1 << 11, 1 << 13, 1 << 14, 1 << 15
_READ: Final = EXECUTE | READ_FILE | READ_DIR
_FS_BY_ABI: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NET, _SCOPE_SOCKETS, _SCOPE_SIGNALS = 0b11, 1, 2
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
PROC: Final = tuple(
    f"/proc/{name}"
    for name in ("self", "cpuinfo", "meminfo", "stat", "filesystems", "loadavg", "uptime", "version",
                 "sys/vm/overcommit_memory", "sys/kernel/osrelease", "sys/kernel/pid_max")
)  # fmt: skip
CPUS: Final = "/sys/devices/system/cpu"
LAUNCHER: Final = os.path.realpath(launcher.__file__)
WITHOUT: Final = frozenset({"landlock", "seccomp", "limits", "watch", "scope", "mute"})


def abi() -> int:
    """The kernel's Landlock version, 0 without Landlock."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint(1))))


class Landlock:
    """Runs code under Landlock. `without` takes protections away, for the tests that show what each is for."""

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        self.name, self.level = "landlock", 1
        if unknown := without - WITHOUT:
            raise ValueError(f"unknown protections {sorted(unknown)}; known: {sorted(WITHOUT)}")
        self.without = without
        self.root = lend.is_root()
        self.abi = abi()
        if not self.abi:
            raise unavailable(self.name, "this kernel has no Landlock, or it is not enabled")
        if not seccomp.supported():
            raise unavailable(self.name, f"there is no system call filter for {os.uname().machine} machines")

    def run(self, argv: Sequence[str], policy: Policy, cancelled: Cancelled | None = None) -> Outcome:
        """Run `argv`; see `Sandbox.run`."""
        if not isinstance(policy.network, bool):
            raise SandboxPolicyError(
                self.name, "it cannot tell one host from another", "install bubblewrap or sandlock, or use network=True"
            )
        layout = lay_out(policy, self.name)
        own = masks_in(layout.work_dir, layout)
        refuse_nested(self.name, layout, own)
        with ExitStack() as stack:
            user = stack.enter_context(lend.lent(layout.work_dir, ())) if self.root else None
            scratch = stack.enter_context(scratch_folder(user))
            limits = policy.limits
            spec: launcher.Spec = {
                "argv": list(argv),
                "env": environment(policy, home=os.path.join(scratch, "home"), tmp=os.path.join(scratch, "tmp")),
                "cwd": layout.work_dir,
                "rlimits": {} if "limits" in self.without else rlimits(limits, user),
                "user": user,
                "search": True,
            }
            if "landlock" not in self.without:
                spec["landlock"] = self._ruleset(layout, policy, scratch)
            if "seccomp" not in self.without:
                spec["filter"] = self._filter(policy, user).hex()
            fd = os.memfd_create("sandbox", os.MFD_CLOEXEC)
            stack.callback(os.close, fd)
            os.write(fd, json.dumps(spec).encode())
            os.lseek(fd, 0, os.SEEK_SET)
            job = launch_job(self.name, f"fd:{fd}", policy, "watch" not in self.without, layout, scratch, (fd,))
            return outcome(started(supervise_launcher(job, cancelled), self.name), job, policy.network is False)

    def _ruleset(self, layout: Layout, policy: Policy, scratch: str) -> "launcher.Ruleset":
        everything = max(bits for version, bits in _FS_BY_ABI.items() if version <= self.abi)
        full = everything & ~(MAKE_CHAR | MAKE_BLOCK | IOCTL_DEV)
        rules = [(layout.work_dir, full), (scratch, full)]
        rules += [(path, _READ) for path in (*SYSTEM, *ETC, *layout.interpreter, CPUS)]
        rules += [(path, _READ) for path in (ETC_NETWORK if policy.network else ())]
        rules += [(path, READ_FILE | READ_DIR) for path in PROC]
        rules += [(path, (READ_FILE | WRITE_FILE | TRUNCATE) & everything) for path in DEVICES]
        for root in layout.sources:
            rules += visible_parts(root, layout)
        scoped = 0 if "scope" in self.without else _SCOPE_SOCKETS | _SCOPE_SIGNALS
        attr = [everything, 0 if policy.network or self.abi < 4 else _NET, scoped if self.abi >= 6 else 0]
        size = 24 if self.abi >= 6 else 16 if self.abi >= 4 else 8
        return {"attr": attr, "size": size, "rules": rules}

    def _filter(self, policy: Policy, user: int | None) -> bytes:
        scoped = self.abi >= 6 and "scope" not in self.without
        profile = seccomp.Profile(
            unix_sockets=False,
            internet=policy.network is True,
            own_group=True,
            mute=not scoped and user is None and "mute" not in self.without,
            keep_attributes=user is None,
        )
        return seccomp.build(profile)


def visible_parts(root: str, layout: Layout) -> Iterator[tuple[str, int]]:
    """Read rights for `root` without what is masked in it: where something is, its neighbours one by one."""
    masks = masks_in(root, layout) if os.path.isdir(root) else Masks((), ())
    hidden = (*masks.files, *masks.folders)
    queue = [root]
    while queue:
        path = queue.pop()
        if path in hidden:
            continue
        if not any(under(secret, path) for secret in hidden):
            yield path, _READ
            continue
        yield path, READ_DIR
        queue += [entry.path for entry in os.scandir(path) if not entry.is_symlink()]


def refuse_nested(rung: str, layout: Layout, own: Masks | None) -> None:
    """Refuse a work directory in which something would have to be hidden or kept read-only."""
    inside = next((path for path in layout.interpreter if under(path, layout.work_dir)), None)
    if inside:
        raise SandboxPolicyError(rung, f"cannot keep the interpreter at {inside} read-only", _WAY_OUT)
    if own:
        raise SandboxPolicyError(rung, f"cannot hide {(*own.files, *own.folders)[0]} from the code", _WAY_OUT)


_WAY_OUT: Final = "give the code a work directory of its own, or install bubblewrap"


def rlimits(limits: Limits, user: int | None) -> dict[str, int]:
    """Hard limits by name. A user who has other processes keeps room for them: the kernel counts them all."""
    bounds = {
        "FSIZE": limits.file_bytes,
        "DATA": limits.memory_bytes,
        "NOFILE": 512,
        "CORE": 0,
        "NPROC": limits.processes + (0 if user is not None else _own_tasks()),
    }
    if limits.cpu_s is not None:
        bounds["CPU"] = max(1, round(limits.cpu_s))
    return bounds


def _own_tasks() -> int:
    count = 0
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:  # it ended meanwhile
                continue
    return count


@contextmanager
def scratch_folder(user: int | None) -> Generator[str]:
    """A private folder with `home` and `tmp` for one run, removed whatever was made in it."""
    folder = os.path.realpath(tempfile.mkdtemp(prefix="autogen-run-"))
    try:
        for path in (os.path.join(folder, "home"), os.path.join(folder, "tmp"), folder):
            if path != folder:
                os.mkdir(path, 0o700)
            if user is not None:
                os.chown(path, user, user)
        yield folder
    finally:
        try:
            shutil.rmtree(folder)
        except (OSError, RecursionError):  # folders without rights, or thousands deep: the tools know how
            subprocess.run(["chmod", "-R", "u+rwX", folder], capture_output=True, check=False)
            subprocess.run(["rm", "-rf", folder], capture_output=True, check=False)


def launch_job(
    rung: str, spec: str, policy: Policy, watched: bool, layout: Layout, scratch: str, fds: tuple[int, ...] = ()
) -> Job:
    """The launcher as a job; `spec` is its argument."""
    return Job(
        argv=[sys.executable, "-I", "-S", LAUNCHER, spec],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": scratch},
        limits=policy.limits,
        rung=rung,
        pass_fds=fds,
        disk_roots=(layout.work_dir, scratch) if watched else (),
        wrapped=True,
    )


def supervise_launcher(job: Job, cancelled: Cancelled | None) -> Ended:
    """`supervise`, with a launcher that does not start told as what it is."""
    try:
        return supervise(job, cancelled)
    except OSError as error:
        raise unavailable(job.rung, f"{job.argv[0]} could not be started: {error.strerror}") from error


def started(ended: Ended, rung: str) -> Ended:
    """Refuse the end of a launcher that never became the code."""
    if ended.exit_code == launcher.FAILED and ended.output.startswith("launcher: ") and ended.stopped is None:
        raise unavailable(rung, ended.output.strip()[:500])
    return ended


def unavailable(rung: str, reason: str) -> SandboxUnavailable:
    """The loss of a rung, with its reason."""
    return SandboxUnavailable(rung, ((rung, reason),), ())
