"""The files of work directories in a run's log: what is told of them after code ran, and how a fork gets them back.

Each code run's entry tells what changed since the one before it in the same directory, and brings the new content as
blobs, up to limits; what is over a limit is listed with its digest only. Decides what is put back and what is never
overwritten. Refuses to know how files are opened: that is the `Disk`, filled in by `runtime`.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct
from msgspec.json import Decoder

from autogen.core.secrets import hide
from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged
from autogen.runs.rows import Entry

if TYPE_CHECKING:
    from autogen.runs.log import RunLog
    from autogen.runs.rows import RunRow
    from autogen.runs.store import Store

MOST_PER_FILE: Final = 4 << 20
"""Bytes of a file that is kept."""
MOST_PER_SET: Final = 16 << 20
"""Bytes of all files of a directory that are kept."""
_RELATIVES: Final = 200
"""Runs of a family that are looked through for what is known."""


class Seen(Struct, frozen=True):
    """A file as it stands in a directory."""

    path: str
    """Relative, with `/`."""
    size: int
    digest: str
    """The name of its content as a blob; "" for a huge file."""
    executable: bool = False


class Scan(Struct, frozen=True):
    files: tuple[Seen, ...]
    """By path."""
    left_out: int
    """Links, pipes, secrets, unreadable names, and what is beyond the limit of files."""


class Disk(Protocol):
    """What touches files; `autogen/coding/work_files.py` says more of each."""

    def place(self, executor: Any) -> str | None: ...
    def scan(self, root: str, hidden: str) -> Scan: ...
    def read(self, root: str, path: str, most: int) -> bytes | None: ...
    def exists(self, root: str, path: str) -> bool: ...
    def put(self, root: str, path: str, data: bytes, executable: bool) -> str: ...
    def set_aside(self, root: str, path: str) -> str: ...
    def remove(self, root: str, path: str) -> bool: ...


class FileRow(Struct, frozen=True, array_like=True):
    """A file in a log."""

    path: str
    size: int
    digest: str
    kept: bool = False
    """Its content is a blob of the run."""
    executable: bool = False


Manifest = dict[str, FileRow]


class FilesTold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a code run's entry tells of the work directory."""

    where: str
    """Its real path when the code ran."""
    base: str = ""
    """Address of the code run before it there, whose files these differ from; "" for the first."""
    before: list[FileRow] = []
    """Of the first: the files that were there already."""
    set: list[FileRow] = []
    """New or changed."""
    gone: list[str] = []
    left_out: int = 0


class CodeDetail(Struct, frozen=True, omit_defaults=True):
    """The detail of a code run's entry."""

    blocks: list[tuple[str, str]] = []
    """(language, code)."""
    files: FilesTold | None = None


_decoder: Final = Decoder(CodeDetail)


def code_detail(entry: Entry) -> CodeDetail:
    """Raises Damaged."""
    try:
        return _decoder.decode(entry.detail) if entry.detail else CodeDetail()
    except ValueError as error:
        raise Damaged(f"the detail of {entry.address}", str(error)) from None


def kept_in(entry: Entry) -> list[str]:
    """The digests of the blobs that a code run's entry brought."""
    files = code_detail(entry).files
    return [] if files is None else [row.digest for row in (*files.before, *files.set) if row.kept]


def manifest_after(entry: Entry, find: Callable[[str], Entry | None]) -> Manifest:
    """The files after a code run. find: the entry at an address. Raises Damaged."""
    chain: list[FilesTold] = []
    one: Entry | None = entry
    seen: set[str] = set()
    while one is not None and one.address not in seen:
        seen.add(one.address)
        files = code_detail(one).files
        if files is None:
            break
        chain.append(files)
        one = find(files.base) if files.base else None
        if files.base and one is None:
            raise Damaged(f"the files of {entry.address}", f"what they share with {files.base!r} is missing")
    found: Manifest = {row.path: row for row in chain[-1].before} if chain else {}
    for files in reversed(chain):
        for path in files.gone:
            found.pop(path, None)
        found.update((row.path, row) for row in files.set)
    return {path: found[path] for path in sorted(found)}


class WorkFiles:
    """What one process knows of the work directories of one run."""

    __slots__ = ("_known", "_settled")

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, Manifest]] = {}
        """Real path -> the last code run there that told of files, and these."""
        self._settled: set[str] = set()

    def before(
        self, log: "RunLog", disk: Disk, agent: str, root: str
    ) -> "tuple[Manifest, dict[str, bytes], list[str]]":
        """Ahead of a code run: files are put back if the run asks for it. Gives the files that are there before the
        first run in this directory, their blobs, and what a person should know."""
        notices: list[str] = []
        if root not in self._settled:
            self._settled.add(root)
            notices = restore(log, disk, agent, root)
        if self._last(log, root) is not None:
            return {}, {}, notices
        blobs: dict[str, bytes] = {}
        return _manifest(disk, root, disk.scan(root, log.store.where), {}, blobs), blobs, notices

    def after(
        self, log: "RunLog", disk: Disk, root: str, address: str, before: Manifest, blobs: dict[str, bytes]
    ) -> FilesTold:
        """What to tell of the directory after a code run; new content is added to `blobs`."""
        last = self._last(log, root)
        base, known = last if last is not None else ("", before)
        scan = disk.scan(root, log.store.where)
        now = _manifest(disk, root, scan, known, blobs)
        told = FilesTold(
            where=root,
            base=base,
            before=[] if base else list(before.values()),
            set=[row for path, row in now.items() if known.get(path) != row],
            gone=[path for path in known if path not in now],
            left_out=scan.left_out,
        )
        self._known[root] = (address, now)
        return told

    def _last(self, log: "RunLog", root: str) -> tuple[str, Manifest] | None:
        known = self._known.get(root)
        if known is None:
            entry = _latest(log.entries.values(), root)
            if entry is not None:
                known = self._known[root] = (entry.address, manifest_after(entry, log.entries.get))
        return known


def _manifest(disk: Disk, root: str, scan: Scan, known: Manifest, blobs: dict[str, bytes]) -> Manifest:
    """The files of a scan with what is kept of them: those that were kept before first, then the rest by path."""
    room = MOST_PER_SET
    rows: Manifest = {}
    for one in scan.files:
        was = known.get(one.path)
        if was is not None and was.digest == one.digest and was.kept:
            rows[one.path] = FileRow(one.path, one.size, one.digest, True, one.executable)
            room -= one.size
    for one in scan.files:
        if one.path in rows:
            continue
        row = FileRow(one.path, one.size, one.digest, False, one.executable)
        if one.size <= min(MOST_PER_FILE, room):
            data = disk.read(root, one.path, MOST_PER_FILE)
            if data is not None and len(data) <= room and hide(data) == data:  # one with a declared secret is not kept
                digest = of_blob(data)
                blobs[digest] = data
                room -= len(data)
                row = FileRow(one.path, len(data), digest, True, one.executable)
        rows[one.path] = row
    return {path: rows[path] for path in sorted(rows)}


# ---- putting back ----------------------------------------------------------------------------------------------------


def restore(log: "RunLog", disk: Disk, agent: str, root: str) -> list[str]:
    """Put the files below `root` back to where the run stands, if it asks for that; gives what a person should know.

    What would be overwritten or removed and is kept in no run of the family is set aside under another name.
    """
    entries = [entry for entry in log.entries.values() if entry.kind == "code"]
    relatives: list[Entry] = []
    if log.changes.restore and not any(
        entry.seq > log.inherited and entry.agent == agent and entry.state == "done" for entry in entries
    ):
        line = [entry for entry in log.store.read(log.row.parent or log.id) if entry.kind == "code"]
        shared = [entry for entry in entries if entry.seq <= log.inherited]
        target = _target(shared, line, log.entries.get, agent, root)
        relatives = [*line, *_others(log.store, log.row)]
    elif log.policy.restore:
        target = _target(entries, entries, log.entries.get, agent, root)
    else:
        return []
    if target is None:
        return []
    listed = {(row.path, row.digest): row.kept for entry in [*relatives, *entries] for row in _rows(entry)}
    return _put_back(log, disk, root, target, listed)


def _target(
    shared: list[Entry], line: list[Entry], find: Callable[[str], Entry | None], agent: str, root: str
) -> Manifest | None:
    """The files as they were at the end of `shared`; None when nobody told of any. line: the parent's code runs."""
    own = [entry for entry in line if entry.agent == agent and code_detail(entry).files is not None]
    told = code_detail(own[-1]).files if own else None
    where = told.where if told is not None else root
    last = _latest(shared, where)
    if last is not None:
        return manifest_after(last, find)
    for entry in line:
        files = code_detail(entry).files
        if files is not None and files.where == where and not files.base:
            return {row.path: row for row in files.before}
    return None


def _put_back(log: "RunLog", disk: Disk, root: str, target: Manifest, listed: dict[tuple[str, str], bool]) -> list[str]:
    notices: list[str] = []
    now = {seen.path: seen for seen in disk.scan(root, log.store.where).files}
    kept = {digest for (_, digest), is_kept in listed.items() if is_kept}
    for path, row in target.items():
        here = now.get(path)
        if here is not None and here.digest == row.digest and here.executable == row.executable:
            continue
        if not row.kept:
            notices.append(f"{path} is not as it was at that point: the journal keeps no file so large or secret")
            continue
        data = _content(log, row.digest)
        if data is None:
            notices.append(f"{path} could not be put back: the journal's copy belongs to a run that is gone")
            continue
        known = here is not None and here.digest in kept
        if not known and disk.exists(root, path):
            aside = disk.set_aside(root, path)
            if not aside:
                notices.append(f"{path} could not be put back: what stands there is not known and cannot be moved")
                continue
            notices.append(f"{path} was not known to the journal; it is kept as {aside}")
        why = disk.put(root, path, data, row.executable)
        if why:
            notices.append(f"{path} could not be put back: {why}")
    for path, seen in now.items():
        if path in target or (path, seen.digest) not in listed:
            continue
        if not listed[path, seen.digest] or not disk.remove(root, path):
            notices.append(f"{path} was made after that point and is still there")
    return [f"work directory {root}: {notice}" for notice in notices]


def _content(log: "RunLog", digest: str) -> bytes | None:
    try:
        return log.store.blob(log.id, digest)
    except Damaged:
        if log.row.parent is None:
            raise
    for name in _relatives(log.store, log.id):
        try:
            return log.store.blob(name, digest)
        except Damaged:
            continue
    return None


def _latest(entries: Iterable[Entry], where: str) -> Entry | None:
    """The last code run that told of the files in this directory."""
    found: Entry | None = None
    for entry in entries:
        if entry.kind == "code" and (found is None or entry.seq > found.seq):
            files = code_detail(entry).files
            if files is not None and files.where == where:
                found = entry
    return found


def _rows(entry: Entry) -> list[FileRow]:
    files = code_detail(entry).files
    return [] if files is None else [*files.before, *files.set]


def _relatives(store: "Store", run_id: str) -> list[str]:
    """The run that this one comes from in the end, and all its forks."""
    name = run_id
    while (parent := store.run(name).parent) is not None:
        name = parent
    names = [name]
    for one in names:
        names += [row.id for row in store.forks(one)]
        if len(names) > _RELATIVES:
            break
    return names[:_RELATIVES]


def _others(store: "Store", run: "RunRow") -> Iterable[Entry]:
    """The code runs of a run's relatives but its parent."""
    for name in _relatives(store, run.id):
        if name not in (run.id, run.parent):
            after = store.run(name).fork_seq
            yield from (entry for entry in store.read(name, after) if entry.kind == "code")
