"""Where an agent's histories live between runs, and which ones the calling code sees.

A session belongs to one context: a thread, or a task of an event loop. A run forks an agent's state from its session
and commits it at its end; a nested chat does the same with the run it joins. Reading outside a run shows this
context's session, else a copy of what was committed last in the process: what is written to it is this context's own,
and its next run begins with it. Nothing here outlives the agents.
"""

import sys
import threading
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias
from weakref import ref

from autogen.conversation.run import Run
from autogen.conversation.state import AgentState
from autogen.drivers.frame import Frame, current


class Session:
    """A context's conversations. `parent` is the session that the context was copied from."""

    __slots__ = ("__weakref__", "owner", "parent")

    def __init__(self, owner: object, parent: "Session | None" = None) -> None:
        self.owner = owner
        self.parent = parent


States: TypeAlias = dict["ref[Session]", AgentState]
"""An agent's states by session: a session's end takes its state out. Lighter than a WeakKeyDictionary."""


class Stateful(Protocol):
    """What an agent keeps for its sessions."""

    _states: "States | None"
    _last_state: AgentState | None


_here: ContextVar[Session | None] = ContextVar("autogen_session", default=None)
_main = Session(("main", None))
"""Blocking calls on the main thread share one session: they cannot overlap, and notebooks change context per cell."""
_seen = Session(("main", "seen"))
"""What any run on the main thread committed last: for reading only, so that a notebook's next cell shows it."""
_committing = threading.Lock()


def looked_in() -> Session | None:
    """The session in which a task's views were looked at so far; a blocking chat in the task commits to another one."""
    known = _here.get()
    return known if known is not None and known is not _main and known.owner == _owner(_in_task()) else None


def open_session(is_async: bool) -> Session:
    """This context's own session, made if it has none or only a copy of another context's."""
    known = _here.get()
    owner = _owner(is_async)
    if known is not None and known.owner == owner:
        return known
    session = _main if owner == _main.owner else Session(owner, known)
    _here.set(session)
    return session


def _owner(is_async: bool) -> object:
    if is_async:
        task = sys.modules["asyncio"].current_task()
        if _is_root(task) and _on_main_thread():
            return _main.owner
        return (threading.get_ident(), ref(task))
    if _on_main_thread():
        return _main.owner
    return (threading.get_ident(), None)


def _is_root(task: Any) -> bool:
    """Is this what `asyncio.run` was called with? A script's chats in one after the other go on where they were.

    The loop marks it by a callback of its own; without the mark the task is taken for one of many.
    """
    callbacks = getattr(task, "_callbacks", None) or ()
    return any("run_until_complete" in getattr(callback[0], "__name__", "") for callback in callbacks)


def frame_here() -> Frame | None:
    """The frame that the caller stands in, or None. Of a run that is over: the frame of what it was nested in."""
    frame = current.get()
    if frame is None or not frame.run.over:
        return frame
    going: Run | None = next((run for run in frame.run.lineage() if not run.over), None)
    return None if going is None else Frame(going, going.is_async)


def state_of(agent: Stateful) -> AgentState:
    """The agent's state in the run that the caller stands in, else in its session, else the last committed one."""
    frame = frame_here()
    if frame is not None:
        return run_state(frame.run, agent)
    session = _own_session()
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


def _own_session() -> Session:
    """This context's session for what it writes outside of runs. A blocking chat in a task looks here, too."""
    owner = _owner(_in_task())
    if owner == _main.owner:
        return _main
    known = _here.get()
    if known is None or known.owner != owner:
        known = Session(owner, known)
        _here.set(known)
    return known


def _in_task() -> bool:
    """Does the caller stand in a task of an event loop? The cells of a notebook do, and count as one script."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None or ("ipykernel" in sys.modules and _on_main_thread()):
        return False
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # no loop runs here
        return False


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def run_state(run: Run, agent: Any) -> AgentState:
    """The agent's state in `run`, forked at first touch from what the run stands in."""
    state = run.states.get(agent)
    if state is None:
        if run.parent is not None:
            state = run_state(run.parent, agent).fork()
        else:
            before = _committed(agent, run.session)
            state = before.fork() if before is not None else _seed(agent)
            if run.looked is not None and (wrote := _kept(agent, run.looked)) is not None and wrote.written():
                wrote.write_to(state)
        state = run.states.setdefault(agent, state)  # tools that run together may touch it at the same time
    return state


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
    for agent, state in dict(run.states).items():
        with _committing:  # an agent's runs may end in several threads at once
            if run.parent is not None:
                run_state(run.parent, agent).take(state)
                continue
            state.settle()
            agent._last_state = state
            _keep(agent, run.session, state)
            if _on_main_thread():
                _keep(agent, _seen, state)
            if run.looked is not None and agent._states is not None:
                agent._states.pop(ref(run.looked), None)
