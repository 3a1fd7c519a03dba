"""`RunCode` is performed once for every driver: ours can be stopped, a program's own executor is called as it is."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from autogen.coding import CodeBlock, CodeResult, LocalCommandLineCodeExecutor, MarkdownCodeExtractor
from autogen.coding.legacy_executor import LegacyExecutor
from autogen.coding.perform import run_code
from autogen.coding.sandbox import SandboxUnavailable
from autogen.core.code import CodeOutcome
from autogen.core.effects import RunCode
from autogen.core.events import CodeFinished, Event
from autogen.drivers import blocking, concurrent

SLEEP = CodeBlock("import time; open('started', 'w'); time.sleep(60)", "python")


class Own:
    """A program's executor."""

    code_extractor = MarkdownCodeExtractor()

    def __init__(self, result: Any = None) -> None:
        self.result = result
        self.seen: list[Any] = []

    def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> Any:
        self.seen.append(code_blocks)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def restart(self) -> None: ...


def perform(executor: Any, *blocks: CodeBlock, seconds: float | None = None) -> tuple[CodeOutcome, list[Event]]:
    events: list[Event] = []
    outcome = blocking.perform(run_code(RunCode("bot", blocks, executor), events.append, seconds))
    return outcome, events


@pytest.mark.usefixtures("real_sandbox")
@pytest.mark.parametrize("kind", [LocalCommandLineCodeExecutor, LegacyExecutor])
def test_both_drivers_give_the_same_outcome(work: Path, kind: Any) -> None:
    executor = kind(work_dir=work)
    blocks = (CodeBlock("print(1)", "python"), CodeBlock("exit 3", "sh"))
    outcome, events = perform(executor, *blocks)
    again = asyncio.run(concurrent.perform(run_code(RunCode("bot", blocks, executor), events.append)))
    assert (outcome.exit_code, outcome.why) == (again.exit_code, again.why) == (3, "error")
    assert outcome.output == again.output
    assert [(type(e), e.agent, e.exit_code, e.why) for e in events] == [(CodeFinished, "bot", 3, "error")] * 2


def test_a_programs_own_executor_is_called_with_a_list() -> None:
    own = Own(CodeResult(exit_code=1, output="no"))
    outcome, events = perform(own, CodeBlock("x", "y"))
    assert own.seen == [[CodeBlock("x", "y")]]
    assert (outcome.exit_code, outcome.output, outcome.why, outcome.sandbox) == (1, "no", "error", "")
    assert [type(event) for event in events] == [CodeFinished]


def test_a_result_of_any_class_with_0_2s_two_fields_will_do() -> None:
    class Result:
        exit_code = 0
        output = "yes"
        output_files = ["a.png"]

    outcome, _ = perform(Own(Result()), CodeBlock("x", "y"))
    assert (outcome.exit_code, outcome.output, outcome.why, outcome.files) == (0, "yes", "ok", ("a.png",))


def test_an_override_of_the_program_comes_before_ours(work: Path) -> None:
    class Shouting(LocalCommandLineCodeExecutor):
        def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> Any:
            return CodeResult(exit_code=0, output="OVERRIDDEN")

    assert perform(Shouting(work_dir=work, sandbox="no such sandbox"), SLEEP)[0].output == "OVERRIDDEN"


def test_a_failure_is_raised_and_the_end_is_still_told(work: Path) -> None:
    events: list[Event] = []
    lost = LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox")
    with pytest.raises(SandboxUnavailable):
        blocking.perform(run_code(RunCode("bot", (SLEEP,), lost), events.append))
    with pytest.raises(KeyError):
        blocking.perform(run_code(RunCode("bot", (SLEEP,), Own(KeyError("x"))), events.append))
    assert [(type(e), e.exit_code, e.why) for e in events] == [
        (CodeFinished, -1, "refused"),
        (CodeFinished, -1, "killed"),
    ]


@pytest.mark.usefixtures("real_sandbox")
def test_a_cancelled_run_kills_the_code(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(timeout=60, work_dir=work)
    ended: list[CodeOutcome] = []
    inner = executor.run_blocks
    executor.run_blocks = lambda *given: ended.append(inner(*given)) or ended[0]  # type: ignore[method-assign]
    events: list[Event] = []

    async def cancel_when_started() -> None:
        task = asyncio.create_task(concurrent.perform(run_code(RunCode("bot", (SLEEP,), executor), events.append)))
        while not (work / "started").exists():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while not ended:
            await asyncio.sleep(0.01)

    started = time.monotonic()
    asyncio.run(cancel_when_started())
    assert time.monotonic() - started < 20
    assert ended[0].why == "killed"
    assert [(type(e), e.why) for e in events] == [(CodeFinished, "killed")]


@pytest.mark.usefixtures("real_sandbox")
def test_the_runs_deadline_is_a_time_limit_too(work: Path) -> None:
    outcome, _ = perform(LocalCommandLineCodeExecutor(timeout=60, work_dir=work), SLEEP, seconds=0.2)
    assert (outcome.exit_code, outcome.why, outcome.seconds < 20) == (124, "timeout", True)


def test_the_runs_deadline_holds_for_a_programs_executor() -> None:
    class Slow(Own):
        def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> Any:
            time.sleep(1)

    outcome, _ = perform(Slow(), SLEEP, seconds=0.1)
    assert (outcome.exit_code, outcome.output, outcome.why) == (124, "\nTimeout", "timeout")
    with pytest.raises(TimeoutError):
        perform(Own(TimeoutError("its own")), SLEEP, seconds=60)


def test_results_can_be_changed_by_programs_as_in_0_2() -> None:
    result = CodeResult(exit_code=0, output="x" * 100)
    result.output = result.output[:3]
    assert repr(result) == "CodeResult(exit_code=0, output='xxx')"
