"""`agent.state`: what the program keeps on an agent for itself, belonging to the run in progress.

Decides which dict that is. In a run it is that of the outermost run, so that nested chats share it; outside, that of
the session. In a journaled run each key that is touched is noted for the functions that are being called. A program
that sets an attribute of that name on its agent has its own. Refuses to know what becomes of the notes.
"""

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any

from autogen.agents.sessions import frame_here, run_state, state_of

if TYPE_CHECKING:
    from autogen.runs.own_state import Notes


class OwnState:
    """The attribute; without `__set__`, so that a program's own attribute hides it."""

    def __get__(self, agent: Any, kind: type | None = None) -> MutableMapping[str, Any]:
        if agent is None:
            return self  # type: ignore[return-value]  # the class shows the attribute itself
        frame = frame_here()
        if frame is None:
            return state_of(agent).kept_here()
        *_, root = frame.run.lineage()
        kept = run_state(root, agent).kept_here()
        place = (frame.table or frame.run.table).place
        return kept if place is None else Noted(agent.name, kept, place.notes)


class Noted(MutableMapping[str, Any]):
    """A dict of a journaled run: what is read or written is noted. JSON values under text keys."""

    __slots__ = ("_agent", "_kept", "_notes")

    def __init__(self, agent: str, kept: dict[str, Any], notes: "tuple[Notes, ...]") -> None:
        self._agent, self._kept, self._notes = agent, kept, notes

    def _touch(self, key: Any) -> None:
        for note in self._notes:
            note.touch(self._agent, self._kept, key)

    def __getitem__(self, key: str) -> Any:
        self._touch(key)
        return self._kept[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._touch(key)
        self._kept[key] = value

    def __delitem__(self, key: str) -> None:
        self._touch(key)
        del self._kept[key]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def __repr__(self) -> str:
        return repr(self._kept)
