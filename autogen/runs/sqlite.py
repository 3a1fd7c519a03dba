"""The journal in one SQLite file, for one machine: the `Store` of `store.py` by the standard library alone.

Decides how a log, its blobs and its answers are written and read. Refuses to know how the file is opened
(`sqlite_file.py`), what the tables are (`schema.py`), and who may carry a run on (`sqlite_runs.py`).
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final

from autogen.runs.artifacts import FILE_BYTES, checked, held_in, pack
from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged, JournalError, UnknownRun
from autogen.runs.rows import Answer, Entry
from autogen.runs.schema import APPEND, LAST, READ, SHIFT, answer_of, entries_of, entry_values
from autogen.runs.sqlite_file import Database
from autogen.runs.sqlite_runs import SqliteRuns

_REMEMBERED: Final = 256
"""Runs whose blobs' names are remembered, so that each is kept once."""
_DEEPEST: Final = 10_000
"""Forks of forks."""


class SqliteStore(SqliteRuns):
    """`SqliteStore("runs.db")`; `":memory:"` for tests. Threads and processes may share the file.

    create: make the file if it is not there.
    Raises JournalUnusable, UnknownFormat or Damaged at once when the file cannot serve.
    """

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        super().__init__(path, create=create)
        self._kept: dict[tuple[str, int], set[str]] = {}
        self._places: tuple[tuple[str, int], dict[str, list[int]]] = (("", 0), {})
        """Of the run whose blobs were read last: where they are."""

    # ---- the log -----------------------------------------------------------------------------------------------------

    def append(
        self,
        run_id: str,
        generation: int,
        entries: Sequence[Entry],
        blobs: Mapping[str, bytes] = {},
        *,
        firm: bool = False,
    ) -> list[int]:
        db = self._db
        with db.lock, db.firmly() if firm else db.lock:
            if blobs:
                blobs = self._new(db, run_id, generation, blobs)
            if len(entries) == 1 and (not blobs or self._small(blobs)):
                held, packed = pack(blobs, False) if blobs else (b"", b"")
                done = db.execute(APPEND, (*entry_values(entries[0], held, packed), run_id, generation))
                if done.rowcount != 1:
                    raise self._refusal(db, run_id, generation)
                numbers = [(done.lastrowid or 0) & LAST]
            else:
                numbers = self._append_all(run_id, generation, entries, blobs)
            if blobs:
                self._kept[run_id, generation].update(blobs)
        return numbers

    def _small(self, blobs: Mapping[str, bytes]) -> bool:
        return self._artifacts is None or all(len(data) <= FILE_BYTES for data in blobs.values())

    def _append_all(
        self, run_id: str, generation: int, entries: Sequence[Entry], blobs: Mapping[str, bytes]
    ) -> list[int]:
        if blobs and not entries:
            raise JournalError(f"blobs for run {run_id!r} need an entry to come with")
        files = {} if self._artifacts is None else {d: data for d, data in blobs.items() if len(data) > FILE_BYTES}
        held, packed = pack(blobs, self._artifacts is not None)
        staged: dict[str, str] = {}
        try:
            with self._db.lock, self._db.writing() as db:
                found = db.execute(
                    "SELECT no FROM runs WHERE id = ? AND generation = ?", (run_id, generation)
                ).fetchone()
                if found is None:
                    raise self._refusal(db, run_id, generation)
                numbers: list[int] = []
                for entry in entries:
                    done = db.execute(APPEND, (*entry_values(entry, held, packed), run_id, generation))
                    numbers.append((done.lastrowid or 0) & LAST)
                    held = packed = b""
                for digest, data in files.items():
                    self._keep_file(db, int(found[0]), digest, data, staged)
        finally:
            for path in staged.values():
                assert self._artifacts is not None
                self._artifacts.discard(path)
        return numbers

    def _keep_file(self, db: Database, number: int, digest: str, data: bytes, staged: dict[str, str]) -> None:
        """Inside the transaction: who deletes files does that in one too, so neither spoils the other's work."""
        assert self._artifacts is not None
        if not self._artifacts.has(digest, len(data)):
            staged[digest] = self._artifacts.stage(digest, data)
            self._artifacts.place(digest, staged[digest])
            del staged[digest]
        db.execute("INSERT OR IGNORE INTO artifacts VALUES (?, ?)", (digest, number))

    def read(self, run_id: str, after: int = 0) -> list[Entry]:
        rows: list[Any] = []
        with self._db.lock, self._db.reading() as db:
            for number, below, last in self._parts(db, run_id):
                if last > after:
                    first = max(below, after) + 1
                    rows += db.execute(READ, ((number << SHIFT) | first, (number << SHIFT) | last)).fetchall()
        return entries_of(rows, run_id, after)

    def _parts(self, db: Database, run_id: str) -> list[tuple[int, int, int]]:
        """Where a run's log lies, oldest first: (number of the run, entry before the first, last entry)."""
        parts: list[tuple[int, int, int]] = []
        name: object = run_id
        last = LAST
        while name is not None:
            found = db.execute("SELECT no, parent, fork_seq FROM runs WHERE id = ?", (name,)).fetchone()
            if found is None and not parts:
                raise UnknownRun(run_id, self._path)
            if found is None or len(parts) > _DEEPEST or not isinstance(found[2], int):
                raise Damaged(f"run {run_id!r}", f"the run {name!r}, which it was forked from, does not read")
            parts.append((found[0], found[2], last))
            last = min(last, found[2])
            name = found[1]
        return parts[::-1]

    # ---- blobs -------------------------------------------------------------------------------------------------------

    def blob(self, run_id: str, digest: str) -> bytes:
        checked(digest)
        what = f"the blob {digest} of run {run_id!r}"
        with self._db.lock, self._db.reading() as db:
            number = self._number(db, run_id)
            places = self._places[1] if self._places[0] == (run_id, number) else {}
            if digest not in places:  # who reads one reads more of the same run
                places = {one: where for one, *where in self._held(db, run_id)}
                self._places = ((run_id, number), places)
            if digest not in places:
                raise Damaged(what, "the journal does not hold it")
            key, size, offset = places[digest]
            if offset >= 0:
                piece = "SELECT substr(pack, ?, ?) FROM entries WHERE key = ?"
                found = db.execute(piece, (offset + 1, size, key)).fetchone()
                data = b"" if size == 0 or found is None else found[0]  # SQLite has no part of length 0
                if type(data) is not bytes or of_blob(data) != digest:
                    self._places = (("", 0), {})
                    raise Damaged(what, "its content was changed")
                return data
        if self._artifacts is None:
            raise Damaged(what, "a journal in memory has no files")
        return self._artifacts.read(digest, size)

    def _held(self, db: Database, run_id: str) -> list[tuple[str, int, int, int]]:
        """(digest, key of the entry, bytes, offset) of each blob of a run, those of its shared part too."""
        found: list[tuple[str, int, int, int]] = []
        for number, below, last in self._parts(db, run_id):
            rows: list[tuple[int, object]] = db.execute(
                "SELECT key, held FROM entries WHERE key BETWEEN ? AND ? AND length(held)",
                ((number << SHIFT) | (below + 1), (number << SHIFT) | last),
            ).fetchall()
            for key, held in rows:
                what = f"entry {key & LAST} of run {run_id!r}"
                found += [(digest, key, size, offset) for digest, size, offset in held_in(held, what)]
        return found

    def _new(self, db: Database, run_id: str, generation: int, blobs: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """Those that the run does not keep yet. Only this generation adds to it, so what was read once stays true."""
        kept = self._kept.get((run_id, generation))
        if kept is None:
            with self._db.reading():
                kept = {digest for digest, *_ in self._held(db, run_id)}
            while len(self._kept) >= _REMEMBERED:
                del self._kept[next(iter(self._kept))]
            self._kept[run_id, generation] = kept
        if kept.isdisjoint(blobs):
            return blobs
        return {digest: data for digest, data in blobs.items() if digest not in kept}

    # ---- answers -----------------------------------------------------------------------------------------------------

    def keep_answer(self, run_id: str, answer: Answer) -> Answer:
        with self._db.lock, self._db.writing() as db:
            number = self._number(db, run_id)
            db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (number, answer.address, answer.value, answer.by, answer.at),
            )
            row = db.execute(
                "SELECT address, value, who, at FROM answers WHERE run = ? AND address = ?", (number, answer.address)
            ).fetchone()
        return answer_of(row, run_id)

    def answers(self, run_id: str) -> dict[str, Answer]:
        found: dict[str, Answer] = {}
        with self._db.lock, self._db.reading() as db:
            # From the oldest ancestor on: a run's own answer counts before one that it shares.
            parts = self._parts(db, run_id)
            own, asked = parts[-1][0], set[object]()
            for number, below, last in parts:
                rows: list[Any] = db.execute(
                    "SELECT address, value, who, at FROM answers WHERE run = ?", (number,)
                ).fetchall()
                if number != own:
                    keys = ((number << SHIFT) | (below + 1), (number << SHIFT) | last)
                    addresses = db.execute("SELECT address FROM entries WHERE key BETWEEN ? AND ?", keys).fetchall()
                    asked.update(address for (address,) in addresses)
                    rows = [row for row in rows if row[0] in asked]
                for row in rows:
                    answer = answer_of(row, run_id)
                    found[answer.address] = answer
        return found
