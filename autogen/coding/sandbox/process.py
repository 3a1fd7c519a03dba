"""Start a process tree, watch it, cap its output, and end all of it: written once, used by every rung.

Decides when a run is over and why. Refuses to know how the tree is confined: it gets an argument list that is
already wrapped. Waits on exit, never on end of output (a daemon may hold the pipe for ever), and kills with SIGKILL
only (a payload may ignore SIGTERM). Change together: `Why` in `policy.py` and `_why` below.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox.output import Capture
from autogen.coding.sandbox.policy import Limits, Outcome, Why
from autogen.coding.sandbox.usage import DiskMeter, Tree

TICK_S: Final = 0.05
DISK_TICK_S: Final = 0.25
FLOOD: Final = 32
"""A run that writes this many times the kept output is stopped."""

Cancelled = Callable[[], bool]


class Job(Struct, kw_only=True):
    """One wrapped run, ready to start."""

    argv: Sequence[str]
    env: Mapping[str, str]
    limits: Limits
    rung: str
    cwd: str | None = None
    pass_fds: tuple[int, ...] = ()
    disk_roots: tuple[str, ...] = ()
    """Folders whose growth is limited."""
    wrapped: bool = False
    """The first process is a wrapper that ends only after all others: no strays to look for once it has ended."""


class Ended(Struct, frozen=True):
    """How a tree ended, before the words for it."""

    exit_code: int
    stopped: Why | None
    """The limit that stopped it, None when it ended by itself."""
    output: str
    truncated: int
    seconds: float
    peak_tasks: int
    peak_bytes: int


def supervise(job: Job, cancelled: Cancelled | None = None) -> Ended:
    """Run `job` to its end or to the first limit; nothing of the tree is left when this returns.

    Raises OSError when the first program cannot be started.
    """
    meter = DiskMeter(job.disk_roots) if job.disk_roots else None
    started = time.monotonic()
    child = subprocess.Popen(
        list(job.argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(job.env),
        cwd=job.cwd,
        pass_fds=job.pass_fds,
        close_fds=True,
        start_new_session=True,
    )
    assert child.stdout is not None
    watch = _Watch(job, child.pid, meter, cancelled, started)
    capture = Capture(child.stdout.fileno(), job.limits.output_bytes)
    exit_watch = _ExitWatch(child)
    stopped: Why | None = None
    ended = False
    try:
        while stopped is None and not (ended := exit_watch.wait(capture, TICK_S)):
            stopped = watch.look(capture.total)
    finally:
        exit_watch.close()
        code = _end(child, watch.tree, job.wrapped, ended)
        capture.finish()
        child.stdout.close()
    return Ended(
        exit_code=128 - code if code < 0 else code,
        stopped=stopped,
        output=capture.text(),
        truncated=capture.dropped,
        seconds=time.monotonic() - started,
        peak_tasks=watch.peak_tasks,
        peak_bytes=watch.peak_bytes,
    )


def _end(child: subprocess.Popen[bytes], tree: Tree, wrapped: bool, ended: bool) -> int:
    """Kill what is left and reap. A wrapper gets 2 s to reap its own, then it goes too."""
    if wrapped and ended:
        return child.wait()
    tree.kill(keep_root=wrapped)
    if wrapped:
        try:
            return child.wait(2.0)
        except subprocess.TimeoutExpired:
            tree.kill(keep_root=False)
    return child.wait()


class _Watch:
    """Looks at the running tree each tick and names the limit it broke, if any."""

    def __init__(
        self, job: Job, pid: int, meter: DiskMeter | None, cancelled: Cancelled | None, started: float
    ) -> None:
        self.limits, self.tree, self.meter, self.cancelled = job.limits, Tree(pid), meter, cancelled
        self.deadline = started + job.limits.wall_s
        self.next_tick = started + TICK_S
        self.next_disk = started + DISK_TICK_S
        self.peak_tasks = self.peak_bytes = 0

    def look(self, written: int) -> Why | None:
        now = time.monotonic()
        if now >= self.deadline:
            return "timeout"
        if written > self.limits.output_bytes * FLOOD:
            return "output"
        if now < self.next_tick:
            return None
        self.next_tick = now + TICK_S
        if self.cancelled is not None and self.cancelled():
            return "killed"
        usage = self.tree.measure(self.limits.memory_bytes)
        self.peak_tasks = max(self.peak_tasks, usage.tasks)
        self.peak_bytes = max(self.peak_bytes, usage.resident)
        if usage.resident > self.limits.memory_bytes:
            return "memory"
        # The rung's own wrapper processes are in the tree too: leave room, the exact bound is RLIMIT_NPROC.
        if usage.tasks > self.limits.processes + 8:
            return "pids"
        return self._disk(now, usage.pids)

    def _disk(self, now: float, pids: tuple[int, ...]) -> Why | None:
        if self.meter is None or now < self.next_disk:
            return None
        grown, added = self.meter.growth(pids, self.limits.disk_bytes, self.limits.files)
        done = time.monotonic()
        self.next_disk = done + max(DISK_TICK_S, 10 * (done - now))
        return "disk" if grown > self.limits.disk_bytes or added > self.limits.files else None


class _ExitWatch:
    """Waits for the first process to end without reaping it (its number must stay taken until the tree is dead)."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self.child = child
        self.pidfd = -1
        if hasattr(os, "pidfd_open"):
            try:
                self.pidfd = os.pidfd_open(child.pid)
            except OSError:  # an old kernel, or a filter around us: look every few milliseconds instead
                self.pidfd = -1

    def wait(self, capture: Capture, seconds: float) -> bool:
        """Collect output for at most `seconds`; True once the first process has ended."""
        if self.pidfd >= 0:
            return capture.pump(seconds, self.pidfd)
        capture.pump(min(seconds, 0.01), -1)
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self.child.poll() is not None

    def close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)


_HINTS: Final[tuple[tuple[Why, tuple[str, ...]], ...]] = (
    ("memory", ("MemoryError", "Cannot allocate memory", "std::bad_alloc")),
    ("pids", ("can't start new thread", "Resource temporarily unavailable", "fork: retry")),
    ("disk", ("No space left on device", "File too large")),
)
_NETWORK_HINTS: Final = (
    "Network is unreachable",
    "Temporary failure in name resolution",
    "Name or service not known",
    "Could not resolve host",
    "Connection refused",
    "ENETUNREACH",
    "EAI_AGAIN",
    "403 refused by the sandbox",
)


def outcome(ended: Ended, job: Job, network_off: bool, refused: int = 0) -> Outcome:
    """Put words on `ended`. The end of the output only refines the reason of a run that failed by itself."""
    why = ended.stopped or _why(ended.exit_code, ended.output[-4000:])
    code = ended.exit_code if ended.stopped is None else 124 if ended.stopped == "timeout" else 137
    looks_refused = network_off and why != "ok" and any(hint in ended.output for hint in _NETWORK_HINTS)
    return Outcome(
        exit_code=code,
        output=ended.output,
        why=why,
        truncated=ended.truncated,
        sandbox=job.rung,
        seconds=ended.seconds,
        refused_network=refused > 0 or looks_refused,
    )


def _why(code: int, tail: str) -> Why:
    if code == 0:
        return "ok"
    if os.name == "posix":
        by_signal: dict[int, Why] = {
            128 + signal.SIGKILL: "killed",
            128 + signal.SIGTERM: "killed",
            128 + signal.SIGXCPU: "timeout",
            128 + signal.SIGXFSZ: "disk",
        }
        if code in by_signal:
            return by_signal[code]
    for why, hints in _HINTS:
        if any(hint in tail for hint in hints):
            return why
    return "error"
