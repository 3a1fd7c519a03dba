"""The files of a work directory as a journal wants them: listed with digests, read, put back, set aside.

Code has written there, so every file is opened beneath the directory and never through a link; what is no plain file,
what is kept from code (keys, `.env`, repositories) and what belongs to installed packages is not looked at. Refuses to
know what a journal keeps and when files are put back (`runs/work_files.py`, whose `Disk` this module is).
"""

import os
import stat
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import blake2b
from threading import Lock
from time import time_ns
from typing import Any, Final

from autogen.coding.sandbox.errors import UnsafePathError
from autogen.coding.sandbox.masking import secret_entry
from autogen.coding.sandbox.safe_files import descend, open_folder, parts_of, read_inside
from autogen.runs.work_files import Scan, Seen

MOST_FILES: Final = 1_000
MOST_LOOKED_AT: Final = 20_000
"""Entries of folders; a work directory with more is listed in part."""
MOST_BYTES: Final = 1 << 30
"""A larger file is listed without a digest."""
_PASSED: Final = frozenset({"__pycache__", "site-packages", "dist-packages", "node_modules"})
_FRESH_NS: Final = 100_000_000
"""A file written so short a time ago may change again without its time telling."""
_CHUNK: Final = 1 << 20
_REMEMBERED: Final = 20_000

_digests: dict[tuple[str, str], tuple[tuple[int, int, int], str]] = {}
"""(directory, path) -> what `lstat` said, and the digest then."""
_remembering = Lock()


def place(executor: Any) -> str | None:
    """The real path of an executor's work directory; None for one that has none."""
    found = getattr(executor, "work_dir", None)
    if not isinstance(found, (str, os.PathLike)):
        return None
    return os.path.realpath(os.fspath(found))  # pyright: ignore[reportUnknownArgumentType]


def scan(root: str, hidden: str) -> Scan:
    """The plain files below `root`, by path. hidden: a file that is passed over, and what lies beside it under its
    name with more at the end: the journal."""
    files: list[Seen] = []
    left_out = 0
    for path, entry in _walk(root, hidden):
        if entry is None or len(files) >= MOST_FILES:
            left_out += 1
            continue
        seen = _seen(root, path, entry)
        if seen is None:
            left_out += 1
        else:
            files.append(seen)
    return Scan(tuple(sorted(files, key=lambda file: file.path)), left_out)


def read(root: str, path: str, most: int) -> bytes | None:
    """The content of a file; None when it is gone, no plain file any more, or larger than `most` bytes."""
    try:
        return read_inside(root, path, most)
    except (UnsafePathError, OSError):
        return None


def exists(root: str, path: str) -> bool:
    """Does anything stand there, a link included?"""
    return os.path.lexists(os.path.join(root, path))


def put(root: str, path: str, data: bytes, executable: bool) -> str:
    """Write the file, in the place of a plain one that is there, folders on the way included; "", or why not."""
    os.makedirs(root, exist_ok=True)
    try:
        parts = parts_of(path)
        folder = open_folder(root)
        try:
            inner = descend(folder, parts[:-1], path, create=True)
            try:
                _write(inner, root, parts, data, 0o755 if executable else 0o644)
            finally:
                _close(inner)
        finally:
            _close(folder)
    except UnsafePathError as error:
        return error.reason
    except OSError as error:
        return error.strerror or str(error)
    return ""


def set_aside(root: str, path: str) -> str:
    """Give what stands there another name beside it, which nothing has; that path, or "" when it cannot be moved."""
    number = 0
    while True:
        number += 1
        aside = f"{path}.kept-{number}"
        if exists(root, aside):
            continue
        try:
            _in_folder(root, path, partial(_rename, root, path, os.path.basename(aside)))
        except (UnsafePathError, OSError):
            return ""
        return aside


def remove(root: str, path: str) -> bool:
    """Delete a plain file; False when that cannot be done."""
    try:
        _in_folder(root, path, partial(_unlink, os.path.dirname(os.path.join(root, path))))
    except (UnsafePathError, OSError):
        return False
    return True


def _in_folder(root: str, path: str, act: Callable[[int, str], None]) -> None:
    """`act(folder, name)` with a handle on the file's folder; -1 where there are none."""
    parts = parts_of(path)
    folder = open_folder(root)
    try:
        inner = descend(folder, parts[:-1], path, create=False)
        try:
            act(inner, parts[-1])
        finally:
            _close(inner)
    finally:
        _close(folder)


def _rename(root: str, path: str, to: str, folder: int, name: str) -> None:
    if folder < 0:
        os.rename(os.path.join(root, path), os.path.join(root, os.path.dirname(path), to))
        return
    os.rename(name, to, src_dir_fd=folder, dst_dir_fd=folder)


def _unlink(base: str, folder: int, name: str) -> None:
    if folder < 0:
        os.unlink(os.path.join(base, name))
    else:
        os.unlink(name, dir_fd=folder)


def _write(folder: int, root: str, parts: list[str], data: bytes, mode: int) -> None:
    """Whole or not at all: under another name first."""
    name = parts[-1]
    staged = f".{name[:100]}.{os.urandom(6).hex()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    if folder < 0:
        base = os.path.join(root, *parts[:-1])
        os.makedirs(base, exist_ok=True)
        if os.path.realpath(base) != os.path.join(os.path.realpath(root), *parts[:-1]):
            raise UnsafePathError("/".join(parts), "a part of it is a link")
        fd = os.open(os.path.join(base, staged), flags, mode)
    else:
        base = ""
        fd = os.open(staged, flags, mode, dir_fd=folder)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            if hasattr(os, "fchmod"):
                os.fchmod(file.fileno(), mode)
        if folder < 0:
            os.replace(os.path.join(base, staged), os.path.join(base, name))
        else:
            os.replace(staged, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        _unlink(base, folder, staged)
        raise


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def _walk(root: str, hidden: str) -> "Iterator[tuple[str, os.DirEntry[str] | None]]":
    """(path, entry) of each plain file; (path, None) for what is left out by its name or kind."""
    queue = deque([""])
    looked = 0
    while queue:
        below = queue.popleft()
        for entry in _entries(os.path.join(root, below) if below else root):
            looked += 1
            if looked > MOST_LOOKED_AT:
                yield below, None
                return
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                if not _passed(entry):
                    queue.append(path)
            elif not secret_entry(entry) and not entry.path.startswith(hidden):
                yield path, entry if entry.is_file(follow_symlinks=False) else None


def _entries(folder: str) -> "list[os.DirEntry[str]]":
    try:
        if os.path.islink(folder):
            return []
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # unreadable, or gone
        return []


def _passed(entry: "os.DirEntry[str]") -> bool:
    if entry.name in _PASSED or entry.name.endswith(".artifacts"):
        return True
    return secret_entry(entry) or os.path.exists(os.path.join(entry.path, "pyvenv.cfg"))


def _seen(root: str, path: str, entry: "os.DirEntry[str]") -> Seen | None:
    try:
        parts_of(path)
        found = entry.stat(follow_symlinks=False)
        digest = _digest(root, path, found)
    except (UnsafePathError, OSError):
        return None
    if digest is None:
        return None
    return Seen(path, found.st_size, digest, bool(found.st_mode & stat.S_IXUSR))


def _digest(root: str, path: str, found: os.stat_result) -> str | None:
    """Of the content, the name of its blob; "" for a huge file, None for one that cannot be read."""
    if found.st_size > MOST_BYTES:
        return ""
    state = (found.st_size, found.st_mtime_ns, found.st_ino)
    known = _digests.get((root, path))
    if known is not None and known[0] == state:
        return known[1]
    made = blake2b(digest_size=16)
    fd = _opened(root, path)
    if fd is None:
        return None
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            return None
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    digest = made.hexdigest()
    if time_ns() - found.st_mtime_ns > _FRESH_NS:
        with _remembering:
            while len(_digests) >= _REMEMBERED:
                del _digests[next(iter(_digests))]
            _digests[root, path] = (state, digest)
    return digest


def _opened(root: str, path: str) -> int | None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    opened: list[int] = []

    def act(folder: int, name: str) -> None:
        if folder >= 0:
            opened.append(os.open(name, flags, dir_fd=folder))
        elif not os.path.islink(os.path.join(root, path)):
            opened.append(os.open(os.path.join(root, path), flags))

    _in_folder(root, path, act)
    return opened[0] if opened else None
