"""A tool that is called again when its run goes on, to rebuild what it keeps in memory: free ones that say so.

Decides whether it gave what it had given. Refuses to know when that is asked for (`journaled.py`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from autogen.core.errors import EndsRun, LimitReached
from autogen.core.events import Event, ToolFinished, ToolStarted
from autogen.core.secrets import hide
from autogen.drivers.performer import EmitNow
from autogen.runs import codec
from autogen.runs.digest import of_bytes, shown
from autogen.runs.error_codec import decode_error
from autogen.runs.requests import MARK
from autogen.runs.rows import Entry

if TYPE_CHECKING:
    from autogen.runs.journaled import Journaled


async def called_again(here: "Journaled", known: Entry, work: Callable[[], Any]) -> Any:
    """What the tool had given, after it was called again and gave the same. Raises Diverged."""
    log = here.log
    row = log.row
    outcome = here.recalled(known)
    made = await work()
    encoded = hide(codec.encode(made, known.label))
    if encoded == known.answer or MARK in known.answer:
        return outcome
    recorded = f"the tool {known.label!r} gave {shown(outcome.content)}"
    log.leave(row, known.address, of_bytes(encoded), recorded, f"called again, it gives {shown(made.content)}")
    await here.write(replace(known, ended=log.clock(), answer=encoded))
    return made


def told_again(emit: EmitNow) -> EmitNow:
    """Observers are told of the call as of one that is recalled."""

    def again(event: Event) -> None:
        emit(replace(event, replayed=True) if isinstance(event, (ToolStarted, ToolFinished)) else event)

    return again


def ended_inside(entry: Entry | None) -> Entry | None:
    """The entry, if the run ended by an error of its own inside this effect: what it had done by then is not known."""
    if entry is None or entry.state != "failed":
        return None
    raised = decode_error(entry.answer, entry.address)
    return entry if isinstance(raised, EndsRun) and not isinstance(raised, LimitReached) else None
