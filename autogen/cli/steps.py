"""A run's steps as people see them: what was done, what came of it, and why that speaker or tool.

Decides the words. Reads entries only, so "why" goes as far as these tell. Refuses to know tables and terminals.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from autogen.core.effects import CallbackKind
from autogen.core.model import ModelReply
from autogen.runs import codec
from autogen.runs.asks import answer_value, question_of
from autogen.runs.branches import steps_of
from autogen.runs.diff import outcome_text
from autogen.runs.digest import of_bytes
from autogen.runs.requests import model_detail
from autogen.runs.rows import Answer, Entry, EntryKind, EntryState

SHORT: Final = 120
_SEALED: Final = {f'"{of_bytes(told)}"'.encode(): words for told, words in (
    (b"true", "True"), (b"false", "False"), (b"null", "None"), (b'""', "nothing"),
)}  # fmt: skip
"""Of a function that runs again only a digest is kept; these results are known by theirs."""


Origin: TypeAlias = Literal["own", "shared", "changed"]


class Step(Struct, frozen=True, kw_only=True):
    """One step of a run, numbered as `fork` and `replay` count."""

    number: int
    address: str
    kind: EntryKind
    state: EntryState
    agent: str
    what: str
    """What was asked for: a call with its arguments, the code, the question."""
    outcome: str
    """What came of it, whole; "" for nothing yet."""
    why: str = ""
    """Why this speaker, tool or question came now."""
    attempt: int = 1
    started: float = 0.0
    """Seconds since 1970."""
    seconds: float | None = None
    model: str = ""
    input: int = 0
    """Tokens."""
    output: int = 0
    usd: float | None = 0.0
    """US dollars; None when the price is not known."""
    sent: bool = False
    """The exact request is kept; `--request` prints it."""
    origin: Origin = "own"
    """Of a fork's step: taken over from its parent, or given another outcome when the fork was made."""
    ask_id: str = ""
    """Of a question."""


def steps(entries: list[Entry], answers: Mapping[str, Answer], taken_over: int = 0, changed: str = "") -> list[Step]:
    """All steps of a log. taken_over: the last entry that a fork began with; changed: the address whose outcome was
    given. Raises Damaged, UnknownFormat."""
    firsts: dict[str, int] = {}
    for entry in entries:
        firsts.setdefault(entry.address, entry.seq)
    found: list[Step] = []
    made = _Before()
    for number, entry in enumerate(steps_of(entries), 1):
        step = _step(number, entry, answers)
        origin: Origin = "changed" if entry.address == changed else "shared"
        if firsts[entry.address] > taken_over:
            origin = "own"
        step = replace(step, why=_why(entry, made), origin=origin)
        made.add(step, entry, _reply(entry))
        found.append(step)
    return found


def _reply(entry: Entry) -> ModelReply | None:
    if entry.kind != "model" or entry.state != "done":
        return None
    value = codec.decode(entry.answer, entry.address, _by_name)
    return value if isinstance(value, ModelReply) else None


def _by_name(name: str) -> object:
    return name


def _step(number: int, entry: Entry, answers: Mapping[str, Answer]) -> Step:
    step = Step(
        number=number,
        address=entry.address,
        kind=entry.kind,
        state=entry.state,
        agent=entry.agent,
        what=entry.label,
        outcome=_outcome(entry, answers),
        attempt=entry.attempt,
        started=entry.started,
        seconds=max(0.0, entry.ended - entry.started) if entry.state in ("done", "failed") else None,
    )
    match entry.kind:
        case "model":
            detail = model_detail(entry)
            return replace(
                step, model=detail.model, input=detail.input, output=detail.output, usd=detail.usd,
                sent=detail.request is not None,
            )  # fmt: skip
        case "tool":
            return replace(step, what=f"{entry.label}({_told(entry).get('arguments', '')})")
        case "code":
            return replace(step, what="\n".join(f"{language or 'code'}: {code}" for language, code in _blocks(entry)))
        case "human":
            return replace(step, ask_id=question_of(entry).id)
        case "callback" | "sleep":
            return step


def _outcome(entry: Entry, answers: Mapping[str, Answer]) -> str:
    given = answers.get(entry.address)
    if entry.state == "waiting" and given is not None:
        by = f" by {given.by}" if given.by else ""
        return f"answered{by}, to be read when the run goes on: {_text(answer_value(given))}"
    if entry.kind == "callback" and entry.state == "done" and entry.answer.startswith(b'"'):
        return _SEALED.get(entry.answer, "kept as a digest")
    return outcome_text(entry)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value, enc_hook=str).decode()
    except (ValueError, TypeError, RecursionError):
        return repr(value)


def _told(entry: Entry) -> dict[str, Any]:
    """An entry's detail where it is a JSON object; {} for anything else."""
    try:
        return msgspec.json.decode(entry.detail, type=dict[str, Any]) if entry.detail else {}
    except (ValueError, RecursionError):
        return {}


def _blocks(entry: Entry) -> Iterator[tuple[str, str]]:
    blocks: Any = _told(entry).get("blocks")
    for block in blocks if isinstance(blocks, list) else ():  # pyright: ignore[reportUnknownVariableType]
        if isinstance(block, list) and len(block) == 2:  # pyright: ignore[reportUnknownArgumentType]
            yield str(block[0]), str(block[1])  # pyright: ignore[reportUnknownArgumentType]


# ---- why -----------------------------------------------------------------------------------------------------------


class _Before:
    """What happened so far, to find what led to the next step."""

    def __init__(self) -> None:
        self.last: dict[str, Step] = {}
        """By branch: the last step that said something."""
        self.predicate: dict[str, Step] = {}
        """By branch: a predicate that was asked since."""
        self.calls: dict[str, Step] = {}
        """By call id: the model call that asked for it."""
        self.approved: dict[tuple[str, str], Step] = {}
        """By branch and tool ("" for code): the last approval that a person was asked for."""
        self.texts: list[tuple[Step, str]] = []
        self.by_address: dict[str, Step] = {}

    def add(self, step: Step, entry: Entry, reply: ModelReply | None) -> None:
        branch = branch_of(step.address)
        self.by_address[step.address] = step
        if step.kind == "callback":
            self.predicate[branch] = step
            return
        if step.kind == "sleep":
            return
        self.predicate.pop(branch, None)
        self.last[branch] = step
        if entry.kind == "human" and (question := question_of(entry)).kind == "approval":
            self.approved[branch, question.tool] = step
        if reply is not None:
            self.texts.append((step, reply.message.text))
            for call in reply.message.calls:
                self.calls[call.id] = step


def branch_of(address: str) -> str:
    """`a/1/b/2` -> `a/1`."""
    return address.rpartition("/")[0].rpartition("/")[0]


def _why(entry: Entry, before: _Before) -> str:
    match entry.kind:
        case "model":
            return _why_model(entry, before)
        case "tool":
            call = before.calls.get(str(_told(entry).get("call_id", "")))
            by = "called by a message of the program" if call is None else f"called by {_model(call)}"
            return by + _approved(entry, before)
        case "code":
            return _why_code(entry, before) + _approved(entry, before)
        case "human":
            return _why_human(entry, before)
        case "callback":
            kind = _kind_of(entry)
            return f"{kind} of {entry.agent}" if entry.agent else kind
        case "sleep":
            return ""


def _why_code(entry: Entry, before: _Before) -> str:
    for step, text in reversed(before.texts):
        if any(code.strip() in text for _, code in _blocks(entry)):
            return f"written by {_model(step)}"
    return "stands in a message of the program or a person"


def _approved(entry: Entry, before: _Before) -> str:
    step = before.approved.get((branch_of(entry.address), entry.label))
    return "" if step is None else f"; a person was asked (step {step.number})"


def _why_model(entry: Entry, before: _Before) -> str:
    match entry.label:
        case "summary":
            return "the chat's summary is asked for"
        case "speaker":
            return "chooses the next speaker"
        case "reply":
            pass
        case _:
            return f"asked for {entry.label}"
    branch = branch_of(entry.address)
    return _reply_to(before.last.get(branch), entry.agent) + _predicate(before.predicate.get(branch))


def _reply_to(last: Step | None, agent: str) -> str:
    if last is None:
        return "answers the first message"
    match last.kind:
        case "tool":
            return f"answers the result of {last.what.partition('(')[0]} (step {last.number})"
        case "code":
            return f"answers the output of the code (step {last.number})"
        case "human":
            return f"answers the person (step {last.number})"
        case _ if last.agent != agent:
            return f"answers {last.agent} (step {last.number})"
        case _:
            return f"answers the message after step {last.number}"


def _why_human(entry: Entry, before: _Before) -> str:
    question = question_of(entry)
    if question.kind == "approval":
        return "needs a person's approval"
    if question.kind == "unknown":
        died = before.by_address.get(entry.address.partition("/unknown/")[0])
        return "the process died inside " + ("a tool" if died is None else f"step {died.number}")
    last = before.last.get(branch_of(entry.address))
    asked = f"{entry.agent}'s turn to ask a person"
    after = "" if last is None else f", after step {last.number}"
    return asked + after + _predicate(before.predicate.get(branch_of(entry.address)))


def _predicate(step: Step | None) -> str:
    if step is None:
        return ""
    kept = "" if step.outcome == "kept as a digest" else f" said {step.outcome:.40}"
    return f"; {step.why} {step.what!r:.60}{kept} (step {step.number})"


def _model(step: Step) -> str:
    return f"{step.agent}'s model (step {step.number})"


def _kind_of(entry: Entry) -> str:
    """A callback's kind: the entry's digest is made of it and the name."""
    for kind in get_args(CallbackKind):
        if of_bytes(kind.encode(), entry.label.encode()) == entry.digest:
            return str(kind).replace("_", " ")
    return "function"


def pending(found: Sequence[Step], answers: Mapping[str, Answer]) -> list[Step]:
    """The questions that nobody has answered."""
    return [step for step in found if step.state == "waiting" and step.address not in answers]
