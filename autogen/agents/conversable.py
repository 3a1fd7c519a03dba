"""ConversableAgent: a definition (name, model, tools, code, person) plus 0.2's handles on it.

Decides what an agent is made of and refuses bad makings at once. What it does lives in the mixins beside this file,
and what happens in a chat lives in the run, never here.
"""

from collections.abc import Callable
from typing import Any, Literal, cast

from autogen.agents.agent import Agent
from autogen.agents.chatting import Chatting
from autogen.agents.checks import check_arguments
from autogen.agents.code_running import CodeRunning
from autogen.agents.history import HistoryViews
from autogen.agents.inner import Inner, tell_of_overrides
from autogen.agents.many_chats import ManyChats
from autogen.agents.on_demand import standard_chain
from autogen.agents.own_state import OwnState
from autogen.agents.replying import Replying
from autogen.agents.sessions import States, seen_here
from autogen.agents.tooling import Tooling
from autogen.agents.usage import UsageViews
from autogen.conversation.state import NO_METHODS, AgentState
from autogen.conversation.summary import SUMMARY_PROMPT
from autogen.core.errors import ConfigError
from autogen.core.model import ToolSpec
from autogen.core.transcript import restored_origin
from autogen.core.wire import MessageDict, text_of

_EVERY: list[Any] = [Agent, None]
MODES = ("ALWAYS", "TERMINATE", "NEVER")


def _is_terminate(message: dict[str, Any]) -> bool:
    content = message.get("content")
    return not callable(content) and text_of(content) == "TERMINATE"


_is_terminate.pure = True  # type: ignore[attr-defined]  # conversation.human calls it without an effect


class ConversableAgent(Chatting, ManyChats, Inner, Replying, HistoryViews, Tooling, CodeRunning, UsageViews):
    """An agent that talks: by its model, its tools, code, a person, or functions of the program."""

    state = OwnState()
    """What the program keeps on the agent for itself: a dict that belongs to the run in progress, and between runs to
    the session, as histories do. In a journaled run it holds JSON values under text keys; what functions that are
    recalled wrote to it is written again. See docs/journal.md."""
    DEFAULT_CONFIG: Any = False
    MAX_CONSECUTIVE_AUTO_REPLY = 100
    DEFAULT_SUMMARY_METHOD = "last_msg"
    DEFAULT_SUMMARY_PROMPT = SUMMARY_PROMPT

    def __init__(
        self,
        name: str,
        system_message: str | list[Any] | None = "You are a helpful AI Assistant.",
        is_termination_msg: Callable[[dict[str, Any]], bool] | None = None,
        max_consecutive_auto_reply: int | None = None,
        human_input_mode: Literal["ALWAYS", "NEVER", "TERMINATE"] = "TERMINATE",
        function_map: dict[str, Callable[..., Any]] | None = None,
        code_execution_config: dict[str, Any] | Literal[False] | None = False,
        llm_config: dict[str, Any] | Literal[False] | None = None,
        default_auto_reply: str | dict[str, Any] | None = "",
        description: str | None = None,
        chat_messages: dict[Any, list[dict[str, Any]]] | None = None,
        silent: bool | None = None,
    ) -> None:
        """
        name: how others know it; any text but "".
        is_termination_msg: given a message dict, tells whether the chat is over; by default, content "TERMINATE".
        max_consecutive_auto_reply: auto replies in a row per partner; None for the class's 100.
        human_input_mode: ALWAYS asks the person each time, TERMINATE at the end or the limit, NEVER not at all.
        function_map: functions to execute, by name.
        code_execution_config: False for no code; a dict for the older form or {"executor": ...}.
        llm_config: False for no model; a dict with `config_list` or the keys of one entry; None for DEFAULT_CONFIG.
        default_auto_reply: what is said when nothing else answers.
        description: what others are told; None for the system message.
        chat_messages: earlier conversations, by partner.
        silent: True prints nothing of what it receives, False all, None as the chat says.
        Raises ConfigError (a ValueError), TypeError for an llm_config that cannot be copied.
        """
        self._name = _checked_name(name)
        check_arguments(
            name, system_message=system_message, is_termination_msg=is_termination_msg, function_map=function_map,
            default_auto_reply=default_auto_reply, description=description, chat_messages=chat_messages,
        )  # fmt: skip
        self._oai_system_message: list[dict[str, Any]] = [
            MessageDict({"content": system_message, "role": "system"}, "program")
        ]
        self._description = description if description is not None else str(system_message)
        self._is_termination_msg = is_termination_msg if is_termination_msg is not None else _is_terminate
        self.silent = silent
        self.human_input_mode: str = _checked_mode(human_input_mode, name)
        self._set_limit(max_consecutive_auto_reply)
        self._default_auto_reply = default_auto_reply
        self._states: States | None = None
        self._last_state: AgentState | None = None
        self._first_state = _first_state(chat_messages)
        self.client_cache: Any = None
        self._tool_specs: tuple[bytes, tuple[ToolSpec, ...]] | None = None
        self._set_model(llm_config)
        self._function_map: dict[str, Callable[..., Any]] = {}
        if function_map:
            self.register_function(dict(function_map))
        self._set_code(code_execution_config)
        self._build_chain()
        if type(self) is not ConversableAgent:
            tell_of_overrides(type(self))

    def _set_limit(self, limit: int | None) -> None:
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
            raise ConfigError(f"agent {self._name!r}: max_consecutive_auto_reply must be a number, got {limit!r}")
        self._limited = limit is not None
        """The program chose a limit itself, so no-progress detection leaves the chat alone."""
        self._max_consecutive_auto_reply: int = limit if limit is not None else self.MAX_CONSECUTIVE_AUTO_REPLY

    def _set_model(self, llm_config: dict[str, Any] | Literal[False] | None) -> None:
        self.client: Any = None
        self.llm_config: Any = self.DEFAULT_CONFIG if llm_config is None else llm_config
        if self.llm_config is False:
            return
        from autogen.models.llm_config import validate_llm_config
        from autogen.models.openai_wrapper import OpenAIWrapper

        self.llm_config = validate_llm_config(self.llm_config)
        # Tools are the agent's own and go with each request; the client holds what reaches the model.
        self.client = OpenAIWrapper(**{k: v for k, v in self.llm_config.items() if k not in ("tools", "functions")})

    def _build_chain(self) -> None:
        base = ConversableAgent
        code: tuple[Callable[..., Any], ...] = ()
        if self._code_executor is not None:
            code = (base._generate_code_execution_reply_using_executor,)
        elif self._code_execution_config is not False:
            code = (base.generate_code_execution_reply,)
        steps: tuple[Callable[..., Any], ...] = (
            base.generate_oai_reply,
            base.a_generate_oai_reply,
            *code,
            base.generate_tool_calls_reply,
            base.a_generate_tool_calls_reply,
            base.generate_function_call_reply,
            base.a_generate_function_call_reply,
            base.check_termination_and_human_reply,
            base.a_check_termination_and_human_reply,
        )
        standard = standard_chain(_EVERY, steps)
        if standard is not None and "register_reply" not in self.__dict__ and self._registers_as_we_do():
            self._first_chain = standard
            return
        self._reply_func_list = []  # a program that has put its own in our places is to see each of them registered
        for step in steps:
            self.register_reply(list(_EVERY), step, ignore_async_in_sync_chat=True)

    def _registers_as_we_do(self) -> bool:
        return type(self).register_reply is _BASE["register_reply"]

    @property
    def name(self) -> str:
        """How others know it."""
        return self._name

    @property
    def description(self) -> str:
        """What others are told of it."""
        return self._description

    @description.setter
    def description(self, description: str) -> None:
        self._description = description

    @property
    def system_message(self) -> Any:
        """The first message of each request to its model."""
        return self._oai_system_message[0]["content"]

    def update_system_message(self, system_message: str | list[Any]) -> None:
        """Change the system message."""
        self._oai_system_message[0]["content"] = system_message

    def register_model_client(self, model_client_cls: type, **kwargs: Any) -> None:
        """Give a custom model client class to the entries of the config list that name it. See `ModelClient`."""
        self.client.register_model_client(model_client_cls, **kwargs)

    def reset(self) -> None:
        """Forget all conversations, counters and usage; give reply functions their first config back."""
        self.clear_history()
        self.reset_consecutive_auto_reply_counter()
        self.stop_reply_at_receive()
        if self.client is not None:
            self.client.clear_usage_summary()
        from copy import copy

        for entry in () if self._standard_chain() is not None else self._reply_func_list:
            if entry["reset_config"] is not None:
                entry["reset_config"](entry["config"])
            else:
                entry["config"] = copy(entry["init_config"])

    def _override(self, method: str, is_async: bool) -> Callable[..., Any] | None:
        """The program's own version of a method: on the object or in a subclass; the `a_` twin first in async chats."""
        twin, ours, our_twin = _PLACES.get(method) or _place(method)
        mine, kind = self.__dict__, type(self)
        if (
            getattr(kind, method, None) is ours
            and getattr(kind, twin, None) is our_twin
            and method not in mine
            and twin not in mine
        ):
            return None
        for name in (twin, method) if is_async else (method, twin):
            if name in mine:
                own: Callable[..., Any] = mine[name]
                return own
            of_class = getattr(kind, name, None)
            if of_class is not None and of_class is not _BASE.get(name):
                bound: Callable[..., Any] = getattr(self, name)
                return bound
        return None

    def _own_inner(self) -> frozenset[str]:
        """Which of 0.2's inner methods are the program's own: on the object or in a subclass."""
        mine, kind = self.__dict__, type(self)
        found = [name for name, ours in _INNER.items() if getattr(kind, name) is not ours or name in mine]
        return frozenset(found) if found else NO_METHODS

    def __getstate__(self) -> object:
        """What a copy begins with: the conversations that the caller sees, as its own, and no session of ours."""
        whole: Any = super().__getstate__()
        mine = cast("dict[str, Any]", whole[0] if type(whole) is tuple else whole)  # a subclass may have slots
        mine.update(_states=None, _last_state=None, _first_state=seen_here(self))
        return cast("object", whole)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._name!r}>"


_BASE: dict[str, Any] = {}
_INNER: dict[str, Any] = {}
_PLACES: dict[str, tuple[str, Any, Any]] = {}
"""By a method's name: that of its async face, and both as we made them."""


def _place(method: str) -> tuple[str, Any, Any]:
    twin = f"_a{method}" if method.startswith("_") else f"a_{method}"
    twin = twin if twin in _BASE else method
    _PLACES[method] = known = (twin, _BASE.get(method), _BASE.get(twin))
    return known


def _remember_base() -> None:
    """What the methods are as we made them: anything else at their place is the program's own."""
    for kind in reversed(ConversableAgent.__mro__):
        _BASE.update({name: getattr(kind, name) for name, value in vars(kind).items() if callable(value)})
    _INNER.update({name: _BASE[name] for name in vars(Inner) if name in _BASE})


_remember_base()


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"an agent's name must be text that is not empty, got {name!r}")
    return name


def _checked_mode(mode: Any, name: str) -> str:
    if mode not in MODES:
        raise ConfigError(f"agent {name!r}: human_input_mode must be one of {', '.join(MODES)}, got {mode!r}")
    known: str = mode
    return known


def _first_state(chat_messages: dict[Any, list[dict[str, Any]]] | None) -> AgentState | None:
    if not chat_messages:
        return None
    state = AgentState()
    for partner, history in chat_messages.items():
        state.histories[partner] = [MessageDict(message, restored_origin(message)) for message in history]
    return state
