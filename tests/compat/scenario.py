"""What the compatibility programs are written with: the `scenario` mark and a few shorthands for building and showing
agents.

Decides: how a program states its server script, its typed lines and its environment, and how agents, errors and chats
become JSON. Refuses to know: which `autogen` it runs under (the released 0.2.40 when goldens are made, this
repository's when they are checked); so it uses nothing but 0.2's public names.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

SCENARIOS: dict[str, Scenario] = {}
"""Name -> scenario, in the order written; one program is loaded per process."""


class Scenario:
    """One small program: `play(base_url, work_dir)` returns a JSON value; `replies` is the server's script, `inputs`
    what is typed.

    `like` names another scenario whose golden this one must equal; it is then not recorded itself.
    """

    def __init__(
        self, play: Callable[[str, str], Any], replies: Sequence[Any], inputs: Sequence[str], like: str = ""
    ) -> None:
        self.name, self.play, self.replies, self.inputs, self.like = (
            play.__name__,
            play,
            list(replies),
            list(inputs),
            like,
        )


def scenario(replies: Sequence[Any] = (), inputs: Sequence[str] = ()) -> Callable[[Callable[[str, str], Any]], Any]:
    """Mark a function as a scenario of the program it stands in."""

    def mark(play: Callable[[str, str], Any]) -> Callable[[str, str], Any]:
        assert play.__name__ not in SCENARIOS, f"two scenarios are called {play.__name__}"
        SCENARIOS[play.__name__] = Scenario(play, replies, inputs)
        return play

    return mark


def llm(base_url: str, **extra: Any) -> dict[str, Any]:
    """An `llm_config` for the scripted server, with the cache off."""
    return {
        "config_list": [{"model": "gpt-4", "api_key": "sk-test", "base_url": base_url}],
        "cache_seed": None,
        **extra,
    }


def bot(base_url: str, name: str = "bot", **options: Any) -> Any:
    """An assistant on the scripted server."""
    import autogen

    return autogen.AssistantAgent(name, **{"llm_config": llm(base_url), "system_message": "Be brief.", **options})


def user(name: str = "user", **options: Any) -> Any:
    """A user proxy that asks nobody, runs no code, and says "go on"."""
    import autogen

    defaults = {"human_input_mode": "NEVER", "code_execution_config": False, "default_auto_reply": "go on"}
    return autogen.UserProxyAgent(name, **{**defaults, **options})


def mute(name: str, reply: str | None = "", **options: Any) -> Any:
    """An agent without a model that answers `reply`."""
    import autogen

    defaults = {"human_input_mode": "NEVER", "llm_config": False, "default_auto_reply": reply}
    return autogen.ConversableAgent(name, **{**defaults, **options})


def calls(*items: tuple[str, str, Any]) -> dict[str, Any]:
    """A scripted reply with tool calls, each (id, name, arguments)."""
    return {"content": None, "tool_calls": list(items)}


def function_call(name: str, arguments: Any) -> dict[str, Any]:
    """A scripted reply with one call in the older form."""
    return {"content": None, "function_call": (name, arguments)}


def chat(result: Any) -> dict[str, Any]:
    """A `ChatResult` as JSON, copied: 0.2 gives out the live lists, which a later chat would change."""
    return copy.deepcopy({name: getattr(result, name) for name in ("chat_history", "summary", "cost", "human_input")})


def views(*agents: Any) -> dict[str, dict[str, Any]]:
    """What each agent keeps of its chats, by name."""
    return {
        agent.name: {other.name: copy.deepcopy(list(kept)) for other, kept in agent.chat_messages.items()}
        for agent in agents
    }


def counters(agent: Any) -> dict[str, int]:
    """Consecutive automatic replies by partner."""
    return {getattr(other, "name", str(other)): count for other, count in agent._consecutive_auto_reply_counter.items()}


def error(call: Callable[..., Any], *args: Any, text: bool = False, **options: Any) -> dict[str, Any]:
    """The exception that a call raises. Types are compared as "is a"; the words only with `text=True`, where programs
    read them.
    """
    try:
        value = call(*args, **options)
    except Exception as raised:
        kinds = [kind.__name__ for kind in type(raised).__mro__ if kind not in (BaseException, object)]
        return {"raised": kinds, "text": str(raised)} if text else {"raised": kinds}
    return {"raised": [], "returned": repr(value)}


def without_downloads() -> None:
    """Where 0.2 estimates tokens, let it count characters instead of fetching a table."""
    try:
        import tiktoken
    except ImportError:
        return
    counter = SimpleNamespace(encode=list)
    tiktoken.encoding_for_model = lambda *a, **k: counter
    tiktoken.get_encoding = lambda *a, **k: counter
