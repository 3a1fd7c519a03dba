"""The public surface: names, signatures, kinds of constants, import paths. A package may have more, but nothing less."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import autogen
from scenario import scenario

LONG = 40
"""Defaults that are longer texts are shown as `<text>`: each package words them itself."""

LEAKED = ("Any", "logger", "logging")
"""Names that 0.2's package showed only because it imported them."""


def default(value: Any) -> str:
    if isinstance(value, str) and len(value) > LONG:
        return "<text>"
    return repr(value) if isinstance(value, (str, int, float, bool, list, dict, tuple, type(None))) else "<object>"


def signature(function: Any) -> dict[str, Any]:
    """Parameters by name: place among the positional ones and default; which have none; whether any other keyword is taken."""
    taken = [each for each in inspect.signature(function).parameters.values() if each.name not in ("self", "cls")]
    named = [each for each in taken if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    shown: dict[str, Any] = {"parameters": {}, "required": [each.name for each in named if each.default is each.empty]}
    for place, each in enumerate(named):
        where = "keyword" if each.kind is each.KEYWORD_ONLY else place
        shown["parameters"][each.name] = [where, "no default" if each.default is each.empty else default(each.default)]
    shown["other keywords"] = any(each.kind is each.VAR_KEYWORD for each in taken)
    shown["async"] = inspect.iscoroutinefunction(function)
    return shown


def members(kind: type) -> dict[str, Any]:
    """Public methods with their signatures, properties and constants, by name."""
    shown: dict[str, Any] = {}
    for name in sorted(dir(kind)):
        raw = inspect.getattr_static(kind, name)
        if name.startswith("_"):
            continue
        if isinstance(raw, (staticmethod, classmethod)):
            shown[name] = signature(raw.__func__)
        elif inspect.isfunction(raw):
            shown[name] = signature(raw)
        elif isinstance(raw, property):
            shown[name] = "property"
        elif name.isupper():
            shown[name] = type(raw).__name__
    return shown


@scenario()
def names_of_the_package(base_url: str, work_dir: str) -> Any:
    names = [name for name in dir(autogen) if not name.startswith("_") and name not in LEAKED]
    return {name: "module" if inspect.ismodule(getattr(autogen, name)) else "name" for name in names}


@scenario()
def version(base_url: str, work_dir: str) -> Any:
    return [type(autogen.__version__).__name__, autogen.__version__.count(".") >= 2]


@scenario()
def constructors(base_url: str, work_dir: str) -> Any:
    from autogen.coding import DockerCommandLineCodeExecutor, LocalCommandLineCodeExecutor

    kinds = [
        autogen.ConversableAgent,
        autogen.AssistantAgent,
        autogen.UserProxyAgent,
        autogen.GroupChat,
        autogen.GroupChatManager,
    ]
    kinds += [
        autogen.OpenAIWrapper,
        autogen.Cache,
        autogen.ChatResult,
        LocalCommandLineCodeExecutor,
        DockerCommandLineCodeExecutor,
    ]
    return {kind.__name__: signature(kind) for kind in kinds}


@scenario()
def conversable_agent(base_url: str, work_dir: str) -> Any:
    return members(autogen.ConversableAgent)


@scenario()
def other_agents(base_url: str, work_dir: str) -> Any:
    common = members(autogen.ConversableAgent)
    kinds = [autogen.AssistantAgent, autogen.UserProxyAgent, autogen.GroupChatManager]
    return {
        kind.__name__: {name: shown for name, shown in members(kind).items() if common.get(name) != shown}
        for kind in kinds
    }


@scenario()
def group_chat(base_url: str, work_dir: str) -> Any:
    return members(autogen.GroupChat)


@scenario()
def wrapper(base_url: str, work_dir: str) -> Any:
    return members(autogen.OpenAIWrapper)


@scenario()
def caches(base_url: str, work_dir: str) -> Any:
    from autogen.cache.in_memory_cache import InMemoryCache

    return {kind.__name__: members(kind) for kind in (autogen.Cache, InMemoryCache)}


@scenario()
def protocols(base_url: str, work_dir: str) -> Any:
    return {kind.__name__: members(kind) for kind in (autogen.Agent, autogen.ModelClient)}


@scenario()
def functions(base_url: str, work_dir: str) -> Any:
    return {
        name: signature(getattr(autogen, name)) for name in dir(autogen) if inspect.isfunction(getattr(autogen, name))
    }


@scenario()
def executors(base_url: str, work_dir: str) -> Any:
    from autogen.coding import (
        CodeExecutor,
        DockerCommandLineCodeExecutor,
        LocalCommandLineCodeExecutor,
        MarkdownCodeExtractor,
    )

    kinds = [LocalCommandLineCodeExecutor, DockerCommandLineCodeExecutor, MarkdownCodeExtractor, CodeExecutor]
    return {kind.__name__: members(kind) for kind in kinds}


@scenario()
def streams(base_url: str, work_dir: str) -> Any:
    from autogen.io import IOConsole, IOStream, IOWebsockets

    return {kind.__name__: members(kind) for kind in (IOConsole, IOStream, IOWebsockets)}


def of_module(path: str) -> Any:
    """Public functions with their signatures, and public constants with their types."""
    module = importlib.import_module(f"autogen.{path}")
    shown: dict[str, Any] = {}
    for name in sorted(dir(module)):
        value = getattr(module, name)
        if name.startswith("_") or name == "timeout_handler":
            continue
        if inspect.isfunction(value) and value.__module__.startswith("autogen."):
            shown[name] = signature(value)
        elif name.isupper() and isinstance(value, (str, int, list, dict)):
            shown[name] = type(value).__name__
    return shown


@scenario()
def module_code_utils(base_url: str, work_dir: str) -> Any:
    return of_module("code_utils")


@scenario()
def module_function_utils(base_url: str, work_dir: str) -> Any:
    return of_module("function_utils")


@scenario()
def module_openai_utils(base_url: str, work_dir: str) -> Any:
    return of_module("oai.openai_utils")


@scenario()
def module_token_count_utils(base_url: str, work_dir: str) -> Any:
    return of_module("token_count_utils")


@scenario()
def module_runtime_logging(base_url: str, work_dir: str) -> Any:
    return of_module("runtime_logging")


@scenario()
def modules_of_chats(base_url: str, work_dir: str) -> Any:
    return {path: of_module(path) for path in ("agentchat.chat", "agentchat.utils", "graph_utils")}


@scenario()
def import_paths(base_url: str, work_dir: str) -> Any:
    found = {}
    for path, name in (
        ("autogen.agentchat", "ConversableAgent"),
        ("autogen.agentchat.conversable_agent", "ConversableAgent"),
        ("autogen.agentchat.assistant_agent", "AssistantAgent"),
        ("autogen.agentchat.user_proxy_agent", "UserProxyAgent"),
        ("autogen.agentchat.groupchat", "GroupChat"),
        ("autogen.agentchat.agent", "Agent"),
        ("autogen.agentchat.chat", "ChatResult"),
        ("autogen.agentchat.chat", "initiate_chats"),
        ("autogen.agentchat.chat", "a_initiate_chats"),
        ("autogen.agentchat.utils", "gather_usage_summary"),
        ("autogen.oai", "OpenAIWrapper"),
        ("autogen.oai.client", "OpenAIWrapper"),
        ("autogen.oai.client", "ModelClient"),
        ("autogen.oai.client", "PlaceHolderClient"),
        ("autogen.oai.openai_utils", "filter_config"),
        ("autogen.oai.openai_utils", "OAI_PRICE1K"),
        ("autogen.cache", "Cache"),
        ("autogen.cache.cache", "Cache"),
        ("autogen.cache.in_memory_cache", "InMemoryCache"),
        ("autogen.cache.cache_factory", "CacheFactory"),
        ("autogen.cache.abstract_cache_base", "AbstractCache"),
        ("autogen.cache.disk_cache", "DiskCache"),
        ("autogen.code_utils", "execute_code"),
        ("autogen.code_utils", "DEFAULT_MODEL"),
        ("autogen.function_utils", "get_function_schema"),
        ("autogen.coding", "LocalCommandLineCodeExecutor"),
        ("autogen.coding.base", "CodeBlock"),
        ("autogen.coding.local_commandline_code_executor", "LocalCommandLineCodeExecutor"),
        ("autogen.coding.factory", "CodeExecutorFactory"),
        ("autogen.coding.func_with_reqs", "with_requirements"),
        ("autogen.coding.markdown_code_extractor", "MarkdownCodeExtractor"),
        ("autogen.coding.utils", "silence_pip"),
        ("autogen.exception_utils", "SenderRequired"),
        ("autogen.formatting_utils", "colored"),
        ("autogen.io", "IOStream"),
        ("autogen.io.base", "IOStream"),
        ("autogen.io.console", "IOConsole"),
        ("autogen.io.websockets", "IOWebsockets"),
        ("autogen.logger.base_logger", "BaseLogger"),
        ("autogen.logger.sqlite_logger", "SqliteLogger"),
        ("autogen.logger.file_logger", "FileLogger"),
        ("autogen.logger.logger_factory", "LoggerFactory"),
        ("autogen.runtime_logging", "start"),
        ("autogen.token_count_utils", "count_token"),
        ("autogen.types", "UserMessageTextContentPart"),
        ("autogen.version", "__version__"),
        ("autogen.graph_utils", "check_graph_validity"),
        ("autogen.math_utils", "is_equiv"),
    ):
        try:
            found[f"{path}.{name}"] = hasattr(importlib.import_module(path), name)
        except ImportError:
            found[f"{path}.{name}"] = False
    return found
