"""What a fork sends in another way: system message, model and parameters of the model calls that it makes itself.

Refuses to know which entry of a config list a model's name leads to; that is `choose`, filled in by `runtime`.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec.structs import replace

from autogen.core.effects import CallModel
from autogen.core.model import ModelMessage, ModelRequest, Text
from autogen.runs.changes import Changes

Choose: TypeAlias = Callable[[Any, str, str | None, Mapping[str, Any]], Any]
"""(client, agent, model or None, parameters) -> a client that asks this model with these. Raises ConfigError."""


def changed_call(effect: CallModel, changes: Changes, choose: Choose) -> CallModel:
    """The call as the fork makes it. A system message is the agent's own, so it holds for its replies."""
    agent = effect.agent
    request, client = effect.request, effect.client
    if effect.purpose == "reply" and agent in changes.system_message:
        request = with_system_message(request, changes.system_message[agent])
    model, parameters = changes.model.get(agent), changes.parameters.get(agent, {})
    if model is not None or parameters:
        client = choose(client, agent, model, parameters)
    if request is effect.request and client is effect.client:
        return effect
    return replace(effect, request=request, client=client)


def with_system_message(request: ModelRequest, text: str) -> ModelRequest:
    """The request with another first message; "" takes it out."""
    messages = request.messages
    role = messages[0].role if messages and messages[0].role in ("system", "developer") else None
    rest = messages[1:] if role is not None else messages
    first = (ModelMessage(role or "system", (Text(text),)),) if text else ()
    return replace(request, messages=(*first, *rest))
