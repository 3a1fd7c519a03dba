"""Where conversations live between chats: which one a program sees, continues, clears, copies."""

import asyncio
import copy
import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import autogen
from autogen import ConversableAgent, tool
from autogen.testing import Driven
from tests.stories.cast import a_model, a_user, an_echo, contents


def chat(user: Any, agent: Any, message: str, **given: Any) -> list[Any]:
    return contents(user.initiate_chat(agent, message=message, max_turns=1, **given).chat_history)


async def a_chat(user: Any, agent: Any, message: str, **given: Any) -> list[Any]:
    return contents((await user.a_initiate_chat(agent, message=message, max_turns=1, **given)).chat_history)


def test_a_chat_begins_afresh_unless_it_is_to_go_on() -> None:
    user, parrot = a_user(), an_echo("parrot")
    assert chat(user, parrot, "one") == ["one", "one"]
    assert chat(user, parrot, "two", clear_history=False) == ["one", "one", "two", "two"]
    assert chat(user, parrot, "three") == ["three", "three"]


def test_a_chat_goes_on_in_the_task_that_began_it() -> None:
    user, parrot = a_user(), an_echo("parrot")

    async def two(word: str) -> list[Any]:
        await a_chat(user, parrot, word)
        await asyncio.sleep(0)
        return await a_chat(user, parrot, f"{word} more", clear_history=False)

    async def main() -> list[list[Any]]:
        return await asyncio.gather(two("left"), two("right"))

    left, right = asyncio.run(main())
    assert left == ["left", "left", "left more", "left more"]
    assert right == ["right", "right", "right more", "right more"]


def test_a_task_started_by_a_task_knows_what_was_said_and_keeps_its_own_words_to_itself() -> None:
    user, parrot = a_user(), an_echo("parrot")

    async def main() -> list[list[Any]]:
        await a_chat(user, parrot, "root")

        async def child(word: str) -> list[Any]:
            return await a_chat(user, parrot, word, clear_history=False)

        children = await asyncio.gather(*(asyncio.create_task(child(word)) for word in ("one", "two")))
        return [*children, contents(user.chat_messages[parrot])]

    one, two, own = asyncio.run(main())
    assert one == ["root", "root", "one", "one"] and two == ["root", "root", "two", "two"] and own == ["root", "root"]


def test_a_chat_goes_on_in_the_thread_that_began_it_and_in_no_other() -> None:
    user, parrot = a_user(), an_echo("parrot")
    chat(user, parrot, "main")
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(chat, user, parrot, "other", clear_history=False).result() == ["other", "other"]
        assert pool.submit(lambda: contents(user.chat_messages[parrot])).result() == ["other", "other"]
    assert contents(user.chat_messages[parrot]) == ["main", "main"]
    assert chat(user, parrot, "more", clear_history=False) == ["main", "main", "more", "more"]


def test_after_a_run_views_show_its_conversation(drive: Driven) -> None:
    user, parrot = a_user(), an_echo("parrot", lambda text: f"{text}!")
    drive(user.initiate_chat, parrot, message="hi", max_turns=1)
    assert contents(user.chat_messages[parrot]) == contents(user._oai_messages[parrot]) == ["hi", "hi!"]
    assert user.last_message() == user.last_message(parrot) == {"content": "hi!", "role": "user", "name": "parrot"}
    assert user.chat_messages_for_summary(parrot) == user.chat_messages[parrot]
    assert list(parrot.chat_messages) == [user]


def test_views_inside_a_run_show_the_run(drive: Driven) -> None:
    seen: list[Any] = []

    def look(text: str) -> str:
        seen.append(contents(user.chat_messages[parrot]))
        seen.append(parrot.last_message(user))
        return "looked"

    user, parrot = a_user(), an_echo("parrot", look)
    drive(user.initiate_chat, parrot, message="hi", max_turns=1)
    assert seen == [["hi"], {"content": "hi", "role": "user", "name": "user"}]


def test_what_a_program_writes_into_a_view_is_what_the_next_request_says() -> None:
    user, model = a_user(), a_model(["one", "TERMINATE"])
    chat(user, model, "hi")
    model.chat_messages[user][1]["content"] = "something else"
    model.chat_messages[user].append({"role": "user", "content": "appended"})
    script: Any = model.llm_config["config_list"][0]["script"]
    chat(user, model, "more", clear_history=False)
    assert [message.text for message in script.requests[1][2].messages][1:] == [
        "hi", "something else", "appended", "more",
    ]  # fmt: skip


def test_a_program_may_put_a_history_in_place_of_another() -> None:
    user, parrot = a_user(), an_echo("parrot")
    chat(user, parrot, "one")
    user._oai_messages = {parrot: [{"role": "user", "content": "edited"}]}
    assert chat(user, parrot, "two", clear_history=False) == ["edited", "two", "two"]


def test_clearing_forgets_one_partner_or_all_and_may_keep_the_last_messages() -> None:
    user, one, other = a_user(), an_echo("one"), an_echo("other")
    chat(user, one, "a")
    chat(user, one, "b", clear_history=False)
    chat(user, other, "c")
    user.clear_history(one, nr_messages_to_preserve=1)
    assert contents(user.chat_messages[one]) == ["b"] and contents(user.chat_messages[other]) == ["c", "c"]
    user.clear_history(one)
    assert contents(user.chat_messages[one]) == []
    user.clear_history()
    assert not any(user.chat_messages.values()) and contents(one.chat_messages[user]) == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    "line", [{"tool_calls": [["c1", "add", {"a": 1}], ["c2", "add", {"a": 2}]]}, {"function_call": ["add", {"a": 1}]}]
)
def test_an_answer_is_never_kept_without_its_call(line: dict[str, Any]) -> None:
    user, model = a_user(function_map={"add": lambda a: a + 1}), a_model([line, "TERMINATE"])
    user.initiate_chat(model, message="go")
    for kept, expected in ((1, 1), (2, 3), (3, 3), (4, 4), (9, 4)):
        agent = copy.deepcopy(model)
        agent.clear_history(nr_messages_to_preserve=kept)
        (history,) = agent.chat_messages.values()
        assert len(history) == expected


def test_an_agent_may_begin_with_a_history() -> None:
    parrot = an_echo("parrot")
    user = ConversableAgent(
        "user", human_input_mode="NEVER", chat_messages={parrot: [{"role": "user", "content": "before"}]}
    )
    assert contents(user.chat_messages[parrot]) == ["before"]
    assert chat(user, parrot, "hi", clear_history=False) == ["before", "hi", "hi"]


def test_with_several_partners_the_last_message_needs_a_name() -> None:
    user, one, other = a_user(), an_echo("one"), an_echo("other")
    assert user.last_message() is None
    chat(user, one, "a")
    chat(user, other, "b")
    with pytest.raises(ValueError, match="More than one conversation"):
        user.last_message()
    with pytest.raises(KeyError, match="stranger"):
        user.last_message(an_echo("stranger"))


def test_a_nested_chat_goes_on_in_the_next_tool_call_of_the_same_run(drive: Driven) -> None:
    inner_user, inner = a_user("inner_user"), an_echo("inner")

    def ask(word: str) -> str:
        return ",".join(chat(inner_user, inner, word, clear_history=False))

    user = a_user()
    model = a_model(
        [
            {"tool_calls": [["c1", "ask", {"word": "one"}]]},
            {"tool_calls": [["c2", "ask", {"word": "two"}]]},
            "TERMINATE",
        ]
    )
    autogen.register_function(ask, caller=model, executor=user, description="ask")
    result = drive(user.initiate_chat, model, message="go")
    assert contents(result.chat_history)[2::2] == ["one,one", "one,one,two,two"]
    assert contents(inner_user.chat_messages[inner]) == ["one", "one", "two", "two"]


def test_sibling_tools_that_talk_to_the_same_agent_do_not_undo_each_other(drive: Driven) -> None:
    expert, left, right = an_echo("expert"), a_user("left"), a_user("right")

    @tool(parallel=True)
    def ask_left() -> str:
        return ",".join(chat(left, expert, "from the left"))

    @tool(parallel=True)
    def ask_right() -> str:
        return ",".join(chat(right, expert, "from the right"))

    user = a_user()
    model = a_model([{"tool_calls": [["c1", "ask_left", {}], ["c2", "ask_right", {}]]}, "TERMINATE"])
    for function in (ask_left, ask_right):
        autogen.register_function(function, caller=model, executor=user, description="ask")
    drive(user.initiate_chat, model, message="go")
    assert contents(expert.chat_messages[left]) == ["from the left"] * 2
    assert contents(expert.chat_messages[right]) == ["from the right"] * 2
    assert contents(left.chat_messages[expert]) == ["from the left"] * 2


def test_sibling_tools_that_go_on_with_one_conversation_lose_none_of_it(drive: Driven) -> None:
    import threading

    asker, expert, both = a_user("asker"), an_echo("expert"), threading.Barrier(2)

    def ask(word: str) -> str:
        both.wait(timeout=20)
        chat(asker, expert, word, clear_history=False)
        return "asked"

    @tool(parallel=True)
    def ask_left() -> str:
        return ask("left")

    @tool(parallel=True)
    def ask_right() -> str:
        return ask("right")

    user = a_user()
    model = a_model([{"tool_calls": [["c1", "ask_left", {}], ["c2", "ask_right", {}]]}, "TERMINATE"])
    for function in (ask_left, ask_right):
        autogen.register_function(function, caller=model, executor=user, description="ask")
    drive(user.initiate_chat, model, message="go")
    for view in (asker.chat_messages[expert], expert.chat_messages[asker]):
        told = contents(view)
        assert sorted(told) == ["left", "left", "right", "right"] and told[0] == told[1]


def test_a_run_that_writes_to_its_own_agents_in_a_tool_keeps_it(drive: Driven) -> None:
    """`send` inside a tool belongs to the run itself."""
    witness = an_echo("witness")

    def tell() -> str:
        user.send("a note", witness, request_reply=False)
        return "told"

    user, model = a_user(), a_model([{"tool_calls": [["tell", {}]]}, "TERMINATE"])
    autogen.register_function(tell, caller=model, executor=user, description="tell")
    drive(user.initiate_chat, model, message="go")
    assert contents(witness.chat_messages[user]) == ["a note"] and len(user.chat_messages[model]) == 4


def test_a_deep_copy_has_the_same_past_and_a_future_of_its_own() -> None:
    user, model = a_user(), a_model(["one", {"text": "TERMINATE", "times": 0}])
    chat(user, model, "hi")
    twin = copy.deepcopy(model)
    assert twin is not model and twin.name == model.name and twin.system_message == model.system_message
    (history,) = twin.chat_messages.values()
    assert contents(history) == ["hi", "one"]
    twin.update_system_message("other")
    assert model.system_message != "other"
    assert chat(user, twin, "again") == ["again", "TERMINATE"]
    assert contents(model.chat_messages[user]) == ["hi", "one"]


def test_a_deep_copy_of_an_agent_that_never_talked_works(drive: Driven) -> None:
    parrot = copy.deepcopy(an_echo("parrot"))
    assert drive(copy.deepcopy(a_user()).initiate_chat, parrot, message="hi", max_turns=1).summary == "hi"


def test_reset_forgets_conversations_counters_and_usage() -> None:
    user, model = a_user(default_auto_reply="more"), a_model([{"text": "one", "times": 0}])
    user.initiate_chat(model, message="hi", max_turns=3)
    assert model.get_total_usage() is not None and model._consecutive_auto_reply_counter[user] == 3
    model.reset()
    assert not any(model.chat_messages.values()) and model.get_total_usage() is None
    assert model._consecutive_auto_reply_counter[user] == 0


def test_finished_tasks_leave_nothing_behind() -> None:
    user, parrot = a_user(), an_echo("parrot")

    async def main() -> None:
        for number in range(20):
            await asyncio.create_task(a_chat(user, parrot, f"{number}"))

    asyncio.run(main())
    gc.collect()
    assert len(user._states or ()) <= 3


def test_agents_are_freed_with_their_conversations() -> None:
    user, parrot = a_user(), an_echo("parrot")
    chat(user, parrot, "hi")
    gone = weakref.ref(parrot)
    del user, parrot
    gc.collect()
    assert gone() is None
