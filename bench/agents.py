"""The agents that the measured programs use, in AutoGen 0.2's words and made in one way only."""

from typing import Any

from bench.measure import library

OPENING = "Let us plan the next release together. What comes first?"


def llm_config(base_url: str, **more: Any) -> dict[str, Any]:
    """One model behind `base_url`, the reply cache off."""
    entry = {"model": "gpt-4o", "api_key": "sk-bench-no-secret", "base_url": base_url}
    return {"config_list": [entry], "cache_seed": None, **more}


def talker(name: str, base_url: str, **more: Any) -> Any:
    """An agent that answers with its model, asks nobody, runs nothing and never runs out of replies."""
    return library().ConversableAgent(
        name,
        llm_config=llm_config(base_url),
        human_input_mode="NEVER",
        max_consecutive_auto_reply=1_000_000,
        code_execution_config=False,
        **more,
    )


def pair(base_url: str, **more: Any) -> tuple[Any, Any]:
    """Two talkers. A chat of `max_turns=n` that one starts with the other makes 2n - 1 model calls."""
    return talker("writer", base_url, **more), talker("critic", base_url, **more)


def turns_for(calls: int) -> int:
    """The `max_turns` that makes `calls` model calls of a pair; `calls` is odd."""
    if calls % 2 == 0:
        raise ValueError(f"a chat of two agents makes an odd number of model calls, got {calls}")
    return (calls + 1) // 2


class SilentStream:
    """An output stream of 0.2's `IOStream` shape that shows nothing: "without console"."""

    def print(self, *_objects: Any, **_how: Any) -> None:
        """Show nothing."""

    def input(self, _prompt: str = "", **_how: Any) -> str:
        raise EOFError("nobody is at this console")
