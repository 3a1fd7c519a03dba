"""Two agents talk: turns, history, carryover, first messages."""

from __future__ import annotations

from typing import Any

import autogen
from scenario import bot, chat, counters, error, llm, mute, scenario, user, views


@scenario(["hi", "bye TERMINATE", "TERMINATE"])
def plain_chat(base_url: str, work_dir: str) -> Any:
    agent = autogen.AssistantAgent("bot", llm_config=llm(base_url))
    person = user()
    result = person.initiate_chat(agent, message="hello")
    return {**chat(result), "views": views(person, agent), "counters": [counters(person), counters(agent)]}


@scenario()
def chat_result_repr(base_url: str, work_dir: str) -> Any:
    result = mute("one").initiate_chat(mute("two", "pong"), message="ping", max_turns=1)
    return {
        "repr": repr(result),
        "type": type(result).__name__,
        "equal": result == autogen.ChatResult(**vars(result)),
        "fields": list(vars(result))[:5],
    }


@scenario()
def empty_auto_replies_are_sent(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", max_consecutive_auto_reply=1), mute("two", max_consecutive_auto_reply=2)
    result = one.initiate_chat(two, message="ping")
    return {**chat(result), "counters": [counters(one), counters(two)]}


@scenario()
def none_auto_reply(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", None), mute("two", None)
    return chat(one.initiate_chat(two, message="ping"))


@scenario()
def dict_auto_reply(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "again"), mute("two", {"content": "from a dict", "extra": 1})
    result = one.initiate_chat(two, message="ping", max_turns=2)
    return {**chat(result), "views": views(one, two)}


@scenario(["first"])
def max_turns_one(base_url: str, work_dir: str) -> Any:
    return chat(user().initiate_chat(bot(base_url), message="hello", max_turns=1))


@scenario(["first", "second"])
def max_turns_two(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)
    result = person.initiate_chat(agent, message="hello", max_turns=2)
    return {**chat(result), "counters": [counters(person), counters(agent)], "views": views(person, agent)}


@scenario(["TERMINATE"])
def max_turns_not_reached(base_url: str, work_dir: str) -> Any:
    return chat(user().initiate_chat(bot(base_url), message="hello", max_turns=3))


@scenario()
def max_turns_zero(base_url: str, work_dir: str) -> Any:
    return error(mute("one").initiate_chat, mute("two"), message="hello", max_turns=0)


@scenario(["one", "two"])
def history_cleared_by_default(base_url: str, work_dir: str) -> Any:
    person, agent = user(max_consecutive_auto_reply=0), bot(base_url)
    first = chat(person.initiate_chat(agent, message="a"))
    second = chat(person.initiate_chat(agent, message="b"))
    return [first, second, views(person, agent)]


@scenario(["one", "two"])
def history_kept(base_url: str, work_dir: str) -> Any:
    person, agent = user(max_consecutive_auto_reply=0), bot(base_url)
    person.initiate_chat(agent, message="a")
    second = person.initiate_chat(agent, message="b", clear_history=False)
    return [chat(second), views(person, agent)]


@scenario()
def history_of_other_partners_stays(base_url: str, work_dir: str) -> Any:
    one, two, three = mute("one"), mute("two"), mute("three")
    one.initiate_chat(two, message="a", max_turns=1)
    one.initiate_chat(three, message="b", max_turns=1)
    one.initiate_chat(two, message="c", max_turns=1)
    return views(one, two, three)


@scenario()
def clear_history_preserving(base_url: str, work_dir: str) -> Any:
    one, two, three = mute("one"), mute("two"), mute("three")
    for partner in (two, three):
        for word in ("a", "b", "c"):
            one.send(word, partner, request_reply=False)
    one.clear_history(nr_messages_to_preserve=2)
    first = views(one)
    one.clear_history(three)
    second = views(one)
    one.clear_history()
    return [first, second, views(one, two)]


@scenario()
def clear_history_keeps_a_call_with_its_answer(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    call = {
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    }
    answer = {"role": "tool", "content": "v", "tool_responses": [{"role": "tool", "tool_call_id": "c", "content": "v"}]}
    one.send("start", two, request_reply=False)
    two.send(call, one, request_reply=False)
    one.send(answer, two, request_reply=False)
    one.clear_history(nr_messages_to_preserve=1)
    return views(one)


@scenario(["quiet reply"])
def silent_chat(base_url: str, work_dir: str) -> Any:
    return chat(user().initiate_chat(bot(base_url), message="hello", max_turns=1, silent=True))


@scenario()
def silent_agent(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "aa", silent=True), mute("two", "bb")
    first = chat(one.initiate_chat(two, message="hello", max_turns=2))
    second = chat(two.initiate_chat(one, message="back", max_turns=1))
    return [first, second]


@scenario()
def carryover_text(base_url: str, work_dir: str) -> Any:
    return chat(mute("one").initiate_chat(mute("two"), message="hello", carryover="earlier", max_turns=1))


@scenario()
def carryover_list(base_url: str, work_dir: str) -> Any:
    return chat(mute("one").initiate_chat(mute("two"), message="hello", carryover=["first", "second"], max_turns=1))


@scenario()
def carryover_empty(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    histories = [
        chat(one.initiate_chat(two, message="hello", carryover=given, max_turns=1))["chat_history"]
        for given in ("", [], None, [""])
    ]
    return histories


@scenario()
def carryover_of_other_things(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    listed = chat(one.initiate_chat(two, message="hello", carryover=["text", {"content": "a dict"}, 3], max_turns=1))
    return [listed, error(one.initiate_chat, two, message="hello", carryover={"a": 1}, max_turns=1)]


@scenario()
def carryover_with_dict_message(base_url: str, work_dir: str) -> Any:
    message = {"content": "hello", "extra": "kept"}
    result = mute("one").initiate_chat(mute("two"), message=message, carryover="earlier", max_turns=1)
    return [chat(result), message]


@scenario()
def carryover_with_parts(base_url: str, work_dir: str) -> Any:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "http://example.test/x.png"}}]
    result = mute("one").initiate_chat(
        mute("two"), message={"content": parts}, carryover=["earlier", "later"], max_turns=1
    )
    return chat(result)


@scenario()
def callable_message(base_url: str, work_dir: str) -> Any:
    seen = []

    def first(sender: Any, recipient: Any, context: dict[str, Any]) -> Any:
        seen.append([sender.name, recipient.name, sorted(context), context.get("topic"), context.get("carryover")])
        return f"about {context['topic']}"

    one, two = mute("one"), mute("two")
    plain = chat(one.initiate_chat(two, message=first, topic="bees", max_turns=1))
    carried = chat(one.initiate_chat(two, message=first, topic="ants", carryover="earlier", max_turns=1))
    as_dict = chat(one.initiate_chat(two, message=lambda s, r, c: {"content": "d", "k": 1}, carryover="x", max_turns=1))
    return [plain, carried, as_dict, seen]


@scenario()
def callable_message_of_wrong_type(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    wrong = [lambda s, r, c: 3, 3, {"no": "content"}]
    return [error(one.initiate_chat, two, message=message, max_turns=1)["raised"] != [] for message in wrong]


@scenario(inputs=["typed hello"])
def missing_first_message_is_asked_for(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    result = one.initiate_chat(mute("two"), max_turns=1)
    return chat(result)


@scenario(inputs=["typed hello"])
def missing_first_message_with_carryover(base_url: str, work_dir: str) -> Any:
    return chat(user(human_input_mode="ALWAYS").initiate_chat(mute("two"), max_turns=1, carryover="earlier"))


@scenario()
def end_of_input_is_an_error(base_url: str, work_dir: str) -> Any:
    return error(mute("one").initiate_chat, mute("two"), max_turns=1)


@scenario(["ok"])
def message_templates(base_url: str, work_dir: str) -> Any:
    person = user(max_consecutive_auto_reply=0)
    agent = bot(base_url, llm_config=llm(base_url, allow_format_str_template=True))
    result = person.initiate_chat(agent, message={"content": "Sum {a} and {b}.", "context": {"a": 1, "b": 2}})
    return chat(result)


@scenario(["ok"])
def message_templates_not_allowed(base_url: str, work_dir: str) -> Any:
    person = user(max_consecutive_auto_reply=0)
    result = person.initiate_chat(bot(base_url), message={"content": "Sum {a}.", "context": {"a": 1}})
    return chat(result)


@scenario(["ok"])
def message_with_callable_content(base_url: str, work_dir: str) -> Any:
    def content(context: dict[str, Any]) -> str:
        return f"Say {context['word']}."

    person, agent = user(max_consecutive_auto_reply=0), bot(base_url, is_termination_msg=lambda message: False)
    person.initiate_chat(agent, message={"content": content, "context": {"word": "bee"}})
    kept = agent.chat_messages[person]
    return [callable(message["content"]) for message in kept]


@scenario()
def message_dict_with_own_name_and_role(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    for message in (
        {"content": "named", "name": "somebody"},
        {"content": "a system word", "role": "system"},
        {"content": "a tool word", "role": "tool", "tool_call_id": "c1"},
        {"content": "a function word", "role": "function", "name": "f"},
        {"content": "overridden", "override_role": "system"},
        {"content": "other keys", "metadata": {"a": 1}, "context": {"b": 2}},
        {
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"content": "both", "function_call": {"name": "f", "arguments": "{}"}},
    ):
        one.send(message, two, request_reply=False)
    return views(one, two)


@scenario()
def initial_chat_messages(base_url: str, work_dir: str) -> Any:
    two = mute("two", "pong")
    earlier = {two: [{"content": "before", "role": "user", "name": "two"}]}
    one = autogen.ConversableAgent("one", llm_config=False, human_input_mode="NEVER", chat_messages=earlier)
    start = views(one)
    kept = one.initiate_chat(two, message="ping", max_turns=1, clear_history=False).chat_history
    return [start, kept, views(one)]


@scenario()
def chat_with_oneself(base_url: str, work_dir: str) -> Any:
    one = mute("one", "echo")
    return [chat(one.initiate_chat(one, message="hello", max_turns=1)), views(one)]


@scenario()
def generate_init_message(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    return [
        one.generate_init_message("text"),
        one.generate_init_message("text", carryover="more"),
        one.generate_init_message({"content": "c"}, carryover=["a", "b"]),
        one.generate_init_message({"content": [{"type": "text", "text": "t"}]}, carryover="a"),
        error(one.generate_init_message, 5),
    ]
