"""Time travel: a new run that shares the beginning of another one and differs from there on in one thing.

Decides what can be changed and where. Nothing is performed here: whoever carries the fork on (`autogen.advance`, or the
script with `run_id=<the fork>`) gets the shared steps from the journal. Refuses to know how changes are carried out.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec.structs import replace

from autogen.runs import codec
from autogen.runs.branches import Blobs, copies, cut, encloses, make_fork, steps_of
from autogen.runs.changes import Changes, passed_on
from autogen.runs.digest import of_json
from autogen.runs.durable import JournalLike, wanted_scope
from autogen.runs.errors import ForkRefused, NotStorable
from autogen.runs.redact import names_secret
from autogen.runs.replaced import replaced
from autogen.runs.rows import Entry, RunRow
from autogen.runs.store import Store
from autogen.runs.work_files import kept_in

OUTCOMES = ("answer", "result", "message")
"""Three words for the outcome of the step: a person's, a tool's or code's, a model's; any of them serves."""
_SETTINGS = ("system_message", "model", "parameters")
_KNOWN = (*OUTCOMES, *_SETTINGS, "arguments")
_MAY_HOLD_KEYS = ("default_headers", "default_query", "extra_headers", "extra_query")
_AGAIN = ("idempotent", "resume", "free")
"""`repeat` of tools that may be entered again."""


def fork(
    run_id: str,
    at: int | str,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - reads well where it is called
    *,
    new_id: str | None = None,
    journal: JournalLike | None = None,
) -> str:
    """Make a run that shares the steps of `run_id` before `at` and goes its own way from there; gives its id.

    at: a step's number as `autogen runs show` counts them, from 1, or its address; that step is done anew. 0: from the
        very beginning.
    set: what is other. "answer" (or "result", "message"): the outcome of the step `at`, in place of doing it anew:
        text of a model or a message with its tool_calls, of a tool, code or person. For the model calls that the fork
        makes itself: "system_message" {agent: text} (of its replies), "model" {agent: name in its config_list},
        "parameters" {agent: {"temperature": 0}}. "arguments": of the entry function, those that differ; only with at=0.
    new_id: its name; None: the parent's with `~1`, `~2`, ...
    Carry it on by `autogen.advance`, or by the script with `run_id=` its id. The work directory's files are put back to
    that point before it first runs code. Raises UnknownRun, ForkRefused.
    """
    scope = wanted_scope(journal)
    return _forked(scope.store, run_id, at, set, new_id, scope.clock)


async def a_fork(
    run_id: str,
    at: int | str,
    set: Mapping[str, Any] | None = None,  # noqa: A002 - as in `fork`
    *,
    new_id: str | None = None,
    journal: JournalLike | None = None,
) -> str:
    """`fork` on an event loop."""
    from autogen.drivers.threads import beside

    scope = wanted_scope(journal)
    return await beside(lambda: _forked(scope.store, run_id, at, set, new_id, scope.clock))


def _forked(store: Store, run_id: str, at: Any, wanted: Any, new_id: Any, clock: Callable[[], float]) -> str:
    row = store.run(run_id)
    entries = store.read(run_id)
    steps = steps_of(entries)
    number = _number(run_id, steps, at)
    if new_id is not None and not (isinstance(new_id, str) and new_id.isprintable() and 0 < len(new_id.strip()) <= 200):
        raise ForkRefused(run_id, f"new_id is printable text of 1 to 200 characters, got {new_id!r:.80}")
    given = _read(run_id, wanted, entries, row)
    changes, fields = _changes(row, given, number)
    own: list[tuple[Entry, Blobs]] = []
    base = 0
    if number:
        step = steps[number - 1]
        _refuse_inside(run_id, steps, step)
        base, later = cut(entries, step.address)
        own = copies(store, run_id, entries, base, later)
        outcome = next((name for name in OUTCOMES if name in given), None)
        if outcome is not None:
            made = replaced(run_id, step, given[outcome], clock())
            own.append((made, {one: store.blob(run_id, one) for one in kept_in(made)} if made.kind == "code" else {}))
        changes = replace(changes, at=step.address, step=number, changed=outcome is not None)
    fork = make_fork(store, row, base, changes, own, clock(), new_id, **fields)
    if fork is None:
        raise ForkRefused(run_id, f"there is a run {new_id!r} already; choose another new_id")
    return fork.id


def _number(run_id: str, steps: list[Entry], at: Any) -> int:
    if isinstance(at, str) and at.isascii() and at.isdigit():
        at = int(at)
    if isinstance(at, str):
        for number, step in enumerate(steps, 1):
            if step.address == at:
                return number
        raise ForkRefused(run_id, f"it has no step at {at!r}; give a number from 0 to {len(steps)}")
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at <= len(steps):
        raise ForkRefused(run_id, f"it has the steps 1 to {len(steps)} (0 begins anew), there is no {at!r:.80}")
    return at


def _refuse_inside(run_id: str, steps: list[Entry], step: Entry) -> None:
    """A step inside a tool or code run that must not be entered again cannot be reached anew."""
    for number, outer in enumerate(steps, 1):
        if not encloses(outer.address, step.address) or outer.kind not in ("tool", "code"):
            continue
        if step.address.startswith(f"{outer.address}/unknown/") or _repeat(outer) in _AGAIN:
            continue
        what = f"the tool {outer.label!r}" if outer.kind == "tool" else "a code run"
        raise ForkRefused(
            run_id,
            f"{step.address} happened inside {what} (step {number}), which must not run twice and so cannot be entered "
            f'again; fork at step {number}, or mark the tool @autogen.tool(repeat="resume") in a new run',
        )


def _repeat(entry: Entry) -> Any:
    from msgspec import ValidationError
    from msgspec.json import decode

    try:
        return decode(entry.detail, type=dict[str, Any]).get("repeat")
    except (ValidationError, ValueError):
        return None


# ---- what is asked for -----------------------------------------------------------------------------------------------


def _read(run_id: str, wanted: Any, entries: list[Entry], row: RunRow) -> dict[str, Any]:
    """`set`, checked. Raises ForkRefused."""
    if wanted is None:
        return {}
    if not isinstance(wanted, Mapping):
        raise ForkRefused(run_id, f"set is a dict with keys among {', '.join(_KNOWN)}, got {wanted!r:.80}")
    given = dict(cast("Mapping[str, Any]", wanted))
    unknown = [name for name in given if name not in _KNOWN]
    if unknown:
        raise ForkRefused(run_id, f"set has no key {unknown[0]!r:.80}; it has {', '.join(_KNOWN)}")
    named = [name for name in OUTCOMES if name in given]
    if len(named) > 1:
        raise ForkRefused(run_id, f"{' and '.join(named)} all mean the outcome of the step; give one")
    agents = _agents(entries, row)
    for name in _SETTINGS:
        if name in given:
            given[name] = _by_agent(run_id, name, given[name], agents)
    return given


def _by_agent(run_id: str, name: str, value: Any, agents: set[str]) -> dict[str, Any]:
    kind = {"system_message": "its text", "model": "the model's name", "parameters": '{"temperature": 0}'}[name]
    if not isinstance(value, Mapping) or not value:
        raise ForkRefused(run_id, f"{name} is a dict of agent's name to {kind}, got {value!r:.80}")
    known = cast("Mapping[str, Any]", value)
    for agent, wanted in known.items():
        if agents and agent not in agents:
            raise ForkRefused(
                run_id, f"{name} names the agent {agent!r:.80}; those that took part are {', '.join(sorted(agents))}"
            )
        if name != "parameters":
            if not isinstance(wanted, str) or (name == "model" and not wanted.strip()):
                raise ForkRefused(run_id, f"{name} of {agent!r} is {kind}, a text, got {wanted!r:.80}")
            continue
        if not isinstance(wanted, Mapping):
            raise ForkRefused(run_id, f"parameters of {agent!r} are a dict such as {kind}, got {wanted!r:.80}")
        for key in cast("Mapping[str, Any]", wanted):
            if key == "model":
                raise ForkRefused(run_id, f'the model is changed by set={{"model": {{{agent!r}: name}}}}')
            if names_secret(key) or key in _MAY_HOLD_KEYS:
                raise ForkRefused(run_id, f"{key!r} may hold a secret, which does not belong into a journal")
        try:
            codec.encode(dict(cast("Mapping[str, Any]", wanted)), f"parameters of {agent!r}")
        except NotStorable as error:
            raise ForkRefused(run_id, f"parameters of {agent!r} are JSON, but {error.field} is {error.kind}") from None
    return {agent: dict(wanted) if isinstance(wanted, Mapping) else wanted for agent, wanted in known.items()}  # pyright: ignore[reportUnknownArgumentType]


def _agents(entries: list[Entry], row: RunRow) -> set[str]:
    """Those that took part, as far as the journal tells; none when nothing has happened yet."""
    found = {entry.agent for entry in entries if entry.agent}
    prefix = "system message of "
    return found | {name.removeprefix(prefix) for name in row.facts if found and name.startswith(prefix)}


def _changes(row: RunRow, given: dict[str, Any], number: int) -> tuple[Changes, dict[str, Any]]:
    """What stands in the fork's row."""
    before = passed_on(row)
    if not number and (outcome := [name for name in OUTCOMES if name in given]):
        raise ForkRefused(row.id, f"{outcome[0]!r} is the outcome of a step, so at= has to name one")
    changes = replace(
        before,
        restore=True,
        system_message={**before.system_message, **given.get("system_message", {})},
        model={**before.model, **given.get("model", {})},
        parameters={**before.parameters, **_joined(before.parameters, given.get("parameters", {}))},
    )
    if "arguments" not in given:
        return changes, {}
    wanted = given["arguments"]
    if not row.entry:
        raise ForkRefused(row.id, "a script began it, not an entry function with arguments; change the script")
    if number:
        raise ForkRefused(row.id, "the arguments of the entry function can be changed from the beginning only, at=0")
    if not isinstance(wanted, Mapping):
        raise ForkRefused(row.id, f"arguments is a dict of the entry function's arguments, got {wanted!r:.80}")
    asked = dict(cast("Mapping[str, Any]", wanted))
    known = codec.decode(row.arguments, f"the arguments of run {row.id!r}")
    merged = {**cast("Mapping[str, Any]", known or {}), **asked}
    try:
        encoded = codec.encode(merged, f"the arguments of {row.entry!r}")
    except NotStorable as error:
        raise ForkRefused(row.id, f"arguments are JSON, but {error.field} is {error.kind}") from None
    facts = {**row.facts, "arguments": of_json(merged)}
    return replace(changes, arguments=asked), {"arguments": encoded, "facts": facts}


def _joined(before: Mapping[str, dict[str, Any]], now: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {agent: {**before.get(agent, {}), **wanted} for agent, wanted in now.items()}
