"""What a conversation needs to know of an agent. The public classes in `agents/` are such parties.

Names with an underscore are 0.2's own: programs and tests read them, so they are the truth here, too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypedDict

from msgspec import Struct

from autogen.conversation.state import AgentState
from autogen.core.callables import is_async
from autogen.core.code import CodeBlock
from autogen.core.model import ToolSpec


class ReplyEntry(TypedDict):
    """One entry of an agent's reply chain, in 0.2's form."""

    trigger: Any
    reply_func: Callable[..., Any]
    config: Any
    init_config: Any
    reset_config: Any
    ignore_async_in_sync_chat: bool


class StandardChain(Struct, frozen=True, eq=False):
    """A reply chain as agents are made with it, for all that are made alike."""

    trigger: list[Any]
    """Of every entry."""
    functions: tuple[Callable[..., Any], ...]
    """The first one is asked last."""
    steps: tuple[str, ...]
    """The built-in steps that they stand for, the first one asked first."""

    def entries(self) -> list[ReplyEntry]:
        """The chain in 0.2's form, for one agent."""
        return [
            {
                "trigger": list(self.trigger),
                "reply_func": function,
                "config": None,
                "init_config": None,
                "reset_config": None,
                "ignore_async_in_sync_chat": is_async(function),
            }
            for function in reversed(self.functions)
        ]


class CodeSetup(Protocol):
    """How an agent runs code."""

    @property
    def executor(self) -> Any:
        """What a RunCode effect is performed with."""
        ...

    @property
    def last_n_messages(self) -> int | Literal["auto"]: ...

    @property
    def execute_untrusted(self) -> bool: ...

    @property
    def sandbox(self) -> str:
        """The level that code runs in, as it was asked for; "" where the executor does not say."""
        ...

    @property
    def work_dir(self) -> str:
        """Where code runs; "" where the executor does not say."""
        ...

    def blocks_in(self, content: Any) -> tuple[CodeBlock, ...]:
        """The code blocks of a message's content."""
        ...


class Party(Protocol):
    """An agent, as conversations see it."""

    client: Any
    llm_config: Any
    human_input_mode: str
    silent: bool | None
    client_cache: Any
    _is_termination_msg: Callable[[dict[str, Any]], Any]
    _default_auto_reply: Any
    _oai_system_message: list[dict[str, Any]]
    _function_map: dict[str, Callable[..., Any]]
    _code_execution_config: Any
    _max_consecutive_auto_reply: Any

    @property
    def name(self) -> str: ...

    @property
    def hook_lists(self) -> dict[str, list[Callable[..., Any]]]: ...

    @property
    def _reply_func_list(self) -> list[ReplyEntry]: ...

    def max_consecutive_auto_reply(self, sender: Any = None) -> int:
        """How many auto replies in a row `sender` gets at most."""
        ...

    @property
    def _state(self) -> AgentState:
        """This agent's state in the run that the caller stands in."""
        ...

    def _override(self, method: str, is_async: bool) -> Callable[..., Any] | None:
        """The program's own version of an overridable method (or its `a_` twin), or None."""
        ...

    def _own_inner(self) -> frozenset[str]:
        """Which of 0.2's inner methods the program has made its own."""
        ...

    @property
    def _prepare_chat(self) -> Callable[..., Any]: ...

    @property
    def _handle_carryover(self) -> Callable[..., Any]: ...

    @property
    def _summarize_chat(self) -> Callable[..., Any]: ...

    @property
    def _groupchat(self) -> Any:
        """Of a group's manager: the group (a `group_view.Group`). None of anybody else."""
        ...

    def _members(self) -> "Sequence[Party]":
        """Of a group's manager: its members."""
        ...

    def _summed_up(self, partner: Any) -> list[dict[str, Any]]:
        """The messages that a summary of the chat with `partner` is made of."""
        ...

    def _standard_chain(self) -> StandardChain | None:
        """The reply chain, if it is the one that the agent was made with; None: see `_reply_func_list`."""
        ...

    def _own_hooks(self) -> dict[str, list[Callable[..., Any]]] | None:
        """`hook_lists`; None when the program never looked at it, so that no hook can be in it."""
        ...

    def _told_tools(self) -> tuple[ToolSpec, ...]: ...

    def _to_approve(self, name: str) -> Any:
        """The tool of that name if a person has to approve its calls (a `ToApprove`), or None."""
        ...

    def _code_use(self) -> "CodeSetup | None":
        """How this agent runs code, or None when it runs none."""
        ...

    def _run_code_options(self, block: CodeBlock) -> dict[str, Any]:
        """What an overridden `run_code` is called with beside the code."""
        ...


Messages = Sequence[Mapping[str, Any]]


def own_method(agent: Any, method: str, is_async: bool) -> Callable[..., Any] | None:
    """The program's own version of a method of `agent`: an override, or anything of an agent that is not ours."""
    finder = getattr(agent, "_override", None)
    if finder is not None:
        found: Callable[..., Any] | None = finder(method, is_async)
        return found
    return (
        getattr(agent, f"a_{method}", None) or getattr(agent, method, None)
        if is_async
        else getattr(agent, method, None)
    )


def own_inner(agent: Party, method: str, is_async: bool = False) -> Callable[..., Any] | None:
    """The program's own version of one of 0.2's inner methods, in a run; most agents have none."""
    return own_method(agent, method, is_async) if agent._state.own else None


def hooks_of(agent: Party, kind: str, is_async: bool) -> Sequence[Callable[..., Any]]:
    """The agent's hooks of a kind: the list of this kind of chat, else the other, so that none is left out."""
    lists = agent._own_hooks()
    if lists is None:
        return ()
    first, second = (f"a_{kind}", kind) if is_async else (kind, f"a_{kind}")
    return lists[first] or lists[second]


def is_ours(agent: Any) -> bool:
    """Does the engine carry on this agent's conversations? A foreign one answers inside its own `receive`."""
    return hasattr(agent, "_override")
