"""Constructors: defaults, properties, descriptions, and what is refused."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import autogen
from scenario import bot, error, llm, mute, scenario, user


def described(agent: Any) -> dict[str, Any]:
    return {
        "name": agent.name,
        "system_message": agent.system_message,
        "description": agent.description,
        "human_input_mode": agent.human_input_mode,
        "llm_config": agent.llm_config if isinstance(agent.llm_config, bool) else type(agent.llm_config).__name__,
        "client": type(agent.client).__name__,
        "limit": agent.max_consecutive_auto_reply(),
        "default_auto_reply": agent._default_auto_reply,
        "silent": agent.silent,
        "code": agent._code_execution_config,
        "use_docker": agent.use_docker,
        "function_map": agent.function_map,
        "chat_messages": dict(agent.chat_messages),
        "reply_at_receive": dict(agent.reply_at_receive),
        "oai_system_message": agent._oai_system_message,
        "human_input": agent._human_input,
    }


@scenario()
def conversable_agent(base_url: str, work_dir: str) -> Any:
    return described(autogen.ConversableAgent("a"))


@scenario()
def assistant_agent(base_url: str, work_dir: str) -> Any:
    return [
        described(autogen.AssistantAgent("a")),
        described(autogen.AssistantAgent("b", system_message="Own.")),
        described(bot(base_url, description="Own.")),
    ]


@scenario()
def user_proxy_agent(base_url: str, work_dir: str) -> Any:
    kept = []
    for mode in ("ALWAYS", "TERMINATE", "NEVER"):
        kept.append(described(autogen.UserProxyAgent("u", human_input_mode=mode, code_execution_config=False)))
    kept.append(
        described(autogen.UserProxyAgent("u", system_message="S.", description="D.", code_execution_config=False))
    )
    kept.append(
        described(autogen.UserProxyAgent("u", system_message="S.", code_execution_config={"use_docker": False}))
    )
    return kept


@scenario()
def names(base_url: str, work_dir: str) -> Any:
    return [
        mute("with space").name,
        mute("ümlaut").name,
        error(autogen.ConversableAgent),
        bot(base_url, "with space").name,
    ]


@scenario()
def attributes_that_can_be_set(base_url: str, work_dir: str) -> Any:
    one = mute("one")
    one.description = "new"
    one.update_system_message("other")
    return [
        one.description,
        one.system_message,
        one._oai_system_message,
        error(setattr, one, "name", "x"),
        error(setattr, one, "system_message", "x"),
        error(setattr, one, "chat_messages", {}),
        one.name,
    ]


@scenario(["r"])
def system_message_of_the_next_call(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url)
    agent.update_system_message("Changed.")
    user().initiate_chat(agent, message="q", max_turns=1)
    return agent.system_message


@scenario(["r"])
def empty_system_message(base_url: str, work_dir: str) -> Any:
    agent = autogen.ConversableAgent("one", system_message="", llm_config=llm(base_url))
    return agent.generate_reply([{"content": "q", "role": "user"}])


@scenario()
def code_config_forms(base_url: str, work_dir: str) -> Any:
    os.environ["AUTOGEN_USE_DOCKER"] = "False"
    try:
        forms = [False, {}, {"work_dir": "w"}, {"use_docker": False}, {"use_docker": None}, None]
        return [
            [
                mute("a", code_execution_config=form)._code_execution_config,
                mute("b", code_execution_config=form).use_docker,
            ]
            for form in forms
        ]
    finally:
        del os.environ["AUTOGEN_USE_DOCKER"]


@scenario()
def model_config_forms(base_url: str, work_dir: str) -> Any:
    kept = {}
    for label, config in {
        "false": False,
        "none": None,
        "empty": {},
        "empty list": {"config_list": []},
        "empty model": {"config_list": [{"model": ""}]},
        "no model": {"config_list": [{"api_key": "k"}]},
        "one of two without model": {"config_list": [{"model": "m", "api_key": "k"}, {"api_key": "k"}]},
        "model only": {"model": "m", "api_key": "k"},
        "empty list and model": {"config_list": [], "model": "m", "api_key": "k"},
        "text": "gpt-4",
        "list": [{"model": "m"}],
        "true": True,
    }.items():
        outcome = error(autogen.ConversableAgent, "a", llm_config=config)
        kept[label] = outcome if outcome["raised"] else "built"
    return kept


@scenario()
def model_config_is_copied(base_url: str, work_dir: str) -> Any:
    given = llm(base_url, temperature=0)
    agent = bot(base_url, llm_config=given)
    given["temperature"] = 1
    given["config_list"][0]["model"] = "changed"
    return [
        agent.llm_config["temperature"],
        agent.llm_config["config_list"][0]["model"],
        agent.llm_config is given,
        type(agent.llm_config).__name__,
    ]


@scenario()
def model_config_that_cannot_be_copied(base_url: str, work_dir: str) -> Any:
    return error(bot, base_url, llm_config={**llm(base_url), "lock": threading.Lock()})


@scenario()
def default_config_of_a_class(base_url: str, work_dir: str) -> Any:
    class Configured(autogen.ConversableAgent):
        DEFAULT_CONFIG = llm(base_url)

    return [type(Configured("a").client).__name__, type(Configured("b", llm_config=False).client).__name__]


@scenario()
def kinds_of_agents(base_url: str, work_dir: str) -> Any:
    agents = [autogen.ConversableAgent("a"), autogen.AssistantAgent("b"), user()]
    kinds = [autogen.Agent, autogen.ConversableAgent, autogen.AssistantAgent, autogen.UserProxyAgent]
    return [[isinstance(agent, kind) for kind in kinds] for agent in agents]


@scenario()
def agents_are_dictionary_keys(base_url: str, work_dir: str) -> Any:
    one, same = mute("one"), mute("one")
    return [
        one == same,
        one == one,
        len({one: 1, same: 2}),
        hash(one) == hash(one),
        str(one).startswith("<"),
        sys.getsizeof(one) > 0,
    ]


@scenario()
def texts_that_are_long(base_url: str, work_dir: str) -> Any:
    assistant = autogen.AssistantAgent
    return {
        "types": [type(assistant.DEFAULT_SYSTEM_MESSAGE).__name__, type(assistant.DEFAULT_DESCRIPTION).__name__],
        "modes": sorted(autogen.UserProxyAgent.DEFAULT_USER_PROXY_AGENT_DESCRIPTIONS),
        "ends": "TERMINATE" in assistant.DEFAULT_SYSTEM_MESSAGE,
        "filename": "# filename:" in assistant.DEFAULT_SYSTEM_MESSAGE,
        "default": autogen.ConversableAgent("a").system_message,
    }


@scenario()
def group_chat_manager(base_url: str, work_dir: str) -> Any:
    group = autogen.GroupChat([mute("one"), mute("two")], [])
    manager = autogen.GroupChatManager(group)
    tools = llm(base_url, tools=[{"type": "function"}])
    return [
        manager.name,
        manager.system_message,
        manager.human_input_mode,
        manager.max_consecutive_auto_reply() == sys.maxsize,
        manager.groupchat is group,
        error(autogen.GroupChatManager, group, llm_config=tools),
        error(autogen.GroupChatManager, group, llm_config=llm(base_url, functions=[{"name": "f"}])),
    ]


@scenario()
def exceptions(base_url: str, work_dir: str) -> Any:
    def throw(kind: type[Exception]) -> None:
        raise kind()

    kinds = [
        autogen.SenderRequired,
        autogen.AgentNameConflict,
        autogen.NoEligibleSpeaker,
        autogen.InvalidCarryOverType,
        autogen.UndefinedNextAgent,
    ]
    return [error(throw, kind) for kind in kinds]
