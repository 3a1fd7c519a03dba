"""When this process is root: an unused user for the code, and the work directory lent to it for the run.

Decides who the code is. Refuses to know rungs. Code never runs as uid 0. The user is derived from the work
directory; the folder's files are given to it before the first run in that folder and given back after the last one
(of all processes here: a lock file keeps count and remembers the owner, so that a killed host is mended by the next
run). Files with several names are not lent, nor are masked places and interpreters. Giving away a file clears its
set-user-id bits (the kernel does that).
"""

import errno
import fcntl
import hashlib
import os
import pwd
import stat
import tempfile
import threading
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from autogen.coding.sandbox.errors import SandboxUnavailable, UnsafePathError
from autogen.coding.sandbox.safe_files import descend, open_beneath

_SPAN: Final = 4000
_DEEPEST: Final = 64
_LOCK: Final = threading.Lock()
_LENT: "dict[str, _Loan]" = {}


class _Loan:
    def __init__(self, work_dir: str, uid: int, skip: frozenset[str]) -> None:
        self.work_dir, self.uid, self.skip, self.runs = work_dir, uid, skip, 0
        self.owners: dict[tuple[int, int], tuple[int, int]] = {}
        self.lock_fd = -1
        self.owner: tuple[int, int] = (0, 0)


def is_root() -> bool:
    """Whether code of ours would run with the rights of uid 0."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def stranger(work_dir: str) -> int:
    """A uid (and gid) that nobody has here. Raises SandboxUnavailable when this namespace has none to spare."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        ranges = [tuple(map(int, line.split())) for line in file]
    spare = next((base for base in (1_900_000_000, 60_100) if _mapped(base, ranges)), None)
    if spare is None:
        raise SandboxUnavailable("root", (("root", "this user namespace has no unused uid to run code as"),), ())
    uid = spare + zlib.crc32(work_dir.encode("utf-8", "surrogateescape")) % _SPAN
    while _taken(uid):
        uid = spare + (uid + 1 - spare) % _SPAN
    return uid


def _mapped(base: int, ranges: list[tuple[int, ...]]) -> bool:
    return any(start <= base and base + _SPAN <= start + count for start, _, count in ranges)


def _taken(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


@contextmanager
def lent(work_dir: str, skip: tuple[str, ...]) -> Generator[int]:
    """Lend the tree below `work_dir`, but for the paths in `skip`; gives the uid that owns it meanwhile."""
    uid = stranger(work_dir)
    with _LOCK:
        loan = _LENT.setdefault(work_dir, _Loan(work_dir, uid, frozenset(skip)))
        try:
            loan.skip |= frozenset(skip)
            if loan.runs == 0:
                _begin(loan)
            _give(loan)  # also what the host wrote since the last run began
        except BaseException:
            if loan.runs == 0:
                del _LENT[work_dir]
                if loan.lock_fd >= 0:
                    _end(loan)
            raise
        loan.runs += 1
    try:
        yield uid
    finally:
        with _LOCK:
            loan.runs -= 1
            if loan.runs == 0:
                del _LENT[work_dir]
                _end(loan)


def _state_folder() -> str:
    """A folder only root can write, for the lock files."""
    folder = os.path.join(tempfile.gettempdir(), "autogen-sandbox-root")
    try:
        os.mkdir(folder, 0o700)
    except FileExistsError:
        info = os.lstat(folder)
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != 0 or info.st_mode & 0o022:
            raise SandboxUnavailable("root", (("root", f"{folder} belongs to somebody else"),), ()) from None
    return folder


def _begin(loan: _Loan) -> None:
    """Take the lock, learn whose the folder is. The first one here writes that down for the others."""
    name = hashlib.sha256(os.fsencode(loan.work_dir)).hexdigest()[:32]
    path = os.path.join(_state_folder(), f"{name}.json")
    loan.lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(loan.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:  # another process runs code there
        fcntl.flock(loan.lock_fd, fcntl.LOCK_SH)
        loan.owner = _owner(loan)
        return
    loan.owner = _owner(loan)
    os.ftruncate(loan.lock_fd, 0)
    os.pwrite(loan.lock_fd, msgspec.json.encode({loan.work_dir: loan.owner}), 0)
    fcntl.flock(loan.lock_fd, fcntl.LOCK_SH)


def _owner(loan: _Loan) -> tuple[int, int]:
    """Whose the folder is, or was before another run (perhaps a killed one) borrowed it."""
    info = os.stat(loan.work_dir)
    if info.st_uid != loan.uid:
        return info.st_uid, info.st_gid
    parent = os.stat(os.path.dirname(loan.work_dir))
    return _note(loan.lock_fd).get(loan.work_dir) or (parent.st_uid, parent.st_gid)


def _note(fd: int) -> dict[str, tuple[int, int]]:
    try:
        return msgspec.json.decode(os.pread(fd, 65536, 0), type=dict[str, tuple[int, int]])
    except msgspec.DecodeError:  # empty, or cut short by a crash
        return {}


def _end(loan: _Loan) -> None:
    try:
        fcntl.flock(loan.lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _take_back(loan)
    except OSError as error:
        if error.errno not in (errno.EAGAIN, errno.EACCES):  # another process still runs code there: it gives back
            raise
    finally:
        os.close(loan.lock_fd)


def _give(loan: _Loan) -> None:
    for folder_fd, name, info in _walk(loan):
        if info.st_uid == loan.uid or (stat.S_ISREG(info.st_mode) and info.st_nlink > 1):
            continue
        loan.owners[info.st_dev, info.st_ino] = (info.st_uid, info.st_gid)
        _chown(folder_fd, name, loan.uid, loan.uid)


def _take_back(loan: _Loan) -> None:
    for folder_fd, name, info in _walk(loan):
        if info.st_uid == loan.uid:
            owner = loan.owners.get((info.st_dev, info.st_ino), loan.owner)
            _chown(folder_fd, name, *owner)


def _chown(folder_fd: int, name: str, uid: int, gid: int) -> None:
    try:
        os.chown(name, uid, gid, dir_fd=folder_fd, follow_symlinks=False)
    except FileNotFoundError:  # removed meanwhile by the host
        return


def _walk(loan: _Loan) -> Iterator[tuple[int, str, os.stat_result]]:
    """Every entry below and including the work directory, by (open folder, name).

    Code of another run may be at work in there: folders are opened beneath the first one and never through a link.
    Deeper than _DEEPEST is left alone.
    """
    parent = os.open(os.path.dirname(loan.work_dir), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = os.path.basename(loan.work_dir)
        yield parent, name, os.stat(name, dir_fd=parent, follow_symlinks=False)
    finally:
        os.close(parent)
    top = os.open(loan.work_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        queue: list[list[str]] = [[]]
        while queue:
            parts = queue.pop()
            for fd, name, info in _folder(loan, top, parts):
                yield fd, name, info
                if stat.S_ISDIR(info.st_mode) and len(parts) < _DEEPEST:
                    queue.append([*parts, name])
    finally:
        os.close(top)


def _folder(loan: _Loan, top: int, parts: list[str]) -> Iterator[tuple[int, str, os.stat_result]]:
    try:
        fd = open_beneath(top, parts or ["."], os.O_RDONLY | os.O_DIRECTORY)
        if fd is None:
            fd = descend(top, parts, "/".join(parts), create=False)
    except (OSError, UnsafePathError):  # it was removed or replaced meanwhile
        return
    try:
        for name in os.listdir(fd):
            if os.path.join(loan.work_dir, *parts, name) in loan.skip:
                continue
            try:
                yield fd, name, os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
    finally:
        os.close(fd)
