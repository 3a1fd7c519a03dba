"""Group chats that are resumed: from messages, from JSON text, with words that end a chat taken out."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import autogen
from groups import member, speakers, team, three, told
from scenario import chat, error, llm, scenario, user, views


def _said(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [{"content": text, "role": "user", "name": name} for name, text in pairs]


EARLIER = _said(("alice", "Begin."), ("bob", "I am Bob."))


@scenario()
def from_messages(base_url: str, work_dir: str) -> Any:
    members = three()
    manager = team(members, max_round=4, speaker_selection_method="round_robin")
    given = copy.deepcopy(EARLIER)
    last, message = manager.resume(messages=given)
    before = told(manager) if manager.last_speaker else views(manager, *members)
    result = last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return last.name, message, before, told(manager, result)


@scenario()
def from_text(base_url: str, work_dir: str) -> Any:
    first = team(three(), max_round=3, speaker_selection_method="round_robin")
    first.groupchat.agents[0].initiate_chat(first, message="Begin.", silent=True)
    text = first.messages_to_string(first.groupchat.messages)
    manager = team(three(), max_round=5, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=text)
    last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return text, first.messages_from_string(text), last.name, message, told(manager)


@scenario()
def resumed_async(base_url: str, work_dir: str) -> Any:
    async def go_on() -> Any:
        manager = team(three(), max_round=4, speaker_selection_method="round_robin")
        last, message = await manager.a_resume(messages=copy.deepcopy(EARLIER))
        await last.a_initiate_chat(recipient=manager, message=message, clear_history=False)
        return last.name, message, told(manager)

    return asyncio.run(go_on())


@scenario()
def without_the_word_that_ends(base_url: str, work_dir: str) -> Any:
    found: list[Any] = []
    for how in ("TERMINATE", lambda text: text.replace("TERMINATE", "")):
        over = {"is_termination_msg": lambda message: "TERMINATE" in str(message["content"])}
        manager = team(three(), over, max_round=4, speaker_selection_method="round_robin")
        given = _said(("alice", "Begin."), ("bob", "Done. TERMINATE"))
        last, message = manager.resume(messages=given, remove_termination_string=how)
        last.initiate_chat(recipient=manager, message=message, clear_history=False)
        found.append([last.name, message, speakers(manager)])
    return found


@scenario()
def with_the_word_that_ends(base_url: str, work_dir: str) -> Any:
    over = {"is_termination_msg": lambda message: "TERMINATE" in str(message["content"])}
    manager = team(three(), over, max_round=4, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=_said(("alice", "Begin."), ("bob", "Done. TERMINATE")))
    return last.name, message


@scenario()
def one_message(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=3, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=_said(("bob", "Only this.")), silent=True)
    result = last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return last.name, message, told(manager), chat(result)


@scenario()
def a_name_that_is_no_member(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=3, speaker_selection_method="round_robin")
    return [
        error(manager.resume, messages=_said(("zoe", "Begin."), ("bob", "Yes."))),
        error(manager.resume, messages=_said(("alice", "Begin."), ("zoe", "Yes."))),
        error(manager.resume, messages=[]),
        error(manager.resume, messages="no json"),
        error(manager.resume, messages=[{"content": "No name."}])["raised"],
        error(manager.resume, messages=5),
    ]


@scenario()
def a_last_message_of_the_manager(base_url: str, work_dir: str) -> Any:
    manager = team(three(), max_round=4, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=_said(("alice", "Begin."), ("chat_manager", "Who goes on?")))
    last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return last.name, message, speakers(manager)


@scenario()
def with_calls(base_url: str, work_dir: str) -> Any:
    call = {"id": "c1", "type": "function", "function": {"name": "double", "arguments": '{"x": 4}'}}
    given: list[dict[str, Any]] = [
        {"content": "Double four.", "role": "user", "name": "alice"},
        {"content": None, "role": "assistant", "tool_calls": [call], "name": "bob"},
        {
            "content": "8",
            "role": "tool",
            "name": "carol",
            "tool_responses": [{"tool_call_id": "c1", "role": "tool", "content": "8"}],
        },
    ]
    manager = team(three(), max_round=4, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=copy.deepcopy(given))
    last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return last.name, message, told(manager)


@scenario(["carol", "alice"])
def chosen_by_the_model_after_it(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=3)
    last, message = manager.resume(messages=copy.deepcopy(EARLIER))
    last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return told(manager)


@scenario(inputs=["I go on.", "exit"])
def with_a_person(base_url: str, work_dir: str) -> Any:
    members = [user("person", human_input_mode="ALWAYS"), member("alice", "I am Alice.")]
    manager = team(members, max_round=9, speaker_selection_method="round_robin")
    last, message = manager.resume(messages=_said(("person", "Begin."), ("alice", "I am Alice.")))
    last.initiate_chat(recipient=manager, message=message, clear_history=False)
    return told(manager)


@scenario()
def last_speaker_before_any(base_url: str, work_dir: str) -> Any:
    manager = team(three())
    return getattr(manager, "last_speaker", "none") is None, isinstance(manager.groupchat, autogen.GroupChat)
