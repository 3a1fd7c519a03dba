"""The process ends inside a tool: what becomes of the call follows from what its program says of repeating it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.runs.errors import OutcomeUnknown
from autogen.runs.rows import Entry, RunChange
from autogen.runs.sqlite import SqliteStore
from autogen.runs.view import InFlight, RunView, seen
from autogen.tools.declare import Repeat
from tests.runs.payments import acts, note


class Killed(BaseException):
    """The process is gone: nothing after it is written."""


class DyingStore(SqliteStore):
    """The process that writes here ends right before the n-th append."""

    def __init__(self, path: Path, at: int) -> None:
        super().__init__(path)
        self.at, self.count = at, 0

    def append(
        self,
        run_id: str,
        generation: int,
        entries: Sequence[Entry],
        blobs: Mapping[str, bytes] = {},
        *,
        firm: bool = False,
    ) -> list[int]:
        self.count += 1
        if self.count >= self.at:
            raise Killed
        return super().append(run_id, generation, entries, blobs, firm=firm)

    def settle(self, run_id: str, generation: int, change: RunChange) -> None:
        if self.count < self.at:
            super().settle(run_id, generation, change)

    def renew(self, run_id: str, generation: int, now: float, lease: float) -> bool:
        return False


def scripted(*lines: Any) -> dict[str, Any]:
    entry = {"model": "m", "api_type": "scripted", "script": list(lines)}
    return {"config_list": [entry], "cache_seed": None}


def a_run(folder: Path, repeat: Repeat, store: Any, is_async: bool = False, **policy: Any) -> Any:
    """The whole program: one tool, which leaves a line for each real call, with the key that it got."""
    call = {"agent": "assistant", "tool_calls": [["c1", "work", {"what": "floor"}]]}
    assistant = autogen.AssistantAgent("assistant", llm_config=scripted(call, {"agent": "assistant", "text": "Done."}))
    user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)

    @user.register_for_execution()
    @assistant.register_for_llm(description="Work.")
    @autogen.tool(repeat=repeat)
    def work(what: str, key: autogen.IdempotencyKey) -> str:
        note(folder, f"{what} {key}")
        if repeat != "resume":
            return f"{what} swept"
        helper = autogen.AssistantAgent("helper", llm_config=scripted({"agent": "helper", "text": "Sweep, then mop."}))
        asker = autogen.ConversableAgent("asker", human_input_mode="NEVER", llm_config=False)
        inner = asker.initiate_chat(helper, message="How?", max_turns=1, silent=True)
        note(folder, f"heard {inner.summary}")
        return f"{what}: {inner.summary}"

    with autogen.durable(store, lease=0.05, on_conflict="queue", **{"on_human": "park", **policy}):
        if is_async:
            import asyncio

            return asyncio.run(user.a_initiate_chat(assistant, message="Go.", run_id="r", silent=True, max_turns=2))
        return user.initiate_chat(assistant, message="Go.", run_id="r", silent=True, max_turns=2)


BEFORE_THE_OUTCOME: dict[Repeat, int] = {"never": 3, "idempotent": 3, "free": 2, "resume": 4}
"""The append that tells the outcome of the tool: model call, [start of the tool], [its inner model call], outcome."""


def ended_inside(folder: Path, repeat: Repeat, is_async: bool = False) -> RunView:
    """The run, ended when the tool had done its work and its outcome was not yet written."""
    store = DyingStore(folder / "runs.db", BEFORE_THE_OUTCOME[repeat])
    with pytest.raises(Killed):
        a_run(folder, repeat, store, is_async)
    assert acts(folder), "it died before the tool did its work"
    return seen(SqliteStore(folder / "runs.db"), "r")


def in_flight(run: RunView) -> InFlight:
    (one,) = run.in_flight
    return one


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@both
def test_what_was_in_flight_is_visible(tmp_path: Path, is_async: bool) -> None:
    one = in_flight(ended_inside(tmp_path, "never", is_async))
    assert (one.kind, one.agent, one.tool, one.arguments) == ("tool", "user", "work", {"what": "floor"})
    assert (one.repeat, one.attempt) == ("never", 1)
    assert acts(tmp_path) == [f"floor {one.key}"], "the tool was called with the key that is shown"


@both
def test_an_unknown_outcome_is_asked_for_and_can_be_told(tmp_path: Path, is_async: bool) -> None:
    one = in_flight(ended_inside(tmp_path, "never", is_async))
    store = SqliteStore(tmp_path / "runs.db")
    result = a_run(tmp_path, "never", store, is_async)
    (question,) = result.pending
    assert (question.kind, question.tool, question.arguments, question.key) == (
        "unknown", "work", {"what": "floor"}, one.key
    )  # fmt: skip
    assert in_flight(seen(store, "r")).key == one.key
    autogen.answer("r", question.id, "done: floor swept", journal=store)
    assert a_run(tmp_path, "never", store, is_async).chat_history[-2]["content"] == "floor swept"
    assert len(acts(tmp_path)) == 1 and seen(store, "r").in_flight == ()


@both
@pytest.mark.parametrize("answer", ["retry", "fail"])
def test_an_unknown_outcome_is_retried_with_the_same_key_or_fails(tmp_path: Path, is_async: bool, answer: str) -> None:
    ended_inside(tmp_path, "never", is_async)
    store = SqliteStore(tmp_path / "runs.db")
    autogen.answer("r", a_run(tmp_path, "never", store, is_async).pending[0].id, answer, journal=store)
    if answer == "fail":
        with pytest.raises(OutcomeUnknown, match="work"):
            a_run(tmp_path, "never", store, is_async)
        assert len(acts(tmp_path)) == 1 and in_flight(seen(store, "r")).tool == "work"
        return
    assert a_run(tmp_path, "never", store, is_async).chat_history[-2]["content"] == "floor swept"
    first, second = acts(tmp_path)
    assert first == second


@both
def test_the_policy_may_decide_in_place_of_a_person(tmp_path: Path, is_async: bool) -> None:
    ended_inside(tmp_path, "never", is_async)
    store = SqliteStore(tmp_path / "runs.db")
    with pytest.raises(OutcomeUnknown) as caught:
        a_run(tmp_path, "never", store, is_async, on_unknown="fail")
    assert acts(tmp_path) == [f"floor {caught.value.key}"]
    assert in_flight(seen(store, "r")).key == caught.value.key
    a_run(tmp_path, "never", store, is_async, on_unknown="retry")
    assert acts(tmp_path) == [f"floor {caught.value.key}"] * 2


@both
def test_an_idempotent_tool_is_called_again_with_the_same_key(tmp_path: Path, is_async: bool) -> None:
    one = in_flight(ended_inside(tmp_path, "idempotent", is_async))
    assert one.repeat == "idempotent"
    result = a_run(tmp_path, "idempotent", SqliteStore(tmp_path / "runs.db"), is_async, on_unknown="fail")
    assert result.chat_history[-2]["content"] == "floor swept"
    assert acts(tmp_path) == [f"floor {one.key}"] * 2


@both
def test_a_free_tool_runs_again(tmp_path: Path, is_async: bool) -> None:
    run = ended_inside(tmp_path, "free", is_async)
    assert run.in_flight == (), "nothing is written before it"
    a_run(tmp_path, "free", SqliteStore(tmp_path / "runs.db"), is_async, on_unknown="fail")
    first, second = acts(tmp_path)
    assert first == second


def test_a_tool_that_resumes_is_entered_again_and_what_happened_in_it_is_recalled(tmp_path: Path) -> None:
    one = in_flight(ended_inside(tmp_path, "resume"))
    assert one.repeat == "resume"
    store = SqliteStore(tmp_path / "runs.db")
    result = a_run(tmp_path, "resume", store, on_unknown="fail")
    assert result.chat_history[-2]["content"] == "floor: Sweep, then mop."
    assert acts(tmp_path) == [f"floor {one.key}", "heard Sweep, then mop."] * 2
    inner = [entry for entry in store.read("r") if entry.kind == "model" and entry.agent == "helper"]
    assert len(inner) == 1, "its model call was not made again"
