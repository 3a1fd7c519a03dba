"""Which agent is meant by a name in a journal: one that the run knows, else one that the program's function can reach.

A recalled function is not called, so the agents that only it knows have not been met by the run. They stand in its
closure, its globals, its arguments, or in objects that these hold. Looked for are only names that are asked for.
Refuses to know what is done to the agents.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from functools import partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final, cast

from msgspec import Struct

from autogen.conversation.run import Run

MOST: Final = 5_000
"""Objects that are looked at for one function."""
_PLAIN: Final = (str, bytes, bytearray, int, float, complex, bool, type(None), type, range)


class Meant:
    """The agents that a run's log has led to, by name."""

    __slots__ = ("_about", "_known", "met")

    def __init__(self) -> None:
        self.met: dict[str, Any] = {}
        self._about: dict[tuple[int, int], tuple[Any, ...]] = {}
        """Functions, each with its arguments of one call, that were not looked into yet."""
        self._known: dict[tuple[int, int], Any] = {}
        """All functions so far, kept so that no other one has the same identity."""

    def look_into(self, function: Any, *arguments: Any) -> "Meant":
        """Let agents be found in these, too."""
        key = (id(getattr(function, "__func__", function)), id(getattr(function, "__self__", None)))
        if key not in self._known:
            self._known[key] = function
            self._about[key] = (function, *arguments)
        return self

    def meet(self, agent: Any) -> None:
        self.met.setdefault(agent.name, agent)

    def find(self, run: Run, name: str) -> Any:
        """The agent of that name, or None. Those of this run win over those of a run that it is nested in."""
        for one in run.lineage():
            for agent, state in tuple(one.states.items()):
                if getattr(agent, "name", None) == name:
                    return agent
                for partner in (*state.histories, *state.counters):
                    if getattr(partner, "name", None) == name:
                        return partner
        while name not in self.met and self._about:
            for agent in _reached(self._about.popitem()[1]):
                self.meet(agent)
        return self.met.get(name)


def _reached(about: tuple[Any, ...]) -> Iterator[Any]:
    """Agents that can be reached from these, the nearest first."""
    waiting: deque[Any] = deque(about)
    seen: set[int] = set()
    while waiting and len(seen) < MOST:
        value = waiting.popleft()
        if id(value) in seen or isinstance(value, _PLAIN):
            continue
        seen.add(id(value))
        kind = cast("Any", type)(value)
        if hasattr(kind, "_state") and isinstance(getattr(value, "name", None), str):
            yield value
        waiting.extend(_held(value))


def _held(value: Any) -> Iterator[Any]:
    """What an object holds, without calling anything of it."""
    if isinstance(value, FunctionType):
        yield from _held_by_function(value)
    elif isinstance(value, MethodType):
        yield value.__self__
        yield value.__func__
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from cast("list[Any]", value)
    elif isinstance(value, Mapping):
        if isinstance(value, dict):
            yield from cast("dict[Any, Any]", value).values()
    elif not isinstance(value, (ModuleType, CodeType)):
        if isinstance(value, Struct):
            yield from (getattr(value, name) for name in value.__struct_fields__)
        elif isinstance(value, partial):
            yield from (cast("Any", value.func), value.args, value.keywords)
        yield from tuple(getattr(cast("Any", value), "__dict__", {}).values())


def _held_by_function(function: FunctionType) -> Iterator[Any]:
    names = set(_names(function.__code__))
    known = function.__globals__
    for name in names:
        if name in known:
            held: Any = known[name]
            yield held
            if isinstance(held, ModuleType):
                yield from (vars(held)[inner] for inner in names if inner in vars(held))
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # nothing was put into it yet
            continue
    yield from function.__defaults__ or ()
    yield from (function.__kwdefaults__ or {}).values()
    yield from vars(function).values()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
