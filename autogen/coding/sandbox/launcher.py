"""The program that confines itself and then becomes the code: `python -I -S launcher.py SPEC`.

Runs on its own, imports nothing of ours, and is single-threaded, so that nothing happens between fork and exec in
the host process. SPEC is "fd:N" or the path of a JSON file (removed after reading) with: argv, env, cwd, rlimits,
user, search, landlock, filter, sandlock, packages. Decides nothing; what the keys hold is decided by `landlock.py` and
`sandlock_rung.py`, and the three change together. Any failure ends with exit code 125 before the code starts.
"""

import ctypes
import importlib
import json
import os
import resource
import signal
import struct
import sys

TYPE_CHECKING = False  # `typing` itself would cost a third of the start
if TYPE_CHECKING:
    from typing import Any, TypedDict

    class Ruleset(TypedDict):
        """Landlock: what is handled (file, network, scope bits), how much of that the kernel knows, who may what."""

        attr: list[int]
        size: int
        rules: list[tuple[str, int]]

    class _Always(TypedDict):
        argv: list[str]
        cwd: str

    class Spec(_Always, total=False):
        """One run. "sandlock" and "packages" go together; "inner" marks what is inside sandlock already."""

        env: dict[str, str]
        rlimits: dict[str, int]
        user: int | None
        search: bool
        landlock: Ruleset
        filter: str
        inner: bool
        sandlock: dict[str, Any]
        packages: str


FAILED = 125
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 1, 22, 8, 38
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36
_NEW_IPC = 0x08000000
_PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _AMBIENT_RAISE, _FILTER = 24, 47, 2, 2
_CAP_DAC_READ_SEARCH, _CAPABILITIES_V3 = 2, 0x20080522
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF, _PATH_BENEATH = 444, 445, 446, 1
_FILE_RIGHTS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15


def _check(result: int, what: str) -> int:
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return result


def _prctl(option: int, *args: int) -> None:
    longs = [ctypes.c_ulong(arg) for arg in (*args, 0, 0, 0, 0)[:4]]
    _check(_LIBC.prctl(option, *longs), f"prctl {option}")


def become(user: int, search: bool) -> None:
    """Change to `user` for good. With `search`, keep the one right to pass through closed folders on the way to
    what Landlock allows (it allows nothing else, so the right opens nothing else)."""
    for capability in range(64):
        if search and capability == _CAP_DAC_READ_SEARCH:
            continue
        if _LIBC.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break
    os.setgroups([])
    os.setresgid(user, user, user)
    if search:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setresuid(user, user, user)
    header = struct.pack("=Ii", _CAPABILITIES_V3, 0)
    kept = 1 << _CAP_DAC_READ_SEARCH if search else 0
    _check(_LIBC.capset(header, struct.pack("=6I", kept, kept, kept, 0, 0, 0)), "capset")
    if search:
        _prctl(_PR_CAP_AMBIENT, _AMBIENT_RAISE, _CAP_DAC_READ_SEARCH)


def set_limits(limits: "dict[str, int]") -> None:
    """Hard limits, by the names of the `resource` module."""
    for name, value in limits.items():
        number = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(number)[1]
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        if name == "CPU" and bound == value:
            resource.setrlimit(number, (bound, bound + 1))  # SIGXCPU first, which tells why
        else:
            resource.setrlimit(number, (bound, bound))


def make_ruleset(spec: "Ruleset") -> int:
    """A Landlock ruleset as a file descriptor."""
    attr = struct.pack("=3Q", *spec["attr"])
    ruleset = _check(_LIBC.syscall(_CREATE_RULESET, attr, ctypes.c_size_t(spec["size"]), 0), "landlock")
    for path, rights in spec["rules"]:
        try:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        allowed = rights if os.path.isdir(path) else rights & _FILE_RIGHTS
        rule = struct.pack("=Qi", allowed, fd)
        _check(_LIBC.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0), f"landlock rule for {path}")
        os.close(fd)
    return ruleset


def set_filter(program: bytes) -> None:
    """Install a system call filter; needs no_new_privs."""
    code = ctypes.create_string_buffer(program, len(program))
    wanted = struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
    _check(_LIBC.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), wanted, 0, 0), "seccomp")


def _load(source: str) -> "Spec":
    with open(int(source[3:]) if source.startswith("fd:") else source, "rb") as file:
        spec: Spec = json.loads(file.read())
    if not source.startswith("fd:"):
        os.unlink(source)
    return spec


def _tie_to(parent: int) -> None:
    """Die with the parent (asked again after a change of user, which forgets it)."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(FAILED)


def _confine(spec: "Spec", parent: int) -> None:
    ruleset = make_ruleset(spec["landlock"]) if "landlock" in spec else -1
    os.chdir(spec["cwd"])
    user = spec.get("user")
    if user is not None:
        become(user, spec.get("search", False))
    set_limits(spec.get("rlimits", {}))
    _tie_to(parent)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if ruleset >= 0:
        _check(_LIBC.syscall(_RESTRICT_SELF, ruleset, 0), "landlock")
        os.close(ruleset)
    if "filter" in spec:
        set_filter(bytes.fromhex(spec["filter"]))


def _become_code(spec: "Spec", parent: int) -> int:
    """Confine this process and turn it into the program; comes back only when that failed."""
    try:
        _confine(spec, parent)
        argv, env = spec["argv"], spec.get("env", {})
    except Exception as error:  # noqa: BLE001 - whatever it is, the code must not start
        return _failed(error)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # Python ignores these two, and exec would pass that on
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(argv[0], argv, env)  # noqa: S606 - this is what a launcher does
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
    return 127


def _failed(error: Exception) -> int:
    sys.stderr.write(f"launcher: {type(error).__name__}: {error}\n")
    sys.stderr.flush()
    return FAILED


def _run_code(spec: "Spec") -> int:
    """Start the code as a child in a process group of its own and wait for it."""
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        os._exit(_become_code(spec, parent))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return 128 - code if code < 0 else code


def _run_sandlock(spec: "Spec", parent: int) -> int:
    """Stay outside as the supervisor, and start a second launcher inside."""
    if spec.get("user") is not None:
        # sandlock leaves System V objects behind for each user it runs as, and a machine takes only some thousands. In
        # a namespace of its own they go with the run; root that may not make one runs all the same.
        _LIBC.unshare(_NEW_IPC)
    _confine(spec, parent)
    _prctl(_PR_SET_DUMPABLE, 1)  # a change of user clears it, and sandlock looks into its own /proc entry
    sys.path.append(spec.get("packages", ""))
    sandlock: Any = importlib.import_module("sandlock")
    options = spec.get("sandlock", {})
    options["allow_degraded"] = [getattr(sandlock.Protection, name) for name in options["allow_degraded"]]
    with sandlock.Sandbox(**options).popen(spec["argv"]) as process:
        result = process.wait()
    signal_number = result.signal if result.signal > 0 else signal.SIGKILL
    return int(result.exit_code if result.exit_code >= 0 else 128 + signal_number)


def end_orphans() -> None:
    """Kill and reap whoever is left; all of them are children of this process, or become so."""
    while True:
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/children", encoding="ascii") as file:
                for child in file.read().split():
                    os.kill(int(child), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main() -> int:
    """Run what SPEC says; gives its exit code. Inside sandlock, become it at once."""
    spec = _load(sys.argv[1])
    parent = os.getppid()
    if spec.get("inner"):
        return _become_code(spec, parent)
    try:
        _tie_to(parent)
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)
        code = _run_sandlock(spec, parent) if "sandlock" in spec else _run_code(spec)
        end_orphans()
    except Exception as error:  # noqa: BLE001 - whatever it is, the host must hear that nothing was kept up
        return _failed(error)
    return code


if __name__ == "__main__":
    sys.exit(main())
