"""A recording: runs as one file of JSON lines, redacted, to be sent, kept beside tests and played back.

    {"autogen_recording": 1, "run": {...}, "redacted": 2}    the first run
    {"entry": {...}}  {"answer": {...}}  {"blob": "<digest>", "data": {...}}
    {"run": {...}}                                           another run of the same scope, and so on
    {"end": 7, "digest": "..."}                              lines before this one, and a digest of their bytes

What the journal keeps as bytes stands as `{"json": ...}`, `{"text": ...}` or `{"base64": ...}` and comes back byte for
byte. A file that is cut, changed or of a newer version is refused before anything of it is written. The digest finds
accidents; it is no signature. Refuses to know how a recording is played. Forms of lines: `recorded.py`.
"""

import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from autogen.runs.digest import of_blob
from autogen.runs.error_codec import known_redactor
from autogen.runs.errors import Damaged, JournalUnusable, RunExists, UnknownFormat, UnknownRun
from autogen.runs.recorded import RunLines, blob_line, lines_of, named_in, needed_by, read_line, written
from autogen.runs.redact import Redactor
from autogen.runs.rows import FORMAT, RunChange, RunQuery, RunRow
from autogen.runs.store import Store

VERSION: Final = FORMAT
LONGEST_LINE: Final = 256 * 2**20
"""Bytes. A blob in base64 is the longest line there is."""
LARGEST: Final = 2**30
"""Bytes of a file that is read."""
_READ: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting for who writes into a pipe."""
_MARK: Final = b'{"autogen_recording":'


class Exported(Struct, frozen=True, kw_only=True):
    """What an export wrote."""

    lines: int
    """All, the last one included."""
    redacted: int
    """Secrets that were taken out."""
    bytes: int


class _Version(Struct, frozen=True):
    autogen_recording: int


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    autogen_recording: int
    run: dict[str, msgspec.Raw]
    redacted: int


class _End(Struct, frozen=True, forbid_unknown_fields=True):
    end: int
    digest: str


_version: Final = msgspec.json.Decoder(_Version).decode
_header: Final = msgspec.json.Decoder(_Header).decode
_end: Final = msgspec.json.Decoder(_End).decode


# ---- export --------------------------------------------------------------------------------------------------------


def export_run(
    store: Store,
    run_id: str,
    path: "str | os.PathLike[str]",
    *,
    redactor: Redactor | None = None,
    children: Iterable[str] | None = None,
) -> Exported:
    """Write a run to `path`, for its owner only; what stood there is replaced at the end, at once.

    redactor: None for one that knows the patterns of secrets, and those of this process.
    children: ids of further runs for the same file; None: those of the same scope (`id/2`, ...).
    Who carries a run on is left out. A fork without its parent in the file holds the shared part of the parent's log.
    Raises UnknownRun, Damaged, JournalUnusable when the file cannot be written or a line would be too long.
    """
    known = redactor or known_redactor()
    ids = [run_id, *(_scope(store, run_id) if children is None else children)]
    lines: list[bytes] = []
    redacted = 0
    first: Mapping[str, Any] = {}
    blobs: dict[str, bytes] = {}
    done: set[str] = set()
    for one in dict.fromkeys(ids):
        made = lines_of(store, one, known, done)
        done.add(one)
        redacted += made.redacted
        if not first:
            first = made.run
        else:
            lines.append(written({"run": made.run}))
        lines += made.lines
        for digest, data in made.blobs.items():
            if digest not in blobs:
                blobs[digest] = data
                lines.append(blob_line(digest, data))
    lines.insert(0, written({"autogen_recording": VERSION, "run": first, "redacted": redacted}))
    whole = blake2b(digest_size=16)
    for line in lines:
        if len(line) > LONGEST_LINE:
            raise JournalUnusable(str(path), "a blob of the run is too large for a recording", "leave large files out")
        whole.update(line)
    lines.append(written({"end": len(lines), "digest": whole.hexdigest()}))
    _replace_file(Path(path), lines)
    return Exported(lines=len(lines), redacted=redacted, bytes=sum(map(len, lines)))


def _scope(store: Store, run_id: str) -> Iterator[str]:
    """The runs under this one's id, oldest first."""
    found: list[RunRow] = []
    page = 500
    while True:
        rows = store.runs(RunQuery(text=f"{run_id}/", limit=page, offset=len(found)))
        found += rows
        if len(rows) < page:
            break
    for row in reversed(found):
        if row.id.startswith(f"{run_id}/"):
            yield row.id


def _replace_file(path: Path, lines: Iterable[bytes]) -> None:
    staged = path.with_name(f".{path.name}.{os.urandom(8).hex()}")
    try:
        with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            try:
                file.writelines(lines)
                file.flush()
                os.fsync(file.fileno())
                staged.replace(path)
            except BaseException:
                staged.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise JournalUnusable(
            str(path), error.strerror or str(error), "see that this user may write there and that the disk has room"
        ) from error


# ---- import --------------------------------------------------------------------------------------------------------


def import_run(path: "str | os.PathLike[str]", store: Store) -> list[str]:
    """Add the runs of a recording to a journal; gives their ids. All of the file is checked before.

    Raises UnknownFormat for another or newer format, Damaged for a file that was cut or changed, RunExists when an id
    is taken (nothing is written then), JournalUnusable when the file cannot be read.
    """
    runs, blobs = _read(Path(path))
    for run in runs:
        try:
            store.run(run.row.id)
        except UnknownRun:
            continue
        raise RunExists(run.row.id, store.where)
    added: list[str] = []
    try:
        for run in runs:
            _add(store, run, blobs)
            added.append(run.row.id)
    except BaseException:
        for run_id in reversed(added):
            store.delete(run_id, time.time())
        raise
    return added


def load_recording(path: "str | os.PathLike[str]") -> Store:
    """A recording as a journal in memory. Raises as `import_run`."""
    from autogen.runs.sqlite import SqliteStore

    store = SqliteStore(":memory:")
    try:
        import_run(path, store)
    except BaseException:
        store.close()
        raise
    return store


def _add(store: Store, run: RunLines, blobs: Mapping[str, bytes]) -> None:
    """A cancelled run until all of it is there: what is left if the process dies here is never carried on."""
    row = run.row
    begun = replace(row, status="cancelled", stop_detail="its import was not finished", result=b"")
    made = store.create(begun)
    if replace(made, generation=begun.generation) != begun:
        raise RunExists(row.id, store.where)
    try:
        for entry in run.entries:
            named = {digest: blobs[digest] for digest in named_in(entry) if digest in blobs}
            store.append(row.id, made.generation, (entry,), named)
        for answer in run.answers:
            store.keep_answer(row.id, answer)
        store.settle(row.id, made.generation, _ending(row))
    except BaseException:
        store.delete(row.id, time.time())
        raise


def _ending(row: RunRow) -> RunChange:
    return RunChange(**{name: getattr(row, name) for name in RunChange.__struct_fields__})


def _read(path: Path) -> tuple[list[RunLines], dict[str, bytes]]:
    what = f"the recording {str(path)!r}"
    lines = _checked_lines(_content(path, what), what)
    runs: list[RunLines] = []
    blobs: dict[str, bytes] = {}
    try:
        runs.append(RunLines.of(_header(lines[0]).run))
        for number, line in enumerate(lines[1:], 2):
            what = f"the recording {str(path)!r}, line {number},"
            read_line(line, runs, blobs)
    except Damaged as error:
        raise Damaged(what, error.why) from None
    except (ValueError, TypeError, RecursionError) as error:
        raise Damaged(what, str(error)[:300]) from None
    _check_whole(runs, blobs, f"the recording {str(path)!r}")
    return runs, blobs


def _content(path: Path, what: str) -> bytes:
    try:
        with os.fdopen(os.open(path, _READ), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise UnknownFormat(what, "no plain file", f"recordings of version {VERSION}")
            if found.st_size > LARGEST:
                raise Damaged(what, f"it has {found.st_size} bytes, more than any recording ({LARGEST})")
            return file.read(LARGEST + 1)
    except OSError as error:
        if isinstance(error, JournalUnusable):
            raise
        raise JournalUnusable(str(path), error.strerror or str(error), "see that it is there and may be read") from None


def _checked_lines(data: bytes, what: str) -> list[bytes]:
    """The lines between the ends of the file. Raises UnknownFormat, Damaged."""
    if not data.startswith(_MARK):
        if _MARK.startswith(data):
            raise Damaged(what, "it is truncated: there is nothing of it")
        raise UnknownFormat(what, "something that is no recording", f"recordings of version {VERSION}")
    lines = data.split(b"\n")
    if max(map(len, lines)) > LONGEST_LINE:
        raise Damaged(what, f"it has a line of more than {LONGEST_LINE} bytes")
    if len(lines) > 1:
        try:
            version = _version(lines[0]).autogen_recording
        except (ValueError, RecursionError) as error:
            raise Damaged(what, f"its first line does not read: {error!s:.200}") from None
        if version != VERSION:
            raise UnknownFormat(what, str(version), str(VERSION))
    try:
        end = _end(lines[-2]) if len(lines) > 2 and not lines[-1] else None
    except (ValueError, RecursionError):
        end = None
    if end is None:
        raise Damaged(what, f"it is truncated: it ends within or after line {len(lines)}, without its last line")
    size = len(data) - len(lines[-2]) - 1
    if end.end != len(lines) - 2:
        raise Damaged(what, f"it has {len(lines) - 2} lines in place of {end.end}")
    if end.digest != blake2b(memoryview(data)[:size], digest_size=16).hexdigest():
        raise Damaged(what, "it was changed since it was written: its digest is another")
    return lines[:-2]


def _check_whole(runs: Iterable[RunLines], blobs: Mapping[str, bytes], what: str) -> None:
    """What no single line shows. Raises Damaged."""
    seen: dict[str, RunLines] = {}
    for run in runs:
        row = run.row
        if row.id in seen:
            raise Damaged(what, f"it holds the run {row.id!r} twice")
        if row.parent is not None and row.parent not in seen:
            raise Damaged(what, f"the run {row.id!r} was forked from {row.parent!r}, which does not stand before it")
        if row.parent is None and row.fork_seq:
            raise Damaged(what, f"the run {row.id!r} was forked from nothing")
        if row.parent is not None and row.fork_seq > seen[row.parent].row.fork_seq + len(seen[row.parent].entries):
            raise Damaged(what, f"the run {row.id!r} shares more of {row.parent!r} than there is")
        try:
            missing = next((digest for digest in needed_by(run) if digest not in blobs), None)
        except Damaged as error:
            raise Damaged(what, f"{error.what} does not read: {error.why}") from None
        if missing is not None:
            raise Damaged(what, f"the blob {missing} is missing")
        seen[row.id] = run
    wrong = next((digest for digest, data in blobs.items() if of_blob(data) != digest), None)
    if wrong is not None:
        raise Damaged(what, f"the blob {wrong} has other content than its name says")
