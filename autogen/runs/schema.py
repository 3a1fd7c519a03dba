"""The tables of a journal's SQLite file, and how rows are written to them and read back.

Whatever is read is hostile: every value must have the type and be among the choices that `rows.py` names, or the
entry is `Damaged`. A text with half a character in it, which SQLite's texts cannot hold, is written as bytes.
Refuses to know files, locks and transactions. Change together: `rows.py`, these tables, `FORMAT`.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

import msgspec
from msgspec import Struct

from autogen.runs.errors import Damaged, NotStorable
from autogen.runs.rows import Answer, Entry, RunRow

APPLICATION_ID: Final = 0x41474A4C
"""Stands in the header of each of our files, so that another program's database is told from a journal."""

SHIFT: Final = 32
LAST: Final = (1 << SHIFT) - 1
"""An entry's key is its run's number shifted left, plus its `seq`: a run's log lies together and needs no index."""

_RUNS: Final = (
    "CREATE TABLE runs (no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL, created REAL NOT NULL, "
    "updated REAL NOT NULL, title TEXT NOT NULL, entry TEXT NOT NULL, arguments BLOB NOT NULL, facts BLOB NOT NULL, "
    "parent TEXT, fork_seq INTEGER NOT NULL, changes BLOB NOT NULL, stop_reason TEXT NOT NULL, "
    "stop_detail TEXT NOT NULL, error TEXT NOT NULL, result BLOB NOT NULL, usd REAL, input_tokens INTEGER NOT NULL, "
    "output_tokens INTEGER NOT NULL, model_calls INTEGER NOT NULL, cancel INTEGER NOT NULL, "
    "generation INTEGER NOT NULL, owner TEXT NOT NULL, lease_until REAL NOT NULL)"
)
# `held` says which blobs came with the entry (`artifacts.pack`); the small ones follow each other in `pack`, which
# comes last, so that reading a log does not touch them.
_ENTRIES: Final = (
    "CREATE TABLE entries (key INTEGER PRIMARY KEY, held BLOB NOT NULL, mark INTEGER NOT NULL, address TEXT NOT NULL, "
    "kind TEXT NOT NULL, state TEXT NOT NULL, agent TEXT NOT NULL, label TEXT NOT NULL, digest TEXT NOT NULL, "
    "attempt INTEGER NOT NULL, started REAL NOT NULL, ended REAL NOT NULL, detail BLOB NOT NULL, "
    "answer BLOB NOT NULL, pack BLOB NOT NULL)"
)
_ANSWERS: Final = (
    "CREATE TABLE answers (run INTEGER NOT NULL, address TEXT NOT NULL, value BLOB NOT NULL, who TEXT NOT NULL, "
    "at REAL NOT NULL, PRIMARY KEY (run, address)) WITHOUT ROWID"
)
TABLES: Final = (
    _RUNS,
    "CREATE INDEX newest ON runs (created)",
    "CREATE INDEX forks ON runs (parent) WHERE parent IS NOT NULL",
    _ENTRIES,
    _ANSWERS,
    "CREATE TABLE artifacts (digest TEXT NOT NULL, run INTEGER NOT NULL, PRIMARY KEY (digest, run)) WITHOUT ROWID",
    "CREATE INDEX uses ON artifacts (run)",
    # The highest generation of any run that was deleted: one made anew under the same id begins above it.
    "CREATE TABLE past (one INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
)

RUN_COLUMNS: Final[tuple[str, ...]] = (
    "id", "status", "created", "updated", "title", "entry", "arguments", "facts", "parent", "fork_seq", "changes",
    "stop_reason", "stop_detail", "error", "result", "usd", "input_tokens", "output_tokens", "model_calls", "cancel",
    "generation", "owner", "lease_until",
)  # fmt: skip
ENTRY_COLUMNS: Final[tuple[str, ...]] = (
    "address", "kind", "state", "agent", "label", "digest", "attempt", "started", "ended", "detail", "answer",
)  # fmt: skip
_ANSWER_COLUMNS: Final[tuple[str, ...]] = ("address", "value", "by", "at")

RUN: Final = f"SELECT {', '.join(RUN_COLUMNS)} FROM runs"  # noqa: S608 - our own names
INSERT_RUN: Final = f"INSERT INTO runs ({', '.join(RUN_COLUMNS)}) VALUES ({', '.join('?' * len(RUN_COLUMNS))})"  # noqa: S608 - our own names
READ: Final = (
    f"SELECT key & {LAST}, held, mark, {', '.join(ENTRY_COLUMNS)} "  # noqa: S608 - our own names
    "FROM entries WHERE key BETWEEN ? AND ? ORDER BY key"
)
# One statement finds the next number, refuses another generation's writer and inserts: it is a transaction by itself.
APPEND: Final = (
    "INSERT INTO entries SELECT coalesce("  # noqa: S608 - our own numbers
    f"(SELECT max(key) FROM entries WHERE key BETWEEN r.no << {SHIFT} AND (r.no << {SHIFT}) | {LAST}), "
    f"(r.no << {SHIFT}) | r.fork_seq) + 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? "
    "FROM runs r WHERE r.id = ? AND r.generation = ?"
)
LAST_SEQ: Final = (
    "SELECT coalesce("  # noqa: S608 - our own numbers
    f"(SELECT max(key) & {LAST} FROM entries WHERE key BETWEEN no << {SHIFT} AND (no << {SHIFT}) | {LAST}), "
    "fork_seq) FROM runs WHERE id = ?"
)

T = TypeVar("T", bound=Struct)

_BYTES: Final = (bytes,)
_to_json: Final = msgspec.json.Encoder().encode
_facts: Final = msgspec.json.Decoder(dict[str, str])


def run_values(run: RunRow) -> list[Any]:
    """In the order of `RUN_COLUMNS`. Raises NotStorable."""
    values = [getattr(run, name) for name in RUN_COLUMNS]
    try:
        values[RUN_COLUMNS.index("facts")] = _to_json(dict(run.facts))
    except (TypeError, ValueError) as error:
        raise NotStorable(f"run {run.id!r}", "facts", f"no texts ({error})") from None
    return values


def run_of(row: Sequence[Any]) -> RunRow:
    """Raises Damaged."""
    found: dict[str, Any] = dict(zip(RUN_COLUMNS, row, strict=True))
    what = f"the journal's row of run {found['id']!r}"
    try:
        found["facts"] = _facts.decode(found["facts"])
    except (TypeError, ValueError) as error:
        raise Damaged(what, f"its facts do not read: {error}") from None
    found["cancel"] = {0: False, 1: True}.get(found["cancel"], found["cancel"])
    return _made(RunRow, found, what)


def entry_values(entry: Entry, held: bytes, pack: bytes) -> tuple[Any, ...]:
    """In the order of the columns of `entries`, without the key."""
    return (
        held, _mark(entry, held), entry.address, entry.kind, entry.state, entry.agent, entry.label, entry.digest,
        entry.attempt, entry.started, entry.ended, entry.detail, entry.answer, pack,
    )  # fmt: skip


def entries_of(rows: Iterable[Sequence[Any]], run_id: str, seq: int) -> list[Entry]:
    """What `READ` gave; seq: the number of the entry before. Raises Damaged, also for one that is missing."""
    entries: list[Entry] = []
    for number, held, mark, *values in rows:
        seq += 1
        what = f"entry {seq} of run {run_id!r}"
        if number != seq:
            raise Damaged(what, f"it is missing, the next one is {number!r}")
        found: dict[str, Any] = dict(zip(ENTRY_COLUMNS, values, strict=True))
        found["seq"] = seq
        entry = _made(Entry, found, what)
        if type(held) is not bytes or mark != _mark(entry, held):
            raise Damaged(what, "its content is not what was written")
        entries.append(entry)
    return entries


def answer_of(row: Sequence[Any], run_id: str) -> Answer:
    """Raises Damaged."""
    found: dict[str, Any] = dict(zip(_ANSWER_COLUMNS, row, strict=True))
    return _made(Answer, found, f"an answer in run {run_id!r}")


def storable(values: Sequence[Any]) -> list[Any]:
    """The same values; a text that is no Unicode becomes bytes."""
    return [value.encode("utf-8", "surrogatepass") if isinstance(value, str) and _broken(value) else value
            for value in values]  # fmt: skip


def _broken(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _made(kind: type[T], found: dict[str, Any], what: str) -> T:
    try:
        return msgspec.convert(found, kind, builtin_types=_BYTES)
    except msgspec.ValidationError as error:
        first = error
    try:
        return msgspec.convert(_with_texts(kind, found), kind, builtin_types=_BYTES)
    except (msgspec.ValidationError, UnicodeDecodeError):
        raise Damaged(what, str(first)) from None


def _with_texts(kind: type[Struct], found: Mapping[str, Any]) -> dict[str, Any]:
    """Bytes in the place of a text: half a character, kept by `storable`."""
    texts = {field.name for field in msgspec.structs.fields(kind) if field.type not in (bytes, float, int)}
    return {
        name: value.decode("utf-8", "surrogatepass") if name in texts and isinstance(value, bytes) else value
        for name, value in found.items()
    }


def _mark(entry: Entry, held: bytes) -> int:
    """Finds what a failing disk changed. It is no signature: who can write the file can make one."""
    told = f"{entry.address}\0{entry.kind}\0{entry.state}\0{entry.agent}\0{entry.label}\0{entry.digest}"
    return crc32(entry.answer, crc32(entry.detail, crc32(held, crc32(told.encode("utf-8", "surrogatepass")))))
