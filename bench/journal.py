"""What does it cost that a conversation outlives its process: CPU per turn, bytes on disk, CPU to go on?

A turn is one model call of two agents whose replies have 2 kB. The plain run and the journaled one are the same program
but for `durable`; both make their agents inside the measured time, and the journaled one begins and ends its run there.
The file is opened once, in the warm-up.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bench.agents import OPENING, pair, turns_for
from bench.harness import Bench, Row, Target, median, spread
from bench.measure import Job, Meter, Sample, library

TURNS = 201
EFFECTS = 501
REPLY = "text,length=2048"

FINISHED = "finished.db"
CUT = "cut.db"
_WARM = 3


def _begin(job: Job, turns: int) -> tuple[Any, dict[str, Any]]:
    writer, critic = pair(job.base_url)
    return writer, {"recipient": critic, "message": OPENING, "max_turns": turns_for(turns), "silent": True}


def _chat(job: Job, turns: int, run_id: str | None) -> object:
    writer, chat = _begin(job, turns)
    return writer.initiate_chat(**chat, **({"run_id": run_id} if run_id else {}))


async def _a_chat(job: Job, turns: int, run_id: str | None) -> object:
    writer, chat = _begin(job, turns)
    return await writer.a_initiate_chat(**chat, **({"run_id": run_id} if run_id else {}))


def _measured(job: Job, around: AbstractContextManager[object], run_ids: bool) -> Sample:
    """job.repeat chats of job.size turns, one after the other, after a short one: CPU of one."""
    with around:
        _chat(job, _WARM, "warm" if run_ids else None)
        meter = Meter()
        for number in range(job.repeat):
            _chat(job, job.size, f"run-{number}" if run_ids else None)
        return {**meter.read(job.repeat), "calls": _WARM + job.size * job.repeat}


async def _a_measured(job: Job, around: AbstractContextManager[object], run_ids: bool) -> Sample:
    with around:
        await _a_chat(job, _WARM, "warm" if run_ids else None)
        meter = Meter()
        for number in range(job.repeat):
            await _a_chat(job, job.size, f"run-{number}" if run_ids else None)
        return {**meter.read(job.repeat), "calls": _WARM + job.size * job.repeat}


def plain_sync(job: Job) -> Sample:
    return _measured(job, nullcontext(), run_ids=False)


def plain_async(job: Job) -> Sample:
    return asyncio.run(_a_measured(job, nullcontext(), run_ids=False))


def journaled_sync(job: Job) -> Sample:
    """`plain_sync` in a journal."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        return _measured(job, library().durable(Path(folder) / "runs.db"), run_ids=True)


def journaled_async(job: Job) -> Sample:
    """`plain_async` in a journal."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        return asyncio.run(_a_measured(job, library().durable(Path(folder) / "runs.db"), run_ids=True))


def journal_bytes(job: Job) -> Sample:
    """What lies on the disk after one chat of job.size turns, while the program still has the journal open."""
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        with library().durable(Path(folder) / "runs.db"):
            _chat(job, job.size, "run")
        sizes = {path: path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()}
    return {
        "bytes": sum(sizes.values()),
        "file": sum(size for path, size in sizes.items() if path.name == "runs.db"),
        "wal": sum(size for path, size in sizes.items() if path.name.endswith(("-wal", "-shm"))),
        "calls": job.size,
    }


def leave_runs(job: Job) -> Sample:
    """Leave two journals in job.folder: of a finished run, and as a crash leaves it right before the last effect."""
    from autogen.runs.sqlite import SqliteStore

    finished, cut = Path(job.folder, FINISHED), Path(job.folder, CUT)

    class Copying(SqliteStore):
        """Copies the journal's files when the last append begins."""

        left = job.size

        def append(self, *given: Any, **named: Any) -> list[int]:
            self.left -= 1
            if not self.left:
                _copy(finished, cut)
            return super().append(*given, **named)

    with library().durable(Copying(finished)):
        _chat(job, job.size, "run")
    return {"calls": job.size}


def _copy(journal: Path, to: Path) -> None:
    for path in journal.parent.glob(f"{journal.name}*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, to.with_name(to.name + path.name.removeprefix(journal.name)))


def recall_finished(job: Job) -> Sample:
    """The same program again in a fresh process: the result, without a model call."""
    return _recalled(job, FINISHED, 0)


def recall_cut(job: Job) -> Sample:
    """The same program again after a crash: all effects but the last one are recalled, that one is performed."""
    return _recalled(job, CUT, 1)


def _recalled(job: Job, name: str, calls: int) -> Sample:
    with tempfile.TemporaryDirectory(prefix="bench-journal-") as folder:
        for _ in range(2):  # imports what a run and its recall need
            with library().durable(Path(folder) / "warm.db"):
                _chat(job, _WARM, "warm")
        journal = Path(folder) / name
        _copy(Path(job.folder) / name, journal)
        meter = Meter()
        with library().durable(journal):
            _chat(job, job.size, "run")
        return {**meter.read(), "calls": _WARM + calls}


def _cost(bench: Bench, face: str) -> Iterator[Row]:
    job = bench.job(REPLY, size=TURNS, repeat=bench.options.pick(5, 2))
    ours, plain = bench.both(f"bench.journal:journaled_{face}", job, f"bench.journal:plain_{face}", job)
    costs = [(a["cpu_s"] - b["cpu_s"]) / TURNS * 1e3 for a, b in zip(ours, plain, strict=True)]
    yield Row(
        name=f"journal-{face}",
        value=median(costs),
        unit="ms above plain",
        ours=median([sample["cpu_s"] / TURNS * 1e3 for sample in ours]),
        floor=median([sample["cpu_s"] / TURNS * 1e3 for sample in plain]),
        cost_unit="ms/turn",
        target=Target(0.1),
        n=TURNS,
        rounds=bench.rounds,
        spread=spread(costs),
        note="floor: the same chat without a journal",
    )


def cost_sync(bench: Bench) -> Iterator[Row]:
    return _cost(bench, "sync")


def cost_async(bench: Bench) -> Iterator[Row]:
    return _cost(bench, "async")


def size_rows(bench: Bench) -> Iterator[Row]:
    """A count: one process is enough."""
    sample = bench.child("bench.journal:journal_bytes", bench.job(REPLY, size=TURNS, repeat=1))
    yield Row(
        name="journal-size",
        value=sample["bytes"] / 1e6,
        unit="MB",
        ours=sample["bytes"] / 1e6,
        cost_unit="MB",
        target=Target(2),
        n=TURNS,
        rounds=1,
        note=f"file {sample['file'] / 1e6:.2f}, log beside it {sample['wal'] / 1e6:.2f}",
    )


def resume_rows(bench: Bench) -> Iterator[Row]:
    """Two rows: a finished run given back, and an interrupted one carried on to its end by one call."""
    job = bench.job(REPLY, size=EFFECTS, repeat=1)
    job = replace(job, folder=bench.folder("journal-resume"))
    bench.child("bench.journal:leave_runs", job)
    for name, program in (("journal-recall", "recall_finished"), ("journal-resume", "recall_cut")):
        samples = [bench.child(f"bench.journal:{program}", job) for _ in range(bench.rounds)]
        costs = [sample["cpu_s"] * 1e3 for sample in samples]
        yield Row(
            name=name,
            value=median(costs),
            unit="ms",
            ours=median(costs),
            cost_unit="ms",
            target=Target(50),
            n=EFFECTS,
            rounds=bench.rounds,
            spread=spread(costs),
        )
