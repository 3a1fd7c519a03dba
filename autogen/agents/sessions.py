"""Where an agent's histories live between runs, and which ones the calling code sees.

A session belongs to one context: a thread, or a task of an event loop, whichever face is called there. What counts as
the script itself is one context, too: the main thread at top level, what `asyncio.run` is called with, the cells of a
notebook. A run forks an agent's state from its session and commits it at its end; a nested chat does the same with the
run it joins. Reading outside a run shows this context's session, else a copy of what was committed last in the
process: what is written to it is this context's own, and its next run begins with it. Nothing here outlives the agents,
and of contexts that are over only what others go on from.
"""

import sys
import threading
from contextvars import ContextVar
from typing import Any, Final, Protocol, TypeAlias
from weakref import ref

from autogen.conversation.run import Run
from autogen.conversation.state import AgentState, own_copy
from autogen.core.heard import MOST_RUNS, Heard
from autogen.drivers.frame import Frame, current


class Session:
    """A context's conversations. `parent` is the session that the context was copied from."""

    __slots__ = ("__weakref__", "agents", "heard", "owner", "parent", "seat")

    def __init__(self, owner: "ref[Any] | str", parent: "Session | None" = None) -> None:
        self.owner = owner
        """The task or thread; a name for what belongs to the script."""
        self.parent = parent
        self.seat: ref[Seat] | None = None
        """What the contexts hold that can go on with this session; None: it is always there."""
        self.agents: dict[ref[Any], None] = {}
        """Those that have a state here, for `_inherit`."""
        self.heard: tuple[Heard, ...] = ()
        """What was said in the last runs in which untrusted content was heard, or after which code was handed on."""

    def remembered(self) -> tuple[Heard, ...]:
        """What this session and those it was copied from remember, the oldest first."""
        return self.heard if self.parent is None else (*self.parent.remembered(), *self.heard)

    def remember(self, said: tuple[Heard, ...]) -> None:
        """Keep what was said in runs that are over, as much as is kept."""
        self.heard = (*self.heard, *said)[-MOST_RUNS:]

    def over(self) -> bool:
        """Can nobody go on here any more? What is left is read by contexts that were copied from this one."""
        if self.seat is None:
            return False
        if self.seat() is None:
            return True
        owner: Any = None if isinstance(self.owner, str) else self.owner()
        done = getattr(owner, "done", None)
        return done is not None and bool(done())


class Seat:
    """A context's hold on its session: gone when the last copy of the context is."""

    __slots__ = ("__weakref__", "session")

    def __init__(self, session: Session) -> None:
        self.session = session


States: TypeAlias = dict["ref[Session]", AgentState]
"""An agent's states by session: a session's end takes its state out. Lighter than a WeakKeyDictionary."""


class Stateful(Protocol):
    """What an agent keeps for its sessions."""

    _states: "States | None"
    _last_state: AgentState | None


_here: ContextVar[Seat | None] = ContextVar("autogen_session", default=None)
_main = Session("main")
"""What the script does on the main thread shares one session: it cannot overlap, and notebooks change context."""
_at_main = Seat(_main)
_seen = Session("seen")
"""What any run on the main thread committed last: for reading only, so that a notebook's next cell shows it."""
_committing = threading.Lock()
_KERNELS: Final = frozenset({"ipykernel", "IPython"})


def open_session() -> Session:
    """This context's own session, for a run: made if it has none or only a copy of another context's."""
    session = session_here()
    if session is _main:
        _here.set(_at_main)
    return session


def session_here() -> Session:
    """The same for reading and writing outside of runs; a look at the script's own leaves no trace."""
    seat, owner = _here.get(), _owner()
    known = None if seat is None else seat.session
    if known is not None and known.owner == owner:
        return known
    if owner == _main.owner:
        return _main
    if known is None and _on_main_thread():
        known = _main
    made = Session(owner, _shortened(known))
    seat = Seat(made)
    made.seat = ref(seat)
    _here.set(seat)
    return made


def _owner() -> "ref[Any] | str":
    asyncio = sys.modules.get("asyncio")
    task = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no loop runs here
            task = None
    if task is not None and not _is_script(task):
        return ref(task)
    return _main.owner if _on_main_thread() else ref(threading.current_thread())


def _is_script(task: Any) -> bool:
    """Is this what `asyncio.run` was called with, or a cell of a notebook? One after the other goes on where it was.

    The loop marks the first by a callback of its own, the second runs code of the kernel. Any other task is taken for
    one of many.
    """
    callbacks = getattr(task, "_callbacks", None) or ()
    if any("run_until_complete" in getattr(callback[0], "__name__", "") for callback in callbacks):
        return True
    frame = getattr(task.get_coro(), "cr_frame", None)
    if frame is None:
        return False
    module = str(frame.f_globals.get("__name__"))
    return module.partition(".")[0] in _KERNELS or frame.f_code.co_name == "<module>"  # `python -m asyncio`


def seen_here(agent: Any) -> AgentState | None:
    """A copy of the state that the caller sees; None when the agent never talked and nobody wrote to its views."""
    if agent._states is None and agent._last_state is None and frame_here() is None:
        return None if agent._first_state is None else _seed(agent)
    return state_of(agent).fork()


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _shortened(session: Session | None) -> Session | None:
    """The session, with one at most of each row of ended ones behind it: a chain of tasks keeps not all of them."""
    one = session
    while one is not None:
        with _committing:
            while one.over() and (before := one.parent) is not None and before.over():
                _inherit(one, before)
                one.parent = before.parent
        one = one.parent
    return session


def _inherit(heir: Session, gone: Session) -> None:
    """Leave to `heir` what it would have found in `gone`. Both are over: what they share is only read."""
    heir.heard, after = gone.heard, heir.heard
    heir.remember(after)
    for agent in [agent for known in tuple(gone.agents) if (agent := known()) is not None]:
        mine, theirs = _kept(agent, heir), _kept(agent, gone)
        if theirs is None or (mine is not None and mine.lent is None):
            continue
        if mine is not None and mine.written() and (both := _committed(agent, heir)) is not None:
            theirs = both
        _keep(agent, heir, theirs)


def frame_here() -> Frame | None:
    """The frame that the caller stands in, or None. Of a run that is over: the frame of what it was nested in."""
    frame = current.get()
    if frame is None or not frame.run.over:
        return frame
    going: Run | None = next((run for run in frame.run.lineage() if not run.over), None)
    return None if going is None else Frame(going, going.is_async)


def state_of(agent: Stateful) -> AgentState:
    """The agent's state in the run that the caller stands in, else in its session, else the last committed one."""
    frame = current.get()
    if frame is not None:
        known: AgentState | None = None if frame.run.over else frame.run.states.get(agent)
        if known is not None:
            return known
        frame = frame_here()
    if frame is not None:
        return run_state(frame.run, agent)
    session = session_here()
    if session is _main and _here.get() is None and (seen := _kept(agent, _seen)) is not None:
        return seen
    own = _kept(agent, session)
    if own is not None and own.written():
        return own
    source = _committed(agent, session.parent) or (_kept(agent, _seen) if _on_main_thread() else None)
    source = source or agent._last_state or _seed(agent)
    if own is None or not own.is_copy_of(source):
        own = source.lend()
        _keep(agent, session, own)
    return own


def run_state(run: Run, agent: Any) -> AgentState:
    """The agent's state in `run`, forked at first touch from what the run stands in."""
    state = run.states.get(agent)
    if state is None:
        if run.parent is not None:
            state = run_state(run.parent, agent).fork()
            state.kept = None
        else:
            before = _committed(agent, run.session)
            state = before.fork() if before is not None else _seed(agent)
            _begin_kept(run, state)
        state.own = agent._own_inner()
        state = run.states.setdefault(agent, state)  # tools that run together may touch it at the same time
        *_, root = run.lineage()
        if root.owed is not None:
            root.owed(run, agent)
    return state


def _begin_kept(run: Run, state: AgentState) -> None:
    """A journaled run begins with what the program kept when it first began, however often it is carried on here."""
    if run.table is None or run.table.place is None:
        return
    if state.kept_before is not None and state.kept_before[0] == run.id:
        state.kept = own_copy(state.kept_before[1])
    state.kept_before = (run.id, own_copy(state.kept))


def _seed(agent: Any) -> AgentState:
    """The state of an agent that never talked in this context: what its constructor was given."""
    first: AgentState | None = agent._first_state
    return first.fork() if first is not None else AgentState()


def _kept(agent: Stateful, session: Session) -> AgentState | None:
    return None if agent._states is None else agent._states.get(ref(session))


def _keep(agent: Stateful, session: Session, state: AgentState) -> None:
    if agent._states is None:
        agent._states = {}
    states: States = agent._states
    states[ref(session, states.pop)] = state
    if session.seat is not None:
        session.agents[ref(agent, session.agents.pop)] = None


def _committed(agent: Stateful, session: Session | None) -> AgentState | None:
    """What the session goes on from: what was committed last, and what was written since."""
    written: list[AgentState] = []
    found: AgentState | None = None
    while session is not None:
        state = _kept(agent, session)
        if state is not None and state.lent is None:
            found = state
            break
        if state is not None and state.written():
            written.append(state)
        session = session.parent
    if written:
        found = found.fork() if found is not None else _seed(agent)
        for state in reversed(written):
            state.write_to(found)
    return found


def commit(run: Run) -> None:
    """Give a finished run's states to what it stood in: the parent run, or the session."""
    if run.parent is not None and run.parent.status == "cancelled":
        return  # left behind in a thread; the session has gone on without it
    words = run.to_remember() if run.parent is None else None
    if words is not None:
        run.session.remember((words,))
    for agent, state in dict(run.states).items():
        with _committing:  # an agent's runs may end in several threads at once
            if run.parent is not None:
                run_state(run.parent, agent).take(state)
                continue
            if state.kept_before is not None and run.status != "done" and run.table.place is not None:
                state.kept = own_copy(state.kept_before[1])  # the run goes on later, from its beginning
            state.settle()
            agent._last_state = state
            _keep(agent, run.session, state)
            if _on_main_thread():
                _keep(agent, _seen, state)
