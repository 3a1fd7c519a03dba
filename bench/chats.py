"""What does a turn of two agents cost, and does it stay the same in a long chat?

A turn is one model call and its message. Agents are made inside the measured time, as a
program would; nothing is printed except where the name says so.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from typing import Any

from bench import bodies
from bench.agents import OPENING, pair, turns_for
from bench.harness import Bench, Row, Target, median, spread
from bench.measure import Job, Sample, a_repeat, repeat, windows

TURNS = 51
LONG = 1001


def _start(base_url: str, calls: int, **more: Any) -> tuple[Any, dict[str, Any]]:
    writer, critic = pair(base_url, **more)
    return writer, {"recipient": critic, "message": OPENING, "max_turns": turns_for(calls)}


def two_agents_sync(job: Job) -> Sample:
    """Chats of job.size turns with `initiate_chat`."""

    def once() -> object:
        writer, chat = _start(job.base_url, job.size)
        return writer.initiate_chat(**chat, silent=True)

    return {**repeat(job, once), "calls": job.size * (job.warm + job.repeat)}


def two_agents_printed(job: Job) -> Sample:
    """The same, printed as 0.2 prints (here: to the null device)."""

    def once() -> object:
        writer, chat = _start(job.base_url, job.size)
        return writer.initiate_chat(**chat)

    return {**repeat(job, once), "calls": job.size * (job.warm + job.repeat)}


def two_agents_async(job: Job) -> Sample:
    """Chats of job.size turns with `a_initiate_chat`, one after the other on one loop."""

    async def once() -> object:
        writer, chat = _start(job.base_url, job.size)
        return await writer.a_initiate_chat(**chat, silent=True)

    return {**asyncio.run(a_repeat(job, once)), "calls": job.size * (job.warm + job.repeat)}


class _Clock:
    """Notes the CPU clock whenever an agent asks whether the chat is over: once per turn in 0.2."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def __call__(self, _: object) -> bool:
        self.marks.append(time.process_time())
        return False


def long_chat_sync(job: Job) -> Sample:
    """One chat of job.size turns, with the cost per turn in two windows of it."""
    for _ in range(job.warm):
        writer, chat = _start(job.base_url, 3)
        writer.initiate_chat(**chat, silent=True)
    clock = _Clock()
    writer, chat = _start(job.base_url, job.size, is_termination_msg=clock)
    writer.initiate_chat(**chat, silent=True)
    return {**windows(clock.marks, job.size), "calls": job.size + 3 * job.warm}


def long_chat_async(job: Job) -> Sample:
    """`long_chat_sync` with `a_initiate_chat`."""

    async def run() -> Sample:
        for _ in range(job.warm):
            writer, chat = _start(job.base_url, 3)
            await writer.a_initiate_chat(**chat, silent=True)
        clock = _Clock()
        writer, chat = _start(job.base_url, job.size, is_termination_msg=clock)
        await writer.a_initiate_chat(**chat, silent=True)
        return {**windows(clock.marks, job.size), "calls": job.size + 3 * job.warm}

    return asyncio.run(run())


def _turn(bench: Bench, name: str, ours: str, floor: str, target: Target | None) -> Iterator[Row]:
    job = bench.job("text", size=TURNS, repeat=bench.options.pick(20, 5))
    floor_job = bench.with_bodies(job, ours, TURNS, lambda: bodies.two_agents(TURNS))
    samples, floors = bench.both(ours, job, floor, floor_job)
    yield bench.ratio(
        name,
        [s["cpu_s"] / TURNS * 1e6 for s in samples],
        [s["cpu_s"] / TURNS * 1e6 for s in floors],
        cost_unit="us/turn",
        target=target,
        n=TURNS,
    )


def turn_sync(bench: Bench) -> Iterator[Row]:
    return _turn(bench, "turn-sync", "bench.chats:two_agents_sync", "bench.floors:chat_sync", Target(3))


def turn_async(bench: Bench) -> Iterator[Row]:
    return _turn(bench, "turn-async", "bench.chats:two_agents_async", "bench.floors:chat_async", Target(3))


def turn_printed(bench: Bench) -> Iterator[Row]:
    return _turn(bench, "turn-printed", "bench.chats:two_agents_printed", "bench.floors:chat_sync", None)


def _long(bench: Bench, face: str) -> Iterator[Row]:
    """The judged value is our own growth; the floor's growth, that of the bytes alone, is in the note."""
    ours = f"bench.chats:long_chat_{face}"
    job = bench.job("text", size=LONG, repeat=1)
    floor_job = bench.with_bodies(job, ours, LONG, lambda: bodies.two_agents(LONG))
    samples, floors = bench.both(ours, job, f"bench.floors:long_chat_{face}", floor_job)
    growth = [s["late_s"] / s["early_s"] for s in samples]
    floor_growth = statistics.median(s["late_s"] / s["early_s"] for s in floors)
    yield Row(
        name=f"long-{face}",
        value=median(growth),
        unit="x turn 50",
        ours=median([s["late_s"] * 1e6 for s in samples]),
        floor=median([s["late_s"] * 1e6 for s in floors]),
        cost_unit="us/turn",
        target=Target(1.5),
        n=LONG,
        rounds=bench.rounds,
        spread=spread(growth),
        note=f"costs are at turn 1,000; the floor grows {floor_growth:.2f}x",
    )


def long_sync(bench: Bench) -> Iterator[Row]:
    return _long(bench, "sync")


def long_async(bench: Bench) -> Iterator[Row]:
    return _long(bench, "async")
