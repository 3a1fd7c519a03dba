"""Runs programs in fresh processes against the server, floor and ours in turns, and judges the numbers.

It decides what a result is: the median over rounds of two processes that ran one after
the other on one machine, compared as a ratio, with a target beside it and no verdict hidden. It knows
nothing of single scenarios; those are the other modules of this package.
"""

import http.client
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from bench.measure import Job, Sample, read_bodies, write_bodies

ROOT = Path(__file__).resolve().parent.parent
_CHILD_TIMEOUT_S = 900

Verdict: TypeAlias = Literal["holds", "MISSED", "info", "not measured"]


class BenchError(Exception):
    """A scenario could not be measured; the text says why."""


class Target(Struct, frozen=True):
    """The bound that a value is held to."""

    bound: float
    at_least: bool = False
    """True: the value must reach the bound; False: it must not exceed it."""

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:g}"


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table. `None` is: not measured, or there is none."""

    name: str
    value: float | None
    """The number that is judged, in `unit`."""
    unit: str
    """Of the value: "x floor", "ms", ..."""
    ours: float | None = None
    floor: float | None = None
    cost_unit: str = ""
    """Of ours and floor: "us/turn", "turns/s", ..."""
    target: Target | None = None
    n: int = 0
    """Things (turns, chunks, agents, ...) in one repetition."""
    rounds: int = 0
    spread: float | None = None
    """Of the value over the rounds: the distance of its quartiles over its median."""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        if self.value is None:
            return "not measured"
        if self.target is None:
            return "info"
        return "holds" if self.target.holds(self.value) else "MISSED"


class Options(Struct, frozen=True, kw_only=True):
    """What the command line asked for."""

    quick: bool = False
    """Fewer rounds and smaller sizes: minutes become seconds, differences below 2x become noise."""
    floors_only: bool = False
    """Measure the floors alone, on bodies that `bench.bodies` builds."""
    rounds: int | None = None
    """Processes per side and scenario; None: 11, quick 2."""

    def pick(self, full: int, quick: int) -> int:
        return quick if self.quick else full


class ServerHandle:
    """The server's process, started by `running_server` and ended with it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self.port = port

    def base_url(self, behaviour: str) -> str:
        """Where the server answers in this way (see `bench.server`)."""
        return f"http://127.0.0.1:{self.port}/{behaviour}/v1"

    def stats(self) -> tuple[int, float]:
        """(completions answered, CPU seconds used) since it started."""
        answer = msgspec.json.decode(self._get("/stats"), type=dict[str, float])
        return int(answer["requests"]), answer["cpu_s"]

    def recorded(self) -> bytes:
        """The bodies kept by `record=1` since the last call, in the format of `read_bodies`."""
        return self._get("/recorded")

    def _get(self, path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", path)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def running_server() -> Iterator[ServerHandle]:
    """Start the server on a free loopback port; end it, by its own process, afterwards."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.server"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        line = process.stdout.readline() if process.stdout is not None else b""
        if not line:
            raise BenchError("the server did not start; `python -m bench.server` shows why")
        yield ServerHandle(process, int(line))
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Bench:
    """One run of the suite: the server, the options and a folder for recorded bodies."""

    def __init__(self, server: ServerHandle, options: Options, folder: Path) -> None:
        self.server = server
        self.options = options
        self._folder = folder

    @property
    def rounds(self) -> int:
        return self.options.rounds or self.options.pick(11, 2)

    def folder(self, name: str) -> str:
        """A folder of this name, gone when the bench is; empty when it is asked for first."""
        made = self._folder / name
        made.mkdir(exist_ok=True)
        return str(made)

    def job(self, behaviour: str, *, size: int, repeat: int, warm: int = 1) -> Job:
        return Job(base_url=self.server.base_url(behaviour), size=size, repeat=repeat, warm=warm)

    def with_bodies(self, job: Job, ours: str, calls: int, build: Callable[[], Sequence[bytes]]) -> Job:
        """`job` for a floor: with the bodies that `ours` sends for one repetition, `calls` of them.

        Without the library they are built by `build`.
        """
        if self.options.floors_only:
            bodies = list(build())
        else:
            self.server.recorded()
            behaviour, _, rest = job.base_url.partition("/v1")
            self.child(ours, msgspec.structs.replace(job, base_url=f"{behaviour},record=1/v1{rest}", warm=0, repeat=1))
            kept = self._folder / "recorded"
            kept.write_bytes(self.server.recorded())
            bodies = read_bodies(str(kept))
        if len(bodies) != calls:
            raise BenchError(f"{calls} model calls were expected, {len(bodies)} came")
        path = self._folder / f"{ours.replace(':', '.')}-{job.size}.bodies"
        write_bodies(str(path), bodies)
        return msgspec.structs.replace(job, bodies=str(path))

    def child(self, program: str, job: Job, python: str = sys.executable) -> Sample:
        """Run `program` on `job` in a fresh process; its sample, with the server's "server_cpu_s" in it.

        python: the interpreter, when it is another environment's than this one's.
        Raises BenchError when it fails, or when it made other calls than it says (a cache, a retry).
        """
        before = self.server.stats()
        command = [python, "-m", "bench.measure", program, msgspec.json.encode(job).decode()]
        sample = msgspec.json.decode(run_python(command), type=Sample)
        after = self.server.stats()
        if after[0] - before[0] != sample["calls"]:
            raise BenchError(f"{program} made {sample['calls']:g} model calls, the server saw {after[0] - before[0]}")
        return {**sample, "server_cpu_s": after[1] - before[1]}

    def both(self, ours: str, our_job: Job, floor: str, floor_job: Job) -> tuple[list[Sample], list[Sample]]:
        """Samples of ours and of the floor, whose processes take turns; ours is empty for floors only."""
        our_samples, floor_samples = [], []
        for _ in range(self.rounds):
            floor_samples.append(self.child(floor, floor_job))
            if not self.options.floors_only:
                our_samples.append(self.child(ours, our_job))
        return our_samples, floor_samples

    def ratio(
        self,
        name: str,
        ours: Sequence[float],
        floor: Sequence[float],
        *,
        cost_unit: str,
        target: Target | None,
        n: int,
        note: str = "",
    ) -> Row:
        """The row of ours against the floor: the median of the rounds' ratios is judged.

        A round's two processes ran one after the other, so a machine that slows down between
        rounds changes both sides of each ratio.
        """
        ratios = [our_cost / floor_cost for our_cost, floor_cost in zip(ours, floor, strict=False)]
        return Row(
            name=name,
            value=median(ratios),
            unit="x floor",
            ours=median(ours),
            floor=median(floor),
            cost_unit=cost_unit,
            target=target,
            n=n,
            rounds=self.rounds,
            spread=spread(ratios),
            note=note,
        )


def median(values: Sequence[float]) -> float | None:
    """None of nothing."""
    return statistics.median(values) if values else None


def spread(values: Sequence[float]) -> float | None:
    """Distance of the quartiles over the median; None of fewer than two or around zero."""
    if len(values) < 2:
        return None
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else None


def run_python(command: Sequence[str]) -> bytes:
    """Standard output of a child in the repository's root; BenchError with the end of its errors if it fails."""
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CHILD_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as late:
        raise BenchError(f"no result after {_CHILD_TIMEOUT_S} s: {' '.join(command[2:4])}") from late
    if done.returncode:
        tail = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise BenchError(f"{' '.join(command[2:4])} ended with {done.returncode}: {tail[0]}")
    return done.stdout


@contextmanager
def opened(options: Options) -> Iterator[Bench]:
    """A bench with its server and its folder, both gone afterwards."""
    allow_many_files()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, running_server() as server:
        yield Bench(server, options, Path(folder))


def allow_many_files() -> None:
    """Raise this process's soft limit of open files to its hard one: a thousand sockets on each side."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def environment() -> dict[str, str | int]:
    """What somebody needs to repeat a number, or to know why theirs differs."""
    versions = {}
    for name in ("pyautogen", "autogen-agentchat", "msgspec", "pyreqwest", "openai", "aiohttp"):
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count() or 0,
        **versions,
    }
