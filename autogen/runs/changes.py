"""What a fork does in another way than its parent: written into its row, read by whoever carries it on.

Refuses to know how a change is carried out: `live.py` applies settings to model calls, `fork.py` writes changed answers
into the fork's own log.
"""

from typing import Any, Final

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from autogen.runs.errors import Damaged
from autogen.runs.rows import RunRow


class Changes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`fork` fills it in; () and {} mean: as in the parent."""

    at: str = ""
    """Address of the first step that the fork does not take over as it was; "" when it takes over none, or all."""
    step: int = 0
    """That step's number in the parent, from 1; 0 for none."""
    digest: str = ""
    """Of the request that made the program leave its parent there; "" where somebody asked for the fork."""
    own: int = 0
    """How many of its own first entries were written when it was made: taken over out of order, or changed."""
    changed: bool = False
    """The last of these is the changed outcome of `at`."""
    restore: bool = False
    """The work directory's files are put back to that point before code runs."""
    arguments: dict[str, Any] = {}
    """Of the entry function: those that differ."""
    system_message: dict[str, str] = {}
    model: dict[str, str] = {}
    parameters: dict[str, dict[str, Any]] = {}
    """By agent: the model calls that the fork makes itself are sent with these."""
    mark: str = ""
    """Tells forks apart that were made at the same moment."""

    @property
    def touches_models(self) -> bool:
        return bool(self.system_message or self.model or self.parameters)


_decode: Final = Decoder(Changes).decode
encode_changes: Final = Encoder().encode


def changes_of(row: RunRow) -> Changes:
    """Raises Damaged."""
    try:
        return _decode(row.changes)
    except ValueError as error:
        raise Damaged(f"what run {row.id!r} changes", str(error)) from None


def passed_on(row: RunRow) -> Changes:
    """What a fork of this run does as this run does it."""
    known = changes_of(row)
    return Changes(system_message=known.system_message, model=known.model, parameters=known.parameters)
