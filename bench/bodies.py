"""Request bodies for the floors when the library is not there to record from.

They have the shape and size of what an AutoGen 0.2 program sends; a ratio is never
taken against them. With the library present its own bodies are recorded instead.
"""

from typing import Any

import msgspec

TEXT = "Reply 000000000000: the agents go over the plan once more and agree on the next step of it."
ADD_TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add two numbers.",
        "parameters": {
            "type": "object",
            "properties": {
                "a": {"type": "integer", "description": "a"},
                "b": {"type": "integer", "description": "b"},
            },
            "required": ["a", "b"],
        },
    },
}


def _body(messages: list[dict[str, Any]], **more: Any) -> bytes:
    system = {"content": "You are a helpful AI Assistant.", "role": "system"}
    return msgspec.json.encode({"messages": [system, *messages], "model": "gpt-4o", "stream": False, **more})


def two_agents(turns: int) -> list[bytes]:
    """The bodies of `turns` model calls of two agents that talk to each other."""
    bodies = []
    for turn in range(turns):
        speaker = turn % 2
        history = [
            {
                "content": TEXT,
                "role": "assistant" if i % 2 != speaker else "user",
                "name": "writer" if i % 2 else "critic",
            }
            for i in range(turn + 1)
        ]
        bodies.append(_body(history))
    return bodies


def tool_calls(calls: int) -> list[bytes]:
    """The bodies of an agent that calls `add` one time after the other, then answers."""
    messages: list[dict[str, Any]] = [{"content": "Add the numbers one by one.", "role": "user", "name": "user"}]
    bodies = [_body(messages, tools=[ADD_TOOL])]
    for i in range(calls):
        call_id = f"call_{i:016x}"
        call = {"id": call_id, "type": "function", "function": {"name": "add", "arguments": f'{{"a": {i}, "b": 1}}'}}
        messages.append({"content": None, "role": "assistant", "tool_calls": [call]})
        messages.append({"tool_call_id": call_id, "role": "tool", "content": str(i + 1)})
        bodies.append(_body(messages, tools=[ADD_TOOL]))
    return bodies


def stream() -> list[bytes]:
    """The one body that asks for a stream."""
    return [_body([{"content": "Count.", "role": "user", "name": "user"}], stream=True)]
