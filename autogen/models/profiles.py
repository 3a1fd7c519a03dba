"""Profiles: what one family of models or servers accepts on the Chat Completions wire.

Decides the rules that differ between servers which all call themselves compatible. Refuses to know endpoints and keys.
"""

from functools import lru_cache
from typing import Literal

from msgspec import Struct


class Profile(Struct, frozen=True, kw_only=True):
    """Rules of one dialect of Chat Completions; the defaults are OpenAI's own."""

    id: str = "openai"
    """Names the variant under which encoded messages are kept: profiles that encode a message alike may share it."""
    send_names: bool = True
    """`name` on user, assistant and system messages; many servers refuse it."""
    empty_text: Literal["fill_user", "drop", "keep", "fill"] = "fill_user"
    """An empty message: of a user sent as `filler`, so that no request ends in the model's own words, and left out
    otherwise; always left out; sent as ""; always sent as `filler`."""
    filler: str = "(no answer)"
    """Sent for an empty message where one must stand."""
    merge_neighbours: bool = False
    """Join neighbours of one role and move later system text to the user (servers that want strict alternation)."""
    system_role: Literal["system", "developer", "user"] = "system"
    tool_id: Literal["any", "nine"] = "any"
    """"nine": ids of exactly nine letters and digits (Mistral)."""
    bridge_tool_user: bool = False
    """Puts a short assistant message between a tool answer and a user message (Mistral refuses the pair)."""
    max_tokens_key: Literal["keep", "max_completion_tokens"] = "keep"
    refused_settings: frozenset[str] = frozenset()
    """Settings that the model refuses (sampling settings of reasoning models); left out of the request."""
    any_setting: bool = False
    """Settings outside OpenAI's own list are sent; else they are a ConfigError that names `extra_body`."""
    stream_usage: bool = True
    """Sends `stream_options: {"include_usage": true}`."""
    reasoning_back: bool = False
    """Sends `reasoning_content` back on assistant messages (DeepSeek)."""


SAMPLING = frozenset(
    {"temperature", "top_p", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs", "logit_bias"}
)

OPENAI = Profile()
OPENAI_REASONING = Profile(
    id="openai-reasoning", system_role="developer", max_tokens_key="max_completion_tokens", refused_settings=SAMPLING
)
OPENAI_O1_FIRST = Profile(
    id="openai-o1-first", system_role="user", max_tokens_key="max_completion_tokens", refused_settings=SAMPLING
)
COMPATIBLE = Profile(any_setting=True)
"""A server of unknown make that speaks OpenAI's dialect (vLLM, llama.cpp, LM Studio, Ollama, gateways)."""
NAMELESS = Profile(id="nameless", send_names=False, any_setting=True)
GROQ = Profile(
    id="nameless",
    send_names=False,
    any_setting=True,
    refused_settings=frozenset({"logprobs", "logit_bias", "top_logprobs"}),
)
MISTRAL = Profile(
    id="mistral", send_names=False, tool_id="nine", bridge_tool_user=True, any_setting=True, stream_usage=False
)
DEEPSEEK = Profile(id="deepseek", reasoning_back=True, any_setting=True)
ALTERNATING = Profile(id="alternating", send_names=False, merge_neighbours=True, any_setting=True)
"""Small local models whose template raises unless user and assistant take turns."""

BY_HOST = (
    ("mistral.ai", MISTRAL),
    ("groq.com", GROQ),
    ("deepseek.com", DEEPSEEK),
    ("together.xyz", NAMELESS),
    ("together.ai", NAMELESS),
    ("cerebras.ai", NAMELESS),
    ("perplexity.ai", ALTERNATING),
)


@lru_cache(maxsize=256)
def profile_for(model: str, base_url: str = "") -> Profile:
    """The profile of a model at a server, by the server's host and the model's prefix; "" is OpenAI's own server."""
    authority = base_url.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    host = authority.partition(":")[0].lower()
    for suffix, profile in BY_HOST:
        if host == suffix or host.endswith("." + suffix):
            return profile
    ours = not host or host.endswith(("openai.com", ".azure.com", ".azure.us", ".azure.cn"))
    if not ours:
        return COMPATIBLE
    name = model.lower()
    if name.startswith(("o1-mini", "o1-preview")):
        return OPENAI_O1_FIRST
    if name.startswith(("o1", "o3", "o4", "gpt-5")) and "chat" not in name:
        return OPENAI_REASONING
    return OPENAI
