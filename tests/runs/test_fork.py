"""Time travel: forks share what was before for free, differ in one thing, and are carried on like any run."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import AssistantAgent, UserProxyAgent
from autogen.agents import entrypoints
from autogen.core.errors import ConfigError
from autogen.models.scripted import Script
from autogen.runs.branches import steps_of
from autogen.runs.errors import Diverged, ForkRefused, UnknownRun
from autogen.runs.sqlite import SqliteStore
from autogen.testing.driven import Driven, driven


@pytest.fixture(params=("blocking", "concurrent"))
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    made = SqliteStore(":memory:")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def entry_functions_are_forgotten() -> Iterator[None]:
    before = dict(entrypoints._registered)
    yield
    entrypoints._registered.clear()
    entrypoints._registered.update(before)


def llm(script: Any, model: str = "m", *more: dict[str, Any]) -> dict[str, Any]:
    return {"config_list": [{"api_type": "scripted", "model": model, "script": script}, *more], "cache_seed": None}


def talk(
    store: SqliteStore,
    script: Script,
    drive: Driven,
    *,
    run_id: str = "talk",
    turns: int = 20,
    system: str = "Count.",
    message: str = "go",
    **policy: Any,
) -> autogen.ChatResult:
    """Assistant and user in turns: message 2n-1 is the user's, 2n the assistant's."""
    assistant = AssistantAgent("assistant", system_message=system, llm_config=llm(script))
    user = UserProxyAgent(
        "user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more",
        max_consecutive_auto_reply=100,
    )  # fmt: skip
    with autogen.durable(store, **policy):
        return drive(
            user.initiate_chat,
            assistant,
            message=message,
            max_turns=turns,
            run_id=run_id,
            silent=True,
            no_progress=False,
        )


def said(result: autogen.ChatResult) -> list[str]:
    return [message["content"] for message in result.chat_history]


def counting(number: int = 20) -> Script:
    return Script([f"answer {one}" for one in range(1, number + 1)])


# ---- a script's run ------------------------------------------------------------------------------------------------


def test_a_fork_at_message_12_with_one_changed_word_makes_no_call_for_the_prefix(
    store: SqliteStore, drive: Driven
) -> None:
    first = counting()
    before = talk(store, first, drive)
    assert len(first.requests) == 20

    fork = autogen.fork("talk", 6, {"message": "answer sixty"}, journal=store)  # its sixth answer is message 12
    second = counting()
    after = talk(store, second, drive, run_id=fork)

    assert fork == "talk~1" and after.run_id == fork
    assert len(second.requests) == 14  # turns 7 to 20, none of the first six
    assert said(after)[:11] == said(before)[:11]
    assert said(after)[11] == "answer sixty"
    assert said(after)[13] == "answer 7"  # the script goes on where it was
    asked = second.requests[0][2].messages
    assert [message.text for message in asked if message.text.startswith("answer")][-1] == "answer sixty"
    assert said(talk(store, counting(0), drive)) == said(before)  # the run itself is as it was
    assert [row.id for row in store.forks("talk")] == [fork]
    view = next(run for run in autogen.runs(journal=store) if run.id == fork)
    assert (view.parent, view.status) == ("talk", "done")


def test_a_finished_fork_is_recalled_without_a_call(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=4)
    fork = autogen.fork("talk", 2, {"answer": "two!"}, journal=store)
    once = talk(store, counting(), drive, run_id=fork, turns=4)
    nothing = Script([])
    assert said(talk(store, nothing, drive, run_id=fork, turns=4)) == said(once)
    assert nothing.requests == []


def test_without_a_change_the_step_itself_is_done_anew(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=4)
    fork = autogen.fork("talk", "assistant.model.reply/3", journal=store)
    script = Script(["one", "two", "three anew", "four anew"])
    result = talk(store, script, drive, run_id=fork, turns=4)
    assert said(result)[1::2] == ["answer 1", "answer 2", "three anew", "four anew"]


def test_a_changed_system_message_goes_out_from_there_on_only(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=4)
    fork = autogen.fork("talk", 3, {"system_message": {"assistant": "Count in French."}}, journal=store)
    script = counting()
    talk(store, script, drive, run_id=fork, turns=4)
    assert [request.messages[0].text for _, _, request in script.requests] == ["Count in French."] * 2
    assert [request.messages[0].role for _, _, request in script.requests] == ["system"] * 2


def test_a_script_may_change_its_system_message_for_a_fork(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=4)
    fork = autogen.fork("talk", 3, journal=store)
    script = counting()
    result = talk(store, script, drive, run_id=fork, turns=4, system="Count in Greek.")
    assert len(script.requests) == 2 and script.requests[0][2].messages[0].text == "Count in Greek."
    assert said(result)[1] == "answer 1"


def test_a_script_that_says_something_else_in_the_shared_part_diverges(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=4)
    fork = autogen.fork("talk", 3, journal=store)
    with pytest.raises(Diverged, match="reply/1"):
        talk(store, counting(), drive, run_id=fork, turns=4, message="stop")


def test_a_run_id_with_a_tilde_is_that_of_a_fork(store: SqliteStore, drive: Driven) -> None:
    with pytest.raises(ConfigError, match="there is no fork 'talk~1'"):
        talk(store, counting(), drive, run_id="talk~1")


# ---- model and parameters ------------------------------------------------------------------------------------------


def test_another_model_of_the_config_list_answers_in_the_fork(store: SqliteStore, drive: Driven) -> None:
    def chat(run_id: str) -> tuple[Script, Script, list[str]]:
        small, large = Script([f"small {one}" for one in range(1, 9)]), Script([f"large {one}" for one in range(1, 9)])
        entry = {"api_type": "scripted", "model": "large", "script": large}
        assistant = AssistantAgent("assistant", llm_config=llm(small, "small", entry))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more")
        with autogen.durable(store):
            result = drive(user.initiate_chat, assistant, message="go", max_turns=3, run_id=run_id, silent=True)
        return small, large, said(result)[1::2]

    chat("x")
    parameters = {"assistant": {"temperature": 0.25}}
    fork = autogen.fork("x", 2, {"model": {"assistant": "large"}, "parameters": parameters}, journal=store)
    small, large, answers = chat(fork)
    assert answers == ["small 1", "large 1", "large 2"]
    assert small.requests == []
    assert [request.settings.get("temperature") for _, _, request in large.requests] == [0.25, 0.25]

    twice = autogen.fork(fork, 3, {"parameters": {"assistant": {"top_p": 0.5}}}, journal=store)
    _, large, answers = chat(twice)
    assert answers[:2] == ["small 1", "large 1"]
    settings = large.requests[0][2].settings
    assert (settings["temperature"], settings["top_p"]) == (0.25, 0.5)  # a fork of a fork keeps what that one changed


def test_an_unknown_model_is_told_at_the_call(store: SqliteStore, drive: Driven) -> None:
    talk(store, counting(), drive, turns=3)
    fork = autogen.fork("talk", 2, {"model": {"assistant": "gpt-9"}}, journal=store)
    with pytest.raises(ConfigError, match=r"agent 'assistant' has no entry for the model 'gpt-9'.*'m'"):
        talk(store, counting(), drive, run_id=fork, turns=3)


# ---- tools, people, entry functions --------------------------------------------------------------------------------


def paying(store: SqliteStore, paid: list[int], *lines: Any, repeat: Any = "never") -> Callable[..., Any]:
    def pay(amount: int) -> str:
        paid.append(amount)
        return f"paid {amount}"

    def bill(amounts: list[int]) -> dict[str, Any]:
        assistant = AssistantAgent("assistant", llm_config=llm([*lines]))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        autogen.register_function(
            autogen.tool(repeat=repeat)(pay), caller=assistant, executor=user, description="Pay an amount."
        )
        result = user.initiate_chat(assistant, message=f"pay {amounts}", silent=True)
        return {
            "said": [message.get("content") for message in result.chat_history],
            "tokens": result.usage["assistant"].total,
        }

    return autogen.entrypoint(name="bill")(bill)


PAY_TWICE = (
    {"agent": "assistant", "tool_calls": [["c1", "pay", {"amount": 1}]]},
    {"agent": "assistant", "tool_calls": [["c2", "pay", {"amount": 2}]]},
    {"agent": "assistant", "text": "TERMINATE"},
)


def advance(drive: Driven, run_id: str, store: SqliteStore) -> Any:
    return drive(autogen.advance, run_id, journal=store)


def test_a_tools_changed_result_is_what_the_model_sees(store: SqliteStore, drive: Driven) -> None:
    paid: list[int] = []
    paying(store, paid, *PAY_TWICE)
    run = autogen.start("bill", {"amounts": [1, 2]}, run_id="b", journal=store)
    whole = advance(drive, run, store)
    assert (whole.status, paid) == ("done", [1, 2])

    fork = drive(autogen.fork, run, 4, {"result": {"content": "no money left", "is_error": True}}, journal=store)
    view = advance(drive, fork, store)
    assert view.status == "done" and paid == [1, 2]  # neither payment was made again
    assert "no money left" in view.result["said"] and "paid 1" in view.result["said"]
    assert view.result["tokens"] == whole.result["tokens"]
    assert advance(drive, run, store).result == whole.result


def test_the_model_can_be_made_to_call_another_tool(store: SqliteStore, drive: Driven) -> None:
    paid: list[int] = []
    paying(store, paid, *PAY_TWICE)
    run = autogen.start("bill", {"amounts": [1, 2]}, journal=store)
    advance(drive, run, store)
    call = {"id": "c9", "function": {"name": "pay", "arguments": {"amount": 9}}}
    fork = autogen.fork(run, 3, {"message": {"content": None, "tool_calls": [call]}}, journal=store)
    assert "paid 9" in advance(drive, fork, store).result["said"]
    assert paid == [1, 2, 9]


def test_arguments_are_changed_from_the_beginning(store: SqliteStore, drive: Driven) -> None:
    paid: list[int] = []
    paying(store, paid, *PAY_TWICE)
    run = autogen.start("bill", {"amounts": [1, 2]}, run_id="b", journal=store)
    advance(drive, run, store)
    fork = autogen.fork(run, 0, {"arguments": {"amounts": [7]}}, new_id="seven", journal=store)
    assert fork == "seven"
    assert advance(drive, fork, store).result["said"][0] == "pay [7]"
    assert paid == [1, 2, 1, 2]
    with pytest.raises(ForkRefused, match="at=0"):
        autogen.fork(run, 2, {"arguments": {"amounts": [7]}}, journal=store)


def asking(*lines: str) -> None:
    def ask(topic: str) -> list[str]:
        assistant = AssistantAgent("assistant", llm_config=llm(list(lines)))
        user = UserProxyAgent("user", human_input_mode="ALWAYS", code_execution_config=False)
        return said(user.initiate_chat(assistant, message=topic, silent=True))

    autogen.entrypoint(name="ask")(ask)


def test_a_persons_answer_is_changed(store: SqliteStore, drive: Driven) -> None:
    asking("what colour?", "and now?")
    run = autogen.start("ask", {"topic": "paint"}, run_id="p", journal=store)
    for answer in ("blue", "exit"):
        question = advance(drive, run, store).pending[0]
        autogen.answer(run, question.id, answer, journal=store)
    assert advance(drive, run, store).result == ["paint", "what colour?", "blue", "and now?"]

    fork = autogen.fork(run, 2, {"answer": "red"}, journal=store)
    view = advance(drive, fork, store)
    assert view.status == "paused" and view.pending[0].run_id == fork
    autogen.answer(fork, view.pending[0].id, "exit", journal=store)
    assert advance(drive, fork, store).result == ["paint", "what colour?", "red", "and now?"]

    with pytest.raises(ForkRefused, match="must be of type string"):
        autogen.fork(run, 2, {"answer": 5}, journal=store)


def test_a_fork_at_a_question_asks_again(store: SqliteStore, drive: Driven) -> None:
    asking("what colour?", "and now?")
    run = autogen.start("ask", {"topic": "paint"}, run_id="p", journal=store)
    question = advance(drive, run, store).pending[0]

    waiting = autogen.fork(run, 2, journal=store)  # nobody has answered yet
    autogen.answer(run, question.id, "blue", journal=store)
    again = autogen.fork(run, 2, journal=store)
    for fork in (waiting, again):
        view = advance(drive, fork, store)
        assert view.status == "paused" and view.pending[0].id != question.id
        assert view.pending[0].prompt == question.prompt

    answered = autogen.fork(run, 2, {"answer": "exit"}, journal=store)
    assert advance(drive, answered, store).result == ["paint", "what colour?"]


def test_a_failed_step_is_done_anew_or_gets_an_outcome(store: SqliteStore, drive: Driven) -> None:
    failing = Script(["answer 1", {"error": "server"}, "answer 2", "answer 3"])
    with pytest.raises(autogen.core.errors.ModelError):
        talk(store, failing, drive, turns=3)
    anew = autogen.fork("talk", 2, journal=store)
    assert said(talk(store, counting(), drive, run_id=anew, turns=3))[1::2] == ["answer 1", "answer 2", "answer 3"]
    given = autogen.fork("talk", 2, {"message": "given"}, journal=store)
    assert said(talk(store, counting(), drive, run_id=given, turns=3))[3] == "given"


def test_a_fork_of_a_run_that_died_inside_a_tool(store: SqliteStore, drive: Driven) -> None:
    calls: list[int] = []

    def pay(amount: int) -> str:
        calls.append(amount)
        if len(calls) == 1:
            raise SystemExit  # nothing is written of it, as when the process dies
        return f"paid {amount}"

    def bill() -> list[Any]:
        lines = [{"tool_calls": [["c1", "pay", {"amount": 1}]]}, {"text": "TERMINATE"}]
        assistant = AssistantAgent("assistant", llm_config=llm(lines))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        autogen.register_function(pay, caller=assistant, executor=user, description="Pay.")
        return said(user.initiate_chat(assistant, message="pay", silent=True))

    autogen.entrypoint(name="bill")(bill)
    run = autogen.start("bill", run_id="b", journal=store)
    with pytest.raises(SystemExit):
        autogen.advance(run, journal=store)
    (question,) = advance(drive, run, store).pending
    assert question.kind == "unknown" and calls == [1]

    told = autogen.fork(run, step_number(store, run, "/unknown/1"), {"answer": "done: by hand"}, journal=store)
    assert "by hand" in advance(drive, told, store).result[2] and calls == [1]
    anew = autogen.fork(run, 2, journal=store)  # the tool itself
    assert "paid 1" in advance(drive, anew, store).result[2] and calls == [1, 1]
    assert store.run(run).status == "paused"


# ---- nested chats and parallel branches ----------------------------------------------------------------------------


def nesting(store: SqliteStore, repeat: Any, asked: list[str]) -> None:
    def consult(question: str) -> str:
        asked.append(question)
        expert = AssistantAgent("expert", llm_config=llm(["first thought", "second thought"]))
        clerk = UserProxyAgent(
            "clerk", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more"
        )
        return str(clerk.initiate_chat(expert, message=question, max_turns=2, silent=True).summary)

    def advice() -> list[str]:
        lines = [{"tool_calls": [["c1", "consult", {"question": "why?"}]]}, {"text": "TERMINATE"}]
        assistant = AssistantAgent("assistant", llm_config=llm(lines))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        autogen.register_function(
            autogen.tool(repeat=repeat)(consult), caller=assistant, executor=user, description="Ask the expert."
        )
        return said(user.initiate_chat(assistant, message="go", silent=True))

    autogen.entrypoint(name="advice")(advice)


def step_number(store: SqliteStore, run: str, ends: str) -> int:
    return next(n for n, step in enumerate(steps_of(store.read(run)), 1) if step.address.endswith(ends))


def test_a_fork_in_a_nested_chat_enters_the_tool_again_and_recalls_what_was_before(
    store: SqliteStore, drive: Driven
) -> None:
    asked: list[str] = []
    nesting(store, "resume", asked)
    run = autogen.start("advice", run_id="a", journal=store)
    assert advance(drive, run, store).result[2] == "second thought"
    number = step_number(store, run, "expert.model.reply/2")
    fork = autogen.fork(run, number, {"message": "a better thought"}, journal=store)
    assert advance(drive, fork, store).result[2] == "a better thought"
    assert asked == ["why?", "why?"]
    first = [entry for entry in store.read(fork) if entry.address.endswith("expert.model.reply/1")]
    assert len(first) == 1 and first[0].seq <= store.run(fork).fork_seq  # shared, not asked again


def test_inside_a_tool_that_must_not_run_twice_there_is_no_fork(store: SqliteStore) -> None:
    nesting(store, "never", [])
    run = autogen.start("advice", run_id="a", journal=store)
    autogen.advance(run, journal=store)
    with pytest.raises(ForkRefused, match=r"inside the tool 'consult' \(step 2\), which must not run twice"):
        autogen.fork(run, step_number(store, run, "expert.model.reply/2"), journal=store)
    fork = autogen.fork(run, 2, {"result": "no idea"}, journal=store)
    assert autogen.advance(fork, journal=store).result[2] == "no idea"
    assert store.forks(run)[0].id == fork and len(store.forks(run)) == 1  # the refused one left nothing


def at_once(store: SqliteStore, done: list[str], order: list[str]) -> None:
    """Two async tools of one message; they end in the given order."""
    ended = {name: threading.Event() for name in ("left", "right")}

    async def work(name: str) -> str:
        import asyncio

        before = order[: order.index(name)]
        while not all(ended[one].is_set() for one in before):
            await asyncio.sleep(0.001)
        done.append(name)
        ended[name].set()
        return f"{name} done"

    def both() -> list[str]:
        lines = [
            {"tool_calls": [["c1", "work", {"name": "left"}], ["c2", "work", {"name": "right"}]]},
            {"text": "TERMINATE"},
        ]
        assistant = AssistantAgent("assistant", llm_config=llm(lines))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        autogen.register_function(work, caller=assistant, executor=user, description="Work.")
        return said(user.initiate_chat(assistant, message="go", silent=True))

    autogen.entrypoint(name="both")(both)


@pytest.mark.parametrize("order", [["left", "right"], ["right", "left"]])
def test_a_fork_in_a_parallel_branch_keeps_what_the_other_branch_did(
    store: SqliteStore, drive: Driven, order: list[str]
) -> None:
    done: list[str] = []
    at_once(store, done, order)
    run = autogen.start("both", run_id="a", journal=store)
    whole = advance(drive, run, store)
    assert whole.status == "done" and done == order
    tools = [(n, step) for n, step in enumerate(steps_of(store.read(run)), 1) if step.kind == "tool"]
    number = tools[1][0]  # the one that began last
    fork = autogen.fork(run, number, {"result": "changed"}, journal=store)
    view = advance(drive, fork, store)
    assert done == order  # nothing was called again
    assert "changed" in view.result[2] and "left done" in view.result[2]


# ---- what cannot be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "change", "why"),
    [
        (5, None, "it has the steps 1 to 4"),
        (-1, None, "steps 1 to 4"),
        (True, None, "there is no True"),
        (1.5, None, "there is no 1.5"),
        ("nobody.model.reply/1", None, "no step at 'nobody.model.reply/1'"),
        (0, {"message": "x"}, "at= has to name one"),
        (2, {"word": "x"}, "no key 'word'"),
        (2, ["message"], "set is a dict"),
        (2, {"message": "x", "answer": "y"}, "all mean the outcome"),
        (2, {"message": 7}, "a model's outcome is text"),
        (2, {"message": {"tool_calls": ["pay"]}}, "a call is"),
        (2, {"model": {"nobody": "m"}}, "names the agent 'nobody'; those that took part are assistant"),
        (2, {"model": "m"}, "a dict of agent's name"),
        (2, {"system_message": {"assistant": 3}}, "a text, got 3"),
        (2, {"parameters": {"assistant": {"api_key": "sk-1"}}}, "secret"),
        (2, {"parameters": {"assistant": {"extra_headers": {}}}}, "secret"),
        (2, {"parameters": {"assistant": {"stop": object()}}}, "parameters of 'assistant' are JSON"),
        (0, {"arguments": {"a": 1}}, "a script began it"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(store: SqliteStore, at: Any, change: Any, why: str) -> None:
    talk(store, counting(), driven("blocking"), turns=4)
    with pytest.raises(ForkRefused, match="run 'talk' was not forked") as refused:
        autogen.fork("talk", at, change, journal=store)
    assert why in str(refused.value)
    assert store.forks("talk") == []


def test_names_of_forks(store: SqliteStore) -> None:
    talk(store, counting(), driven("blocking"), turns=2)
    with pytest.raises(UnknownRun):
        autogen.fork("nothing", 1, journal=store)
    with pytest.raises(ForkRefused, match="there is a run 'talk' already"):
        autogen.fork("talk", 1, new_id="talk", journal=store)
    with pytest.raises(ForkRefused, match="new_id is printable text"):
        autogen.fork("talk", 1, new_id=" ", journal=store)
    assert [autogen.fork("talk", one, journal=store) for one in (0, 1, "2")] == ["talk~1", "talk~2", "talk~3"]
    assert autogen.fork("talk~3", 1, journal=store) == "talk~3~1"
    with pytest.raises(ForkRefused, match="steps 1 to 1"):  # what the fork does not share is not its own
        autogen.fork("talk~3", 2, journal=store)


def test_a_callbacks_outcome_cannot_be_given(store: SqliteStore) -> None:
    assistant = AssistantAgent("assistant", llm_config=llm(["one", "two"]))
    user = UserProxyAgent(
        "user", human_input_mode="NEVER", code_execution_config=False,
        is_termination_msg=lambda message: message.get("content") == "two",
    )  # fmt: skip
    with autogen.durable(store):
        user.initiate_chat(assistant, message="go", run_id="c", silent=True)
    number = next(n for n, step in enumerate(steps_of(store.read("c")), 1) if step.kind == "callback")
    with pytest.raises(ForkRefused, match="whose outcome cannot be given"):
        autogen.fork("c", number, {"result": True}, journal=store)


def test_a_fork_that_was_never_finished_is_refused(tmp_path: Path) -> None:
    """The process died between the fork's row and its first entry."""
    from autogen.runs.errors import Damaged

    class Dying(SqliteStore):
        def append(self, *args: Any, **kwargs: Any) -> list[int]:
            if "~" in args[0]:
                raise KeyboardInterrupt
            return super().append(*args, **kwargs)

        def delete(self, *args: Any) -> None:
            """Nor does anybody clean up."""

    store = Dying(tmp_path / "runs.db")
    talk(store, counting(), driven("blocking"), turns=3)
    with pytest.raises(KeyboardInterrupt):
        autogen.fork("talk", 2, {"message": "x"}, journal=store)
    with pytest.raises(Damaged, match="fork again"):
        talk(store, counting(), driven("blocking"), run_id="talk~1", turns=3)
    store.close()


# ---- on_diverge="fork" ---------------------------------------------------------------------------------------------


def test_a_changed_program_goes_on_in_a_fork(store: SqliteStore, drive: Driven) -> None:
    before = talk(store, counting(), drive, turns=4)
    with pytest.raises(Diverged):
        talk(store, counting(), drive, turns=6)
    script = counting()
    after = talk(store, script, drive, turns=6, on_diverge="fork")
    assert after.run_id == "talk~1" and len(script.requests) == 2
    assert said(after)[:8] == said(before) and said(after)[9] == "answer 5"
    assert said(talk(store, Script([]), drive, turns=4)) == said(before)
    again = Script([])
    assert (
        talk(store, again, drive, turns=6, on_diverge="fork").run_id == "talk~1"
    )  # the same fork, and nothing is asked
    assert [row.id for row in store.forks("talk")] == ["talk~1"]


def hooked(store: SqliteStore, script: Script, drive: Driven, word: str, **policy: Any) -> autogen.ChatResult:
    """A hook of the program rewrites the third message; its closure is not among the facts of the chat."""
    assistant = AssistantAgent("assistant", llm_config=llm(script))
    user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more")

    def rewrite(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [*messages[:-1], {**messages[-1], "content": word}] if len(messages) == 3 else messages

    assistant.register_hook("process_all_messages_before_reply", rewrite)
    with autogen.durable(store, **policy):
        return drive(user.initiate_chat, assistant, message="go", max_turns=4, run_id="h", silent=True)


def test_a_difference_in_the_middle_shares_what_was_before(store: SqliteStore, drive: Driven) -> None:
    hooked(store, counting(), drive, "three")
    with pytest.raises(Diverged, match="another result of"):
        hooked(store, counting(), drive, "four")
    script = counting()
    result = hooked(store, script, drive, "four", on_diverge="fork")
    assert result.run_id == "h~1" and result.status == "done"
    assert len(script.requests) == 3  # the first answer is shared
    row = store.run("h~1")
    assert (row.parent, row.status, store.run("h").status) == ("h", "done", "done")
    assert store.read("h")[: row.fork_seq] == store.read("h~1")[: row.fork_seq]
    again = Script([])
    assert said(hooked(store, again, drive, "four", on_diverge="fork")) == said(result)
    assert again.requests == [] and len(store.forks("h")) == 1
    assert hooked(store, counting(), drive, "five", on_diverge="fork").run_id == "h~2"


def test_a_finished_run_is_never_added_to(store: SqliteStore, drive: Driven) -> None:
    """What a changed program asks for beyond the end is a divergence, not a longer run."""
    assistant = AssistantAgent("assistant", llm_config=llm(counting()))
    most = [1]

    def chat() -> autogen.ChatResult:
        user = UserProxyAgent(
            "user", human_input_mode="NEVER", code_execution_config=False, default_auto_reply="more",
            max_consecutive_auto_reply=most[0],
        )  # fmt: skip
        with autogen.durable(store):
            return drive(user.initiate_chat, assistant, message="go", run_id="c", silent=True)

    chat()
    before = store.read("c")
    most[0] = 3
    with pytest.raises(Diverged, match="the run ended before it came here"):
        chat()
    assert store.read("c") == before


def test_an_entry_function_that_changed_goes_on_in_a_fork(store: SqliteStore, drive: Driven) -> None:
    asking("what colour?", "and now?")
    run = autogen.start("ask", {"topic": "paint"}, run_id="p", journal=store)
    question = advance(drive, run, store).pending[0]
    autogen.answer(run, question.id, "blue", journal=store)
    entrypoints._registered.clear()

    def ask(topic: str) -> list[str]:
        assistant = AssistantAgent("assistant", llm_config=llm(["which tone?"]))
        user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
        return said(user.initiate_chat(assistant, message=f"{topic}!", max_turns=1, silent=True))

    autogen.entrypoint(name="ask")(ask)
    with autogen.durable(store, on_diverge="fork"):
        view = drive(autogen.advance, run)
    assert (view.id, view.parent, view.status) == ("p~1", "p", "done")
    assert view.result == ["paint!", "which tone?"]
    assert store.run(run).status == "paused"  # as it was


def test_chance_and_time_are_those_of_the_run_it_comes_from(store: SqliteStore, drive: Driven) -> None:
    """So that a random speaker of the shared part is the same one."""
    from autogen.core.effects import Draw
    from autogen.runs.durable import Policy
    from autogen.runs.journaled import Journaled
    from autogen.runs.log import RunLog

    talk(store, counting(), drive, turns=2)
    fork = autogen.fork("talk", 2, journal=store)

    def drawn(run_id: str) -> list[Any]:
        log = RunLog(store, store.run(run_id), policy=Policy(), alive=False)
        here = Journaled(None, log.root(), None, False, None)  # type: ignore[arg-type]
        return [here.draw(Draw(kind)) for kind in ("time", "id", "random", "random")]

    assert drawn(fork) == drawn("talk")
