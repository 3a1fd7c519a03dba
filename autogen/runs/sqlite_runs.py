"""The runs of a journal's SQLite file: made, listed, claimed, let go, cancelled, forgotten; each in one transaction.

Decides who may carry a run on, and what is deleted with it. Refuses to know logs and answers (`sqlite.py`), and how
the file is opened (`sqlite_file.py`).
"""

import os
from collections.abc import Collection
from typing import Any, Final

from msgspec.structs import replace

from autogen.core.stop import StopReason
from autogen.runs.artifacts import Artifacts
from autogen.runs.errors import Fenced, HasForks, JournalError, RunBusy, UnknownRun, WrongFork
from autogen.runs.rows import RunChange, RunQuery, RunRow
from autogen.runs.schema import INSERT_RUN, LAST, LAST_SEQ, RUN, SHIFT, run_of, run_values
from autogen.runs.sqlite_file import MEMORY, Database

_ENDED: Final = ("done", "failed", "cancelled")


class SqliteRuns:
    """What `SqliteStore` does with whole runs."""

    def __init__(self, path: str | os.PathLike[str], *, create: bool = True) -> None:
        name = os.fspath(path)
        self._path = name if name == MEMORY else os.path.abspath(name)  # noqa: PTH100 - a link is refused, not followed
        self._db = Database(self._path, create)
        self._artifacts = None if name == MEMORY else Artifacts(self._path + ".artifacts")

    @property
    def quick(self) -> bool:
        return True

    @property
    def where(self) -> str:
        return self._path

    @property
    def usable(self) -> bool:
        """Is it open, on the file that stands at its path now?"""
        return self._db.still_there()

    def close(self) -> None:
        self._db.close()

    def create(self, run: RunRow) -> RunRow:
        with self._db.lock, self._db.writing() as db:
            found = db.execute(f"{RUN} WHERE id = ?", (run.id,)).fetchone()
            if found is not None:
                return run_of(found)
            last = 0
            if run.parent is not None:
                last = self._last(db, run.parent)
            if not 0 <= run.fork_seq <= last:
                raise WrongFork(run.id, run.parent, run.fork_seq, last)
            past = int(db.execute("SELECT generation FROM past").fetchone()[0])
            made = replace(run, generation=max(run.generation, past))
            db.execute(INSERT_RUN, run_values(made))
        return made

    def run(self, run_id: str) -> RunRow:
        with self._db.lock, self._db.reading() as db:
            return self._row(db, run_id)

    def runs(self, query: RunQuery) -> list[RunRow]:
        where: list[str] = []
        values: list[Any] = []
        if query.status is not None:
            where.append("status = ?")
            values.append(query.status)
        if query.text:
            where.append("(instr(id, ?) OR instr(title, ?) OR instr(entry, ?))")
            values += [query.text] * 3
        if query.updated_before is not None:
            where.append("updated < ?")
            values.append(query.updated_before)
        chosen = f"WHERE {' AND '.join(where)} " if where else ""
        order = "ORDER BY created DESC, no DESC"
        with self._db.lock, self._db.reading() as db:
            # The page is chosen by number first, so that results are not carried through the sort.
            page = f"SELECT no FROM runs {chosen}{order} LIMIT ? OFFSET ?"  # noqa: S608 - fixed texts
            rows = db.execute(
                f"{RUN} WHERE no IN ({page}) {order}", (*values, max(0, query.limit), max(0, query.offset))
            ).fetchall()
        return [run_of(row) for row in rows]

    def forks(self, run_id: str) -> list[RunRow]:
        with self._db.lock, self._db.reading() as db:
            self._number(db, run_id)
            rows = db.execute(f"{RUN} WHERE parent = ? ORDER BY created, no", (run_id,)).fetchall()
        return [run_of(row) for row in rows]

    # ---- carrying a run on -------------------------------------------------------------------------------------------

    def claim(self, run_id: str, owner: str, now: float, lease: float, dead: str = "") -> RunRow:
        with self._db.lock, self._db.writing() as db:
            row = self._row(db, run_id)
            left = row.lease_until - now
            if row.owner not in ("", owner, dead) and 0 < left <= 2 * lease:
                raise RunBusy(run_id, row.owner, left)
            taken = replace(
                row,
                generation=row.generation + 1,
                owner=owner,
                lease_until=now + lease,
                updated=now,
                status="running" if row.status in ("paused", "failed") else row.status,
            )
            db.execute(
                "UPDATE runs SET generation = ?, owner = ?, lease_until = ?, updated = ?, status = ? WHERE id = ?",
                (taken.generation, owner, taken.lease_until, now, taken.status, run_id),
            )
        return taken

    def renew(self, run_id: str, generation: int, now: float, lease: float) -> bool:
        with self._db.lock, self._db.writing() as db:
            changed = db.execute(  # a sign of life that comes after the end does not take the run again
                "UPDATE runs SET lease_until = CASE owner WHEN '' THEN 0 ELSE ? END, "
                "updated = CASE owner WHEN '' THEN updated ELSE ? END WHERE id = ? AND generation = ?",
                (now + lease, now, run_id, generation),
            )
            if changed.rowcount != 1:
                raise self._refusal(db, run_id, generation)
            return bool(db.execute("SELECT cancel FROM runs WHERE id = ?", (run_id,)).fetchone()[0])

    def settle(self, run_id: str, generation: int, change: RunChange) -> None:
        fields = change.__struct_fields__
        with self._db.lock, self._db.writing() as db:
            changed = db.execute(
                f"UPDATE runs SET {' = ?, '.join(fields)} = ?, owner = '', lease_until = 0 "  # noqa: S608 - our fields
                "WHERE id = ? AND generation = ?",
                (*(getattr(change, field) for field in fields), run_id, generation),
            )
            if changed.rowcount != 1:
                raise self._refusal(db, run_id, generation)

    def ask_to_cancel(self, run_id: str, now: float) -> RunRow:
        with self._db.lock, self._db.writing() as db:
            row = self._row(db, run_id)
            if row.status in _ENDED:
                return row
            if row.owner and row.lease_until > now:
                asked = replace(row, cancel=True)
            else:
                # Another generation: who lost the lease without knowing finds out.
                asked = replace(
                    row,
                    cancel=True,
                    status="cancelled",
                    stop_reason=StopReason.CANCELLED.value,
                    updated=now,
                    owner="",
                    lease_until=0.0,
                    generation=row.generation + 1,
                )
            db.execute(
                "UPDATE runs SET cancel = 1, status = ?, stop_reason = ?, updated = ?, owner = ?, lease_until = ?, "
                "generation = ? WHERE id = ?",
                (
                    asked.status,
                    asked.stop_reason,
                    asked.updated,
                    asked.owner,
                    asked.lease_until,
                    asked.generation,
                    run_id,
                ),
            )
        return asked

    # ---- deletion ----------------------------------------------------------------------------------------------------

    def delete(self, run_id: str, now: float) -> None:
        with self._db.lock, self._db.writing() as db:
            row = self._row(db, run_id)
            if row.owner and row.lease_until > now:
                raise RunBusy(run_id, row.owner, row.lease_until - now)
            forks = db.execute("SELECT id FROM runs WHERE parent = ? ORDER BY created, no", (run_id,)).fetchall()
            if forks:
                raise HasForks(run_id, tuple(str(fork) for (fork,) in forks))
            files = self._forget(db, self._number(db, run_id))
        self._remove_files(files)

    def prune(self, updated_before: float, now: float) -> int:
        count = 0
        files: set[str] = set()
        with self._db.lock, self._db.writing() as db:
            while rows := db.execute(
                "SELECT no FROM runs AS run WHERE status IN (?, ?, ?) AND updated < ? "
                "AND (owner = '' OR lease_until <= ?) AND NOT EXISTS (SELECT 1 FROM runs WHERE parent = run.id)",
                (*_ENDED, updated_before, now),
            ).fetchall():
                for (number,) in rows:  # and again: the parents of these may have no fork any more
                    files |= self._forget(db, number)
                count += len(rows)
        if self._artifacts is not None:
            self._remove_files(files | set(self._artifacts.kept()))
            self._artifacts.sweep(now)
        return count

    def _forget(self, db: Database, number: int) -> set[str]:
        """Everything of a run but its files; gives their digests."""
        files = {str(digest) for (digest,) in db.execute("SELECT digest FROM artifacts WHERE run = ?", (number,))}
        db.execute(
            "UPDATE past SET generation = max(generation, (SELECT generation FROM runs WHERE no = ?))", (number,)
        )
        db.execute("DELETE FROM entries WHERE key BETWEEN ? AND ?", (number << SHIFT, (number << SHIFT) | LAST))
        db.execute("DELETE FROM answers WHERE run = ?", (number,))
        db.execute("DELETE FROM artifacts WHERE run = ?", (number,))
        db.execute("DELETE FROM runs WHERE no = ?", (number,))
        return files

    def _remove_files(self, digests: Collection[str]) -> None:
        """Those that no run uses, after the run is gone for good: a crash leaves a file too many, never one too few."""
        if not digests or self._artifacts is None:
            return
        with self._db.lock, self._db.writing() as db:
            for digest in digests:
                if db.execute("SELECT 1 FROM artifacts WHERE digest = ?", (digest,)).fetchone() is None:
                    self._artifacts.remove(digest)

    # ---- in common ---------------------------------------------------------------------------------------------------

    def _row(self, db: Database, run_id: str) -> RunRow:
        found = db.execute(f"{RUN} WHERE id = ?", (run_id,)).fetchone()
        if found is None:
            raise UnknownRun(run_id, self._path)
        return run_of(found)

    def _number(self, db: Database, run_id: str) -> int:
        found = db.execute("SELECT no FROM runs WHERE id = ?", (run_id,)).fetchone()
        if found is None:
            raise UnknownRun(run_id, self._path)
        return int(found[0])

    def _last(self, db: Database, run_id: str) -> int:
        """The number of the run's last entry."""
        found = db.execute(
            LAST_SEQ,
            (run_id,),
        ).fetchone()
        if found is None:
            raise UnknownRun(run_id, self._path)
        return int(found[0])

    def _refusal(self, db: Database, run_id: str, generation: int) -> JournalError:
        self._row(db, run_id)
        return Fenced(run_id, generation)
