"""The transcript of a run: one append-only list of who said what to whom.

Author is separate from role: an entry knows its author; roles belong to views. Each agent's history is a projection
(own words `assistant`, others' `user`, as in 0.2). Refuses to know agents: parties are names here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from autogen.core.model import Origin
from autogen.core.wire import HISTORY_KEYS, MessageDict

UNTRUSTED: frozenset[Origin] = frozenset({"tool", "code", "retrieved", "quoted"})
"""Content that nobody in the conversation vouches for."""


class Entry(Struct, frozen=True, eq=False):
    """One message: `message` is its 0.2 form as the author's side holds it."""

    author: str
    recipient: str
    message: MessageDict

    @property
    def origin(self) -> Origin:
        return self.message.origin


class Transcript:
    """Append-only; iterates over its entries in order."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def append(self, author: str, recipient: str, message: MessageDict) -> Entry:
        entry = Entry(author, recipient, message)
        self._entries.append(entry)
        return entry

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Entry:
        return self._entries[index]

    def view(self, name: str) -> list[dict[str, Any]]:
        """The conversation as the agent `name` sees it: its own messages as `assistant`, others as received."""
        return [
            dict(entry.message) if entry.author == name else received(entry.message)
            for entry in self._entries
            if name in (entry.author, entry.recipient)
        ]

    def untrusted_texts(self) -> Iterator[str]:
        """Texts of this run that came from tools, code, files, the web or retrieval."""
        for entry in self._entries:
            if entry.origin in UNTRUSTED:
                yield from texts(entry.message)


def restored_origin(message: Mapping[str, Any]) -> Origin:
    """The origin of a message that comes without one, as from a saved history: told by its form.

    A model's words cannot be told from the program's, which vouches for what it restores.
    """
    if message.get("role") in ("tool", "function") or message.get("tool_responses"):
        return "tool"
    content = message.get("content")
    return "code" if isinstance(content, str) and content.startswith("exitcode: ") else "program"


def texts(message: Mapping[str, Any]) -> Iterator[str]:
    """All text in a 0.2 message, tool answers included."""
    content = message.get("content")
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for part in content:  # pyright: ignore[reportUnknownVariableType]
            if isinstance(part, Mapping) and isinstance(part.get("text"), str):  # pyright: ignore[reportUnknownMemberType]
                yield part["text"]
    responses: Iterable[Mapping[str, Any]] = message.get("tool_responses") or ()
    for response in responses:
        if isinstance(response.get("content"), str):
            yield response["content"]


def sent(message: Mapping[str, Any], author: str, origin: Origin) -> MessageDict | None:
    """The author's own copy of a message, or None if it holds neither content nor calls nor answers."""
    return _kept(message, "assistant", author, origin)


def received(message: MessageDict) -> MessageDict:
    """The recipient's copy of a message that `sent` made."""
    copy = message.__copy__()
    if copy.get("role") == "assistant" and not (copy.get("function_call") or copy.get("tool_calls")):
        copy["role"] = "user"
    return copy


def _kept(message: Mapping[str, Any], role: str, author: str, origin: Origin) -> MessageDict | None:
    kept = MessageDict({key: message[key] for key in HISTORY_KEYS if message.get(key) is not None}, origin)
    if "content" not in kept:
        if not ("function_call" in kept or "tool_calls" in kept or "tool_responses" in kept):
            return None
        kept["content"] = None
    if message.get("role") in ("function", "tool"):
        kept["role"] = message["role"]
        if "tool_responses" in kept:
            kept["tool_responses"] = [
                {**response, "content": str(response.get("content", ""))} for response in kept["tool_responses"]
            ]
    else:
        kept["role"] = message.get("override_role", role)
    if kept.get("function_call") or kept.get("tool_calls"):
        kept["role"] = "assistant"
    elif "name" not in kept:
        kept["name"] = author
    return kept
