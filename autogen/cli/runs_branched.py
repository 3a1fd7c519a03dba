"""`autogen runs fork` and `autogen runs diff`: what would have happened, and what became different.

Decides how a change is typed and how two runs stand side by side. Refuses to know how a fork is made.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from autogen.cli.exits import Exit, UserError
from autogen.cli.journals import dollars, find_journal, find_run, is_narrow, line_of, print_table, say
from autogen.cli.report import write_json
from autogen.cli.standing import facts_of, standing, way_on, what_differs
from autogen.cli.steps import SHORT
from autogen.runs.diff import DiffRow, DiffSide, SideStep
from autogen.runs.diff import diff as compare
from autogen.runs.fork import fork as make_fork


class ForkOptions(Struct, frozen=True, kw_only=True):
    """The options of `fork`, as typed."""

    run: str
    at: str
    changes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    new_id: str | None = None
    journal: str | None = None
    as_json: bool = False


class DiffOptions(Struct, frozen=True, kw_only=True):
    """The options of `diff`, as typed."""

    a: str
    b: str
    everything: bool = False
    journal: str | None = None
    as_json: bool = False


def fork(options: ForkOptions) -> int:
    """Make the fork; nothing happens in it until somebody carries it on."""
    store = find_journal(options.journal)
    parent = find_run(store, options.run)
    wanted: dict[str, Any] = {}
    for path, value in (*map(_typed, options.changes), *map(_from_file, options.files)):
        _put(wanted, path, value)
    made = make_fork(parent.id, options.at, wanted or None, new_id=options.new_id, journal=store)
    run = standing(store, store.run(made))
    shared = sum(step.origin == "shared" for step in run.steps)
    if options.as_json:
        write_json({"event": "forked", **facts_of(run), "shared": shared, "carry_on": way_on(run)})
        return Exit.DONE
    changed = what_differs(run.changes)
    say(f"{made}: shares {shared} step{'' if shared == 1 else 's'} with {line_of(parent.id)}")
    say(f"what differs: {changed}" if changed else "what differs: nothing but that the rest is done anew")
    say(f"carry it on: {way_on(run)}")
    return Exit.DONE


def _typed(text: str) -> tuple[list[str], Any]:
    """`answer=TEXT`, `model.AGENT=TEXT`; with `:=` the value is JSON. Raises UserError."""
    name, sign, value = text.partition("=")
    if not sign or not name.strip(":"):
        raise UserError(f"--set {text!r:.80}: write KEY=TEXT, or KEY:=JSON")
    if not name.endswith(":"):
        return _path(name), value
    try:
        return _path(name.removesuffix(":")), msgspec.json.decode(value)
    except ValueError as wrong:
        raise UserError(f"--set {name}=...: this is no JSON: {wrong}") from None


def _from_file(text: str) -> tuple[list[str], str]:
    name, sign, path = text.partition("=")
    if not sign or not name or not path:
        raise UserError(f"--set-file {text!r:.80}: write KEY=FILE")
    try:
        return _path(name), Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) else "it is no UTF-8 text"
        raise UserError(f"--set-file {path}: {why}") from None


def _path(name: str) -> list[str]:
    """`model.AGENT`, `parameters.AGENT.NAME`: an agent's name may have dots of its own."""
    head, dot, rest = name.partition(".")
    if not dot:
        return [head]
    agent, dot, last = rest.rpartition(".")
    return [head, agent, last] if dot and head == "parameters" else [head, rest]


def _put(wanted: dict[str, Any], path: list[str], value: Any) -> None:
    """`parameters`, `writer`, `temperature` -> {"parameters": {"writer": {"temperature": ...}}}. Raises UserError."""
    inner = wanted
    for name in path[:-1]:
        below: Any = inner.setdefault(name, {})
        if not isinstance(below, dict):
            raise UserError(f"--set {'.'.join(path)}: {name} is set as a whole, too")
        inner = cast("dict[str, Any]", below)
    if path[-1] in inner:
        raise UserError(f"--set {'.'.join(path)}: it is set twice")
    inner[path[-1]] = value


# ---- diff ----------------------------------------------------------------------------------------------------------


def diff(options: DiffOptions) -> int:
    """Both runs as a whole, then the turns from the first difference on."""
    store = find_journal(options.journal)
    one, other = find_run(store, options.a), find_run(store, options.b)
    found = compare(one.id, other.id, journal=store)
    if options.as_json:
        told: dict[str, Any] = msgspec.to_builtins(found)
        write_json({**told, "same": found.same})
        return Exit.DONE
    a, b = found.a, found.b
    sides = (f"a: {line_of(a.run_id)}", f"b: {line_of(b.run_id)}")
    print_table(("", *sides), _whole(a, b), folded=sides)
    print()
    if found.same:
        say(f"the same in all {len(found.rows)} steps")
        if not options.everything:
            return Exit.DONE
    rows = found.rows if options.everything else found.rows[found.first :]
    if found.first and not options.everything and not found.same:
        say(f"the same in the first {found.first} step{'' if found.first == 1 else 's'}; --all shows them\n")
    columns = ("a", "b", "agent", "kind", "verdict", "outcome in a", "outcome in b", "cost a", "cost b")
    shown = len(columns) - (2 if is_narrow() else 0)
    print_table(
        columns[:shown],
        (_cells(row)[:shown] for row in rows),
        right=("a", "b", "cost a", "cost b"),
        folded=("outcome in a", "outcome in b"),
    )
    return Exit.DONE


def _whole(a: DiffSide, b: DiffSide) -> Iterator[tuple[str, str, str]]:
    yield "status", a.status, b.status
    yield "why it stopped", _stopped(a), _stopped(b)
    yield "forked from", a.parent or "", b.parent or ""
    yield "steps", str(a.steps), str(b.steps)
    yield "model calls", str(a.model_calls), str(b.model_calls)
    yield "tokens", f"{a.input} in, {a.output} out", f"{b.input} in, {b.output} out"
    yield "cost", dollars(a.usd), dollars(b.usd)


def _stopped(side: DiffSide) -> str:
    return line_of(side.error or " ".join(part for part in (side.stop_reason, side.stop_detail) if part), SHORT)


_VERDICTS = {"same": "same", "changed": "changed", "only_a": "only in a", "only_b": "only in b"}


def _cells(row: DiffRow) -> tuple[object, ...]:
    kind = f"{row.kind} {row.label}" if row.kind in ("model", "tool", "callback") else row.kind
    verdict = _VERDICTS[row.verdict]
    a, b = row.a, row.b
    told_b = "the same" if row.verdict == "same" else _outcome(b)
    return (
        _number(a), _number(b), row.agent, line_of(kind, 40), verdict, _outcome(a), told_b, _cost(row, a), _cost(row, b)
    )  # fmt: skip


def _number(side: SideStep | None) -> str:
    return "" if side is None else str(side.number)


def _outcome(side: SideStep | None) -> str:
    return "" if side is None else line_of(side.outcome)


def _cost(row: DiffRow, side: SideStep | None) -> str:
    return dollars(side.usd) if side is not None and row.kind == "model" and side.state == "done" else ""
