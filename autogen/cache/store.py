"""One SQLite file of (key, kind, data), shared by threads and processes.

Decides where the file is, who may read it (its owner), and what is a file of ours. Refuses to interpret data and to
repair: a file that is not ours, or is broken, is left as it is and reported as `StoreUnusable`.
Nothing is opened before the first use, and a file that was deleted or replaced meanwhile is opened anew.
"""
# ruff: noqa: PTH100, PTH102, PTH112, PTH116, PTH120 - os.path, because a first agent does not load pathlib

import os
from threading import RLock
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    import sqlite3

VERSION = 1
MAX_BYTES = 64 * 2**20
"""Entries larger than this are not read: a planted file could otherwise fill the memory."""
BUSY_SECONDS = 5.0
_SCHEMA = "CREATE TABLE entries (key TEXT PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL) WITHOUT ROWID"


class StoreUnusable(OSError):
    """The file cannot be used; the text says why."""


class Store:
    """Get and put by key. Safe to share between threads; a forked child opens a connection of its own."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._lock = RLock()
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int, int] = (0, 0, 0)
        self._abandoned: list[Any] = []

    def get(self, key: str) -> tuple[str, bytes] | None:
        """(kind, data), or None. Raises `StoreUnusable`; a file that stays locked counts as a miss."""
        rows = self._execute("SELECT kind, data FROM entries WHERE key = ? AND length(data) <= ?", (key, MAX_BYTES))
        if not rows:
            return None
        kind, data = rows[0]
        if not isinstance(kind, str) or not isinstance(data, bytes):
            return None
        return kind, data

    def put(self, key: str, kind: str, data: bytes) -> None:
        """Keep an entry. Raises `StoreUnusable`; with a file that stays locked the entry is dropped."""
        self._execute("INSERT OR REPLACE INTO entries (key, kind, data) VALUES (?, ?, ?)", (key, kind, data))

    def close(self) -> None:
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            if self._opened[0] == os.getpid():
                connection.close()
            else:
                self._abandoned.append(connection)

    def _execute(self, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        import sqlite3

        with self._lock:
            try:
                return self._connect().execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    return []
                raise StoreUnusable(f"{self.path}: {error}") from error
            except (sqlite3.Error, OSError) as error:
                raise StoreUnusable(f"{self.path}: {error}") from error

    def _connect(self) -> "sqlite3.Connection":
        if self._connection is not None:
            if self._identity() == self._opened:
                return self._connection
            self.close()
        import sqlite3

        self._make_file()
        connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection, self._opened = connection, self._identity()
        return connection

    def _identity(self) -> tuple[int, int, int]:
        try:
            found = os.stat(self.path)
        except OSError:
            return (os.getpid(), -1, -1)
        return (os.getpid(), found.st_dev, found.st_ino)

    def _make_file(self) -> None:
        """Folders for their owner only, a file for its owner only, and never through a planted link."""
        _make_folders(os.path.dirname(self.path))
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            # Not opened to look inside: closing it again would drop the locks of another connection of ours.
            import stat

            if not stat.S_ISREG(os.lstat(self.path).st_mode):
                raise StoreUnusable(f"{self.path} is not a plain file") from None


def _make_folders(folder: str) -> None:
    missing: list[str] = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for name in reversed(missing):
        try:
            os.mkdir(name, 0o700)
        except FileExistsError:
            if not os.path.isdir(name):
                raise


def _prepare(connection: "sqlite3.Connection") -> None:
    for pragma in ("trusted_schema = OFF", "journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    found = _objects(connection)
    if not found:
        connection.execute("BEGIN IMMEDIATE")
        try:
            found = _objects(connection)
            if not found:
                connection.execute(_SCHEMA)
                connection.execute(f"PRAGMA user_version = {VERSION}")
                found = [("table", "entries")]
        finally:
            connection.execute("COMMIT")
    version = cast("int", connection.execute("PRAGMA user_version").fetchone()[0])
    if found != [("table", "entries")] or version != VERSION:
        raise StoreUnusable("this SQLite file is not a cache of this version of autogen")


def _objects(connection: "sqlite3.Connection") -> list[tuple[Any, ...]]:
    return connection.execute("SELECT type, name FROM sqlite_master").fetchall()


def _is_busy(error: "sqlite3.OperationalError") -> bool:
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (5, 6)  # SQLITE_BUSY, SQLITE_LOCKED
