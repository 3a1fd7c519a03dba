"""Where a fork leaves its parent: what it shares, what it has to take over beside, and how its row is made.

A fork shares the part of its parent's log before the step that it leaves at. Steps of parallel branches that began
before that one and ended after it are copied, with their blobs, so that nothing that is shared is performed again.
Refuses to know why a fork is made (`fork.py`, `diverging.py`, `durable.py`).
"""

from collections.abc import Callable, Collection
from os import urandom
from typing import Any

from msgspec.structs import replace

from autogen.runs.changes import Changes, encode_changes
from autogen.runs.errors import JournalError
from autogen.runs.requests import encode_detail, model_detail
from autogen.runs.rows import Entry, RunRow
from autogen.runs.store import Store
from autogen.runs.work_files import kept_in

Blobs = dict[str, bytes]


def steps_of(entries: list[Entry]) -> list[Entry]:
    """A run's steps as people count them, from 1: of each effect what counts, in the order in which they began."""
    first: dict[str, int] = {}
    counts: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.address, entry.seq)
        counts[entry.address] = entry
    return [counts[address] for address in sorted(counts, key=first.__getitem__)]


def encloses(outer: str, inner: str) -> bool:
    """Does the effect at `inner` happen inside the one at `outer`?"""
    return inner.startswith(f"{outer}/")


def cut(entries: list[Entry], address: str, also: Collection[str] = ()) -> tuple[int, list[Entry]]:
    """What a fork that leaves at `address` shares (up to this entry), and what it takes over of the log after that.

    also: addresses that it takes over wherever they stand. An `address` without an entry leaves at the log's end.
    """
    first: dict[str, int] = {}
    counts: dict[str, Entry] = {}
    for entry in entries:
        first.setdefault(entry.address, entry.seq)
        counts[entry.address] = entry
    last = entries[-1].seq if entries else 0
    base = first.get(address, last + 1) - 1
    later = [
        entry
        for name, entry in counts.items()
        if entry.seq > base
        and name != address
        and not encloses(name, address)
        and (first[name] <= base or name in also)
    ]
    return base, sorted(later, key=lambda entry: entry.seq)


def copies(store: Store, run_id: str, entries: list[Entry], base: int, later: list[Entry]) -> list[tuple[Entry, Blobs]]:
    """The entries to be written into the fork's own log, each with its blobs. Raises Damaged."""
    known = {entry.address for entry in entries if entry.seq <= base}
    made: list[tuple[Entry, Blobs]] = []
    for entry in later:
        known.add(entry.address)
        made.append(_copy(store, run_id, entry, known))
    return made


def _copy(store: Store, run_id: str, entry: Entry, known: Collection[str]) -> tuple[Entry, Blobs]:
    if entry.kind == "model":
        detail = model_detail(entry)
        sent = detail.request
        if sent is None:
            return entry, {}
        named = {sent.base, *(address for _, address, _, _ in sent.quoted)} - {""}
        if not named.issubset(known):  # some of its bytes stand in an entry that the fork does not have
            return replace(entry, detail=encode_detail(replace(detail, request=None))), {}
        return entry, {sent.rest: store.blob(run_id, sent.rest)}
    if entry.kind == "code":
        return entry, {digest: store.blob(run_id, digest) for digest in kept_in(entry)}
    return entry, {}


def make_fork(
    store: Store,
    parent: RunRow,
    base: int,
    changes: Changes,
    own: list[tuple[Entry, Blobs]],
    now: float,
    new_id: str | None = None,
    **fields: Any,
) -> RunRow | None:
    """Put a fork into the journal, its own first entries with it; None when `new_id` is taken.

    fields: of the row, where they are not the parent's.
    """
    row = insert(
        store,
        parent.id,
        lambda run_id: RunRow(
            id=run_id,
            status="paused",
            created=now,
            updated=now,
            title=parent.title,
            entry=parent.entry,
            arguments=fields.get("arguments", parent.arguments),
            facts=fields.get("facts", parent.facts),
            parent=parent.id,
            fork_seq=base,
            changes=encode_changes(replace(changes, own=len(own), mark=urandom(4).hex())),
        ),
        new_id,
    )
    if row is None:
        return None
    try:
        for entry, blobs in own:
            store.append(row.id, row.generation, (entry,), blobs)
    except BaseException:
        store.delete(row.id, now)
        raise
    return row


def insert(store: Store, parent_id: str, row_of: Callable[[str], RunRow], new_id: str | None = None) -> RunRow | None:
    """Create the row under the first free name, `parent~1`, `parent~2`, ...; None when `new_id` is given and taken."""
    number = len(store.forks(parent_id))
    for _ in range(100_000):
        number += 1
        wanted = row_of(new_id if new_id is not None else f"{parent_id}~{number}")
        made = store.create(wanted)
        if replace(made, generation=wanted.generation) == wanted:
            return made
        if new_id is not None:
            return None
    raise JournalError(f"no free name was found for a fork of run {parent_id!r}")
