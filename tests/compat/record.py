"""Make the goldens: run every program under the interpreter that runs this, which must have AutoGen 0.2.40 installed.

A program called `..._twin` repeats another program's scenarios and is compared with that one's goldens, so it has none.

Decides: where goldens lie (`golden/<program>.<scenario>.json`), what they hold, and that a failed scenario is never
recorded. Refuses to know: this repository's package; it must not be importable here (the recorded module's version is
checked).

Usage: ``PYTHON-WITH-0.2.40 tests/compat/record.py [PROGRAM ...]``
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from play import HERE, environment

GOLDEN = HERE / "golden"
RECORDED = "0.2.40"


def versions() -> dict[str, str]:
    """What made the goldens. Raises SystemExit unless it is the released version."""
    found = {"autogen-agentchat": importlib.metadata.version("autogen-agentchat")}
    if found["autogen-agentchat"] != RECORDED:
        raise SystemExit(f"goldens are made with autogen-agentchat {RECORDED}, this is {found['autogen-agentchat']}")
    for name in ("openai", "pydantic", "termcolor", "diskcache"):
        found[name] = importlib.metadata.version(name)
    return {**found, "python": platform.python_version()}


def record(program: str, made_by: dict[str, str]) -> int:
    """Run one program in a fresh process and write its goldens; give the number of failures."""
    with tempfile.TemporaryDirectory(prefix="compat-out-") as folder:
        out = Path(folder) / "out.jsonl"
        command = [sys.executable, "-W", "ignore", str(HERE / "play.py"), program, str(out)]
        ran = subprocess.run(command, env=environment(program), cwd=folder, check=False)
        lines = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    outcomes = {line["name"]: line["outcome"] for line in lines if "name" in line}
    begun = [line["begin"] for line in lines if "begin" in line]
    for old in GOLDEN.glob(f"{program}.*.json"):
        old.unlink()
    failures = 0
    for name in begun:
        outcome: dict[str, Any] = outcomes.get(name, {"failure": "the process ended"})
        trouble = outcome.get("failure") or outcome.get("script_error")
        if trouble or outcome["inputs_unread"]:
            failures += 1
            print(f"NOT RECORDED {program}.{name}: {trouble or outcome['inputs_unread']}", file=sys.stderr)
            continue
        golden = {"made_by": made_by, **outcome}
        text = json.dumps(golden, indent=1, ensure_ascii=False, sort_keys=True)
        (GOLDEN / f"{program}.{name}.json").write_text(text + "\n", encoding="utf-8")
    if ran.returncode:
        failures += 1
        print(f"{program}: exit status {ran.returncode}", file=sys.stderr)
    return failures


def main(*programs: str) -> int:
    """Record the named programs, or all."""
    GOLDEN.mkdir(exist_ok=True)
    made_by = versions()
    every = sorted(path.stem for path in (HERE / "programs").glob("*.py") if not path.stem.endswith("_twin"))
    return 1 if sum(record(program, made_by) for program in programs or every) else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
