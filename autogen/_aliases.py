"""Where 0.2's module paths lead today: ONE table, served by a finder at the end of `sys.meta_path`.

An alias is the same module object as its home. Where one 0.2 module's names live in several files now, the alias is a
facade whose reads, writes and deletes go through to each name's owner, so that patching works. Refuses to hold code.
"""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, TypeAlias, cast

_AGENTS: dict[str, str] = {
    "Agent": "agents.agent",
    "LLMAgent": "agents.agent",
    "AssistantAgent": "agents.assistant",
    "ConversableAgent": "agents.conversable",
    "GroupChat": "agents.group_chat",
    "GroupChatManager": "agents.group_manager",
    "UserProxyAgent": "agents.user_proxy",
    "register_function": "agents.tooling",
    "a_initiate_chats": "agents.sequences",
    "initiate_chats": "agents.sequences",
    "gather_usage_summary": "models.usage",
    "ChatResult": "core.result",
}
_CLIENT: dict[str, str] = {
    "OpenAIWrapper": "models.openai_wrapper",
    "ModelClient": "models.custom_client",
    "PlaceHolderClient": "models.custom_client",
    "OpenAIClient": "models.custom_client",
}

Home: TypeAlias = str | Mapping[str, str]

TABLE: dict[str, Home] = {
    "agentchat": _AGENTS,
    "agentchat.agent": "agents.agent",
    "agentchat.assistant_agent": "agents.assistant",
    "agentchat.chat": {
        "ChatResult": "core.result",
        "a_initiate_chats": "agents.sequences",
        "initiate_chats": "agents.sequences",
    },
    "agentchat.conversable_agent": {
        "ConversableAgent": "agents.conversable",
        "register_function": "agents.tooling",
        "Agent": "agents.agent",
        "LLMAgent": "agents.agent",
        "ChatResult": "core.result",
    },
    "agentchat.groupchat": {
        "GroupChat": "agents.group_chat",
        "GroupChatManager": "agents.group_manager",
        "Agent": "agents.agent",
        "ConversableAgent": "agents.conversable",
        "NoEligibleSpeaker": "core.exceptions",
        "UndefinedNextAgent": "core.exceptions",
        "AgentNameConflict": "core.exceptions",
    },
    "agentchat.user_proxy_agent": "agents.user_proxy",
    "agentchat.utils": {"consolidate_chat_info": "agents.queues", "gather_usage_summary": "models.usage"},
    "code_utils": "coding.code_utils",
    "coding.local_commandline_code_executor": "coding.local",
    "coding.func_with_reqs": "coding.functions",
    "exception_utils": "core.exceptions",
    "graph_utils": "agents.graph_utils",
    "function_utils": "tools.function_utils",
    "io": {
        "InputStream": "observability.io_stream",
        "IOConsole": "observability.io_stream",
        "IOStream": "observability.io_stream",
        "OutputStream": "observability.io_stream",
    },
    "io.base": "observability.io_stream",
    "io.console": "observability.io_stream",
    "oai": {**_CLIENT, "Cache": "cache.cache"},
    "oai.client": _CLIENT,
    "oai.openai_utils": "models.config_list",
    "token_count_utils": "models.tokens",
    "version": {"__version__": ""},
}
"""0.2's path below `autogen` -> today's module, or each name's module; "" is the package itself."""


LATER = frozenset(
    {
        "agentchat.contrib", "agentchat.realtime", "browser_utils", "logger",
        "math_utils", "retrieve_utils", "runtime_logging", "coding.jupyter", "coding.kubernetes",
    }
)  # fmt: skip
"""0.2's paths that lead nowhere yet; a row moves to TABLE when its part is there."""


class Facade(ModuleType):
    """A 0.2 module whose names live in several of ours."""

    def __init__(self, name: str, homes: Mapping[str, str]) -> None:
        super().__init__(name, "A 0.2 module path; see autogen._aliases.")
        self.__dict__["_homes"] = homes
        self.__dict__["__all__"] = [name for name in homes if not name.startswith("_")]
        self.__dict__["__path__"] = []

    def __getattribute__(self, name: str) -> Any:
        homes: Mapping[str, str] = ModuleType.__getattribute__(self, "__dict__").get("_homes", {})
        if name in homes:
            return getattr(_owner(homes[name]), name)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__["_homes"]:
            setattr(_owner(self.__dict__["_homes"][name]), name, value)
        else:
            ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__["_homes"]:
            delattr(_owner(self.__dict__["_homes"][name]), name)
        else:
            ModuleType.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        return sorted({*self.__dict__, *self.__dict__["_homes"]})


def _owner(home: str) -> ModuleType:
    return import_module(f"autogen.{home}" if home else "autogen")


class AliasFinder:
    """Finds the modules of TABLE when nothing else does."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith("autogen."):
            return None
        if fullname[8:] not in TABLE:
            if fullname[8:].partition(".")[0] in LATER or fullname[8:] in LATER:
                raise ModuleNotFoundError(
                    f"No module named {fullname!r} yet: this part of AutoGen 0.2 is not in this release; "
                    "docs/migration.md lists what is",
                    name=fullname,
                )
            return None
        return ModuleSpec(fullname, cast("Any", _Loader(fullname, TABLE[fullname[8:]])), is_package=True)


class _Loader:
    def __init__(self, fullname: str, home: Home) -> None:
        self._fullname, self._home = fullname, home
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if not isinstance(self._home, str):
            return Facade(self._fullname, self._home)
        module = _owner(self._home)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        if self._spec is not None:
            module.__spec__ = self._spec  # the import machinery has put the alias's there


def install() -> None:
    """Serve the table to `import`; called once, when the package is imported."""
    if AliasFinder not in sys.meta_path:
        sys.meta_path.append(AliasFinder)
