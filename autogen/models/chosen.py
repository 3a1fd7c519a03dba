"""A client that asks one model of its config list, or sends other parameters: what a fork of a run changes.

Decides which entries answer to a model's name. Refuses to know runs and forks.
"""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.models.config_keys import CONNECTION, OURS, PIPES, check_keys
from autogen.models.entry_values import check_values
from autogen.models.openai_wrapper import OpenAIWrapper


def chosen(client: Any, agent: str, model: str | None, parameters: Mapping[str, Any]) -> Any:
    """The client with the entries of this model only, and these parameters over theirs; usage counts on the client.

    Raises ConfigError when no entry has the model, for keys that are no parameters, and for a client that is not ours.
    """
    if not isinstance(client, OpenAIWrapper):
        raise ConfigError(
            f"the model of agent {agent!r} is reached by a client of the program's own ({type(client).__name__}), so "
            "its model and parameters cannot be chosen from outside; change them in the program"
        )
    picked = [number for number, entry in enumerate(client._entries) if model is None or entry.model == model]
    if not picked:
        known = ", ".join(dict.fromkeys(repr(entry.model) for entry in client._entries if entry.model)) or "none"
        raise ConfigError(
            f"agent {agent!r} has no entry for the model {model!r} in its config_list (its models: {known}); add one"
        )
    where = f"the parameters for agent {agent!r}"
    refused = [key for key in parameters if key in CONNECTION | PIPES | OURS or key in ("messages", "model")]
    if refused:
        raise ConfigError(f"{where} hold {refused[0]!r}, which is not sent to a model as a parameter")
    check_keys(parameters, where)
    check_values(parameters, where)
    twin: OpenAIWrapper = object.__new__(type(client))
    twin.__dict__.update(client.__dict__)
    twin.__dict__.pop("_visible", None)
    twin._entries = [
        replace(entry, settings={**entry.settings, **parameters}, memo={}, shared=False)
        for entry in (client._entries[number] for number in picked)
    ]
    if "_stand_ins" in client.__dict__:
        twin._clients = [client._clients[number] for number in picked]
    return twin
