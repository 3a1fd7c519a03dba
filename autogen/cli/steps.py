"""A run's steps as people see them: what was done, what came of it, and why that speaker or tool.

Decides the words. Reads entries only, so "why" goes as far as these tell. Refuses to know tables and terminals.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from autogen.core.code import CodeOutcome
from autogen.core.effects import CallbackKind
from autogen.core.model import ModelReply
from autogen.core.tools import ToolOutcome
from autogen.runs import codec
from autogen.runs.asks import answer_value, question_of
from autogen.runs.digest import of_bytes
from autogen.runs.errors import RecordedError
from autogen.runs.replaying import steps_of
from autogen.runs.requests import model_detail
from autogen.runs.rows import Answer, Entry, EntryKind, EntryState

SHORT: Final = 120
_SEALED: Final = {f'"{of_bytes(told)}"'.encode(): words for told, words in (
    (b"true", "True"), (b"false", "False"), (b"null", "None"), (b'""', "nothing"),
)}  # fmt: skip
"""Of a function that runs again only a digest is kept; these results are known by theirs."""


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
    shared: bool = False
    """It belongs to the run that this one was forked from."""
    ask_id: str = ""
    """Of a question."""


def steps(entries: list[Entry], answers: Mapping[str, Answer], fork_seq: int = 0) -> list[Step]:
    """All steps of a log. fork_seq: the last entry that is shared with the parent. Raises Damaged, UnknownFormat."""
    firsts: dict[str, int] = {}
    for entry in entries:
        firsts.setdefault(entry.address, entry.seq)
    found: list[Step] = []
    made = _Before()
    for number, entry in enumerate(steps_of(entries), 1):
        value = _value(entry)
        step = _step(number, entry, value, answers)
        step = replace(step, why=_why(entry, made), shared=firsts[entry.address] <= fork_seq)
        made.add(step, value)
        found.append(step)
    return found


def _value(entry: Entry) -> Any:
    """What came of it, or the error that was raised; None while there is nothing."""
    if entry.state == "failed":
        return codec.decode_error(entry.answer, entry.address)
    if entry.state != "done" or entry.kind == "sleep" or not entry.answer or entry.answer in _SEALED:
        return None
    if entry.kind == "callback" and entry.answer.startswith(b'"'):
        return None
    return codec.decode(entry.answer, entry.address, _by_name)


def _by_name(name: str) -> object:
    return name


def _step(number: int, entry: Entry, value: Any, answers: Mapping[str, Answer]) -> Step:
    step = Step(
        number=number,
        address=entry.address,
        kind=entry.kind,
        state=entry.state,
        agent=entry.agent,
        what=entry.label,
        outcome=_outcome(entry, value, answers),
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


def _outcome(entry: Entry, value: Any, answers: Mapping[str, Answer]) -> str:
    if entry.state == "waiting":
        given = answers.get(entry.address)
        if given is None:
            return "waits for an answer"
        by = f" by {given.by}" if given.by else ""
        return f"answered{by}, to be read when the run goes on: {_text(answer_value(given))}"
    if entry.state == "started":
        return "was begun"
    if isinstance(value, RecordedError):
        return f"{value.kind}: {value.text}"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    match value:
        case ModelReply():
            calls = [f"calls {call.name}({call.arguments})" for call in value.message.calls]
            return "\n".join(part for part in (value.message.text, *calls) if part)
        case ToolOutcome():
            return f"{value.why}: {value.content}" if value.is_error else value.content
        case CodeOutcome():
            return f"exit {value.exit_code}{'' if value.why == 'ok' else f' ({value.why})'}: {value.output}"
        case None if entry.kind == "callback":
            return _SEALED.get(entry.answer, "kept as a digest")
        case None if entry.kind == "sleep":
            return ""
        case _:
            return _text(value)


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
        told = msgspec.json.decode(entry.detail) if entry.detail else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}  # pyright: ignore[reportUnknownVariableType]


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
        self.texts: list[tuple[Step, str]] = []
        self.by_address: dict[str, Step] = {}

    def add(self, step: Step, value: Any) -> None:
        branch = branch_of(step.address)
        self.by_address[step.address] = step
        if step.kind == "callback":
            self.predicate[branch] = step
            return
        if step.kind == "sleep":
            return
        self.predicate.pop(branch, None)
        self.last[branch] = step
        if isinstance(value, ModelReply):
            self.texts.append((step, value.message.text))
            for call in value.message.calls:
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
            return "called by a message of the program" if call is None else f"called by {_model(call)}"
        case "code":
            for step, text in reversed(before.texts):
                if any(code.strip() in text for _, code in _blocks(entry)):
                    return f"written by {_model(step)}"
            return "stands in a message of the program or a person"
        case "human":
            return _why_human(entry, before)
        case "callback":
            kind = _kind_of(entry)
            return f"{kind} of {entry.agent}" if entry.agent else kind
        case "sleep":
            return ""


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
    asked = f"the turn of {entry.agent}, who asks a person"
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
