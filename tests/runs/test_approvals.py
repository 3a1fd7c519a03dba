"""Approvals of a run that waits for them: bound to what was shown, counted once, whoever answers and carries it on."""

import multiprocessing
import threading
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest

import autogen
from autogen.core.errors import RunPaused
from autogen.runs.asks import Question
from autogen.runs.durable import Scope, here
from autogen.runs.errors import AlreadyAnswered, AnswerRefused, Diverged, Fenced, RunBusy
from autogen.runs.log import Policy
from autogen.runs.sqlite import SqliteStore
from tests.runs.approving import ENTRY, ONE, Carrier, Kind, agents, told
from tests.runs.payments import acts, note
from tests.runs.test_unknown_outcomes import DyingStore, Killed
from tests.stories.test_human import typing

_fork = multiprocessing.get_context("fork")


@pytest.fixture(
    params=[("sync", "sync"), ("async", "async"), ("sync", "async"), ("async", "sync")],
    ids=lambda kinds: f"{kinds[0]} entry, {kinds[1]} faces",
)
def carrier(request: pytest.FixtureRequest, tmp_path: Path) -> Carrier:
    return Carrier(tmp_path, *request.param)


def asked(run: Any) -> Question:
    (question,) = run.pending
    assert isinstance(question, Question)
    return question


def test_the_question_tells_what_is_to_be_approved(carrier: Carrier) -> None:
    question = asked(carrier.start())
    assert (question.kind, question.agent, question.tool) == ("approval", "user", "pay")
    assert question.arguments == {"amount": 5, "to": "eve"}
    assert len(question.binding) == 32
    form = question.form["properties"]
    assert form["decision"]["enum"] == ["approve", "edit", "reject", "always"]
    assert list(form["arguments"]["properties"]) == ["amount", "to"]
    assert acts(carrier.folder) == []


@pytest.mark.parametrize("yes", ["y", {"decision": "approve"}, '{"decision": "approve"}'])
def test_the_approved_call_is_made_once(carrier: Carrier, yes: Any) -> None:
    carrier.answer(asked(carrier.start()).id, yes)
    assert carrier.advance().result == ["paid 5 to eve"]
    assert carrier.advance().result == ["paid 5 to eve"]
    assert acts(carrier.folder) == ["paid 5 to eve"]


def test_a_rejected_call_is_not_made(carrier: Carrier) -> None:
    carrier.answer(asked(carrier.start()).id, {"decision": "reject", "reason": "not a supplier"})
    (answer,) = carrier.advance().result
    assert answer == "Error: a person rejected this call of pay, and it was not made: not a supplier"
    assert acts(carrier.folder) == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"decision": "edit"}, "needs 'arguments'"),
        ({"decision": "edit", "arguments": {"amount": "much", "to": "eve"}}, "'amount': it must be of type integer"),
        ({"decision": "edit", "arguments": {"amount": 1}}, "'to' is missing"),
        ({"decision": "edit", "arguments": {"amount": 1, "to": "eve", "key": "mine"}}, "'key' is not known"),
        ('e {"amount": 1.5, "to": "eve"}', "'amount': it must be of type integer"),
        ({"decision": "sure"}, "'decision' must be one of"),
        ("maybe", "is none of the answers"),
        (True, "an object or text"),
        (None, "an object or text"),
    ],
)
def test_an_answer_that_is_no_decision_is_refused_when_it_is_given(tmp_path: Path, value: Any, why: str) -> None:
    carrier = Carrier(tmp_path, "sync", "sync")
    question = asked(carrier.start())
    with pytest.raises(AnswerRefused, match=why):
        carrier.answer(question.id, value)
    assert asked(carrier.advance()).id == question.id
    assert acts(tmp_path) == []


def test_edited_arguments_are_used_and_checked_again(carrier: Carrier) -> None:
    carrier.answer(asked(carrier.start()).id, {"decision": "edit", "arguments": {"amount": 3, "to": "adam"}})
    (answer,) = carrier.advance().result
    assert answer.startswith("paid 3 to adam\n\nNotice: a person changed the arguments of this call")
    assert acts(carrier.folder) == ["paid 3 to adam"]


def test_always_is_asked_once_in_a_run(carrier: Carrier) -> None:
    again = [[["c2", "pay", {"to": "eve", "amount": 5}]], [["c3", "pay", {"amount": 6, "to": "eve"}]]]
    carrier.answer(asked(carrier.start([*ONE, *again])).id, "a")
    other = asked(carrier.advance())
    assert other.arguments == {"amount": 6, "to": "eve"}
    assert acts(carrier.folder) == ["paid 5 to eve"] * 2
    carrier.answer(other.id, "n")
    assert carrier.advance().status == "done"
    assert acts(carrier.folder) == ["paid 5 to eve"] * 2


def test_several_calls_of_one_message_are_asked_together_and_answered_in_any_order(carrier: Carrier) -> None:
    run = carrier.start([[[f"c{n}", "pay", {"amount": n, "to": "eve"}] for n in (1, 2, 3)]])
    assert [question.arguments["amount"] for question in run.pending] == [1, 2, 3]
    for question, said in zip(reversed(run.pending), ("y", "n no", "y"), strict=True):
        assert carrier.advance().status == "paused" and acts(carrier.folder) == []
        carrier.answer(question.id, said)
    result = carrier.advance().result
    assert result[0] == "paid 1 to eve" and "rejected" in result[1] and result[2] == "paid 3 to eve"
    assert sorted(acts(carrier.folder)) == ["paid 1 to eve", "paid 3 to eve"]


# ---- bound to the call ---------------------------------------------------------------------------------------------


def a_chat(folder: Path, amount: int, **policy: Any) -> Any:
    user, assistant = agents(folder, [[["c1", "pay", {"amount": amount, "to": "eve"}]]])
    with autogen.durable(folder / "runs.db", on_human="park", **policy):
        return user.initiate_chat(assistant, message="Pay.", run_id="pay", silent=True)


def test_an_approval_is_not_used_for_another_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's answer stands in the journal, but the program, changed meanwhile, makes another call of it."""
    result = a_chat(tmp_path, 5)
    autogen.answer("pay", asked(result).id, "y", journal=tmp_path / "runs.db")
    from autogen.tools.approval import ToolToApprove

    read = ToolToApprove.read
    monkeypatch.setattr(ToolToApprove, "read", lambda self, text: read(self, text.replace("5", "5000")))
    with pytest.raises(Diverged, match="5000"):
        a_chat(tmp_path, 5)
    question = asked(a_chat(tmp_path, 5, on_diverge="fork"))
    assert question.arguments == {"amount": 5000, "to": "eve"}, "in a fork it is asked anew"
    assert acts(tmp_path) == []
    monkeypatch.undo()
    assert told(a_chat(tmp_path, 5)) == ["paid 5 to eve"]


class Shed:
    """A tool that works in a directory."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir

    def sweep(self) -> str:
        """Remove all files."""
        return f"swept {self.work_dir}"


def a_sweep(folder: Path, work_dir: Path) -> Any:
    call = {"agent": "assistant", "tool_calls": [["c1", "sweep", {}]]}
    entry = {"model": "m", "api_type": "scripted", "script": [call, {"agent": "assistant", "text": "TERMINATE"}]}
    assistant = autogen.AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
    shed = Shed(work_dir)
    sweep = autogen.tool(approval=True)(lambda: shed.sweep())
    sweep.work_dir = work_dir  # type: ignore[attr-defined]
    autogen.register_function(sweep, caller=assistant, executor=user, name="sweep", description="Sweep.")
    with autogen.durable(folder / "runs.db", on_human="park"):
        return user.initiate_chat(assistant, message="Sweep.", run_id="sweep", silent=True, max_turns=2)


def test_an_approval_is_bound_to_the_directory_of_the_tool(tmp_path: Path) -> None:
    question = asked(a_sweep(tmp_path, tmp_path / "one"))
    assert question.work_dir == str(tmp_path / "one") and f"in {question.work_dir}" in question.prompt
    autogen.answer("sweep", question.id, "y", journal=tmp_path / "runs.db")
    with pytest.raises(Diverged):
        a_sweep(tmp_path, tmp_path / "two")
    assert told(a_sweep(tmp_path, tmp_path / "one")) == [f"swept {tmp_path / 'one'}"]


def test_a_fork_that_makes_the_call_again_asks_again(tmp_path: Path) -> None:
    """The approval served in the parent; whoever forks the run before the call needs one for the fork."""
    carrier = Carrier(tmp_path, "sync", "sync")
    carrier.answer(asked(carrier.start()).id, "y")
    assert carrier.advance().status == "done"
    from autogen.runs.fork import fork

    entries = SqliteStore(tmp_path / "runs.db").read("pay")
    at = next(entry.address for entry in entries if entry.kind == "tool")
    forked = fork("pay", at, journal=carrier.journal)
    question = asked(carrier.advance(forked))
    assert acts(tmp_path) == ["paid 5 to eve"]
    carrier.answer(question.id, "n not again", run_id=forked)
    (answer,) = carrier.advance(forked).result
    assert answer.endswith("not again") and acts(tmp_path) == ["paid 5 to eve"]
    assert carrier.advance(forked).result == [answer]


def test_a_fork_whose_maker_gave_the_answer_does_not_ask(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path, "sync", "sync")
    carrier.answer(asked(carrier.start()).id, "n")
    assert "rejected" in carrier.advance().result[0]
    from autogen.runs.fork import fork

    entries = SqliteStore(tmp_path / "runs.db").read("pay")
    at = next(entry.address for entry in entries if entry.kind == "human")
    forked = fork("pay", at, {"answer": {"decision": "approve"}}, journal=carrier.journal)
    assert carrier.advance(forked).result == ["paid 5 to eve"]
    assert acts(tmp_path) == ["paid 5 to eve"]


def test_a_recording_plays_with_its_approvals(tmp_path: Path) -> None:
    assert a_chat(tmp_path, 5).status == "paused"
    (view,) = autogen.runs(journal=tmp_path / "runs.db")
    autogen.answer("pay", asked(view).id, "y", journal=tmp_path / "runs.db")
    assert told(a_chat(tmp_path, 5)) == ["paid 5 to eve"]
    user, assistant = agents(tmp_path, ONE)
    with autogen.replay(tmp_path / "runs.db", run_id="pay"):
        assert told(user.initiate_chat(assistant, message="Pay.", silent=True)) == ["paid 5 to eve"]
    assert acts(tmp_path) == ["paid 5 to eve"]


@pytest.mark.parametrize("faces", ["sync", "async"])
def test_at_a_terminal_the_question_is_put_at_once_and_the_answer_kept(tmp_path: Path, faces: Kind) -> None:
    carrier = Carrier(tmp_path, faces, faces)
    with typing("what?", "y") as desk:
        autogen.start(ENTRY[faces], {"folder": str(tmp_path)}, run_id="pay", journal=carrier.journal)
        assert carrier.advance(on_human="auto").result == ["paid 5 to eve"]
        assert carrier.advance(on_human="auto").result == ["paid 5 to eve"]
    assert len(desk.prompts) == 2 and acts(tmp_path) == ["paid 5 to eve"]


class Office(autogen.UserProxyAgent):
    """Asks in a way of its own, which a journaled run calls at once."""

    said: ClassVar[list[str]] = []

    def get_human_input(self, prompt: str) -> str:
        self.said.append(prompt)
        return "y"


def test_what_an_override_approved_is_recalled_for_that_call_only(tmp_path: Path) -> None:
    Office.said.clear()

    def chat(folder: Path, store: Any) -> Any:
        _, assistant = agents(folder, [[["c1", "pay", {"amount": 5, "to": "eve"}]]])
        office = Office("user", human_input_mode="NEVER", code_execution_config=False)

        @autogen.tool(approval=True)
        def pay(amount: int, to: str) -> str:
            note(folder, f"paid {amount} to {to}")
            return "paid"

        office.register_function({"pay": pay})
        with autogen.durable(store, lease=0.05, on_conflict="queue", on_unknown="retry"):
            return office.initiate_chat(assistant, message="Pay.", run_id="pay", silent=True, max_turns=2)

    with pytest.raises(Killed):
        chat(tmp_path, DyingStore(tmp_path / "runs.db", 3))  # the model's call, the answer, the tool's start
    assert len(Office.said) == 1 and acts(tmp_path) == []
    chat(tmp_path, SqliteStore(tmp_path / "runs.db"))
    assert len(Office.said) == 1 and acts(tmp_path) == ["paid 5 to eve"]


@pytest.mark.parametrize("at", range(1, 6))
def test_a_process_that_ends_anywhere_after_the_answer_asks_no_second_time(tmp_path: Path, at: int) -> None:
    """At the answer, the tool's start, its outcome, the last model call, and the test of its words."""
    assert a_chat(tmp_path, 5).status == "paused"
    (view,) = autogen.runs(journal=tmp_path / "runs.db")
    autogen.answer("pay", asked(view).id, "y", journal=tmp_path / "runs.db")
    user, assistant = agents(tmp_path, ONE)
    with autogen.durable(DyingStore(tmp_path / "runs.db", at), on_human="park", lease=0.05), pytest.raises(Killed):
        user.initiate_chat(assistant, message="Pay.", run_id="pay", silent=True)
    before = len(acts(tmp_path))
    result = a_chat(tmp_path, 5, on_conflict="queue", on_unknown="retry")
    assert told(result) == ["paid 5 to eve"]
    in_flight = at == 3  # it had paid, and nobody wrote it down: the policy says to call it again
    assert len(acts(tmp_path)) == (2 if in_flight else 1) and before == (0 if at < 3 else 1)


# ---- code ----------------------------------------------------------------------------------------------------------

COPIED = "print('a line that stands in a page')"


def a_copier(folder: Path) -> Any:
    code = f"```python\n{COPIED}\n```"
    script = [{"agent": "assistant", "tool_calls": [["c1", "page", {}]]}, {"agent": "assistant", "text": code}]
    entry = {"model": "m", "api_type": "scripted", "script": [*script, {"agent": "assistant", "text": "TERMINATE"}]}
    assistant = autogen.AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    user = autogen.UserProxyAgent(
        "user",
        human_input_mode="TERMINATE",
        is_termination_msg=lambda message: "TERMINATE" in (message.get("content") or ""),
        code_execution_config={"work_dir": str(folder / "work")},
    )
    autogen.register_function(
        autogen.tool(repeat="free")(lambda: code), caller=assistant, executor=user, name="page", description="A page."
    )
    with autogen.durable(folder / "runs.db", on_human="park"):
        return user.initiate_chat(assistant, message="Go.", run_id="code", silent=True, max_turns=3)


@pytest.mark.parametrize(("said", "ran"), [({"decision": "approve"}, True), ("no", False)])
def test_code_waits_for_an_approval_of_its_own(tmp_path: Path, said: Any, ran: bool) -> None:
    question = asked(a_copier(tmp_path))
    assert (question.kind, question.tool, question.code) == ("approval", "", (COPIED,))
    assert question.form["properties"]["decision"]["enum"] == ["approve", "reject"]
    assert question.work_dir == str(tmp_path / "work") and question.sandbox == "auto, network off"
    with pytest.raises(AnswerRefused, match="none of the answers"):
        autogen.answer("code", question.id, "always", journal=tmp_path / "runs.db")
    autogen.answer("code", question.id, said, journal=tmp_path / "runs.db")
    contents = [str(message["content"]) for message in a_copier(tmp_path).chat_history]
    assert any("execution succeeded" in content for content in contents) is ran
    assert any("execution refused" in content for content in contents) is not ran


# ---- expiry --------------------------------------------------------------------------------------------------------


def test_an_expired_question_takes_no_answer_and_is_asked_anew(tmp_path: Path) -> None:
    carrier = Carrier(tmp_path, "sync", "sync")
    now = [1000.0]
    scope = Scope(SqliteStore(carrier.journal), Policy(on_human="park", ask_expires=60.0), lambda: now[0])
    token = here.set(scope)
    try:
        autogen.start("tests.approving.pay", {"folder": str(tmp_path)}, run_id="pay")
        first = asked(autogen.advance("pay"))
        assert first.expires == 1060.0
        now[0] = 1061.0
        with pytest.raises(AnswerRefused, match="expired; autogen.advance"):
            autogen.answer("pay", first.id, "y")
        second = asked(autogen.advance("pay"))
        assert second.id != first.id and second.expires == 1121.0
        with pytest.raises(AnswerRefused, match=f"expired; it was asked anew as {second.id}"):
            autogen.answer("pay", first.id, "y")
        assert asked(autogen.advance("pay")).id == second.id
        autogen.answer("pay", second.id, "y", by="eve")
        now[0] = 2000.0  # it was answered in time
        assert autogen.advance("pay").result == ["paid 5 to eve"]
    finally:
        here.reset(token)
    assert acts(tmp_path) == ["paid 5 to eve"]


@pytest.mark.parametrize("wrong", [0, -1, True, "1"])
def test_a_wrong_expiry_is_refused(tmp_path: Path, wrong: Any) -> None:
    with (
        pytest.raises(autogen.core.errors.ConfigError, match="ask_expires"),
        autogen.durable(tmp_path / "runs.db", ask_expires=wrong),
    ):
        pass


# ---- many at once --------------------------------------------------------------------------------------------------


def one_sender(carrier: Carrier, ask_id: str, name: str, gate: Any, told_to: Any) -> None:
    """Answer and carry on, once all are ready; tell what came of both."""
    gate.wait(30)
    try:
        carrier.answer(ask_id, {"decision": "approve"}, by=name)
        answered = "answered"
    except AlreadyAnswered as late:
        answered = str(late)
    try:
        carried = carrier.advance().status
    except (RunBusy, Fenced) as busy:
        carried = type(busy).__name__
    told_to.put((name, answered, carried))


def a_process(carrier: Carrier, ask_id: str, number: int, gate: Any, told_to: Any) -> None:
    threads = [
        threading.Thread(target=one_sender, args=(carrier, ask_id, f"sender {number}.{n}", gate, told_to))
        for n in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_an_approval_sent_20_times_at_once_by_4_processes_runs_the_tool_once(carrier: Carrier) -> None:
    ask_id = asked(carrier.start()).id
    gate, told_to = _fork.Barrier(20), _fork.Queue()
    processes = [_fork.Process(target=a_process, args=(carrier, ask_id, n, gate, told_to)) for n in range(4)]
    for process in processes:
        process.start()
    reports = [told_to.get(timeout=50) for _ in range(20)]
    for process in processes:
        process.join(30)
        assert process.exitcode == 0

    first = [name for name, answered, _ in reports if answered == "answered"]
    assert len(first) == 1
    assert all(
        answered.endswith(f"already answered by {first[0]}") for name, answered, _ in reports if name not in first
    )
    carried = Counter(carried for _, _, carried in reports)
    assert carried["done"] >= 1 and set(carried) <= {"done", "RunBusy"}, carried
    assert acts(carrier.folder) == ["paid 5 to eve"]
    assert carrier.advance().result == ["paid 5 to eve"]


def one_carrier(carrier: Carrier, gate: Any, told_to: Any) -> None:
    gate.wait(30)
    try:
        told_to.put(carrier.advance().status)
    except RunBusy:
        told_to.put("busy")


def test_two_processes_that_resume_at_once_after_the_answer_run_the_tool_once(carrier: Carrier) -> None:
    carrier.answer(asked(carrier.start()).id, "y")
    gate, told_to = _fork.Barrier(2), _fork.Queue()
    processes = [_fork.Process(target=one_carrier, args=(carrier, gate, told_to)) for _ in range(2)]
    for process in processes:
        process.start()
    reports = Counter(told_to.get(timeout=50) for _ in processes)
    for process in processes:
        process.join(30)
    assert reports["done"] >= 1 and set(reports) <= {"done", "busy"}
    assert acts(carrier.folder) == ["paid 5 to eve"]


def test_reading_a_run_that_waits_tells_the_question_as_a_sentence(tmp_path: Path) -> None:
    run = Carrier(tmp_path, "sync", "sync").start()
    with pytest.raises(RunPaused) as caught:
        _ = run.result
    assert "for the rest of the run. Give it with autogen.answer('pay', ask_id, value)" in str(caught.value)
