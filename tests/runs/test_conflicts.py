"""Two who want the same run at once, a clock that jumps, an end that somebody asks for, Ctrl-C: nobody loses anything.

Real processes, threads and tasks; what is done twice would be seen.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.agents.chatting import _settings
from autogen.agents.durable_chats import facts_of
from autogen.runs.durable import Scope, here, open_journal
from autogen.runs.errors import Fenced, RunBusy
from autogen.runs.lease import heart
from autogen.runs.log import Policy
from autogen.runs.rows import RunRow
from autogen.runs.sqlite import SqliteStore
from tests.runs.payments import acts, note
from tests.stories.cast import a_model, a_user, contents, tool_call

_fork = multiprocessing.get_context("fork")
DAYS = 5 * 86400.0


@pytest.fixture(autouse=True)
def no_journal_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


def agents(folder: Path, wait: Callable[[], None] = lambda: None) -> tuple[Any, Any]:
    """A user and an assistant that pays once, then ends; `wait` is called inside the payment."""
    user = a_user()
    assistant = a_model([{"tool_calls": [tool_call("pay")]}, "Paid. TERMINATE"])

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay.")
    def pay() -> str:
        note(folder, "begun")
        wait()
        note(folder, "paid")
        return "paid"

    return user, assistant


def chat(folder: Path, wait: Callable[[], None] = lambda: None, run_id: str = "payment", **policy: Any) -> Any:
    user, assistant = agents(folder, wait)
    with autogen.durable(folder / "runs.db", **policy):
        return user.initiate_chat(assistant, message="Pay.", run_id=run_id, silent=True)


async def a_chat(folder: Path, wait: Any, **policy: Any) -> Any:
    user, assistant = a_user(), a_model([{"tool_calls": [tool_call("pay")]}, "Paid. TERMINATE"])

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay.")
    async def pay() -> str:
        note(folder, "begun")
        await wait()
        note(folder, "paid")
        return "paid"

    with autogen.durable(folder / "runs.db", **policy):
        return await user.a_initiate_chat(assistant, message="Pay.", run_id="payment", silent=True)


class Other:
    """Another thread that carries the run on and stands in its payment until it is let go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.go, self.inside = threading.Event(), threading.Event()
        self.result: Any = None
        self.raised: BaseException | None = None
        self.thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        def wait() -> None:
            self.inside.set()
            assert self.go.wait(20)

        try:
            self.result = chat(self.folder, wait)
        except BaseException as raised:
            self.raised = raised

    def __enter__(self) -> "Other":
        self.thread.start()
        assert self.inside.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self.thread.join(20)


# ---- two threads, two processes, two tasks --------------------------------------------------------------------------


def test_a_second_thread_is_refused_and_told_who_is_there(tmp_path: Path) -> None:
    with Other(tmp_path), pytest.raises(RunBusy) as busy:
        chat(tmp_path)
    assert busy.value.run_id == "payment"
    assert "another thread or task of this process" in str(busy.value)
    assert 0 < busy.value.seconds <= 15
    assert acts(tmp_path) == ["begun", "paid"]


def test_a_second_process_is_refused_and_told_which_one_is_there(tmp_path: Path) -> None:
    with Other(tmp_path):
        here_, there = _fork.Pipe()

        def second() -> None:
            try:
                chat(tmp_path)
            except RunBusy as busy:
                there.send(str(busy))
            os._exit(0)

        child = _fork.Process(target=second)
        child.start()
        assert here_.poll(20)
        told = here_.recv()
        child.join(20)
    assert f"process {os.getpid()} on this machine" in told
    assert "'payment'" in told
    assert acts(tmp_path) == ["begun", "paid"]


def test_who_queues_gets_the_result_of_who_was_first(tmp_path: Path) -> None:
    results: list[Any] = []
    with Other(tmp_path) as other:
        second = threading.Thread(target=lambda: results.append(chat(tmp_path, on_conflict="queue")))
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert acts(tmp_path) == ["begun"]
    second.join(20)
    assert contents(results[0].chat_history) == contents(other.result.chat_history)
    assert acts(tmp_path) == ["begun", "paid"]


def test_a_queueing_process_goes_on_when_the_first_one_is_killed(tmp_path: Path) -> None:
    def first() -> None:
        chat(tmp_path, lambda: time.sleep(60))

    child = _fork.Process(target=first)
    child.start()
    assert child.pid is not None
    _until(lambda: acts(tmp_path) == ["begun"])
    results: list[Any] = []
    second = threading.Thread(target=lambda: results.append(chat(tmp_path, on_conflict="queue", on_unknown="retry")))
    second.start()
    os.kill(child.pid, signal.SIGKILL)
    child.join(20)
    second.join(20)
    assert results[0].summary == "Paid. "
    assert acts(tmp_path) == ["begun", "begun", "paid"]


def test_who_branches_goes_on_in_a_fork_from_where_the_first_one_is(tmp_path: Path) -> None:
    with Other(tmp_path) as other:
        second = chat(tmp_path, on_conflict="branch", on_unknown="retry")
        assert second.run_id == "payment~1"
        assert second.summary == "Paid. "
        assert acts(tmp_path) == ["begun", "begun", "paid"]
    assert other.result.run_id == "payment"
    fork = next(run for run in autogen.runs(journal=tmp_path / "runs.db") if run.id == "payment~1")
    assert (fork.parent, fork.status) == ("payment", "done")


def test_two_tasks_of_one_loop_reject_and_queue_without_blocking_it(tmp_path: Path) -> None:
    async def program() -> tuple[str, list[Any]]:
        go, inside = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            inside.set()
            await go.wait()

        first = asyncio.create_task(a_chat(tmp_path, wait))
        await asyncio.wait_for(inside.wait(), 20)
        with pytest.raises(RunBusy) as busy:
            await a_chat(tmp_path, wait)
        queued = asyncio.create_task(a_chat(tmp_path, wait, on_conflict="queue"))
        ticks = 0
        until = asyncio.get_running_loop().time() + 0.3
        while asyncio.get_running_loop().time() < until:  # the loop goes on while the second one waits
            await asyncio.sleep(0.01)
            ticks += 1
        assert ticks > 10
        assert not queued.done()
        go.set()
        return str(busy.value), await asyncio.wait_for(asyncio.gather(first, queued), 20)

    told, (first, queued) = asyncio.run(program())
    assert "another thread or task of this process" in told
    assert contents(queued.chat_history) == contents(first.chat_history)
    assert acts(tmp_path) == ["begun", "paid"]


def test_a_task_that_is_cancelled_while_it_queues_leaves_the_run_alone(tmp_path: Path) -> None:
    """Its thread would else take the run as soon as it is free, and keep it for ever."""

    async def program() -> None:
        async def wait() -> None: ...

        queued = asyncio.create_task(a_chat(tmp_path, wait, on_conflict="queue"))
        await asyncio.sleep(0.15)
        queued.cancel()
        with pytest.raises(asyncio.CancelledError):
            await queued

    with Other(tmp_path):
        asyncio.run(program())
    threading.Event().wait(0.2)
    (run,) = autogen.runs(journal=tmp_path / "runs.db")
    assert (run.status, run.owner) == ("done", "")
    assert not heart._logs


def test_of_many_who_come_after_a_crash_one_carries_the_run_on(tmp_path: Path) -> None:
    def killed() -> None:
        chat(tmp_path, lambda: os.kill(os.getpid(), signal.SIGKILL))

    child = _fork.Process(target=killed)
    child.start()
    child.join(20)
    assert acts(tmp_path) == ["begun"]
    start = threading.Barrier(8, timeout=20)
    told: list[str] = []
    inside, go = threading.Event(), threading.Event()

    def come() -> None:
        start.wait()
        try:
            told.append(chat(tmp_path, lambda: (inside.set(), go.wait(20), None)[2], on_unknown="retry").summary)
        except (RunBusy, Fenced) as refused:
            told.append(type(refused).__name__)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert inside.wait(20)
    _until(lambda: len(told) == 7)
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(told) == ["Paid. ", *["RunBusy"] * 7]
    assert acts(tmp_path) == ["begun", "begun", "paid"]


def _until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not become true"
        threading.Event().wait(0.005)


# ---- clocks and leases ----------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


@contextmanager
def under(folder: Path, clock: Clock, **policy: Any) -> Iterator[None]:
    """`durable` with a clock of the test's own."""
    token = here.set(Scope(open_journal(folder / "runs.db"), Policy(**policy), clock))
    try:
        yield
    finally:
        here.reset(token)


@pytest.mark.parametrize("jump", [DAYS, -DAYS], ids=["forward", "backward"])
def test_a_clock_that_jumps_while_a_run_goes_on_changes_nothing_for_it(tmp_path: Path, jump: float) -> None:
    clock = Clock()

    def leap() -> None:
        clock.now += jump

    user, assistant = agents(tmp_path, leap)
    with under(tmp_path, clock):
        first = user.initiate_chat(assistant, message="Pay.", run_id="payment", silent=True)
    user, assistant = agents(tmp_path, leap)
    with under(tmp_path, clock):
        again = user.initiate_chat(assistant, message="Pay.", run_id="payment", silent=True)
    assert first.seconds >= 0
    assert again.seconds == first.seconds
    assert contents(again.chat_history) == contents(first.chat_history)
    assert acts(tmp_path) == ["begun", "paid"]


@pytest.mark.parametrize("jump", [DAYS, -DAYS], ids=["forward", "backward"])
def test_a_run_left_by_another_clock_can_be_taken(tmp_path: Path, jump: float) -> None:
    """Its owner is unknown here (another machine) and its lease was given days ago, or days from now."""
    clock = Clock()
    store = open_journal(tmp_path / "runs.db")
    user, assistant = agents(tmp_path, lambda: None)
    facts = facts_of(user, assistant, _settings(assistant, True, True, None, None, "last_msg", {}, "Pay.", {}))
    store.create(RunRow(id="payment", created=clock.now, updated=clock.now, facts=facts))
    store.claim("payment", "elsewhere:boot:1:1:x", clock.now, 15.0)
    with under(tmp_path, clock), pytest.raises(RunBusy, match="another machine"):
        user.initiate_chat(assistant, message="Pay.", run_id="payment", silent=True)
    clock.now += jump
    with under(tmp_path, clock):
        assert user.initiate_chat(assistant, message="Pay.", run_id="payment", silent=True).summary == "Paid. "


def test_who_lost_the_lease_meanwhile_writes_nothing_more(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")

    def takeover() -> None:
        row = store.run("payment")
        store.claim("payment", "elsewhere:boot:1:1:x", row.lease_until + 1, 15.0)

    with pytest.raises(Fenced) as fenced:
        chat(tmp_path, takeover)
    assert fenced.value.run_id == "payment"
    assert [entry.state for entry in store.read("payment") if entry.kind == "tool"] == ["started"]
    assert store.run("payment").owner == "elsewhere:boot:1:1:x"


def test_signs_of_life_keep_a_lease_and_end_with_the_run(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "runs.db")

    def long() -> None:
        first = store.run("payment").lease_until
        _until(lambda: store.run("payment").lease_until > first)

    chat(tmp_path, long, lease=0.3)
    assert store.run("payment").owner == ""
    _until(lambda: all(thread.name != "autogen-lease" for thread in threading.enumerate()))


# ---- cancellation and Ctrl-C ----------------------------------------------------------------------------------------


def test_a_run_that_is_cancelled_from_another_process_ends_at_its_next_effect(tmp_path: Path) -> None:
    def cancelled_elsewhere() -> None:
        child = _fork.Process(target=lambda: autogen.cancel("payment", journal=tmp_path / "runs.db"))
        child.start()
        child.join(20)
        threading.Event().wait(0.15)

    result = chat(tmp_path, cancelled_elsewhere)
    assert result.stop_reason == "cancelled"
    assert acts(tmp_path) == ["begun", "paid"], "the tool in flight came to its end"
    assert len(result.chat_history) == 3, "and its answer was told, but no model was asked again"
    (run,) = autogen.runs(journal=tmp_path / "runs.db")
    assert (run.status, run.stop_reason, run.owner) == ("cancelled", "cancelled", "")
    again = chat(tmp_path)
    assert again.stop_reason == "cancelled"
    assert contents(again.chat_history) == contents(result.chat_history)
    assert acts(tmp_path) == ["begun", "paid"]


def test_a_run_whose_process_died_is_cancelled_at_once(tmp_path: Path) -> None:
    child = _fork.Process(target=lambda: chat(tmp_path, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    child.start()
    child.join(20)
    view = autogen.cancel("payment", journal=tmp_path / "runs.db")
    assert (view.status, view.stop_reason, view.owner) == ("cancelled", "cancelled", "")


def test_a_run_that_waits_is_cancelled_at_once(tmp_path: Path) -> None:
    user, assistant = a_user(human_input_mode="ALWAYS"), a_model(["Blue or red?"])
    with autogen.durable(tmp_path / "runs.db", on_human="park"):
        assert user.initiate_chat(assistant, message="Paint.", run_id="paint", silent=True).status == "paused"
        view = autogen.cancel("paint")
    assert (view.status, view.pending) == ("cancelled", ())


def test_ctrl_c_leaves_the_run_resumable(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        chat(tmp_path, interrupt)
    (run,) = autogen.runs(journal=tmp_path / "runs.db")
    assert (run.status, run.stop_reason, run.owner) == ("failed", "cancelled", "")
    assert "KeyboardInterrupt" in run.error
    assert chat(tmp_path, on_unknown="retry").summary == "Paid. "
    assert acts(tmp_path) == ["begun", "begun", "paid"]


def test_a_cancelled_task_leaves_the_run_resumable(tmp_path: Path) -> None:
    async def program() -> Any:
        inside = asyncio.Event()

        async def wait() -> None:
            inside.set()
            await asyncio.sleep(60)

        task = asyncio.create_task(a_chat(tmp_path, wait))
        await asyncio.wait_for(inside.wait(), 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (run,) = await autogen.a_runs(journal=tmp_path / "runs.db")
        assert (run.status, run.owner) == ("failed", "")

        async def quick() -> None: ...

        return await a_chat(tmp_path, quick, on_unknown="retry")

    assert asyncio.run(program()).summary == "Paid. "
    assert acts(tmp_path) == ["begun", "begun", "paid"]
    assert not heart._logs
