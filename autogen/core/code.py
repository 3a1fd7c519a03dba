"""Code to run and what came of it. Refuses to know executors and sandboxes."""

from typing import Literal, TypeAlias

from msgspec import Struct

Why: TypeAlias = Literal["ok", "error", "timeout", "memory", "pids", "disk", "output", "killed", "refused"]


class CodeBlock(Struct, frozen=True):
    """One block of code. `language` is as written in the message ("" when the fence names none)."""

    code: str
    language: str


class CodeOutcome(Struct, frozen=True, kw_only=True):
    """What came of one or more blocks, run in order until the first failure."""

    exit_code: int
    output: str
    why: Why = "ok"
    code_file: str | None = None
    """Path of the (last) file that holds the code, when one was kept."""
    files: tuple[str, ...] = ()
    image: str | None = None
    """The container image, when one was used (0.2 carries it to the next call)."""
    truncated: int = 0
    """Bytes of output that were dropped from the middle."""
    sandbox: str = "off"
    seconds: float = 0.0
