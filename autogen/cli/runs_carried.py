"""`autogen runs resume`, `answer` and `cancel`: carry a run on, answer its questions, end it.

Decides how a person is asked and what is told afterwards. Refuses to know how a run is carried on.
"""

import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import msgspec
from msgspec import Struct

from autogen.cli.exits import Exit, UserError
from autogen.cli.imports import imported
from autogen.cli.journals import find_journal, find_run, line_of, plain, say
from autogen.cli.report import JsonLines, Progress, write_json
from autogen.cli.runs_listed import tell_what_is_open
from autogen.cli.standing import (
    Standing,
    exit_of,
    facts_of,
    how_to_answer,
    quoted,
    result_of,
    standing,
    way_on,
    why_it_stopped,
)
from autogen.cli.terminal import asking, piped, quiet_prices
from autogen.runs.answers import misfit
from autogen.runs.asks import Question
from autogen.runs.errors import UnknownEntrypoint
from autogen.runs.log import OnUnknown
from autogen.runs.store import Store
from autogen.runtime import observing


class ResumeOptions(Struct, frozen=True, kw_only=True):
    """The options of `resume`, as typed."""

    run: str
    journal: str | None = None
    imports: tuple[str, ...] = ()
    ask: bool | None = None
    on_unknown: OnUnknown = "ask"
    wait: bool = False
    restore: bool = False
    quiet: bool = False
    as_json: bool = False


class AnswerOptions(Struct, frozen=True, kw_only=True):
    """The options of `answer`, as typed."""

    run: str
    ask_id: str | None = None
    value: str | None = None
    by: str = ""
    journal: str | None = None
    as_json: bool = False


class CancelOptions(Struct, frozen=True, kw_only=True):
    """The options of `cancel`, as typed."""

    run: str
    journal: str | None = None
    as_json: bool = False


# ---- resume --------------------------------------------------------------------------------------------------------


def resume(options: ResumeOptions) -> int:
    """Carry the run on until it is done, waits for a person, or failed. The exit code tells which."""
    from autogen.agents.entrypoints import advance
    from autogen.runs.durable import durable

    store = find_journal(options.journal)
    run = standing(store, find_run(store, options.run))
    row = run.row
    if row.status not in ("done", "cancelled") and not row.entry:
        raise UserError(f"run {row.id!r} was started by a script, and only that can carry it on: {way_on(run)}")
    for name in options.imports:
        imported(name)
    if not options.as_json and not options.quiet and row.status not in ("done", "cancelled"):
        again = f"; its {len(run.steps)} steps are recalled" if run.steps else ""
        print(f"{row.id}: {line_of(why_it_stopped(run))}{again}\n", file=sys.stderr, flush=True)
    on_conflict: Literal["queue", "reject"] = "queue" if options.wait else "reject"
    on_human = _on_human(options.ask)
    with (
        _showing(options, on_human == "ask"),
        durable(
            store, on_human=on_human, on_unknown=options.on_unknown, on_conflict=on_conflict, restore=options.restore
        ),
    ):
        try:
            view = advance(row.id)
        except UnknownEntrypoint as missing:
            known = f" (registered: {', '.join(missing.known)})" if missing.known else ""
            raise UserError(
                f"no entry function {missing.name!r} here{known}; name the module or file that marks it "
                f"@autogen.entrypoint: autogen runs resume {quoted(row.id)} --import app.py"
            ) from None
    return _tell_end(standing(store, store.run(view.id)), options.as_json)


def _on_human(ask: bool | None) -> Literal["auto", "ask", "park"]:
    return "auto" if ask is None else "ask" if ask else "park"


@contextmanager
def _showing(options: ResumeOptions, ask: bool) -> Generator[None, None, None]:
    """JSON lines, or the transcript with progress. Without --ask, a program that reads JSON is not asked."""
    with ExitStack() as stack:
        stack.enter_context(quiet_prices())
        stack.enter_context(asking(options.as_json and ask))
        if options.as_json:
            stack.enter_context(observing(piped(JsonLines()), console=False))
        else:
            progress = Progress()
            stack.callback(progress.close)
            stack.enter_context(observing(progress, console=not options.quiet))
        yield


def _tell_end(run: Standing, as_json: bool) -> int:
    code = exit_of(run)
    if as_json:
        result = {"result": result_of(run.row), "why": why_it_stopped(run), "exit_code": int(code)}
        write_json({"event": "result", **facts_of(run), **result})
        return code
    say(f"\n{run.status}: {line_of(why_it_stopped(run))}")
    tell_what_is_open(run)
    return code


# ---- answer --------------------------------------------------------------------------------------------------------


def answer(options: AnswerOptions) -> int:
    """Answer one question, from the arguments or by asking on the terminal."""
    from autogen.agents.entrypoints import answer as give

    store = find_journal(options.journal)
    run = standing(store, find_run(store, options.run))
    ask_id, text = _named(run, options)
    question = next((one for one in run.questions if ask_id in (one.id, None)), None)
    if question is None and ask_id is None:
        raise UserError(f"run {run.row.id!r} waits for no answer: {why_it_stopped(run)}")
    if question is not None:
        value = _asked(question) if text is None else value_of(question, text)
    elif text is None:
        value = ""  # no such question, or answered: the library says which
    else:
        value = text
    kept = give(run.row.id, question.id if question is not None else str(ask_id), value, by=options.by, journal=store)
    if options.as_json:
        write_json({"event": "answered", "run": run.row.id, "ask_id": ask_id, "value": kept.value, "by": kept.by})
        return Exit.DONE
    left = standing(store, store.run(run.row.id))
    say(f"kept; {'; '.join(_next(left))}")
    return Exit.DONE


def _next(run: Standing) -> list[str]:
    count = len(run.questions)
    more = [f"{count} more question{'' if count == 1 else 's'} left"] if count else []
    way = way_on(run)
    return [*more, f"carry it on: {way}" if way else "whoever carries the run on reads it"]


def _named(run: Standing, options: AnswerOptions) -> tuple[str | None, str | None]:
    """(id, value) as meant: with one word alone it is the value where the run waits for one answer only."""
    ids = [question.id for question in run.questions]
    word = options.ask_id
    if word is None:
        return (ids[0] if len(ids) == 1 else None if not ids else _chosen(run)), None
    if options.value is not None or word in ids or word.startswith("ask-"):
        return word, options.value
    if len(ids) > 1:
        raise UserError(f"run {run.row.id!r} waits for {len(ids)} answers; say which: {', '.join(ids)}")
    return (ids[0] if ids else None), word


def _chosen(run: Standing) -> str:
    questions = run.questions
    _needs_terminal(run.row.id)
    for number, question in enumerate(questions, 1):
        say(f"{number}. {question.id} for {line_of(question.agent)}: {line_of(question.prompt)}")
    while True:
        word = _read("which> ").strip()
        if word.isdecimal() and 0 < int(word) <= len(questions):
            return questions[int(word) - 1].id
        if any(word == question.id for question in questions):
            return word
        say(f"a number from 1 to {len(questions)}, or an id")


def _asked(question: Question) -> Any:
    _needs_terminal(question.run_id, question)
    if question.about:
        say(f"{line_of(question.agent)} was told:\n{plain(question.about)}\n")
    say(f"{line_of(question.agent)} asks:\n{plain(question.prompt)}")
    for number, choice in enumerate(question.choices, 1):
        say(f"  {number}. {line_of(choice)}")
    while True:
        text = _read("answer> ")
        if question.choices and text.strip().isdecimal() and 0 < int(text) <= len(question.choices):
            text = question.choices[int(text) - 1]
        try:
            value = value_of(question, text)
        except UserError as wrong:
            say(str(wrong))
            continue
        why = misfit(question, value)
        if not why:
            return value
        say(why)


def _needs_terminal(run_id: str, question: Question | None = None) -> None:
    if not sys.stdin.isatty():
        how = how_to_answer(question) if question is not None else f"autogen runs answer {quoted(run_id)} ASK_ID VALUE"
        raise UserError(f"there is no terminal to ask at; give the answer: {how}")


def _read(prompt: str) -> str:
    try:
        return input(prompt)
    except EOFError:
        raise UserError("no answer was given") from None


def value_of(question: Question, text: str) -> Any:
    """The typed text as the question's form wants it: text as it is, anything else as JSON. Raises UserError.

    To an approval short words such as `y` are answers, too; the library reads them.
    """
    kind = question.form.get("type")
    if kind == "string" or question.choices or question.kind == "approval":
        return text
    try:
        return msgspec.json.decode(text)
    except ValueError:
        if kind is None:
            return text
        raise UserError(f"the answer to {question.id} is a JSON value of type {kind}, got {text!r:.80}") from None


# ---- cancel --------------------------------------------------------------------------------------------------------


def cancel(options: CancelOptions) -> int:
    """End a run: at once if nobody carries it on, else at its next effect."""
    from autogen.agents.entrypoints import cancel as end

    store: Store = find_journal(options.journal)
    before = find_run(store, options.run)
    end(before.id, journal=store)
    run = standing(store, store.run(before.id))
    if options.as_json:
        write_json({"event": "cancelled", **facts_of(run), "why": why_it_stopped(run)})
    elif before.status in ("done", "failed", "cancelled") and run.row.status == before.status:
        say(f"it had ended before: {line_of(why_it_stopped(run))}")
    else:
        say("cancelled" if run.row.status == "cancelled" else "it ends at its next step")
    return Exit.DONE
