"""Who carries a run on: this process's name, whether another one is dead, and the signs of life that keep a lease.

One thread per process renews the leases of all runs in progress; it ends when there is none. Refuses to know what a
run is about.
"""

import os
import socket
import threading
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from autogen.runs.digest import of_bytes
from autogen.runs.errors import Fenced, JournalError

if TYPE_CHECKING:
    from autogen.runs.log import RunLog


def this_owner() -> str:
    """`host:boot:pid:start:random`: another call in this process has another one."""
    pid = os.getpid()
    return f"{_host()}:{_boot()}:{pid}:{_started(pid)}:{os.urandom(4).hex()}"


def is_dead(owner: str) -> bool:
    """Is it certain that this owner's process has ended? Of other machines, nothing is."""
    parts = owner.split(":")
    if len(parts) != 5 or parts[0] != _host() or not parts[2].isdigit():
        return False
    if parts[1] != _boot():
        return True
    return _started(int(parts[2])) != parts[3]


def told(owner: str) -> str:
    """An owner for people."""
    parts = owner.split(":")
    if len(parts) != 5 or parts[0] != _host():
        return "another machine"
    if parts[2] == str(os.getpid()):
        return "another thread or task of this process"
    return f"process {parts[2]} on this machine"


@cache
def _host() -> str:
    return of_bytes(socket.gethostname().encode())[:8]


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """When the process began, as its system counts; "" when there is none of that number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        return "-"
    return "-"


class _Heart:
    """Renews leases. A forked child starts with none: the runs are its parent's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._logs: dict[int, RunLog] = {}
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        os.register_at_fork(after_in_child=self.__init__)  # type: ignore[misc]

    def keep(self, log: "RunLog") -> None:
        with self._lock:
            self._logs[id(log)] = log
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="autogen-lease", daemon=True)
                self._thread.start()
            self._wake.set()

    def let_go(self, log: "RunLog") -> None:
        with self._lock:
            self._logs.pop(id(log), None)
            if not self._logs:
                self._wake.set()

    def _beat(self) -> None:
        while True:
            with self._lock:
                logs = list(self._logs.values())
                if not logs:
                    self._thread = None
                    return
                self._wake.clear()
            for log in logs:
                _renew(log)
            self._wake.wait(min(log.policy.lease for log in logs) / 3)


def _renew(log: "RunLog") -> None:
    row = log.row
    try:
        cancelled = log.store.renew(row.id, row.generation, log.clock(), log.policy.lease)
    except Fenced:
        if log.row is row:  # else it goes on as a fork of that run
            log.lost = True
    except JournalError:
        import logging

        logging.getLogger("autogen").warning("the lease of run %s could not be renewed", row.id, exc_info=True)
    else:
        if log.row is row:
            log.cancelled = cancelled or log.cancelled


heart = _Heart()
