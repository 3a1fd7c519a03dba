"""Which runs a journal holds. Refuses to know how they are carried on."""

from typing import Final

from autogen.runs.durable import JournalLike, wanted_scope
from autogen.runs.rows import RunQuery, RunStatus
from autogen.runs.view import RunView, listed

_PAGE: Final = 100


def list_runs(
    *,
    status: RunStatus | None = None,
    text: str = "",
    limit: int = 100,
    ready: bool | None = None,
    journal: JournalLike | None = None,
) -> list[RunView]:
    """The runs of the journal, newest first. text: stands in the id, the title or the entry's name.

    ready: only those that `advance` would get further (True), or would not (False).
    Raises JournalUnusable when there is no such journal; nothing is made by looking.
    """
    scope = wanted_scope(journal)
    store, now = scope.store, scope.clock()
    if ready is None:
        return [listed(store, row, now) for row in store.runs(RunQuery(status=status, text=text, limit=limit))]
    found: list[RunView] = []
    offset = 0
    while len(found) < limit:
        rows = store.runs(RunQuery(status=status, text=text, limit=_PAGE, offset=offset))
        offset += len(rows)
        found += [run for row in rows if (run := listed(store, row, now)).ready is ready]
        if len(rows) < _PAGE:
            break
    return found[:limit]
