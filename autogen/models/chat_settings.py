"""Which settings of a call go on the Chat Completions wire, and in what form; tools' declarations too.

Decides what is sent, what is ours and never sent, and what is refused by name. Refuses to know messages and endpoints.
"""

from collections.abc import Mapping
from threading import Lock
from typing import Any, cast

from autogen.core.errors import ConfigError
from autogen.core.model import ToolSpec
from autogen.models.chat_messages import slug, to_json
from autogen.models.profiles import Profile

KNOWN = frozenset({
    "audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "max_completion_tokens",
    "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "prediction", "presence_penalty",
    "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed",
    "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools",
    "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip
"""OpenAI's own parameters besides `model` and `messages`."""

NEVER_SENT = frozenset({
    "agent", "allow_format_str_template", "api_key", "api_rate_limit", "api_type", "api_version", "aws_access_key",
    "aws_profile_name", "aws_region", "aws_secret_key", "aws_session_token", "azure_ad_token",
    "azure_ad_token_provider", "azure_deployment", "azure_endpoint", "base_url", "cache", "cache_seed", "client_host",
    "config_list", "context", "default_headers", "default_query", "extra_body", "extra_headers", "extra_query",
    "filter_func", "gcp_project_id", "gcp_region", "google_application_credentials", "hide_tools", "http_client",
    "max_retries", "messages", "model", "model_client_cls", "organization", "price", "project", "proj_id", "project_id",
    "proxy", "no_proxy", "ca_bundle", "client_certificate", "verify", "http2", "location", "response_filter", "tags",
    "timeout", "websocket_base_url",
})  # fmt: skip
"""0.2's own keys and those of our endpoints: read elsewhere, or of no meaning on the wire."""


def wire_settings(settings: Mapping[str, Any], tools: tuple[ToolSpec, ...], profile: Profile) -> dict[str, Any]:
    """What follows the messages in the body, tools excepted. Raises ConfigError for a setting nobody knows."""
    out: dict[str, Any] = {}
    if not settings:
        return out
    has_tools = bool(settings.get("tools")) or any(not tool.legacy for tool in tools)
    has_functions = bool(settings.get("functions")) or any(tool.legacy for tool in tools)
    for key, value in settings.items():
        if key in NEVER_SENT or value is None or key in profile.refused_settings:
            continue
        if key not in KNOWN and not profile.any_setting:
            raise ConfigError(
                f"llm_config holds {key!r}, which the chat API does not know; "
                f"if this server does, write extra_body={{{key!r}: ...}}"
            )
        if key in ("tool_choice", "parallel_tool_calls") and not has_tools:
            continue
        if (key == "function_call" and not has_functions) or key in ("stream", "stream_options"):
            continue
        if key in ("tools", "functions") and (tools or not value):
            continue
        if key == "max_tokens" and profile.max_tokens_key != "keep":
            key = profile.max_tokens_key
        out[key] = _response_format(value) if key == "response_format" else value
    extra = settings.get("extra_body")
    if isinstance(extra, Mapping):
        out.update(cast("Mapping[str, Any]", extra))
    if settings.get("stream"):
        out["stream"] = True
        if profile.stream_usage:
            out["stream_options"] = {"include_usage": True}
    return out


def _response_format(value: Any) -> Any:
    """A pydantic model class becomes its JSON Schema; anything else is sent as given."""
    schema = getattr(value, "model_json_schema", None)
    if not isinstance(value, type) or schema is None:
        return value
    return {"type": "json_schema", "json_schema": {"name": slug(value.__name__), "schema": schema()}}


_KEPT = 64
_encoded_tools: dict[int, tuple[tuple[ToolSpec, ...], bytes]] = {}
_lock = Lock()


def encode_tools(tools: tuple[ToolSpec, ...]) -> bytes:
    """`,"tools":[...]` and `,"functions":[...]` of a request, encoded once for each tuple of declarations."""
    if not tools:
        return b""
    known = _encoded_tools.get(id(tools))
    if known is not None and known[0] is tools:
        return known[1]
    modern = [tool_json(tool) for tool in tools if not tool.legacy]
    legacy = [tool_json(tool) for tool in tools if tool.legacy]
    encoded = b',"tools":[' + b",".join(modern) + b"]" if modern else b""
    if legacy:
        encoded += b',"functions":[' + b",".join(legacy) + b"]"
    with _lock:
        # The tuple is kept beside its bytes, so its id cannot come to mean another one.
        while len(_encoded_tools) >= _KEPT:
            del _encoded_tools[next(iter(_encoded_tools))]
        _encoded_tools[id(tools)] = (tools, encoded)
    return encoded


def tool_json(tool: ToolSpec) -> bytes:
    """One declaration; the program's own, when it gave one, as it is."""
    if tool.raw is not None:
        return to_json(tool.raw)
    function: dict[str, Any] = {"description": tool.description, "name": tool.name, "parameters": tool.parameters}
    if tool.legacy:
        return to_json(function)
    if tool.strict is not None:
        function["strict"] = tool.strict
    return to_json({"type": "function", "function": function})
