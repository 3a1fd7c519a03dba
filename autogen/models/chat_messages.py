"""Messages as Chat Completions wants them: each encoded once, repairs made on the wire form only.

Decides the bytes of one message, which messages of a request are sent, and what stands in for the ones that no
provider would take: an unanswered call gets "cancelled" directly after it, an answer without a call becomes user
text, an empty message is left out or filled. The history itself is never touched. The same message always gives the
same bytes,
so a longer request begins with the bytes of the shorter one. Refuses to know endpoints, settings and tools.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
from msgspec import Struct

from autogen.core.model import Media, ModelMessage, Other, Reasoning, Text, ToolCall, ToolResult
from autogen.core.wire import KEPT_FROM
from autogen.models.profiles import Profile
from autogen.models.shapes import as_dict

CANCELLED = "cancelled"
"""Content of the answer that stands in for a missing one."""
CONTINUE = b'{"content":"(continued)","role":"user"}'
"""Sent when a request would have no message at all."""
NOT_SENT = frozenset(
    {"content", "role", "name", "tool_calls", "function_call", "tool_call_id", "annotations", "audio", "logprobs",
     "provider_specific_fields", "reasoning", "reasoning_content", "refusal"}
)  # fmt: skip
"""Fields of `ModelMessage.extra` that are modelled elsewhere or that only answers have."""

_encode = msgspec.json.Encoder().encode
_bad_in_names = re.compile(r"[^a-zA-Z0-9_-]")
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def join_messages(
    messages: tuple[ModelMessage, ...], profile: Profile, before: bytes = b"", after: bytes = b""
) -> bytes:
    """`encode_messages`, joined, between `before` and `after`: the body of a request, made in one piece.

    A request that begins as the one before it did is that one's bytes and the rest. Those are kept at the second
    message of the conversation; without them the cost of a turn would grow with every message said before. The bytes of
    single messages are kept only where no such beginning is found, since a program that shortens or rewrites histories
    will ask for them again.
    """
    if profile.merge_neighbours or len(messages) < 4 or (len(messages) < KEPT_FROM and _only_talk(messages)):
        keep = len(messages) >= KEPT_FROM
        return b"".join((before, b",".join(encode_messages(messages, profile, keep=keep)), after))
    kept = messages[1].memo()
    key = f"{profile.id}:joined"
    known: _Beginning | None = kept.get(key)
    pieces: list[bytes | memoryview] = [before]
    if known is not None and known.system is messages[0] and known.rest == messages[2 : 2 + len(known.rest)]:
        pieces.append(known.joined)
        wire = _Wire(profile, keep=False)
        wire.after_tool = known.after_tool
        _say_all(wire, messages[2 + len(known.rest) :], profile)
    else:
        wire = _Wire(profile, keep=len(messages) > KEPT_FROM + 1)
        _say_all(wire, messages, profile)
    settled = wire.settled
    wire.close_calls()
    for encoded in wire.out:
        pieces += (b",", encoded) if len(pieces) > 1 else (encoded,)
    if len(pieces) == 1:
        return b"".join((before, CONTINUE, after))
    body = b"".join((*pieces, after))
    if settled:
        kept[key] = _Beginning(messages[0], messages[2:], body, len(before), len(body) - len(after), wire.after_tool)
    return body


class _Beginning(Struct, frozen=True, eq=False):
    """The bytes of a conversation so far, kept at its second message: that one is not in it, or it would be a cycle."""

    system: ModelMessage
    rest: tuple[ModelMessage, ...]
    body: bytes
    """The request's, which was made of them: not copied once more."""
    start: int
    end: int
    after_tool: bool

    @property
    def joined(self) -> memoryview:
        return memoryview(self.body)[self.start : self.end]


def _only_talk(messages: tuple[ModelMessage, ...]) -> bool:
    """Texts and nothing else: encoding them again costs next to nothing."""
    for message in messages:  # noqa: SIM110 - a generator takes three times as long
        if len(message.parts) != 1 or type(message.parts[0]) is not Text:
            return False
    return True


def encode_messages(messages: Iterable[ModelMessage], profile: Profile, *, keep: bool = False) -> list[bytes]:
    """The JSON of each message that goes on the wire, in order; never empty. keep: remember it at the message."""
    wire = _Wire(profile, keep)
    _say_all(wire, merged(messages) if profile.merge_neighbours else messages, profile)
    wire.close_calls()
    return wire.out or [CONTINUE]


def _say_all(wire: "_Wire", messages: Iterable[ModelMessage], profile: Profile) -> None:
    for message in messages:
        role = message.role
        if role == "tool" or role == "function":
            for part in message.parts:
                if isinstance(part, ToolResult):
                    wire.answer(message, part)
            continue
        encoded = message.encoded.get(profile.id) if message.encoded is not None else None
        if encoded is None:
            encoded = encode_message(message, profile)
            if wire.keep:
                message.memo()[profile.id] = encoded
        if encoded:
            wire.say(message, encoded)


class _Wire:
    """The messages so far, and the calls among them that still want their answers directly after them."""

    __slots__ = ("_late", "_open", "_profile", "after_tool", "keep", "out")

    def __init__(self, profile: Profile, keep: bool) -> None:
        self.out: list[bytes] = []
        self._profile = profile
        self.keep = keep
        self._open: list[tuple[str, str]] = []
        """Calls without an answer: (id as the history has it, id on the wire)."""
        self._late: list[bytes] = []
        """What came between calls and their answers: it follows them."""
        self.after_tool = False

    @property
    def settled(self) -> bool:
        """No call waits for an answer, so nothing that follows can change what is there."""
        return not self._open and not self._late

    def say(self, message: ModelMessage, encoded: bytes) -> None:
        self.close_calls()
        if self.after_tool and self._profile.bridge_tool_user and message.role == "user":
            self.out.append(_encode({"content": self._profile.filler, "role": "assistant"}))
        self.after_tool = False
        self.out.append(encoded)
        if message.role == "assistant" and (calls := message.calls):
            self._open = wire_ids(calls, self._profile)

    def answer(self, message: ModelMessage, part: ToolResult) -> None:
        key = self._profile.id
        if part.legacy:
            fields = {"content": part.content, "name": slug(part.name) or "function", "role": "function"}
            self._aside(self._kept(message, f"{key}:f", fields))
            return
        for index, (known, wire) in enumerate(self._open):
            if known == part.id:
                del self._open[index]
                fields = {"tool_call_id": wire, "content": part.content, "role": "tool"}
                self.out.append(self._kept(message, f"{key}:t:{wire}", fields))
                self.after_tool = True
                if not self._open:
                    self.close_calls()
                return
        name = f" of {part.name}" if part.name else ""
        self._aside(self._kept(message, f"{key}:o", {"content": f"Result{name}: {part.content}", "role": "user"}))

    def _kept(self, message: ModelMessage, key: str, fields: dict[str, Any]) -> bytes:
        if len(message.parts) != 1:
            return to_json(fields)
        encoded: bytes | None = message.encoded.get(key) if message.encoded is not None else None
        if encoded is None:
            encoded = to_json(fields)
            if self.keep:
                message.memo()[key] = encoded
        return encoded

    def _aside(self, encoded: bytes) -> None:
        if self._open:
            self._late.append(encoded)
        else:
            self.after_tool = False
            self.out.append(encoded)

    def close_calls(self) -> None:
        """Unanswered calls are told to be cancelled; then comes what had to wait for that."""
        for _, wire in self._open:
            self.out.append(_encode({"tool_call_id": wire, "content": CANCELLED, "role": "tool"}))
            self.after_tool = True
        self._open = []
        if self._late:
            self.out += self._late
            self._late = []
            self.after_tool = False


def encode_message(message: ModelMessage, profile: Profile) -> bytes:
    """One message that is no tool answer; b"" when it has nothing to say and the profile leaves such out."""
    role = message.role
    if role in ("system", "developer"):
        role = profile.system_role
    calls = message.calls
    parts = message.parts
    if len(parts) == 1 and type(parts[0]) is Text and parts[0].text:
        content: str | list[Any] | None = parts[0].text
    else:
        content = content_of(message, images=role == "user")
    if content is None or content == "":
        if not calls:
            if profile.empty_text == "drop" or (profile.empty_text == "fill_user" and role != "user"):
                return b""
            content = "" if profile.empty_text == "keep" else profile.filler
        else:
            content = None
    fields: dict[str, Any] = {"content": content, "role": role}
    if message.name and profile.send_names and (name := slug(message.name)):
        fields["name"] = name
    if calls:
        _add_calls(fields, calls, profile)
    if profile.reasoning_back and role == "assistant":
        thoughts = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
        if thoughts:
            fields["reasoning_content"] = thoughts
    if message.extra:
        fields.update((key, value) for key, value in message.extra.items() if key not in NOT_SENT and value is not None)
    return to_json(fields)


def _add_calls(fields: dict[str, Any], calls: tuple[ToolCall, ...], profile: Profile) -> None:
    wires = iter(wire_ids(calls, profile))
    tools: list[dict[str, Any]] = []
    for call in calls:
        function = {"arguments": call.arguments or "{}", "name": slug(call.name) or "unknown"}
        if call.legacy:
            fields["function_call"] = function
            continue
        ours = call.opaque is not None and call.opaque.provider in ("", "chat")
        extra = as_dict(call.opaque.data) if call.opaque is not None and ours else {}
        tools.append({"id": next(wires)[1], "function": function, "type": "function", **extra})
    if tools:
        fields["tool_calls"] = tools
        fields.pop("function_call", None)


def wire_ids(calls: tuple[ToolCall, ...], profile: Profile) -> list[tuple[str, str]]:
    """(id, id on the wire) of each call that needs an answer; ids missing or used twice are made distinct."""
    ids: list[tuple[str, str]] = []
    seen: set[str] = set()
    for index, call in enumerate(call for call in calls if not call.legacy):
        wire = call.id
        if not wire or wire in seen:
            wire = f"{wire or 'call'}_{index}"
            while wire in seen:
                wire += "_"
        seen.add(wire)
        ids.append((call.id, nine(wire) if profile.tool_id == "nine" else wire))
    return ids


def nine(text: str) -> str:
    """The id itself when it is nine letters and digits, else nine that follow from it."""
    if len(text) == 9 and text.isascii() and text.isalnum():
        return text
    from hashlib import sha256

    number = int.from_bytes(sha256(text.encode("utf-8", "replace")).digest()[:8])
    return "".join(_ALPHABET[number // 62**place % 62] for place in range(9))


def slug(name: str) -> str:
    """A name as OpenAI takes it: letters, digits, `_` and `-`, at most 64."""
    return name if len(name) <= 64 and name.isascii() and name.isidentifier() else _bad_in_names.sub("_", name)[:64]


def content_of(message: ModelMessage, images: bool) -> str | list[Any] | None:
    """The `content` field: text alone as a string, else a list of parts; None when there is nothing."""
    parts: list[Any] = []
    plain = True
    for part in message.parts:
        if isinstance(part, Text):
            if part.text:
                parts.append({"type": "text", "text": part.text})
        elif isinstance(part, Media):
            made = _media(part) if images else {"type": "text", "text": _media_text(part)}
            plain = plain and made["type"] == "text"
            parts.append(made)
        elif isinstance(part, Other) and part.opaque.provider == "chat":
            plain = False
            parts.append(part.opaque.data)
    if not parts:
        refusal = (message.extra or {}).get("refusal")
        return refusal if isinstance(refusal, str) and refusal else None
    if plain and len(parts) == 1:
        return cast("str", parts[0]["text"])
    return parts


def _media(part: Media) -> dict[str, Any]:
    if part.file_id:
        return {"type": "file", "file": {"file_id": part.file_id}}
    url = part.url or ""
    head, _, data = url.partition(",")
    if head.startswith("data:audio/") and head.endswith(";base64"):
        sound = head.removeprefix("data:audio/").removesuffix(";base64")
        return {"type": "input_audio", "input_audio": {"data": data, "format": "mp3" if sound == "mpeg" else sound}}
    image = {"url": url, "detail": part.detail} if part.detail else {"url": url}
    return {"type": "image_url", "image_url": image}


def _media_text(part: Media) -> str:
    """Where pictures are refused (assistant and system messages) their place is kept by a word."""
    url = part.url or ""
    return "[image]" if not url or url.startswith("data:") else f"[image: {url[:500]}]"


def merged(messages: Iterable[ModelMessage]) -> list[ModelMessage]:
    """Neighbours of one role joined by a blank line; system messages after the first place become the user's."""
    out: list[ModelMessage] = []
    for message in messages:
        role = message.role
        if role in ("system", "developer") and any(known.role not in ("system", "developer") for known in out):
            message = ModelMessage("user", message.parts, message.name, message.extra)
        elif role == "developer":
            message = ModelMessage("system", message.parts, message.name, message.extra)
        if message.role in ("user", "assistant") and not content_of(message, images=True) and not message.calls:
            continue
        last = out[-1] if out else None
        if last is None or last.role != message.role or message.role in ("tool", "function") or last.calls:
            out.append(message)
        else:
            parts = (*last.parts, Text("\n\n"), *message.parts)
            out[-1] = ModelMessage(message.role, _joined(parts), last.name, last.extra)
    return out


def _joined(parts: tuple[Any, ...]) -> tuple[Any, ...]:
    """Text parts side by side made one, so that the content stays a string."""
    out: list[Any] = []
    for part in parts:
        if out and isinstance(part, Text) and isinstance(out[-1], Text):
            out[-1] = Text(out[-1].text + part.text)
        else:
            out.append(part)
    return tuple(out)


def to_json(value: Any) -> bytes:
    """UTF-8 JSON; half surrogates (from broken tool output) become `?`."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_clean(value))


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {_clean(key): _clean(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in cast("list[Any]", value)]
    return value
