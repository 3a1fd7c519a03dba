"""What does it cost to begin: the import, an agent, the installation?

Import: CPU of a fresh interpreter that imports `autogen`, makes a `ConversableAgent` and
lets it answer once without a model, above a fresh interpreter that does nothing. An
agent: CPU and resident memory of one more `AssistantAgent` with a model configured.
Installation: distributions in a fresh virtual environment.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.agents import llm_config
from bench.harness import ROOT, Bench, BenchError, Row, Target, median, run_python, spread
from bench.measure import Job, Meter, Sample, library, rss_kib

_USE = """
import autogen
agent = autogen.ConversableAgent("a", llm_config=False, human_input_mode="NEVER", default_auto_reply="hello")
reply = agent.generate_reply(messages=[{"role": "user", "content": "hi"}])
if reply != "hello":
    raise SystemExit(f"the agent answered {reply!r}")
"""
_REPORT = """
import sys
with open("/proc/self/statm") as statm:
    print(len(sys.modules), statm.read().split()[1])
"""
_NOT_OURS = ("pip", "setuptools", "wheel", "pkg_resources", "_distutils_hack", "distutils-precedence")


def _interpreter(code: str) -> Sample:
    """A fresh interpreter that runs `code`: its CPU from start to end, modules and resident MiB at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", code + _REPORT], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        out, errors = process.stdout, process.stderr
        printed = out.read() if out else b""
        said = errors.read() if errors else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = said.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise BenchError(f"a fresh interpreter ended with {process.returncode}: {tail[0]}")
    modules, pages = printed.split()[-2:]
    mib = int(pages) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return {"cpu_ms": (usage.ru_utime + usage.ru_stime) * 1000, "modules": int(modules), "rss_mib": mib}


def import_rows(bench: Bench) -> Iterator[Row]:
    """Three rows: CPU above a bare interpreter, modules and memory at the end."""
    rounds = bench.options.rounds or bench.options.pick(21, 5)
    ours: list[Sample] = []
    bare: list[Sample] = []
    if not bench.options.floors_only:
        _interpreter(_USE)  # compiles what is not compiled yet
    for _ in range(rounds):
        bare.append(_interpreter(""))
        if not bench.options.floors_only:
            ours.append(_interpreter(_USE))
    for name, key, unit, target in (
        ("import", "cpu_ms", "ms", Target(60)),
        ("import-modules", "modules", "modules", None),
        ("import-memory", "rss_mib", "MiB", None),
    ):
        our_cost, bare_cost = median([s[key] for s in ours]), statistics.median(s[key] for s in bare)
        yield Row(
            name=name,
            value=None if our_cost is None else our_cost - bare_cost,
            unit=f"{unit} above bare",
            ours=our_cost,
            floor=bare_cost,
            cost_unit=unit,
            target=target,
            n=1,
            rounds=rounds,
            spread=spread([s[key] for s in ours]),
        )


def agents_made(job: Job) -> Sample:
    """job.size agents, all kept. Gives cpu_s and kib for each."""
    autogen = library()

    def make(count: int) -> list[object]:
        return [autogen.AssistantAgent(f"agent_{i}", llm_config=llm_config(job.base_url)) for i in range(count)]

    warm = make(10)
    before = rss_kib()
    meter = Meter()
    agents = make(job.size)
    cost = meter.read(len(agents))
    return {**cost, "kib": (rss_kib() - before) / len(agents), "calls": 0, "warm": len(warm)}


def agent_rows(bench: Bench) -> Iterator[Row]:
    """Two rows: CPU and memory of one more agent. There is no floor: a bare loop has no agents."""
    size = bench.options.pick(2000, 500)
    job = bench.job("text", size=size, repeat=1)
    rounds = 0 if bench.options.floors_only else bench.rounds
    samples = [bench.child("bench.startup:agents_made", job) for _ in range(rounds)]
    for name, unit, costs, target in (
        ("agent", "ms", [s["cpu_s"] * 1000 for s in samples], Target(0.03)),
        ("agent-memory", "KiB", [s["kib"] for s in samples], Target(2)),
    ):
        cost = median(costs)
        yield Row(
            name=name,
            value=cost,
            unit=unit,
            ours=cost,
            cost_unit=unit,
            target=target,
            n=size,
            rounds=rounds,
            spread=spread(costs),
        )


def install_rows(_: Bench) -> Iterator[Row]:
    """Two rows: distributions of the core install in a fresh environment, and their size on disk."""
    with tempfile.TemporaryDirectory(prefix="bench-install-") as folder:
        run_python([sys.executable, "-m", "venv", folder])
        python = str(Path(folder, "bin", "python"))
        run_python([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(ROOT)])
        listed = json.loads(run_python([python, "-m", "pip", "list", "--format=json", "--disable-pip-version-check"]))
        names = sorted(entry["name"] for entry in listed if entry["name"] not in _NOT_OURS)
        size = _disk_mb(next(Path(folder, "lib").glob("python*/site-packages")))
    count = float(len(names))
    yield Row(
        name="install",
        value=count,
        unit="distributions",
        ours=count,
        cost_unit="distributions",
        target=Target(10),
        n=1,
        rounds=1,
        note=", ".join(names),
    )
    yield Row(name="install-size", value=size, unit="MB", ours=size, cost_unit="MB", n=1, rounds=1)


def _disk_mb(site_packages: Path) -> float:
    """Bytes of the files below, without compiled ones and without pip's own, in MB."""
    total = 0
    for entry in site_packages.iterdir():
        if entry.name.startswith(_NOT_OURS):
            continue
        files = [entry] if entry.is_file() else entry.rglob("*")
        total += sum(f.stat().st_size for f in files if f.is_file() and "__pycache__" not in f.parts)
    return total / 1e6
