"""Which runs a journal holds. Refuses to know how they are carried on."""

from autogen.runs.durable import JournalLike, wanted_scope
from autogen.runs.rows import RunQuery, RunStatus
from autogen.runs.view import RunView, view


def list_runs(
    *, status: RunStatus | None = None, text: str = "", limit: int = 100, journal: JournalLike | None = None
) -> list[RunView]:
    """The runs of the journal, newest first. text: stands in the id, the title or the entry's name."""
    store = wanted_scope(journal).store
    found = store.runs(RunQuery(status=status, text=text, limit=limit))
    return [view(row, store.read(row.id) if row.status == "paused" else []) for row in found]
