"""How a run stands, for people and for programs: whether it still goes on, why it stopped, what to do about it.

Decides the words. Refuses to change anything.
"""

from collections.abc import Mapping
from time import time
from typing import Any

import msgspec
from msgspec import Struct

from autogen.cli.exits import Exit
from autogen.cli.journals import line_of
from autogen.cli.steps import Step, pending, steps
from autogen.core.approval import Approval
from autogen.core.stop import StopReason
from autogen.runs import codec
from autogen.runs.asks import Question, question_of
from autogen.runs.changes import Changes, changes_of
from autogen.runs.lease import is_dead, told
from autogen.runs.rows import Answer, Entry, RunRow
from autogen.runs.store import Store
from autogen.runs.view import latest


class Standing(Struct, frozen=True, kw_only=True):
    """One run as it stands now."""

    row: RunRow
    entries: list[Entry]
    steps: list[Step]
    answers: Mapping[str, Answer]
    changes: Changes
    """What a fork does in another way."""
    interrupted: bool
    """Its process ended in the middle; nobody carries it on."""

    @property
    def status(self) -> str:
        return "interrupted" if self.interrupted else self.row.status

    @property
    def questions(self) -> list[Question]:
        """Those that nobody has answered."""
        if self.row.status in ("done", "cancelled"):
            return []
        counting = latest(self.entries)
        return [question_of(counting[step.address]) for step in pending(self.steps, self.answers)]


def standing(store: Store, row: RunRow) -> Standing:
    """Raises UnknownRun, Damaged, UnknownFormat."""
    entries = store.read(row.id)
    answers = store.answers(row.id)
    changes = changes_of(row)
    taken_over = row.fork_seq + changes.own if row.parent else 0
    found = steps(entries, answers, taken_over, changes.at if changes.changed else "")
    return Standing(
        row=row, entries=entries, steps=found, answers=answers, changes=changes, interrupted=is_interrupted(row)
    )


def is_interrupted(row: RunRow) -> bool:
    """Did the process that carried the run on end without a word?"""
    return row.status == "running" and (not row.owner or row.lease_until < time() or is_dead(row.owner))


def exit_of(run: Standing) -> Exit:
    """The exit code of a command that carried the run on or watched it."""
    match run.row.status:
        case "done":
            return Exit.DONE
        case "paused":
            return Exit.PAUSED
        case _:
            return Exit.UNFINISHED


def result_of(row: RunRow) -> Any:
    """What its entry function returned. Raises Damaged."""
    return codec.decode(row.result, f"the result of run {row.id!r}", lambda name: name) if row.result else None


def why_it_stopped(run: Standing) -> str:
    """One line."""
    row = run.row
    match row.status:
        case "done":
            if not row.entry or row.stop_reason not in ("", StopReason.RETURNED):
                return f"{row.stop_reason or 'done'}{_detail(row)}"
            return f"its entry function {row.entry} returned {_shown(result_of(row))}"
        case "failed":
            return f"failed: {row.error or row.stop_detail or row.stop_reason}"
        case "cancelled":
            return f"it was cancelled{_detail(row)}"
        case "paused":
            return _paused(run)
        case "running":
            return _running(run)


def _detail(row: RunRow) -> str:
    return f" ({row.stop_detail})" if row.stop_detail else ""


def _paused(run: Standing) -> str:
    count = len(run.questions)
    if count:
        return f"it waits for {'an answer' if count == 1 else f'{count} answers'}"
    if run.row.parent and not run.row.generation:
        return "it was forked and waits to be carried on"
    return "it waits to be carried on" if run.steps else "it has not begun"


def _running(run: Standing) -> str:
    if not run.interrupted:
        ending = ", which was asked to end it" if run.row.cancel else ""
        return f"it has not stopped: {told(run.row.owner)} carries it on{ending}"
    inside = next((step for step in reversed(run.steps) if step.state == "started"), None)
    where = "" if inside is None else f" inside step {inside.number}, {inside.what or inside.kind}"
    after = f" after step {run.steps[-1].number}" if inside is None and run.steps else ""
    return f"its process ended{where}{after}"


def way_on(run: Standing) -> str:
    """What carries the run on; "" for one that has ended."""
    row = run.row
    if row.status in ("done", "cancelled") or (row.status == "running" and not run.interrupted):
        return ""
    if row.entry:
        return f"autogen runs resume {quoted(row.id)} --import <the module or file of {row.entry}>"
    return f"run the script again with run_id={row.id!r}"


def quoted(text: str) -> str:
    """For a shell."""
    from shlex import quote

    return quote(text)


def how_to_answer(question: Question) -> str:
    """The command, and what it may say where that is not any text."""
    command = f"autogen runs answer {quoted(question.run_id)} {question.id}"
    if question.kind == "approval":
        return f"{command} y   ({Approval(tool=question.tool).ways()})"
    if question.choices:
        return f"{command} {quoted(question.choices[0])}   (or {', '.join(map(quoted, question.choices[1:]))})"
    kind = question.form.get("type")
    return f"{command} '...'" + ("" if kind == "string" else f"   (a JSON value of type {kind or 'any'})")


def _shown(value: Any) -> str:
    try:
        text = msgspec.json.encode(value, enc_hook=str).decode()
    except (ValueError, TypeError, RecursionError):
        text = repr(value)
    return line_of(text, 200)


def what_differs(changes: Changes) -> str:
    """Of a fork, on one line; "" for nothing but that it was made."""
    told = [f"the outcome of step {changes.step} (*)"] if changes.changed else []
    told += [f"argument {name} = {_shown(value)}" for name, value in changes.arguments.items()]
    told += [f"the system message of {agent}" for agent in changes.system_message]
    told += [f"the model of {agent}: {model}" for agent, model in changes.model.items()]
    told += [f"parameters of {agent}: {_shown(given)}" for agent, given in changes.parameters.items()]
    return line_of("; ".join(told))


def facts_of(run: Standing) -> dict[str, Any]:
    """The run for programs."""
    row = run.row
    return {
        "id": row.id,
        "status": row.status,
        "interrupted": run.interrupted,
        "title": row.title,
        "entry": row.entry,
        "created": row.created,
        "updated": row.updated,
        "stop_reason": row.stop_reason,
        "stop_detail": row.stop_detail,
        "error": row.error,
        "steps": len(run.steps),
        "model_calls": row.model_calls,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "usd": row.usd,
        "parent": row.parent,
        "pending": [msgspec.to_builtins(question) for question in run.questions],
    }
