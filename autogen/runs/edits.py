"""What a function of the program did to a run's views: found when it has returned, to be written down.

Views are 0.2's lists and dicts, so what was written is told by comparing them before and after; of what runs beside
others (tools), by what its chats left. Refuses to know why the function was called and how edits are done again
(`applied.py`). What a function keeps for itself is not seen, but for `agent.state`: that is noted while it is
written (`own_state.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from autogen.conversation.run import Run, origin_passed_on
from autogen.conversation.state import AgentState
from autogen.core.model import Usage
from autogen.core.stop import StopReason
from autogen.runs.errors import Damaged, NotStorable
from autogen.runs.own_state import Written


class Kept(Struct, frozen=True, array_like=True):
    """A message with the origin of its content; "" where it has none."""

    fields: dict[str, Any]
    origin: str = ""


AFTER: Final = -1


class HistoryEdit(Struct, frozen=True, omit_defaults=True):
    """One agent's history with one partner: its first `keep` messages stay, these follow."""

    agent: str
    partner: str
    keep: int
    """`AFTER`: all that stands there when it is applied."""
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
    stop: tuple[str, str] | None = None
    """(reason, detail): it ended the chat."""
    acted: bool = False
    """A tool, code or person acted: that is progress."""
    repeated: list[tuple[str, str, str, int]] = []
    """(tool, arguments, result, how often) of tools that it called."""
    over: str | None = None
    """Why the chat is to end: one of these was called too often."""
    written: list[Written] = []
    """What was written to `agent.state`."""


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
    stop: StopReason | None
    stale: int
    repeated: dict[tuple[str, str, str], int]


def snapshot(run: Run) -> Any:
    """How the run's views are now."""
    run.catch_up()  # what was said before is not told as said by the function
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
        chat_of(run).stop_reason,
        run.watch.stale if run.watch is not None else 0,
        run.repeats.counts() if run.repeats is not None else {},
    )


def chat_of(run: Run) -> Run:
    """The run of the chat itself: not that of steps taken under the other driver."""
    while run.joined and run.parent is not None:
        run = run.parent
    return run


def made_edits(run: Run, snapshot_before: Any, answer: Any, written: Sequence[Written] = ()) -> bytes:
    """What changed since, encoded; b"" for nothing. written: to the state of agents.

    Raises NotStorable for a message that is no JSON.
    """
    before: _Before = snapshot_before
    run.catch_up()
    states = dict(run.states)
    said = list(run.transcript)[before.said :]
    chat = chat_of(run)
    stopped = chat.stop_reason if before.stop is None else None
    calls = run.repeats.counts() if run.repeats is not None else {}
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
        stop=None if stopped is None else (stopped.value, chat.stop_detail),
        acted=run.watch is not None and run.watch.stale < before.stale,
        repeated=[(*key, n - had) for key, n in calls.items() if n != (had := before.repeated.get(key, 0))],
        over=run.repeats.over if run.repeats is not None else None,
        written=list(written),
        origin=origin_passed_on(run.told, reply_of(answer)) if run.told and reply_of(answer) is not None else "",
    )
    if edits == Edits():
        return b""
    try:
        return _encode(edits)
    except (TypeError, ValueError) as error:
        raise NotStorable("a function of the program", "a message that it left in a view", str(error)) from None


def left_by(run: Run) -> Edits:
    """What a nested chat that is over leaves to the run that it was nested in; `AgentState.take` does the same."""
    touched = [(agent, state, dict(state.touched)) for agent, state in dict(run.states).items()]
    pairs = [(agent, state, p, cleared) for agent, state, partners in touched for p, cleared in partners.items()]
    return Edits(
        histories=[
            HistoryEdit(agent.name, p.name, 0 if cleared else AFTER, _kept_all(state, p, cleared))
            for agent, state, p, cleared in pairs
        ],
        counters=[(agent.name, p.name, state.counters[p]) for agent, state, p, _ in pairs],
        replies=[(agent.name, p.name, state.reply_at_receive[p]) for agent, state, p, _ in pairs],
        ran={agent.name: sorted(state.ran) for agent, state, _ in touched if state.ran},
        heard=run.said().since(0),
        messages=run.spent.messages,
    )


def with_left(detail: bytes, left: Sequence[Edits]) -> bytes:
    """An entry's detail (a JSON object, or b"") with what chats left that were held inside of it."""
    chats = [edits for edits in left if edits != Edits()]
    if not chats:
        return detail
    try:
        made = Encoder().encode(chats)
    except (TypeError, ValueError) as error:
        raise NotStorable("a chat held in a function", "a message of it", str(error)) from None
    return (detail[:-1] + b"," if detail else b"{") + b'"left":' + made + b"}"


def read_edits(detail: bytes) -> Edits:
    """Raises Damaged."""
    try:
        return _decode(detail)
    except ValueError as error:
        raise Damaged("the edits of a callback", str(error)) from None


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


def _kept(message: Mapping[str, Any]) -> Kept:
    return Kept(dict(message), getattr(message, "origin", None) or "")


def _kept_all(state: AgentState, partner: Any, cleared: bool) -> list[Kept]:
    begun = 0 if cleared else state.begun.get(partner, 0)
    return [_kept(message) for message in state.histories[partner][begun:]]


def reply_of(answer: Any) -> Any:
    """Of what a reply function gives, `(final, reply)`, the reply."""
    if isinstance(answer, tuple):
        return answer[1] if len(answer) == 2 else None  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return answer
