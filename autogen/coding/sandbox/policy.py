"""The words of the sandbox: what a run may use, and what came of it.

Decides the values that callers and rungs exchange. Refuses to know how any rung works. Change together: `Why`,
the classification in `process.py`, and the table of rungs in `probe.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

MIB = 1024 * 1024

Why: TypeAlias = Literal["ok", "error", "timeout", "memory", "pids", "disk", "output", "killed"]
"""Why a run ended: by itself ("ok", "error"), at a limit, or by a signal or a cancellation ("killed")."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much one run may use. Each holds for the whole process tree, unless the field says otherwise."""

    wall_s: float = 60.0
    """Seconds from start to kill."""
    cpu_s: float | None = None
    """CPU seconds of each process; None: only the wall clock counts."""
    memory_bytes: int = 2048 * MIB
    """Bytes of memory, of each process (address space in use) and of the tree (resident)."""
    processes: int = 64
    """Processes and threads."""
    file_bytes: int = 512 * MIB
    """Bytes of one file."""
    disk_bytes: int = 1024 * MIB
    """Bytes by which the work directory (and the scratch space) may grow in one run."""
    files: int = 10_000
    """Files and folders that one run may add."""
    output_bytes: int = MIB
    """Bytes of output kept (the first and the last half); a run that writes 32 times as much is stopped."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ValueError(f"Limits.{name} must be above 0, got {value}")


class Policy(Struct, frozen=True, kw_only=True):
    """What one run may touch."""

    work_dir: str
    """An existing folder; bound at its real path, the current directory of the run and the only writable place
    that lasts."""
    readable: tuple[str, ...] = ()
    """More files and folders that may be read, besides the interpreter, its packages and the system's programs."""
    network: bool | tuple[str, ...] = False
    """False: none. True: all. A tuple of "host" (ports 80 and 443) or "host:port": those, through a proxy."""
    env: Mapping[str, str] = {}
    """What the code sees beyond PATH, HOME, TMPDIR, LANG and MPLBACKEND; it may override those."""
    limits: Limits = Limits()


class Outcome(Struct, frozen=True):
    """What came of one run."""

    exit_code: int
    """The program's own; 124 at the wall limit, 128 + n when signal n ended it (137 at the other limits)."""
    output: str
    """stdout and stderr in the order written, as UTF-8 with wrong bytes replaced."""
    why: Why
    truncated: int
    """Bytes of output that were dropped."""
    sandbox: str
    """The rung that ran it: "bwrap", "sandlock", "landlock", "off" or "container"."""
    seconds: float
    refused_network: bool
    """A connection seems to have been refused by the policy (read from the output, or known to the proxy)."""


class Rung(Struct, frozen=True, kw_only=True):
    """One rung of the ladder as this machine has it, for `autogen doctor`."""

    name: str
    level: int
    """3: namespaces; 2: Landlock and a supervisor; 1: Landlock or a container; 0: nothing."""
    present: bool
    why_not: str
    """"" when present; else what the probe saw."""
    way_up: str
    """How to get it."""


class Sandbox(Protocol):
    """One rung. `run` may be called from several threads at once."""

    @property
    def name(self) -> str: ...

    @property
    def level(self) -> int: ...

    def run(self, argv: Sequence[str], policy: Policy, cancelled: Callable[[], bool] | None = None) -> Outcome:
        """Run `argv` and wait for its end; `cancelled` is asked about every 50 ms, and True kills the tree.

        Raises SandboxUnavailable when the sandbox itself cannot be set up (nothing ran), SandboxPolicyError when
        this rung cannot keep the policy.
        """
        ...
