"""The 0.2 form of messages: dicts with content, role, name, function_call, tool_calls, tool_responses.

Decides how such a dict reads as `ModelMessage`s and how a model's answer becomes one. Refuses to know providers (the
adapters encode) and agents.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from msgspec import Struct

from autogen.core.errors import ConfigError
from autogen.core.model import (
    Media,
    ModelMessage,
    Opaque,
    Origin,
    Other,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
)

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_TALK = frozenset({"system", "user", "assistant"})
HISTORY_KEYS = ("content", "function_call", "tool_calls", "tool_responses", "tool_call_id", "name", "context")
"""The keys of a message that 0.2 keeps in a history, in its order; others are dropped."""
KEPT_FROM = 16
"""Messages of a request: shorter conversations are rendered and encoded again each time, which costs less than a
thousand of them at once would hold."""
_MOST_DEPTH = 12
_TEXTS = frozenset({str, type(None)})
_MORE = frozenset({"function_call", "reasoning_content", "tool_calls", "tool_responses"})


class MessageDict(dict[str, Any]):
    """A message of a history: a dict that knows where its content comes from and remembers its rendered form.

    Programs read and write it as a dict; a write forgets the rendered form.
    """

    __slots__ = ("origin", "rendered")

    def __init__(self, fields: Mapping[str, Any], origin: Origin = "program") -> None:
        super().__init__(fields)
        self.origin: Origin = origin
        self.rendered: ModelMessage | Nested | None = None

    def __setitem__(self, key: str, value: Any) -> None:
        self.rendered = None
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.rendered = None
        super().__delitem__(key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.rendered = None
        super().update(*args, **kwargs)

    def pop(self, *args: Any) -> Any:
        self.rendered = None
        return super().pop(*args)

    def popitem(self) -> tuple[str, Any]:
        self.rendered = None
        return super().popitem()

    def clear(self) -> None:
        self.rendered = None
        super().clear()

    def setdefault(self, key: str, default: Any = None) -> Any:
        self.rendered = None
        return super().setdefault(key, default)

    def __ior__(self, other: Any) -> "MessageDict":  # type: ignore[override,misc]  # as dict's own, at run time
        self.rendered = None
        super().update(other)
        return self

    def __copy__(self) -> "MessageDict":
        return MessageDict(self, self.origin)

    copy = __copy__

    def __deepcopy__(self, memo: dict[int, Any]) -> "MessageDict":
        from copy import deepcopy

        return MessageDict({key: deepcopy(value, memo) for key, value in self.items()}, self.origin)

    def __reduce__(self) -> tuple[Any, ...]:
        return (MessageDict, (dict(self), self.origin))


class Nested(Struct, frozen=True, eq=False):
    """What a message with lists or dicts in it was rendered to, and what these held then."""

    seen: dict[str, Any]
    """A copy of the message."""
    messages: tuple[ModelMessage, ...]

    def __bool__(self) -> bool:
        """False, as nothing is: `all` finds in one go whether every message is settled."""
        return False


def render(messages: Sequence[Mapping[str, Any]]) -> tuple[ModelMessage, ...]:
    """The request form of a list of 0.2 messages; messages with several tool answers become several.

    What was rendered before is the same object again, for as long as the message reads the same.
    """
    return _completed(messages, _remembered(messages))


def rendered(messages: Sequence[Mapping[str, Any]]) -> tuple[ModelMessage, ...] | None:
    """What `render` gives, or None when a message is a template or brings what templates are filled with."""
    known = _remembered(messages)
    new = len(known)
    while new and known[new - 1] is None:
        new -= 1
    head = known[:new]
    unknown = messages[new:] if all(head) or None not in head else messages
    for message in unknown:
        if message.get("context") is not None or callable(message.get("content")):
            return None
    return _completed(messages, known)


def _remembered(messages: Sequence[Mapping[str, Any]]) -> list[ModelMessage | Nested | None]:
    try:
        return [message.rendered for message in messages]  # type: ignore[attr-defined]
    except AttributeError:  # a plain dict among them
        return [getattr(message, "rendered", None) for message in messages]


def _completed(
    messages: Sequence[Mapping[str, Any]], known: list[ModelMessage | Nested | None]
) -> tuple[ModelMessage, ...]:
    flat = len(known)
    while flat and type(known[flat - 1]) is not ModelMessage:
        flat -= 1
    if not all(known[:flat]):
        flat = 0
    keep = len(known) >= KEPT_FROM or Nested in set(map(type, known))
    out = cast("list[ModelMessage]", known[:flat])
    nested: list[Nested] = []
    for before in known[flat:]:
        if type(before) is not Nested:
            break
        nested.append(before)
    upto = flat + len(nested)
    if nested and list(messages[flat:upto]) == [before.seen for before in nested]:  # the calls so far and their answers
        out += [made for before in nested for made in before.messages]
        flat = upto
    for message, before in zip(messages[flat:], known[flat:], strict=True):
        if type(before) is ModelMessage:
            out.append(before)
            continue
        if type(before) is Nested and message == before.seen:
            out += before.messages
            continue
        talk = _talk(message)
        new = (talk,) if talk is not None else tuple(_no_talk(message))
        out += new
        if (keep or talk is None) and isinstance(message, MessageDict):
            message.rendered = _memo(message, new)
    return tuple(out)


def _memo(message: Mapping[str, Any], made: tuple[ModelMessage, ...]) -> ModelMessage | Nested | None:
    """What may be kept of a message's rendered form: nothing of one whose changes could go unseen."""
    if message.get("context") is not None:
        return None
    if _TEXTS.issuperset(map(type, message.values())):
        return made[0] if len(made) == 1 else None
    try:
        return Nested({key: _copied(value) for key, value in message.items()}, made)
    except ValueError:
        return None


def _copied(value: Any, depth: int = 0) -> Any:
    """A copy of lists, dicts and texts. ValueError for anything else: numbers may be equal and read differently."""
    kind = cast("type[object]", type(value))
    if kind is str or value is None:
        return value
    if depth < _MOST_DEPTH:
        if kind is list:
            return [item if type(item) is str else _copied(item, depth + 1) for item in value]
        if kind is dict and _TEXTS.issuperset(map(type, value)):
            if _TEXTS.issuperset(map(type, value.values())):
                return value.copy()
            return {key: item if type(item) is str else _copied(item, depth + 1) for key, item in value.items()}
    raise ValueError(kind)


def _talk(message: Mapping[str, Any]) -> ModelMessage | None:
    """A message that is text and nothing else; None of any other."""
    role, content = message.get("role", "user"), message.get("content")
    if type(content) is str and role in _TALK and _MORE.isdisjoint(message):
        return ModelMessage(role, (Text(content),), message.get("name"))
    return None


def read(message: Mapping[str, Any]) -> Iterator[ModelMessage]:
    """One 0.2 message as `ModelMessage`s. Raises ConfigError for a role that nobody knows."""
    talk = _talk(message)
    if talk is not None:
        yield talk
    else:
        yield from _no_talk(message)


def _no_talk(message: Mapping[str, Any]) -> Iterator[ModelMessage]:
    role = message.get("role", "user")
    if role not in ROLES:
        raise ConfigError(f"a message has the role {role!r}; it must be one of {', '.join(sorted(ROLES))}")
    responses = message.get("tool_responses")
    if responses:
        for response in responses:
            yield from read(response)
        if role == "tool":
            return
    yield ModelMessage(role, tuple(_parts(message, role)), message.get("name"))


def _parts(message: Mapping[str, Any], role: Role) -> Iterator[Part]:
    content = message.get("content")
    if role in ("tool", "function"):
        legacy = role == "function"
        name = str(message.get("name") or "")
        yield ToolResult(str(message.get("tool_call_id") or ""), name, _plain(content), legacy=legacy)
        return
    if isinstance(content, str):
        yield Text(content)
    elif isinstance(content, (list, tuple)):
        for item in cast("Iterable[Any]", content):
            yield _content_part(item)
    elif content is not None:
        yield Text(str(content))
    reasoning = message.get("reasoning_content")
    if isinstance(reasoning, str):
        yield Reasoning(reasoning)
    yield from tool_calls_of(message)


def tool_calls_of(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    """The calls that a 0.2 message asks for; the old `function_call` is marked `legacy`."""
    call = message.get("function_call")
    if call and isinstance(call, Mapping):
        known = cast("Mapping[str, Any]", call)
        yield ToolCall("", str(known.get("name", "")), _arguments(known.get("arguments")), legacy=True)
    calls = message.get("tool_calls")
    for item in cast("Iterable[Mapping[str, Any]]", calls or ()):
        function = cast("Mapping[str, Any]", item.get("function") or {})
        rest = {k: v for k, v in item.items() if k not in ("id", "type", "function", "index") and v is not None}
        yield ToolCall(
            str(item.get("id") or ""),
            str(function.get("name") or ""),
            _arguments(function.get("arguments")),
            opaque=Opaque("", rest) if rest else None,
        )


def _arguments(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    import msgspec

    return msgspec.json.encode(value).decode()


def _content_part(item: Any) -> Part:
    if isinstance(item, str):
        return Text(item)
    if isinstance(item, Mapping):
        known = cast("Mapping[str, Any]", item)
        kind = known.get("type")
        if kind in ("text", "input_text") and isinstance(known.get("text"), str):
            return Text(cast("str", known["text"]))
        if kind == "image_url":
            image = known.get("image_url")
            if isinstance(image, Mapping):
                fields = cast("Mapping[str, Any]", image)
                return Media(url=cast("str | None", fields.get("url")), detail=cast("str | None", fields.get("detail")))
            return Media(url=str(image))
        return Other(Opaque("chat", dict(known)))
    raise ConfigError(f"a message's content holds {type(item).__name__}; a list holds text and dicts with a 'type'")


def _plain(content: Any) -> str:
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, (list, tuple)):
        return "".join(
            part.text for part in map(_content_part, cast("Iterable[Any]", content)) if isinstance(part, Text)
        )
    return str(content)


def call_dict(call: ToolCall) -> dict[str, Any]:
    """One tool call in 0.2's form (the legacy form is the value of `function_call`)."""
    function = {"arguments": call.arguments, "name": call.name}
    if call.legacy:
        return function
    extra = cast("dict[str, Any]", call.opaque.data) if call.opaque is not None else {}
    return {"id": call.id, "function": function, "type": "function", **extra}


def reply_to_wire(message: ModelMessage) -> str | dict[str, Any]:
    """A model's answer in 0.2's form: its text, or a dict when it calls tools or functions."""
    calls = message.calls
    if not calls:
        return message.text
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    reply: dict[str, Any] = {"content": "".join(texts) if texts else None, "role": "assistant"}
    tools = [call_dict(call) for call in calls if not call.legacy]
    if tools:
        reply["tool_calls"] = tools
    for call in calls:
        if call.legacy:
            reply["function_call"] = call_dict(call)
    return reply


def filled(content: Any, context: Mapping[str, Any] | None, fill: bool) -> Any:
    """Content with its template filled in: a callable is called with `context`, text is formatted where `fill` says."""
    if callable(content):
        return content(context or {})
    return content.format(**context) if fill and context and isinstance(content, str) else content


def text_of(content: Any) -> str:
    """Message content as text: pictures read `<image>`. Raises ConfigError for what is neither text nor parts."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ConfigError(f"content must be None, str or list of dict, got {type(content).__name__}")
    shown: list[str] = []
    for part in cast("list[Any]", content):
        if isinstance(part, str):
            shown.append(part)
        elif isinstance(part, Mapping) and cast("Mapping[str, Any]", part).get("type") == "text":
            shown.append(str(cast("Mapping[str, Any]", part).get("text", "")))
        else:
            shown.append("<image>")
    return "".join(shown)
