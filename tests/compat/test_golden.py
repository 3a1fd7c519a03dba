"""Programs written for AutoGen 0.2, run with this package and compared with what the released 0.2.40 did.

Decides: what "the same" means. Printed bytes, returned values and request bodies are equal; an exception is an
instance of what 0.2 raised; floats agree to nine digits. Where ours differs on purpose, `DIFFERENCES` says why and
which part is not compared; the rest is. Refuses to know: how the goldens were made (`record.py`) and how a scenario is
run (`play.py`, in one process for each program).
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

HERE = Path(__file__).resolve().parent
GOLDEN = HERE / "golden"
PROGRAMS = HERE / "programs"
sys.path.insert(0, str(HERE))
from play import environment  # noqa: E402 - the folder of the programs is no package: they also run under the recorded version


class Difference(NamedTuple):
    """Why a scenario is not equal on purpose, and what is left out of the comparison.

    `design` is the section of DESIGN that decides it; `parts` are paths in the outcome (`*` is any key or index);
    `added` matches what our texts say beyond 0.2's.
    """

    reason: str
    design: str
    parts: tuple[str, ...] = ()
    added: str = ""


OUR_ERRORS = Difference(
    "requests go through our own client, so a refusal is our error, not the `openai` package's", "4", ("result.raised",)
)
USAGE_ASKED = Difference("a streamed answer's usage is asked for, not estimated", "4", ("requests.*.stream_options",))
NO_EMPTY_MESSAGE = Difference("no message is empty on the wire", "2", ("requests.*.messages",))
ASYNC_LABEL = Difference(
    "in an asynchronous chat the printed line says ASYNC, in 0.2 too", "8, Texts", added=r"(?<=EXECUTING )ASYNC "
)
ADVICE = Difference(
    "a failed call also tells the model which tools and arguments there are",
    "8, Texts",
    added=r"\n(The functions are|Expected|Got): [^\n]*",
)
WHOLE_OUTPUT = Difference(
    "the output is all that the code wrote, in the order written, and says at which limit it was stopped",
    "8, Sandbox",
    ("requests.*.messages.*.content", "result.chat_history.*.content", "stdout"),
)

AS_IN_SYNC = "group chats go the same way in both kinds of chat; in 0.2's asynchronous ones "
NEXT_SPEAKER = r"\nNext speaker: \w+\n\n"
"""What 0.2 prints only in a synchronous group chat."""

LATER: dict[str, str] = {
    "streams_and_logs.logging_to_sqlite": "runtime logging",
    "streams_and_logs.logging_to_a_file": "runtime logging",
    "streams_and_logs.logging_without_start": "runtime logging",
    "surface.names_of_the_package": "logging",
    "surface.constructors": "containers",
    "surface.executors": "containers",
    "surface.streams": "websocket streams",
    "surface.module_code_utils": "helpers that call models",
    "surface.module_openai_utils": "the Assistants API",
    "surface.module_runtime_logging": "runtime logging",
    "surface.modules_of_chats": "multimodal agents (`parse_tags_from_content`)",
    "surface.import_paths": "logging, websocket streams",
}
"""Scenarios on parts of 0.2 that are not built yet, and which; skipped by name, so that they are counted."""

DIFFERENCES: dict[str, Difference] = {
    "code_executor.outputs": WHOLE_OUTPUT,
    "code_executor.timeout": WHOLE_OUTPUT,
    "code_legacy.failure_stops_the_rest": WHOLE_OUTPUT,
    "code_legacy.outputs": WHOLE_OUTPUT,
    "code_legacy.timeout": WHOLE_OUTPUT,
    "construct.model_config_forms": Difference(
        "a configuration that names no model is told at once", "2", ("result.no model",)
    ),
    "code_executor.dangerous_commands": Difference(
        "the sandbox holds such a command, not a list of words", "8, Sandbox", ("result.6",)
    ),
    "config_lists.filtering": Difference(
        "None in a filter matches a missing key, as 0.2 documented",
        "1",
        ("result.missing allowed", "result.missing allowed excluded"),
    ),
    "construct.empty_system_message": NO_EMPTY_MESSAGE,
    "hooks.sync_hooks_in_an_async_chat": Difference(
        "sync hooks also serve asynchronous chats", "8, Sync and async", ("requests.0.messages.1.content",)
    ),
    "hooks.async_hooks_of_each_kind": Difference(
        "hooks run in one order in both kinds of chat; 0.2 turned it round",
        "8, Sync and async",
        ("stdout", "result.bot.user"),
    ),
    "group_chats.chosen_by_the_model": Difference(
        "what the choice of speakers costs is the manager's; 0.2 forgot it", "8, Sessions", ("result.chat.cost",)
    ),
    "group_chats.a_tool_call": Difference(
        "what the choice of speakers costs is the manager's; 0.2 forgot it", "8, Sessions", ("result.0.chat.cost",)
    ),
    "group_chats.round_robin_async": Difference(
        AS_IN_SYNC + "no next speaker is told", "8, Sync and async", ("result.last",), NEXT_SPEAKER
    ),
    "group_chats.introductions_async": Difference(
        AS_IN_SYNC + "no next speaker is told", "8, Sync and async", ("result.last",), NEXT_SPEAKER
    ),
    "group_chats.chosen_by_a_function_async": Difference(
        AS_IN_SYNC + "no next speaker is told", "8, Sync and async", ("result.last",), NEXT_SPEAKER
    ),
    "group_chats.chosen_by_a_person_async": Difference(
        AS_IN_SYNC + "no next speaker is told", "8, Sync and async", added=NEXT_SPEAKER
    ),
    "group_chats.chosen_by_the_model_async": Difference(
        AS_IN_SYNC + "answers are counted twice, and choices of speakers cost nothing",
        "8, Sync and async",
        ("result.last", "result.counters", "result.chat.cost"),
        NEXT_SPEAKER,
    ),
    "group_chats.a_tool_call_async": Difference(
        AS_IN_SYNC + "answers are counted twice",
        "8, Sync and async",
        ("result.last", "result.counters"),
        NEXT_SPEAKER,
    ),
    "group_resumes.resumed_async": Difference(
        AS_IN_SYNC + "no next speaker is told", "8, Sync and async", ("result.2.last",), NEXT_SPEAKER
    ),
    "group_chats.a_sink": Difference(
        "an empty list of transitions ends the chat, as a missing one does; in 0.2 anybody could follow then",
        "1",
        ("result.0", "stdout"),
    ),
    "group_chats.a_group_of_one": Difference("it is refused when it is made", "1", ("stdout",)),
    "group_chats.a_tool_call_that_two_can_run": Difference(
        "a request holds an answer to each call, and no empty text", "2", ("requests.*.messages",)
    ),
    "human.always_with_limit_zero": NO_EMPTY_MESSAGE,
    "human.terminate_with_limit_zero": NO_EMPTY_MESSAGE,
    "human_twin.always_with_limit_zero": NO_EMPTY_MESSAGE,
    "human_twin.terminate_with_limit_zero": NO_EMPTY_MESSAGE,
    "human_twin.always_enter_on_a_tool_call": ASYNC_LABEL,
    "human_twin.terminate_with_a_tool_call": ASYNC_LABEL,
    "models.last_error_is_raised": OUR_ERRORS,
    "models.content_filter_is_raised_at_once": OUR_ERRORS,
    "models.error_in_a_chat": OUR_ERRORS,
    "nested_chats.it_comes_before_tool_calls": Difference(
        "a call that a nested chat answers in the place of its tool is told to be cancelled: each call has its answer",
        "2",
        ("requests.1.messages",),
    ),
    "streaming.streamed_text": USAGE_ASKED,
    "streaming.streamed_nothing": USAGE_ASKED,
    "streaming.streamed_by_a_client": USAGE_ASKED,
    "colours.a_stream": USAGE_ASKED,
    "streaming.streamed_tool_call": Difference(
        'as above; 0.2 left the chunk\'s `index` in the message, and "" for no content',
        "4",
        (
            "requests.*.stream_options",
            "result.*.tool_calls.*.index",
            "requests.*.messages.*.tool_calls.*.index",
            "requests.1.messages.2.content",
            "result.1.content",
            "stdout",
        ),
    ),
    "tools.many_calls": ADVICE,
    "tools.tools_in_an_async_chat": ADVICE,
    "tools.older_function_calls": ADVICE,
    "tools.older_function_calls_in_an_async_chat": ADVICE,
    "tool_registration.execute_function": ADVICE,
    "tool_registration.a_execute_function": ADVICE,
    "tool_registration.execute_function_with_arguments_that_do_not_fit": Difference(
        "arguments are checked before the tool is called, so it is not announced", "2", ("stdout",)
    ),
}


def _scenario_names(program: Path) -> list[str]:
    """The functions marked `@scenario` in a program file, without running it."""
    names = []
    for node in ast.parse(program.read_text(encoding="utf-8")).body:
        marks = node.decorator_list if isinstance(node, ast.FunctionDef) else []
        if any(
            isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "scenario"
            for mark in marks
        ):
            names.append(node.name)  # type: ignore[attr-defined]
    return names


def _cases() -> list[tuple[str, str, str]]:
    """(program, scenario, golden) of all that is compared."""
    cases = []
    for program in sorted(PROGRAMS.glob("*.py")):
        original = program.stem.removesuffix("_twin")
        for name in _scenario_names(PROGRAMS / f"{original}.py"):
            if program.stem == original or name != "get_human_input_directly":
                cases.append((program.stem, name, f"{original}.{name}"))
    return cases


CASES = _cases()


@functools.cache
def _outcomes(program: str, folder: str) -> dict[str, dict[str, Any]]:
    """Play all scenarios of a program in a process; one that ends the process is blamed, and the rest are played in
    the next.
    """
    found = importlib.util.find_spec("autogen")
    assert found is not None and found.origin is not None
    settings = {**environment(program), "PYTHONPATH": str(Path(found.origin).parents[1])}
    out = Path(folder) / f"{program}.jsonl"
    waiting = [name for stem, name, _ in CASES if stem == program]
    outcomes: dict[str, dict[str, Any]] = {}
    while waiting:
        out.unlink(missing_ok=True)
        command = [sys.executable, "-W", "ignore", str(HERE / "play.py"), program, str(out), *waiting]
        ran = subprocess.run(
            command, env=settings, cwd=folder, capture_output=True, text=True, errors="replace", check=False
        )
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()] if out.exists() else []
        outcomes.update((line["name"], line["outcome"]) for line in lines if "name" in line)
        left = [name for name in waiting if name not in outcomes]
        if left:
            begun = [line["begin"] for line in lines if "begin" in line]
            ended = {"failure": f"the process ended with {ran.returncode}\n{ran.stderr[-3000:]}"}
            blamed = [left[0]] if begun else left
            outcomes.update((name, ended) for name in blamed)
            left = [name for name in left if name not in blamed]
        waiting = left
    return outcomes


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("compat"))


def _without(value: Any, path: list[str]) -> Any:
    """A copy of JSON `value` in which what stands at `path` reads `<not compared>`; absent keys stay absent."""
    if not path:
        return "<not compared>"
    step, rest = path[0], path[1:]
    if isinstance(value, dict):
        drop = not rest and step in value
        return {
            key: _without(each, rest) if step in (key, "*") else each
            for key, each in value.items()
            if not (drop and key == step)
        }
    if isinstance(value, list):
        return [_without(each, rest) if step in (str(index), "*") else each for index, each in enumerate(value)]
    return value


def _stripped(value: Any, added: str) -> Any:
    """A copy of JSON `value` whose texts lack what `added` matches."""
    if isinstance(value, dict):
        return {key: _stripped(each, added) for key, each in value.items()}
    if isinstance(value, list):
        return [_stripped(each, added) for each in value]
    return re.sub(added, "", value) if isinstance(value, str) else value


AT_LEAST = ("surface",)
"""Programs whose values may have keys that 0.2's had not: the public surface may grow."""


def _differences(was: Any, now: Any, where: str = "", grown: bool = False) -> list[str]:
    """Where two JSON values are not the same, in words; an exception must be an instance of the recorded kind."""
    if isinstance(was, dict) and isinstance(now, dict):
        if "raised" in was and "raised" in now and was["raised"]:
            same = was["raised"][0] in now["raised"] and was.get("text") == now.get("text")
            return [] if same else [f"{where}: raised {was}, now {now}"]
        found = [f"{where}.{key}: missing, was {was[key]!r}" for key in was if key not in now]
        found += [f"{where}.{key}: new, {now[key]!r}" for key in now if key not in was and not grown]
        return found + [
            line for key in was if key in now for line in _differences(was[key], now[key], f"{where}.{key}", grown)
        ]
    if isinstance(was, list) and isinstance(now, list):
        found = (
            []
            if len(was) == len(now)
            else [f"{where}: {len(was)} items, now {len(now)}: {now[len(was) :] or was[len(now) :]!r}"]
        )
        return found + [
            line
            for index, pair in enumerate(zip(was, now, strict=False))
            for line in _differences(*pair, f"{where}.{index}", grown)
        ]
    numbers = (
        isinstance(was, (int, float))
        and isinstance(now, (int, float))
        and not isinstance(was, bool)
        and not isinstance(now, bool)
    )
    if was == now or (numbers and math.isclose(was, now, rel_tol=1e-9)):
        return []
    if isinstance(was, str) and isinstance(now, str) and "\n" in was + now:
        lines = difflib.ndiff([repr(line) for line in was.split("\n")], [repr(line) for line in now.split("\n")])
        return [f"{where}:"] + [f"    {line.rstrip()}" for line in lines if line[0] in "+-"]
    return [f"{where}: was {was!r}", f"    now {now!r}"]


@pytest.mark.parametrize(("program", "name", "golden"), CASES, ids=[f"{program}.{name}" for program, name, _ in CASES])
def test_a_program_for_0_2_does_the_same(program: str, name: str, golden: str, folder: str) -> None:
    if golden in LATER:
        pytest.skip(f"not built yet: {LATER[golden]}")
    was = json.loads((GOLDEN / f"{golden}.json").read_text(encoding="utf-8"))
    now = _outcomes(program, folder)[name]
    assert "failure" not in now, now["failure"]
    assert "script_error" not in now, f"{now['script_error']}\n{now['stdout']}"
    del was["made_by"]
    exempt = DIFFERENCES.get(f"{program}.{name}")
    if exempt:
        now = _stripped(now, exempt.added) if exempt.added else now
        for part in exempt.parts:
            was, now = _without(was, part.split(".")), _without(now, part.split("."))
    found = _differences(was, now, grown=program in AT_LEAST)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_every_golden_belongs_to_a_scenario() -> None:
    known = {golden for _, _, golden in CASES}
    assert {path.name.removesuffix(".json") for path in GOLDEN.glob("*.json")} == known


def test_every_difference_is_about_a_scenario() -> None:
    assert set(DIFFERENCES) <= {f"{program}.{name}" for program, name, _ in CASES}
