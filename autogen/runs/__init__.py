"""Runs that outlive their process: the journal, resume, pause, fork, replay and recordings.

The package can be called: `autogen.runs()` lists the runs of the journal in use.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogen.runs.view import RunView


class _Runs(ModuleType):
    def __call__(self, **wanted: Any) -> "list[RunView]":
        """`listing.list_runs`."""
        from autogen.runs.listing import list_runs

        return list_runs(**wanted)


sys.modules[__name__].__class__ = _Runs
