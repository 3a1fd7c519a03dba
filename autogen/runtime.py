"""Fills the performer table of a run: models, tools, code, people, clocks, observers.

The one file that knows every performer. What is imported is imported when first needed. Refuses to know agents and
how conversations go.
"""

import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import ref

from autogen.conversation.run import Run
from autogen.core.code import CodeOutcome
from autogen.core.effects import AskHuman, CallModel, CallTool, Draw, RunCode
from autogen.core.errors import HumanInputClosed, LimitReached
from autogen.core.events import Event
from autogen.core.model import ModelReply, Usage
from autogen.core.stop import Budget, StopReason
from autogen.core.tools import ToolOutcome
from autogen.drivers.clock import clock_here, monotonic
from autogen.drivers.performer import Act, EmitNow, Performers, Work
from autogen.drivers.waiting import here, refuse_if_left_behind

if TYPE_CHECKING:
    from autogen.core.events import ToolStarted
    from autogen.runs.journaled import Meanings, Repeat
    from autogen.runs.place import Place
    from autogen.runs.work_files import Disk

A = TypeVar("A")

CLOCK_SPARE = 0.05
"""Seconds: a time-out that was set to a deadline may fire a little before it."""

Observer: TypeAlias = Callable[[Event], None]

_counting = Lock()

_observers: ContextVar[tuple[Observer, ...]] = ContextVar("autogen_observers", default=())
_console: ContextVar[bool] = ContextVar("autogen_console", default=True)
_stand_in: ContextVar["Callable[[Performers], Performers] | None"] = ContextVar("autogen_stand_in", default=None)


@contextmanager
def observing(observer: Observer, *, console: bool = True) -> Generator[None, None, None]:
    """Tell `observer` every event of the runs started inside; `console=False` keeps 0.2's printed transcript quiet.

    An observer is called on the run's thread and must be quick; what it raises is logged and changes nothing.
    """
    token = _observers.set((*_observers.get(), observer))
    console_token = _console.set(console and _console.get())
    try:
        yield
    finally:
        _observers.reset(token)
        _console.reset(console_token)


@contextmanager
def performing(stand_in: Callable[[Performers], Performers]) -> Generator[None, None, None]:
    """Let `stand_in` put other performers in the place of a run's own, in the runs started inside: for tests.

    A journal stands above them: what it answers never comes to them.
    """
    token = _stand_in.set(stand_in)
    try:
        yield
    finally:
        _stand_in.reset(token)


def new_id() -> str:
    """A run's id: 16 hex digits, random."""
    from os import urandom

    return urandom(8).hex()


def equip(run: Run, place: "Place | None" = None) -> None:
    """Give a new run its performers, and its deadline. `place` is where it stands in a journal, if it is journaled."""
    if run.budget is not None and run.budget.seconds is not None:
        run.deadline = monotonic() + run.budget.seconds
    emit = run.parent.table.emit if run.parent is not None else _emitter()
    run.bounded = run.budget is not None or (run.parent is not None and run.parent.bounded)
    own = _OfRun(run)
    run.counting = _counting
    run.table = Performers(own.call_model, own.call_tool, own.run_code, own.ask_human, _draw, emit)
    stand_in = _stand_in.get()
    if stand_in is not None:
        run.table = stand_in(run.table)
    if place is not None:
        from autogen.runs.journaled import journaled

        if run.deadline is not None and run.parent is None:
            run.deadline -= place.log.spent_seconds
        run.table = journaled(run.table, place, run, run.is_async, _meanings())


def _meanings() -> "Meanings":
    from autogen.runs.journaled import Meanings

    return Meanings(_repeat_tool, _rerun_tool, _repeat_code, _can_ask, _tool_started, _disk, _choose)


def _disk() -> "Disk":
    from autogen.coding import work_files

    return work_files


def _choose(client: Any, agent: str, model: str | None, parameters: Mapping[str, Any]) -> Any:
    from autogen.models.chosen import chosen

    return chosen(client, agent, model, parameters)


def _repeat_tool(effect: CallTool) -> "Repeat":
    from autogen.tools.declare import tool_marks

    return "free" if effect.tool is None else tool_marks(effect.tool).repeat


def _rerun_tool(effect: CallTool) -> bool:
    from autogen.tools.declare import runs_again

    return effect.tool is not None and runs_again(effect.tool, effect.call.name)


def _repeat_code(effect: RunCode) -> "Repeat":
    """Code in a sandbox without a network changes only its work directory; else it may have done anything."""
    return "free" if getattr(effect.executor, "repeatable", False) is True else "never"


def _tool_started(effect: CallTool) -> "ToolStarted | None":
    from autogen.tools.call import announced

    return announced(effect)


def _can_ask() -> bool:
    """A terminal, or an input stream of the program's own."""
    from autogen.observability.io_stream import IOConsole, IOStream

    if type(IOStream.get_default()) is not IOConsole:
        return True
    try:
        return sys.stdin.isatty()
    except (AttributeError, ValueError):
        return False


class _OfRun:
    """The performers that ask the run what it still allows.

    They know it weakly: the table is the run's own, and a cycle would outlive the run until the next collection.
    """

    __slots__ = ("_here",)

    def __init__(self, run: Run) -> None:
        self._here = ref(run)

    def _run(self) -> Run:
        run = self._here()
        assert run is not None
        return run

    def call_model(self, effect: CallModel, emit: EmitNow) -> Work[ModelReply]:
        from autogen.models.budgeted import admitted_freely, within_budget
        from autogen.models.client import call_model

        run = self._run()
        seconds = remaining(run)
        if admitted_freely(run):
            return call_model(effect, emit, seconds, self)
        work = within_budget(
            run, effect, lambda allowed, ledger, left: call_model(allowed, emit, left, ledger), lambda: remaining(run)
        )
        return work if seconds is None else _in_time(run, work)

    def lost(self, agent: str, usage: Usage, usd: float | None) -> None:
        self._run().lost(agent, usage, usd)

    def again(self) -> None:
        remaining(self._run())

    def call_tool(self, effect: CallTool, emit: EmitNow) -> Work[ToolOutcome]:
        from autogen.tools.call import call_tool

        return call_tool(effect, emit, remaining(self._run()))

    def run_code(self, effect: RunCode, emit: EmitNow) -> Work[CodeOutcome]:
        from autogen.coding.perform import run_code

        return run_code(effect, emit, remaining(self._run()))

    def ask_human(self, effect: AskHuman, emit: EmitNow) -> Work[str]:
        remaining(self._run())
        return _ask_human(effect, emit)


async def _in_time(run: Run, work: Work[A]) -> A:
    """The run's own deadline ends the run in order; other time-outs are errors of the call."""
    try:
        return await work
    except TimeoutError:
        remaining(run, CLOCK_SPARE)
        raise


def remaining(run: Run, spare: float = 0.0) -> float | None:
    """Seconds left until the nearest deadline of the run and those it is nested in; None without one.

    Raises LimitReached when it is past or no more than `spare` seconds away, and when a run that this one is nested
    in was cancelled, or nobody waits any longer for the tool that the caller stands in: what was left behind in a
    thread pays nothing more.
    """
    nearest: float | None = None
    one: Run | None = run
    while one is not None:
        if one.status == "cancelled":
            raise LimitReached(StopReason.CANCELLED.value, "the run that this chat belongs to was cancelled")
        if one.deadline is not None and (nearest is None or one.deadline < nearest):
            nearest = one.deadline
        one = one.parent
    if here.get() is not None:
        refuse_if_left_behind()
    if nearest is None:
        return None
    left = nearest - monotonic()
    if left <= spare:
        raise LimitReached(StopReason.BUDGET_SECONDS.value, "the budget of seconds is used up")
    return left


def check_budget(budget: Budget | None, agent: str, client: Any) -> None:
    """Refuse at the start a dollar budget that could not be kept: every model must have a known price."""
    if budget is None or budget.usd is None or client is None or client is False:
        return
    from autogen.models.admission import refuse_unpriced

    refuse_unpriced(agent, client)


async def _ask_human(effect: AskHuman, emit: EmitNow) -> str:
    if effect.standing:
        return effect.standing
    from autogen.observability.io_stream import IOStream

    try:
        return await Act(lambda: IOStream.get_default().input(effect.prompt))
    except HumanInputClosed:
        raise
    except EOFError:
        raise HumanInputClosed(effect.agent, effect.prompt, effect.approval is not None) from None


def _draw(effect: Draw) -> float | str:
    match effect.kind:
        case "time":
            return clock_here()()
        case "id":
            return new_id()
        case "random":
            from random import random

            return random()  # noqa: S311 - no secret depends on it


def _emitter() -> EmitNow:
    observers = list(_observers.get())
    if _console.get():
        from autogen.observability.console import Console

        console = Console()
        if not observers:
            return console
        return _fan_out([console], observers)
    return _fan_out([], observers)


def _fan_out(own: list[Observer], observers: list[Observer]) -> EmitNow:
    def emit(event: Event) -> None:
        for observer in own:
            observer(event)
        for observer in observers:
            try:
                observer(event)
            except Exception:
                import logging

                logging.getLogger("autogen").exception("an observer failed on %s", type(event).__name__)

    return emit
