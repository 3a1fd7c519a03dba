"""The rules that OpenAI's chat endpoint enforces, as a function that says which one a body breaks."""

import json
import re
from typing import Any

TOP = {
    "messages", "model", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
    "max_completion_tokens", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls", "presence_penalty",
    "reasoning_effort", "response_format", "seed", "service_tier", "stop", "store", "stream", "stream_options",
    "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user",
}  # fmt: skip
KEYS = {
    "system": {"content", "role", "name"},
    "developer": {"content", "role", "name"},
    "user": {"content", "role", "name"},
    "assistant": {"content", "role", "name", "tool_calls", "function_call"},
    "tool": {"content", "role", "tool_call_id"},
    "function": {"content", "role", "name"},
}
NAME = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")


def broken_rule(body: bytes) -> str | None:
    """The first rule that this request breaks; None when a strict server would take it."""
    request: dict[str, Any] = json.loads(body)
    if unknown := set(request) - TOP:
        return f"unknown keys {unknown}"
    messages: list[dict[str, Any]] = request["messages"]
    if not messages:
        return "no messages"
    open_ids: list[str] = []
    for message in messages:
        role = message["role"]
        if unknown := set(message) - KEYS[role]:
            return f"{role} message with {unknown}"
        if "name" in message and not NAME.match(message["name"]):
            return f"name {message['name']!r}"
        if role == "tool":
            if message["tool_call_id"] not in open_ids:
                return f"tool answer without a call: {message['tool_call_id']}"
            open_ids.remove(message["tool_call_id"])
            continue
        if open_ids:
            return f"calls without an answer: {open_ids}"
        content = message["content"]
        if content in ("", [], None) and not (message.get("tool_calls") or message.get("function_call")):
            return f"empty {role} message"
        parts = content if isinstance(content, list) else []
        if role in ("assistant", "system") and any(part["type"] != "text" for part in parts):
            return f"a picture in a {role} message"
        calls = message.get("tool_calls", [])
        if "tool_calls" in message and not calls:
            return "empty tool_calls"
        for call in calls:
            if not isinstance(call["function"]["arguments"], str) or not NAME.match(call["function"]["name"]):
                return f"call {call}"
        open_ids = [call["id"] for call in calls]
        if len(set(open_ids)) != len(open_ids) or "" in open_ids:
            return f"call ids {open_ids}"
    if open_ids:
        return f"calls without an answer: {open_ids}"
    return None
