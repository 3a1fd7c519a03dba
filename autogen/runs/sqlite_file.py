"""One SQLite file of ours: made, opened, checked, shared by threads, kept from forked children; its errors told.

Decides what is a journal and what is not, and what each failure of SQLite means. A file that is not ours is left as it
is. Refuses to know tables (`schema.py`) and what is asked of them (`sqlite.py`).

One connection serves all threads, one at a time. SQLite's locks do not survive a fork, so the connection is closed
before one and opened again, on either side, when it is needed.
"""

import os
import sqlite3
import stat
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Final

from autogen.runs.errors import Damaged, JournalError, JournalUnusable, NotStorable, UnknownFormat
from autogen.runs.rows import FORMAT
from autogen.runs.schema import APPLICATION_ID, TABLES, storable

BUSY_SECONDS: Final = 10.0
PAGE_BYTES: Final = 2048
"""Rows of a few kB fill pages of this size to nine tenths; a larger page costs more to write than it saves."""
CHECKPOINT_PAGES: Final = 500
"""The log beside the file stays below about a megabyte."""
MEMORY: Final = ":memory:"

_IN_MEMORY: Final = (-1, -1)
_abandoned: list[sqlite3.Connection] = []
"""Connections of another process that a fork copied here: never used, and never closed."""
_databases: "weakref.WeakSet[Database]" = weakref.WeakSet()


class Database:
    """Every statement goes through `execute`, with the lock held, inside `reading()` or `writing()` or alone."""

    def __init__(self, path: str, create: bool) -> None:
        self.path = path
        self.memory = path == MEMORY
        self.lock = RLock()
        self._create = create
        self._closed = False
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()
        self._identity: tuple[int, int] | None = None
        self.connect()
        _databases.add(self)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> sqlite3.Cursor:
        """Raises JournalError of the kind that fits."""
        connection = self._connection
        if connection is None or self._process != os.getpid():
            connection = self.connect()
        try:
            return connection.execute(statement, values)
        except UnicodeEncodeError:
            return self.execute(statement, storable(values))
        except (sqlite3.Error, OverflowError) as error:
            raise self.failure(error) from error

    def reading(self) -> "Transaction":
        """All that is read inside is of one moment."""
        return Transaction(self, "BEGIN")

    def writing(self) -> "Transaction":
        """All of it is written or nothing; no other process writes meanwhile."""
        return Transaction(self, "BEGIN IMMEDIATE")

    @contextmanager
    def firmly(self) -> Generator[None, None, None]:
        """What is committed inside is on the disk, as a power cut would leave it, before it is told so."""
        _roll_back(self)  # what an interrupt left open; SQLite changes this outside of transactions only
        self.execute("PRAGMA synchronous = FULL")
        try:
            yield
        finally:
            self.execute("PRAGMA synchronous = NORMAL")

    def connect(self) -> sqlite3.Connection:
        """The connection of this process. Raises JournalUnusable, UnknownFormat, Damaged."""
        with self.lock:
            if self._closed:
                raise JournalUnusable(self.path, "it was closed", "open it again")
            if self._connection is not None and (self.memory or self._process == os.getpid()):
                self._process = os.getpid()
                return self._connection
            if self._connection is not None:
                _abandoned.append(self._connection)
                self._connection = None
            self._process = os.getpid()
            identity = self._find()
            if self._identity not in (None, identity):
                raise self._replaced()
            self._connection = self._open()
            self._identity = identity
            return self._connection

    def check(self) -> None:
        """Is the file that was opened still the one at the path? Raises JournalUnusable."""
        if self.memory or self._connection is None:
            return
        try:
            found = os.stat(self.path)  # noqa: PTH116 - on the way of every claim and renewal
        except OSError:
            raise self._replaced() from None
        if (found.st_dev, found.st_ino) != self._identity:
            raise self._replaced()

    def still_there(self) -> bool:
        """Is the file at the path the one that was opened?"""
        try:
            self.check()
        except JournalUnusable:
            return False
        return not self._closed

    def close(self) -> None:
        with self.lock:
            self._closed = True
            self._let_go()

    def leave(self) -> None:
        """Before a fork: no other thread is inside, and nothing is open that a child could spoil."""
        self.lock.acquire()
        if not self.memory and self._connection is not None and not self._connection.in_transaction:
            self._let_go()

    def stay(self) -> None:
        """In the parent, after a fork."""
        self.lock.release()

    def begin_anew(self) -> None:
        """In the child, after a fork."""
        self.lock = RLock()

    def failure(self, error: Exception) -> JournalError:
        """What an error of SQLite means."""
        if isinstance(error, (OverflowError, sqlite3.DataError)) and getattr(error, "sqlite_errorcode", 18) == 18:
            return NotStorable("a run", "a value", f"too large for a SQLite file ({error})")
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == 11 or str(error).startswith("Could not decode"):
            return Damaged(f"the journal {self.path!r}", f"SQLite says: {error}")
        why, way_out = _FAILURES.get(code, (f"SQLite says: {error}", "see that the file and its disk are well"))
        return JournalUnusable(self.path, why, way_out)

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._process == os.getpid():
            connection.close()
        else:
            _abandoned.append(connection)

    def _replaced(self) -> JournalUnusable:
        return JournalUnusable(
            self.path,
            "the file was removed or replaced while it was in use",
            "put it back, or start again with a new one",
        )

    # ---- opening -----------------------------------------------------------------------------------------------------

    def _find(self) -> tuple[int, int]:
        """Make the file if it may be made; look at what is there. Its device and number."""
        if self.memory:
            return _IN_MEMORY
        try:
            if self._create and self._identity is None:
                self._make_file()
            found = self._plain(self.path)
            for beside in ("-wal", "-shm", "-journal"):
                if os.path.lexists(self.path + beside):
                    self._plain(self.path + beside)
        except JournalUnusable:
            raise
        except (OSError, ValueError) as error:
            raise self._cannot_open(error) from error
        return found.st_dev, found.st_ino

    def _make_file(self) -> None:
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
        try:
            os.close(os.open(self.path, flags, 0o600))
            _sync_folder(self.path)
        except FileExistsError:
            # Not opened to look inside: closing it again would drop the locks of another connection of this process.
            return

    def _plain(self, path: str) -> os.stat_result:
        found = os.lstat(path)
        if stat.S_ISREG(found.st_mode):
            return found
        if stat.S_ISLNK(found.st_mode):
            raise JournalUnusable(path, "it is a symbolic link", "name the file itself, or remove the link")
        if stat.S_ISDIR(found.st_mode):
            raise JournalUnusable(path, "it is a folder", "name a file in it")
        raise JournalUnusable(path, "it is not a plain file", "name another one")

    def _cannot_open(self, error: Exception) -> JournalUnusable:
        folder = Path(self.path).parent
        if isinstance(error, FileNotFoundError) and folder.is_dir():
            return JournalUnusable(self.path, "there is no such file", "see that the name is right")
        if isinstance(error, FileNotFoundError):
            return JournalUnusable(self.path, f"its folder {str(folder)!r} does not exist", "make the folder first")
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return JournalUnusable(self.path, why, "see that this user may write the file and its folder")

    def _open(self) -> sqlite3.Connection:
        where = MEMORY if self.memory else f"{Path(self.path).as_uri()}?mode=rw"
        try:
            connection = sqlite3.connect(
                where,
                uri=not self.memory,
                timeout=BUSY_SECONDS,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=64,
            )
        except sqlite3.Error as error:
            raise self.failure(error) from error
        try:
            self._prepare(connection)
        except sqlite3.Error as error:
            connection.close()
            raise self.failure(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        if not self._is_ours(connection):
            connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            _patiently(connection, "PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                if not self._is_ours(connection):  # another process may have been faster
                    for statement in TABLES:
                        connection.execute(statement)
                    connection.execute("INSERT INTO past VALUES (1, 0)")
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {FORMAT}")
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        _patiently(connection, "PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute("PRAGMA secure_delete = ON")

    def _is_ours(self, connection: sqlite3.Connection) -> bool:
        """False for an empty file. Raises for a database of somebody else, of another format, or that was changed."""
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        found: list[tuple[object, object]] = connection.execute("SELECT name, sql FROM sqlite_master").fetchall()
        if not (application or version or found):
            return False
        if application != APPLICATION_ID:
            names = ", ".join(str(name) for name, _ in found[:5]) or "none"
            raise JournalUnusable(
                self.path,
                f"it is a SQLite database of another program (application id {application:#x}, it holds: {names})",
                "name another file for the journal",
            )
        if version != FORMAT:
            raise UnknownFormat(f"the journal {self.path!r}", str(version), str(FORMAT))
        if sorted(str(sql) for _, sql in found if sql is not None) != sorted(TABLES):
            raise Damaged(f"the journal {self.path!r}", "its tables are not those of a journal")
        return True


class Transaction:
    """`with database.lock, database.writing() as database:`; the lock is taken outside, by a `with` of its own.

    One that an interrupt left open is rolled back by the next one.
    """

    __slots__ = ("_begin", "_database")

    def __init__(self, database: Database, begin: str) -> None:
        self._database, self._begin = database, begin

    def __enter__(self) -> Database:
        self._database.check()
        _roll_back(self._database)
        self._database.execute(self._begin)
        return self._database

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            _roll_back(self._database)
            if isinstance(error, sqlite3.Error):  # while rows were fetched
                raise self._database.failure(error) from error
            return
        try:
            self._database.execute("COMMIT")
        except BaseException:
            _roll_back(self._database)
            raise


def _sync_folder(path: str) -> None:
    """That there is such a file outlasts a power cut, too."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)  # noqa: PTH120 - an absolute path
    try:
        os.fsync(folder)
    except OSError:  # a file system that cannot: it keeps its names in its own way
        return
    finally:
        os.close(folder)


def _roll_back(database: Database) -> None:
    connection = database.connect()
    if connection.in_transaction:  # SQLite has ended it by itself after some errors
        connection.execute("ROLLBACK")


def _patiently(connection: sqlite3.Connection, statement: str) -> None:
    """SQLite does not wait for others when it changes the journal mode."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute(statement).fetchall()
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != 5 or time.monotonic() > until:
                raise
            time.sleep(0.005)
        else:
            return


_RIGHTS: Final = "see that this user may write the file and its folder"
_FAILURES: Final = {
    3: ("access was denied", _RIGHTS),
    5: (f"others kept it locked for {BUSY_SECONDS:.0f} s", "see which process holds it"),
    6: (f"others kept it locked for {BUSY_SECONDS:.0f} s", "see which process holds it"),
    8: ("it or its folder is read-only", _RIGHTS),
    10: ("reading or writing it failed", "see that its disk is well and has room"),
    13: ("the disk is full", "make room; nothing was half-written, and the run goes on from its last entry"),
    14: ("it cannot be opened", _RIGHTS),
    26: ("it is not a SQLite database", "name another file for the journal"),
}
"""By SQLite's primary error code: why, and the way out."""


def _before_fork() -> None:
    for database in list(_databases):
        database.leave()
        _left.append(database)


def _in_parent() -> None:
    while _left:
        _left.pop().stay()


def _in_child() -> None:
    while _left:
        _left.pop().begin_anew()


_left: list[Database] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
