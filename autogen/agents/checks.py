"""What the makers and openers of chats are refused at once: arguments that could only fail later, and less clearly.

Decides which values make no agent and no chat. Refuses to know what becomes of the good ones.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from autogen.conversation.callbacks import BEFORE_SEND, REPLY, refuse_misfit
from autogen.core.errors import ConfigError
from autogen.core.stop import Budget

_HOOKS: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {
    "process_last_received_message": (1, ()),
    "process_all_messages_before_reply": (1, ()),
    "process_message_before_send": (0, BEFORE_SEND),
}
_OPENING: Final = (
    "recipient", "clear_history", "silent", "cache", "max_turns", "summary_method", "summary_args", "message", "budget",
    "no_progress",
)  # fmt: skip
_READ_BY_CHATS: Final = ("carryover", "verbose")


def check_arguments(
    name: str,
    *,
    system_message: Any,
    is_termination_msg: Any,
    function_map: Any,
    default_auto_reply: Any,
    description: Any,
    chat_messages: Any,
) -> None:
    """Raise ConfigError for an argument of a constructor that no chat could use."""
    if is_termination_msg is not None:
        refuse_misfit(name, "is_termination_msg", is_termination_msg, 1)
    if not (system_message is None or isinstance(system_message, (str, list)) or callable(system_message)):
        raise _wrong(name, "system_message", "text or a list of parts", system_message)
    if not (default_auto_reply is None or isinstance(default_auto_reply, (str, Mapping))):
        raise _wrong(name, "default_auto_reply", "text, a message dict or None", default_auto_reply)
    if not (description is None or isinstance(description, str)):
        raise _wrong(name, "description", "text", description)
    if not (function_map is None or isinstance(function_map, Mapping)):
        raise _wrong(name, "function_map", "a dict of name -> function", function_map)
    histories: Any = chat_messages or {}
    if not isinstance(histories, Mapping) or not all(isinstance(known, list) for known in histories.values()):  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        raise _wrong(name, "chat_messages", "a dict of partner -> list of messages", chat_messages)


def _wrong(agent: str, argument: str, wanted: str, got: Any) -> ConfigError:
    return ConfigError(f"agent {agent!r}: {argument} must be {wanted}, got {type(got).__name__}: {got!r:.80}")


def check_reply_function(agent: str, function: Any) -> None:
    """Raise ConfigError for what cannot be called as a reply function is."""
    refuse_misfit(agent, "reply function", function, 1, REPLY)


def check_hook(agent: str, hookable_method: str, hook: Any) -> None:
    """Raise ConfigError for what cannot be called as hooks of this kind are."""
    kind = hookable_method.removeprefix("a_")
    positional, keywords = _HOOKS[kind]
    refuse_misfit(agent, kind, hook, positional, keywords)


def is_trigger(trigger: Any) -> bool:
    """Whether `trigger` is of a kind that a reply function can be registered for."""
    if isinstance(trigger, list):
        return all(one is None or is_trigger(one) for one in trigger)  # pyright: ignore[reportUnknownVariableType]
    return isinstance(trigger, (type, str)) or callable(trigger) or hasattr(trigger, "generate_reply")


def check_recipient(recipient: Any, method: str, wanted: str) -> None:
    """Raise ConfigError when `recipient` is no agent: `wanted` is the method that it lacks."""
    if isinstance(recipient, type):
        raise ConfigError(f"{method}: the recipient is the class {recipient.__name__}; give an agent, an object of it")
    if not hasattr(recipient, wanted):
        raise ConfigError(
            f"{method}: the recipient must be an agent such as ConversableAgent, got {type(recipient).__name__}"
        )


def check_opening(agent: str, budget: Any, cache: Any) -> None:
    """Raise ConfigError for a budget or cache of `initiate_chat` that is none."""
    if budget is not None and not isinstance(budget, Budget):
        raise ConfigError(
            f"agent {agent!r}: budget must be an autogen.Budget, such as Budget(usd=1.5), got {type(budget).__name__}: "
            f"{budget!r:.80}"
        )
    if cache is not None and not (hasattr(cache, "get") and hasattr(cache, "set")):
        raise ConfigError(
            f"agent {agent!r}: cache must be a Cache, such as Cache.disk(cache_seed=42), got {type(cache).__name__}: "
            f"{cache!r:.80}"
        )


def check_context(agent: str, names: Mapping[str, Any], reader: Callable[..., Any] | None) -> None:
    """Raise ConfigError for a further argument that is a misspelt one of `initiate_chat`.

    reader: a callable message or an overridden `generate_init_message`, which may read arguments of any name.
    """
    if reader is not None or all(name in _READ_BY_CHATS for name in names):
        return
    from difflib import get_close_matches

    for name in names:
        near = get_close_matches(name, (*_OPENING, *_READ_BY_CHATS), 1, 0.84)
        if near and name not in _READ_BY_CHATS:
            raise ConfigError(f"agent {agent!r}: initiate_chat has no argument {name!r}; did you mean {near[0]!r}?")
