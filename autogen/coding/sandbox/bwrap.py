"""The first rung: bubblewrap. Namespaces, a system call filter, limits; no root needed, no root given.

Decides the argument list (each flag's reason stands beside it). Refuses to know how a run is watched. Two recipes:
an ordinary user gets a user namespace; root gets none, because code in it would still be the host's uid 0 in the
eyes of /proc/sys, but becomes an unused user before it starts. Change together: `tests/sandbox/test_mutation.py`,
which takes the protections away one by one.
"""

import json
import os
import select
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox import lend, relay, seccomp
from autogen.coding.sandbox.errors import SandboxUnavailable
from autogen.coding.sandbox.layout import ETC, ETC_NETWORK, HOME, SYSTEM, TMP, Layout, environment, lay_out, under
from autogen.coding.sandbox.masking import Masks, masks_in
from autogen.coding.sandbox.policy import MIB, Outcome, Policy
from autogen.coding.sandbox.process import Cancelled, Ended, Job, outcome, supervise
from autogen.coding.sandbox.proxy import Proxy, read_rules

_LOADER_NAMES: Final = ("LD_", "GLIBC_", "GCONV_", "MALLOC_", "LOCPATH", "NLSPATH", "TZDIR", "LC_", "LANGUAGE")
_OPEN_FILES: Final = 512
_SOCKET, _RELAY, _PORT = "/run/proxy.sock", "/run/relay.py", 3128
_PROXY_ENV: Final = {
    **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), f"http://127.0.0.1:{_PORT}"),
    **dict.fromkeys(("NO_PROXY", "no_proxy"), "localhost,127.0.0.1"),
}
WITHOUT: Final = frozenset({"seccomp", "network", "remount", "pids", "limits", "watch", "masks", "private-etc"})
"""The names that `Bwrap(without=...)` knows."""


class _Tools(Struct, frozen=True):
    bwrap: str
    prlimit: str
    setpriv: str
    env: str


class Bwrap:
    """Runs code under bubblewrap. `without` takes protections away, for the tests that show what each is for."""

    def __init__(self, without: frozenset[str] = frozenset()) -> None:
        self.name, self.level = "bwrap", 3
        if unknown := without - WITHOUT:
            raise ValueError(f"unknown protections {sorted(unknown)}; known: {sorted(WITHOUT)}")
        self.without = without
        self.root = lend.is_root()
        self.tools = _Tools(*(_find(tool, self.root) for tool in ("bwrap", "prlimit", "setpriv", "env")))
        if not seccomp.supported():
            raise _unavailable(f"there is no system call filter for {os.uname().machine} machines")

    def run(self, argv: Sequence[str], policy: Policy, cancelled: Cancelled | None = None) -> Outcome:
        """Run `argv`; see `Sandbox.run`."""
        layout = lay_out(policy, self.name)
        with ExitStack() as stack:
            setup = _Setup(self, layout, policy, stack)
            status_out, status_in = os.pipe()
            stack.callback(os.close, status_out)
            stack.callback(os.close, status_in)
            job = setup.job(argv, status_in)
            try:
                ended = supervise(job, cancelled)
            except OSError as error:
                raise _unavailable(f"{self.tools.bwrap} could not be started: {error.strerror}") from error
            _check_end(ended, status_out)
            refused = setup.proxy.refused if setup.proxy else 0
            return outcome(ended, job, policy.network is not True, refused)


class _Setup:
    """Everything one run needs, put together in order and given back through `stack`."""

    def __init__(self, rung: Bwrap, layout: Layout, policy: Policy, stack: ExitStack) -> None:
        self.rung, self.layout, self.policy, self.stack = rung, layout, policy, stack
        roots = (layout.work_dir, *layout.sources)
        hide = "masks" not in rung.without
        self.masks = [masks_in(root, layout) for root in roots if os.path.isdir(root)] if hide else []
        own = self.masks[0] if self.masks else Masks((), ())
        skip = (*own.files, *own.folders, *layout.interpreter)
        self.uid = stack.enter_context(lend.lent(layout.work_dir, skip)) if rung.root else None
        self.env = environment(policy)
        self.private = ""
        self.proxy: Proxy | None = None
        if isinstance(policy.network, tuple) and policy.network:
            self.proxy = Proxy(os.path.join(self._private_folder(), "proxy.sock"), read_rules(policy.network))
            stack.callback(self.proxy.close)
            self.env = _PROXY_ENV | self.env

    def job(self, argv: Sequence[str], status_fd: int) -> Job:
        args = [
            *self._namespaces(status_fd),
            *self._system(),
            *self._scratch(),
            *self._places(),
            *self._hidden(),
            *self._way_out(),
            *self._environment(),
            *([] if "remount" in self.rung.without else ["--remount-ro", "/dev", "--remount-ro", "/"]),
        ]
        fds = [status_fd]
        if "seccomp" not in self.rung.without:
            fds.append(self._file(seccomp.build(seccomp.Profile(unix_sockets=True, internet=True))))
            args += ["--seccomp", str(fds[-1])]
        fds.append(self._file(b"".join(os.fsencode(arg) + b"\0" for arg in args)))
        watched = "watch" not in self.rung.without
        return Job(
            argv=[self.rung.tools.bwrap, "--args", str(fds[-1]), "--", *self._inner(argv)],
            env={"PATH": "/usr/bin:/bin", "LANG": "C"},
            limits=self.policy.limits,
            rung=self.rung.name,
            pass_fds=tuple(fds),
            disk_roots=(self.layout.work_dir,) if watched else (),
            wrapped="pids" not in self.rung.without,
        )

    def _file(self, data: bytes) -> int:
        fd = os.memfd_create("sandbox", os.MFD_CLOEXEC)
        self.stack.callback(os.close, fd)
        os.write(fd, data)
        os.lseek(fd, 0, os.SEEK_SET)
        return fd

    def _namespaces(self, status_fd: int) -> list[str]:
        args = ["--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
        args += [] if "pids" in self.rung.without else ["--unshare-pid"]
        if self.policy.network is not True and "network" not in self.rung.without:
            args.append("--unshare-net")
        if self.rung.root:
            # bwrap drops all but these two, which setpriv needs and then loses with the change of user.
            args += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
        else:
            args += ["--unshare-user", "--uid", "1000", "--gid", "1000", "--disable-userns"]
        return [*args, "--die-with-parent", "--new-session", "--clearenv", "--json-status-fd", str(status_fd)]

    def _system(self) -> Iterator[str]:
        for path in SYSTEM:
            if os.path.islink(path):
                yield from ("--symlink", os.readlink(path), path)
            elif os.path.isdir(path):
                yield from (*_parents(path), "--ro-bind", path, path)
        if "private-etc" in self.rung.without:
            yield from ("--ro-bind", "/etc", "/etc")
        else:
            for path in (*ETC, *(() if self.policy.network is False else ETC_NETWORK)):
                if os.path.exists(path):
                    yield from (*_parents(path), "--ro-bind", os.path.realpath(path), path)
        yield from ("--proc", "/proc", "--dev", "/dev")

    def _scratch(self) -> Iterator[str]:
        """Private places in memory; without a size each could take all of it."""
        limits = self.policy.limits
        size = str(max(MIB, min(limits.disk_bytes, limits.memory_bytes // 8)))
        yield from ("--perms", "0755", "--dir", "/home", "--perms", "0755", "--dir", "/var")
        for path in (TMP, "/dev/shm", HOME):  # noqa: S108 - private ones
            yield from ("--perms", "1777", "--size", size, "--tmpfs", path)
        yield from ("--size", str(MIB), "--tmpfs", "/run", "--symlink", TMP, "/var/tmp")  # noqa: S108

    def _places(self) -> Iterator[str]:
        """The work directory and what Python imports from, outer folders first, each at its real path."""
        work_dir = self.layout.work_dir
        places = [(path, "--ro-bind") for path in (*self.layout.interpreter, *self.layout.sources)]
        for path, how in sorted([*places, (work_dir, "--bind")], key=lambda place: place[0].count("/")):
            yield from (*_parents(path), how, path, path)
        for path, target in self.layout.links:
            yield from (*_parents(path), "--symlink", target, path)

    def _hidden(self) -> Iterator[str]:
        if not any(self.masks):
            return
        blank = self._private_folder()
        empty, void = os.path.join(blank, "empty"), os.path.join(blank, "void")
        os.close(os.open(empty, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444))
        os.mkdir(void, 0o555)
        for masks in self.masks:
            for path in masks.files:
                yield from ("--ro-bind", empty, path)
            for path in masks.folders:
                yield from ("--ro-bind", void, path)

    def _way_out(self) -> Iterator[str]:
        if self.proxy is not None:
            yield from ("--ro-bind", os.path.join(self.private, "proxy.sock"), _SOCKET)
            yield from ("--ro-bind", os.path.realpath(relay.__file__), _RELAY)

    def _private_folder(self) -> str:
        """A host folder for this run that only this user can enter."""
        if not self.private:
            self.private = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="autogen-sandbox-"))
        return self.private

    def _environment(self) -> Iterator[str]:
        for name, value in self.env.items():
            if not (self.rung.root and name.startswith(_LOADER_NAMES)):
                yield from ("--setenv", name, value)
        yield from ("--chdir", "/" if self.rung.root else self.layout.work_dir)

    def _inner(self, argv: Sequence[str]) -> list[str]:
        """What bwrap starts: become the stranger (root only), set limits, start the program."""
        limits, tools = self.policy.limits, self.rung.tools
        become: list[str] = []
        if self.uid is not None:
            # These variables would change how setpriv itself is loaded, while it still has its two capabilities.
            late = [f"{name}={value}" for name, value in self.env.items() if name.startswith(_LOADER_NAMES)]
            late.append(f"PWD={self.layout.work_dir}")
            user = str(self.uid)
            become = [
                tools.setpriv, "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps=-all",
                "--bounding-set=-all", "--no-new-privs", tools.env, "-C", self.layout.work_dir, *late,
            ]  # fmt: skip
        if self.proxy is not None:
            argv = [sys.executable, "-I", "-S", _RELAY, _SOCKET, str(_PORT), "--", *argv]
        if "limits" in self.rung.without:
            return [*become, *argv]
        bounds = [
            f"--nproc={limits.processes}", f"--fsize={limits.file_bytes}", f"--data={limits.memory_bytes}",
            f"--nofile={_OPEN_FILES}", "--core=0",
        ]  # fmt: skip
        if limits.cpu_s is not None:
            seconds = max(1, round(limits.cpu_s))
            bounds.append(f"--cpu={seconds}:{seconds + 1}")  # SIGXCPU first, which tells why
        return [*become, tools.prlimit, *bounds, "--", *argv]


def _parents(path: str) -> list[str]:
    """Make the folders above `path`: bwrap would make them unreadable to anybody but their owner."""
    args: list[str] = []
    parts = path.split("/")[1:-1]
    for end in range(1, len(parts) + 1):
        folder = "/" + "/".join(parts[:end])
        if not any(under(folder, system) for system in SYSTEM):
            args += ["--perms", "0755", "--dir", folder]
    return args


def _find(tool: str, root: bool) -> str:
    path = shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" if root else None)
    if path is None:
        raise _unavailable(f"the program {tool} is not on the PATH")
    return path


def _check_end(ended: Ended, status_out: int) -> None:
    """Wait for the namespace to be empty, and make sure that there was one.

    bwrap ends a moment before process 1 inside (which takes all others with it) is gone. And it tells of an end only
    when it had started the program: else it is bwrap that failed.
    """
    os.set_blocking(status_out, False)
    try:
        status = os.read(status_out, 65536).decode("ascii", "replace")
    except BlockingIOError:
        status = ""
    told: dict[str, object] = {}
    for line in status.splitlines():
        told |= json.loads(line)
    first = told.get("child-pid")
    if isinstance(first, int):
        _wait_gone(first)
    if "exit-code" not in told and ended.stopped is None:
        raise _unavailable(ended.output.strip()[:500] or f"bwrap ended with {ended.exit_code} and started nothing")


def _wait_gone(pid: int) -> None:
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:  # gone
        return
    try:
        watch = select.poll()  # not `select`, which takes no number from 1024 on
        watch.register(pidfd, select.POLLIN)
        watch.poll(2000)
    finally:
        os.close(pidfd)


def _unavailable(reason: str) -> SandboxUnavailable:
    return SandboxUnavailable("bwrap", (("bwrap", reason),), ())
