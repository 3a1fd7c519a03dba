"""What went out while a model call was performed: the last request, how many there were, whether text came in pieces.

Refuses to know where requests are kept (`requests.py`).
"""

from autogen.core.events import Delta, Event, ModelFinished, RequestSent
from autogen.core.model import Usage
from autogen.drivers.performer import EmitNow


class Sent:
    """An `emit` that remembers the last request that went out."""

    __slots__ = ("_emit", "count", "last", "lost", "streamed")

    def __init__(self, emit: EmitNow, lost: tuple[Usage, float | None] | None) -> None:
        self._emit = emit
        self.lost = lost
        """What failed attempts may have been billed, those of earlier processes included."""
        self.streamed = False
        self.last: RequestSent | None = None
        self.count = 0

    def __call__(self, event: Event) -> None:
        if isinstance(event, RequestSent):
            self.last = event
            self.count += 1
        elif isinstance(event, Delta):
            self.streamed = event.kind != "reset"
        elif isinstance(event, ModelFinished) and event.lost is not None:
            usage, usd = self.lost or (Usage(), 0.0)
            self.lost = (usage + event.lost, None if usd is None or event.lost_usd is None else usd + event.lost_usd)
        self._emit(event)
