"""Questions to people in a journaled run: asked at once, or parked until somebody answers, once.

Decides whether a question waits and what an answer must be. Refuses to know terminals and web pages, and who answers.
"""

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from msgspec import Struct, field
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from autogen.core.approval import Approval, json_text, laid_open
from autogen.core.effects import AskHuman
from autogen.core.errors import HumanInputClosed, Parked
from autogen.core.events import AnswerTaken
from autogen.core.tools import ToolOutcome
from autogen.drivers.performer import EmitNow
from autogen.runs import codec
from autogen.runs.digest import of_bytes, shown
from autogen.runs.errors import CannotPark, Damaged, OutcomeUnknown
from autogen.runs.place import branch_of, key_of
from autogen.runs.requests import MARK
from autogen.runs.rows import Answer, Entry

if TYPE_CHECKING:
    from autogen.runs.journaled import Journaled
    from autogen.runs.log import RunLog

QuestionKind: TypeAlias = Literal["input", "approval", "unknown"]


def _text() -> dict[str, Any]:
    return {"type": "string"}


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that a run waits for. `autogen.answer(run_id, id, value)` answers it."""

    id: str
    run_id: str
    agent: str
    prompt: str
    about: str = ""
    """Of an input: the text of the last message that the agent received, 4,000 characters at most."""
    kind: QuestionKind = "input"
    form: dict[str, Any] = field(default_factory=_text)
    """JSON Schema of the answer."""
    choices: tuple[str, ...] = ()
    """Answers to choose from; () where anything of that form will do."""
    asked: float = 0.0
    """Seconds since 1970."""
    expires: float | None = None
    """Seconds since 1970; then it takes no answer, and is asked anew when the run is carried on."""
    tool: str = ""
    """The tool that an approval, or an unknown outcome, is about."""
    arguments: Any = None
    """Of that call."""
    code: tuple[str, ...] = ()
    """The blocks that an approval is about."""
    sandbox: str = ""
    work_dir: str = ""
    binding: str = ""
    """Of an approval: 32 hex digits over all that is approved; the answer counts for nothing else."""
    key: str = ""
    """Of an unknown outcome: the idempotency key that the tool was called with."""


_encode: Final = Encoder().encode
_decoder: Final = Decoder(Question)


def question_of(entry: Entry) -> Question:
    """Raises Damaged."""
    try:
        return _decoder.decode(entry.detail)
    except ValueError as error:
        raise Damaged(f"the question at {entry.address}", str(error)) from None


def ask_id(run_id: str, address: str, time: int = 1) -> str:
    """The id of the question at an address, asked the first or a later time: short enough to be typed."""
    asked = address if time == 1 else f"{address}~{time}"
    return f"ask-{of_bytes(run_id.encode(), asked.encode())[:10]}"


async def ask_person(here: "Journaled", effect: AskHuman, emit: EmitNow) -> str:
    """The person's words: from the log, from an answer that was given meanwhile, or asked now.

    Raises Parked when the run is to wait for them, CannotPark where it cannot.
    """
    log = here.log
    approval = effect.approval
    what = effect.prompt.encode("utf-8", "surrogatepass") if approval is None else approval.binding().encode()
    digest = of_bytes(effect.agent.encode(), what)
    address = here.place.next(key_of(effect.agent, "human"), digest)
    known = log.find(address, digest, lambda: shown(effect.prompt), redacted=lambda entry: _redacted(entry, effect))
    if approval is not None and known is not None and _used_by_the_parent(log, known):
        address = f"{address}/own/1"
        known = log.find(address, digest, lambda: shown(effect.prompt), redacted=lambda entry: _redacted(entry, effect))
    if known is not None and known.state in ("done", "failed"):
        words = _words(here.recalled(known))
        emit(AnswerTaken(effect.agent, effect.prompt, words))
        return words
    question = Question(
        id=ask_id(log.id, address),
        run_id=log.id,
        agent=effect.agent,
        prompt=effect.prompt,
        about=effect.about,
        asked=log.clock(),
    )
    if approval is not None:
        question = _of_approval(question, approval)
    ask = lambda: here.plain.ask_human(effect, emit)  # noqa: E731 - a step, made when it is taken
    return _words(await _answered(here, address, digest, question, known, ask, effect.standing))


def _of_approval(question: Question, approval: Approval) -> Question:
    return replace(
        question,
        kind="approval",
        form=approval.form(),
        tool=approval.tool,
        arguments=_json(approval.arguments) if approval.tool else None,
        code=approval.code,
        sandbox=approval.sandbox,
        work_dir=approval.work_dir,
        binding=approval.binding(),
    )


def _used_by_the_parent(log: "RunLog", known: Entry) -> bool:
    """Was this approval given in the run that this one was forked from, for a call that the fork makes itself?

    It served there; a second call needs a second one, unless whoever made the fork gave it.
    """
    if f"{known.address}/own/1" in log.entries:
        return True
    if known.seq > log.inherited or (log.changes.changed and log.changes.at == known.address):
        return False
    shared = (entry for entry in log.store.read(log.id, known.seq) if entry.seq <= log.inherited)
    return not any(known.address.startswith(branch_of(entry.address)) for entry in shared)


def _words(answer: Any) -> str:
    """An answer as the conversation reads it: objects as JSON."""
    return json_text(answer) if isinstance(answer, dict) else str(answer)


def told_of(entry: Entry) -> dict[str, Any]:
    """What the entry of a tool call tells: its arguments, and what repeating it means; {} of others."""
    told = _json(entry.detail.decode("utf-8", "replace"))
    if entry.kind != "tool" or not isinstance(told, dict):
        return {}
    known = cast("dict[str, Any]", told)
    given = known.get("arguments")
    return {**known, "arguments": _json(given) if isinstance(given, str) else given}


def _json(text: str) -> Any:
    from json import loads

    try:
        return loads(text)
    except (ValueError, RecursionError):  # arguments of an old journal, or of a tool that reads other texts
        return text


def _redacted(entry: Entry, effect: AskHuman) -> bool:
    """Is it the recorded question, but for secrets that were taken out of the recording?"""
    return MARK.decode() in effect.prompt and entry.label == effect.prompt and entry.agent == effect.agent


async def unknown_outcome(here: "Journaled", entry: Entry, name: str) -> Any:
    """What becomes of a tool that must not run twice and was in flight: its outcome, or None to call it again.

    Raises OutcomeUnknown, or Parked while a person has not decided.
    """
    log = here.log
    key = log.key(entry.address)
    match log.policy.on_unknown:
        case "retry":
            return None
        case "fail":
            raise OutcomeUnknown(log.id, entry.address, name, key)
        case "ask":
            pass
    address = f"{entry.address}/unknown/{entry.attempt}"
    given = told_of(entry).get("arguments")
    called = name if given is None else f"{name!r} with {laid_open(json_text(given))}"
    ended = "run" if entry.state == "failed" else "process"
    prompt = (
        f"The {ended} ended inside {'' if entry.kind == 'code' else 'the tool '}{called}; nobody knows whether it "
        f"did its work (idempotency key {key}). Look, then answer 'retry' to call it again, 'fail' to end the run, "
        "or 'done: <its result>' to go on as if it had answered so: "
    )
    question = Question(
        id=ask_id(log.id, address),
        run_id=log.id,
        agent=entry.agent,
        prompt=prompt,
        kind="unknown",
        form={"type": "string", "pattern": "^(retry|fail|done:.*)$"},
        asked=log.clock(),
        tool=entry.label,
        arguments=given,
        key=key,
    )
    known = log.entries.get(address)
    if known is not None and known.state == "done":
        words = str(here.recalled(known))
    else:
        effect = AskHuman(entry.agent, prompt)
        ask = lambda: here.plain.ask_human(effect, here.plain.emit)  # noqa: E731 - a step, made when it is taken
        words = str(await _answered(here, address, entry.digest, question, known, ask))
    verb, _, rest = words.strip().partition(":")
    if verb.strip().lower() == "retry":
        return None
    if verb.strip().lower() == "done":
        outcome = ToolOutcome(name=name, content=rest.strip(), why="told by a person")
        await here.write_outcome(entry, outcome)
        return outcome
    raise OutcomeUnknown(log.id, entry.address, name, key)


async def _answered(
    here: "Journaled", address: str, digest: str, question: Question, known: Entry | None, ask: Any, standing: str = ""
) -> Any:
    """The answer to the question at this address. `standing` is one that the person gave for good before."""
    log = here.log
    given = log.answers.get(address)
    if given is None and known is not None:
        given = log.store.answers(log.id).get(address)
    time = 1
    if known is not None:
        time, before = known.attempt, question_of(known)
        if given is None and before.expires is not None and log.clock() > before.expires:
            known, time = None, time + 1
        else:
            question = before
    if known is None:
        until = None if log.policy.ask_expires is None else question.asked + log.policy.ask_expires
        question = replace(question, id=ask_id(log.id, address, time), expires=until)
    entry = Entry(
        address=address,
        kind="human",
        state="waiting",
        agent=question.agent,
        label=question.prompt,
        digest=digest,
        attempt=time,
        started=question.asked,
        detail=_encode(question),
    )
    if given is not None or standing:
        value = answer_value(given) if given is not None else standing
        await here.write(_ended(entry, log.clock(), value))
        return value
    log.check()
    if here.asks_at_once():
        try:
            value = await ask()
        except HumanInputClosed:
            if log.policy.on_human == "ask":
                raise
        else:
            await here.write(_ended(entry, log.clock(), value))
            return value
    if here.place.foreign:
        raise CannotPark(log.id, here.place.foreign)
    if known is None:
        await here.write(entry)
    raise Parked(log.id, question.id, question.prompt)


def answer_value(answer: Answer) -> Any:
    """Raises Damaged."""
    from msgspec.json import decode

    try:
        return decode(answer.value)
    except ValueError as error:
        raise Damaged(f"the answer at {answer.address}", str(error)) from None


def _ended(entry: Entry, now: float, value: Any) -> Entry:
    return replace(entry, state="done", ended=now, answer=codec.encode(value, "the person's answer"))
