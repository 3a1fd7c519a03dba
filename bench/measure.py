"""Clocks and the contract between the harness and a program that it measures.

A *program* is a function `(Job) -> Sample`. It runs in a fresh process of its own
(`python -m bench.measure module:function JOB`), warms up, measures, and hands back
numbers. This module decides what "cost" means: CPU seconds, user and system, of all
threads of that process; it refuses to know what a program does.
"""

import gc
import importlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import msgspec

Sample: TypeAlias = dict[str, float]
"""What one process measured, by name. Always "calls": model calls made, warm-up included."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What a program is to do."""

    base_url: str
    """Of the server, up to and with `/v1`."""
    size: int
    """How much is one repetition: turns of `initiate_chat`, tool calls, chunks, conversations."""
    repeat: int
    """How many repetitions are measured, as one block."""
    warm: int = 1
    """How many repetitions go before, unmeasured."""
    bodies: str = ""
    """File with the request bodies that a floor replays (see `read_bodies`)."""
    folder: str = ""
    """Where a program finds what another one left for it; "" for none."""


Program: TypeAlias = Callable[[Job], Sample]


class Meter:
    """CPU and wall seconds since it was made; garbage left by what went before is collected first."""

    def __init__(self) -> None:
        gc.collect()
        self._wall = time.perf_counter()
        self._cpu = time.process_time()

    def read(self, count: int = 1) -> Sample:
        """cpu_s and wall_s for each of `count` things done since."""
        cpu, wall = time.process_time() - self._cpu, time.perf_counter() - self._wall
        return {"cpu_s": cpu / count, "wall_s": wall / count}


def repeat(job: Job, once: Callable[[], object]) -> Sample:
    """Do `once` job.warm times, then job.repeat times measured: cpu_s and wall_s of one.

    The repetitions are measured as one block, so that collecting the garbage they make is in the cost.
    """
    for _ in range(job.warm):
        once()
    meter = Meter()
    for _ in range(job.repeat):
        once()
    return meter.read(job.repeat)


async def a_repeat(job: Job, once: Callable[[], Awaitable[object]]) -> Sample:
    """`repeat` for a coroutine function, on the loop that runs."""
    for _ in range(job.warm):
        await once()
    meter = Meter()
    for _ in range(job.repeat):
        await once()
    return meter.read(job.repeat)


def windows(marks: Sequence[float], calls: int, width: int = 50) -> Sample:
    """CPU seconds per turn around turn 50 and at the end of one long chat.

    marks: CPU clock readings, the same number of them at each of `calls` turns.
    Raises ValueError when there are not, or fewer than two windows of turns.
    """
    per_turn, left = divmod(len(marks), calls)
    if left or not per_turn or calls < 2 * width:
        raise ValueError(f"{len(marks)} clock readings do not divide into {calls} turns of at least {2 * width}")
    at = marks[::per_turn]
    early = (at[50 + width // 2] - at[50 - width // 2]) / width
    late = (at[-1] - at[-1 - width]) / width
    return {"early_s": early, "late_s": late}


def rss_kib() -> float:
    """Resident memory of this process now, after a collection of garbage. Linux only."""
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def read_bodies(path: str) -> list[bytes]:
    """Bodies as the server's /recorded gives them: each after its length and a newline."""
    with open(path, "rb") as file:
        data = file.read()
    bodies, at = [], 0
    while at < len(data):
        line = data.index(b"\n", at)
        end = line + 1 + int(data[at:line])
        bodies.append(data[line + 1 : end])
        at = end
    return bodies


def write_bodies(path: str, bodies: Sequence[bytes]) -> None:
    """The inverse of `read_bodies`."""
    with open(path, "wb") as file:
        file.writelines(b"%d\n%b" % (len(body), body) for body in bodies)


def library() -> Any:
    """The `autogen` that this interpreter has: Any, since releases differ in their types."""
    return importlib.import_module("autogen")


def main(argv: Sequence[str]) -> None:
    """Run the program that argv[0] names on the job in argv[1]; print its sample as one JSON line.

    What the program itself prints goes to the null device: a terminal must not be part of a cost.
    """
    answer = os.dup(1)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    module, _, function = argv[0].partition(":")
    program: Program = getattr(importlib.import_module(module), function)
    sample = program(msgspec.json.decode(argv[1], type=Job))
    with os.fdopen(answer, "wb") as out:
        out.write(msgspec.json.encode(sample) + b"\n")


if __name__ == "__main__":
    main(sys.argv[1:])
