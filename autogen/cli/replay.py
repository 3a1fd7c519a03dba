"""`autogen replay`: a recorded run plays again under the program that made it, or is only looked at.

Decides what is played and how a difference is shown. Refuses to know how effects are answered.
"""

import runpy
import sys
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from autogen.cli.exits import Exit, UserError
from autogen.cli.imports import imported
from autogen.cli.journals import find_run, line_of, plain
from autogen.cli.report import write_json
from autogen.cli.runs_listed import show_run
from autogen.cli.standing import exit_of, standing
from autogen.core.errors import AutogenError
from autogen.runs.errors import Diverged
from autogen.runs.replaying import load
from autogen.runs.rows import RunQuery, RunRow
from autogen.runs.store import Store

if TYPE_CHECKING:
    from rich.text import Text


class ReplayOptions(Struct, frozen=True, kw_only=True):
    """The options of `replay`, as typed."""

    file: str
    program: str | None = None
    arguments: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    run: str | None = None
    live_from: int | None = None
    as_json: bool = False


def replay(options: ReplayOptions) -> int:
    """Play the recording under the program, or through its entry function; without either, show it."""
    if options.program is not None and options.imports:
        raise UserError("give --program for a script, or --import for an entry function, not both")
    if not Path(options.file).is_file():
        raise UserError(f"no recording at {options.file}")
    store = load(options.file)
    if options.live_from is not None and Path(store.where).exists():
        raise UserError(
            "--live-from plays a recording; of a run in a journal make a fork: autogen runs fork RUN --at N"
        )
    rows = [find_run(store, options.run)] if options.run is not None else _all(store)
    if options.program is None and not options.imports:
        if options.live_from is not None:
            raise UserError("--live-from goes on for real, so it needs --program or --import")
        return _show(store, rows, options)
    _say_what(rows, options)
    with _differences(store, options.as_json):
        if options.program is not None:
            code = _run_program(store, options.program, options)
        else:
            code = _run_entry(store, rows, options)
    if options.as_json:
        write_json({"event": "result", "status": "ended" if options.live_from else "same", "exit_code": int(code)})
    return code


def _all(store: Store) -> list[RunRow]:
    rows = list(reversed(store.runs(RunQuery(limit=10_000))))
    if not rows:
        raise UserError(f"there is no run in {store.where}")
    return rows


def _show(store: Store, rows: list[RunRow], options: ReplayOptions) -> int:
    for number, row in enumerate(rows):
        if number and not options.as_json:
            print()
        show_run(store, standing(store, row), as_json=options.as_json, recorded=True)
    return Exit.DONE


def _say_what(rows: list[RunRow], options: ReplayOptions) -> None:
    what = f"run {rows[0].id}" if len(rows) == 1 else f"{len(rows)} runs"
    how = "nothing is performed"
    if options.live_from is not None:
        how = f"from step {options.live_from} on everything is done for real, and nothing of it is kept"
    print(f"replaying {line_of(what)} of {options.file}: {how}\n", file=sys.stderr, flush=True)


def _run_program(store: Store, program: str, options: ReplayOptions) -> int:
    """The script as `python script.py arguments` would run it."""
    from autogen.runs.replaying import replay as replaying

    path = Path(program)
    if not path.is_file():
        raise UserError(f"--program {program}: there is no such file")
    argv, first = sys.argv, sys.path[0]
    sys.argv, sys.path[0] = [program, *options.arguments], str(path.resolve().parent)
    try:
        with replaying(store, run_id=options.run, live_from=options.live_from):
            runpy.run_path(program, run_name="__main__")
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or Exit.DONE
        print(ended.code, file=sys.stderr)
        return Exit.UNFINISHED
    except AutogenError:
        raise
    except Exception as raised:  # noqa: BLE001 - the user's own, shown as Python shows it
        _show_traceback(raised, path)
        return Exit.UNFINISHED
    finally:
        sys.argv, sys.path[0] = argv, first
    return Exit.DONE


def _show_traceback(raised: Exception, path: Path) -> None:
    """From the script's first line on."""
    below = raised.__traceback__
    while below is not None and Path(below.tb_frame.f_code.co_filename).resolve() != path.resolve():
        below = below.tb_next
    traceback.print_exception(type(raised), raised, below or raised.__traceback__)


def _run_entry(store: Store, rows: list[RunRow], options: ReplayOptions) -> int:
    from autogen.agents.entrypoints import advance
    from autogen.runs.replaying import replay as replaying

    entries = [row for row in rows if row.entry]
    if not entries:
        raise UserError(f"{options.file} holds no run with an entry function; replay it with --program script.py")
    for name in options.imports:
        imported(name)
    code = Exit.DONE
    for row in entries:
        with replaying(store, run_id=row.id, live_from=options.live_from):
            view = advance(row.id)
        run = standing(store, store.run(view.id))
        code = max(code, exit_of(run)) if options.live_from is not None else code
        told = "played as it was recorded" if options.live_from is None else run.status
        print(f"{line_of(row.id)}: {told}", file=sys.stderr, flush=True)
    return code


@contextmanager
def _differences(store: Store, as_json: bool) -> Generator[None, None, None]:
    """Shows the first difference side by side before its error becomes one line."""
    try:
        yield
    except Diverged as different:
        step = _number(store, different)
        if as_json:
            facts = {"run": different.run_id, "address": different.address, "step": step or None}
            sides = {"recorded": different.recorded, "now": different.now}
            write_json({"event": "result", "status": "different", **facts, **sides, "exit_code": int(Exit.UNFINISHED)})
        else:
            _side_by_side(different)
        where = f"run {different.run_id!r} went another way at {different.address}"
        raise DifferentRun(f"{where}{f' (step {step})' if step else ''}") from different


class DifferentRun(AutogenError):
    """A replay met a difference; it was shown."""


def _number(store: Store, different: Diverged) -> int:
    """The recorded step there; 0 where the recording has none."""
    try:
        run = standing(store, store.run(different.run_id))
    except AutogenError:
        return 0
    return next((step.number for step in run.steps if step.address == different.address), 0)


def _side_by_side(different: Diverged) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    out = Console(stderr=True, highlight=False, markup=False, emoji=False)
    table = Table(show_lines=False)
    table.add_column("recorded", overflow="fold", ratio=1)
    table.add_column("now", overflow="fold", ratio=1)
    table.add_row(*_marked(plain(different.recorded), plain(different.now), Text))
    out.print(table)


def _marked(before: str, now: str, text: "type[Text]") -> "tuple[Text, Text]":
    """Both, what differs in bold red."""
    from difflib import SequenceMatcher

    left, right = text(before), text(now)
    for what, start_a, end_a, start_b, end_b in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
        if what != "equal":
            left.stylize("bold red", start_a, end_a)
            right.stylize("bold red", start_b, end_b)
    return left, right
