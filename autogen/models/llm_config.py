"""`llm_config` as an agent takes it, checked when the agent is made.

Decides which configurations are refused at once: 0.2's own refusals, and those that no call could survive.
Refuses to look for API keys: a missing key is told when a call is made. Called by the agents' constructors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

from autogen.core.errors import ConfigAssertion, ConfigError

NO_MODEL = (
    "When using OpenAI or Azure OpenAI endpoints, specify a non-empty 'model' either in 'llm_config' or in each config "
    "of 'config_list'."
)
NOT_COPYABLE = "Please implement __deepcopy__ method for each value class in llm_config to support deepcopy."
SHARED = ("client", "script")
"""Keys whose objects are the program's own and are never copied."""


class NotCopyable(ConfigError, TypeError):
    """A value in `llm_config` cannot be copied."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(key, reason)
        self.key, self.reason = key, reason

    def __str__(self) -> str:
        return f"{NOT_COPYABLE} The value of {self.key!r} has none: {self.reason}"


def validate_llm_config(
    llm_config: Mapping[str, Any] | Literal[False] | None,
    default: Mapping[str, Any] | Literal[False] = False,
) -> dict[str, Any] | Literal[False]:
    """A deep copy of the configuration that is known to make a client, or False: no model.

    None stands for `default`. Raises ConfigError (a ValueError) with the entry and the way out, `NotCopyable` (a
    TypeError), and AssertionError when it is neither a dict, nor False, nor None, as in 0.2.
    """
    chosen = default if llm_config is None else llm_config
    if chosen is False:
        return False
    if not isinstance(cast("Any", chosen), Mapping):
        raise ConfigAssertion(f"llm_config must be a dict or False or None, got {type(chosen).__name__}")
    copied = _copied(chosen)
    configs = copied.get("config_list", None)
    if configs is not None and not isinstance(configs, (list, tuple)):
        raise ConfigError(
            f"llm_config['config_list'] must be a list of dicts, got {type(configs).__name__}; "
            "write [{'model': ..., 'api_key': ...}]"
        )
    entries = cast("Sequence[Any]", configs or [{}])
    dicts = all(isinstance(entry, Mapping) for entry in entries)
    if dicts and not any(_names_a_model(entry, copied) for entry in entries):
        raise ConfigError(NO_MODEL)
    from autogen.models.entries import read_entry

    for index, entry in enumerate(entries):
        read_entry(entry, copied, index)
    return copied


def _names_a_model(entry: Any, around: Mapping[str, Any]) -> bool:
    if not isinstance(entry, Mapping):
        return False
    own = cast("Mapping[str, Any]", entry)
    merged = {**around, **own}
    return bool(
        merged.get("model")
        or merged.get("model_client_cls")
        or merged.get("client")
        or merged.get("api_type") == "scripted"
    )


def _copied(config: Mapping[str, Any]) -> dict[str, Any]:
    from copy import deepcopy

    memo: dict[int, Any] = {}
    entries = config.get("config_list")
    around = [config, *(cast("Sequence[Any]", entries) if isinstance(entries, (list, tuple)) else ())]
    for entry in around:
        if isinstance(entry, Mapping):
            for key in SHARED:
                kept = cast("Mapping[str, Any]", entry).get(key)
                if kept is not None and not isinstance(kept, (str, list, dict)):
                    memo[id(kept)] = kept
    try:
        return {key: deepcopy(value, memo) for key, value in config.items()}
    except TypeError as error:
        raise NotCopyable(_guilty(config), str(error)) from error


def _guilty(config: Mapping[str, Any]) -> str:
    """The innermost key whose value cannot be copied."""
    from copy import deepcopy

    for key, value in config.items():
        items = cast("Sequence[Any]", value) if key == "config_list" and isinstance(value, (list, tuple)) else ()
        for item in items:
            if isinstance(item, Mapping):
                found = _guilty(cast("Mapping[str, Any]", item))
                if found != "?":
                    return found
        try:
            deepcopy(cast("Any", value))
        except TypeError:
            return key
    return "?"
