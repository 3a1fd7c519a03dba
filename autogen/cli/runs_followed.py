"""`autogen runs tail`: follow a run that another process carries on.

Decides what is shown of each new entry, and when watching ends. Looks at the journal again and again; changes nothing.
"""

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

from msgspec import Struct

from autogen.cli.journals import find_journal, find_run, line_of, say, when
from autogen.cli.report import write_json
from autogen.cli.runs_listed import step_facts, tell_what_is_open
from autogen.cli.standing import Standing, exit_of, facts_of, is_interrupted, standing, why_it_stopped
from autogen.cli.steps import SHORT, Step
from autogen.runs.rows import RunRow
from autogen.runs.store import Store

POLL: Final = 0.2
"""Seconds between two looks."""
SURE: Final = 1.0
"""Seconds for which nobody carries a running run on before that is believed: one may just be about to claim it."""


class TailOptions(Struct, frozen=True, kw_only=True):
    """The options of `tail`, as typed."""

    run: str
    journal: str | None = None
    through_pauses: bool = False
    as_json: bool = False


def tail(options: TailOptions) -> int:
    """Print what stands there, then what comes; ends when the run ends or waits for a person."""
    store = find_journal(options.journal)
    row = find_run(store, options.run)
    if not options.as_json:
        say(f"{line_of(row.id)}  {row.status}  {line_of(row.title)}")
    follow = _Follower(store, row.id, _as_json if options.as_json else _as_line)
    run = follow.to_the_end(options.through_pauses)
    if options.as_json:
        write_json({"event": "end", **facts_of(run), "why": why_it_stopped(run), "exit_code": int(exit_of(run))})
    else:
        say(f"\n{run.status}: {line_of(why_it_stopped(run))}")
        tell_what_is_open(run)
    return exit_of(run)


class _Follower:
    """Shows each entry once."""

    def __init__(self, store: Store, run_id: str, show: Callable[[Step], None]) -> None:
        self._store, self._run_id, self._show = store, run_id, show
        self._seq = 0
        self._alone_since: float | None = None

    def to_the_end(self, through_pauses: bool) -> Standing:
        """How the run stands when there is nothing more to wait for."""
        while True:
            row = self._store.run(self._run_id)
            run = self._news(row)
            if row.status == "paused":
                run = run or standing(self._store, row)
                if run.questions and not through_pauses:
                    return run
            elif row.status != "running" or self._nobody(row):
                return run or standing(self._store, row)
            sleep(POLL)

    def _news(self, row: RunRow) -> Standing | None:
        new = self._store.read(row.id, self._seq)
        if not new:
            return None
        run = standing(self._store, row)
        by_address = {step.address: step for step in run.steps}
        for address in dict.fromkeys(entry.address for entry in new):
            self._show(by_address[address])
        self._seq = max(entry.seq for entry in run.entries)
        return run

    def _nobody(self, row: RunRow) -> bool:
        if not is_interrupted(row):
            self._alone_since = None
            return False
        now = monotonic()
        self._alone_since = now if self._alone_since is None else self._alone_since
        return now - self._alone_since >= SURE


def _as_line(step: Step) -> None:
    ended = step.started + (step.seconds or 0.0)
    told = f" -> {line_of(step.outcome, SHORT)}" if step.outcome else ""
    what = f" {line_of(step.what, SHORT)}" if step.what else ""
    who = f" {line_of(step.agent)}" if step.agent else ""
    say(f"{when(ended)[11:]} {step.number:4}{who} {step.kind}{what}{told}")


def _as_json(step: Step) -> None:
    write_json({"event": "step", **step_facts(step)})
