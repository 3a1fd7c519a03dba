"""What does a tool call cost? One agent calls a tool twenty times in sequence, another executes it.

A tool call is a model call that asks for it, the arguments decoded and checked, the
function called, its result encoded. The cost of the last model call, which answers, is
spread over the twenty.
"""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

from bench import bodies
from bench.agents import talker
from bench.harness import Bench, Row, Target
from bench.measure import Job, Sample, a_repeat, library, repeat

CALLS = 20


def add(a: Annotated[int, "first number"], b: Annotated[int, "second number"]) -> int:
    return a + b


async def a_add(a: Annotated[int, "first number"], b: Annotated[int, "second number"]) -> int:
    return a + b


def _start(job: Job, tool: Any) -> tuple[Any, dict[str, Any]]:
    autogen = library()
    assistant = talker("assistant", job.base_url)
    user = autogen.UserProxyAgent(
        "user", human_input_mode="NEVER", max_consecutive_auto_reply=1_000_000, code_execution_config=False
    )
    autogen.register_function(tool, caller=assistant, executor=user, name="add", description="Add two numbers.")
    chat = {"recipient": assistant, "message": "Add the numbers one by one.", "max_turns": job.size + 1}
    return user, {**chat, "silent": True}


def tools_sync(job: Job) -> Sample:
    """Chats of job.size tool calls with `initiate_chat`."""

    def once() -> object:
        user, chat = _start(job, add)
        return user.initiate_chat(**chat)

    return {**repeat(job, once), "calls": (job.size + 1) * (job.warm + job.repeat)}


def tools_async(job: Job) -> Sample:
    """The same with `a_initiate_chat` and an async tool."""

    async def once() -> object:
        user, chat = _start(job, a_add)
        return await user.a_initiate_chat(**chat)

    return {**asyncio.run(a_repeat(job, once)), "calls": (job.size + 1) * (job.warm + job.repeat)}


def _tool_call(bench: Bench, face: str) -> Iterator[Row]:
    ours = f"bench.toolcalls:tools_{face}"
    job = bench.job(f"tools,calls={CALLS}", size=CALLS, repeat=bench.options.pick(50, 10))
    floor_job = bench.with_bodies(job, ours, CALLS + 1, lambda: bodies.tool_calls(CALLS))
    samples, floors = bench.both(ours, job, f"bench.floors:chat_{face}", floor_job)
    yield bench.ratio(
        f"tool-{face}",
        [s["cpu_s"] / CALLS * 1e6 for s in samples],
        [s["cpu_s"] / CALLS * 1e6 for s in floors],
        cost_unit="us/call",
        target=Target(3),
        n=CALLS,
    )


def tool_sync(bench: Bench) -> Iterator[Row]:
    return _tool_call(bench, "sync")


def tool_async(bench: Bench) -> Iterator[Row]:
    return _tool_call(bench, "async")
