"""Two runs side by side: which steps are the same, which came out in another way, what both cost and how they ended.

Steps are lined up by their addresses, which count turns per agent and kind: `assistant`'s third reply stands beside
`assistant`'s third reply. Refuses to know how the table is printed.
"""

from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.json import encode

from autogen.core.code import CodeOutcome
from autogen.core.model import ModelReply
from autogen.core.tools import ToolOutcome
from autogen.runs import codec
from autogen.runs.branches import steps_of
from autogen.runs.durable import JournalLike, wanted_scope
from autogen.runs.errors import RecordedError
from autogen.runs.requests import model_detail
from autogen.runs.rows import Entry, EntryKind, EntryState, RunRow, RunStatus
from autogen.runs.store import Store

SHORT = 160
"""Characters of an outcome."""

Verdict: TypeAlias = Literal["same", "changed", "only_a", "only_b"]


class SideStep(Struct, frozen=True, kw_only=True):
    """A step as it went in one of the two runs."""

    number: int
    """As `autogen runs show` counts that run's steps."""
    state: EntryState
    outcome: str
    """What came of it, on one line, shortened."""
    usd: float | None = 0.0
    """US dollars; None when the model's price is not known."""
    input: int = 0
    """Tokens."""
    output: int = 0


class DiffRow(Struct, frozen=True, kw_only=True):
    """One step of either run or both."""

    address: str
    agent: str
    kind: EntryKind
    label: str
    """The purpose of a model call, the name of a tool or callback, the prompt of a question."""
    verdict: Verdict
    a: SideStep | None = None
    b: SideStep | None = None


class DiffSide(Struct, frozen=True, kw_only=True):
    """One of the two runs as a whole, the steps that it shares with its parent included."""

    run_id: str
    status: RunStatus
    stop_reason: str
    stop_detail: str
    error: str
    parent: str | None
    steps: int
    model_calls: int
    usd: float | None
    input: int
    output: int


class RunDiff(Struct, frozen=True, kw_only=True):
    """What `diff` gives; rows in the order of both runs, a step of `a` alone before one of `b` alone."""

    a: DiffSide
    b: DiffSide
    rows: tuple[DiffRow, ...]
    first: int
    """Index in `rows` of the first that is not the same; the number of rows when none is."""

    @property
    def same(self) -> bool:
        """Did everything go the same way?"""
        return self.first == len(self.rows)


def diff(run_a: str, run_b: str, *, journal: JournalLike | None = None) -> RunDiff:
    """Line two runs up by turn. Raises UnknownRun, Damaged."""
    return _compared(wanted_scope(journal).store, run_a, run_b)


async def a_diff(run_a: str, run_b: str, *, journal: JournalLike | None = None) -> RunDiff:
    """`diff` on an event loop."""
    from autogen.drivers.threads import beside

    store = wanted_scope(journal).store
    return await beside(lambda: _compared(store, run_a, run_b))


def _compared(store: Store, run_a: str, run_b: str) -> RunDiff:
    one, other = store.run(run_a), store.run(run_b)
    steps_a, steps_b = steps_of(store.read(run_a)), steps_of(store.read(run_b))
    rows = tuple(_rows(steps_a, steps_b))
    first = next((number for number, row in enumerate(rows) if row.verdict != "same"), len(rows))
    return RunDiff(a=_side(one, steps_a), b=_side(other, steps_b), rows=rows, first=first)


def outcome_text(entry: Entry) -> str:
    """What came of a step, whole; "" for nothing yet, and for a callback of which only a digest is kept."""
    if entry.state == "waiting":
        return "waits for an answer"
    if entry.state == "started":
        return "was begun"
    if entry.state == "failed":
        raised = codec.decode_error(entry.answer, entry.address)
        if isinstance(raised, RecordedError):
            return str(raised)
        return f"{type(raised).__name__}: {raised}"
    if not entry.answer or entry.kind == "sleep" or (entry.kind == "callback" and entry.answer.startswith(b'"')):
        return ""
    match value := codec.decode(entry.answer, entry.address, _by_name):
        case ModelReply():
            calls = [f"calls {call.name}({call.arguments})" for call in value.message.calls]
            return "\n".join(part for part in (value.message.text, *calls) if part)
        case ToolOutcome():
            return f"{value.why}: {value.content}" if value.is_error else value.content
        case CodeOutcome():
            return f"exit {value.exit_code}{'' if value.why == 'ok' else f' ({value.why})'}: {value.output}"
        case str():
            return value
        case _:
            return _json(value)


def _json(value: object) -> str:
    try:
        return encode(value, enc_hook=str).decode()
    except (ValueError, TypeError, RecursionError):
        return repr(value)


def _by_name(name: str) -> object:
    return name


def _rows(steps_a: list[Entry], steps_b: list[Entry]) -> Iterator[DiffRow]:
    numbers_a = {step.address: number for number, step in enumerate(steps_a, 1)}
    numbers_b = {step.address: number for number, step in enumerate(steps_b, 1)}
    for a, b in _lined_up(steps_a, steps_b):
        known = a or b
        assert known is not None
        yield DiffRow(
            address=known.address,
            agent=known.agent,
            kind=known.kind,
            label=known.label,
            verdict=_verdict(a, b),
            a=None if a is None else _step(a, numbers_a[a.address]),
            b=None if b is None else _step(b, numbers_b[b.address]),
        )


def _lined_up(steps_a: list[Entry], steps_b: list[Entry]) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Both in their own order; a step that stands in both, but before in one what stands after in the other, is told
    of each alone."""
    from difflib import SequenceMatcher

    names_a, names_b = [step.address for step in steps_a], [step.address for step in steps_b]
    for what, start_a, end_a, start_b, end_b in SequenceMatcher(None, names_a, names_b, autojunk=False).get_opcodes():
        if what == "equal":
            yield from zip(steps_a[start_a:end_a], steps_b[start_b:end_b], strict=True)
            continue
        yield from ((step, None) for step in steps_a[start_a:end_a])
        yield from ((None, step) for step in steps_b[start_b:end_b])


def _verdict(a: Entry | None, b: Entry | None) -> Verdict:
    if a is None or b is None:
        return "only_b" if a is None else "only_a"
    if (a.digest, a.state) != (b.digest, b.state):
        return "changed"
    # two live calls that came to the same differ in ids and times only
    return "same" if a.answer == b.answer or (a.kind == "model" and _said(a) == _said(b)) else "changed"


def _said(entry: Entry) -> Any:
    reply = codec.decode(entry.answer, entry.address, _by_name) if entry.state == "done" else None
    if not isinstance(reply, ModelReply):
        return outcome_text(entry)
    return reply.message.text, [(call.name, call.arguments) for call in reply.message.calls]


def _step(entry: Entry, number: int) -> SideStep:
    text = " ".join(outcome_text(entry).split())
    short = text if len(text) <= SHORT else f"{text[: SHORT - 1]}…"
    if entry.kind != "model":
        return SideStep(number=number, state=entry.state, outcome=short)
    detail = model_detail(entry)
    usd = detail.usd if entry.state == "done" else 0.0
    return SideStep(number=number, state=entry.state, outcome=short, usd=usd, input=detail.input, output=detail.output)


def _side(row: RunRow, steps: list[Entry]) -> DiffSide:
    calls = [step for step in steps if step.kind == "model" and step.state == "done"]
    details = [model_detail(step) for step in calls]
    costs = [detail.usd for detail in details]
    return DiffSide(
        run_id=row.id,
        status=row.status,
        stop_reason=row.stop_reason,
        stop_detail=row.stop_detail,
        error=row.error,
        parent=row.parent,
        steps=len(steps),
        model_calls=len(calls),
        usd=None if None in costs else sum(cost or 0.0 for cost in costs),
        input=sum(detail.input for detail in details),
        output=sum(detail.output for detail in details),
    )
