"""autogen: agents that solve tasks by talking to each other.

The names below are loaded when first used: importing this package says nothing, creates nothing, sets nothing.
"""

from typing import TYPE_CHECKING, Any

from autogen._aliases import TABLE, install

__version__ = "1.0.0a1"

DEFAULT_MODEL = "gpt-4"
FAST_MODEL = "gpt-3.5-turbo"

if TYPE_CHECKING:
    from autogen.agents.agent import Agent as Agent
    from autogen.agents.assistant import AssistantAgent as AssistantAgent
    from autogen.agents.conversable import ConversableAgent as ConversableAgent
    from autogen.agents.entrypoints import a_advance as a_advance
    from autogen.agents.entrypoints import a_answer as a_answer
    from autogen.agents.entrypoints import a_cancel as a_cancel
    from autogen.agents.entrypoints import a_runs as a_runs
    from autogen.agents.entrypoints import a_start as a_start
    from autogen.agents.entrypoints import advance as advance
    from autogen.agents.entrypoints import answer as answer
    from autogen.agents.entrypoints import cancel as cancel
    from autogen.agents.entrypoints import entrypoint as entrypoint
    from autogen.agents.entrypoints import start as start
    from autogen.agents.group_chat import GroupChat as GroupChat
    from autogen.agents.group_manager import GroupChatManager as GroupChatManager
    from autogen.agents.sequences import a_initiate_chats as a_initiate_chats
    from autogen.agents.sequences import initiate_chats as initiate_chats
    from autogen.agents.tooling import register_function as register_function
    from autogen.agents.user_proxy import UserProxyAgent as UserProxyAgent
    from autogen.cache.cache import Cache as Cache
    from autogen.core.exceptions import AgentNameConflict as AgentNameConflict
    from autogen.core.exceptions import InvalidCarryOverType as InvalidCarryOverType
    from autogen.core.exceptions import NoEligibleSpeaker as NoEligibleSpeaker
    from autogen.core.exceptions import SenderRequired as SenderRequired
    from autogen.core.exceptions import UndefinedNextAgent as UndefinedNextAgent
    from autogen.core.result import ChatResult as ChatResult
    from autogen.core.stop import Budget as Budget
    from autogen.core.stop import StopReason as StopReason
    from autogen.drivers.frame import bind as bind
    from autogen.models.config_list import config_list_from_dotenv as config_list_from_dotenv
    from autogen.models.config_list import config_list_from_json as config_list_from_json
    from autogen.models.config_list import config_list_from_models as config_list_from_models
    from autogen.models.config_list import config_list_gpt4_gpt35 as config_list_gpt4_gpt35
    from autogen.models.config_list import config_list_openai_aoai as config_list_openai_aoai
    from autogen.models.config_list import filter_config as filter_config
    from autogen.models.config_list import get_config_list as get_config_list
    from autogen.models.custom_client import ModelClient as ModelClient
    from autogen.models.openai_wrapper import OpenAIWrapper as OpenAIWrapper
    from autogen.models.secret import secret as secret
    from autogen.models.usage import gather_usage_summary as gather_usage_summary
    from autogen.runs.diff import a_diff as a_diff
    from autogen.runs.diff import diff as diff
    from autogen.runs.durable import durable as durable
    from autogen.runs.durable import on_resume as on_resume
    from autogen.runs.exchange import a_export_run as a_export_run
    from autogen.runs.exchange import a_import_run as a_import_run
    from autogen.runs.exchange import export_run as export_run
    from autogen.runs.exchange import import_run as import_run
    from autogen.runs.fork import a_fork as a_fork
    from autogen.runs.fork import fork as fork
    from autogen.runs.replaying import replay as replay
    from autogen.runtime import observing as observing
    from autogen.tools.declare import tool as tool
    from autogen.tools.idempotency import IdempotencyKey as IdempotencyKey

_MODULES = frozenset({"cache", "coding", "runs", *(path for path in TABLE if "." not in path)})
_HOMES = {
    "Agent": "agents.agent",
    "AssistantAgent": "agents.assistant",
    "ConversableAgent": "agents.conversable",
    "GroupChat": "agents.group_chat",
    "GroupChatManager": "agents.group_manager",
    "UserProxyAgent": "agents.user_proxy",
    "a_advance": "agents.entrypoints",
    "a_answer": "agents.entrypoints",
    "a_cancel": "agents.entrypoints",
    "a_runs": "agents.entrypoints",
    "a_start": "agents.entrypoints",
    "advance": "agents.entrypoints",
    "answer": "agents.entrypoints",
    "cancel": "agents.entrypoints",
    "entrypoint": "agents.entrypoints",
    "start": "agents.entrypoints",
    "a_initiate_chats": "agents.sequences",
    "initiate_chats": "agents.sequences",
    "register_function": "agents.tooling",
    "Cache": "cache.cache",
    "AgentNameConflict": "core.exceptions",
    "InvalidCarryOverType": "core.exceptions",
    "NoEligibleSpeaker": "core.exceptions",
    "SenderRequired": "core.exceptions",
    "UndefinedNextAgent": "core.exceptions",
    "ChatResult": "core.result",
    "Budget": "core.stop",
    "StopReason": "core.stop",
    "bind": "drivers.frame",
    "config_list_from_dotenv": "models.config_list",
    "config_list_from_json": "models.config_list",
    "config_list_from_models": "models.config_list",
    "config_list_gpt4_gpt35": "models.config_list",
    "config_list_openai_aoai": "models.config_list",
    "filter_config": "models.config_list",
    "get_config_list": "models.config_list",
    "ModelClient": "models.custom_client",
    "OpenAIWrapper": "models.openai_wrapper",
    "secret": "models.secret",
    "gather_usage_summary": "models.usage",
    "a_diff": "runs.diff",
    "diff": "runs.diff",
    "durable": "runs.durable",
    "on_resume": "runs.durable",
    "a_export_run": "runs.exchange",
    "a_import_run": "runs.exchange",
    "export_run": "runs.exchange",
    "import_run": "runs.exchange",
    "a_fork": "runs.fork",
    "fork": "runs.fork",
    "replay": "runs.replaying",
    "observing": "runtime",
    "tool": "tools.declare",
    "IdempotencyKey": "tools.idempotency",
}

__all__ = ["DEFAULT_MODEL", "FAST_MODEL", "__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    home = _HOMES.get(name)
    if home is None:
        if name in _MODULES:
            return import_module(f"autogen.{name}")
        raise AttributeError(f"module 'autogen' has no attribute {name!r}")
    value = getattr(import_module(f"autogen.{home}"), name)
    globals()[name] = value
    return value


install()


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
