"""The command: runs scenarios, prints a table or JSON lines. It measures nothing itself.

A scenario that misses its target does not fail the command; one that could not be
measured does (exit 1), since its number is not there. Wrong use is exit 2.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import msgspec

from bench import chats, crowd, journal, peers, startup, streams, toolcalls
from bench.harness import Bench, BenchError, Options, Row, environment, opened

SCENARIOS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "turn-sync": chats.turn_sync,
    "turn-async": chats.turn_async,
    "turn-printed": chats.turn_printed,
    "long-sync": chats.long_sync,
    "long-async": chats.long_async,
    "tool-sync": toolcalls.tool_sync,
    "tool-async": toolcalls.tool_async,
    "chunk-sync": streams.burst_sync,
    "chunk-async": streams.burst_async,
    "chunk-joined": streams.joined_async,
    "chunk-paced": streams.paced_async,
    "crowd": crowd.crowd_rows,
    "import": startup.import_rows,
    "agent": startup.agent_rows,
    "journal-sync": journal.cost_sync,
    "journal-async": journal.cost_async,
    "journal-size": journal.size_rows,
    "journal-resume": journal.resume_rows,
    "install": startup.install_rows,
    "langgraph": peers.langgraph_rows,
}
ON_REQUEST = {"install", "langgraph"}
"""Slow or needing a package index: measured only by name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. 0: measured, 1: something could not be measured, 2: wrong use."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="CPU costs as ratios against a bare loop.")
    parser.add_argument("--only", action="append", metavar="NAME", help="scenarios whose name begins so (repeatable)")
    parser.add_argument("--quick", action="store_true", help="small and rough: to see that it works")
    parser.add_argument("--rounds", type=int, metavar="N", help="processes per side and scenario")
    parser.add_argument("--floors", action="store_true", help="the floors alone, without the library")
    parser.add_argument("--json", action="store_true", help="one JSON line per result instead of the table")
    parser.add_argument("--list", action="store_true", help="the scenarios' names")
    given = parser.parse_args(argv)
    if given.list:
        print("\n".join(SCENARIOS))
        return 0
    names = [n for n in SCENARIOS if (n not in ON_REQUEST if not given.only else n.startswith(tuple(given.only)))]
    if not names:
        print(
            f"scripts/bench: no scenario begins with {', '.join(given.only)}; there are: {', '.join(SCENARIOS)}",
            file=sys.stderr,
        )
        return 2
    if given.rounds is not None and given.rounds < 1:
        print(f"scripts/bench: --rounds must be 1 or more, got {given.rounds}", file=sys.stderr)
        return 2
    if not given.floors and importlib.util.find_spec("autogen") is None:
        print("scripts/bench: this interpreter has no `autogen`; --floors measures the floors alone", file=sys.stderr)
        return 2
    options = Options(quick=given.quick, floors_only=given.floors, rounds=given.rounds)
    show = show_json if given.json else show_line
    if not given.json:
        show_head(options)
    unmeasured = 0
    with opened(options) as bench:
        for row in chain.from_iterable(measured(bench, name) for name in names):
            show(row)
            unmeasured += row.verdict == "not measured" and not options.floors_only
    return 1 if unmeasured else 0


def measured(bench: Bench, name: str) -> Iterator[Row]:
    """The rows of one scenario; one that says why when it could not be measured."""
    try:
        yield from SCENARIOS[name](bench)
    except BenchError as error:
        yield Row(name=name, value=None, unit="", note=str(error))


def show_head(options: Options) -> None:
    """What was measured where, and the table's head."""
    facts = ", ".join(f"{name} {value}" for name, value in environment().items())
    print(f"{facts}; load {os.getloadavg()[0]:.1f}{'; QUICK: rough numbers' if options.quick else ''}")
    print(f"{'scenario':<15}{'ours':>11}{'floor':>11} {'':<10}{'judged':>8} {'':<17}{'target':>8}  verdict")


def show_line(row: Row) -> None:
    """One line of the table."""
    target = str(row.target) if row.target else ""
    line = (
        f"{row.name:<15}{_number(row.ours):>11}{_number(row.floor):>11} {row.cost_unit:<10}"
        f"{_number(row.value):>8} {row.unit:<17}{target:>8}  {row.verdict}"
    )
    spread = "" if row.spread is None else f" (spread {row.spread:.0%})"
    print(f"{line}{spread}{'  ' + row.note if row.note else ''}", flush=True)


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def show_json(row: Row) -> None:
    """One JSON line with all that is needed to repeat the number."""
    fields = msgspec.to_builtins(row)
    fields["target"] = str(row.target) if row.target else None
    print(msgspec.json.encode({**fields, "verdict": row.verdict, **environment()}).decode(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
