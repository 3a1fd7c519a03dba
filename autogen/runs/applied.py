"""What a recalled function did to a run's views is done to them again; agents are found by their names.

An agent that this process has not met yet gets what it is owed when a run meets it. Refuses to know how edits were
found (`edits.py`) and where agents are looked for (`meant.py`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

from msgspec import Struct
from msgspec.json import Decoder

from autogen.conversation.run import Run
from autogen.conversation.state import AgentState
from autogen.core.model import Origin, Usage
from autogen.core.stop import StopReason
from autogen.core.transcript import texts
from autogen.core.wire import MessageDict
from autogen.runs.edits import AFTER, Edits, HistoryEdit, Kept, read_edits, reply_of
from autogen.runs.errors import Damaged
from autogen.runs.meant import Meant
from autogen.runs.own_state import Notes, Written, touch_all, write_again

Act: TypeAlias = Callable[[AgentState, Any, Any], None]
"""(state, agent, partner or None)"""


class _Left(Struct, frozen=True):
    left: list[Edits] = []


_left = Decoder(_Left).decode


class Owed:
    """Edits to agents that were not known when they were due; called with each agent that a run meets."""

    __slots__ = ("_acts", "_meant")

    def __init__(self, meant: Meant) -> None:
        self._meant = meant
        self._acts: list[tuple[Run, tuple[str, ...], Act]] = []

    def add(self, run: Run, names: tuple[str, ...], act: Act) -> None:
        self._acts.append((run, names, act))

    def __call__(self, run: Run, agent: Any) -> None:
        """`run` has just met `agent`."""
        self._meant.meet(agent)
        waiting, self._acts = self._acts, []
        for one in waiting:
            owner, names, act = one
            target = next((known for known in owner.lineage() if not known.over), run)
            met = [self._meant.met.get(name) for name in names]
            state = None if met[0] is None else target.states.get(met[0])
            if state is None or None in met:
                self._acts.append(one)
            else:
                act(state, met[0], met[-1])


def apply_edits(run: Run, detail: bytes, answer: Any, meant: Meant, around: Sequence[Notes] = ()) -> None:
    """Do to the run's views what the function did when it was called. Raises Damaged."""
    if not detail:
        return
    edits = read_edits(detail)
    run.catch_up()
    for author, recipient, kept in edits.said:
        run.transcript.append(author, recipient, _message(kept))
    if edits.origin and run.told is not None:
        origin = cast("Origin", edits.origin)
        run.told.extend((origin, text) for text in _texts(reply_of(answer)))
    if edits.stop is not None:
        run.stop(StopReason(edits.stop[0]), edits.stop[1])
    if edits.acted:
        run.effect()
    if run.repeats is not None:
        run.repeats.add(edits.repeated)
        run.repeats.over = run.repeats.over or edits.over
    _apply(run, edits, meant)
    _write_states(run, edits, meant, around)


def apply_left(run: Run, detail: bytes, meant: Meant, around: Sequence[Notes] = ()) -> None:
    """Do what the chats left that were held inside a tool. detail: of its entry. Raises Damaged."""
    if b'"left"' not in detail:
        return
    try:
        left = _left(detail).left
    except ValueError as error:
        raise Damaged("what the chats of a tool left", str(error)) from None
    apply_all(run, left, meant)
    for edits in left:
        _write_states(run, edits, meant, around)


def apply_all(run: Run, left: Iterable[Edits], meant: Meant) -> None:
    """Do what chats left that were held inside of an effect."""
    run.catch_up()
    for edits in left:
        _apply(run, edits, meant)


def _apply(run: Run, edits: Edits, meant: Meant) -> None:
    run.heard.say_again(edits.heard)
    _count(run, edits)
    for names, act in _acts(edits):
        found = [meant.find(run, name) for name in names]
        if None in found:
            *_, root = run.lineage()
            if root.owed is None:
                root.owed = Owed(meant)
            root.owed.add(run, names, act)
        else:
            act(_state(run, found[0]), found[0], found[-1])


def _write_states(run: Run, edits: Edits, meant: Meant, around: Sequence[Notes]) -> None:
    """`agent.state` is the outermost run's. around: of the functions that are being called around the recalled one."""
    *_, root = run.lineage()
    for one in edits.written:

        def write(state: AgentState, _: Any, __: Any, one: Written = one) -> None:
            kept = state.kept_here()
            touch_all(around, [one], kept)
            write_again(kept, one)

        agent = meant.find(run, one.agent)
        if agent is not None:
            _state(run, agent)  # so that every run around it has one
            write(_state(root, agent), None, None)
            continue
        if root.owed is None:
            root.owed = Owed(meant)
        root.owed.add(root, (one.agent,), write)


def _state(run: Run, agent: Any) -> AgentState:
    return run.states.get(agent) or cast("AgentState", agent._state)


def _acts(edits: Edits) -> Iterator[tuple[tuple[str, ...], Act]]:
    """What is to be done to which agents."""
    for edit in edits.histories:
        yield (edit.agent, edit.partner), _history(edit)
    for name, other, number in edits.counters:
        yield (name, other), partial(_item, "counters", number)
    for name, other, flag in edits.replies:
        yield (name, other), partial(_item, "reply_at_receive", flag)
    for name, inputs in edits.inputs.items():
        yield (name,), partial(_inputs, inputs)
    for name, ran in edits.ran.items():
        yield (name,), partial(_ran, frozenset(ran))
    for name, system in edits.system.items():
        yield (name,), partial(_system, system)


def _item(view: str, value: Any, state: AgentState, _: Any, partner: Any) -> None:
    getattr(state, view)[partner] = value


def _inputs(inputs: list[str], state: AgentState, *_: Any) -> None:
    state.human_input[:] = inputs


def _ran(code: frozenset[str], state: AgentState, *_: Any) -> None:
    state.ran |= code


def _system(message: list[dict[str, Any]], _: AgentState, agent: Any, *__: Any) -> None:
    agent._oai_system_message = message


def _history(edit: HistoryEdit) -> Act:
    def write(state: AgentState, _: Any, partner: Any) -> None:
        history = state.histories[partner]
        begin = len(history) if edit.keep == AFTER else edit.keep
        history[begin:] = [_message(kept) for kept in edit.added]
        state.touch(partner, edit.keep == 0)

    return write


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


def _message(kept: Kept) -> MessageDict:
    return MessageDict(kept.fields, cast("Origin", kept.origin or "program"))


def _texts(reply: Any) -> list[str]:
    if isinstance(reply, str):
        return [reply]
    return list(texts(cast("Mapping[str, Any]", reply))) if isinstance(reply, Mapping) else []
