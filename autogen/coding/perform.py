"""Perform `RunCode`: once, for every driver. Never falls back to another executor or a weaker sandbox.

Decides which executors are ours (they can be stopped, and know why they ended) and which are the program's own.
"""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from msgspec.structs import replace

from autogen.coding.explain import TIMEOUT_MSG
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.effects import RunCode
from autogen.core.errors import AutogenError
from autogen.core.events import CodeFinished
from autogen.drivers.performer import Act, CallProgram, EmitNow

RunBlocks = Callable[[Sequence[CodeBlock], Callable[[], bool]], CodeOutcome]


async def run_code(effect: RunCode, emit: EmitNow, seconds: float | None = None) -> CodeOutcome:
    """Run the effect's blocks in its executor, for `seconds` at most. Failing code is an outcome.

    Raises SandboxUnavailable when there is no sandbox; what an executor of the program's own raises passes through.
    Cancelling the run kills the code's processes.
    """
    started = time.monotonic()
    try:
        outcome = await _run(effect, started, seconds)
    except BaseException as raised:
        why = "refused" if isinstance(raised, AutogenError) else "killed"
        emit(CodeFinished(effect.agent, -1, why, "", time.monotonic() - started))
        raise
    emit(CodeFinished(effect.agent, outcome.exit_code, outcome.why, outcome.sandbox, outcome.seconds))
    return outcome


async def _run(effect: RunCode, started: float, seconds: float | None) -> CodeOutcome:
    run_blocks = _own(effect.executor)
    if run_blocks is None:
        return await _run_program(effect, started, seconds)
    stop = threading.Event()

    def late() -> bool:
        return seconds is not None and time.monotonic() - started >= seconds

    def act(run: RunBlocks = run_blocks) -> CodeOutcome:
        return run(effect.blocks, lambda: stop.is_set() or late())

    outcome = await Act(blocking=act, cancel=stop.set)
    return replace(outcome, why="timeout", exit_code=124) if outcome.why == "killed" and late() else outcome


async def _run_program(effect: RunCode, started: float, seconds: float | None) -> CodeOutcome:
    from autogen.coding.base import outcome_of

    try:
        call = CallProgram(effect.executor.execute_code_blocks, (list(effect.blocks),), timeout=seconds)
        result = await call
    except TimeoutError:
        spent = time.monotonic() - started
        if seconds is None or spent < seconds:
            raise
        return CodeOutcome(exit_code=124, output=f"\n{TIMEOUT_MSG}", why="timeout", sandbox="", seconds=spent)
    return outcome_of(result, time.monotonic() - started)


def _own(executor: Any) -> RunBlocks | None:
    """`run_blocks` of an executor of ours, unless a subclass has its own `execute_code_blocks`, which then counts."""
    for kind in type(executor).__mro__:
        if "run_blocks" in kind.__dict__:
            return cast("RunBlocks", executor.run_blocks)
        if "execute_code_blocks" in kind.__dict__:
            return None
    return None
