"""Two runs side by side: what is the same, what came out in another way, what it cost."""

from collections.abc import Iterator

import pytest

import autogen
from autogen import AssistantAgent, UserProxyAgent
from autogen.models.scripted import Script
from autogen.runs.errors import UnknownRun
from autogen.runs.sqlite import SqliteStore
from autogen.testing.driven import driven


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    made = SqliteStore(":memory:")
    yield made
    made.close()


def talk(store: SqliteStore, run_id: str, lines: list[str], turns: int) -> None:
    priced = {"api_type": "scripted", "model": "m", "script": Script(lines), "price": [1.0, 2.0]}
    assistant = AssistantAgent("assistant", llm_config={"config_list": [priced], "cache_seed": None})
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more")
    with autogen.durable(store):
        user.initiate_chat(assistant, message="go", max_turns=turns, run_id=run_id, silent=True, no_progress=False)


def test_a_fork_stands_beside_its_parent_turn_by_turn(store: SqliteStore) -> None:
    talk(store, "x", ["one", "two", "three", "four"], 4)
    fork = autogen.fork("x", 2, {"message": "zwei"}, journal=store)
    talk(store, fork, ["one", "two", "drei", "four"], 3)

    found = autogen.diff("x", fork, journal=store)
    assert [(row.verdict, row.a and row.a.outcome, row.b and row.b.outcome) for row in found.rows] == [
        ("same", "one", "one"),
        ("changed", "two", "zwei"),
        ("changed", "three", "drei"),
        ("only_a", "four", None),
    ]
    assert (found.first, found.same) == (1, False)
    assert [(row.kind, row.agent, row.label) for row in found.rows] == [("model", "assistant", "reply")] * 4
    assert [(row.a and row.a.number, row.b and row.b.number) for row in found.rows] == [
        (1, 1), (2, 2), (3, 3), (4, None),
    ]  # fmt: skip


def test_what_each_side_cost_and_how_it_ended(store: SqliteStore) -> None:
    talk(store, "x", ["one", "two", "three"], 3)
    fork = autogen.fork("x", 2, {"message": "zwei"}, journal=store)
    talk(store, fork, ["one", "two", "drei"], 3)
    found = autogen.diff("x", fork, journal=store)
    one = 10 / 1000 * 1.0 + 5 / 1000 * 2.0  # a scripted answer counts 10 tokens in and 5 out
    assert (found.a.usd, found.a.input, found.a.output) == (pytest.approx(3 * one), 30, 15)
    assert (found.b.usd, found.b.input, found.b.output) == (pytest.approx(2 * one), 20, 10)  # nobody paid for "zwei"
    assert found.rows[1].b is not None and found.rows[1].b.usd == 0.0
    assert (found.a.stop_reason, found.a.status, found.a.parent) == ("max_turns", "done", None)
    assert (found.b.run_id, found.b.parent, found.b.model_calls, found.b.steps) == (fork, "x", 3, 3)


def test_runs_that_went_the_same_way_are_the_same(store: SqliteStore) -> None:
    talk(store, "x", ["one", "two"], 2)
    talk(store, "y", ["one", "two"], 2)
    found = autogen.diff("x", "y", journal=store)
    assert found.same and [row.verdict for row in found.rows] == ["same", "same"]
    assert driven("concurrent")(autogen.diff, "x", "y", journal=store) == found


def test_outcomes_of_every_kind_are_one_short_line(store: SqliteStore) -> None:
    def pay(amount: int) -> str:
        return "paid\n" + "very " * 100

    lines = [{"tool_calls": [["c1", "pay", {"amount": 1}]]}, {"text": "more?"}]
    entry = {"api_type": "scripted", "model": "m", "script": lines}
    assistant = AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    user = UserProxyAgent(
        "user", human_input_mode="TERMINATE", code_execution_config=False, max_consecutive_auto_reply=1
    )
    autogen.register_function(pay, caller=assistant, executor=user, description="Pay.")
    with autogen.durable(store, on_human="park"):
        user.initiate_chat(assistant, message="go", run_id="t", silent=True)
    rows = [row for row in autogen.diff("t", "t", journal=store).rows if row.kind != "callback"]
    assert [(row.kind, row.a.state) for row in rows if row.a is not None] == [
        ("model", "done"), ("tool", "done"), ("model", "done"), ("human", "waiting"),
    ]  # fmt: skip
    outcomes = [row.a.outcome for row in rows if row.a is not None]
    assert outcomes[0] == 'calls pay({"amount":1})'
    assert outcomes[1].startswith("paid very very") and len(outcomes[1]) == 160 and outcomes[1].endswith("…")
    assert outcomes[3] == "waits for an answer"


def test_a_run_that_is_not_there(store: SqliteStore) -> None:
    talk(store, "x", ["one"], 1)
    with pytest.raises(UnknownRun):
        autogen.diff("x", "y", journal=store)
