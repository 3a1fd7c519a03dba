"""The forms of `summary_method`."""

from __future__ import annotations

from typing import Any

from scenario import bot, chat, error, mute, scenario, user


@scenario()
def last_message(base_url: str, work_dir: str) -> Any:
    two = mute("two", "the answer. TERMINATE")
    return [
        mute("one").initiate_chat(two, message="q", max_turns=1).summary,
        mute("one")
        .initiate_chat(two, message="q", max_turns=1, summary_method="last_msg", summary_args={"x": 1})
        .summary,
        mute("one").initiate_chat(mute("two", "TERMINATE a TERMINATE b "), message="q", max_turns=1).summary,
    ]


@scenario()
def last_message_with_parts(base_url: str, work_dir: str) -> Any:
    parts = [
        {"type": "text", "text": "a "},
        {"type": "image_url", "image_url": {"url": "http://example.test/x.png"}},
        {"type": "text", "text": "b"},
    ]
    two = mute("two", {"content": parts})
    return mute("one").initiate_chat(two, message="q", max_turns=1).summary


@scenario()
def none(base_url: str, work_dir: str) -> Any:
    return mute("one").initiate_chat(mute("two", "x"), message="q", max_turns=1, summary_method=None).summary


@scenario()
def own_function(base_url: str, work_dir: str) -> Any:
    seen = []

    def shorten(sender: Any, recipient: Any, args: dict[str, Any]) -> str:
        seen.append([sender.name, recipient.name, sorted(args), args.get("words")])
        return f"{len(sender.chat_messages[recipient])} messages"

    one, two = mute("one"), mute("two", "x")
    given = one.initiate_chat(two, message="q", max_turns=1, summary_method=shorten, summary_args={"words": 3}).summary
    return [given, seen]


@scenario()
def own_function_giving_another_type(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two", "x")
    return one.initiate_chat(two, message="q", max_turns=1, summary_method=lambda s, r, a: {"n": 1}).summary


@scenario(["an answer", "in short"])
def reflection(base_url: str, work_dir: str) -> Any:
    result = user().initiate_chat(bot(base_url), message="q", max_turns=1, summary_method="reflection_with_llm")
    return chat(result)


@scenario(["an answer", "in short"])
def reflection_with_own_prompt(base_url: str, work_dir: str) -> Any:
    args = {"summary_prompt": "Say it in one word.", "summary_role": "user"}
    result = user().initiate_chat(
        bot(base_url), message="q", max_turns=1, summary_method="reflection_with_llm", summary_args=args
    )
    return chat(result)


@scenario(["in short"])
def reflection_by_the_sender(base_url: str, work_dir: str) -> Any:
    result = bot(base_url, "asker").initiate_chat(
        mute("two", "x"), message="q", max_turns=1, summary_method="reflection_with_llm"
    )
    return chat(result)


@scenario(["an answer", "in short"])
def reflection_prefers_the_recipient(base_url: str, work_dir: str) -> Any:
    one, two = bot(base_url, "one", system_message="I am one."), bot(base_url, "two", system_message="I am two.")
    return chat(one.initiate_chat(two, message="q", max_turns=1, summary_method="reflection_with_llm"))


@scenario(["an answer", "in short"])
def reflection_with_carryover(base_url: str, work_dir: str) -> Any:
    result = user().initiate_chat(
        bot(base_url), message="q", carryover="c", max_turns=1, summary_method="reflection_with_llm"
    )
    return result.summary


@scenario()
def reflection_without_a_model(base_url: str, work_dir: str) -> Any:
    return error(
        mute("one").initiate_chat,
        mute("two"),
        message="q",
        max_turns=1,
        summary_method="reflection_with_llm",
        text=True,
    )


@scenario()
def unknown_method(base_url: str, work_dir: str) -> Any:
    one, two = mute("one"), mute("two", "x")
    outcome = error(one.initiate_chat, two, message="q", max_turns=1, summary_method="no such")
    return (
        outcome
        if outcome["raised"]
        else one.initiate_chat(two, message="q", max_turns=1, summary_method="no such").summary
    )


@scenario()
def class_default(base_url: str, work_dir: str) -> Any:
    two = mute("two", "x")
    return [type(two).DEFAULT_SUMMARY_METHOD, two.chat_messages_for_summary(mute("one"))]
