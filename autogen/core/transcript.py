"""The transcript of a run: one append-only list of who said what to whom.

Author is separate from role: an entry knows its author; roles belong to views. Each agent's history is a projection
(own words `assistant`, others' `user`, as in 0.2). Refuses to know agents: parties are names here.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, cast

from msgspec import DecodeError, Struct
from msgspec.json import decode

from autogen.core.model import Origin
from autogen.core.wire import HISTORY_KEYS, MessageDict

CARRIED: Final = "\nContext: \n"
"""0.2's words between a message and what is carried over into it."""


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


def own_content(message: Mapping[str, Any], origin: Origin) -> Any:
    """The content of a message without what was carried over into it."""
    content = message.get("content")
    if origin != "carried":
        return content
    if isinstance(content, str):
        own, mark, _ = content.partition(CARRIED)
        return own if mark else ""  # a hook has changed it: nobody knows which words are whose
    if isinstance(content, list):
        parts = cast("list[Any]", content)
        own_parts = [part for part in parts if not _is_carried(part)]
        return own_parts if len(own_parts) < len(parts) else []
    return content


def _is_carried(part: Any) -> bool:
    return isinstance(part, Mapping) and str(cast("Mapping[str, Any]", part).get("text", "")).startswith(CARRIED)


def sayings(message: Mapping[str, Any], origin: Origin) -> tuple[Origin, list[str]]:
    """All that a message says, arguments of calls included, and whose words these are."""
    if origin == "carried":
        return "program", list(texts({"content": own_content(message, origin)}))
    said = list(texts(message))
    calls: Iterable[Mapping[str, Any]] | None = message.get("tool_calls")
    call: Mapping[str, Any] | None = message.get("function_call")
    if calls or call:
        for one in (*(item.get("function") for item in calls or ()), call):
            if one:
                said += _strings(one.get("arguments", ""))
    return origin, said


def _strings(arguments: Any) -> Iterator[str]:
    """The texts among a call's arguments, which may be anything that a model wrote."""
    try:
        waiting: list[Any] = [decode(arguments) if isinstance(arguments, (str, bytes)) else arguments]
    except (DecodeError, UnicodeDecodeError, RecursionError):
        yield str(arguments)
        return
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, Mapping):
            waiting += value.values()  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
        elif isinstance(value, list):
            waiting += value  # pyright: ignore[reportUnknownArgumentType]


def sent(message: Mapping[str, Any], author: str, origin: Origin) -> MessageDict | None:
    """The author's own copy of a message, or None if it holds neither content nor calls nor answers."""
    return _kept(message, "assistant", author, origin)


def received(message: MessageDict) -> MessageDict:
    """The recipient's copy of a message that `sent` made."""
    if message.get("role") == "assistant" and not (message.get("function_call") or message.get("tool_calls")):
        return MessageDict({**message, "role": "user"}, message.origin)
    return message.__copy__()


def _kept(message: Mapping[str, Any], role: str, author: str, origin: Origin) -> MessageDict | None:
    kept: dict[str, Any] = {key: value for key in HISTORY_KEYS if (value := message.get(key)) is not None}
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
    return MessageDict(kept, origin)
