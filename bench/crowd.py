"""Do a thousand conversations at once go as fast as the bare loop, and what does each keep?

Two agents and eleven turns each, on one loop, against a model that answers after 200 ms.
Turns per second are wall time: the other side of the ratio ran in the same minute on the
same machine. Kept memory is the growth of resident memory per finished conversation
whose agents and result are still referenced, its share of open connections included.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

from bench import bodies
from bench.agents import OPENING, pair, turns_for
from bench.harness import Bench, Row, Target, median, spread
from bench.measure import Job, Meter, Sample, rss_kib

TURNS = 11
DELAY_MS = 200


async def _conversation(base_url: str) -> tuple[Any, Any, Any]:
    writer, critic = pair(base_url)
    result = await writer.a_initiate_chat(critic, message=OPENING, max_turns=turns_for(TURNS), silent=True)
    return writer, critic, result


def crowd(job: Job) -> Sample:
    """job.size conversations at once. Gives wall_s, cpu_s for all and kept_kib for each."""

    async def run() -> Sample:
        for _ in range(job.warm):
            await _conversation(job.base_url)
        before = rss_kib()
        meter = Meter()
        kept = await asyncio.gather(*(_conversation(job.base_url) for _ in range(job.size)))
        return {
            **meter.read(),
            "kept_kib": (rss_kib() - before) / len(kept),
            "calls": TURNS * (job.size + job.warm),
        }

    return asyncio.run(run())


def conversation(job: Job) -> Sample:
    """One conversation, to record its bodies."""
    asyncio.run(_conversation(job.base_url))
    return {"calls": TURNS}


def crowd_rows(bench: Bench) -> Iterator[Row]:
    """Two rows: turns per second and memory kept."""
    size = bench.options.pick(1000, 100)
    floor_job = bench.with_bodies(
        bench.job("text", size=size, repeat=1), "bench.crowd:conversation", TURNS, lambda: bodies.two_agents(TURNS)
    )
    job = bench.job(f"text,delay={DELAY_MS}", size=size, repeat=1)
    floor_job = Job(base_url=job.base_url, size=size, repeat=1, bodies=floor_job.bodies)
    samples, floors = bench.both("bench.crowd:crowd", job, "bench.floors:crowd", floor_job)
    busy = max(s["server_cpu_s"] / s["wall_s"] for s in (*samples, *floors))
    yield bench.ratio(
        "crowd",
        [size * TURNS / s["wall_s"] for s in samples],
        [size * TURNS / s["wall_s"] for s in floors],
        cost_unit="turns/s",
        target=Target(0.9, at_least=True),
        n=size,
        note=f"ideal {size / DELAY_MS * 1000:,.0f} turns/s; the server used {busy:.0%} of a core at most",
    )
    cpu = [s["cpu_s"] / size / TURNS * 1e6 for s in samples]
    yield bench.ratio(
        "crowd-cpu",
        cpu,
        [s["cpu_s"] / size / TURNS * 1e6 for s in floors],
        cost_unit="us/turn",
        target=None,
        n=size,
    )
    kept = [s["kept_kib"] for s in samples]
    yield Row(
        name="crowd-kept",
        value=median(kept),
        unit="KiB",
        ours=median(kept),
        floor=median([s["kept_kib"] for s in floors]),
        cost_unit="KiB",
        target=Target(30),
        n=size,
        rounds=bench.rounds,
        spread=spread(kept),
    )
