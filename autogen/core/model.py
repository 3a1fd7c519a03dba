"""What is asked of a model and what it answers, free of any provider's dialect.

Decides the shape of parts, messages, requests, replies and usage. Refuses to know about wire formats (the
adapters in `models/` encode and decode), prices and endpoints. Change together: the adapters, `core/wire.py`.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field
from msgspec.structs import force_setattr

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, list or dict of these."""

Origin: TypeAlias = Literal["program", "human", "model", "tool", "code", "retrieved", "quoted", "carried"]
"""Where a piece of content comes from; decides which code may run (DESIGN section 8). "carried": the program's or a
person's own words, and quoted ones behind `core.transcript.CARRIED`."""

Role: TypeAlias = Literal["system", "developer", "user", "assistant", "tool", "function"]

Finish: TypeAlias = Literal["stop", "length", "tools", "filter", "refusal", "pause", "error"]


class Opaque(Struct, frozen=True):
    """Provider data that must go back byte for byte, and only to the family that made it."""

    provider: str
    data: Json


class Text(Struct, frozen=True, tag="text", gc=False):
    text: str
    opaque: Opaque | None = None


class Media(Struct, frozen=True, tag="media"):
    """A picture, sound or file: a URL (data: URLs included) or a provider's file id."""

    url: str | None = None
    mime: str | None = None
    file_id: str | None = None
    detail: str | None = None


class ToolCall(Struct, frozen=True, tag="call", gc=False):
    """One call that a model asks for. `arguments` is the JSON text as received, parsed only when called."""

    id: str
    name: str
    arguments: str
    legacy: bool = False
    """The old `function_call` form: no id on the wire."""
    opaque: Opaque | None = None


class ToolResult(Struct, frozen=True, tag="result", gc=False):
    """The answer to one call, by its id (by name in the legacy form)."""

    id: str
    name: str
    content: str
    is_error: bool = False
    legacy: bool = False


class Reasoning(Struct, frozen=True, tag="reason"):
    text: str
    opaque: Opaque | None = None


class Other(Struct, frozen=True, tag="other"):
    """Content of a kind we do not model (audio, server tools, citations): kept, never dropped."""

    opaque: Opaque


Part: TypeAlias = Text | Media | ToolCall | ToolResult | Reasoning | Other


class ModelMessage(Struct, frozen=True, eq=False, gc=False):
    """One message of a request or reply: a role and its parts. Compared by identity.

    It can be in no cycle, so the collector need not look at it: with a thousand chats at once that takes its time.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extra: Mapping[str, Json] | None = None
    """Wire fields that we do not model, sent as they are."""
    encoded: dict[str, Any] | None = None
    """What the adapters and the cache made of it once, by dialect; no part of the value. See `memo`."""

    def memo(self) -> dict[str, Any]:
        """The dict of `encoded`, made when it is first wanted: most messages never need one."""
        known = self.encoded
        if known is None:
            known = {}
            force_setattr(self, "encoded", known)
        return known

    @property
    def text(self) -> str:
        """All text parts joined."""
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is Text:
            return parts[0].text
        return "".join([part.text for part in parts if isinstance(part, Text)])

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        parts = self.parts
        if len(parts) == 1 and type(parts[0]) is Text:
            return ()
        return tuple([part for part in parts if isinstance(part, ToolCall)])


class ToolSpec(Struct, frozen=True):
    """A tool as the model is told of it: `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: Mapping[str, Json]
    legacy: bool = False
    """Declared in the old `functions` form."""
    strict: bool | None = None
    raw: Mapping[str, Json] | None = None
    """The program's own declaration, sent byte for byte when it gave one."""


class ModelRequest(Struct, frozen=True, eq=False):
    """One request, before an endpoint is chosen.

    settings: 0.2's call-time parameters by wire name (temperature, max_tokens, response_format, tool_choice, n,
        stream, ...); entries of a config list are merged below them by the client.
    """

    messages: tuple[ModelMessage, ...]
    tools: tuple[ToolSpec, ...] = ()
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])


class Usage(Struct, frozen=True, kw_only=True, gc=False):
    """Tokens of one or more calls. `input` includes cached tokens, `output` includes reasoning tokens."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    requests: int = 0
    estimated: bool = False
    """True when the provider sent no usage and the numbers were estimated."""

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            input=self.input + other.input,
            output=self.output + other.output,
            cache_read=self.cache_read + other.cache_read,
            cache_write=self.cache_write + other.cache_write,
            reasoning=self.reasoning + other.reasoning,
            requests=self.requests + other.requests,
            estimated=self.estimated or other.estimated,
        )

    @property
    def total(self) -> int:
        return self.input + self.output


class ModelReply(Struct, frozen=True, kw_only=True, eq=False, gc=False):
    """What a model answered."""

    message: ModelMessage
    finish: Finish
    raw_finish: str | None = None
    usage: Usage = Usage()
    model: str = ""
    id: str = ""
    created: int = 0
    choices: tuple[ModelMessage, ...] = ()
    """All answers when n > 1; `message` is the first."""
    finishes: tuple[str | None, ...] = ()
    """The raw finish reason of each of `choices`."""
    cost: float | None = None
    """US dollars; None when the price is not known, never 0 for unknown."""
    config_id: int = 0
    """Which entry of the config list answered."""
    cached: bool = False
    """Answered from the cache: no request was made."""
    extra: Mapping[str, Json] | None = None
    """Top-level fields of the provider's answer that we do not model."""
