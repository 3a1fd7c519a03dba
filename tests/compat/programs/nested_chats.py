"""Chats inside a reply: `register_nested_chats`, its triggers, positions, messages and reply functions."""

from __future__ import annotations

import asyncio
from typing import Any

import autogen
from scenario import bot, calls, chat, error, llm, mute, scenario, user, views


def four() -> list[Any]:
    return [mute("user"), mute("writer", "draft"), mute("critic", "critique"), mute("checker", "checked")]


def one_turn(cast: list[Any], message: Any = "do it", **options: Any) -> Any:
    result = cast[0].initiate_chat(cast[1], message=message, **{"max_turns": 1, **options})
    return [chat(result), views(*cast)]


def a_one_turn(cast: list[Any], **options: Any) -> Any:
    result = asyncio.run(cast[0].a_initiate_chat(cast[1], message="do it", **{"max_turns": 1, **options}))
    return [chat(result), views(*cast)]


def queue(cast: list[Any], *messages: Any, **extra: Any) -> list[dict[str, Any]]:
    return [
        {"recipient": recipient, "max_turns": 1, **({} if message == "none" else {"message": message}), **extra}
        for recipient, message in zip(cast[2:], messages, strict=False)
    ]


@scenario()
def summary_of_the_last_chat(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "look", "check", summary_method="last_msg"), trigger=cast[0])
    return one_turn(cast)


@scenario()
def the_first_message_is_the_last_one_heard(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "none", "check"), trigger=cast[0])
    return one_turn(cast)


@scenario()
def a_later_chat_without_a_message_is_left_out(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "none", "none"), trigger=cast[0])
    return one_turn(cast)


@scenario()
def messages_by_functions(base_url: str, work_dir: str) -> Any:
    cast = four()

    def made(recipient: Any, messages: Any, sender: Any, config: Any) -> str:
        return f"{recipient.name} {len(messages)} {messages[-1]['content']} {sender.name} {config}"

    cast[1].register_nested_chats(queue(cast, made, made, carryover="mine"), trigger=cast[0])
    return one_turn(cast)


@scenario()
def messages_that_are_empty(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, lambda *_: "", "check"), trigger=cast[0])
    return one_turn(cast)


@scenario()
def nothing_to_say_ends_the_chat(base_url: str, work_dir: str) -> Any:
    ended = []
    for messages in (("", ""), (lambda *_: None,), ()):
        cast = four()
        cast[1].register_nested_chats(queue(cast, *messages), trigger=cast[0])
        ended.append(one_turn(cast))
    return ended


@scenario()
def messages_that_are_dicts(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, {"content": "dict"}, {"content": ""}), trigger=cast[0])
    return one_turn(cast)


@scenario()
def another_sender(base_url: str, work_dir: str) -> Any:
    cast = four()
    entry = {"sender": cast[3], "recipient": cast[2], "message": "z", "max_turns": 1}
    cast[1].register_nested_chats([entry], trigger=cast[0])
    return one_turn(cast)


@scenario()
def triggers(base_url: str, work_dir: str) -> Any:
    answers = []
    for make in (
        lambda cast: cast[0],
        lambda cast: "user",
        lambda cast: "somebody",
        lambda cast: autogen.ConversableAgent,
        lambda cast: autogen.UserProxyAgent,
        lambda cast: lambda sender: sender.name == "user",
        lambda cast: lambda sender: sender != cast[2],
        lambda cast: ["somebody", cast[0]],
        lambda cast: [cast[2], None],
    ):
        cast = four()
        cast[1].register_nested_chats(queue(cast, "look", silent=True), trigger=make(cast))
        answers.append(one_turn(cast, silent=True)[0]["summary"])
    return answers


@scenario()
def refused_registrations(base_url: str, work_dir: str) -> Any:
    cast = four()
    register, good = cast[1].register_nested_chats, queue(cast, "look")
    return {
        "trigger": error(register, good, 3),
        "no trigger": error(register, good, None),
        "reply function": error(register, good, cast[0], reply_func_from_nested_chats="other"),
        "no chat_id": error(register, good, cast[0], use_async=True),
    }


@scenario()
def own_reply_function(base_url: str, work_dir: str) -> Any:
    cast = four()

    def own(chat_queue: Any, recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
        results = recipient.initiate_chats(
            [{**entry, "message": f"{sender.name}: {messages[-1]['content']} {config}"} for entry in chat_queue]
        )
        return True, " and ".join(result.summary for result in results)

    cast[1].register_nested_chats(queue(cast, "a", "b"), trigger=cast[0], reply_func_from_nested_chats=own)
    return one_turn(cast)


@scenario()
def own_reply_function_that_leaves_it(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(
        queue(cast, "a"), trigger=cast[0], reply_func_from_nested_chats=lambda *_: (False, None)
    )
    return one_turn(cast)


def _names(agent: Any) -> list[str]:
    return [entry["reply_func"].__name__ for entry in agent._reply_func_list]


@scenario()
def positions(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "x"), trigger=cast[0])
    cast[1].register_nested_chats(queue(cast, "y"), trigger=cast[0], position=0)
    cast[1].register_nested_chats(queue(cast, "z"), trigger=cast[0], position=6)
    return [_names(cast[1]), one_turn(cast)]


@scenario([calls(("c1", "f", {})), "TERMINATE"])
def it_comes_before_tool_calls(base_url: str, work_dir: str) -> Any:
    person, agent, critic = user(function_map={"f": lambda: "v"}), bot(base_url), mute("critic", "critique")
    person.register_nested_chats([{"recipient": critic, "message": "look", "max_turns": 1}], trigger=agent, position=4)
    return [chat(person.initiate_chat(agent, message="go", max_turns=2)), views(person, agent, critic)]


@scenario()
def each_turn_anew(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "look", "check", silent=True), trigger=cast[0])
    return one_turn(cast, max_turns=2)


@scenario()
def nests_in_nests(base_url: str, work_dir: str) -> Any:
    cast = [*four(), mute("expert", "expertise")]
    cast[1].register_nested_chats(queue(cast, "look"), trigger=cast[0])
    cast[2].register_nested_chats([{"recipient": cast[4], "message": "why", "max_turns": 1}], trigger=cast[1])
    return one_turn(cast)


@scenario(["draft", "critique", "better", "fine", "final"])
def reflection(base_url: str, work_dir: str) -> Any:
    person = user()
    writer, critic = bot(base_url, "writer"), bot(base_url, "critic")

    def ask(recipient: Any, messages: Any, sender: Any, config: Any) -> str:
        return "Review: " + recipient.chat_messages_for_summary(sender)[-1]["content"]

    person.register_nested_chats(
        [{"recipient": critic, "message": ask, "summary_method": "last_msg", "max_turns": 1}], trigger=writer
    )
    return [chat(person.initiate_chat(writer, message="write", max_turns=3)), views(person, writer, critic)]


@scenario()
def sync_nests_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "look", "check"), trigger=cast[0])
    return a_one_turn(cast)


@scenario()
def async_nests(base_url: str, work_dir: str) -> Any:
    cast = four()
    chats = queue(cast, "look", "check")
    chats[0]["chat_id"], chats[1]["chat_id"], chats[1]["prerequisites"] = 1, 2, [1]
    cast[1].register_nested_chats(chats, trigger=cast[0], use_async=True)
    return [_names(cast[1]), a_one_turn(cast)]


@scenario()
def async_nests_in_a_sync_chat(base_url: str, work_dir: str) -> Any:
    cast = four()
    cast[1].register_nested_chats(queue(cast, "look", chat_id=1), trigger=cast[0], use_async=True)
    return error(one_turn, cast)


@scenario()
def an_async_reply_function_of_ones_own(base_url: str, work_dir: str) -> Any:
    cast = four()

    async def own(chat_queue: Any, recipient: Any, messages: Any, sender: Any, config: Any) -> Any:
        await asyncio.sleep(0)
        return True, f"own {len(chat_queue)}"

    cast[1].register_nested_chats(
        queue(cast, "look", chat_id=1), trigger=cast[0], reply_func_from_nested_chats=own, use_async=True
    )
    return a_one_turn(cast)


@scenario([calls(("c1", "look", {"at": "e2"})), "moved"])
def tools_inside_a_nest(base_url: str, work_dir: str) -> Any:
    board, player, other = (
        mute("board", "go on"),
        bot(base_url, "player", llm_config=llm(base_url)),
        mute("other", "hm"),
    )
    seen: list[str] = []

    def look(at: str) -> str:
        seen.append(at)
        return f"seen {at}"

    autogen.register_function(look, caller=player, executor=board, description="Look.")
    nest = [
        {"sender": board, "recipient": player, "message": "your move", "max_turns": 2, "summary_method": "last_msg"}
    ]
    player.register_nested_chats(nest, trigger=other)
    return [chat(other.initiate_chat(player, message="begin", max_turns=1)), views(board, player, other), seen]
