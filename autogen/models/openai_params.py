"""Parameters of `OpenAIWrapper.create` as 0.2 programs write them, read into a request.

Decides what tools and messages written as dicts mean. Refuses to know entries and endpoints.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.core.model import Json, ModelMessage, ToolSpec
from autogen.core.wire import read

_MODELLED = frozenset({
    "content", "context", "function_call", "name", "reasoning_content", "role", "tool_call_id", "tool_calls",
    "tool_responses",
})  # fmt: skip


def tool_specs(tools: Any, functions: Any) -> tuple[ToolSpec, ...]:
    """Declarations from `tools` and `functions` lists, sent as the program wrote them. Raises ConfigError."""
    specs: list[ToolSpec] = []
    for declared, legacy in ((tools, False), (functions, True)):
        if not declared:
            continue
        if not isinstance(declared, (list, tuple)):
            raise ConfigError(f"{'functions' if legacy else 'tools'} must be a list of dicts, got {declared!r}")
        specs.extend(_spec(item, legacy) for item in cast("Sequence[Any]", declared))
    return tuple(specs)


def _spec(item: Any, legacy: bool) -> ToolSpec:
    if not isinstance(item, Mapping):
        raise ConfigError(f"a tool is declared by {type(item).__name__}; it must be a dict")
    declared = cast("Mapping[str, Any]", item)
    function = declared if legacy else declared.get("function")
    known = cast("Mapping[str, Any]", function if isinstance(function, Mapping) else {})
    return ToolSpec(
        name=str(known.get("name") or declared.get("type") or ""),
        description=str(known.get("description") or ""),
        parameters=cast("Mapping[str, Json]", known.get("parameters") or {}),
        legacy=legacy,
        strict=known.get("strict"),
        raw=dict(declared),
    )


def instantiate(
    template: str | Callable[[Mapping[str, Any]], str] | None,
    context: Mapping[str, Any] | None = None,
    allow_format_str_template: bool | None = False,
) -> Any:
    """0.2's templates: a callable gets the context; a text is formatted with it when that is allowed."""
    if not context or template is None:
        return template
    if isinstance(template, str):
        return _formatted(template, context) if allow_format_str_template else template
    return template(context)


def _formatted(template: str, context: Mapping[str, Any]) -> str:
    from string import Formatter

    class NoPrivate(Formatter):
        """`str.format`, but `{x.__class__}` and the like are refused: a template may hold text of a model."""

        def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
            if "._" in field_name or "[_" in field_name:
                raise ConfigError(f"a message template asks for the private field {field_name!r}")
            return super().get_field(field_name, args, kwargs)

    return NoPrivate().vformat(template, (), context)


def instantiated(
    messages: Sequence[Mapping[str, Any]], context: Mapping[str, Any] | None, allow_format: bool
) -> list[dict[str, Any]]:
    """The messages with their contents instantiated."""
    made: list[dict[str, Any]] = []
    for message in messages:
        fields = dict(message)
        content = fields.get("content")
        if context and (isinstance(content, str) or callable(content)):
            fields["content"] = instantiate(cast("Any", content), context, allow_format)
        made.append(fields)
    return made


def read_messages(messages: Sequence[Mapping[str, Any]]) -> tuple[ModelMessage, ...]:
    """The request form of messages given to `create`; fields that we do not model are sent as they are."""
    out: list[ModelMessage] = []
    for message in messages:
        read_ones = list(read(message))
        extra = {key: value for key, value in message.items() if key not in _MODELLED}
        if extra and len(read_ones) == 1:
            read_ones = [replace(read_ones[0], extra=extra)]
        out.extend(read_ones)
    return tuple(out)
