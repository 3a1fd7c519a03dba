"""What was used and what it cost, in 0.2's dicts and its printed form.

    {"total_cost": 0.003, "gpt-4o": {"cost": 0.003, "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}

Decides how answers add up. Refuses to know prices: an answer whose price is not known counts as 0 here, as in 0.2.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, TypeAlias, cast

from msgspec import Struct

from autogen.core.errors import ConfigError
from autogen.core.model import ModelReply

Summary: TypeAlias = dict[str, Any]

RULE = "-" * 100


class Line(Struct, frozen=True, gc=False):
    """What one model was used for."""

    model: str
    cost: float
    input: int
    output: int
    total: int


class Sum(Struct, frozen=True, gc=False):
    """Usage as it is counted: a small part of what its dicts weigh."""

    cost: float = 0
    lines: tuple[Line, ...] = ()

    def plus(self, reply: ModelReply) -> "Sum":
        """The sum with one more answer."""
        cost, usage = reply.cost or 0, reply.usage
        lines: list[Line] = []
        new: Line | None = Line(reply.model, cost, usage.input, usage.output, usage.total)
        for line in self.lines:
            if new is not None and line.model == new.model:
                line = Line(
                    line.model, line.cost + cost, line.input + usage.input, line.output + usage.output,
                    line.total + usage.total,
                )  # fmt: skip
                new = None
            lines.append(line)
        if new is not None:
            lines.append(new)
        return Sum(self.cost + cost, tuple(lines))

    def summary(self) -> Summary:
        """The sum in 0.2's form."""
        made: Summary = {"total_cost": self.cost}
        for line in self.lines:
            made[line.model] = {
                "cost": line.cost,
                "prompt_tokens": line.input,
                "completion_tokens": line.output,
                "total_tokens": line.total,
            }
        return made


_lock = Lock()
"""For all logs: it is held for an addition only."""


class UsageLog:
    """Adds up answers; safe to share between threads.

    total: cached answers included; actual: without them. None until there is something to tell. A dict that was handed
    out is the program's: what it writes there counts, so it is added to by a new dict from then on.
    """

    __slots__ = ("_actual", "_total")

    def __init__(self) -> None:
        self._total: Sum | Summary | None = None
        self._actual: Sum | Summary | None = None

    @property
    def total(self) -> Summary | None:
        with _lock:
            self._total = _summary(self._total)
            return self._total

    @total.setter
    def total(self, value: Summary | None) -> None:
        with _lock:
            self._total = value

    @property
    def actual(self) -> Summary | None:
        with _lock:
            self._actual = _summary(self._actual)
            return self._actual

    @actual.setter
    def actual(self, value: Summary | None) -> None:
        with _lock:
            self._actual = value

    def seen(self) -> tuple[Summary | None, Summary | None]:
        """Total and actual, to be read only."""
        with _lock:
            return _summary(self._total), _summary(self._actual)

    def add(self, reply: ModelReply) -> None:
        with _lock:
            before = self._total
            self._total = _added(before, reply)
            if not reply.cached:
                same = before is self._actual and not isinstance(before, dict)
                self._actual = self._total if same else _added(self._actual, reply)

    def clear(self) -> None:
        with _lock:
            self._total = self._actual = None

    def copied(self) -> "UsageLog":
        other = UsageLog()
        with _lock:
            other._total, other._actual = self._total, self._actual
        return other


def _summary(known: Sum | Summary | None) -> Summary | None:
    return known.summary() if isinstance(known, Sum) else known


def _added(known: Sum | Summary | None, reply: ModelReply) -> Sum | Summary:
    if isinstance(known, dict):
        return added(known, reply)
    return (known or Sum()).plus(reply)


def added(summary: Summary, reply: ModelReply) -> Summary:
    """A new summary with one more answer."""
    new: Summary = dict(summary)
    cost = reply.cost or 0
    new["total_cost"] = new.get("total_cost", 0) + cost
    before: dict[str, Any] = new.get(reply.model) or {}
    new[reply.model] = {
        "cost": before.get("cost", 0) + cost,
        "prompt_tokens": before.get("prompt_tokens", 0) + reply.usage.input,
        "completion_tokens": before.get("completion_tokens", 0) + reply.usage.output,
        "total_tokens": before.get("total_tokens", 0) + reply.usage.total,
    }
    return new


def merged(summaries: Iterable[Mapping[str, Any] | None]) -> Summary:
    """The sum of several summaries."""
    out: Summary = {"total_cost": 0}
    for summary in summaries:
        if not summary:
            continue
        for key, value in summary.items():
            if key == "total_cost":
                out["total_cost"] += value
                continue
            known = out.setdefault(key, {"cost": 0, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0})
            for name in known:
                known[name] += value.get(name, 0)
    return out


def gather_usage_summary(agents: Iterable[Any]) -> dict[str, Summary]:
    """The usage of several agents together, with and without cached answers; agents without a client count 0."""
    clients = [client for agent in agents if (client := getattr(agent, "client", None)) is not None]
    used = [_used(client) for client in clients]
    return {
        "usage_including_cached_inference": merged(total for total, _ in used),
        "usage_excluding_cached_inference": merged(actual for _, actual in used),
    }


def _used(client: Any) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    if hasattr(cast("type[object]", type(client)), "usage_now"):
        both: tuple[Mapping[str, Any] | None, Mapping[str, Any] | None] = client.usage_now()
        return both
    return getattr(client, "total_usage_summary", None), getattr(client, "actual_usage_summary", None)


def print_summary(
    total: Mapping[str, Any] | None, actual: Mapping[str, Any] | None, mode: Any, write: Callable[[str], Any]
) -> None:
    """0.2's report, line by line. mode: "actual", "total" or a list of them. Raises ValueError for anything else."""
    kinds: list[Any] = list(cast("Iterable[Any]", mode)) if isinstance(mode, (list, tuple)) else [mode]
    if total is None:
        write('No usage summary. Please call "create" first.')
        return
    wanted = [kind for kind in ("actual", "total") if kind in kinds]
    if not wanted:
        write(RULE)
        raise ConfigError(f'Invalid mode: {mode}, choose from "actual", "total", ["actual", "total"]')
    write(RULE)
    if "actual" in wanted:
        if actual is None:
            write("No actual cost incurred (all completions are using cache).")
        else:
            _print_one(actual, "excluding", write)
    if "total" in wanted:
        if wanted == ["actual", "total"]:
            write("")
        if wanted == ["actual", "total"] and total == actual:
            write("All completions are non-cached: the total cost with cached completions is the same as actual cost.")
        else:
            _print_one(total, "including", write)
    write(RULE)


def _print_one(summary: Mapping[str, Any], kind: str, write: Callable[[str], Any]) -> None:
    write(f"Usage summary {kind} cached usage: ")
    write(f"Total cost: {round(summary['total_cost'], 5)}")
    for model, counts in summary.items():
        if model == "total_cost":
            continue
        write(
            f"* Model '{model}': cost: {round(counts['cost'], 5)}, prompt_tokens: {counts['prompt_tokens']}, "
            f"completion_tokens: {counts['completion_tokens']}, total_tokens: {counts['total_tokens']}"
        )
