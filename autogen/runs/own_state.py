"""What functions of the program wrote to `agent.state`: noted while they are called, to be written down and done again.

Notes go by key, to each function that is being called around the write: what is recalled is the outermost one, and
tools that are called at the same time do not take one another's writes for their own. Refuses to know where the state
lives (`agents/own_state.py`).
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Encoder

from autogen.runs import codec
from autogen.runs.digest import to_json
from autogen.runs.errors import NotStorable

MISSING: Final = object()


class Written(Struct, frozen=True, omit_defaults=True):
    """What one function left in one agent's state: JSON by key, and the keys that it took out."""

    agent: str
    values: dict[str, Any] = {}
    gone: list[str] = []


class Notes:
    """The keys that were read or written while one function was called, and what stood there before."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: dict[tuple[str, Any], tuple[dict[str, Any], bytes | None]] = {}

    def touch(self, agent: str, state: dict[str, Any], key: Any) -> None:
        """A value that is read may be changed in place, so that counts, too."""
        if (agent, key) not in self._before:
            value = state.get(key, MISSING)
            self._before[agent, key] = (state, None if value is MISSING else to_json(value))

    def written(self) -> list[Written]:
        """Raises NotStorable for a value that is no JSON, naming agent and key."""
        found: dict[str, Written] = {}
        for (agent, key), (state, before) in list(self._before.items()):
            value = state.get(key, MISSING)
            one = found.setdefault(agent, Written(agent, {}, []))
            if value is MISSING:
                if before is not None:
                    one.gone.append(key)
            elif to_json(_checked(agent, key, value)) != before:
                one.values[key] = value
        return [one for one in found.values() if one.values or one.gone]


def touch_all(notes: Sequence[Notes], written: Sequence[Written], state: dict[str, Any]) -> None:
    """What is done again inside functions that are being called is their doing, too."""
    for one in written:
        for key in (*one.values, *one.gone):
            for note in notes:
                note.touch(one.agent, state, key)


def write_again(state: dict[str, Any], written: Written) -> None:
    """Do to an agent's state what was written to it."""
    from autogen.conversation.state import own_copy

    state.update(own_copy(written.values))
    for key in written.gone:
        state.pop(key, None)


def _checked(agent: str, key: Any, value: Any) -> Any:
    what, field = f"what a function left in the state of agent {agent!r}", f"state[{key!r}]"
    if not isinstance(key, str):
        raise NotStorable(what, field, f"a key of type {type(key).__qualname__}")
    try:
        kind = codec.type_of(value, what)
        Encoder().encode([key, value])
    except NotStorable as refused:
        raise NotStorable(what, f"{field}{refused.field.removeprefix('$')}", refused.kind) from None
    except ValueError as error:  # half a character
        raise NotStorable(what, field, f"text that is no Unicode ({error!s:.80})") from None
    if kind != "json":
        raise NotStorable(what, field, f"{type(value).__qualname__}, which is no JSON or holds something that is none")
    return value
