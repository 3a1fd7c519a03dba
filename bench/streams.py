"""What does a chunk of a streamed reply cost when nobody watches?

A burst of 1,000 events, each its own HTTP chunk as providers send them. The rest of the
turn (agents made, request, message) is in the cost, as it is in the floor's. `joined`
is the same burst as one HTTP chunk, `paced` one event each half millisecond; both are
for information.
"""

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

from bench import bodies
from bench.agents import SilentStream, llm_config
from bench.harness import Bench, Row, Target
from bench.measure import Job, Sample, a_repeat, library, repeat

CHUNKS = 1000


def _start(base_url: str) -> tuple[Any, dict[str, Any]]:
    """The chat's starter and its arguments; agents are made here."""
    autogen = library()
    common = {"human_input_mode": "NEVER", "code_execution_config": False}
    assistant = autogen.ConversableAgent("assistant", llm_config=llm_config(base_url, stream=True), **common)
    user = autogen.ConversableAgent("user", llm_config=False, **common)
    return user, {"recipient": assistant, "message": "Count.", "max_turns": 1, "silent": True}


def _without_console() -> None:
    importlib.import_module("autogen.io").IOStream.set_global_default(SilentStream())


def _check(result: Any, chunks: int) -> None:
    words = len(result.chat_history[-1]["content"].split())
    if words != chunks:
        raise RuntimeError(f"the reply has {words} words of {chunks}: chunks were lost")


def stream_sync(job: Job) -> Sample:
    """Streams of job.size chunks with `initiate_chat`."""
    _without_console()
    results: list[Any] = []

    def once() -> None:
        user, chat = _start(job.base_url)
        results[:] = [user.initiate_chat(**chat)]

    sample = repeat(job, once)
    _check(results[0], job.size)
    return {**sample, "calls": job.warm + job.repeat}


def stream_async(job: Job) -> Sample:
    """Streams of job.size chunks with `a_initiate_chat`."""
    _without_console()
    results: list[Any] = []

    async def once() -> None:
        user, chat = _start(job.base_url)
        results[:] = [await user.a_initiate_chat(**chat)]

    sample = asyncio.run(a_repeat(job, once))
    _check(results[0], job.size)
    return {**sample, "calls": job.warm + job.repeat}


def _stream(bench: Bench, name: str, face: str, options: str, target: Target | None) -> Iterator[Row]:
    ours = f"bench.streams:stream_{face}"
    repetitions = bench.options.pick(5, 2) if "pace" in options else bench.options.pick(50, 10)
    job = bench.job(f"stream,chunks={CHUNKS}{options}", size=CHUNKS, repeat=repetitions)
    floor_job = bench.with_bodies(job, ours, 1, bodies.stream)
    samples, floors = bench.both(ours, job, f"bench.floors:stream_{face}", floor_job)
    yield bench.ratio(
        name,
        [s["cpu_s"] / CHUNKS * 1e6 for s in samples],
        [s["cpu_s"] / CHUNKS * 1e6 for s in floors],
        cost_unit="us/chunk",
        target=target,
        n=CHUNKS,
    )


def burst_sync(bench: Bench) -> Iterator[Row]:
    return _stream(bench, "chunk-sync", "sync", "", Target(3))


def burst_async(bench: Bench) -> Iterator[Row]:
    return _stream(bench, "chunk-async", "async", "", Target(3))


def joined_async(bench: Bench) -> Iterator[Row]:
    return _stream(bench, "chunk-joined", "async", ",joined=1", None)


def paced_async(bench: Bench) -> Iterator[Row]:
    return _stream(bench, "chunk-paced", "async", ",pace=0.5", None)
