"""What every rung lets code read: the system's programs, this interpreter, its packages. And the base environment.

Decides the list of places. Refuses to know how a rung makes them visible. Homes, /etc as a whole and /var are never
in it.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from autogen.coding.sandbox.errors import SandboxPolicyError
from autogen.coding.sandbox.policy import Policy

SYSTEM: Final = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32", "/nix/store", "/gnu/store")
ETC: Final = tuple(
    f"/etc/{name}"
    for name in (
        "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "localtime", "timezone", "ssl/certs",
        "ssl/openssl.cnf", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "pki/ca-trust/extracted",
        "ca-certificates", "fonts", "mime.types", "nsswitch.conf", "os-release", "debian_version", "inputrc",
        "magic", "protocols", "services", "python3", "python3.11", "python3.12", "python3.13", "python3.14",
    )
)  # fmt: skip
ETC_NETWORK: Final = ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf")
HOME, TMP = "/home/sandbox", "/tmp"  # noqa: S108 - the private one of a run
_TOO_WIDE: Final = ("/", "/home", "/root", TMP, "/var", "/etc", "/run", "/proc", "/sys", "/dev", "/opt")
_THREADS: Final = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS", "RAYON_NUM_THREADS",
    "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT",
)  # fmt: skip


class Layout(Struct, frozen=True, kw_only=True):
    """Real paths that one run may read, and the one it may write."""

    work_dir: str
    interpreter: tuple[str, ...]
    """Prefixes: never writable, even inside the work directory."""
    sources: tuple[str, ...]
    """Other places that Python imports from, and what the policy adds."""
    links: tuple[tuple[str, str], ...]
    """(path, target) of symbolic links on the way to the interpreter that lie in none of the places."""


def under(path: str, folder: str) -> bool:
    """Whether `path` is `folder` or lies in it; both normalised."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def lay_out(policy: Policy, rung: str) -> Layout:
    """Check the policy's paths and collect the rest. Raises SandboxPolicyError for a folder that must not be used."""
    work_dir = _work_dir(policy.work_dir, rung)
    prefixes = _outermost(os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, sys.exec_prefix))
    interpreter = tuple(path for path in prefixes if not any(under(path, system) for system in SYSTEM))
    if work_dir in interpreter:
        raise SandboxPolicyError(rung, f"the work directory {work_dir} is the interpreter's own", _OWN_FOLDER)
    hidden = (*SYSTEM, *interpreter, work_dir)
    wanted = [path for path in (*_import_paths(), *_extra(policy, rung)) if not any(under(path, h) for h in hidden)]
    sources = _outermost(wanted)
    return Layout(
        work_dir=work_dir,
        interpreter=interpreter,
        sources=sources,
        links=tuple(_links((*SYSTEM, *interpreter, *sources))),
    )


_OWN_FOLDER: Final = "give the code a folder of its own"


def _work_dir(path: str, rung: str) -> str:
    real = os.path.realpath(path)
    if "\0" in path or not os.path.isdir(real):
        raise SandboxPolicyError(rung, f"the work directory {path!r} does not exist", "create it first")
    home = os.path.realpath(os.path.expanduser("~"))
    too_wide = real in (*_TOO_WIDE, *SYSTEM) or under(home, real)
    if real == "/" or (too_wide and real != home):
        raise SandboxPolicyError(rung, f"the work directory {real} holds more than one program's files", _OWN_FOLDER)
    return real


def _extra(policy: Policy, rung: str) -> Iterator[str]:
    for path in policy.readable:
        real = os.path.realpath(path)
        if real == "/" or not os.path.exists(real):
            raise SandboxPolicyError(
                rung, f"readable path {path!r} is all of / or does not exist", "name what is needed"
            )
        yield real


def _import_paths() -> Iterator[str]:
    """Existing sys.path entries, and the folders that editable installs map names to."""
    home = os.path.realpath(os.path.expanduser("~"))
    for path in (*sys.path, *_editable()):
        real = os.path.realpath(path) if os.path.isabs(path) else ""
        if real and os.path.exists(real) and real not in _TOO_WIDE and not under(home, real):
            yield real


def _editable() -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        if name.startswith("__editable__"):
            mapping: Mapping[str, str] = getattr(module, "MAPPING", {})
            yield from mapping.values()


def _outermost(paths: Iterator[str] | list[str]) -> tuple[str, ...]:
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not any(under(path, outer) for outer in kept):
            kept.append(path)
    return tuple(kept)


def _links(visible: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    path = sys.executable or ""
    for _ in range(16):
        if not os.path.islink(path):
            return
        target = os.readlink(path)
        if not any(under(path, place) for place in visible):
            yield path, target
        path = os.path.normpath(os.path.join(os.path.dirname(path), target))


def environment(policy: Policy, *, home: str = HOME, tmp: str = TMP) -> dict[str, str]:
    """PATH, HOME and the like, then the policy's own."""
    threads = str(min(os.cpu_count() or 1, 8))
    base = {
        "PATH": os.pathsep.join((os.path.dirname(sys.executable), "/usr/local/bin", "/usr/bin", "/bin")),
        "HOME": home,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "TMPDIR": tmp,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "Agg",
        "PYTHONUNBUFFERED": "1",  # what was printed before a kill must not die in a buffer
        **dict.fromkeys(_THREADS, threads),
    }
    return base | dict(policy.env)
