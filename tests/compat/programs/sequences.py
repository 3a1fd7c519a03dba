"""Several chats in a row: `initiate_chats`, its banner, carryover, results and refusals; `a_initiate_chats` by ids."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import autogen
import autogen.agentchat.chat
from scenario import bot, chat, error, mute, scenario, user, views


def four() -> list[Any]:
    return [mute("one"), *(mute(f"r{number}", f"said {number}") for number in range(3))]


def told(results: Any) -> Any:
    if isinstance(results, dict):
        return [[key, result.chat_id, chat(result)] for key, result in results.items()]
    return [chat(result) for result in results]


@scenario()
def carryover_of_summaries(base_url: str, work_dir: str) -> Any:
    one, *others = four()
    queue = [{"sender": one, "recipient": r, "message": f"m{i}", "max_turns": 1} for i, r in enumerate(others)]
    return [told(autogen.initiate_chats(queue)), views(one, *others)]


@scenario()
def the_senders_method(base_url: str, work_dir: str) -> Any:
    one, *others = four()
    results = one.initiate_chats([{"recipient": r, "message": "m", "max_turns": 1} for r in others])
    kept = one.get_chat_results()
    return [
        told(results), results is kept, chat(one.get_chat_results(1)), chat(one.get_chat_results(-1)),
        error(one.get_chat_results, 7),
    ]  # fmt: skip


@scenario()
def verbose(base_url: str, work_dir: str) -> Any:
    one, two, three, four_ = four()

    def made(sender: Any, recipient: Any, context: Any) -> str:
        return f"{sorted(context)} {context['carryover']}"

    queue = [
        {"sender": one, "recipient": two, "message": "text", "max_turns": 1, "verbose": True},
        {"sender": one, "recipient": three, "message": {"content": "dict"}, "max_turns": 1, "verbose": True,
         "carryover": ["a", {"content": "b"}, 3]},
        {"sender": one, "recipient": four_, "message": made, "max_turns": 1, "verbose": True, "carryover": "own",
         "topic": "x"},
    ]  # fmt: skip
    return told(autogen.initiate_chats(queue))


@scenario()
def silent_chats_have_no_banner(base_url: str, work_dir: str) -> Any:
    one, two, three, _ = four()
    return told(
        autogen.initiate_chats(
            [
                {"sender": one, "recipient": two, "message": "m", "max_turns": 1, "silent": True, "verbose": True},
                {"sender": one, "recipient": three, "message": "m", "max_turns": 1},
            ]
        )
    )


@scenario()
def excluded_from_carryover(base_url: str, work_dir: str) -> Any:
    one, *others = four()
    queue: Any = [{"sender": one, "recipient": r, "message": f"m{i}", "max_turns": 1} for i, r in enumerate(others)]
    queue[0]["finished_chat_indexes_to_exclude_from_carryover"] = [0]
    queue[2]["finished_chat_indexes_to_exclude_from_carryover"] = [0]
    return told(autogen.initiate_chats(queue))


@scenario()
def no_summary_is_carried_as_an_empty_line(base_url: str, work_dir: str) -> Any:
    one, two, three, _ = four()
    queue = [
        {"sender": one, "recipient": two, "message": "m", "max_turns": 1, "summary_method": None},
        {"sender": one, "recipient": three, "message": "m", "max_turns": 1},
    ]
    return told(autogen.initiate_chats(queue))


@scenario(["first", "in short", "second"])
def summaries_by_a_model(base_url: str, work_dir: str) -> Any:
    person, one, two = user(), bot(base_url, "one"), bot(base_url, "two")
    return told(
        person.initiate_chats(
            [
                {"recipient": one, "message": "q1", "max_turns": 1, "summary_method": "reflection_with_llm",
                 "summary_args": {"summary_prompt": "Sum up."}},
                {"recipient": two, "message": "q2", "max_turns": 1, "summary_method": lambda s, r, a: "own"},
            ]
        )
    )  # fmt: skip


@scenario()
def repeated_recipients(base_url: str, work_dir: str) -> Any:
    one, two, _, _ = four()
    queue = [
        {"sender": one, "recipient": two, "message": "m1", "max_turns": 1},
        {"sender": one, "recipient": two, "message": "m2", "max_turns": 1, "clear_history": False},
    ]
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        results = autogen.initiate_chats(queue)
    return [[str(one.message) for one in heard], chat(results[-1]), views(one, two)]


@scenario(inputs=["typed"])
def a_message_that_is_asked_for(base_url: str, work_dir: str) -> Any:
    one, two, _, _ = four()
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        results = autogen.initiate_chats([{"sender": one, "recipient": two, "max_turns": 1}])
    return [[str(one.message) for one in heard], told(results)]


@scenario()
def refused_queues(base_url: str, work_dir: str) -> Any:
    one, two, _, _ = four()
    good = {"sender": one, "recipient": two, "message": "m", "max_turns": 1}
    without = [{key: value for key, value in good.items() if key != left_out} for left_out in ("sender", "recipient")]
    return {
        "no queue": error(autogen.initiate_chats, None),
        "no dicts": error(autogen.initiate_chats, [1]),
        "no sender": error(autogen.initiate_chats, [without[0]]),
        "no recipient": error(autogen.initiate_chats, [without[1]]),
        "summary method": error(autogen.initiate_chats, [{**good, "summary_method": "other"}]),
        "no model": error(autogen.initiate_chats, [{**good, "summary_method": "reflection_with_llm"}]),
        "empty": told(autogen.initiate_chats([])),
    }


@scenario()
def a_chat_that_fails(base_url: str, work_dir: str) -> Any:
    one, two, three, four_ = four()

    def fails(agent: Any, messages: Any, sender: Any, config: Any) -> Any:
        raise KeyError("lost")

    three.register_reply([autogen.Agent, None], fails)
    queue = [{"sender": one, "recipient": r, "message": "m", "max_turns": 1} for r in (two, three, four_)]
    return [error(autogen.initiate_chats, queue), views(one, two, three, four_)]


def by_id(*prerequisites: Any, **extra: Any) -> list[dict[str, Any]]:
    return [
        {"chat_id": number, "sender": mute(f"s{number}"), "recipient": mute(f"r{number}", f"said {number}"),
         "message": f"m{number}", "max_turns": 1, **({"prerequisites": needed} if needed else {}), **extra}
        for number, needed in enumerate(prerequisites, 1)
    ]  # fmt: skip


def a_hold(queue: Any) -> Any:
    return asyncio.run(autogen.agentchat.chat.a_initiate_chats(queue))


@scenario()
def prerequisites(base_url: str, work_dir: str) -> Any:
    return told(a_hold(by_id([], [1], [1, 2], silent=True)))


@scenario()
def prerequisites_out_of_order(base_url: str, work_dir: str) -> Any:
    return told(a_hold(by_id([3], [1, 3], [], silent=True)))


@scenario()
def a_line_of_async_chats(base_url: str, work_dir: str) -> Any:
    return told(a_hold(by_id([], [1], [2], verbose=True)))


@scenario()
def async_carryover_without_some(base_url: str, work_dir: str) -> Any:
    queue = by_id([], [], [1, 2], silent=True)
    queue[1]["carryover"] = "own"
    queue[2]["finished_chat_indexes_to_exclude_from_carryover"] = [1]
    return told(a_hold(queue))


@scenario()
def the_senders_async_method(base_url: str, work_dir: str) -> Any:
    one, queue = mute("one"), by_id([], [1], silent=True)
    for entry in queue:
        del entry["sender"]
    results = asyncio.run(one.a_initiate_chats(queue))
    return [
        told(results),
        chat(one.get_chat_results(2)),
        error(one.get_chat_results, 0),
        sorted(one.get_chat_results()),
    ]


@scenario()
def the_context_of_an_async_message(base_url: str, work_dir: str) -> Any:
    queue = by_id([], [1], silent=True)
    queue[1]["message"] = lambda s, r, c: f"{sorted(c)} {c['carryover']}"
    return told(a_hold(queue))


@scenario()
def refused_async_queues(base_url: str, work_dir: str) -> Any:
    words = by_id([], ["1"], silent=True)
    return {"words for ids": error(a_hold, words), "empty": told(a_hold([]))}
