"""Calls of the program's functions, and the error for one that cannot be called in the way that chats call it.

Decides whether a call can bind, from the function's own code, so that a wrong signature is told when it is registered
and never by Python's bare TypeError in the tenth turn. What a function raises by itself passes unchanged. Refuses to
know when functions are called. `inspect` is not used: a first agent does not load it.
"""

from collections.abc import Callable, Collection, Mapping
from types import FunctionType, MethodType
from typing import Any, Final, cast

from autogen.core.callables import qualified_name
from autogen.core.effects import CallbackKind, Invoke
from autogen.core.errors import ConfigError

_VARARGS, _VARKEYWORDS = 0x04, 0x08

REPLY: Final = ("messages", "sender", "config")
"""Keywords that a reply function is called with, after the recipient."""
BEFORE_SEND: Final = ("sender", "message", "recipient", "silent")
"""Keywords that a process_message_before_send hook is called with."""

_CALLS: Final[Mapping[str, str]] = {
    "reply function": "recipient, messages=, sender=, config=",
    "is_termination_msg": "message",
    "trigger": "sender",
    "message": "sender, recipient, context",
    "nested message": "recipient, messages, sender, config",
    "reply_func_from_nested_chats": "chat_queue, recipient, messages, sender, config",
    "template": "context",
    "summary_method": "sender, recipient, summary_args",
    "process_last_received_message": "content",
    "process_all_messages_before_reply": "messages",
    "process_message_before_send": "sender=, message=, recipient=, silent=",
    "get_human_input": "prompt",
    "generate_reply": "messages=, sender=",
    "generate_init_message": "message, and the chat's further arguments by name",
    "send": "message, recipient, request_reply, silent",
    "receive": "message, sender, request_reply, silent",
    "_process_received_message": "message, sender, silent",
    "_append_oai_message": "message, role, conversation_id, is_sending=",
    "_process_message_before_send": "message, recipient, silent",
    "_prepare_chat": "recipient, clear_history, and prepare_recipient, reply_at_receive",
    "_handle_carryover": "message, kwargs",
    "_summarize_chat": "summary_method, summary_args, recipient, cache=",
    "_generate_oai_reply_from_client": "llm_client, messages, cache",
    "execute_function": "func_call",
    "execute_code_blocks": "code_blocks",
    "run_code": "code, lang=, filename=, and the settings of code_execution_config by name",
    "chat_messages_for_summary": "agent",
    "speaker_selection_method": "last_speaker, groupchat",
    "select_speaker": "last_speaker, selector",
}
"""What each kind of callback is called with, in words."""


class CallbackMisfit(ConfigError, TypeError):
    """A function of the program cannot take what it is called with."""

    def __init__(self, agent: str, role: str, name: str, called: str, why: str) -> None:
        super().__init__(agent, role, name, called, why)
        self.agent, self.role, self.name, self.called, self.why = agent, role, name, called, why

    def __str__(self) -> str:
        return (
            f"agent {self.agent!r}: its {self.role} {self.name!r} is called with ({self.called}), but {self.why}; "
            "change its parameters"
        )


async def invoke(
    agent: str,
    kind: CallbackKind,
    role: str,
    function: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    name: str | None = None,
) -> Any:
    """Call a function of the program. `role` is a key of the table above; `name` is the effect's, `role` by default."""
    given = kwargs or {}
    try:
        return await Invoke(agent, kind, name or role, function, args, given)
    except TypeError:
        refuse_misfit(agent, role, function, len(args), given)
        raise


def refuse_misfit(agent: str, role: str, function: Any, positional: int, keywords: Collection[str] = ()) -> None:
    """Raise CallbackMisfit when `function` cannot be called in this way, ConfigError when it cannot at all."""
    if not callable(function):
        raise ConfigError(
            f"agent {agent!r}: its {role} must be callable, got {type(function).__name__}: {function!r:.80}"
        )
    why = misfit(function, positional, keywords)
    if why is not None:
        raise CallbackMisfit(agent, role, qualified_name(function), _CALLS.get(role, "other arguments"), why)


def of_kind(value: object, *kinds: type) -> bool:
    """`isinstance` for what a callback returned, which stays `Any` to the type checker."""
    return isinstance(value, kinds)


def misfit(function: Any, positional: int, keywords: Collection[str]) -> str | None:
    """Why a call with `positional` arguments and these keywords cannot bind; None when it can, or nobody can tell."""
    plain, bound = _plain(function)
    if plain is None:
        return None
    code = plain.__code__
    names = code.co_varnames[: code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    given = positional + bound
    if given > len(names) and not code.co_flags & _VARARGS:
        return f"it takes {_count(len(names) - bound)}"
    by_name = {*names[max(given, code.co_posonlyargcount) :], *keyword_only}
    unknown = [keyword for keyword in keywords if keyword not in by_name]
    if unknown and not code.co_flags & _VARKEYWORDS:
        return f"it has no parameter {unknown[0]!r}"
    optional = names[len(names) - len(plain.__defaults__ or ()) :]
    missing = [name for name in names[given:] if name not in optional and name not in keywords]
    missing += [name for name in keyword_only if name not in (plain.__kwdefaults__ or {}) and name not in keywords]
    return f"it also needs {missing[0]!r}" if missing else None


def _plain(function: Any) -> tuple[FunctionType | None, int]:
    """The Python function behind a callable, and how many of its arguments are bound already."""
    if isinstance(function, FunctionType):
        return function, 0
    if isinstance(function, MethodType):
        inner = function.__func__
        return (inner, 1) if isinstance(inner, FunctionType) else (None, 0)
    called = None if isinstance(function, type) else getattr(cast("Any", type(function)), "__call__", None)  # noqa: B004 - its code
    return (called, 1) if isinstance(called, FunctionType) else (None, 0)


def _count(number: int) -> str:
    return "no arguments" if number <= 0 else "one argument" if number == 1 else f"{number} arguments"
