"""The keys of a config list entry: which make the connection, which are ours, which go on the wire.

Decides what a key means and what a misspelt one is. Refuses to know values. Change together: `entries.py`.
"""

from collections.abc import Iterable
from typing import cast

from autogen.core.errors import ConfigError

CONNECTION = frozenset({
    "admin_api_key", "api_base", "api_key", "api_version", "azure_ad_token", "azure_ad_token_provider",
    "azure_deployment", "azure_endpoint", "base_url", "data_residency", "default_headers", "default_query",
    "http_client", "max_retries", "organization", "project", "provider", "timeout", "webhook_secret",
    "websocket_base_url", "workload_identity", "_enforce_credentials", "_strict_response_validation",
})  # fmt: skip
"""How the endpoint is reached: 0.2 gave these to the vendor's client and showed none of them afterwards."""

PIPES = frozenset({"ca_bundle", "client_certificate", "deadline", "http2", "no_proxy", "proxy", "verify"})
"""How the connection is made and how long all attempts may take; not in 0.2."""

OURS = frozenset({
    "agent", "allow_format_str_template", "api_rate_limit", "api_type", "cache", "cache_seed", "client", "config_list",
    "context", "filter_func", "hide_tools", "model_client_cls", "price", "script", "tags",
})  # fmt: skip
"""Read by this library, never sent."""

WIRE = frozenset({
    "audio", "extra_body", "extra_headers", "extra_query", "frequency_penalty", "function_call", "functions",
    "logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model",
    "moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty", "prompt", "prompt_cache_key",
    "prompt_cache_options", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier",
    "seed", "service_tier", "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools",
    "top_logprobs", "top_p", "user", "verbosity", "web_search_options",
})  # fmt: skip
"""Parameters of Chat Completions."""

RENAMED = {
    "api_base": "base_url",
    "deployment_id": "azure_deployment",
    "engine": "model",
    "max_retry_period": "max_retries",
    "request_timeout": "timeout",
    "retry_wait_time": "max_retries",
    "use_cache": "cache_seed (None turns the cache off)",
}
"""Keys of releases before 0.2."""

KNOWN = CONNECTION | PIPES | OURS | WIRE

_told: set[str] = set()


def check_keys(keys: Iterable[str], where: str) -> None:
    """Raises ConfigError for a key that is nearly a known one, or an old name of one.

    A key that resembles nothing is a parameter of some server and is sent as it is, with one line in the log.
    """
    for key in keys:
        if key in KNOWN:
            continue
        if not isinstance(cast("object", key), str):
            raise ConfigError(f"{where} has the key {key!r}; keys are text")
        if key in RENAMED:
            raise ConfigError(f"{where} has the key {key!r} of an old release; today it is {RENAMED[key]}")
        from difflib import get_close_matches

        near = get_close_matches(key, KNOWN, 1, 0.84)
        if near:
            raise ConfigError(f"{where} has the unknown key {key!r}; did you mean {near[0]!r}?")
        if key not in _told:
            _told.add(key)
            import logging

            logging.getLogger("autogen.models").info(
                "%s: the key %r is not known here and goes to the server as it is", where, key
            )
