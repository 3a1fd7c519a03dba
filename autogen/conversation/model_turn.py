"""The model step of the reply chain: render the view, ask the model, read its answer in 0.2's form.

Refuses to know endpoints, prices and wire formats: they belong to the client, which is only handed on.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from autogen.conversation.callbacks import invoke, of_kind
from autogen.conversation.party import Messages, Party, own_inner
from autogen.conversation.run import Run, origin_passed_on
from autogen.conversation.sending import Said, origin_of
from autogen.core.callables import qualified_name
from autogen.core.effects import CallModel, Emit, Purpose
from autogen.core.errors import InvalidContent
from autogen.core.events import Notice
from autogen.core.model import Json, ModelReply, ModelRequest
from autogen.core.transcript import CARRIED
from autogen.core.wire import MessageDict, filled, render, rendered, reply_to_wire

_INCOMPLETE = {
    "length": "was cut at its limit of tokens; raise max_tokens in its llm_config",
    "filter": "was stopped by the provider's content filter",
    "error": "ended with an error at the provider",
}
"""Endings of an answer that a person should know of."""
FROM_CLIENT = "_generate_oai_reply_from_client"
"""0.2's inner method that asks a client."""
_NO_SETTINGS: Final[Mapping[str, Json]] = {}
"""One for all: an agent's settings are its client's."""
_BAD_NAME = re.compile(r"[^a-zA-Z0-9_-]")


async def model_reply(run: Run, agent: Party, messages: Messages, client: Any) -> tuple[bool, Any]:
    """Ask the agent's model; `(False, None)` when it has none or its answer is empty."""
    if client is None or client is False:
        return False, None
    own = own_inner(agent, FROM_CLIENT)
    if own is None:
        reply = await ask_model(run, agent, client, [*agent._oai_system_message, *messages], "reply", tools=True)
        answer = await _said(agent, reply)
    else:
        answer = await _own(run, agent, own, client, [*agent._oai_system_message, *messages])
    return answer is not None, answer


async def asked(
    run: Run, agent: Party, client: Any, messages: Messages, purpose: Purpose, cache: Any = None
) -> Said | None:
    """The model's answer in 0.2's form, None when it is empty."""
    return await _said(
        agent, await ask_model(run, agent, client, messages, purpose, tools=purpose == "reply", cache=cache)
    )


async def _said(agent: Party, reply: ModelReply) -> Said | None:
    """What a model answered; a person is told of an answer that is not whole."""
    answer = read_reply(reply)
    incomplete = _INCOMPLETE.get(reply.finish) or ("was empty" if answer is None else None)
    if incomplete is not None:
        await Emit(Notice(f"the answer of {agent.name}'s model {incomplete} (finish reason {reply.raw_finish!r})"))
    return None if answer is None else Said(answer, "model")


async def _own(run: Run, agent: Party, own: Callable[..., Any], client: Any, messages: Messages) -> Said | None:
    """The answer of an overridden `_generate_oai_reply_from_client`."""
    cache = run.cache if run.cache is not None else agent.client_cache
    with run.passing_on() as told:
        answer = await invoke(agent.name, "override", FROM_CLIENT, own, (client, messages, cache))
    if answer is None or isinstance(answer, Said):
        return answer
    if not of_kind(answer, str, Mapping):
        raise InvalidContent(
            f"agent {agent.name!r}: its {FROM_CLIENT} {qualified_name(own)!r} returned {type(answer).__name__}; "
            "it must return text, a message dict, or None"
        )
    return Said(answer, origin_of(answer, origin_passed_on(told, answer)))


async def ask_model(
    run: Run, agent: Party, client: Any, messages: Messages, purpose: Purpose, *, tools: bool = False, cache: Any = None
) -> ModelReply:
    """One model call over 0.2 messages, templates filled in; its usage is the run's and the agent's."""
    known = rendered(messages)
    if known is None:
        known = render(await _filled(agent, messages))
    del messages  # a thousand calls that wait hold one form of them
    request = ModelRequest(known, agent._told_tools() if tools else (), _NO_SETTINGS)
    if cache is None:
        cache = run.cache if run.cache is not None else agent.client_cache
    reply = await CallModel(agent.name, purpose, request, client, cache)
    run.account(agent.name, reply)
    return reply


def read_reply(reply: ModelReply) -> str | dict[str, Any] | None:
    """A model's answer in 0.2's form: text, a message with calls, or None. Names of calls are made valid."""
    answer = reply_to_wire(reply.message)
    if isinstance(answer, str):
        if answer or reply.message.parts:
            return answer
        refusal = (reply.message.extra or {}).get("refusal")
        return refusal if isinstance(refusal, str) and refusal else None
    if "function_call" in answer:
        answer["function_call"]["name"] = valid_name(answer["function_call"]["name"])
    for call in answer.get("tool_calls", ()):
        call["function"]["name"] = valid_name(call["function"]["name"])
    return answer


def valid_name(name: str) -> str:
    """A tool name as providers allow it: other characters become `_`, at most 64."""
    return _BAD_NAME.sub("_", name)[:64]


def _filled_text(
    message: Mapping[str, Any], content: Any, context: Mapping[str, Any] | None, fill: bool, *, brought: bool
) -> Any:
    """A template is what the program wrote: nobody else's braces are one, those of what was carried over neither.

    brought: the context came with this message, so whoever made the one made the other.
    """
    origin = getattr(message, "origin", "program")
    if origin == "carried" and isinstance(content, str):
        head, mark, tail = content.partition(CARRIED)
        return f"{filled(head, context, fill)}{mark}{tail}"
    return filled(content, context, fill and (origin == "program" or (origin == "quoted" and brought)))


async def _filled(agent: Party, messages: Messages) -> Messages:
    """Messages with their templates filled in from the last message's `context` (0.2's lazy templates)."""
    last: Mapping[str, Any] = messages[-1] if messages else {}
    context: Mapping[str, Any] | None = last.get("context")
    if isinstance(last, MessageDict) and context is not None:
        del last["context"]  # used up, as in 0.2
    if not context and not any(callable(message.get("content")) for message in messages):
        return messages
    fill = bool(agent.llm_config and agent.llm_config.get("allow_format_str_template"))
    out: list[Mapping[str, Any]] = []
    for message in messages:
        content = message.get("content")
        known = {key: value for key, value in message.items() if key != "context"}
        if callable(content):
            known["content"] = await invoke(agent.name, "message", "template", content, (context or {},))
        else:
            known["content"] = _filled_text(message, content, context, fill, brought=message is last)
        out.append(known)
    return out
