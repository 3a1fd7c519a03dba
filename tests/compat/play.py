"""Run scenarios of one program file, in this process, and write what came out as JSON lines.

Decides: what of a run is compared (standard output, the returned value, the request bodies, unread typed lines) and
what is replaced by a marker because it must vary (paths, ports) or because it is a long text addressed to a model,
which each package words itself. Refuses to know: which `autogen` is being run, and whether the outcome is right.

Usage: ``python play.py PROGRAM OUT [SCENARIO ...]``; OUT gets ``{"begin": name}`` and then ``{"name": ..., "outcome":
...}`` for each.
"""

from __future__ import annotations

import faulthandler
import importlib.util
import io
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SECONDS = 20
"""Longest time for one scenario; a longer one ends the process with a dump of its threads."""

ENVIRONMENT = {"colours": {"FORCE_COLOR": "1"}}
"""Extra environment by program."""

UNSET = ("OPENAI_API_KEY", "OAI_CONFIG_LIST", "AUTOGEN_USE_DOCKER", "NO_COLOR", "FORCE_COLOR", "COLORTERM")


def environment(program: str) -> dict[str, str]:
    """The environment in which a program's process is started."""
    kept = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**kept, "TERM": "xterm", "PYTHONHASHSEED": "0", **ENVIRONMENT.get(program, {})}


def play(scenario: Any) -> dict[str, Any]:
    """Run one scenario in a fresh folder against a fresh server; give its normalised outcome."""
    from scripted_server import ScriptedServer, ScriptError

    work = os.path.realpath(tempfile.mkdtemp(prefix="compat-"))
    printed = io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True)
    typed = io.StringIO("".join(line + "\n" for line in scenario.inputs))
    keep = sys.stdout, sys.stdin, os.getcwd()
    outcome: dict[str, Any] = {}
    server = ScriptedServer(scenario.replies)
    try:
        os.chdir(work)
        sys.stdout, sys.stdin = printed, typed
        try:
            with server:
                outcome["result"] = scenario.play(server.base_url, work)
        except ScriptError as misfit:
            outcome["script_error"] = str(misfit)
        except Exception as failure:
            frames = [
                f"{frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(failure.__traceback__)
            ]
            outcome["failure"] = "\n".join([f"{type(failure).__name__}: {failure}", *frames[-8:]])
    finally:
        sys.stdout, sys.stdin = keep[0], keep[1]
        os.chdir(keep[2])
        shutil.rmtree(work, ignore_errors=True)
    printed.seek(0)
    outcome["stdout"] = printed.read()
    outcome["requests"] = [
        {key: value for key, value in body.items() if (key, value) != ("stream", False)} for body in server.requests
    ]
    outcome["inputs_unread"] = typed.read().splitlines()
    return json.loads(_normalise(json.dumps(outcome), work, server.base_url))


def _normalise(text: str, work: str, base_url: str) -> str:
    """Replace long texts of the package, paths and ports by markers, in JSON text."""
    for marker, long_text in long_texts():
        text = text.replace(json.dumps(long_text)[1:-1], f"<{marker}>")
    port = base_url.split(":")[2].split("/")[0]
    text = text.replace(f"127.0.0.1:{port}", "<server>").replace(work, "<work>")
    text = re.sub(r" at 0x[0-9a-f]+", " at <address>", text)
    text = re.sub(r"errors\.pydantic\.dev/[0-9.]+/", "errors.pydantic.dev/<version>/", text)
    return re.sub(r"tmp_code_[0-9a-f]{32}", "tmp_code_<hash>", text)


def long_texts() -> list[tuple[str, str]]:
    """(public name, text) of the texts addressed to models, the longest first."""
    import autogen

    found = []
    for kind, name in (
        ("AssistantAgent", "DEFAULT_SYSTEM_MESSAGE"),
        ("AssistantAgent", "DEFAULT_DESCRIPTION"),
        ("ConversableAgent", "DEFAULT_SUMMARY_PROMPT"),
        ("GroupChat", "DEFAULT_INTRO_MSG"),
    ):
        found.append((f"{kind}.{name}", getattr(getattr(autogen, kind), name, "")))
    for mode, text in getattr(autogen.UserProxyAgent, "DEFAULT_USER_PROXY_AGENT_DESCRIPTIONS", {}).items():
        found.append((f"UserProxyAgent.DEFAULT_USER_PROXY_AGENT_DESCRIPTIONS[{mode}]", text))
    return sorted(((name, text) for name, text in found if text), key=lambda pair: -len(pair[1]))


def load(program: str) -> dict[str, Any]:
    """The scenarios of a program file, by name."""
    sys.path[:0] = [str(HERE), str(HERE / "programs")]
    path = HERE / "programs" / f"{program}.py"
    spec = importlib.util.spec_from_file_location(f"compat_{program}", path)
    assert spec is not None and spec.loader is not None, f"no program at {path}"
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    from scenario import SCENARIOS

    return SCENARIOS


def main(program: str, out: str, *names: str) -> None:
    """Play the named scenarios (all without names), writing each outcome as soon as it is known."""
    scenarios = load(program)
    with open(out, "a", encoding="utf-8") as sink:
        for name in names or scenarios:
            print(json.dumps({"begin": name}), file=sink, flush=True)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            outcome = play(scenarios[name])
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps({"name": name, "outcome": outcome}), file=sink, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
