"""The same transcript where colours are forced on (`FORCE_COLOR`): which parts are coloured, and how."""

from __future__ import annotations

from typing import Any

import autogen
from groups import speakers, team, three
from scenario import bot, calls, function_call, llm, scenario, user, without_downloads


@scenario([calls(("c1", "f", {})), function_call("f", {}), "```python\nprint(1)\n```", "TERMINATE"])
def a_chat(base_url: str, work_dir: str) -> Any:
    person = user(function_map={"f": lambda: "v"}, code_execution_config={"work_dir": "w", "use_docker": False})
    person.initiate_chat(bot(base_url), message="hello")


@scenario([calls(("c1", "f", {})), "r2"], inputs=["", "exit"])
def a_person(base_url: str, work_dir: str) -> Any:
    person = user(human_input_mode="ALWAYS", function_map={"f": lambda: "v"})
    person.initiate_chat(bot(base_url), message="hello")


@scenario(["```python\nprint(1)\n```", "TERMINATE"])
def an_executor(base_url: str, work_dir: str) -> Any:
    person = user(code_execution_config={"executor": "commandline-local", "commandline-local": {"work_dir": work_dir}})
    person.initiate_chat(bot(base_url), message="hello")


@scenario([{"stream": ["str", "eam"]}])
def a_stream(base_url: str, work_dir: str) -> Any:
    without_downloads()
    person = user(max_consecutive_auto_reply=0)
    person.initiate_chat(bot(base_url, llm_config=llm(base_url, stream=True)), message="hello")


@scenario(["a", "b"])
def usage_and_a_queue(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url)
    autogen.initiate_chats(
        [{"sender": user(), "recipient": agent, "message": word, "max_turns": 1} for word in ("one", "two")]
    )
    agent.print_usage_summary()


@scenario(["alice and bob", "nobody", "bob"])
def a_group(base_url: str, work_dir: str) -> Any:
    manager = team(three(), {"llm_config": llm(base_url)}, max_round=2, select_speaker_auto_verbose=True)
    manager.groupchat.agents[0].initiate_chat(manager, message="Begin.")
    manager.resume(messages=[{"content": "a", "role": "user", "name": "alice"}])
    return speakers(manager)
