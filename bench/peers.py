"""What does another library's persistence cost on the same conversation: LangGraph with its SQLite checkpointer.

The conversation is that of `bench.journal`: two speakers in turn, each reply 2 kB from the same server, the whole
history sent each time. Its nodes call the server with `http.client`, with a checkpointer and without, so that only the
checkpointer is measured. All turns are steps of one `invoke`, which is the cheapest way there is to checkpoint each.

LangGraph lives in an environment of its own, made once in the cache folder from the package index.
"""

import http.client
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bench.harness import Bench, Row, median, run_python, spread
from bench.journal import REPLY, TURNS
from bench.measure import Job, Meter, Sample

PACKAGES = ("langgraph", "langgraph-checkpoint-sqlite", "msgspec")
_HEADERS = {"content-type": "application/json", "authorization": "Bearer bench"}


def _graph(job: Job) -> Any:
    """Two nodes that answer in turn until job.size replies are there; not yet compiled."""
    from langchain_core.messages import AIMessage
    from langgraph.graph import END, START, MessagesState, StateGraph

    parts = urlsplit(job.base_url)
    connection = http.client.HTTPConnection(parts.netloc)

    def speak(state: Any, name: str) -> dict[str, list[Any]]:
        said = state["messages"]
        sent = [
            {"role": "assistant" if message.name == name else "user", "content": message.content, "name": message.name}
            for message in said
        ]
        body = msgspec.json.encode({"model": "gpt-4o", "stream": False, "messages": sent})
        connection.request("POST", f"{parts.path}/chat/completions", body, _HEADERS)
        answer = msgspec.json.decode(connection.getresponse().read())
        return {"messages": [AIMessage(answer["choices"][0]["message"]["content"], name=name)]}

    def after(other: str) -> Any:
        return lambda state: END if len(state["messages"]) > job.size else other

    graph = StateGraph(MessagesState)
    for name, other in (("critic", "writer"), ("writer", "critic")):
        graph.add_node(name, lambda state, name=name: speak(state, name))
        graph.add_conditional_edges(name, after(other))
    graph.add_edge(START, "critic")
    return graph


def _invoke(graph: Any, job: Job, number: int) -> None:
    from langchain_core.messages import HumanMessage

    from bench.agents import OPENING

    configured = {"recursion_limit": job.size + 5, "configurable": {"thread_id": f"run-{number}"}}
    ended = graph.invoke({"messages": [HumanMessage(OPENING, name="writer")]}, configured)
    if len(ended["messages"]) != job.size + 1:
        raise RuntimeError(f"{len(ended['messages']) - 1} replies came in place of {job.size}")


def langgraph_plain(job: Job) -> Sample:
    """job.repeat conversations of job.size steps: CPU of one."""
    return _measured(_graph(job).compile(), job)


def langgraph_saved(job: Job) -> Sample:
    """The same with the checkpointer; also the bytes of its file and log after them."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with (
        tempfile.TemporaryDirectory(prefix="bench-langgraph-") as folder,
        SqliteSaver.from_conn_string(str(Path(folder, "saved.db"))) as saver,
    ):
        sample = _measured(_graph(job).compile(checkpointer=saver), job)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    return {**sample, "bytes": size / (job.warm + job.repeat)}


def _measured(graph: Any, job: Job) -> Sample:
    for number in range(job.warm):
        _invoke(graph, job, number)
    meter = Meter()
    for number in range(job.repeat):
        _invoke(graph, job, job.warm + number)
    return {**meter.read(job.repeat), "calls": job.size * (job.warm + job.repeat)}


def environment_python() -> str:
    """The interpreter of LangGraph's environment, made when it is not there yet. Raises BenchError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "pyautogen-bench" / f"langgraph-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        run_python([sys.executable, "-m", "venv", "--clear", str(folder)])
        run_python([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES])
        (folder / "complete").touch()
    return str(python)


def langgraph_rows(bench: Bench) -> Iterator[Row]:
    """Two rows: CPU per step that the checkpointer adds, and what it leaves on the disk."""
    python = environment_python()
    versions = run_python([python, "-c", _VERSIONS]).decode().strip()
    job = bench.job(REPLY, size=TURNS, repeat=1)
    plain, saved = [], []
    for _ in range(bench.options.rounds or bench.options.pick(3, 1)):
        plain.append(bench.child("bench.peers:langgraph_plain", job, python))
        saved.append(bench.child("bench.peers:langgraph_saved", job, python))
    costs = [(a["cpu_s"] - b["cpu_s"]) / TURNS * 1e3 for a, b in zip(saved, plain, strict=True)]
    yield Row(
        name="langgraph",
        value=median(costs),
        unit="ms above plain",
        ours=median([sample["cpu_s"] / TURNS * 1e3 for sample in saved]),
        floor=median([sample["cpu_s"] / TURNS * 1e3 for sample in plain]),
        cost_unit="ms/step",
        n=TURNS,
        rounds=len(costs),
        spread=spread(costs),
        note=f"floor: the same graph without a checkpointer; {versions}",
    )
    size = median([sample["bytes"] / 1e6 for sample in saved])
    yield Row(name="langgraph-size", value=size, unit="MB", ours=size, cost_unit="MB", n=TURNS, rounds=len(costs))


_VERSIONS = """
from importlib.metadata import version
print(", ".join(f"{name} {version(name)}" for name in ("langgraph", "langgraph-checkpoint-sqlite")))
"""
