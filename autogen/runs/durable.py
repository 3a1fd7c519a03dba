"""Where runs are journaled: `durable(...)`, `AUTOGEN_JOURNAL`, the `journal=` argument.

Decides which journal holds, and which of its runs a chat belongs to. Refuses to know how a run is taken
(`carrying.py`) and what is in one.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar, cast, get_args
from weakref import ref

from autogen.core.callables import is_async
from autogen.core.errors import ConfigError
from autogen.drivers.clock import clock_here
from autogen.runs.beginnings import same_facts
from autogen.runs.carrying import open_run, take_run
from autogen.runs.errors import UnknownRun
from autogen.runs.log import OnConflict, OnDiverge, OnHuman, OnUnknown, Policy, RunLog
from autogen.runs.store import Store

if TYPE_CHECKING:
    from autogen.runs.sqlite import SqliteStore

F = TypeVar("F", bound=Callable[..., Any])

VARIABLE: Final = "AUTOGEN_JOURNAL"
"""Names the journal's file, or a directory for one."""

ON_HUMAN: Final = get_args(OnHuman)

JournalLike: TypeAlias = str | os.PathLike[str] | Store


class Scope:
    """A stretch of a program under one journal: chats that name the same run are told apart by their order."""

    overrides = False
    """It holds also where the program names another journal."""

    def __init__(self, store: Store, policy: Policy, clock: Callable[[], float] | None = None) -> None:
        self.store, self.policy, self.clock = store, policy, clock or clock_here()
        self._lock = Lock()
        self._begun: dict[str, int] = {}
        self._going: dict[str, ref[RunLog] | None] = {}
        """By name: the log of the last chat of that name, if it is still there; None while it is opened."""

    def next(self, run_id: str) -> str:
        """`q3`, then `q3/2`, `q3/3`, ..."""
        with self._lock:
            return self._next(run_id)

    def _next(self, run_id: str) -> str:
        number = self._begun[run_id] = self._begun.get(run_id, 0) + 1
        return _numbered(run_id, number)

    def begin(self, run_id: str, title: str, facts: Mapping[str, str]) -> RunLog:
        """The log of the next chat that names this run, or of the last one, if that did not come to its end and this
        is the same chat again: a program that tries again goes on, it does not begin anew."""
        with self._lock:
            last = _numbered(run_id, self._begun.get(run_id, 0))
            name = last if self._is_left_open(last, facts) else self._next(run_id)
            self._going[name] = None
        try:
            log = open_run(self, name, title, facts)
        except BaseException:
            with self._lock:
                del self._going[name]
            raise
        with self._lock:
            self._going[name] = ref(log)
        return log

    def forget(self, run_id: str) -> None:
        """No further chat will have this name."""
        with self._lock:
            self._begun.pop(run_id, None)
            self._going.pop(run_id, None)

    def _is_left_open(self, name: str, facts: Mapping[str, str]) -> bool:
        """Was this chat begun here and left before its end?"""
        if not name:
            return False
        if name in self._going:
            known = self._going.pop(name)
            log = None if known is None else known()
            if known is None or (log is not None and not log.closed):
                self._going[name] = known
                return False
        try:
            row = self.store.run(name)
        except UnknownRun:
            return True
        return row.status not in ("done", "cancelled") and same_facts(row.facts, facts)

    def take(self, run_id: str) -> RunLog:
        """The log of a run that is there already. Raises UnknownRun, RunBusy."""
        return take_run(self, self.store.run(run_id))


def _numbered(run_id: str, number: int) -> str:
    return "" if not number else run_id if number == 1 else f"{run_id}/{number}"


here: ContextVar[Scope | None] = ContextVar("autogen_durable", default=None)
_opened: "dict[tuple[int, str], SqliteStore]" = {}
_ambient: dict[str, Scope] = {}
_opening = Lock()


class Durable:
    """What `durable` gives: `with` it, or put it above a function. Entered again, it is a scope of its own again."""

    __slots__ = ("_journal", "_policy", "_tokens")

    def __init__(self, journal: JournalLike, policy: Policy) -> None:
        self._journal, self._policy = journal, policy
        self._tokens: list[Token[Scope | None]] = []

    def __enter__(self) -> Store:
        outer = here.get()
        scope = outer if outer is not None and outer.overrides else Scope(open_journal(self._journal), self._policy)
        self._tokens.append(here.set(scope))
        return scope.store

    def __exit__(self, *raised: object) -> None:
        here.reset(self._tokens.pop())

    def __call__(self, function: F) -> F:
        """`@autogen.durable("runs.db")` above a function, sync or async: each call of it stands inside."""
        from functools import wraps

        if not callable(cast("object", function)):
            raise ConfigError(f"autogen.durable(...) goes into a `with`, or above a function; got {function!r:.80}")
        if _yields(function):
            raise ConfigError("autogen.durable(...) above a generator would not hold while it yields; use `with` in it")
        journal, policy = self._journal, self._policy

        @wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with Durable(journal, policy):
                return function(*args, **kwargs)

        @wraps(function)
        async def a_inside(*args: Any, **kwargs: Any) -> Any:
            with Durable(journal, policy):
                return await function(*args, **kwargs)

        return cast("F", a_inside if is_async(function) else inside)


def durable(
    journal: JournalLike = "runs.db",
    *,
    on_human: OnHuman = "auto",
    on_unknown: OnUnknown = "ask",
    on_conflict: OnConflict = "reject",
    on_diverge: OnDiverge = "fail",
    lease: float = 15.0,
    restore: bool = False,
    ask_expires: float | None = None,
) -> Durable:
    """Journal the chats started inside; those with a `run_id` go on where they were, or give back their result.

    journal: a file (made with mode 0600 if it is not there), or a store.
    on_human: "auto" asks at once on a terminal and else parks the run, "ask" always asks, "park" never does.
    on_unknown: a tool that must not run twice was in flight when the process died: "ask" a person, "retry", "fail".
    on_conflict: another process carries the run on: "reject" raises RunBusy, "queue" waits, "branch" forks the run.
    on_diverge: the program asks for something else than was recorded: "fail" raises Diverged, "fork" goes on in a
        fork of the run.
    lease: seconds after which a process without a sign of life has lost its runs.
    restore: put the files of a work directory back to where the run stands before it first runs code in this process,
        as on another machine; what would be overwritten and is not in the journal is set aside. Forks always do.
    ask_expires: seconds after which a question that a run waits for takes no answer any more; it is asked anew when the
        run is next carried on. None: never.
    Raises JournalUnusable and ConfigError at once.
    """
    policy = checked_policy(on_human, on_unknown, on_conflict, on_diverge, lease, restore, ask_expires)
    if not isinstance(journal, (str, os.PathLike)) and not hasattr(journal, "claim"):
        raise ConfigError(
            f'autogen.durable takes the path of a journal or a store, as in `with autogen.durable("runs.db"):`; '
            f"got {type(journal).__name__}: {journal!r:.80}"
        )
    return Durable(journal, policy)


def _yields(function: Any) -> bool:
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    return bool(flags & (CO_GENERATOR | CO_ASYNC_GENERATOR))


CO_GENERATOR, CO_ASYNC_GENERATOR = 0x20, 0x200
"""`inspect`'s, which costs 20 ms to import."""


def checked_policy(
    on_human: OnHuman,
    on_unknown: OnUnknown,
    on_conflict: OnConflict,
    on_diverge: OnDiverge,
    lease: float,
    restore: bool = False,
    ask_expires: float | None = None,
) -> Policy:
    """Raises ConfigError for a value that is not among the choices."""
    for name, value, choices in (
        ("on_human", on_human, ON_HUMAN),
        ("on_unknown", on_unknown, ("ask", "retry", "fail")),
        ("on_conflict", on_conflict, ("reject", "queue", "branch")),
        ("on_diverge", on_diverge, ("fail", "fork")),
        ("restore", restore, (True, False)),
    ):
        check_choice(name, value, choices)
    if isinstance(lease, bool) or not isinstance(lease, (int, float)) or not lease > 0:
        raise ConfigError(f"lease must be a number of seconds above 0, got {lease!r}")
    expires: object = ask_expires
    if expires is not None and (isinstance(expires, bool) or not isinstance(expires, (int, float)) or not expires > 0):
        raise ConfigError(f"ask_expires must be a number of seconds above 0, or None, got {ask_expires!r}")
    return Policy(
        on_human=on_human,
        on_unknown=on_unknown,
        on_conflict=on_conflict,
        on_diverge=on_diverge,
        lease=float(lease),
        restore=restore,
        ask_expires=ask_expires,
    )


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """Raises ConfigError."""
    if value not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")


def open_journal(journal: JournalLike, *, create: bool = True) -> Store:
    """The store behind a path, one per file and process; a store is given back as it is.

    create: make the file if it is not there, else raise JournalUnusable.
    """
    if not isinstance(journal, (str, os.PathLike)):
        if not hasattr(journal, "append") or not hasattr(journal, "claim"):
            raise ConfigError(f"a journal is a path or a store, got {type(journal).__name__}: {journal!r:.80}")
        return journal
    path = os.fspath(journal)
    if not path:
        raise ConfigError("a journal needs a path, got an empty one")
    if path != ":memory:":
        if Path(path).is_dir():
            path = str(Path(path) / "runs.db")
        path = os.path.realpath(path)
    from autogen.runs.sqlite import SqliteStore

    key = (os.getpid(), path)
    with _opening:
        known = _opened.get(key)
        if known is None or path == ":memory:" or not known.usable:
            known = SqliteStore(path, create=create)
            _opened[key] = known
        return known


def current_scope(journal: JournalLike | None = None, *, create: bool = True) -> Scope | None:
    """The scope of the calling code: of the argument, else of `durable`, else of the environment; None without one.

    create: make the journal's file if it is not there, else raise JournalUnusable.
    """
    scope = here.get()
    if scope is not None and (
        journal is None or scope.overrides or scope.store is open_journal(journal, create=create)
    ):
        return scope
    if journal is not None:
        return _ambient_scope(open_journal(journal, create=create))
    named = os.environ.get(VARIABLE)
    return _ambient_scope(open_journal(named, create=create)) if named else None


def wanted_scope(journal: JournalLike | None, *, create: bool = False) -> Scope:
    """`current_scope`. Raises ConfigError when no journal is in use, JournalUnusable for one that is not there."""
    scope = current_scope(journal, create=create)
    if scope is None:
        raise ConfigError(
            f'no journal is in use; give journal="runs.db", use autogen.durable("runs.db"), or set {VARIABLE}'
        )
    return scope


def _ambient_scope(store: Store) -> Scope:
    with _opening:
        key = f"{os.getpid()}:{id(store)}"
        known = _ambient.get(key)
        if known is None:
            known = _ambient[key] = Scope(store, Policy())
        return known


def on_resume(what: Literal["recall", "rerun"]) -> Callable[[F], F]:
    """Say what becomes of a callback when a run goes on: `@autogen.on_resume("rerun")`.

    recall: its recorded result counts and it is not called again, what it wrote to views included. Default for reply
    functions and overridden methods.
    rerun: it is called again, and its result must be the recorded one, else Diverged. Default for the rest.
    """
    if what not in ("recall", "rerun"):
        raise ConfigError(f'on_resume takes "recall" or "rerun", got {what!r}')

    def mark(function: F) -> F:
        function.__autogen_on_resume__ = what  # type: ignore[attr-defined]
        return function

    return mark
