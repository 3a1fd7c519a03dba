"""What 0.2 shows of an agent and most programs never look at: made when first looked at.

The reply chain and the hook lists are 0.2's own mutable lists and dicts. Until a program asks for them, the engine
works from what they would hold: a chain that all agents of one making share, and no hooks.
Refuses to know what steps and hooks do.
"""

from collections.abc import Callable
from typing import Any, cast

from autogen.conversation.party import ReplyEntry, StandardChain

HOOKS = ("process_last_received_message", "process_all_messages_before_reply", "process_message_before_send")

_standard: dict[tuple[Callable[..., Any], ...], StandardChain] = {}


class OnDemand:
    """The part of an agent that is made at first access. `__dict__` holds it, so that two threads make one."""

    _first_chain: StandardChain

    def _standard_chain(self) -> StandardChain | None:
        """The chain that the agent was made with; None once the program has its `_reply_func_list`."""
        return None if "_chain" in self.__dict__ else self._first_chain

    @property
    def _reply_func_list(self) -> list[ReplyEntry]:
        known: list[ReplyEntry] | None = self.__dict__.get("_chain")
        if known is None:
            known = cast("list[ReplyEntry]", self.__dict__.setdefault("_chain", self._first_chain.entries()))
        return known

    @_reply_func_list.setter
    def _reply_func_list(self, value: list[ReplyEntry]) -> None:
        self.__dict__["_chain"] = value

    def _own_hooks(self) -> dict[str, list[Callable[..., Any]]] | None:
        """`hook_lists` if the program has looked at it; None: there is no hook."""
        return self.__dict__.get("_hooks")

    @property
    def hook_lists(self) -> dict[str, list[Callable[..., Any]]]:
        """Hooks by the name of the method that they hook into."""
        known = self._own_hooks()
        if known is not None:
            return known
        made: dict[str, list[Callable[..., Any]]] = {f"{prefix}{kind}": [] for kind in HOOKS for prefix in ("", "a_")}
        return cast("dict[str, list[Callable[..., Any]]]", self.__dict__.setdefault("_hooks", made))

    @hook_lists.setter
    def hook_lists(self, value: dict[str, list[Callable[..., Any]]]) -> None:
        self.__dict__["_hooks"] = value


def standard_chain(trigger: Any, functions: tuple[Callable[..., Any], ...]) -> StandardChain | None:
    """The chain of these functions, the first one asked last; None when one of them is not a built-in step."""
    try:
        known = _standard.get(functions)
    except TypeError:  # the program put something at a method's place that has no hash
        return None
    if known is None:
        marks = [cast("object", getattr(function, "__autogen_step__", None)) for function in functions]
        steps = [mark for mark in reversed(marks) if isinstance(mark, str)]
        if len(steps) < len(marks):
            return None
        made = StandardChain(trigger, functions, tuple(dict.fromkeys(steps)))
        known = _standard.setdefault(functions, made)
    return known
