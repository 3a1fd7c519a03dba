"""What a process tree uses: processes, memory, disk. And its end.

Decides how each is measured. Refuses to know the limits' meaning. Linux reads /proc; elsewhere (the "off" rung on
other systems) only the process group is known and the measures are zero.
"""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

_PAGE: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Usage(Struct, frozen=True):
    pids: tuple[int, ...]
    tasks: int
    """Processes and threads."""
    resident: int
    """Bytes of memory that belong to the tree."""


class Tree:
    """The processes that come from `root`: its descendants, and whoever is still in its session."""

    def __init__(self, root: int) -> None:
        self.root = root

    def descendants(self) -> list[int]:
        """The root, then parents before children; only the root when /proc does not tell."""
        found, queue = [self.root], [self.root]
        while queue:
            for child in _children(queue.pop()):
                if child not in found:
                    found.append(child)
                    queue.append(child)
        return found

    def measure(self, doubt_from: int) -> Usage:
        """Sum over the tree. Pages shared after a fork count once, but that is looked up only above `doubt_from`."""
        pids = self.descendants()
        tasks = resident = 0
        for pid in pids:
            tasks += _tasks(pid)
            resident += _resident(pid)
        if resident > doubt_from:
            resident = sum(_proportional(pid) for pid in pids)
        return Usage(tuple(pids), tasks, resident)

    def kill(self, keep_root: bool) -> bool:
        """SIGKILL the tree, whoever left the process group included; True once nothing but the root is left.

        keep_root: spare the root, a wrapper of ours that reaps the others and then ends by itself. It is not reaped
        here in either case. Takes at most 5 s.
        """
        if sys.platform == "win32":
            import subprocess

            subprocess.run(["taskkill", "/T", "/F", "/PID", str(self.root)], capture_output=True, check=False)
            return True
        give_up = time.monotonic() + 5.0
        while True:
            left = {*self.descendants(), *_session(self.root)} - {self.root}
            spared = {0, os.getpgid(0), *((self.root,) if keep_root else ())}
            for group in {self.root, *map(_group, left)} - spared:
                _signal(os.killpg, group)
            for pid in left:
                _signal(os.kill, pid)
            if not left or time.monotonic() > give_up:
                return not left
            time.sleep(0.002)


def _group(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return 0


def _signal(send: Callable[[int, int], None], number: int) -> None:
    try:
        send(number, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # gone already, or (macOS) only the zombie is left
        return


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:  # the process ended meanwhile, or this system has no such file
        return ""


def _listed(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except OSError:
        return []


def _children(pid: int) -> Iterator[int]:
    for task in _listed(f"/proc/{pid}/task"):
        yield from map(int, _read(f"/proc/{pid}/task/{task}/children").split())


def _session(leader: int) -> list[int]:
    """Living processes of the session `leader`; zombies are dead enough."""
    members: list[int] = []
    for name in _listed("/proc"):
        if name.isdecimal():
            fields = _read(f"/proc/{name}/stat").rpartition(")")[2].split()
            if len(fields) > 3 and fields[0] not in "ZX" and int(fields[3]) == leader:
                members.append(int(name))
    return members


def _tasks(pid: int) -> int:
    return max(1, len(_listed(f"/proc/{pid}/task")))


def _resident(pid: int) -> int:
    """Bytes that are not backed by files: anonymous and shared memory."""
    wanted = ("RssAnon:", "RssShmem:")
    lines = _read(f"/proc/{pid}/status").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith(wanted))


def _proportional(pid: int) -> int:
    rollup = _read(f"/proc/{pid}/smaps_rollup")
    parts = [line.split() for line in rollup.splitlines() if line.startswith(("Pss_Anon:", "Pss_Shmem:"))]
    return sum(int(part[1]) * 1024 for part in parts) if parts else _resident(pid)


class DiskMeter:
    """Growth of some folders since now, deleted files that are still open included."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        self.roots = roots
        self.bytes, self.files = self._walk(1 << 62, 1 << 62)

    def growth(self, pids: tuple[int, ...], most_bytes: int, most_files: int) -> tuple[int, int]:
        """(bytes, entries) added; the count stops soon after either limit is passed."""
        size, files = self._walk(self.bytes + most_bytes, self.files + most_files)
        return size - self.bytes + sum(_deleted(pids).values()), files - self.files

    def _walk(self, stop_bytes: int, stop_files: int) -> tuple[int, int]:
        size = files = 0
        folders = list(self.roots)
        while folders and size <= stop_bytes and files <= stop_files:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        files += 1
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
                        else:
                            size += _blocks(entry)
                        if files > stop_files:
                            break
            except OSError:  # removed while we looked, or unreadable to us: then it was not filled by the run
                continue
        return size, files


def _blocks(entry: "os.DirEntry[str]") -> int:
    try:
        info = entry.stat(follow_symlinks=False)
    except OSError:
        return 0
    return getattr(info, "st_blocks", 0) * 512 or (info.st_size if os.name == "nt" else 0)


def _deleted(pids: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Space of files without a name that the processes still hold open or mapped: by (device, inode)."""
    held: dict[tuple[int, int], int] = {}
    for pid in pids:
        for fd in _listed(f"/proc/{pid}/fd"):
            try:
                info = os.stat(f"/proc/{pid}/fd/{fd}")
            except OSError:
                continue
            if stat.S_ISREG(info.st_mode) and info.st_nlink == 0:
                held[info.st_dev, info.st_ino] = info.st_blocks * 512
        for line in _read(f"/proc/{pid}/maps").splitlines():
            if line.endswith(" (deleted)") and (parts := line.split(None, 5)) and len(parts) > 4:
                low, _, high = parts[0].partition("-")
                major, _, minor = parts[3].partition(":")
                key = (os.makedev(int(major, 16), int(minor, 16)), int(parts[4]))
                held.setdefault(key, int(high, 16) - int(low, 16))
    return held
