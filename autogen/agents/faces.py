"""How a public method becomes a run: `blocking(...)` and `concurrent(...)` carry the same coroutine.

Decides which run the steps belong to: the one that the caller stands in, a new branch of it, or a new one. Refuses to
know what the steps are.
"""

from collections.abc import Callable, Coroutine
from contextvars import Token
from typing import Any, TypeAlias, TypeVar

from autogen import runtime
from autogen.agents.sessions import commit, frame_here, looked_in, open_session
from autogen.conversation.run import Run
from autogen.core.errors import AutogenError
from autogen.core.progress import ProgressWatch
from autogen.core.stop import Budget, StopReason
from autogen.drivers.frame import Frame, current

T = TypeVar("T")

Steps: TypeAlias = Callable[[Run], Coroutine[Any, Any, T]]


class Opening:
    """What a new run is to have; `join` lets the steps belong to the run that the caller stands in, if there is one."""

    __slots__ = ("budget", "cache", "join", "watch")

    def __init__(
        self, *, join: bool = True, budget: Budget | None = None, watch: bool | None = False, cache: Any = None
    ) -> None:
        self.join, self.budget, self.cache = join, budget, cache
        self.watch = watch
        """True watches rounds and repeated calls, None repeated calls only, False nothing."""


_JOIN = Opening()


def blocking(steps: Steps[T], opening: Opening = _JOIN) -> T:
    """Run the steps on this thread."""
    from autogen.drivers.blocking import run as drive

    run, token = _enter(opening, is_async=False)
    try:
        return drive(steps(run), run.table)
    except BaseException as raised:
        if token is not None and not run.joined:
            _left(run, raised)
        raise
    finally:
        _leave(run, token)


async def concurrent(steps: Steps[T], opening: Opening = _JOIN) -> T:
    """Run the steps on this event loop."""
    from autogen.drivers.concurrent import run as drive

    run, token = _enter(opening, is_async=True)
    try:
        return await drive(steps(run), run.table)
    except BaseException as raised:
        if token is not None and not run.joined:
            _left(run, raised)
        raise
    finally:
        _leave(run, token)


def _enter(opening: Opening, *, is_async: bool) -> tuple[Run, "Token[Frame | None] | None"]:
    standing = current.get()
    if standing is not None:
        standing.run.refuse_if_cancelled()
    frame = frame_here()
    if frame is not None and opening.join and frame.is_async == is_async:
        return frame.run, None
    parent: Run | None = frame.run if frame is not None else None
    run = Run(
        runtime.new_id() if parent is None else f"{parent.id}/{parent.next_branch()}",
        parent=parent,
        budget=opening.budget,
        is_async=is_async,
        cache=opening.cache,
        watch=ProgressWatch() if opening.watch else None,
        guarded=opening.watch is not False,
        joined=opening.join,
    )
    if parent is None:
        looked = looked_in()
        run.session = open_session(is_async)
        run.looked = looked if looked is not run.session else None
    runtime.equip(run)
    return run, current.set(Frame(run, is_async))


def _leave(run: Run, token: "Token[Frame | None] | None") -> None:
    if token is not None:
        current.reset(token)
        run.over = True
        if run.joined:
            return
        if run.parent is not None:
            run.parent.heard.update(dict.fromkeys(run.untrusted_here()))
        commit(run)


def _left(run: Run, raised: BaseException) -> None:
    """An error leaves with the innermost run attached; whoever catches it can read the transcript."""
    cancelled = not isinstance(raised, Exception)
    run.stop(StopReason.CANCELLED if cancelled else StopReason.ERROR, str(raised))
    run.status = "cancelled" if cancelled else "failed"
    known = getattr(raised, "run", None)
    if isinstance(known, Run) and run not in known.lineage():
        known = None  # raised again by a later chat
    if known is None and (isinstance(raised, AutogenError) or hasattr(raised, "__dict__")):
        raised.run = run  # type: ignore[attr-defined]  # errors of the program get it, too
