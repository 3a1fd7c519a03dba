"""The run that the calling code stands in, found through the context: how nested faces join it.

A frame says which run a thread or task is inside of. Tools and callbacks run with the context copied, so a blocking or
async face called in one of them finds the frame and joins the run as a branch, instead of starting a run of its own.
Refuses to know what a run holds.
"""

from contextvars import ContextVar
from typing import Any

from msgspec import Struct


class Frame(Struct, frozen=True, eq=False):
    """Where the calling code stands: `run` is the run in progress."""

    run: Any
    is_async: bool
    """The run was started by an `a_` face."""
    delivering: Any = None
    """The message being handed over to an overridden `send` or `receive`; `super()` then records only."""


current: ContextVar[Frame | None] = ContextVar("autogen_frame", default=None)
