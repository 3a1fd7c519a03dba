"""What was used and what it cost, in 0.2's dicts and its printed form.

    {"total_cost": 0.003, "gpt-4o": {"cost": 0.003, "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}

Decides how answers add up. Refuses to know prices: an answer whose price is not known counts as 0 here, as in 0.2.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any, TypeAlias, cast

from autogen.core.errors import ConfigError
from autogen.core.model import ModelReply

Summary: TypeAlias = dict[str, Any]

RULE = "-" * 100


class UsageLog:
    """Adds up answers; safe to share between threads. A summary is replaced, never changed, so readers see a whole one.

    total: cached answers included; actual: without them. None until there is something to tell.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.total: Summary | None = None
        self.actual: Summary | None = None

    def add(self, reply: ModelReply) -> None:
        with self._lock:
            self.total = added(self.total, reply)
            if not reply.cached:
                self.actual = added(self.actual, reply)

    def clear(self) -> None:
        with self._lock:
            self.total = self.actual = None

    def copied(self) -> "UsageLog":
        other = UsageLog()
        with self._lock:
            other.total, other.actual = self.total, self.actual
        return other


def added(summary: Summary | None, reply: ModelReply) -> Summary:
    """A new summary with one more answer."""
    new: Summary = dict(summary) if summary else {"total_cost": 0}
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
    return {
        "usage_including_cached_inference": merged(getattr(client, "total_usage_summary", None) for client in clients),
        "usage_excluding_cached_inference": merged(getattr(client, "actual_usage_summary", None) for client in clients),
    }


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
