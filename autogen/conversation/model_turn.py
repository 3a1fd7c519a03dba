"""The model step of the reply chain: render the view, ask the model, read its answer in 0.2's form.

Refuses to know endpoints, prices and wire formats: they belong to the client, which is only handed on.
"""

import re
from collections.abc import Mapping
from typing import Any

from autogen.conversation.callbacks import invoke
from autogen.conversation.party import Messages, Party
from autogen.conversation.run import Run
from autogen.conversation.sending import Said
from autogen.core.effects import CallModel, Emit, Purpose
from autogen.core.events import Notice
from autogen.core.model import ModelReply, ModelRequest
from autogen.core.wire import MessageDict, filled, render, rendered, reply_to_wire

_INCOMPLETE = {
    "length": "was cut at its limit of tokens; raise max_tokens in its llm_config",
    "filter": "was stopped by the provider's content filter",
    "error": "ended with an error at the provider",
}
"""Endings of an answer that a person should know of."""
_BAD_NAME = re.compile(r"[^a-zA-Z0-9_-]")


async def model_reply(run: Run, agent: Party, messages: Messages, client: Any) -> tuple[bool, Any]:
    """Ask the agent's model; `(False, None)` when it has none or its answer is empty."""
    if client is None or client is False:
        return False, None
    reply = await ask_model(run, agent, client, [*agent._oai_system_message, *messages], "reply", tools=True)
    answer = read_reply(reply)
    incomplete = _INCOMPLETE.get(reply.finish) or ("was empty" if answer is None else None)
    if incomplete is not None:
        await Emit(Notice(f"the answer of {agent.name}'s model {incomplete} (finish reason {reply.raw_finish!r})"))
    return (False, None) if answer is None else (True, Said(answer, "model"))


async def ask_model(
    run: Run, agent: Party, client: Any, messages: Messages, purpose: Purpose, *, tools: bool = False
) -> ModelReply:
    """One model call over 0.2 messages, templates filled in; its usage is the run's and the agent's."""
    known = rendered(messages)
    if known is None:
        known = render(await _filled(agent, messages))
    request = ModelRequest(known, agent._told_tools() if tools else ())
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
            ours = getattr(message, "origin", "program") == "program"  # nobody else's braces are a template
            known["content"] = filled(content, context, fill and ours)
        out.append(known)
    return out
