"""`autogen runs list` and `autogen runs show`: which runs there are, and what happened in one.

Decides what is shown of a run and in which order. Refuses to change anything.
"""

import sys
from typing import Any

import msgspec
from msgspec import Struct

from autogen.cli.exits import Exit, UserError
from autogen.cli.journals import (
    coloured_status,
    dollars,
    find_journal,
    find_run,
    is_narrow,
    line_of,
    plain,
    print_table,
    say,
    when,
)
from autogen.cli.report import write_json
from autogen.cli.standing import (
    Standing,
    facts_of,
    how_to_answer,
    result_of,
    standing,
    way_on,
    what_differs,
    why_it_stopped,
)
from autogen.cli.steps import SHORT, Step
from autogen.runs.requests import exact_request
from autogen.runs.rows import RunQuery, RunStatus
from autogen.runs.store import Store
from autogen.runs.view import latest

QUESTION = 60
"""Characters of a question in the table; the whole of it is told below, or by --step."""
ABOUT = 400
"""Characters of the message that a question is about; the terminal where it is answered shows the whole of it."""
_MARKS = {"own": "", "shared": "=", "changed": "*"}


class ListOptions(Struct, frozen=True, kw_only=True):
    """The options of `list`, as typed."""

    journal: str | None = None
    status: RunStatus | None = None
    text: str = ""
    limit: int = 20
    as_json: bool = False


class ShowOptions(Struct, frozen=True, kw_only=True):
    """The options of `show`, as typed."""

    run: str
    journal: str | None = None
    request: int | None = None
    step: int | None = None
    as_json: bool = False


def list_them(options: ListOptions) -> int:
    """A table, newest first."""
    store = find_journal(options.journal)
    rows = store.runs(RunQuery(status=options.status, text=options.text, limit=options.limit))
    found = [standing(store, row) for row in rows]
    if options.as_json:
        for run in found:
            write_json(facts_of(run))
        return Exit.DONE
    if not found:
        print("no runs" + (" like that" if options.status or options.text else f" in {store.where}"))
        return Exit.DONE
    _print_list(found)
    if len(rows) == options.limit:
        print(f"the newest {options.limit}; --limit shows more")
    return Exit.DONE


def _print_list(found: list[Standing]) -> None:
    cells: dict[str, list[object]] = {
        "run": [run.row.id for run in found],
        "status": [coloured_status(run.status) for run in found],
        "last written": [when(run.row.updated) for run in found],
        "steps": [len(run.steps) for run in found],
        "calls": [run.row.model_calls for run in found],
        "tokens": [run.row.input_tokens + run.row.output_tokens for run in found],
        "cost": [dollars(run.row.usd) for run in found],
        "asks": [len(run.questions) or "" for run in found],
        "title": [run.row.title for run in found],
    }
    if is_narrow():
        del cells["calls"], cells["tokens"]
    right = ("steps", "calls", "tokens", "cost", "asks")
    print_table(tuple(cells), zip(*cells.values(), strict=True), right=right, folded=("title",))


def show(options: ShowOptions) -> int:
    """All of one run, one step of it, or the bytes that one step sent."""
    store = find_journal(options.journal)
    run = standing(store, find_run(store, options.run))
    if options.request is not None:
        if options.step is not None or options.as_json:
            raise UserError("--request prints bytes and nothing else; leave --step and --json out")
        return _print_request(store, run, step_of(run, options.request))
    if options.step is not None:
        return _show_step(store, run, step_of(run, options.step), options.as_json)
    show_run(store, run, as_json=options.as_json)
    return Exit.DONE


def step_of(run: Standing, number: int) -> Step:
    """Raises UserError for a number that no step has."""
    if not 1 <= number <= len(run.steps):
        has = f"the steps 1 to {len(run.steps)}" if run.steps else "no steps yet"
        raise UserError(f"run {run.row.id!r} has {has}, there is no step {number}")
    return run.steps[number - 1]


def show_run(store: Store, run: Standing, *, as_json: bool = False, recorded: bool = False) -> None:
    """A run from its head to its open questions. recorded: in a file, where nothing can be done about these."""
    forks = [row.id for row in store.forks(run.row.id)]
    if as_json:
        told = facts_of(run) | {"why": why_it_stopped(run), "forks": forks, "steps": list(map(step_facts, run.steps))}
        write_json({**told, "result": result_of(run.row)})
        return
    _head(run, forks)
    if run.steps:
        print()
        _print_steps(run.steps)
    if not recorded:
        tell_what_is_open(run)


def _head(run: Standing, forks: list[str]) -> None:
    row = run.row
    say(f"{line_of(row.id)}  {run.status}  {line_of(row.title)}")
    say(f"why it stopped: {line_of(why_it_stopped(run))}")
    say(f"begun {when(row.created)}, last written {when(row.updated)}")
    tokens = f"{row.input_tokens} tokens in, {row.output_tokens} out"
    say(f"{len(run.steps)} steps, {row.model_calls} model calls, {tokens}, cost {dollars(row.usd)}")
    if row.parent is not None:
        shared = sum(step.origin == "shared" for step in run.steps)
        say(f"forked from {line_of(row.parent)}, shares {shared} step{'' if shared == 1 else 's'} (=)")
        changed = what_differs(run.changes)
        if changed:
            say(f"what differs: {changed}")
    if forks:
        say(f"forks: {', '.join(map(line_of, forks))}")


def tell_what_is_open(run: Standing) -> None:
    """The questions, and how the run goes on."""
    for question in run.questions:
        until = "" if question.expires is None else f" (until {when(question.expires)})"
        say(f"\n{question.id} asks for {line_of(question.agent)}{until}: {line_of(question.prompt)}")
        if question.about:
            say(f"  about: {line_of(question.about, ABOUT)}")
        say(f"  answer it: {how_to_answer(question)}")
    way = way_on(run)
    if way:
        say(f"{'' if run.questions else chr(10)}carry it on: {way}")


def _print_steps(found: list[Step]) -> None:
    if is_narrow():
        columns = ("step", "who", "what came of it, and why", "used")
        print_table(columns, map(_narrow_cells, found), right=("step", "used"), folded=columns)
        return
    print_table(
        ("step", "agent", "kind", "what", "outcome", "why", "tokens", "cost", "seconds"),
        map(_cells, found),
        right=("step", "tokens", "cost", "seconds"),
        folded=("what", "outcome", "why"),
    )


def _cells(step: Step) -> tuple[object, ...]:
    tokens, cost, seconds = _used(step)
    outcome = line_of(step.outcome, SHORT)
    return _number(step), step.agent, _kind(step), _what(step), outcome, step.why, tokens, cost, seconds


def _narrow_cells(step: Step) -> tuple[object, ...]:
    """Several lines in each."""
    from rich.text import Text

    told = (_what(step), f"-> {line_of(step.outcome, SHORT)}" if step.outcome else "", line_of(step.why))
    tokens, cost, seconds = _used(step)
    used = (tokens, cost, f"{seconds} s" if seconds else "")
    who = (line_of(step.agent), _kind(step))
    return _number(step), *(Text("\n".join(part for part in parts if part)) for parts in (who, told, used))


def _number(step: Step) -> str:
    return f"{_MARKS[step.origin]}{step.number}"


def _kind(step: Step) -> str:
    return step.kind + (f" ({step.attempt})" if step.attempt > 1 else "")


def _what(step: Step) -> str:
    what = f"{step.what} ({step.model})" if step.model else step.what
    return line_of(what, QUESTION if step.kind == "human" else SHORT)


def _used(step: Step) -> tuple[str, str, str]:
    """Tokens, cost, seconds."""
    seconds = "" if step.seconds is None else f"{step.seconds:.1f}"
    if step.kind != "model" or step.state != "done":
        return "", "", seconds
    return f"{step.input}+{step.output}", dollars(step.usd), seconds


def step_facts(step: Step) -> dict[str, Any]:
    """A step for programs."""
    facts: dict[str, Any] = msgspec.to_builtins(step)
    return facts


# ---- one step ------------------------------------------------------------------------------------------------------


def _print_request(store: Store, run: Standing, step: Step) -> int:
    if step.kind != "model":
        raise UserError(f"step {step.number} is no model call but a {step.kind} step; it sent no request")
    if not step.sent:
        why = "it has not ended" if step.state == "started" else (
            "a scripted model, a client of the program's own or a cache answered"
        )  # fmt: skip
        raise UserError(f"step {step.number} sent no bytes over a network: {why}")
    _, body = _request(store, run, step)
    sys.stdout.flush()
    sys.stdout.buffer.write(body)
    sys.stdout.buffer.flush()
    return Exit.DONE


def _request(store: Store, run: Standing, step: Step) -> tuple[str, bytes]:
    known = latest(run.entries)
    return exact_request(run.row.id, known[step.address], known.get, store)


def _show_step(store: Store, run: Standing, step: Step, as_json: bool) -> int:
    entry = latest(run.entries)[step.address]
    request = _request(store, run, step) if step.sent else None
    if as_json:
        facts = step_facts(step) | {"run": run.row.id, "digest": entry.digest, "detail": _json(entry.detail)}
        sent = {} if request is None else {"url": request[0], "bytes": len(request[1])}
        write_json(facts | {"request": sent or None, "answer": _json(entry.answer)})
        return Exit.DONE
    say(f"step {step.number} of {line_of(run.row.id)}: {step.kind} {step.state}, agent {line_of(step.agent) or '-'}")
    say(f"address: {line_of(step.address)}")
    say(f"why: {line_of(step.why)}")
    ended = "" if step.seconds is None else f", took {step.seconds:.3f} s"
    say(f"begun {when(step.started)}{ended}, attempt {step.attempt}")
    if step.kind == "model":
        say(f"model: {line_of(step.model)}, {step.input} tokens in, {step.output} out, {dollars(step.usd)}")
    if request is not None:
        say(f"request: {len(request[1])} bytes to {line_of(request[0])}; --request {step.number} prints them")
    for title, text in (("what", step.what), ("outcome", step.outcome)):
        if text:
            say(f"\n{title}:\n{plain(text)}")
    return Exit.DONE


def _json(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data) if data else None
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace")
