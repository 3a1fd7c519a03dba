"""Direct `send` and `receive`, and what can be read back."""

from __future__ import annotations

from typing import Any

from scenario import bot, counters, error, mute, scenario, views


@scenario()
def request_reply(base_url: str, work_dir: str) -> Any:
    kept = {}
    for wanted in (True, False, None):
        one, two = mute("one", "x", max_consecutive_auto_reply=1), mute("two", "y", max_consecutive_auto_reply=1)
        returned = one.send("hello", two, request_reply=wanted)
        kept[str(wanted)] = [returned, views(one, two), counters(one), counters(two)]
    return kept


@scenario(["r"])
def reply_follows_when_asked_for(base_url: str, work_dir: str) -> Any:
    one, agent = mute("one", "x", max_consecutive_auto_reply=0), bot(base_url)
    one.send("no reply to a bare send", agent)
    one.send("hello", agent, request_reply=True)
    return views(one, agent)


@scenario()
def receive_directly(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y")
    one.receive("a text", two)
    one.receive({"content": "a dict", "extra": 1}, two, request_reply=False)
    one.receive("silent", two, request_reply=False, silent=True)
    return views(one, two)


@scenario()
def receive_and_reply(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x", max_consecutive_auto_reply=1), mute("two", "y", max_consecutive_auto_reply=1)
    one.receive("a text", two, request_reply=True)
    return views(one, two)


@scenario()
def silent_send(base_url: str, work_dir: str) -> Any:
    one, two = mute("one", "x"), mute("two", "y")
    one.send("quiet", two, silent=True)
    one.send("loud", two, silent=False)
    return views(one, two)


@scenario()
def messages_that_are_refused(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    return [
        error(one.send, {"no": "content"}, two),
        error(one.send, {}, two),
        error(one.receive, {"no": "content"}, two),
        [error(one.send, wrong, two)["raised"] != [] for wrong in (None, 3)],
        views(one, two),
    ]


@scenario()
def last_message(base_url: str, work_dir: str) -> Any:
    one, two, three, stranger = mute("one"), mute("two"), mute("three"), mute("stranger")
    nothing = error(one.last_message)
    one.send("to two", two, request_reply=False)
    alone = one.last_message()
    one.send("to three", three, request_reply=False)
    return [nothing, alone, error(one.last_message), one.last_message(two), error(one.last_message, stranger)]


@scenario()
def chat_messages_mapping(base_url: str, work_dir: str) -> Any:
    one, two, stranger = mute("one"), mute("two"), mute("stranger")
    one.send("hello", two, request_reply=False)
    before = [key.name for key in one.chat_messages]
    empty = one.chat_messages[stranger]
    return [
        before,
        empty,
        one.chat_messages is one._oai_messages,
        isinstance(one.chat_messages[two], list),
        len(one.chat_messages),
    ]


@scenario()
def history_can_be_edited(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    one.send("a", two, request_reply=False)
    one.send("b", two, request_reply=False)
    one.chat_messages[two].pop()
    one._oai_messages[two].append({"content": "written in", "role": "user"})
    one.chat_messages[two][0]["content"] = "edited"
    two._oai_messages[one] = [{"content": "replaced", "role": "user"}]
    return views(one, two)


@scenario()
def the_senders_dict_is_not_changed(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    message = {"content": "hello", "nested": {"a": 1}}
    one.send(message, two, request_reply=False)
    return [message, one.chat_messages[two][0] is message, two.chat_messages[one][0]]


@scenario()
def printed_forms(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two")
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    for message in (
        "",
        "two\nlines\n",
        "ünïcode ✓",
        {"content": None, "tool_calls": [call]},
        {"content": "with text", "tool_calls": [call, {**call, "id": "call_2"}]},
        {"content": None, "tool_calls": [{"function": {"arguments": "{}"}}]},
        {"content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"content": "with text", "function_call": {"name": "f", "arguments": "{}"}},
        {"content": None, "function_call": {}},
        {"content": "v", "role": "function", "name": "f"},
        {"content": "v", "role": "tool", "tool_call_id": "call_1"},
        {
            "content": "v",
            "role": "tool",
            "tool_responses": [{"role": "tool", "tool_call_id": "call_1", "content": "v"}],
        },
        {
            "content": "a\n\nb",
            "role": "tool",
            "tool_responses": [{"role": "tool", "tool_call_id": i, "content": i} for i in "ab"],
        },
        {"content": "typed", "tool_responses": [{"role": "tool", "tool_call_id": "c", "content": "USER INTERRUPTED"}]},
        {"content": "typed", "tool_responses": [{"role": "function", "name": "f", "content": "USER INTERRUPTED"}]},
        {
            "content": [
                {"type": "text", "text": "look: "},
                {"type": "image_url", "image_url": {"url": "http://example.test/x.png"}},
            ]
        },
        {"content": [{"type": "text", "text": "only text"}]},
    ):
        one.send(message, two, request_reply=False)
    return None
