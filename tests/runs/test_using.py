"""A journal as a user meets it: one keyword makes a chat survive; started again, it goes on or gives its result back.

What is seen from outside: results, views, printed lines, events, budgets.
"""

import asyncio
import contextlib
import gc
import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import Budget, Cache, ConversableAgent, UserProxyAgent
from autogen.core.errors import ConfigError, ModelError
from autogen.core.events import Event, ModelFinished, ToolFinished, ToolStarted
from autogen.io.base import IOStream
from autogen.models.errors import BrokenStream
from autogen.models.in_process import InProcessTransport
from autogen.models.transport import HttpReply
from autogen.runs.durable import Scope, _opened, here, open_journal
from autogen.runs.log import Policy, RunLog
from autogen.runs.recording import export_run
from autogen.testing import Script
from tests.stories.cast import a_model, a_user, an_echo, contents, tool_call

STORY = ({"tool_calls": [tool_call("add", {"a": 1, "b": 2})]}, "It is 3. TERMINATE")


class Desk:
    """The program as a person starts it again and again: new agents each time, the same words."""

    def __init__(self, journal: Path) -> None:
        self.journal = journal
        self.added: list[tuple[int, int]] = []
        self.asked = 0

    def agents(self, lines: Any = STORY, **model: Any) -> tuple[UserProxyAgent, ConversableAgent]:
        script = Script(lines)
        answer = script.answer

        def counted(*given: Any) -> Any:
            self.asked += 1
            return answer(*given)

        script.answer = counted  # type: ignore[method-assign]
        config = {**script.llm_config, **model}
        assistant = autogen.AssistantAgent("assistant", llm_config=config)
        user = a_user()

        @user.register_for_execution()
        @assistant.register_for_llm(description="Add two numbers.")
        def add(a: int, b: int) -> int:
            self.added.append((a, b))
            return a + b

        return user, assistant

    def go(self, run_id: str | None = "sum", lines: Any = STORY, message: str = "1 + 2?", **given: Any) -> Any:
        user, assistant = self.agents(lines)
        with autogen.durable(self.journal):
            return user.initiate_chat(assistant, message=message, run_id=run_id, silent=True, **given)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "runs.db")


@pytest.fixture(autouse=True)
def no_journal_around(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOGEN_JOURNAL", raising=False)


def told(result: Any) -> tuple[Any, ...]:
    """Everything that a program reads of a result."""
    return (
        result.chat_history, result.summary, result.cost, result.human_input, result.status, result.stop_reason,
        result.stop_detail, result.run_id, result.usage, result.usd, result.seconds,
    )  # fmt: skip


# ---- one keyword ----------------------------------------------------------------------------------------------------


def test_the_same_script_again_gives_the_result_back_without_a_model_call(desk: Desk) -> None:
    first = desk.go()
    again = desk.go()
    assert first.summary == "It is 3. "
    assert told(again) == told(first)
    assert desk.asked == 2
    assert desk.added == [(1, 2)]


def test_the_environment_names_the_journal(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(desk.journal))
    for _ in range(2):  # as two processes would, each with a scope of its own
        from autogen.runs import durable

        durable._ambient.clear()
        user, assistant = desk.agents()
        assert user.initiate_chat(assistant, message="1 + 2?", run_id="sum", silent=True).summary == "It is 3. "
    assert desk.asked == 2
    assert [run.id for run in autogen.runs()] == ["sum"]


def test_a_directory_in_the_environment_holds_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOGEN_JOURNAL", str(tmp_path))
    a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", silent=True)
    assert (tmp_path / "runs.db").exists()
    assert (tmp_path / "runs.db").stat().st_mode & 0o777 == 0o600


def test_an_argument_names_the_journal(desk: Desk) -> None:
    for _ in range(2):
        user, assistant = desk.agents()
        result = user.initiate_chat(assistant, message="1 + 2?", run_id="sum", journal=desk.journal, silent=True)
        assert result.summary == "It is 3. "
    runs = autogen.runs(journal=desk.journal)
    assert sorted(run.id for run in runs) == ["sum", "sum/2"], "two chats of one process are told apart"


def test_chats_under_one_run_id_are_told_apart_by_their_order(desk: Desk) -> None:
    def program() -> list[Any]:
        with autogen.durable(desk.journal):
            made = []
            for question, answer in (("first?", "one TERMINATE"), ("second?", "two TERMINATE")):
                user, assistant = desk.agents([answer])
                made.append(user.initiate_chat(assistant, message=question, run_id="pair", silent=True))
            return made

    first, again = program(), program()
    assert [result.run_id for result in again] == ["pair", "pair/2"]
    assert [result.summary for result in again] == ["one ", "two "]
    assert list(map(told, again)) == list(map(told, first))
    assert desk.asked == 2


def test_a_chat_without_a_run_id_is_a_run_of_its_own(desk: Desk) -> None:
    first = desk.go(run_id=None)
    second = desk.go(run_id=None)
    assert first.run_id != second.run_id
    assert {run.id for run in autogen.runs(journal=desk.journal)} == {first.run_id, second.run_id}
    assert desk.asked == 4


def test_without_a_journal_a_run_id_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"autogen\.durable"):
        a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id="x")


# ---- faces and places -----------------------------------------------------------------------------------------------


def test_the_async_face_continues_what_the_blocking_one_began(desk: Desk) -> None:
    with pytest.raises(ModelError):
        desk.go(lines=[STORY[0], {"error": "auth"}])

    async def program() -> Any:
        user, assistant = desk.agents()
        with autogen.durable(desk.journal):
            return await user.a_initiate_chat(assistant, message="1 + 2?", run_id="sum", silent=True)

    assert asyncio.run(program()).summary == "It is 3. "
    assert desk.added == [(1, 2)]
    assert told(asyncio.run(program())) == told(desk.go())


def test_a_blocking_chat_is_journaled_inside_a_running_loop(desk: Desk) -> None:
    async def cell() -> Any:
        return desk.go()

    assert told(asyncio.run(cell())) == told(asyncio.run(cell()))
    assert desk.asked == 2


def test_two_threads_run_their_own_runs_at_once(desk: Desk) -> None:
    meet = threading.Barrier(2, timeout=20)
    results: dict[str, Any] = {}

    def work(name: str) -> None:
        user, assistant = a_user(), a_model([{"tool_calls": [tool_call("wait")]}, f"{name} TERMINATE"])

        @user.register_for_execution()
        @assistant.register_for_llm(description="Wait for the other one.")
        def wait() -> str:
            meet.wait()
            return "met"

        results[name] = user.initiate_chat(assistant, message="Go", run_id=name, journal=desk.journal, silent=True)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("left", "right")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {name: result.summary for name, result in results.items()} == {"left": "left ", "right": "right "}
    assert {run.id for run in autogen.runs(journal=desk.journal)} == {"left", "right"}


def test_fifty_runs_in_one_process_leave_no_thread_and_no_run_open(desk: Desk) -> None:
    with autogen.durable(desk.journal):
        for number in range(50):
            a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id=f"run {number}", silent=True)
    runs = autogen.runs(journal=desk.journal)
    assert len(runs) == 50
    assert {(run.status, run.owner) for run in runs} == {("done", "")}
    _wait_until(lambda: "autogen-lease" not in {thread.name for thread in threading.enumerate()})


def test_a_scope_that_lives_as_long_as_a_server_keeps_nothing_of_its_runs(desk: Desk) -> None:
    scope = Scope(open_journal(desk.journal), Policy())
    token = here.set(scope)
    try:
        for number in range(20):
            a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", silent=True)
            a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id=f"run {number % 2}", silent=True)
    finally:
        here.reset(token)
    gc.collect()
    assert set(scope._begun) == {"run 0", "run 1"}
    assert not [one for one in gc.get_objects() if isinstance(one, RunLog) and one.store is scope.store]


def _wait_until(true: Callable[[], bool]) -> None:
    waiting = threading.Event()
    for _ in range(400):
        if true():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not become true")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_and_its_parent_both_use_the_open_journal(desk: Desk) -> None:
    desk.go("before")
    child = os.fork()
    if not child:
        code = 1
        try:
            code = 0 if desk.go("child").summary == "It is 3. " and desk.go("before").summary == "It is 3. " else 2
        finally:
            os._exit(code)
    assert desk.go("parent").summary == "It is 3. "
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert {run.id for run in autogen.runs(journal=desk.journal)} == {"before", "child", "parent"}
    assert desk.asked == 4, "the child's two calls are its own process's"


# ---- nested chats ---------------------------------------------------------------------------------------------------


def nested(desk: Desk, where: str) -> Any:
    """One chat that holds another one, begun in a tool, a reply function or a hook."""
    inner_user, inner = a_user("inner_user"), desk.agents(["inner words TERMINATE"])[1]
    inner._name = "inner"

    def ask() -> str:
        return str(inner_user.initiate_chat(inner, message="inside?", silent=True).summary)

    lines: Any = ["outer words TERMINATE"]
    if where == "tool":
        lines = [{"tool_calls": [tool_call("ask_inner")]}, *lines]
    user, assistant = desk.agents(lines)
    if where == "tool":

        @user.register_for_execution()
        @assistant.register_for_llm(description="Ask.")
        def ask_inner() -> str:
            return ask()

    elif where == "reply":

        def answer(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
            return True, f"{ask()}, and so TERMINATE"

        assistant.register_reply([ConversableAgent, None], answer)
    else:

        def hook(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
            return [*messages, {"role": "user", "content": ask()}]

        assistant.register_hook("process_all_messages_before_reply", hook)
    with autogen.durable(desk.journal):
        return user.initiate_chat(assistant, message="Go", run_id="outer", silent=True)


@pytest.mark.parametrize(("where", "calls"), [("tool", 3), ("reply", 1), ("hook", 2)])
def test_a_chat_begun_inside_a_run_belongs_to_it(desk: Desk, where: str, calls: int) -> None:
    first = nested(desk, where)
    assert desk.asked == calls
    again = nested(desk, where)
    assert desk.asked == calls, "a nested model call was paid twice"
    assert told(again) == told(first)
    assert [run.id for run in autogen.runs(journal=desk.journal)] == ["outer"]


def test_a_nested_chat_has_no_run_id_of_its_own(desk: Desk) -> None:
    user, assistant = a_user(), a_model(["TERMINATE"])

    def answer(agent: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        a_user("u2").initiate_chat(a_model(["TERMINATE"], "a2"), message="x", run_id="mine")
        return True, "TERMINATE"

    assistant.register_reply([ConversableAgent, None], answer)
    with pytest.raises(ConfigError, match="belongs to one already"), autogen.durable(desk.journal):
        user.initiate_chat(assistant, message="Go", run_id="outer", silent=True)


# ---- what 0.2 shows -------------------------------------------------------------------------------------------------


def views(desk: Desk, **model: Any) -> dict[str, Any]:
    """One program from its top, and all that 0.2 shows of it afterwards."""
    printed = io.StringIO()
    user, assistant = desk.agents(**model)
    with contextlib.redirect_stdout(printed), autogen.durable(desk.journal):
        user.initiate_chat(assistant, message="1 + 2?", run_id="sum")
        user.print_usage_summary()
        assistant.print_usage_summary()
    return {
        "printed": printed.getvalue(),
        "histories": [dict(user.chat_messages), dict(assistant.chat_messages)].__len__(),
        "user": user.chat_messages[assistant],
        "assistant": assistant.chat_messages[user],
        "last": [user.last_message(), assistant.last_message(user)],
        "usage": [assistant.get_actual_usage(), assistant.get_total_usage()],
        "counters": [user._consecutive_auto_reply_counter[assistant], assistant._consecutive_auto_reply_counter[user]],
    }


@pytest.mark.parametrize("stream", [False, True])
def test_views_and_printed_lines_of_a_recall_are_those_of_the_real_run(desk: Desk, stream: bool) -> None:
    real = views(desk, **({"stream": True} if stream else {}))
    recalled = views(desk, **({"stream": True} if stream else {}))
    assert desk.asked == 2
    assert "EXECUTING FUNCTION add" in real["printed"]
    assert recalled == real


def test_the_printed_lines_of_code_are_recalled_too(desk: Desk, tmp_path: Path) -> None:
    def program() -> str:
        printed = io.StringIO()
        user = a_user(code_execution_config={"work_dir": str(tmp_path / "work"), "use_docker": False})
        assistant = a_model(["```python\nprint(6 * 7)\n```", "TERMINATE"])
        with contextlib.redirect_stdout(printed), autogen.durable(desk.journal):
            user.initiate_chat(assistant, message="Count.", run_id="code")
        return printed.getvalue()

    real = program()
    assert "EXECUTING CODE BLOCK" in real
    assert program() == real


class Person(IOStream):
    """Keeps what is printed; a terminal would show prompts and typed answers, too."""

    def __init__(self, *answers: str) -> None:
        self.left = list(answers)
        self.shown = ""

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        self.shown += sep.join(map(str, objects)) + end

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        return self.left.pop(0)


def test_a_person_is_asked_once_and_what_was_printed_is_printed_again(desk: Desk) -> None:
    def program(person: Person) -> tuple[str, Any]:
        user, assistant = a_user(human_input_mode="ALWAYS"), a_model(["Blue or red?", "Blue it is."])
        with IOStream.set_default(person), autogen.durable(desk.journal):
            result = user.initiate_chat(assistant, message="Paint.", run_id="paint")
        return person.shown, told(result)

    real = program(Person("blue", "exit"))
    assert "blue" in real[0]
    assert program(Person()) == real


def test_cached_answers_stay_cached_answers(desk: Desk, tmp_path: Path) -> None:
    """The second run is answered by the cache; recalled, it tells so again: nothing was paid."""
    asked: list[Any] = []

    def server(request: Any) -> HttpReply:
        asked.append(request)
        message = {"role": "assistant", "content": "Three. TERMINATE"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        made = {"id": "1", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
        return HttpReply(status=200, headers={}, body=json.dumps(made).encode())

    def program(run_id: str) -> Any:
        entry = {"model": "m", "api_key": "k" * 12, "http_client": InProcessTransport(server), "price": [1, 1]}
        user, assistant = a_user(), autogen.AssistantAgent("assistant", llm_config={"config_list": [entry]})
        with Cache.disk(cache_seed=7, cache_path_root=str(tmp_path / "cache")) as cache, autogen.durable(desk.journal):
            return user.initiate_chat(assistant, message="?", run_id=run_id, cache=cache, silent=True)

    first, cached = program("one"), program("two")
    assert len(asked) == 1
    assert first.usd == pytest.approx(0.015)
    assert cached.usd == 0
    assert told(program("one")) == told(first)
    assert told(program("two")) == told(cached)
    assert len(asked) == 1
    assert {run.id: run.usd for run in autogen.runs(journal=desk.journal)} == {"one": first.usd, "two": 0}


def test_chats_that_keep_their_history_go_on_after_a_restart(desk: Desk) -> None:
    """Three chats on one conversation; the process dies in the third: the first two are recalled, with their views."""

    def program(last: Any) -> list[Any]:
        user, assistant = desk.agents(["one TERMINATE", "two TERMINATE", last])
        results = []
        with autogen.durable(desk.journal):
            for number in range(3):
                results.append(
                    user.initiate_chat(
                        assistant, message=f"question {number}", clear_history=number == 0, run_id="long", silent=True
                    )
                )
        return results

    with pytest.raises(ModelError):
        program({"error": "auth"})
    assert desk.asked == 3
    results = program("three TERMINATE")
    assert desk.asked == 4
    assert [len(result.chat_history) for result in results] == [2, 4, 6]
    assert contents(results[-1].chat_history)[-2:] == ["question 2", "three TERMINATE"]
    assert list(map(told, program("three TERMINATE"))) == list(map(told, results))
    assert desk.asked == 4


# ---- budgets --------------------------------------------------------------------------------------------------------


def test_recalled_calls_count_toward_the_budget(desk: Desk) -> None:
    lines = ["a", "b", {"error": "auth"}]
    with pytest.raises(ModelError):
        chatter(desk, lines, Budget(model_calls=4))
    result = chatter(desk, ["a", "b", "c", "d", "e"], Budget(model_calls=4))
    assert result.stop_reason == "budget_model_calls"
    assert contents(result.chat_history)[1::2] == ["a", "b", "c", "d"]


def chatter(desk: Desk, lines: Any, budget: Budget) -> Any:
    user, assistant = a_user(default_auto_reply="more"), desk.agents(lines)[1]
    with autogen.durable(desk.journal):
        return user.initiate_chat(assistant, message="Go", run_id="talk", silent=True, budget=budget, no_progress=False)


def test_recalled_tokens_count_toward_the_budget(desk: Desk) -> None:
    lines = [{"text": text, "usage": (900, 100)} for text in "abcde"]
    plain = chatter(Desk(desk.journal.with_name("plain.db")), lines, Budget(tokens=4000))
    with pytest.raises(ModelError):
        chatter(desk, [*lines[:2], {"error": "auth"}], Budget(tokens=4000))
    result = chatter(desk, lines, Budget(tokens=4000))
    assert result.stop_reason == plain.stop_reason == "budget_tokens"
    assert 2000 < result.usage["assistant"].total <= 4000
    assert result.usage == plain.usage
    assert contents(result.chat_history) == contents(plain.chat_history)


def test_a_replay_costs_nothing_and_tells_what_the_run_cost(desk: Desk) -> None:
    first = desk.go()
    (view,) = autogen.runs(journal=desk.journal)
    desk.go()
    (after,) = autogen.runs(journal=desk.journal)
    assert first.usage["assistant"].total == 30
    assert (view.input_tokens, view.output_tokens, view.model_calls) == (20, 10, 2)
    assert after == view


def flaky(desk: Desk, fails: int) -> Callable[[Any], HttpReply]:
    """A server that breaks off in the middle of an answer, which it bills, `fails` times."""

    def server(request: Any) -> HttpReply:
        desk.asked += 1
        if desk.asked <= fails:
            raise BrokenStream("gone")
        message = {"role": "assistant", "content": "Three. TERMINATE"}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        made = {"id": "1", "model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}
        return HttpReply(status=200, headers={}, body=json.dumps(made).encode())

    return server


def test_what_failed_attempts_cost_is_told_again_too(desk: Desk) -> None:
    """Two attempts fail in the first process, one in the second: the third tells, and bounds, all four."""

    def program(server: Any, retries: int) -> Any:
        entry = {
            "model": "m", "api_key": "k" * 12, "http_client": InProcessTransport(server), "price": [1, 1],
            "max_retries": retries, "cache_seed": None,
        }  # fmt: skip
        user, assistant = a_user(), autogen.AssistantAgent("assistant", llm_config={"config_list": [entry]})
        with autogen.durable(desk.journal):
            return user.initiate_chat(assistant, message="?", run_id="flaky", silent=True)

    server = flaky(desk, 3)
    with pytest.raises(ModelError):
        program(server, 1)
    first = program(server, 1)
    assert desk.asked == 4
    assert first.usage["assistant"].requests > 1
    assert first.usage["assistant"].input > 3 * 10
    again = program(server, 1)
    assert desk.asked == 4
    assert told(again) == told(first)


# ---- events ---------------------------------------------------------------------------------------------------------


def events_of(desk: Desk) -> list[Event]:
    events: list[Event] = []
    with autogen.observing(events.append, console=False):
        desk.go()
    return events


def test_observers_are_told_of_recalled_effects_and_that_they_are_recalled(desk: Desk) -> None:
    real, recalled = events_of(desk), events_of(desk)
    marked = (ModelFinished, ToolStarted, ToolFinished)
    assert not any(event.replayed for event in real if isinstance(event, marked))
    told_again = [event for event in recalled if isinstance(event, marked)]
    assert told_again
    assert all(event.replayed for event in told_again)
    kinds = [type(event) for event in real if isinstance(event, marked)]
    assert [type(event) for event in told_again] == kinds


def test_only_what_was_recalled_is_marked(desk: Desk) -> None:
    with pytest.raises(ModelError):
        desk.go(lines=[STORY[0], {"error": "auth"}])
    finished = [event for event in events_of(desk) if isinstance(event, ModelFinished)]
    assert [event.replayed for event in finished] == [True, False]


# ---- the next chat of a name ----------------------------------------------------------------------------------------


def test_a_program_that_tries_again_goes_on_and_pays_nothing_twice(desk: Desk) -> None:
    """Without it, the second try would be a new run, `sum/2`, with a second payment."""
    user, assistant = desk.agents([STORY[0], {"error": "auth"}, STORY[1]])
    with autogen.durable(desk.journal):
        for attempt in range(3):
            try:
                result = user.initiate_chat(assistant, message="1 + 2?", run_id="sum", silent=True)
                break
            except ModelError:
                assert attempt == 0
    assert result.summary == "It is 3. "
    assert desk.added == [(1, 2)]
    assert [run.id for run in autogen.runs(journal=desk.journal)] == ["sum"]


def test_a_paused_chat_is_gone_on_with_by_the_same_call(desk: Desk) -> None:
    with autogen.durable(desk.journal, on_human="park"):
        user, assistant = a_user(human_input_mode="ALWAYS"), a_model(["Blue or red?", "Blue it is."])

        def paint() -> Any:
            return user.initiate_chat(assistant, message="Paint.", run_id="paint", silent=True)

        for answer in ("blue", "exit"):
            paused = paint()
            assert paused.status == "paused"
            autogen.answer("paint", paused.pending[0].id, answer)
        done = paint()
    assert (done.status, done.run_id) == ("done", "paint")
    assert contents(done.chat_history) == ["Paint.", "Blue or red?", "blue", "Blue it is."]


def test_chats_of_one_name_at_once_are_runs_of_their_own(desk: Desk) -> None:
    async def program() -> list[Any]:
        with autogen.durable(desk.journal):
            pairs = [desk.agents([f"{number} TERMINATE"]) for number in range(3)]
            chats = [
                user.a_initiate_chat(assistant, message="Go", run_id="sample", silent=True) for user, assistant in pairs
            ]
            return await asyncio.gather(*chats)

    results = asyncio.run(program())
    assert sorted(result.run_id for result in results) == ["sample", "sample/2", "sample/3"]
    assert sorted(result.summary for result in results) == ["0 ", "1 ", "2 "]


# ---- seconds --------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def test_only_active_time_counts_toward_a_budget_of_seconds(desk: Desk) -> None:
    """60 s in a tool that holds a chat of 50 s, two days of pause: 60 s are spent, of those 61 s leave one."""
    clock = Clock()

    def carry_on(lines: Any, seconds: float) -> Any:
        user, assistant = desk.agents(lines)

        @user.register_for_execution()
        @assistant.register_for_llm(description="Slow.")
        def slow() -> str:
            clock.now += 10
            inner = an_echo("inner", lambda text: _later(clock, 50))
            a_user("inner_user").initiate_chat(inner, message="x", max_turns=1, silent=True)
            return "done"

        scope = Scope(open_journal(desk.journal), Policy(), clock)
        token = here.set(scope)
        try:
            budget = Budget(seconds=seconds)
            return user.initiate_chat(assistant, message="Go", run_id="slow", silent=True, budget=budget)
        finally:
            here.reset(token)

    lines: Any = [{"tool_calls": [tool_call("slow")]}, {"error": "auth"}]
    with pytest.raises(ModelError):
        carry_on(lines, 61)
    clock.now += 2 * 86400
    assert carry_on([lines[0], "TERMINATE"], 61).stop_reason == "termination"

    desk.journal = desk.journal.with_name("second.db")
    with pytest.raises(ModelError):
        carry_on(lines, 60)
    assert carry_on([lines[0], "TERMINATE"], 60).stop_reason == "budget_seconds"


def _later(clock: Clock, seconds: float) -> str:
    clock.now += seconds
    return "later"


# ---- the block itself -----------------------------------------------------------------------------------------------


def test_above_a_function_each_call_is_a_scope_of_its_own(desk: Desk) -> None:
    @autogen.durable(desk.journal)
    def main() -> Any:
        user, assistant = desk.agents()
        return user.initiate_chat(assistant, message="1 + 2?", run_id="sum", silent=True)

    @autogen.durable(desk.journal)
    async def a_main() -> Any:
        user, assistant = desk.agents()
        await asyncio.sleep(0)
        return await user.a_initiate_chat(assistant, message="1 + 2?", run_id="sum", silent=True)

    first = main()
    assert told(main()) == told(first)
    assert told(asyncio.run(a_main())) == told(first)
    assert main.__name__ == "main"
    assert desk.asked == 2


def test_an_inner_block_holds_until_its_end(desk: Desk, tmp_path: Path) -> None:
    def chat(run_id: str) -> None:
        a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id=run_id, silent=True)

    with autogen.durable(desk.journal):
        chat("a")
        with autogen.durable(tmp_path / "inner.db"):
            chat("b")
        chat("c")
    assert {run.id for run in autogen.runs(journal=desk.journal)} == {"a", "c"}
    assert {run.id for run in autogen.runs(journal=tmp_path / "inner.db")} == {"b"}


def test_a_thread_of_the_program_takes_the_block_along_by_bind(desk: Desk) -> None:
    with autogen.durable(desk.journal):
        thread = threading.Thread(
            target=autogen.bind(
                lambda: a_user().initiate_chat(a_model(["TERMINATE"]), message="Hi", run_id="bound", silent=True)
            )
        )
    thread.start()
    thread.join(20)
    assert [run.id for run in autogen.runs(journal=desk.journal)] == ["bound"]


# ---- secrets --------------------------------------------------------------------------------------------------------

CANARY = 'canary/"42"-\N{SNOWMAN}-value'


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_a_declared_secret_is_nowhere_in_the_journal_and_the_run_still_resumes(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", CANARY)
    seen: list[str] = []

    def program(last: Any) -> Any:
        token = autogen.secret("VAULT_TOKEN")
        assert CANARY not in f"{token} {token!r}"
        lines = [{"tool_calls": [tool_call("fetch")]}, last]
        user, assistant = desk.agents(lines)
        assistant.llm_config["config_list"][0]["api_key"] = token

        @user.register_for_execution()
        @assistant.register_for_llm(description="Fetch.")
        def fetch() -> str:
            seen.append(token.reveal())
            return f"the server says: your token is {token.reveal()}, {json.dumps(token.reveal())}"

        def hook(text: str) -> str:
            return text

        assistant.register_hook("process_last_received_message", hook)
        with autogen.durable(desk.journal):
            return user.initiate_chat(assistant, message=f"Go on with {token.reveal()}", run_id="vault", silent=True)

    with pytest.raises(ModelError):
        program({"error": "auth", "message": f"bad token {CANARY}"})
    result = program("TERMINATE")
    assert seen == [CANARY], "the tool got the value, once"
    assert "your token is [secret VAULT_TOKEN]" in str(result.chat_history)
    exported = tmp_path / "run.recording.jsonl"
    export_run(open_journal(desk.journal), "vault", exported)
    open_journal(desk.journal).close()
    _opened.clear()
    everything = everything_in(tmp_path)
    for form in (CANARY, json.dumps(CANARY)[1:-1], json.dumps(CANARY, ensure_ascii=False)[1:-1]):
        assert form.encode() not in everything
    assert CANARY not in caplog.text


def test_a_file_with_a_declared_secret_is_known_but_not_kept(desk: Desk, tmp_path: Path) -> None:
    autogen.secret("FILE_TOKEN", "a token in a work file")
    work = tmp_path / "work"
    work.mkdir()
    (work / "token.txt").write_text("token = a token in a work file\n")
    (work / "plain.txt").write_text("a plain file that is kept\n")
    user = a_user(code_execution_config={"work_dir": str(work), "use_docker": False})
    assistant = a_model(["```python\nprint(open('token.txt').read())\n```", "TERMINATE"])
    with autogen.durable(desk.journal):
        result = user.initiate_chat(assistant, message="Look.", run_id="files", silent=True)
    assert "token = [secret FILE_TOKEN]" in str(result.chat_history)
    open_journal(desk.journal).close()
    _opened.clear()
    everything = everything_in_journal(desk.journal)
    assert b"a plain file that is kept" in everything
    assert b"a token in a work file" not in everything


def everything_in_journal(journal: Path) -> bytes:
    return b"".join(path.read_bytes() for path in journal.parent.rglob("runs.db*") if path.is_file())


def test_a_declared_secret_goes_out_in_headers_and_nowhere_else(desk: Desk) -> None:
    sent: list[dict[str, str]] = []

    def server(request: Any) -> HttpReply:
        sent.append(dict(request.headers))
        made = {"id": "1", "model": "m", "choices": [{"message": {"role": "assistant", "content": "TERMINATE"}}]}
        return HttpReply(status=200, headers={}, body=json.dumps(made).encode())

    key, gate = autogen.secret("MODEL_KEY", "the key of a model"), autogen.secret("GATE_KEY", "the key of a gateway")
    entry = {
        "model": "m", "api_key": key, "default_headers": {"x-gate": gate}, "cache_seed": None, "price": [0, 0],
        "http_client": InProcessTransport(server),
    }  # fmt: skip
    user, assistant = a_user(), autogen.AssistantAgent("assistant", llm_config={"config_list": [entry]})
    with autogen.durable(desk.journal):
        user.initiate_chat(assistant, message="Go", run_id="headers", silent=True)
    assert (sent[0]["authorization"], sent[0]["x-gate"]) == ("Bearer the key of a model", "the key of a gateway")
    open_journal(desk.journal).close()
    _opened.clear()
    assert b"the key of" not in everything_in_journal(desk.journal)
    assert "the key of" not in repr(assistant.llm_config)


def test_a_secret_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    with pytest.raises(ConfigError, match="NO_SUCH_SECRET"):
        autogen.secret("NO_SUCH_SECRET")
    with pytest.raises(ConfigError, match="8 characters"):
        autogen.secret("SHORT", "1234")
    with pytest.raises(ConfigError, match="a name of letters") as refused:
        autogen.secret("sk-live value")
    assert "sk-live" not in str(refused.value)


def test_an_api_key_is_in_no_error_and_no_export(desk: Desk, tmp_path: Path) -> None:
    """Of no known form, so only its value gives it away: here a tool prints it, and the server's error echoes it."""
    key = "plain words as a key"
    user, assistant = desk.agents([{"error": "auth", "message": f"wrong key: {key}"}], api_key=key)
    with pytest.raises(ModelError), autogen.durable(desk.journal):
        user.initiate_chat(assistant, message="Go", run_id="key", silent=True)
    (view,) = autogen.runs(journal=desk.journal)
    assert "wrong key" in view.error
    assert key not in view.error
    export_run(open_journal(desk.journal), "key", tmp_path / "key.jsonl")
    assert key not in (tmp_path / "key.jsonl").read_text()
