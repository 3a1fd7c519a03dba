"""Chats inside a reply: part of the conversation, bounded, journaled and trusted no more than what was said in them."""

import pickle
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen import Budget, ConversableAgent
from autogen.conversation.nested import NestedChatsCycle
from autogen.runs.durable import Scope, here
from autogen.runs.log import Policy
from autogen.runs.sqlite import SqliteStore
from autogen.testing import DRIVERS, Driven, Script, driven
from tests.runs.plots import killed_at, prefixes
from tests.stories.cast import a_model, a_user, an_echo, contents


@pytest.fixture(params=DRIVERS)
def drive(request: pytest.FixtureRequest) -> Driven:
    return driven(request.param)


def plain(name: str, **given: Any) -> ConversableAgent:
    """An agent that has nothing to say of its own."""
    return ConversableAgent(name, human_input_mode="NEVER", default_auto_reply=f"{name} says nothing", **given)


def _giving(text: str) -> Any:
    def give() -> str:
        return text

    return give


def chats(*recipients: ConversableAgent, **given: Any) -> list[dict[str, Any]]:
    return [{"recipient": one, "message": "Look.", "max_turns": 1, "silent": True, **given} for one in recipients]


def test_the_reply_is_what_the_last_chat_came_to(drive: Driven) -> None:
    user, writer = a_user(), plain("writer")
    critic, checker = an_echo("critic", lambda _: "Too long."), an_echo("checker", lambda _: "Fine.")
    writer.register_nested_chats(chats(critic, checker), trigger=user)
    result = drive(user.initiate_chat, writer, message="Write.", max_turns=1)
    assert contents(result.chat_history) == ["Write.", "Fine."]
    if drive.driver != "thread":
        assert contents(writer.chat_messages[checker]) == ["Look.\nContext: \nToo long.", "Fine."]


def test_each_level_answers_by_the_one_below(drive: Driven) -> None:
    user, agents = a_user(), [*map(plain, "abcd"), an_echo("e", lambda text: f"{text} bottom")]
    for upper, lower in pairwise(agents):
        entry = [{"recipient": lower, "max_turns": 1, "silent": True}]
        upper.register_nested_chats(entry, trigger=lambda sender, lower=lower: sender is not lower)
    assert drive(user.initiate_chat, agents[0], message="Down to the", max_turns=1).summary == "Down to the bottom"


def test_ids_and_prerequisites_count_in_async_chats() -> None:
    user, writer = a_user(), plain("writer")
    queue = chats(*(an_echo(name, partial("{}".format, name)) for name in "abc"))
    for number, (entry, needed) in enumerate(zip(queue, ([3], [1, 3], []), strict=True), 1):
        entry |= {"chat_id": number, "prerequisites": needed}
    writer.register_nested_chats(queue, trigger=user, use_async=True)
    assert driven("concurrent")(user.initiate_chat, writer, message="Go.", max_turns=1).summary == "b"
    with pytest.raises(RuntimeError, match="_a_summary_from_nested_chats"):
        user.initiate_chat(writer, message="Go.", max_turns=1)


def test_a_chat_that_is_left_out_holds_up_nobody() -> None:
    user, writer = a_user(), plain("writer")
    queue = chats(an_echo("a"), an_echo("b", lambda text: text))
    queue[0] |= {"chat_id": 1, "message": lambda *_: None}
    queue[1] |= {"chat_id": 2, "prerequisites": [1]}
    writer.register_nested_chats(queue, trigger=user, use_async=True)
    assert driven("concurrent")(user.initiate_chat, writer, message="Go.", max_turns=1).summary == "Look."


def test_one_budget_holds_for_the_chats_inside(drive: Driven) -> None:
    with Script([{"text": "Well.", "times": 0}]) as script:
        user, writer = a_user(), a_model(script, "writer")
        user.register_nested_chats(chats(a_model(script, "critic")), trigger=writer)
        result = drive(user.initiate_chat, writer, message="Write.", budget=Budget(model_calls=5))
    assert (str(result.stop_reason), len(script.requests)) == ("budget_model_calls", 5)
    assert result.usage["critic"].output + result.usage["writer"].output == 25


def test_the_reply_can_be_asked_for_directly(drive: Driven) -> None:
    user, writer = a_user(), plain("writer")
    writer.register_nested_chats(chats(an_echo("critic", lambda _: "Hm.")), trigger=user)
    assert drive(writer.generate_reply, messages=[{"role": "user", "content": "Write."}], sender=user) == "Hm."
    entry = writer._reply_func_list[2]
    assert entry["reply_func"](writer, messages=[{"content": "Write."}], sender=user, config=None) == (True, "Hm.")


def test_a_failure_inside_comes_with_the_chat_that_it_was_in(drive: Driven) -> None:
    def fails(_: str) -> str:
        raise KeyError("lost")

    user, writer = a_user(), plain("writer")
    writer.register_nested_chats(chats(an_echo("a"), an_echo("critic", fails)), trigger=user)
    with pytest.raises(KeyError) as caught:
        drive(user.initiate_chat, writer, message="Write.", max_turns=1)
    assert caught.value.__notes__ == ["in chat 2 of 2: writer > critic"]
    assert [entry.author for entry in caught.value.run.transcript] == ["writer"]  # type: ignore[attr-defined]


# ---- cycles ---------------------------------------------------------------------------------------------------------


def test_nests_that_start_one_another_end_with_one_error_that_names_the_cycle(drive: Driven) -> None:
    user, one, two = a_user(), plain("one"), plain("two")
    one.register_nested_chats(chats(two), trigger=ConversableAgent)
    two.register_nested_chats(chats(one), trigger=one)
    with pytest.raises(NestedChatsCycle) as caught:
        drive(user.initiate_chat, one, message="Go.", max_turns=1)
    assert caught.value.cycle == ("one", "two", "one")
    assert "one > two > one, 16 chats deep" in str(caught.value)
    assert isinstance(caught.value, RecursionError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert str(again) == str(caught.value)


# ---- trust ----------------------------------------------------------------------------------------------------------


def test_words_from_inside_do_not_become_the_programs_own() -> None:
    user, writer = a_user(), plain("writer")
    critic = an_echo("critic", lambda _: "```python\nprint(1)\n```")
    writer.register_nested_chats([{"recipient": critic, "max_turns": 1, "silent": True}], trigger=user)
    user.initiate_chat(writer, message={"content": "Look."}, max_turns=1, silent=True)
    assert user.chat_messages[writer][-1].origin == "quoted"  # type: ignore[attr-defined]
    assert critic.chat_messages[writer][0].origin == "program"  # type: ignore[attr-defined]

    writer.register_nested_chats(chats(critic, message=lambda *_: "made"), trigger=user, position=0)
    user.initiate_chat(writer, message="Look.", max_turns=1, silent=True)
    assert critic.chat_messages[writer][0].origin == "quoted"  # type: ignore[attr-defined]


def test_code_that_a_tool_fetched_inside_does_not_run_outside(tmp_path: Path) -> None:
    code = "```python\nprint(6 * 7)\n```"
    calls: list[dict[str, Any]] = [{"tool_calls": [["c1", "fetch", {}]]}, {"text": "Fetched.", "times": 0}]
    with Script(calls) as script:
        user = a_user(code_execution_config={"work_dir": str(tmp_path)})
        lead, reader = plain("lead"), a_model(script, "reader")
        autogen.register_function(_giving(code), name="fetch", caller=reader, executor=lead, description="Fetch.")

        def what_the_tool_said(sender: Any, recipient: Any, arguments: Any) -> str:
            return str(recipient.chat_messages[sender][2]["content"])

        entries = chats(reader, summary_method=what_the_tool_said, max_turns=2)
        lead.register_nested_chats(entries, trigger=user)
        result = user.initiate_chat(lead, message="Fetch it.", max_turns=2, silent=True)
    assert contents(result.chat_history)[1] == code
    assert "exitcode: 1 (execution refused)" in contents(result.chat_history)[2]


# ---- refused --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("queue", "given", "said"),
    [
        ("queue", {}, "a queue of chats is a list of dicts"),
        ([3], {}, "chat 1 of the queue must be a dict"),
        ([{"message": "x"}], {}, "recipient must be provided"),
        ([{"recipient": "x"}], {}, "the recipient must be an agent"),
        (None, {"message": lambda recipient: "x"}, "is called with (recipient, messages, sender, config)"),
        (None, {"mesage": "x"}, "did you mean 'message'"),
    ],
)
def test_what_makes_no_nested_chat_is_told_when_it_is_registered(queue: Any, given: dict[str, Any], said: str) -> None:
    writer = plain("writer")
    with pytest.raises(ValueError) as caught:
        writer.register_nested_chats(chats(an_echo("b"), **given) if queue is None else queue, trigger="user")
    assert said in str(caught.value)
    assert all("nested" not in entry["reply_func"].__name__ for entry in writer._reply_func_list)


def test_a_reply_function_of_the_wrong_form_is_told_when_it_is_registered() -> None:
    with pytest.raises(TypeError, match="chat_queue, recipient, messages, sender, config"):
        plain("writer").register_nested_chats(
            chats(an_echo("b")), trigger="user", reply_func_from_nested_chats=lambda queue: (True, "x")
        )


# ---- journaled ------------------------------------------------------------------------------------------------------

LINES: list[dict[str, Any]] = [
    {"agent": "writer", "text": "Draft.", "times": 0},
    {"agent": "critic", "text": "Too long.", "times": 0},
    {"agent": "expert", "tool_calls": [["c1", "look", {}]], "expect": "Look."},
    {"agent": "expert", "text": "Seen.", "times": 0},
]


def _cast(script: Script, looked: list[int]) -> tuple[ConversableAgent, ConversableAgent]:
    """The user answers by a critic, who answers by an expert with a tool."""
    user, writer = a_user(), a_model(script, "writer")
    critic, expert = a_model(script, "critic", human_input_mode="NEVER"), a_model(script, "expert")

    def look() -> str:
        looked.append(1)
        return "seen"

    autogen.register_function(look, caller=expert, executor=critic, description="Look.")
    user.register_nested_chats(chats(critic, summary_method="last_msg"), trigger=writer)
    critic.register_nested_chats(
        [{"recipient": expert, "message": lambda recipient, messages, *_: messages[-1]["content"], "max_turns": 2,
          "silent": True, "clear_history": True}],
        trigger=user,
    )  # fmt: skip
    return user, writer


@pytest.mark.parametrize("driver", ["blocking", "concurrent"])
def test_nests_killed_after_any_entry_end_as_if_nobody_had_killed_them(driver: Any) -> None:
    drive = driven(driver)
    looked: list[int] = []

    def hold(store: SqliteStore, asked: list[int]) -> Any:
        script = Script([dict(line) for line in LINES])
        user, writer = _cast(script, looked)
        token = here.set(Scope(store, Policy(on_unknown="retry")))
        try:
            result = drive(user.initiate_chat, writer, message="Write.", max_turns=2, silent=True, run_id="nest")
        finally:
            here.reset(token)
        asked.append(len(script.requests))
        return result.chat_history, result.summary, str(result.stop_reason), result.usage

    store = SqliteStore(":memory:")
    asked: list[int] = []
    whole = hold(store, asked)
    addresses = [entry.address for entry in store.read("nest")]
    assert any("user>critic/1/critic>expert/1/expert.model.reply/1" in address for address in addresses)
    models = sum("model" in address for address in set(addresses))
    assert asked == [models]
    for run_id, count in prefixes(store):
        left = killed_at(store, run_id, count)
        known = sum(entry.kind == "model" for entry in left.read("nest"))
        again: list[int] = []
        assert hold(left, again) == whole  # type: ignore[arg-type]
        assert again == [models - known]


@pytest.mark.parametrize("driver", ["blocking", "concurrent"])
def test_a_person_inside_a_nest_can_be_waited_for(driver: Any, tmp_path: Path) -> None:
    drive, journal = driven(driver), tmp_path / "runs.db"

    def hold() -> Any:
        user, writer = a_user(), plain("writer", silent=True)
        person = ConversableAgent("person", human_input_mode="ALWAYS", silent=True)
        writer.register_nested_chats(chats(an_echo("critic"), person), trigger=user)
        return drive(user.initiate_chat, writer, message="Write.", max_turns=1, run_id="ask", journal=journal)

    waiting = hold()
    assert waiting.status == "paused"
    [question] = waiting.pending
    autogen.answer("ask", question.id, "Because.", journal=journal)
    assert hold().summary == "Because."
