"""What a function of the program did to a run's views: found when it has returned, written down, done again on recall.

Views are 0.2's lists and dicts, so what was written is told by comparing them before and after. Refuses to know why
the function was called. What a function keeps for itself is not seen: that belongs into JSON that it returns.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from autogen.conversation.run import Run, origin_passed_on
from autogen.conversation.state import AgentState
from autogen.core.model import Origin, Usage
from autogen.core.transcript import texts
from autogen.core.wire import MessageDict
from autogen.runs.errors import Damaged, NotStorable


class Kept(Struct, frozen=True, array_like=True):
    """A message with the origin of its content; "" where it has none."""

    fields: dict[str, Any]
    origin: str = ""


class HistoryEdit(Struct, frozen=True, omit_defaults=True):
    """One agent's history with one partner: its first `keep` messages stay, these follow."""

    agent: str
    partner: str
    keep: int
    added: list[Kept] = []


class Edits(Struct, frozen=True, omit_defaults=True):
    """Everything that changed. Agents are told by name."""

    said: list[tuple[str, str, Kept]] = []
    """(author, recipient, message) added to the transcript."""
    histories: list[HistoryEdit] = []
    counters: list[tuple[str, str, int]] = []
    replies: list[tuple[str, str, bool]] = []
    inputs: dict[str, list[str]] = {}
    ran: dict[str, list[str]] = {}
    system: dict[str, list[dict[str, Any]]] = {}
    heard: list[tuple[bool, str]] = []
    """(trusted, text) that was said."""
    usage: dict[str, Usage] = {}
    usd: float = 0.0
    unpriced: bool = False
    model_calls: int = 0
    messages: int = 0
    origin: str = ""
    """Of the reply that was made, where what the function was told decided it."""


_encode: Final = Encoder().encode
_decode: Final = Decoder(Edits).decode


class _Before(Struct, frozen=True, eq=False):
    histories: dict[int, dict[Any, list[tuple[Any, dict[str, Any]]]]]
    counters: dict[int, dict[Any, int]]
    replies: dict[int, dict[Any, bool]]
    inputs: dict[int, list[str]]
    ran: dict[int, frozenset[str]]
    system: dict[int, str]
    said: int
    heard: int
    usage: dict[str, Usage]
    usd: float
    unpriced: bool
    model_calls: int
    messages: int


def snapshot(run: Run) -> Any:
    """How the run's views are now."""
    states = dict(run.states)
    return _Before(
        {id(agent): {p: [(m, dict(m)) for m in h] for p, h in s.histories.items()} for agent, s in states.items()},
        {id(agent): dict(state.counters) for agent, state in states.items()},
        {id(agent): dict(state.reply_at_receive) for agent, state in states.items()},
        {id(agent): list(state.human_input) for agent, state in states.items()},
        {id(agent): state.ran for agent, state in states.items()},
        {id(agent): repr(_system(agent)) for agent in states},
        len(run.transcript),
        run.heard.count(),
        dict(run.usage),
        run.spent.usd,
        run.spent.unpriced,
        run.spent.model_calls,
        run.spent.messages,
    )


def made_edits(run: Run, snapshot_before: Any, answer: Any) -> bytes:
    """What changed since, encoded; b"" for nothing. Raises NotStorable for a message that is no JSON."""
    before: _Before = snapshot_before
    states = dict(run.states)
    said = list(run.transcript)[before.said :]
    edits = Edits(
        said=[(entry.author, entry.recipient, _kept(entry.message)) for entry in said],
        histories=[edit for agent, state in states.items() for edit in _history_edits(agent, state, before)],
        counters=list(_changed(states, "counters", before.counters)),
        replies=list(_changed(states, "reply_at_receive", before.replies)),
        inputs={
            a.name: list(s.human_input) for a, s in states.items() if s.human_input != before.inputs.get(id(a), [])
        },
        ran={a.name: sorted(new) for a, s in states.items() if (new := s.ran - before.ran.get(id(a), frozenset()))},
        system={a.name: _system(a) for a in states if before.system.get(id(a), repr(_system(a))) != repr(_system(a))},
        heard=run.heard.since(before.heard),
        usage={
            name: _minus(now, before.usage.get(name))
            for name, now in run.usage.items()
            if now != before.usage.get(name)
        },
        usd=run.spent.usd - before.usd,
        unpriced=run.spent.unpriced and not before.unpriced,
        model_calls=run.spent.model_calls - before.model_calls,
        messages=run.spent.messages - before.messages,
        origin=origin_passed_on(run.told, _reply(answer)) if run.told and _reply(answer) is not None else "",
    )
    if edits == Edits():
        return b""
    try:
        return _encode(edits)
    except (TypeError, ValueError) as error:
        raise NotStorable("a function of the program", "a message that it left in a view", str(error)) from None


def apply_edits(run: Run, detail: bytes, answer: Any) -> None:
    """Do to the run's views what the function did when it was called."""
    if not detail:
        return
    try:
        edits = _decode(detail)
    except ValueError as error:
        raise Damaged("the edits of a callback", str(error)) from None
    for author, recipient, kept in edits.said:
        run.transcript.append(author, recipient, _message(kept))
    run.heard.say_again(edits.heard)
    if edits.origin and run.told is not None:
        origin = cast("Origin", edits.origin)
        run.told.extend((origin, text) for text in _texts(_reply(answer)))
    _count(run, edits)
    apply_to_states(run, edits)


def apply_to_states(run: Run, edits: Edits) -> None:
    """The part of the edits that belongs to agents."""
    agents = dict(_parties(run))

    def state(name: str) -> AgentState | None:
        agent = agents.get(name)
        return None if agent is None else cast("AgentState", agent._state)

    for edit in edits.histories:
        mine, partner = state(edit.agent), agents.get(edit.partner)
        if mine is not None and partner is not None:
            history = mine.histories[partner]
            history[edit.keep :] = [_message(kept) for kept in edit.added]
            mine.touch(partner)
    for name, other, number in edits.counters:
        mine, partner = state(name), agents.get(other)
        if mine is not None and partner is not None:
            mine.counters[partner] = number
    for name, other, flag in edits.replies:
        mine, partner = state(name), agents.get(other)
        if mine is not None and partner is not None:
            mine.reply_at_receive[partner] = flag
    for name, inputs in edits.inputs.items():
        if (mine := state(name)) is not None:
            mine.human_input[:] = inputs
    for name, ran in edits.ran.items():
        if (mine := state(name)) is not None:
            mine.ran |= frozenset(ran)
    for name, system in edits.system.items():
        if (agent := agents.get(name)) is not None:
            agent._oai_system_message = system


def _parties(run: Run) -> Iterator[tuple[str, Any]]:
    """Agents that the run knows, by name; those of this run win over those of a run that it is nested in."""
    for one in reversed(list(run.lineage())):
        for agent, state in dict(one.states).items():
            for known in (*state.histories, *state.counters, agent):
                name = getattr(known, "name", None)
                if isinstance(name, str):
                    yield name, known


def _history_edits(agent: Any, state: AgentState, before: _Before) -> Iterator[HistoryEdit]:
    known = before.histories.get(id(agent), {})
    for partner, history in state.histories.items():
        was = known.get(partner, [])
        keep = 0
        for (message, fields), now in zip(was, history, strict=False):
            if message is not now or fields != now:
                break
            keep += 1
        if keep < len(was) or keep < len(history):
            yield HistoryEdit(agent.name, partner.name, keep, [_kept(message) for message in history[keep:]])


def _changed(states: Mapping[Any, AgentState], view: str, before: Mapping[int, Mapping[Any, Any]]) -> Iterator[Any]:
    for agent, state in states.items():
        was = before.get(id(agent), {})
        for partner, value in getattr(state, view).items():
            name = getattr(partner, "name", None)
            if isinstance(name, str) and (partner not in was or was[partner] != value):
                yield (agent.name, name, value)


def _system(agent: Any) -> list[dict[str, Any]]:
    return list(getattr(agent, "_oai_system_message", ()))


def _minus(now: Usage, was: Usage | None) -> Usage:
    if was is None:
        return now
    return Usage(
        input=now.input - was.input,
        output=now.output - was.output,
        cache_read=now.cache_read - was.cache_read,
        cache_write=now.cache_write - was.cache_write,
        reasoning=now.reasoning - was.reasoning,
        requests=now.requests - was.requests,
        estimated=now.estimated,
    )


def _count(run: Run, edits: Edits) -> None:
    with run.counting:
        for one in run.lineage():
            for name, usage in edits.usage.items():
                one.usage[name] = one.usage.get(name, Usage()) + usage
                one.spent.usage += usage
            one.spent.usd += edits.usd
            one.spent.unpriced = one.spent.unpriced or edits.unpriced
            one.spent.model_calls += edits.model_calls
            one.spent.messages += edits.messages


def _kept(message: Mapping[str, Any]) -> Kept:
    return Kept(dict(message), getattr(message, "origin", None) or "")


def _message(kept: Kept) -> MessageDict:
    return MessageDict(kept.fields, cast("Origin", kept.origin or "program"))


def _reply(answer: Any) -> Any:
    """Of what a reply function gives, `(final, reply)`, the reply."""
    if isinstance(answer, tuple):
        return answer[1] if len(answer) == 2 else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return answer


def _texts(reply: Any) -> list[str]:
    if isinstance(reply, str):
        return [reply]
    return list(texts(cast("Mapping[str, Any]", reply))) if isinstance(reply, Mapping) else []
