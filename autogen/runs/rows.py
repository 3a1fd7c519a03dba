"""What a journal keeps: runs, their entries, answers. The one place that knows these shapes; stores move them.

A run's entries are an append-only log. Several entries may stand at one address (started, then done; failed, then
tried again): the last one counts. Refuses to know what answers mean (`codec.py`) and where they are kept (a store).
"""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

FORMAT: Final = 1
"""Number of the journal's format, in every file. A reader refuses what it does not know."""

RunStatus: TypeAlias = Literal["running", "paused", "done", "failed", "cancelled"]
EntryKind: TypeAlias = Literal["model", "tool", "code", "human", "callback", "sleep"]
EntryState: TypeAlias = Literal["started", "done", "failed", "waiting"]


class RunRow(Struct, frozen=True, kw_only=True):
    """One run. Times are seconds since 1970."""

    id: str
    status: RunStatus = "running"
    created: float = 0.0
    updated: float = 0.0
    title: str = ""
    """For lists: who talks to whom, and how it began."""
    entry: str = ""
    """The name of its entry function; "" for a chat that a script started."""
    arguments: bytes = b"null"
    """JSON arguments of the entry function."""
    facts: Mapping[str, str] = {}
    """What must be the same for the run to go on: name -> digest."""
    parent: str | None = None
    """The run that this one was forked from."""
    fork_seq: int = 0
    """The parent's last entry that this run shares."""
    changes: bytes = b"{}"
    """JSON: what a fork does in another way than its parent."""
    stop_reason: str = ""
    stop_detail: str = ""
    error: str = ""
    result: bytes = b""
    """The answer of a finished run, encoded."""
    usd: float | None = 0.0
    """US dollars; None when a model's price is not known."""
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0
    cancel: bool = False
    """Somebody asked for its end; whoever carries it on ends it at the next effect."""
    generation: int = 0
    """Counts who carried it on; an older one's writes are refused."""
    owner: str = ""
    """Who carries it on now: `host:boot:pid:start`, "" for nobody."""
    lease_until: float = 0.0


class RunChange(Struct, frozen=True, kw_only=True):
    """How a run ended, or where it was left: written when it is let go."""

    status: RunStatus
    updated: float
    stop_reason: str = ""
    stop_detail: str = ""
    error: str = ""
    result: bytes = b""
    usd: float | None = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    model_calls: int = 0


class Entry(Struct, frozen=True, kw_only=True, gc=False):
    """One entry of a run's log: an effect that was begun, done, failed, or waits for a person."""

    address: str
    kind: EntryKind
    state: EntryState
    agent: str = ""
    label: str = ""
    """The purpose of a model call, the name of a tool or callback, the prompt of a question."""
    digest: str = ""
    """Of the request; another one at the same address is a divergence."""
    attempt: int = 1
    started: float = 0.0
    ended: float = 0.0
    detail: bytes = b""
    """JSON for people: arguments, code, the question's form, where the exact request is kept. "" for nothing."""
    answer: bytes = b""
    """The result or error, encoded by `codec.py`; "" while there is none."""
    seq: int = 0
    """Its place in the log, from 1; given by the store."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a person (or a program in their place) answered to a question. One per address: the first."""

    address: str
    value: bytes
    """JSON."""
    by: str = ""
    at: float = 0.0


class RunQuery(Struct, frozen=True, kw_only=True):
    """Which runs to list, newest first."""

    status: RunStatus | None = None
    text: str = ""
    """Stands in the id, the title or the entry's name."""
    updated_before: float | None = None
    limit: int = 100
    offset: int = 0
