"""Questions to people in a journaled run: asked at once, or parked until somebody answers, once.

Decides whether a question waits and what an answer must be. Refuses to know terminals and web pages, and who answers.
"""

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.json import Decoder, Encoder

from autogen.core.effects import AskHuman
from autogen.core.errors import HumanInputClosed, Parked
from autogen.core.tools import ToolOutcome
from autogen.drivers.performer import EmitNow
from autogen.runs import codec
from autogen.runs.digest import of_bytes, shown
from autogen.runs.errors import CannotPark, Damaged, OutcomeUnknown
from autogen.runs.place import key_of
from autogen.runs.rows import Answer, Entry

if TYPE_CHECKING:
    from autogen.runs.journaled import Journaled

QuestionKind: TypeAlias = Literal["input", "approval", "unknown"]


def _text() -> dict[str, Any]:
    return {"type": "string"}


class Question(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that a run waits for. `autogen.answer(run_id, id, value)` answers it."""

    id: str
    run_id: str
    agent: str
    prompt: str
    kind: QuestionKind = "input"
    form: dict[str, Any] = field(default_factory=_text)
    """JSON Schema of the answer."""
    choices: tuple[str, ...] = ()
    """Answers to choose from; () where anything of that form will do."""
    asked: float = 0.0
    """Seconds since 1970."""
    expires: float | None = None


_encode: Final = Encoder().encode
_decoder: Final = Decoder(Question)


def question_of(entry: Entry) -> Question:
    """Raises Damaged."""
    try:
        return _decoder.decode(entry.detail)
    except ValueError as error:
        raise Damaged(f"the question at {entry.address}", str(error)) from None


def ask_id(run_id: str, address: str) -> str:
    """The id of the question at an address: short enough to be typed."""
    return f"ask-{of_bytes(run_id.encode(), address.encode())[:10]}"


async def ask_person(here: "Journaled", effect: AskHuman, emit: EmitNow) -> str:
    """The person's words: from the log, from an answer that was given meanwhile, or asked now.

    Raises Parked when the run is to wait for them, CannotPark where it cannot.
    """
    log = here.log
    digest = of_bytes(effect.agent.encode(), effect.prompt.encode())
    address = here.place.next(key_of(effect.agent, "human"), digest)
    known = log.find(address, digest, lambda: shown(effect.prompt))
    if known is not None and known.state in ("done", "failed"):
        return str(here.recalled(known))
    question = Question(
        id=ask_id(log.id, address), run_id=log.id, agent=effect.agent, prompt=effect.prompt, asked=log.clock()
    )
    answer = await _answered(here, address, digest, question, known, lambda: here.plain.ask_human(effect, emit))
    return str(answer)


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
    prompt = (
        f"The process ended inside the tool {name!r} with {entry.detail.decode('utf-8', 'replace')}; nobody knows "
        f"whether it did its work (idempotency key {key}). Look, then answer 'retry' to call it again, 'fail' to end the run, "
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
    here: "Journaled", address: str, digest: str, question: Question, known: Entry | None, ask: Any
) -> Any:
    log = here.log
    entry = Entry(
        address=address,
        kind="human",
        state="waiting",
        agent=question.agent,
        label=question.prompt,
        digest=digest,
        attempt=1,
        started=question.asked if known is None else known.started,
        detail=_encode(question),
    )
    given = log.answers.get(address)
    if given is None and known is not None:
        given = log.store.answers(log.id).get(address)
    if given is not None:
        value = answer_value(given)
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
    from msgspec.structs import replace

    return replace(entry, state="done", ended=now, answer=codec.encode(value, "the person's answer"))
