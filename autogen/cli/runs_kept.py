"""`autogen runs export` and `autogen runs prune`: take runs out as a file, and old ones away.

Decides which values count as secrets and which runs are old. Refuses to know the forms of files.
"""

import os
import re
import sys
from pathlib import Path
from time import time
from typing import Final

from msgspec import Struct

from autogen.cli.endpoints import CONFIG_LIST
from autogen.cli.exits import Exit, UserError
from autogen.cli.journals import find_journal, find_run, is_recording, print_table, say, when
from autogen.cli.report import write_json
from autogen.core.secrets import known
from autogen.runs.recording import export_run
from autogen.runs.redact import Redactor, names_secret
from autogen.runs.rows import RunQuery, RunRow, RunStatus
from autogen.runs.store import Store

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_AGE: Final = re.compile(r"(\d{1,9})([smhdw])")
_ENDED: Final[tuple[RunStatus, ...]] = ("done", "failed", "cancelled")
_PAGE: Final = 500
_LISTED: Final = 20


class ExportOptions(Struct, frozen=True, kw_only=True):
    """The options of `export`, as typed."""

    runs: tuple[str, ...]
    output: str
    secrets: tuple[str, ...] = ()
    journal: str | None = None
    as_json: bool = False


class PruneOptions(Struct, frozen=True, kw_only=True):
    """The options of `prune`, as typed."""

    older_than: str
    yes: bool = False
    journal: str | None = None
    as_json: bool = False


def export(options: ExportOptions) -> int:
    """Write the runs to one file, without secrets."""
    store = find_journal(options.journal)
    ids = list(dict.fromkeys(find_run(store, name).id for name in options.runs))
    path = Path(options.output)
    if path.is_dir():
        raise UserError(f"-o {path}: this is a folder; name a file in it")
    is_journal = Path(store.where).exists() and path.exists() and path.samefile(store.where)
    if is_journal or (path.exists() and path.stat().st_size and not is_recording(path)):
        raise UserError(f"-o {path}: another file stands there, which is no recording; choose another name")
    children = None if len(ids) == 1 else [one for run_id in ids for one in _scope(store, run_id)][1:]
    made = export_run(store, ids[0], path, redactor=Redactor(_secrets(options.secrets)), children=children)
    if options.as_json:
        facts = {"runs": ids, "file": str(path), "lines": made.lines, "bytes": made.bytes, "redacted": made.redacted}
        write_json({"event": "exported", **facts})
        return Exit.DONE
    count = made.redacted
    removed = (
        "no secret was found in it" if not count else f"{count} secret{' was' if count == 1 else 's were'} removed"
    )
    say(f"{path}: {made.lines} lines, {made.bytes} bytes; {removed}")
    say("look it over before you hand it on: a secret that has no known form and is no variable's value stays")
    return Exit.DONE


def _scope(store: Store, run_id: str) -> list[str]:
    """The run and those of its scope, `id/2`, ..."""
    begun = f"{run_id}/"
    below = [row.id for row in store.runs(RunQuery(text=begun, limit=10_000)) if row.id.startswith(begun)]
    return [run_id, *reversed(below)]


def _secrets(named: tuple[str, ...]) -> list[str]:
    """Values of the variables that are named, of those whose names say that they hold one, and the keys of models."""
    missing = [name for name in named if not os.environ.get(name)]
    if missing:
        raise UserError(f"--secret-env {missing[0]}: this variable is not set")
    values = [value for name, value in os.environ.items() if name in named or names_secret(name)]
    return [*values, *_keys(), *known()]


def _keys() -> list[str]:
    """Of the configuration list that commands read. Raises UserError for one that does not read: it may hold some."""
    if not os.environ.get(CONFIG_LIST) and not Path(CONFIG_LIST).is_file():
        return []
    from autogen import config_list_from_json

    try:
        entries = config_list_from_json(CONFIG_LIST)
    except (OSError, ValueError) as wrong:
        raise UserError(f"{CONFIG_LIST} does not read, so its keys cannot be removed: {wrong}") from None
    return [
        value for entry in entries for name, value in entry.items() if names_secret(name) and isinstance(value, str)
    ]


# ---- prune ---------------------------------------------------------------------------------------------------------


def prune(options: PruneOptions) -> int:
    """Delete what is old, after saying what that is."""
    store = find_journal(options.journal)
    now = time()
    before = now - seconds_of(options.older_than)
    old = _deletable(store, before, now)
    if not options.yes and old:
        if not options.as_json:
            _tell(old)
        if options.as_json or not sys.stdin.isatty():
            raise UserError(f"this deletes {_count(len(old))}; say --yes")
        if input(f"delete {_count(len(old))}? [y/N] ").strip().lower() not in ("y", "yes"):
            say("nothing was deleted")
            return Exit.DONE
    count = store.prune(before, now)
    if options.as_json:
        write_json({"event": "pruned", "deleted": count, "older_than": options.older_than, "before": before})
    else:
        say(f"{_count(count)} deleted" if count else f"no ended run is older than {options.older_than}")
    return Exit.DONE


def seconds_of(age: str) -> float:
    """`90m`, `12h`, `30d`, `2w`. Raises UserError."""
    found = _AGE.fullmatch(age.strip())
    if found is None:
        raise UserError(f"--older-than {age}: write a number and a unit, such as 12h, 30d or 2w")
    return float(int(found[1]) * _UNITS[found[2]])


def _deletable(store: Store, before: float, now: float) -> list[RunRow]:
    """What the store's `prune` takes: ended, not carried on, and without a fork that stays."""
    rows: dict[str, RunRow] = {}
    for status in _ENDED:
        offset = 0
        while page := store.runs(RunQuery(status=status, updated_before=before, limit=_PAGE, offset=offset)):
            rows |= {row.id: row for row in page if not row.owner or row.lease_until <= now}
            offset += len(page)
    while kept := [row.id for row in rows.values() if any(fork.id not in rows for fork in store.forks(row.id))]:
        for run_id in kept:
            del rows[run_id]
    return sorted(rows.values(), key=lambda row: row.updated)


def _tell(old: list[RunRow]) -> None:
    print_table(
        ("run", "status", "last written", "title"),
        ((row.id, row.status, when(row.updated), row.title) for row in old[:_LISTED]),
    )
    if len(old) > _LISTED:
        say(f"... and {len(old) - _LISTED} more")


def _count(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"
