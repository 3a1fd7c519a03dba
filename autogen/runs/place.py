"""Addresses: where in a run an effect stands, the same in every process that carries the run on.

    user>assistant/1/assistant.model.reply/2

A path of branches; in each, counters per agent, kind and purpose (or callback), never a global position: parallel
branches cannot swap answers, and one more hook does not shift a critic's second reply. What happens in a thread or
task that the program started itself has no order of its own, so its digest stands in the address.
Refuses to know what effects are.
"""

import sys
import threading
from functools import lru_cache
from typing import Any

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F", "~": "%7E"})


class Place:
    """One branch of a run. `path` is "" for the outermost."""

    __slots__ = ("_counts", "beside", "foreign", "home", "leaves_to", "left", "log", "notes", "path", "time")

    def __init__(self, log: Any, path: str, time: float, foreign: str = "", home: bool = False) -> None:
        self.log = log
        """The run's log."""
        self.path = path
        self.time = time
        """Seconds since 1970: when the last effect here ended. Deterministic, unlike a clock."""
        self.foreign = foreign
        """The function of the program that the branch runs inside of, if it cannot be left and entered again."""
        self.home: object = here() if home else None
        """The thread and task that the branch's order is told by; None where the engine keeps the order."""
        self.beside = False
        """Other branches go on at the same time: what changes meanwhile need not be this one's doing."""
        self.left: list[Any] | None = None
        """Where chats that are held here put what they leave, for the effect that they are held in."""
        self.leaves_to: list[Any] | None = None
        """Of a chat: the `left` of the branch that it was begun in."""
        self.notes: tuple[Any, ...] = ()
        """What the functions around this branch note of the state of agents; see `own_state.py`."""
        self._counts: dict[str, int] = {}

    def next(self, key: str, digest: str) -> str:
        """The address of the next effect of this key."""
        if self.home is not None and self.home != here():
            key = f"{key}~{digest[:12]}"
        number = self._counts.get(key, 0) + 1
        self._counts[key] = number
        return f"{self.path}{key}/{number}"

    def inside(self, address: str, foreign: str = "", home: bool = False) -> "Place":
        """The branch of what happens inside the effect of this address."""
        inner = Place(self.log, f"{address}/", self.time, foreign or self.foreign, home)
        inner.left, inner.beside, inner.notes = self.left, self.beside, self.notes
        return inner

    def chat(self, address: str) -> "Place":
        """The branch of a chat that is held in this one."""
        inner = Place(self.log, f"{address}/", self.time, self.foreign)
        inner.leaves_to, inner.notes = self.left, self.notes
        return inner

    def settle_here(self) -> None:
        """The function that this branch belongs to begins now, in this thread and task."""
        self.home = here()


@lru_cache(1024)
def key_of(*words: str) -> str:
    """Names as one segment of an address."""
    return ".".join(word.translate(_ESCAPES) for word in words if word)


def branch_of(address: str) -> str:
    """`a/1/b/2` -> `a/1/`: the branch that an effect stands in."""
    head = address.rpartition("/")[0].rpartition("/")[0]
    return f"{head}/" if head else ""


def here() -> object:
    """This thread, and this task of its event loop if there is one."""
    asyncio = sys.modules.get("asyncio")
    task = None
    if asyncio is not None:
        try:
            task = asyncio.current_task()
        except RuntimeError:  # no loop runs here
            task = None
    return (threading.get_ident(), id(task) if task is not None else 0)
