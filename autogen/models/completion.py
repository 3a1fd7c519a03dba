"""Replies that read like the official SDK's `ChatCompletion`, and back.

Decides which attributes a 0.2 program finds on a response (`.choices[0].message.content`, `.usage.prompt_tokens`,
`.cost`, `.model_dump()`), and how any object or dict of that shape, a custom client's included, becomes a
`ModelReply`. Refuses to import `openai` and to know endpoints.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, cast

from msgspec import Struct

from autogen.core.errors import ConfigError
from autogen.core.model import Finish, ModelMessage, ModelReply, Other, Reasoning, Text, Usage
from autogen.core.wire import call_dict, read

Retrieval: TypeAlias = Callable[[Any], "list[Any]"]

_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tools",
    "function_call": "tools",
    "content_filter": "filter",
}
_RAW = {"tools": "tool_calls", "filter": "content_filter", "refusal": "stop", "pause": "stop", "error": "stop"}


class Shown(Struct, dict=True, kw_only=True):
    """Base of the values below: attributes, `==`, `repr`, and the dumping methods of a pydantic model."""

    def model_dump(
        self,
        *,
        mode: str = "python",
        include: Iterable[str] | None = None,
        exclude: Iterable[str] | None = None,
        exclude_none: bool = False,
        exclude_unset: bool = False,
        exclude_defaults: bool = False,
    ) -> dict[str, Any]:
        """The value as a dict of plain dicts and lists; methods are left out. `mode` makes no difference."""
        skip_none = exclude_none or exclude_unset or exclude_defaults
        wanted = None if include is None else set(include)
        unwanted = set(exclude or ())
        return {
            key: _dumped(value, skip_none)
            for key, value in self._items()
            if not callable(value)
            and (wanted is None or key in wanted)
            and key not in unwanted
            and not (skip_none and value is None)
        }

    def model_dump_json(self, *, indent: int | None = None, exclude_none: bool = False) -> str:
        """The value as JSON text."""
        import json

        return json.dumps(self.model_dump(exclude_none=exclude_none), indent=indent, ensure_ascii=False)

    def to_dict(self) -> dict[str, Any]:
        """The SDK's name for a dump without what was not sent."""
        return self.model_dump(exclude_none=True)

    def dict(self) -> "dict[str, Any]":
        """The old name of `model_dump`."""
        return self.model_dump()

    def json(self) -> str:
        """The old name of `model_dump_json`."""
        return self.model_dump_json()

    def _items(self) -> "list[tuple[str, Any]]":
        fields = [(name, getattr(self, name)) for name in self.__struct_fields__]
        return fields + list(self.__dict__.items())


class Function(Shown, kw_only=True):
    arguments: str
    name: str


class FunctionCall(Shown, kw_only=True):
    arguments: str
    name: str


class ChatCompletionMessageToolCall(Shown, kw_only=True):
    id: str
    function: Function
    type: str = "function"


class ChatCompletionMessage(Shown, kw_only=True):
    content: str | None = None
    refusal: str | None = None
    role: str = "assistant"
    function_call: FunctionCall | None = None
    tool_calls: list[ChatCompletionMessageToolCall] | None = None


class Choice(Shown, kw_only=True):
    finish_reason: str | None = "stop"
    index: int = 0
    logprobs: Any = None
    message: ChatCompletionMessage


class CompletionUsage(Shown, kw_only=True):
    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    completion_tokens_details: dict[str, Any] | None = None
    prompt_tokens_details: dict[str, Any] | None = None


class ChatCompletion(Shown, kw_only=True):
    """A model's answer as `OpenAIWrapper.create` returns it."""

    id: str = ""
    choices: list[Choice]
    created: int = 0
    model: str = ""
    object: str = "chat.completion"
    service_tier: str | None = None
    system_fingerprint: str | None = None
    usage: CompletionUsage | None = None
    cost: float = 0
    """US dollars; 0 also when the price is not known, as in 0.2 (`ModelReply.cost` is None then)."""
    message_retrieval_function: Retrieval | None = None
    config_id: int = 0
    """Which entry of the config list answered."""
    pass_filter: bool = True
    cached: bool = False
    """Answered from the cache. Not in 0.2."""


def texts_or_messages(response: Any) -> list[Any]:
    """Of each choice its text, or its message when that calls tools or a function."""
    out: list[Any] = []
    for choice in response.choices:
        message = choice.message
        calls = getattr(message, "tool_calls", None) is not None or getattr(message, "function_call", None) is not None
        out.append(message if calls else message.content)
    return out


def to_completion(
    reply: ModelReply, *, passed: bool = True, retrieval: Retrieval = texts_or_messages
) -> ChatCompletion:
    """The reply in the shape that 0.2 programs read."""
    messages = reply.choices or (reply.message,)
    raw = reply.finishes or (reply.raw_finish or _RAW.get(reply.finish, reply.finish),)
    usage = reply.usage
    details = {"cached_tokens": usage.cache_read} if usage.cache_read else None
    completion = ChatCompletion(
        id=reply.id,
        choices=[
            Choice(finish_reason=raw[index] if index < len(raw) else raw[-1], index=index, message=_shown(message))
            for index, message in enumerate(messages)
        ],
        created=reply.created,
        model=reply.model,
        usage=CompletionUsage(
            completion_tokens=usage.output,
            prompt_tokens=usage.input,
            total_tokens=usage.total,
            completion_tokens_details={"reasoning_tokens": usage.reasoning} if usage.reasoning else None,
            prompt_tokens_details=details,
        ),
        cost=reply.cost or 0,
        message_retrieval_function=retrieval,
        config_id=reply.config_id,
        pass_filter=passed,
        cached=reply.cached,
    )
    for key, value in (reply.extra or {}).items():
        if key.isidentifier() and (key not in ChatCompletion.__struct_fields__ or getattr(completion, key) is None):
            setattr(completion, key, value)
    return completion


def _shown(message: ModelMessage) -> ChatCompletionMessage:
    texts = [part.text for part in message.parts if isinstance(part, Text)]
    shown = ChatCompletionMessage(content="".join(texts) if texts else None, role=message.role)
    for call in message.calls:
        fields = call_dict(call)
        if call.legacy:
            shown.function_call = FunctionCall(arguments=call.arguments, name=call.name)
            continue
        tool_call = ChatCompletionMessageToolCall(
            id=call.id, function=Function(arguments=call.arguments, name=call.name)
        )
        for key in fields.keys() - {"id", "type", "function"}:
            setattr(tool_call, key, fields[key])
        shown.tool_calls = [*(shown.tool_calls or []), tool_call]
    reasoning = "".join(part.text for part in message.parts if isinstance(part, Reasoning))
    if reasoning:
        setattr(shown, "reasoning_content", reasoning)  # noqa: B010 - an attribute that only some replies have
    if not texts and message.role == "assistant" and not message.calls and not _has_other(message):
        shown.content = ""
    for key, value in (message.extra or {}).items():
        if key.isidentifier() and getattr(shown, key, None) is None:
            setattr(shown, key, value)
    return shown


def _has_other(message: ModelMessage) -> bool:
    return any(isinstance(part, (Other, Reasoning)) for part in message.parts)


def _dumped(value: Any, skip_none: bool) -> Any:
    if isinstance(value, Shown):
        return value.model_dump(exclude_none=skip_none)
    if isinstance(value, list):
        return [_dumped(item, skip_none) for item in cast("Iterable[Any]", value)]
    return value


# ---- from any object of that shape ----------------------------------------------------------------------------------


def from_response(response: Any, answers: Iterable[Any], usage: Mapping[str, Any], model: str) -> ModelReply:
    """A `ModelReply` of whatever a client returned.

    answers: per choice a text, or a message (object or dict) that may call tools; usage: 0.2's usage dict, empty when
    the client counts nothing. Raises ConfigError when there is no answer at all.
    """
    messages = tuple(_message_of(answer) for answer in answers)
    if not messages:
        raise ConfigError(f"the model client for {model!r} returned a response without any answer")
    choices = cast("Iterable[Any]", _get(response, "choices") or ())
    finishes = tuple(cast("str | None", _get(choice, "finish_reason")) for choice in choices)
    raw = finishes[0] if finishes else None
    prompt, completion = _count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens"))
    cost = usage.get("cost", _get(response, "cost"))
    return ModelReply(
        message=messages[0],
        finish=_FINISH.get(raw or "", "tools" if messages[0].calls else "stop"),
        raw_finish=raw,
        usage=Usage(input=prompt, output=completion, requests=1),
        model=str(usage.get("model") or _get(response, "model") or model),
        id=str(_get(response, "id") or ""),
        created=_count(_get(response, "created")),
        choices=messages if len(messages) > 1 else (),
        finishes=finishes if len(messages) > 1 else (),
        cost=float(cost) if isinstance(cost, (int, float)) else None,
    )


def usage_of(response: Any) -> dict[str, Any]:
    """0.2's usage dict of a response in the SDK's shape; empty when it carries none."""
    usage = _get(response, "usage")
    if usage is None:
        return {}
    prompt, completion = _count(_get(usage, "prompt_tokens")), _count(_get(usage, "completion_tokens"))
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": _count(_get(usage, "total_tokens")) or prompt + completion,
        "model": _get(response, "model"),
    }


def plain(value: Any) -> Any:
    """An SDK object, or any object of its shape, as plain dicts and lists."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Iterable[Any]", value)]
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump()
    names = ("content", "role", "name", "function_call", "tool_calls", "id", "type", "function", "arguments")
    return {name: plain(getattr(value, name)) for name in names if getattr(value, name, None) is not None}


def _message_of(answer: Any) -> ModelMessage:
    if isinstance(answer, str):
        return ModelMessage("assistant", (Text(answer),))
    if answer is None:
        return ModelMessage("assistant", ())
    fields = plain(answer)
    if not isinstance(fields, dict):
        raise ConfigError(
            f"a model client returned an answer of type {type(answer).__name__}; text or a message is needed"
        )
    known = cast("dict[str, Any]", fields)
    return next(read({**known, "role": "assistant"}))


def _get(value: Any, name: str) -> Any:
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(name)
    return getattr(value, name, None)


def _count(value: Any) -> int:
    return int(value) if isinstance(value, (int, float)) and value >= 0 else 0
