"""Runs that any process can carry on: entry functions by name, and the verbs on runs, each sync and async.

`advance` is the unit of distribution: idempotent, fenced, callable from anywhere any number of times; it returns when
the run is done, waits for a person, or failed. Refuses to know how effects are recorded.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar, overload

from msgspec.structs import replace as changed

from autogen import runtime
from autogen.agents.durable_chats import check_run_id
from autogen.agents.faces import Opening, blocking, concurrent
from autogen.conversation.run import Run
from autogen.core.callables import qualified_name
from autogen.core.effects import Invoke
from autogen.core.errors import ConfigError
from autogen.core.secrets import hide
from autogen.core.stop import Budget, StopReason
from autogen.drivers.threads import beside
from autogen.runs import codec
from autogen.runs.answers import AnswerView, given_answer
from autogen.runs.beginnings import MOST
from autogen.runs.carrying import end_if_dead
from autogen.runs.digest import of_json, shown
from autogen.runs.durable import ON_HUMAN, JournalLike, Scope, check_choice, wanted_scope
from autogen.runs.errors import (
    Damaged,
    Diverged,
    Fenced,
    JournalUnusable,
    RunBusy,
    UnknownEntrypoint,
    UnknownFormat,
    UnknownRun,
)
from autogen.runs.listing import list_runs
from autogen.runs.log import OnHuman, RunLog
from autogen.runs.rows import RunRow, RunStatus
from autogen.runs.view import RunView, seen

P = ParamSpec("P")
T = TypeVar("T")

ENDED: Final = ("done", "cancelled")
"""How a run stands that nobody can carry on."""

MODULE: Final = "module"
"""Where an entry function was found when its run was started, so that a test finds it again; it may move."""

_registered: dict[str, Callable[..., Any]] = {}


@overload
def entrypoint(function: Callable[P, T], /) -> Callable[P, T]: ...


@overload
def entrypoint(*, name: str) -> Callable[[Callable[P, T]], Callable[P, T]]: ...


def entrypoint(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Callable[..., Any]:
    """Register a function, sync or async, that runs begin with: `@entrypoint` or `@entrypoint(name="report")`.

    It takes JSON arguments by name and returns JSON. Each time a run is carried on it is entered again from its top:
    chats that it holds are answered from the journal as far as they had come, so outside of chats it should do nothing
    that must not happen twice. Its name is the function's by default. Raises ConfigError for a name that is taken.
    """

    def register(entry: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(entry):
            raise ConfigError(f"an entry function must be callable, got {entry!r:.80}")
        known = name if name is not None else qualified_name(entry)
        if not known or "<" in known:
            raise ConfigError(f"an entry function needs a name that other processes know; got {known!r}, say name=")
        other = _registered.get(known)
        if other is not None and (other.__module__, qualified_name(other)) != (entry.__module__, qualified_name(entry)):
            raise ConfigError(
                f"the entry function {known!r} is registered already, by {other.__module__}; give one another name"
            )
        _registered[known] = entry
        return entry

    return register if function is None else register(function)


def entry_function(name: str) -> Callable[..., Any]:
    """Raises UnknownEntrypoint."""
    found = _registered.get(name)
    if found is None:
        raise UnknownEntrypoint(name, tuple(sorted(_registered)))
    return found


def start(
    entry: str | Callable[..., Any],
    arguments: Mapping[str, Any] | None = None,
    *,
    run_id: str | None = None,
    journal: JournalLike | None = None,
) -> str:
    """Put a run into the journal and give its id; nothing happens in it until somebody calls `advance`.

    entry: the name, or the function. A name that is not registered in this process is taken as it is, so that a web
    service can start what only its workers have imported; `advance` needs the function. A function that is not
    registered raises UnknownEntrypoint. The journal is made if it is not there.
    Starting the same run_id again with the same arguments changes nothing; with others it raises Diverged.
    Raises ConfigError, NotStorable, JournalUnusable.
    """
    name = entry if isinstance(entry, str) else _name_of(entry)
    if not isinstance(entry, str):
        entry_function(name)
    scope = wanted_scope(journal, create=True)
    given = dict(arguments or {})
    data = codec.encode(given, f"the arguments of {name!r}")
    if hide(data) != data:
        raise ConfigError(
            f"the arguments of {name!r} hold a declared secret, which no journal holds; give its name, and call "
            "autogen.secret(name) inside"
        )
    if (known := _registered.get(name)) is not None:
        _refuse_misfit(name, known, given)
    if run_id is not None:
        check_run_id(run_id, scope)
    now = scope.clock()
    row = RunRow(
        id=run_id if run_id is not None else runtime.new_id(),
        status="paused",
        created=now,
        updated=now,
        title=name,
        entry=name,
        arguments=data,
        facts={"entry": name, "arguments": of_json(given), **_home(known)},
    )
    kept = scope.store.create(row)
    for fact, value in row.facts.items():
        if kept.facts.get(fact) != value and fact != MODULE:
            told = {"entry": (kept.entry or kept.title, name), "arguments": (_text(kept.arguments), _text(data))}
            recorded, now_given = told[fact]
            raise Diverged(row.id, "its beginning", f"another {fact}: {recorded}", f"{fact}: {now_given}")
    return row.id


def _text(data: bytes) -> str:
    """Arguments, for people."""
    return shown(codec.decode(data, "the arguments of a run"), MOST)


def _refuse_misfit(name: str, function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raises ConfigError for arguments that the function does not take."""
    import inspect

    try:
        signature = inspect.signature(function)
    except ValueError:  # one that is written in C
        return
    try:
        signature.bind(**given)
    except TypeError as error:
        raise ConfigError(f"the entry function {name!r} takes {signature}, not {sorted(given)}: {error}") from None


def advance(
    run_id: str,
    *,
    journal: JournalLike | None = None,
    budget: Budget | None = None,
    restore: bool = False,
    on_human: OnHuman | None = None,
) -> RunView:
    """Carry the run on until it is done, waits for a person, or failed; gives how it then stands.

    on_human: "park" leaves questions open, "ask" asks them here, "auto" asks on a terminal; None: as
    `autogen.durable` around it says, else "auto". A worker that may stand under a terminal says "park".
    restore: put the work directory's files back first, as `autogen.durable(restore=True)` does.
    A run that has ended is only looked at; inside `autogen.replay` it is played. What the entry function raises ends
    the run as failed, is told by `error`, and is tried again by the next call. Raises UnknownRun, UnknownEntrypoint,
    RunBusy (another process carries it on), Fenced, JournalUnusable, ConfigError.
    """
    scope = _asked(journal, restore, on_human)
    taken: list[RunLog] = []
    if scope.overrides or scope.store.run(run_id).status not in ENDED:
        with _told_by_the_run(scope):
            blocking(_entered, _opening(scope, run_id, budget, taken))
    return seen(scope.store, taken[0].id if taken else run_id)


async def a_advance(
    run_id: str,
    *,
    journal: JournalLike | None = None,
    budget: Budget | None = None,
    restore: bool = False,
    on_human: OnHuman | None = None,
) -> RunView:
    """`advance` on an event loop."""
    scope = _asked(journal, restore, on_human)
    taken: list[RunLog] = []
    if scope.overrides or scope.store.run(run_id).status not in ENDED:
        with _told_by_the_run(scope):
            await concurrent(_entered, _opening(scope, run_id, budget, taken))
    return seen(scope.store, taken[0].id if taken else run_id)


def _asked(journal: JournalLike | None, restore: bool, on_human: OnHuman | None) -> Scope:
    if on_human is not None:
        check_choice("on_human", on_human, ON_HUMAN)
    scope = wanted_scope(journal)
    policy = scope.policy
    wanted = changed(policy, restore=restore or policy.restore, on_human=on_human or policy.on_human)
    if scope.overrides or wanted == policy:
        return scope
    return Scope(scope.store, wanted, scope.clock)


def answer(run_id: str, ask_id: str, value: Any, *, by: str = "", journal: JournalLike | None = None) -> AnswerView:
    """Answer a question that a run waits for; the first answer counts. Whoever calls `advance` then carries it on.

    by: who answers, for the record and for those who come later.
    Gives the answer as the run will read it.
    Raises UnknownRun, AnswerRefused (no such question, another type, too late), AlreadyAnswered.
    """
    scope = wanted_scope(journal)
    return given_answer(scope.store, run_id, ask_id, value, by, scope.clock())


def cancel(run_id: str, *, journal: JournalLike | None = None) -> RunView:
    """End a run: at once if nobody carries it on, else at its next effect. Raises UnknownRun."""
    scope = wanted_scope(journal)
    row = scope.store.ask_to_cancel(run_id, scope.clock())
    if row.status == "running":
        end_if_dead(scope, row)
    return seen(scope.store, run_id)


async def a_start(
    entry: str | Callable[..., Any],
    arguments: Mapping[str, Any] | None = None,
    *,
    run_id: str | None = None,
    journal: JournalLike | None = None,
) -> str:
    """`start` on an event loop."""
    return await beside(lambda: start(entry, arguments, run_id=run_id, journal=journal))


async def a_answer(
    run_id: str, ask_id: str, value: Any, *, by: str = "", journal: JournalLike | None = None
) -> AnswerView:
    """`answer` on an event loop."""
    return await beside(lambda: answer(run_id, ask_id, value, by=by, journal=journal))


async def a_cancel(run_id: str, *, journal: JournalLike | None = None) -> RunView:
    """`cancel` on an event loop."""
    return await beside(lambda: cancel(run_id, journal=journal))


async def a_runs(
    *,
    status: RunStatus | None = None,
    text: str = "",
    limit: int = 100,
    ready: bool | None = None,
    journal: JournalLike | None = None,
) -> list[RunView]:
    """`autogen.runs()` on an event loop."""
    return await beside(lambda: list_runs(status=status, text=text, limit=limit, ready=ready, journal=journal))


def _opening(scope: Scope, run_id: str, budget: Budget | None, taken: list[RunLog]) -> Opening:
    """taken: gets the run's log, whose id is another one when it went on in a fork."""
    row = scope.store.run(run_id)
    if not row.entry:
        raise ConfigError(
            f"run {run_id!r} was started by a script, and only that script can carry it on: run it again with the same "
            "run_id; runs for `advance` begin with an @autogen.entrypoint"
        )
    entry_function(row.entry)

    def record() -> RunLog:
        taken.append(scope.take(run_id))
        return taken[0]

    return Opening(join=False, budget=budget, record=record, paused=lambda _run, _parked: None)


async def _entered(run: Run) -> None:
    log = run.table.place.log
    row: RunRow = log.row
    arguments: Any = codec.decode(row.arguments, f"the arguments of run {row.id!r}")
    value = await Invoke("", "entry", row.entry, entry_function(row.entry), (), arguments)
    log.result = codec.encode(value, f"the entry function {row.entry!r}")
    run.stop(StopReason.RETURNED)


@contextmanager
def _told_by_the_run(scope: Scope) -> Generator[None, None, None]:
    """What ended the run stands in the journal; only what kept it from being carried on is raised. A replay writes
    nothing down, so there everything is raised."""
    try:
        yield
    except (RunBusy, Fenced, UnknownEntrypoint, UnknownRun, JournalUnusable, Damaged, UnknownFormat):
        raise
    except Exception as raised:
        if scope.overrides or getattr(raised, "run", None) is None:
            raise


def _home(entry: Callable[..., Any] | None) -> dict[str, str]:
    """Of a script's own function, nothing: other processes cannot import it by that name."""
    module = "" if entry is None else entry.__module__
    return {MODULE: module} if module not in ("", "__main__") else {}


def _name_of(entry: Callable[..., Any]) -> str:
    for name, known in _registered.items():
        if known is entry:
            return name
    raise UnknownEntrypoint(qualified_name(entry), tuple(sorted(_registered)))
