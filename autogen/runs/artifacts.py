"""Blobs: small ones lie in the journal beside the entry that brought them, large ones in files of their own.

A file's name is the digest of its bytes, `ab/cdef...` in the folder `runs.db.artifacts`; it is written under another
name, synced and renamed, and checked when it is read. No symbolic link is followed: what lies in the folder is
hostile. Refuses to know who uses a blob; the store counts that.
"""

import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged, JournalError, JournalUnusable

FILE_BYTES: Final = 64 * 1024
"""A larger blob becomes a file."""
STALE_SECONDS: Final = 3600.0
"""A half-written file of this age was left by a process that died."""

_DIGEST: Final = re.compile("[0-9a-f]{32}")
_IN_FILE: Final = b"f"
_INSIDE: Final = b"i"
_WIDTH: Final = 16 + 8 + 1
_READ: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MAKE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def pack(blobs: Mapping[str, bytes], files: bool) -> tuple[bytes, bytes]:
    """(held, pack): for each blob its digest, its length and where it is; and the small ones, one after the other.

    files: large ones are in files. Raises JournalError for a name that is no digest.
    """
    held: list[bytes] = []
    inside: list[bytes] = []
    for digest, data in blobs.items():
        in_file = files and len(data) > FILE_BYTES
        held.append(checked(digest) + len(data).to_bytes(8, "big") + (_IN_FILE if in_file else _INSIDE))
        if not in_file:
            inside.append(data)
    return b"".join(held), b"".join(inside)


def held_in(held: object, what: str) -> Iterator[tuple[str, int, int]]:
    """(digest, bytes, offset in `pack`) of each; the offset is -1 for a file. Raises Damaged."""
    if not isinstance(held, bytes) or len(held) % _WIDTH:
        raise Damaged(what, "the list of its blobs does not read")
    offset = 0
    for start in range(0, len(held), _WIDTH):
        size = int.from_bytes(held[start + 16 : start + 24], "big")
        place = held[start + 24 : start + 25]
        if place == _IN_FILE:
            yield held[start : start + 16].hex(), size, -1
        elif place == _INSIDE:
            yield held[start : start + 16].hex(), size, offset
            offset += size
        else:
            raise Damaged(what, "the list of its blobs does not read")


def checked(digest: str) -> bytes:
    """The 16 bytes of a digest. Raises JournalError for anything else: names of files are made of it."""
    if not _DIGEST.fullmatch(digest):
        raise JournalError(f"a blob is named by 32 hex digits (`of_blob`), not by {digest!r}")
    return bytes.fromhex(digest)


class Artifacts:
    """The folder of large blobs. Nothing is made before the first one."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def has(self, digest: str, size: int) -> bool:
        try:
            found = self._path(digest).lstat()
        except OSError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def stage(self, digest: str, data: bytes) -> str:
        """Write the bytes under a name for the time being; `place` gives them their own. Raises JournalUnusable."""
        staged = Path(self.folder) / f".{digest}.{os.urandom(8).hex()}"
        try:
            self._make_folder(Path(self.folder))
            with os.fdopen(os.open(staged, _MAKE, 0o600), "wb") as file:
                try:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                except BaseException:
                    staged.unlink(missing_ok=True)
                    raise
        except OSError as error:
            raise self._unusable(error) from error
        return str(staged)

    def place(self, digest: str, staged: str) -> None:
        """Raises JournalUnusable."""
        path = self._path(digest)
        try:
            self._make_folder(path.parent)
            os.replace(staged, path)  # noqa: PTH105 - one call, atomic
            _sync_folder(path.parent)
        except OSError as error:
            raise self._unusable(error) from error

    def read(self, digest: str, size: int) -> bytes:
        """Raises Damaged when the file is missing, a link, or not what was written; JournalUnusable without rights."""
        path = self._path(digest)
        what = f"the artifact {path}"
        try:
            if path.parent.is_symlink() or Path(self.folder).is_symlink() or path.is_symlink():
                raise Damaged(what, "a symbolic link stands in its place")
            with os.fdopen(os.open(path, _READ), "rb") as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise Damaged(what, "it is not a plain file")
                if found.st_size != size:
                    raise Damaged(what, f"it has {found.st_size} bytes in place of {size}")
                data = file.read(size + 1)
        except (FileNotFoundError, NotADirectoryError):
            raise Damaged(what, "the file is missing") from None
        except OSError as error:
            raise self._unusable(error) from error
        if of_blob(data) != digest:
            raise Damaged(what, "its content was changed")
        return data

    def remove(self, digest: str) -> None:
        """Raises JournalUnusable; a file that is gone already is no error."""
        path = self._path(digest)
        if path.parent.is_symlink() or Path(self.folder).is_symlink():
            return
        try:
            path.unlink(missing_ok=True)
        except NotADirectoryError:
            return
        except OSError as error:
            raise self._unusable(error) from error

    def discard(self, staged: str) -> None:
        Path(staged).unlink(missing_ok=True)

    def kept(self) -> list[str]:
        """The digests of all files."""
        if not Path(self.folder).is_dir() or Path(self.folder).is_symlink():
            return []
        return [
            found
            for path in Path(self.folder).glob("[0-9a-f][0-9a-f]/*")
            if _DIGEST.fullmatch(found := path.parent.name + path.name)
        ]

    def sweep(self, now: float) -> None:
        """Remove what dead processes left half-written."""
        if not Path(self.folder).is_dir() or Path(self.folder).is_symlink():
            return
        for path in Path(self.folder).glob(".*"):
            try:
                if path.lstat().st_mtime < now - STALE_SECONDS:
                    path.unlink()
            except OSError:
                continue  # another process swept it

    def _path(self, digest: str) -> Path:
        checked(digest)
        return Path(self.folder) / digest[:2] / digest[2:]

    def _make_folder(self, folder: Path) -> None:
        """Its owner's only. Raises JournalUnusable when a link or a file stands there."""
        try:
            folder.mkdir(0o700)
        except FileExistsError:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise JournalUnusable(str(folder), "it is not a plain folder", "move away what stands there") from None

    def _unusable(self, error: OSError) -> JournalUnusable:
        if isinstance(error, JournalUnusable):
            return error
        return JournalUnusable(
            self.folder, error.strerror or str(error), "see that this user may write there and that the disk has room"
        )


def _sync_folder(folder: Path) -> None:
    """The name survives a power loss as well as the bytes; not every system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
