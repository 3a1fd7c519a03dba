"""How the host touches files in a work directory that code has written to.

Decides which names are acceptable and opens them so that nothing planted there (a link, a pipe, a device) can lead
the host astray or hang it. Refuses to know executors. Every read of a result and every write of a file that a model
named goes through here.
"""

import ctypes
import errno
import os
import re
import stat
import struct
import sys
from typing import Final

from autogen.coding.sandbox.errors import UnsafePathError
from autogen.coding.sandbox.masking import secret_name

_OPENAT2: Final = 437
_RESOLVE: Final = 0x02 | 0x04 | 0x08  # no magic links, no symbolic links, stay beneath
_WINDOWS_DEVICE: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])(\..*)?", re.IGNORECASE)
_FORBIDDEN: Final = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
_MODULE_ENDINGS: Final = (".py", ".pyi", ".pyc", ".pyw", ".so", ".pyd")
_START_UP: Final = frozenset({"sitecustomize", "usercustomize", "__main__", "__init__"})
_DEEPEST: Final = 16
_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
_NONBLOCK: Final = getattr(os, "O_NONBLOCK", 0)
_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final = getattr(os, "O_BINARY", 0)
_HAS_DIR_FD: Final = os.open in os.supports_dir_fd


def write_inside(work_dir: str, name: str, text: str) -> str:
    """Write `text` as UTF-8 to the file `name` below `work_dir`, making folders on the way; gives its full path.

    Raises UnsafePathError for a name that leads out, that is reserved (by Windows, by Python's own modules, by
    masking), or that is there already and is not a plain file with one name.
    """
    parts = parts_of(name)
    if module := reserved_module(name):
        raise UnsafePathError(name, f"it would hide Python's own module {module!r} from the code beside it")
    folder = open_folder(work_dir)
    try:
        inner = descend(folder, parts[:-1], name, create=True)
        try:
            fd = _open(inner, work_dir, parts, os.O_WRONLY | os.O_CREAT, name)
        finally:
            _close(inner)
    finally:
        _close(folder)
    info = _regular(fd, name)
    with os.fdopen(fd, "wb") as file:
        if info.st_nlink > 1:
            raise UnsafePathError(name, "the file has a second name elsewhere")
        file.truncate(0)
        file.write(text.encode("utf-8", "surrogatepass" if sys.platform == "win32" else "surrogateescape"))
    return os.path.join(work_dir, *parts)


def read_inside(work_dir: str, name: str, max_bytes: int) -> bytes:
    """The content of the plain file `name` below `work_dir`.

    Raises UnsafePathError for a name that leads out, a link, a pipe, a device, or more than `max_bytes`;
    FileNotFoundError when there is none.
    """
    parts = parts_of(name)
    folder = open_folder(work_dir)
    try:
        fd = open_beneath(folder, parts, os.O_RDONLY)
        if fd is None:
            inner = descend(folder, parts[:-1], name, create=False)
            try:
                fd = _open(inner, work_dir, parts, os.O_RDONLY, name)
            finally:
                _close(inner)
    except OSError as error:
        raise _refusal(error, name) from error
    finally:
        _close(folder)
    _regular(fd, name)
    with os.fdopen(fd, "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise UnsafePathError(name, f"the file is larger than {max_bytes} bytes")
    return data


def reserved_module(name: str) -> str | None:
    """The module of Python's own that a file of this name in the work directory would hide, if any."""
    first, _, rest = name.replace("\\", "/").removeprefix("./").partition("/")
    stem = first if rest else next((first[: -len(end)] for end in _MODULE_ENDINGS if first.lower().endswith(end)), "")
    stem = stem.partition(".")[0].lower()
    known = sys.stdlib_module_names | _START_UP
    return stem if stem in known or stem in {name.lower() for name in known} else None


def parts_of(name: str) -> list[str]:
    """The components of an acceptable name. Raises UnsafePathError saying which rule it breaks."""
    if not name or not name.strip():
        raise UnsafePathError(name, "it is empty")
    if "\0" in name:
        raise UnsafePathError(name, "it contains a NUL")
    if name.startswith(("/", "\\", "~")) or re.match(r"[A-Za-z]:", name):
        raise UnsafePathError(name, "it is absolute")
    if ".." in re.split(r"[/\\]", name):
        raise UnsafePathError(name, "it climbs out with '..'")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or name.endswith("/"):
        raise UnsafePathError(name, "it names a folder")
    if len(parts) > _DEEPEST:
        raise UnsafePathError(name, f"it is more than {_DEEPEST} folders deep")
    for part in parts:
        _check_part(name, part)
    return parts


def _check_part(name: str, part: str) -> None:
    if _FORBIDDEN.search(part):
        raise UnsafePathError(name, 'it contains a control character or one of <>:"|?*\\')
    if part != part.strip() or part.endswith("."):
        raise UnsafePathError(name, "a part of it begins or ends with a space, or ends with a dot")
    if _WINDOWS_DEVICE.fullmatch(part):
        raise UnsafePathError(name, f"{part!r} is a device on Windows")
    if secret_name(part) or secret_name(part.lower()):
        raise UnsafePathError(name, f"{part!r} is kept from code")
    try:
        length = len(part.encode("utf-8"))
    except UnicodeEncodeError:
        raise UnsafePathError(name, "it is not valid text") from None
    if length > 255:
        raise UnsafePathError(name, "a part of it is longer than 255 bytes")


def open_folder(work_dir: str) -> int:
    """A handle on the folder; -1 where files cannot be opened relative to one (Windows)."""
    return os.open(work_dir, os.O_RDONLY | os.O_DIRECTORY | _CLOEXEC) if _HAS_DIR_FD else -1


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)


def descend(folder: int, parts: list[str], name: str, *, create: bool) -> int:
    """Open the folder `parts` below `folder`, one step at a time and never through a link."""
    if folder < 0:
        return -1
    current = os.dup(folder)
    for part in parts:
        try:
            if create:
                _make(part, current)
            following = os.open(part, os.O_RDONLY | os.O_DIRECTORY | _NOFOLLOW | _CLOEXEC, dir_fd=current)
        except OSError as error:
            raise _refusal(error, name) from error
        finally:
            os.close(current)
        current = following
    return current


def _make(part: str, folder: int) -> None:
    try:
        os.mkdir(part, dir_fd=folder)
    except FileExistsError:
        return


def _open(folder: int, work_dir: str, parts: list[str], flags: int, name: str) -> int:
    flags |= _NOFOLLOW | _NONBLOCK | _CLOEXEC | _BINARY
    try:
        if folder >= 0:
            return os.open(parts[-1], flags, 0o644, dir_fd=folder)
        return _open_by_path(work_dir, parts, flags, name)
    except OSError as error:
        raise _refusal(error, name) from error


def _open_by_path(work_dir: str, parts: list[str], flags: int, name: str) -> int:
    """Where files cannot be opened relative to a folder (Windows): look at each component first."""
    path = work_dir
    for part in parts[:-1]:
        path = os.path.join(path, part)
        if flags & os.O_CREAT and not os.path.lexists(path):
            os.mkdir(path)
        if not stat.S_ISDIR(os.lstat(path).st_mode):
            raise UnsafePathError(name, f"{part!r} is a link or not a folder")
    path = os.path.join(path, parts[-1])
    if os.path.lexists(path) and not stat.S_ISREG(os.lstat(path).st_mode):
        raise UnsafePathError(name, "it is a link or not a plain file")
    return os.open(path, flags, 0o644)


def open_beneath(folder: int, parts: list[str], flags: int) -> int | None:
    """One `openat2`, which the kernel keeps beneath `folder`; None where there is no such call."""
    if sys.platform != "linux" or folder < 0:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    how = struct.pack("<QQQ", flags | _NONBLOCK | _CLOEXEC, 0, _RESOLVE)
    path = os.fsencode("/".join(parts))
    fd = int(libc.syscall(_OPENAT2, folder, ctypes.c_char_p(path), ctypes.c_char_p(how), ctypes.c_size_t(len(how))))
    if fd >= 0:
        return fd
    error = ctypes.get_errno()
    if error in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
        return None
    raise OSError(error, os.strerror(error), "/".join(parts))


def _regular(fd: int, name: str) -> os.stat_result:
    """What `fd` is; closes it when that is no plain file."""
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode):
        os.close(fd)
        raise UnsafePathError(name, "it is not a plain file")
    return info


def _refusal(error: OSError, name: str) -> Exception:
    if isinstance(error, UnsafePathError):
        return error
    if error.errno in (errno.ELOOP, errno.EXDEV, errno.EMLINK):
        return UnsafePathError(name, "a part of it is a link")
    if error.errno in (errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.ENOTDIR):
        return UnsafePathError(name, "it, or a part of it, is a link or not a plain file")
    return error
