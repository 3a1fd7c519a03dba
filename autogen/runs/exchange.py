"""A run as a file, in and out: `autogen.export_run`, `autogen.import_run`, each sync and async.

Refuses to know the form of the file (`recording.py`).
"""

import os

from autogen.drivers.threads import beside
from autogen.runs import recording
from autogen.runs.durable import JournalLike, wanted_scope
from autogen.runs.recording import Exported


def export_run(run_id: str, path: "str | os.PathLike[str]", *, journal: JournalLike | None = None) -> Exported:
    """Write a run, and those of its scope (`id/2`, ...), into one file that only its owner may read.

    It holds every answer of models, tools, code and people, so `autogen.replay` can play it. What looks like a secret
    is taken out and counted. What stood at `path` is replaced.
    Raises UnknownRun, Damaged, JournalUnusable (no such journal, or the file cannot be written).
    """
    return recording.export_run(wanted_scope(journal).store, run_id, path)


async def a_export_run(run_id: str, path: "str | os.PathLike[str]", *, journal: JournalLike | None = None) -> Exported:
    """`export_run` on an event loop."""
    return await beside(lambda: export_run(run_id, path, journal=journal))


def import_run(path: "str | os.PathLike[str]", *, journal: JournalLike | None = None) -> list[str]:
    """Add the runs of such a file to a journal, which is made if it is not there; gives their ids.

    All of the file is checked before. Raises UnknownFormat, Damaged, RunExists (an id is taken; nothing is written
    then), JournalUnusable.
    """
    return recording.import_run(path, wanted_scope(journal, create=True).store)


async def a_import_run(path: "str | os.PathLike[str]", *, journal: JournalLike | None = None) -> list[str]:
    """`import_run` on an event loop."""
    return await beside(lambda: import_run(path, journal=journal))
