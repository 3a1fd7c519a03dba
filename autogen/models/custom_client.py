"""Model clients that the program brings: 0.2's `ModelClient` protocol, and ready SDK clients.

Decides how such a client is called and how its answer is read. Refuses to import any SDK: everything is duck-typed.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, cast

from autogen.core.errors import ConfigError
from autogen.core.model import Json, ModelMessage, ModelReply, ToolSpec
from autogen.drivers.performer import CallProgram
from autogen.models.completion import from_response, texts_or_messages, usage_of
from autogen.models.entries import Entry


class ModelClient(Protocol):
    """What a class named by `model_client_cls` provides; it is made by `cls(config, **kwargs)`.

    `create` may be a coroutine function. Usage keys: see `RESPONSE_USAGE_KEYS`.
    """

    RESPONSE_USAGE_KEYS: list[str] = ["prompt_tokens", "completion_tokens", "total_tokens", "cost", "model"]

    class ModelClientResponseProtocol(Protocol):
        class Choice(Protocol):
            class Message(Protocol):
                content: str | None

            message: Message

        choices: list[Choice]
        model: str

    def create(self, params: dict[str, Any]) -> ModelClientResponseProtocol:
        """Answer the request: `params` holds messages, model and everything else of the config list entry."""
        ...

    def message_retrieval(
        self, response: ModelClientResponseProtocol
    ) -> list[str] | list[ModelClientResponseProtocol.Choice.Message]:
        """Of each choice its text, or its message when that calls tools or a function."""
        ...

    def cost(self, response: ModelClientResponseProtocol) -> float:
        """US dollars."""
        ...

    @staticmethod
    def get_usage(response: ModelClientResponseProtocol) -> dict[str, Any]:
        """The usage, with the keys above; {} when nothing is counted."""
        ...


class PlaceHolderClient:
    """Stands in `OpenAIWrapper._clients` for a custom client that is not registered yet."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config


class OpenAIClient:
    """Stands in `OpenAIWrapper._clients` for an entry that this library calls itself; reads responses as 0.2 did."""

    RESPONSE_USAGE_KEYS = ModelClient.RESPONSE_USAGE_KEYS

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def __repr__(self) -> str:
        return f"OpenAIClient({self.entry.model!r} at {self.entry.host!r})"

    def message_retrieval(self, response: Any) -> list[Any]:
        """Of each choice its text, or its message when that calls tools or a function."""
        return texts_or_messages(response)

    def cost(self, response: Any) -> float:
        """US dollars; 0 when the price is not known."""
        from autogen.core.model import Usage
        from autogen.models.prices import cost_usd

        usage = usage_of(response)
        counted = Usage(input=usage.get("prompt_tokens", 0), output=usage.get("completion_tokens", 0))
        return cost_usd(str(getattr(response, "model", "") or self.entry.model), counted, self.entry.price) or 0

    @staticmethod
    def get_usage(response: Any) -> dict[str, Any]:
        """The usage with the keys of `RESPONSE_USAGE_KEYS`."""
        known = usage_of(response)
        return {
            "prompt_tokens": known.get("prompt_tokens", 0),
            "completion_tokens": known.get("completion_tokens", 0),
            "total_tokens": known.get("total_tokens", 0),
            "cost": getattr(response, "cost", 0),
            "model": getattr(response, "model", ""),
        }


async def ask_custom(entry: Entry, params: dict[str, Json]) -> tuple[ModelReply, Any, bool]:
    """(reply, the client's own response, whether it counts usage) of a registered `ModelClient`.

    Awaits only `CallProgram`. What the client raises is raised.
    """
    client = entry.client
    response = await CallProgram(client.create, (params,))
    answers = cast("Iterable[Any]", await CallProgram(client.message_retrieval, (response,)))
    cost = (await CallProgram(client.cost, (response,))) if entry.price is None else _priced(response, entry.price)
    if isinstance(cost, (int, float)):
        _set(response, "cost", cost)
    usage = cast("dict[str, Any] | None", await CallProgram(client.get_usage, (response,))) or {}
    reply = from_response(response, answers, usage, entry.model)
    return reply, response, bool(usage)


def _priced(response: Any, price_per_1k: tuple[float, float]) -> float:
    usage = usage_of(response)
    prompt, completion = float(usage.get("prompt_tokens", 0)), float(usage.get("completion_tokens", 0))
    return (prompt * price_per_1k[0] + completion * price_per_1k[1]) / 1000


async def ask_sdk_client(entry: Entry, params: dict[str, Json]) -> tuple[ModelReply, Any, bool]:
    """The same of a ready client that has `.chat.completions.create`, sync or async, as the official SDK has."""
    create = getattr(getattr(getattr(entry.client, "chat", None), "completions", None), "create", None)
    if create is None:
        raise ConfigError(
            f"{entry} has a client of type {type(entry.client).__name__}, which has no chat.completions.create; "
            "give an OpenAI-like client, or register a custom model client (model_client_cls)"
        )
    response = await CallProgram(create, (), {key: value for key, value in params.items() if key != "stream"})
    return from_response(response, texts_or_messages(response), usage_of(response), entry.model), None, True


def chat_params(
    messages: tuple[ModelMessage, ...], tools: tuple[ToolSpec, ...], settings: Mapping[str, Json], model: str
) -> dict[str, Json]:
    """The request as keyword arguments of Chat Completions, for clients that take these."""
    import msgspec

    from autogen.models.chat_messages import encode_messages
    from autogen.models.chat_settings import tool_json
    from autogen.models.profiles import OPENAI

    params: dict[str, Json] = {"messages": [msgspec.json.decode(raw) for raw in encode_messages(messages, OPENAI)]}
    for key, legacy in (("tools", False), ("functions", True)):
        declared = [msgspec.json.decode(tool_json(tool)) for tool in tools if tool.legacy is legacy]
        if declared:
            params[key] = declared
    params.update((key, value) for key, value in settings.items() if key not in ("messages", "prompt"))
    if model:
        params["model"] = model
    return params


def _set(response: Any, name: str, value: Any) -> None:
    if isinstance(response, dict):
        response[name] = value
        return
    try:
        setattr(response, name, value)
    except (AttributeError, TypeError):
        return  # a frozen response keeps its own view; the reply has the value


def mark_response(response: Any, marks: Mapping[str, Any]) -> None:
    """Set 0.2's attributes (cost, config_id, pass_filter, message_retrieval_function) on a client's own response."""
    for name, value in marks.items():
        _set(response, name, value)


def is_api_error(error: BaseException) -> bool:
    """True for the API errors of vendors' SDKs (a class `APIError` among its bases): the next entry's turn."""
    return any(base.__name__ == "APIError" for base in type(error).__mro__)
