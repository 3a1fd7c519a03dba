"""What every command on runs needs: the journal, a run of it, text that is safe on a terminal, tables.

Decides where the journal is looked for. Refuses to know the commands.
Change together: docs/command-line.md ("Which journal is used").
"""

import os
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogen.cli.exits import UserError
from autogen.runs.durable import VARIABLE, open_journal
from autogen.runs.errors import JournalError, UnknownRun
from autogen.runs.rows import RunQuery, RunRow
from autogen.runs.store import Store

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

DEFAULT = "runs.db"
WIDE = 200
"""Columns of a table where the output is no terminal."""
NARROW = 140
"""Columns under which a table puts several things into one cell, or leaves some out."""
_COLOURS = {"done": "green", "paused": "yellow", "failed": "red", "cancelled": "red", "interrupted": "red"}
_LOOKED_AT = 1000
_RECORDING = b'{"autogen_recording"'


def find_journal(named: str | None) -> Store:
    """The journal of `--journal`, else of the environment, else ./runs.db. Nothing is made.

    Raises UserError when there is none, JournalUnusable, UnknownFormat or Damaged for one that cannot serve.
    """
    origin, path = _choice(named)
    if path.is_dir():
        path /= DEFAULT
    if not path.exists():
        raise UserError(f"there is no journal at {path} (from {origin})")
    try:
        return open_journal(path)
    except JournalError:
        if is_recording(path):
            raise UserError(f"{path} is a recording, no journal; look at it with: autogen replay {path}") from None
        raise


def _choice(named: str | None) -> tuple[str, Path]:
    if named is not None:
        if not named:
            raise UserError("--journal needs the name of a file")
        return "--journal", Path(named)
    variable = os.environ.get(VARIABLE)
    if variable:
        return VARIABLE, Path(variable)
    if not Path(DEFAULT).is_file():
        raise UserError(f"no journal: give --journal FILE, set {VARIABLE}, or go to a folder with a {DEFAULT}")
    return f"this folder's {DEFAULT}", Path(DEFAULT)


def is_recording(path: Path) -> bool:
    """Does the file begin as one that `autogen runs export` wrote?

    Never for a journal that may be open here: to open and close its file would drop SQLite's locks on it.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_RECORDING)) == _RECORDING
    except OSError:
        return False


def find_run(store: Store, run_id: str) -> RunRow:
    """Raises UserError with the names that are near."""
    try:
        return store.run(run_id)
    except UnknownRun:
        near = _near(store, run_id)
    hint = f"; did you mean {', '.join(near)}?" if near else "; `autogen runs list` shows which there are"
    raise UserError(f"there is no run {run_id!r} in {store.where}{hint}")


def _near(store: Store, run_id: str) -> list[str]:
    from difflib import get_close_matches

    names = [row.id for row in store.runs(RunQuery(limit=_LOOKED_AT))]
    low = run_id.lower()
    begun = [name for name in names if name.lower().startswith(low)]
    close = get_close_matches(run_id, names, 3, 0.6)
    return list(dict.fromkeys([*begun, *close]))[:3]


def plain(text: str) -> str:
    """The text with control characters written out: what a model or a tool said cannot steer the terminal."""
    if text.isprintable():
        return text
    return "".join(one if one in "\n\t" or one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def line_of(text: str, limit: int = 0) -> str:
    """The same on one line, cut at `limit` characters where it is above 0."""
    line = plain(" ".join(text.split()))
    return f"{line[: limit - 1]}…" if 0 < limit < len(line) else line


def when(seconds: float) -> str:
    """A time since 1970 in this machine's zone."""
    try:
        return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{seconds:g}"


def dollars(usd: float | None) -> str:
    return "unknown" if usd is None else f"${usd:.4f}"


def console() -> "Console":
    """Where tables go: as wide as the terminal, and wide enough for programs such as grep elsewhere."""
    from rich.console import Console

    width = None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDE
    return Console(highlight=False, markup=False, emoji=False, width=width)


def is_narrow() -> bool:
    return console().width < NARROW


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = (), folded: Sequence[str] = ()
) -> None:
    """A table on stdout. right: columns of numbers; folded: those that may take several lines."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            overflow="fold" if name in folded else "ellipsis",
            no_wrap=name not in folded,
        )
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(line_of(str(cell))) for cell in row))
    console().print(table)


def say(text: str = "") -> None:
    """One line on stdout, whole; it may be wider than the terminal."""
    console().print(text, soft_wrap=True)


def coloured_status(status: str) -> "Text":
    """On a terminal only."""
    from rich.text import Text

    return Text(status, style=_COLOURS.get(status, ""))
