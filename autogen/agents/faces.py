"""How a public method becomes a run: `blocking(...)` and `concurrent(...)` carry the same coroutine.

Decides which run the steps belong to: the one that the caller stands in, a new branch of it, or a new one. Refuses to
know what the steps are.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextvars import Token
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from weakref import ref

from autogen import runtime
from autogen.agents.sessions import commit, frame_here, open_session
from autogen.conversation.run import Run
from autogen.core.errors import AutogenError, Parked
from autogen.core.progress import ProgressWatch
from autogen.core.stop import Budget, StopReason
from autogen.drivers.frame import Frame, current
from autogen.drivers.performer import Performers
from autogen.drivers.waiting import left_behind, refuse_if_left_behind

if TYPE_CHECKING:
    from concurrent.futures import Future

    from autogen.conversation.sequence import PlannedChat
    from autogen.runs.log import RunLog
    from autogen.runs.place import Place

T = TypeVar("T")

Steps: TypeAlias = Callable[[Run], Coroutine[Any, Any, T]]


class Opening:
    """What a new run is to have; `join` lets the steps belong to the run that the caller stands in, if there is one."""

    __slots__ = ("budget", "cache", "join", "key", "paused", "record", "watch")

    def __init__(
        self,
        *,
        join: bool = True,
        budget: Budget | None = None,
        watch: bool | None = False,
        cache: Any = None,
        key: "Callable[[], tuple[str, str]] | None" = None,
        record: "Callable[[], RunLog] | None" = None,
        paused: Callable[[Run, Parked], Any] | None = None,
    ) -> None:
        self.join, self.budget, self.cache = join, budget, cache
        self.watch = watch
        """True watches rounds and repeated calls, None repeated calls only, False nothing."""
        self.key = key
        """What a chat is called in a journal, and its digest, when it is nested in a journaled run."""
        self.record = record
        """Opens the log of a run of its own; None: it is not journaled."""
        self.paused = paused
        """What the face gives when the run waits for a person; None: it raises Parked."""


_JOIN = Opening()


def blocking(steps: Steps[T], opening: Opening = _JOIN) -> T:
    """Run the steps on this thread."""
    from autogen.drivers.blocking import run as drive

    log = _opened(opening)
    run, table, token = _enter(opening, log, is_async=False)
    try:
        return drive(steps(run), table)
    except BaseException as raised:  # noqa: BLE001 - raised again, unless the run only waits
        given: T = _ended(run, token, raised, opening, log)
        return given
    finally:
        _leave(run, token, log)


async def concurrent(steps: Steps[T], opening: Opening = _JOIN) -> T:
    """Run the steps on this event loop."""
    from autogen.drivers.concurrent import run as drive

    log = None if opening.record is None else await _opened_beside(opening)
    run, table, token = _enter(opening, log, is_async=True)
    try:
        work = drive(steps(run), table)
        del steps  # a thousand chats under way hold no closures that have done their part
        return await work
    except BaseException as raised:  # noqa: BLE001 - raised again, unless the run only waits
        given: T = _ended(run, token, raised, opening, log)
        return given
    finally:
        _leave(run, token, log)


def _opened(opening: Opening) -> "RunLog | None":
    return None if opening.record is None or frame_here() is not None else opening.record()


async def _opened_beside(opening: Opening) -> "RunLog | None":
    """The log, opened in a thread: it may have to wait until another one lets the run go."""
    import asyncio

    from autogen.drivers.threads import spawn

    future = spawn(lambda: _opened(opening))
    try:
        return await asyncio.shield(asyncio.wrap_future(future))
    except asyncio.CancelledError:  # nobody will carry it on
        future.waited.given_up = True
        future.add_done_callback(_unused)
        raise


def _unused(opened: "Future[RunLog | None]") -> None:
    log = None if opened.cancelled() or opened.exception() is not None else opened.result()
    if log is not None:
        from autogen.runs.carrying import give_back

        give_back(log)


def _enter(
    opening: Opening, log: "RunLog | None", *, is_async: bool
) -> tuple[Run, Performers, "Token[Frame | None] | None"]:
    try:
        return _entered(opening, log, is_async)
    except BaseException as raised:
        if log is not None:
            from autogen.runs.carrying import give_back

            give_back(log, _text_of(raised))
        raise


def _entered(
    opening: Opening, log: "RunLog | None", is_async: bool
) -> tuple[Run, Performers, "Token[Frame | None] | None"]:
    standing = current.get()
    if standing is not None:
        standing.run.refuse_if_cancelled()
    refuse_if_left_behind()
    frame = frame_here()
    if frame is not None and opening.join and frame.is_async == is_async:
        return frame.run, frame.table or frame.run.table, None
    parent: Run | None = frame.run if frame is not None else None
    run = Run(
        (runtime.new_id() if log is None else log.id) if parent is None else f"{parent.id}/{parent.next_branch()}",
        parent=parent,
        budget=opening.budget,
        is_async=is_async,
        cache=opening.cache,
        watch=ProgressWatch() if opening.watch else None,
        guarded=opening.watch is not False,
        joined=opening.join,
    )
    if parent is None:
        run.session = open_session()
        run.earlier = run.session.remembered()
    if log is not None:
        log.carrier = ref(run)
    place = _place(opening, log, frame)
    runtime.equip(run, place)
    run.nest = nest
    return run, run.table, current.set(Frame(run, is_async, run.table))


def _place(opening: Opening, log: "RunLog | None", frame: Frame | None) -> "Place | None":
    """Where the run stands in a journal, if it is journaled."""
    if log is not None:
        return log.root()
    outer: Place | None = None if frame is None or frame.table is None else frame.table.place
    if outer is None:
        return None
    if opening.key is None:
        return outer  # under the other driver, but steps of the same branch
    from autogen.runs.place import key_of

    key, digest = opening.key()
    return outer.chat(outer.next(key_of(key), digest))


class HeldRun:
    """The run of a chat that a conversation holds; see `conversation.sequence.NestedRun`."""

    __slots__ = ("_outer", "frame", "run")

    def __init__(self, run: Run, outer: "Place | None") -> None:
        self.run, self._outer = run, outer
        self.frame = Frame(run, run.is_async, run.table)

    def leave(self, raised: BaseException | None = None) -> None:
        """The chat is over, or was left by what it raised: what happened goes to the run that it was held in."""
        run, outer = self.run, self._outer
        if raised is not None:
            _left(run, raised)
        run.over = True
        if outer is not None:
            outer.time = max(outer.time, run.table.place.time)
        _commit(run)


def nest(run: Run, planned: "PlannedChat", words: "Sequence[str]") -> HeldRun:
    """The run of a chat that is held in `run`, without a face: it is part of the conversation, its journal and budget.

    Raises NotSetUp for an async reply function in a blocking chat.
    """
    run.refuse_if_cancelled()
    settings = planned.settings
    limited = settings.max_turns is not None
    for agent in (planned.sender, planned.recipient):
        if not run.is_async:
            agent._raise_exception_on_async_reply_functions()
        runtime.check_budget(planned.budget, agent.name, agent.client)
        limited = limited or agent._limited
    standing = current.get()
    table: Performers = run.table
    if standing is not None and standing.run is run and standing.table is not None:
        table = standing.table
    outer: Place | None = table.place
    inner = Run(
        f"{run.id}/{run.next_branch()}",
        parent=run,
        budget=planned.budget,
        is_async=run.is_async,
        cache=settings.cache,
        watch=ProgressWatch() if planned.no_progress and not limited else None,
        guarded=planned.no_progress,
    )
    place = None
    if outer is not None:
        from autogen.runs.place import key_of

        place = outer.chat(outer.next(key_of(*words), ""))
    runtime.equip(inner, place)
    inner.nest = nest
    return HeldRun(inner, outer)


def _ended(
    run: Run,
    token: "Token[Frame | None] | None",
    raised: BaseException,
    opening: Opening,
    log: "RunLog | None",
) -> Any:
    """What a face gives for a run that did not come to its end: it raises, unless the run only waits."""
    if token is not None and not run.joined:
        _left(run, raised)
        if log is not None:
            try:
                let_go(run, log, raised)
            except AutogenError as failed:
                if isinstance(raised, Parked):
                    raise
                raised.add_note(f"that the run ended so could not be written: {failed}")
        if isinstance(raised, Parked) and run.parent is None and opening.paused is not None:
            return opening.paused(run, raised)
    raise raised


def _leave(run: Run, token: "Token[Frame | None] | None", log: "RunLog | None") -> None:
    if token is not None:
        current.reset(token)
        run.over = True
        try:
            if log is not None:
                let_go(run, log)
        finally:
            _commit(run)


def _commit(run: Run) -> None:
    if run.joined:
        return
    if run.parent is not None:
        place: Place | None = run.table.place
        if place is not None and place.leaves_to is not None:
            from autogen.runs.edits import left_by

            place.leaves_to.append(left_by(run))
        run.parent.said().absorb(run.said())
    if left_behind() is None:  # else whoever waited has gone on without it
        commit(run)


def _left(run: Run, raised: BaseException) -> None:
    """An error leaves with the innermost run attached; whoever catches it can read the transcript."""
    if isinstance(raised, Parked):
        run.status = "paused"
        raised.run = run
        return
    cancelled = not isinstance(raised, Exception)
    run.stop(StopReason.CANCELLED if cancelled else StopReason.ERROR, _text_of(raised))
    run.status = "cancelled" if cancelled else "failed"
    known = getattr(raised, "run", None)
    if isinstance(known, Run) and run not in known.lineage():
        known = None  # raised again by a later chat
    if known is None and (isinstance(raised, AutogenError) or hasattr(raised, "__dict__")):
        raised.run = run  # type: ignore[attr-defined]  # errors of the program get it, too


def _text_of(raised: BaseException) -> str:
    return str(raised) or type(raised).__name__


def let_go(run: Run, log: "RunLog", raised: BaseException | None = None) -> None:
    """Write into the journal how the run ended, and let others have it. raised: what ended it."""
    from autogen.runs.carrying import close_run, shown_safely

    status: str = run.status
    if log.cancelled:
        status = "cancelled"
    elif status == "cancelled":
        status = "failed"  # Ctrl-C, or a task that was cancelled: it can be resumed
    if log.closed:
        close_run(log)
        return
    spent = run.spent
    reason, detail = run.stop_reason, run.stop_detail
    if status == "failed" and raised is not None:  # whatever its chat had come to before
        reason = StopReason.ERROR if isinstance(raised, Exception) else StopReason.CANCELLED
        detail = _text_of(raised)
    detail = shown_safely(detail)
    close_run(
        log,
        status=status,
        stop_reason="" if reason is None else reason.value,
        stop_detail=detail,
        usd=None if spent.unpriced else spent.usd,
        input_tokens=spent.usage.input,
        output_tokens=spent.usage.output,
        model_calls=spent.model_calls,
        result=log.result,
        error=detail if status == "failed" else "",
    )
