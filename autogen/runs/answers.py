"""An answer to a question of a parked run: checked, kept once, from any process.

Decides what fits a question. Refuses to know who carries the run on.
"""

import re
from collections.abc import Callable
from operator import ge, gt, le, lt
from typing import Any, Final, cast

from msgspec import Struct, to_builtins
from msgspec.json import encode

from autogen.core.approval import Approval, Unclear, Verdict, read_decision
from autogen.runs.asks import Question, answer_value, question_of
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

_BOUNDS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "minimum": ge,
    "maximum": le,
    "exclusiveMinimum": gt,
    "exclusiveMaximum": lt,
}
_BOUND_WORDS: Final = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}


class AnswerView(Struct, frozen=True, kw_only=True):
    """An answer that was taken, as programs see it."""

    run_id: str
    ask_id: str
    value: Any
    """As the run reads it: of an approval, the decision that was made of it."""
    by: str = ""
    at: float = 0.0
    """Seconds since 1970."""


def given_answer(store: Store, run_id: str, ask_id: str, value: Any, by: str, now: float) -> AnswerView:
    """`keep_answer`, for programs."""
    kept = keep_answer(store, run_id, ask_id, value, by, now)
    return AnswerView(run_id=run_id, ask_id=ask_id, value=answer_value(kept), by=kept.by, at=kept.at)


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
        raise AnswerRefused(run_id, ask_id, "the question has expired; autogen.advance(run_id) asks it anew")
    why = misfit(question, value)
    if why:
        raise AnswerRefused(run_id, ask_id, f"{value!r:.80} does not fit the question: {why}")
    if question.kind == "approval":
        value = to_builtins(read_decision(value, _verdicts(question)))
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
    """Why a value is no answer to the question; "" when it is one. Approvals also take the short answers as text."""
    if question.kind == "approval":
        try:
            value = to_builtins(read_decision(value, _verdicts(question)))
        except Unclear as unclear:
            return f"{unclear}; {Approval(tool=question.tool).ways()}"
    if question.choices and value not in question.choices:
        return f"choose one of {', '.join(map(repr, question.choices))}"
    return _misfit(question.form, value)


def _verdicts(question: Question) -> tuple[Verdict, ...]:
    return Approval(tool=question.tool).verdicts


def _misfit(form: dict[str, Any], value: Any) -> str:
    """The part of JSON Schema that our forms and the parameters of most tools use; what else stands in it is not
    checked here, but when the tool is called."""
    if "anyOf" in form and all(reasons := [_misfit(one, value) for one in form["anyOf"]]):
        return reasons[0]
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
        return _more(form, known)
    if isinstance(value, list):
        of_items: Any = form.get("items")
        for number, item in enumerate(cast("list[Any]", value)):
            if isinstance(of_items, dict) and (why := _misfit(cast("dict[str, Any]", of_items), item)):
                return f"item {number}: {why}"
    return _bounds(form, value)


def _more(form: dict[str, Any], known: dict[str, Any]) -> str:
    """Names that the form does not list."""
    more: Any = form.get("additionalProperties", True)
    for name in known:
        if name in form.get("properties", {}):
            continue
        if more is False:
            return f"{name!r} is not known"
        if isinstance(more, dict) and (why := _misfit(cast("dict[str, Any]", more), known[name])):
            return f"{name!r}: {why}"
    return ""


def _bounds(form: dict[str, Any], value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    for name, fits in _BOUNDS.items():
        if name in form and not fits(value, form[name]):
            return f"it must be {_BOUND_WORDS[name]} {form[name]}"
    return ""


def _find(store: Store, run_id: str, ask_id: str) -> tuple[Entry, Question]:
    known: list[str] = []
    entries = store.read(run_id)
    for entry in latest(entries).values():
        if entry.kind != "human" or not entry.detail:
            continue
        question = question_of(entry)
        if ask_id in (question.id, entry.address):
            return entry, question
        if entry.state == "waiting":
            known.append(question.id)
    for entry in entries:
        if entry.kind == "human" and entry.detail and question_of(entry).id == ask_id:
            now = next(question_of(one).id for one in latest(entries).values() if one.address == entry.address)
            raise AnswerRefused(run_id, ask_id, f"the question has expired; it was asked anew as {now}")
    waiting = f"; it waits for {', '.join(known)}" if known else "; it waits for no answer"
    raise AnswerRefused(run_id, ask_id, f"no such question was asked{waiting}")


def _who(answer: Answer | None) -> str:
    return f" by {answer.by}" if answer is not None and answer.by else ""
