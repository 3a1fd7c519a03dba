"""OpenAI-compatible Chat Completions, plain form: a request to bytes, an answer to a reply. Pure: no I/O, no clock.

Decides addresses, headers, the body's order and the reading of answers and errors. Refuses to know how bytes travel
and who retries. Change together: `chat_stream.py` (equal replies), `chat_messages.py`, `chat_settings.py`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast
from urllib.parse import quote, urlencode

import msgspec

from autogen.core.errors import ConfigError
from autogen.core.model import (
    Finish,
    ModelMessage,
    ModelReply,
    ModelRequest,
    Opaque,
    Other,
    Part,
    Reasoning,
    Text,
    ToolCall,
    Usage,
)
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.chat_messages import join_messages, to_json
from autogen.models.chat_settings import encode_tools, wire_settings
from autogen.models.errors import (
    BadRequest,
    CallFailed,
    RateLimited,
    UnreadableReply,
    class_for,
    error_object,
    preview_of,
    status_in,
)
from autogen.models.retry import told_delay
from autogen.models.secret import Secret, secrets_of
from autogen.models.shapes import as_dict, as_list
from autogen.models.transport import HttpRequest, Timeout, shown

AZURE_VERSION = "2024-02-01"
"""0.2's default api-version."""
READ_FOR_ERRORS = 16_000
"""Bytes of an answer that an error text is made of, at most; far more than is shown."""
BYTES_PER_TOKEN = 3.6
"""For the estimate when a provider sends no usage."""

_decode_json = msgspec.json.Decoder().decode


def encode(request: ModelRequest, endpoint: ChatEndpoint, token: Secret | None = None) -> HttpRequest:
    """The HTTP request of one model request. The entry's settings win over the call's.

    token: an Azure AD token that a provider gave just now. Raises ConfigError for a setting that cannot be sent.
    """
    settings = merged_settings(request, endpoint)
    profile = endpoint.profile
    tail = wire_settings(settings, request.tools, profile)
    after = b"".join((b'],"model":', to_json(endpoint.model), _tail(tail), encode_tools(request.tools), b"}"))
    body = join_messages(request.messages, profile, b'{"messages":[', after)
    headers = _headers(endpoint, token, settings)
    return HttpRequest(
        url=url_of(endpoint, settings), headers=headers, body=body, timeout=timeout_of(endpoint, settings)
    )


def merged_settings(request: ModelRequest, endpoint: ChatEndpoint) -> Mapping[str, Any]:
    if not endpoint.settings:
        return request.settings
    return {**request.settings, **endpoint.settings}


def timeout_of(endpoint: ChatEndpoint, settings: Mapping[str, Any]) -> Timeout:
    seconds = settings.get("timeout")
    if seconds is None:
        return endpoint.timeout
    if isinstance(seconds, Timeout):
        return seconds
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds <= 0:
        raise ConfigError(f"timeout must be seconds above 0 (or a Timeout), got {seconds!r}")
    return Timeout.of(float(seconds))


def _tail(settings: Mapping[str, Any]) -> bytes:
    if not settings:
        return b""
    try:
        return b"," + to_json(settings)[1:-1]
    except (TypeError, ValueError) as error:
        raise ConfigError(f"a setting of llm_config cannot be sent as JSON: {error}") from error


def url_of(endpoint: ChatEndpoint, settings: Mapping[str, Any]) -> str:
    """The address of the call; for Azure the deployment's, with its api-version."""
    if endpoint.api_type == "openai" and not endpoint.default_query and not settings.get("extra_query"):
        return _plain_url(endpoint.base_url)
    base, _, known = endpoint.base_url.partition("?")
    base = base.rstrip("/")
    query: dict[str, str] = {}
    if endpoint.api_type == "azure":
        if not base.endswith("/openai/v1"):
            query["api-version"] = endpoint.api_version or AZURE_VERSION
            if "/openai/deployments/" not in base:
                deployment = endpoint.azure_deployment or endpoint.model.replace(".", "")
                base = f"{base.removesuffix('/openai')}/openai/deployments/{quote(deployment, safe='')}"
        elif endpoint.api_version:
            query["api-version"] = endpoint.api_version
    query.update(endpoint.default_query)
    query.update(cast("Mapping[str, str]", settings.get("extra_query") or {}))
    text = "&".join(part for part in (known, urlencode(query)) if part)
    return f"{base}/chat/completions?{text}" if text else f"{base}/chat/completions"


@lru_cache(64)
def _plain_url(base_url: str) -> str:
    base, mark, known = base_url.partition("?")
    return f"{base.rstrip('/')}/chat/completions{mark if known else ''}{known}"


def _headers(endpoint: ChatEndpoint, token: Secret | None, settings: Mapping[str, Any]) -> dict[str, str]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if settings.get("stream"):
        headers["accept"] = "text/event-stream"
    bearer = token or endpoint.azure_ad_token
    if endpoint.api_type == "azure" and bearer is not None:
        headers["authorization"] = f"Bearer {bearer.reveal()}"
    elif endpoint.api_key is not None:
        key = endpoint.api_key.reveal()
        headers.update({"api-key": key} if endpoint.api_type == "azure" else {"authorization": f"Bearer {key}"})
    if endpoint.organization:
        headers["openai-organization"] = endpoint.organization
    if endpoint.project:
        headers["openai-project"] = endpoint.project
    for more in (endpoint.default_headers, cast("Mapping[str, str]", settings.get("extra_headers") or {})):
        headers.update((name.lower(), value) for name, value in more.items())
    for name, value in headers.items():
        if not value.isascii() or "\n" in value or "\r" in value:
            raise ConfigError(f"the header {name} of model {endpoint.model!r} holds characters that no header may hold")
    return headers


def decode(status: int, headers: Mapping[str, str], body: bytes, endpoint: ChatEndpoint, sent: int = 0) -> ModelReply:
    """The reply of a whole answer; raises `CallFailed` of the fitting kind.

    sent: bytes of the request's body, for the estimate when the provider sends no usage.
    """
    try:
        answer = _decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = _with_half_characters(body)
    if status >= 400:
        raise failure(status, headers, answer, body, endpoint)
    known = as_dict(answer)
    choices = as_list(known.get("choices"))
    if choices and all(as_dict(as_dict(choice).get("message")) for choice in choices):
        return reply_of(known, endpoint, sent)
    error = error_object(known)
    if error is not None:
        raise failure(status_in(error), headers, known, body, endpoint)
    raise unreadable(status, headers, body, endpoint)


def _with_half_characters(body: bytes) -> Any:
    """The answer of a model that broke off inside a character ("\\ud83d"), with "?" there; None if it is no JSON."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return None
    import json

    try:
        return json.loads(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def failure(status: int, headers: Mapping[str, str], answer: Any, body: bytes, endpoint: ChatEndpoint) -> CallFailed:
    """The error of an answer that is one. `answer`: the decoded body, or None."""
    error = error_object(answer) or {}
    named = as_dict(error.get("innererror")).get("code") or error.get("code") or error.get("type") or ""
    code = redacted(str(named), endpoint)
    said = error.get("message")
    message = said if isinstance(said, str) and said else preview(body, endpoint) or "no explanation"
    made = class_for(status, code, message)(
        redacted(message[:READ_FOR_ERRORS], endpoint)[:2000],
        status=status,
        code=code or None,
        endpoint=endpoint.address,
        model=endpoint.model,
        request_id=headers.get("x-request-id") or headers.get("apim-request-id"),
        headers=headers,
        body=_decode_json(redacted(to_json(error).decode(), endpoint)) if error else None,
    )
    if isinstance(made, RateLimited):
        # An HTTP date needs a clock: `retry.delay` reads that form again with one.
        made.retry_after = told_delay({k: v for k, v in made.headers.items() if v[:1].isdigit()}, 0.0)
    if isinstance(made, BadRequest):
        rule = error.get("param")
        made.rule = rule if isinstance(rule, str) else None
    return made


def unreadable(status: int, headers: Mapping[str, str], body: bytes, endpoint: ChatEndpoint) -> UnreadableReply:
    kind = headers.get("content-type", "no content type")
    begins = preview(body, endpoint)
    what = f"answered {kind}, not a chat completion: {begins}" if body.strip() else "answered with an empty body"
    if 300 <= status < 400 and headers.get("location"):
        what = f"redirects to {redacted(shown(headers['location']), endpoint)[:300]}, which is not followed with a key"
    made = UnreadableReply(
        what,
        status=status,
        endpoint=endpoint.address,
        model=endpoint.model,
        request_id=headers.get("x-request-id"),
        headers=headers,
    )
    made.preview = begins
    return made


def preview(body: bytes, endpoint: ChatEndpoint, limit: int = 300) -> str:
    """The beginning of a body for an error text. Secrets go first, so that the cut leaves no piece of one."""
    return preview_of(redacted(body[:READ_FOR_ERRORS].decode("utf-8", "replace"), endpoint).encode(), limit)


def redacted(text: str, endpoint: ChatEndpoint) -> str:
    """Without the endpoint's own secrets, should the server repeat them: keys, tokens, and headers that carry one."""
    held = [secret.reveal() for secret in (endpoint.api_key, endpoint.azure_ad_token) if secret is not None]
    for secret in (*(one for one in held if len(one) >= 4), *secrets_of(endpoint.default_headers)):
        text = text.replace(secret, "***")
    return text


TOP_FIELDS = frozenset({"id", "object", "created", "model", "choices", "usage"})
MESSAGE_FIELDS = frozenset(
    {"role", "content", "tool_calls", "function_call", "reasoning_content", "reasoning"}
)  # fmt: skip


def reply_of(answer: Mapping[str, Any], endpoint: ChatEndpoint, sent: int) -> ModelReply:
    """A decoded completion as a reply; also what the stream's collected answer becomes."""
    messages: list[ModelMessage] = []
    finishes: list[str | None] = []
    for choice in as_list(answer["choices"]):
        known = as_dict(choice)
        messages.append(message_of(as_dict(known.get("message"))))
        reason = known.get("finish_reason")
        finishes.append(reason if isinstance(reason, str) else None)
    usage = as_dict(answer.get("usage"))
    created = answer.get("created")
    return ModelReply(
        message=messages[0],
        finish=finish_of(finishes[0], messages[0]),
        raw_finish=finishes[0],
        usage=usage_of(usage) if usage else guess(messages, sent),
        model=str(answer.get("model") or endpoint.model),
        id=str(answer.get("id") or ""),
        created=int(created) if isinstance(created, (int, float)) else 0,
        choices=tuple(messages),
        finishes=tuple(finishes),
        config_id=endpoint.config_id,
        extra={k: v for k, v in answer.items() if k not in TOP_FIELDS and v is not None} or None,
    )


def message_of(raw: Mapping[str, Any]) -> ModelMessage:
    """The message of one choice. Never empty text parts; what is not modelled is kept in `extra`."""
    parts: list[Part] = []
    thoughts = raw.get("reasoning_content") or raw.get("reasoning")
    if isinstance(thoughts, str):
        parts.append(Reasoning(thoughts))
    content = raw.get("content")
    if isinstance(content, str):
        if content:
            parts.append(Text(content))
    elif isinstance(content, list):
        parts.extend(part for item in as_list(raw["content"]) for part in _content_part(item))
    function = as_dict(raw.get("function_call"))
    if function:
        parts.append(_call(function, "", True, {}))
    for item in as_list(raw.get("tool_calls")):
        known = as_dict(item)
        if known:
            rest = {k: v for k, v in known.items() if k not in ("id", "type", "function", "index") and v is not None}
            parts.append(_call(as_dict(known.get("function")), str(known.get("id") or ""), False, rest))
    extra = {k: v for k, v in raw.items() if k not in MESSAGE_FIELDS and v is not None and v != []}
    return ModelMessage("assistant", tuple(parts), extra=extra or None)


def _content_part(item: Any) -> list[Part]:
    """Servers that answer with a list of parts: text and thinking are read, the rest is kept."""
    if isinstance(item, str):
        return [Text(item)] if item else []
    if not isinstance(item, dict):
        return []
    known = cast("dict[str, Any]", item)
    if known.get("type") == "text" and isinstance(known.get("text"), str):
        return [Text(known["text"])] if known["text"] else []
    if known.get("type") == "thinking":
        return [Reasoning("".join(part.text for part in _thoughts(known.get("thinking"))), Opaque("chat", known))]
    return [Other(Opaque("chat", known))]


def _thoughts(value: Any) -> list[Text]:
    if isinstance(value, str):
        return [Text(value)]
    return [part for item in as_list(value) for part in _content_part(item) if isinstance(part, Text)]


def _call(function: Mapping[str, Any], call_id: str, legacy: bool, rest: Mapping[str, Any]) -> ToolCall:
    opaque = Opaque("chat", dict(rest)) if rest else None
    arguments = function.get("arguments")
    if not isinstance(arguments, str):
        arguments = "" if arguments is None else to_json(arguments).decode()
    return ToolCall(call_id, str(function.get("name") or ""), arguments, legacy, opaque)


FINISHES: dict[str, Finish] = {
    "stop": "stop", "eos": "stop", "end_turn": "stop", "length": "length", "max_tokens": "length",
    "model_length": "length", "tool_calls": "tools", "function_call": "tools", "content_filter": "filter",
    "error": "error", "insufficient_system_resource": "error",
}  # fmt: skip


def finish_of(raw: str | None, message: ModelMessage) -> Finish:
    finish = FINISHES.get(raw or "stop", "stop")
    if finish == "stop" and message.calls:
        return "tools"
    if finish == "stop" and not message.text and (message.extra or {}).get("refusal"):
        return "refusal"
    return finish


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """Tokens as the provider counted them, made to include cached and reasoning tokens."""
    given, made = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens")
    asked = as_dict(raw.get("prompt_tokens_details"))
    answered = as_dict(raw.get("completion_tokens_details"))
    reasoning = _count(answered, "reasoning_tokens") or _count(raw, "reasoning_tokens")
    if reasoning and _count(raw, "total_tokens") == given + made + reasoning:
        made += reasoning  # some providers count reasoning apart
    return Usage(
        input=given,
        output=made,
        cache_read=_count(asked, "cached_tokens") or _count(raw, "prompt_cache_hit_tokens"),
        cache_write=_count(asked, "cache_write_tokens"),
        reasoning=reasoning,
        requests=1,
    )


def _count(raw: Mapping[str, Any], key: str) -> int:
    value = raw.get(key)
    return int(value) if isinstance(value, (int, float)) and value > 0 else 0


def guess(messages: list[ModelMessage], sent: int) -> Usage:
    """An estimate from sizes, marked as one."""
    size = sum(
        len(part.text if isinstance(part, (Text, Reasoning)) else part.name + part.arguments)
        for message in messages
        for part in message.parts
        if isinstance(part, (Text, Reasoning, ToolCall))
    )
    return Usage(input=round(sent / BYTES_PER_TOKEN), output=round(size / BYTES_PER_TOKEN), requests=1, estimated=True)
