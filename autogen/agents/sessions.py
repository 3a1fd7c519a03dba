"""Where an agent's histories live between runs, and which ones the calling code sees.

A session belongs to one context: a thread, or a task of an event loop. A run forks an agent's state from its session
and commits it at its end; a nested chat does the same with the run it joins. Reading outside a run shows this
context's session, else what was committed last in the process. Nothing here outlives the agents.
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
    session = _here.get()
    if session is None and _on_main_thread():
        session = _seen
    found = _committed(agent, session) or agent._last_state
    if found is None:
        found = agent._last_state = _seed(agent)
    return found


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
        state = run.states.setdefault(agent, state)  # tools that run together may touch it at the same time
    return state


def _seed(agent: Any) -> AgentState:
    """The state of an agent that never talked in this context: what its constructor was given."""
    first: AgentState | None = agent._first_state
    return first.fork() if first is not None else AgentState()


def _committed(agent: Stateful, session: Session | None) -> AgentState | None:
    states = agent._states
    while session is not None and states is not None:
        if (state := states.get(ref(session))) is not None:
            return state
        session = session.parent
    return None


def commit(run: Run) -> None:
    """Give a finished run's states to what it stood in: the parent run, or the session."""
    if run.parent is not None and run.parent.status == "cancelled":
        return  # left behind in a thread; the session has gone on without it
    for agent, state in run.states.items():
        with _committing:  # an agent's runs may end in several threads at once
            if run.parent is not None:
                run_state(run.parent, agent).take(state)
                continue
            state.settle()
            if agent._states is None:
                agent._states = {}
            states: States = agent._states
            states[ref(run.session, states.pop)] = agent._last_state = state
            if _on_main_thread():
                states[ref(_seen, states.pop)] = state
