"""An answer to a question of a parked run: checked, kept once, from any process.

Decides what fits a question. Refuses to know who carries the run on.
"""

import re
from typing import Any, cast

from msgspec.json import encode

from autogen.runs.asks import Question, question_of
from autogen.runs.errors import AlreadyAnswered, AnswerRefused, NotStorable
from autogen.runs.rows import Answer, Entry
from autogen.runs.store import Store
from autogen.runs.view import latest

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}


def keep_answer(store: Store, run_id: str, ask_id: str, value: Any, by: str, now: float) -> Answer:
    """Keep the answer, if it is the first one that fits.

    Raises UnknownRun; AnswerRefused for a question that was never asked, has expired, or asks for something else;
    AlreadyAnswered, which tells by whom.
    """
    run = store.run(run_id)
    entry, question = _find(store, run_id, ask_id)
    answers = store.answers(run_id)
    if entry.state == "done" or entry.address in answers:
        raise AlreadyAnswered(run_id, ask_id, f"already answered{_who(answers.get(entry.address))}")
    if run.status in ("done", "cancelled"):
        raise AnswerRefused(run_id, ask_id, f"the run is {run.status}; nothing waits for this answer any more")
    if question.expires is not None and now > question.expires:
        raise AnswerRefused(run_id, ask_id, "the question has expired")
    why = misfit(question, value)
    if why:
        raise AnswerRefused(run_id, ask_id, f"{value!r:.80} does not fit the question: {why}")
    try:
        data = encode(value)
    except (TypeError, ValueError) as error:
        raise NotStorable("the answer", "$", str(error)) from None
    given = Answer(address=entry.address, value=data, by=by, at=now)
    kept = store.keep_answer(run_id, given)
    if kept != given:
        raise AlreadyAnswered(run_id, ask_id, f"already answered{_who(kept)}")
    return kept


def misfit(question: Question, value: Any) -> str:
    """Why a value is no answer to the question; "" when it is one."""
    if question.choices and value not in question.choices:
        return f"choose one of {', '.join(map(repr, question.choices))}"
    return _misfit(question.form, value)


def _misfit(form: dict[str, Any], value: Any) -> str:
    """The part of JSON Schema that our forms use: type, enum, pattern, required, properties."""
    wanted = form.get("type")
    if isinstance(wanted, str):
        kinds = _KINDS.get(wanted, (object,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
            return f"it must be of type {wanted}"
    if "enum" in form and value not in form["enum"]:
        return f"it must be one of {form['enum']!r}"
    if isinstance(value, str) and "pattern" in form and not re.search(form["pattern"], value, re.DOTALL):
        return f"it must match {form['pattern']}"
    if isinstance(value, dict):
        known = cast("dict[str, Any]", value)
        for name in form.get("required", ()):
            if name not in known:
                return f"{name!r} is missing"
        for name, inner in form.get("properties", {}).items():
            if name in known and (why := _misfit(inner, known[name])):
                return f"{name!r}: {why}"
    return ""


def _find(store: Store, run_id: str, ask_id: str) -> tuple[Entry, Question]:
    known: list[str] = []
    for entry in latest(store.read(run_id)).values():
        if entry.kind != "human" or not entry.detail:
            continue
        question = question_of(entry)
        if ask_id in (question.id, entry.address):
            return entry, question
        if entry.state == "waiting":
            known.append(question.id)
    waiting = f"; it waits for {', '.join(known)}" if known else "; it waits for no answer"
    raise AnswerRefused(run_id, ask_id, f"no such question was asked{waiting}")


def _who(answer: Answer | None) -> str:
    return f" by {answer.by}" if answer is not None and answer.by else ""
