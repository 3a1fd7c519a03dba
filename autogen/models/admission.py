"""What a model call may cost at most, before it is made: for budgets that must hold.

Decides the worst case of one call and which clients have none that is known. Refuses to know budgets and runs.
"""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct

from autogen.core.errors import ConfigError
from autogen.core.model import Media, ModelMessage, ModelRequest, Other, Reasoning, Text, ToolCall, ToolResult
from autogen.models.entries import Entry

MARGIN = 1.5
"""An estimate of the prompt's tokens is taken this many times."""
MEDIA_TOKENS = 1600
LONGEST_ANSWER = 128_000
"""Tokens; no model answers at greater length."""


class CallCeiling(Struct, frozen=True):
    """The most that one call can use. None: not known."""

    tokens: int | None
    usd: float | None


class UnpricedModel(ConfigError):
    """A dollar budget was set for an agent whose model has no known price."""

    def __init__(self, agent: str, where: str, model: str) -> None:
        super().__init__(agent, where, model)
        self.agent, self.where, self.model = agent, where, model

    def __str__(self) -> str:
        return (
            f"agent {self.agent!r} has a budget in dollars, but the price of {self.where} is not known; add "
            '"price": [prompt_price_per_1k, completion_token_price_per_1k] to the entry, or bound the run by '
            "tokens or model_calls"
        )


def refuse_unpriced(agent: str, client: Any) -> None:
    """Raises `UnpricedModel` unless every entry of the client has a known price.

    Clients that count their own costs (registered classes, objects with a `create` of their own) are believed.
    """
    for entry in _entries(client):
        if not _is_priced(entry):
            raise UnpricedModel(agent, str(entry), entry.model)


def worst_case(client: Any, request: ModelRequest) -> CallCeiling:
    """The most that the request can use at any entry of the client: only one of them is paid.

    The prompt is estimated, with a margin; the answer is bounded by `max_tokens` or by what the model's window leaves.
    """
    sent = _prompt_tokens(request)
    tokens: int | None = 0
    usd: float | None = 0.0
    for entry in _entries(client):
        ceiling = _answer_tokens(entry, request, sent)
        cost = _cost(entry, sent, ceiling)
        tokens = None if tokens is None or ceiling is None else max(tokens, sent + ceiling)
        usd = None if usd is None or cost is None else max(usd, cost)
    return CallCeiling(tokens, usd)


def answer_limit(client: Any, request: ModelRequest, tokens: int | None, usd: float | None) -> int | None:
    """The longest answer, in tokens, whose worst case stays within `tokens` and `usd`; None when there is none.

    None as well where the program set a limit of its own: it is not ours to change.
    """
    sent = _prompt_tokens(request)
    longest = LONGEST_ANSWER if tokens is None else tokens - sent
    for entry in _entries(client):
        if _given_limit(entry, request) is not None:
            return None
        while usd is not None and longest > 0:
            cost = _cost(entry, sent, longest)
            if cost is None or cost <= usd:
                break
            longest = min(longest - 1, int(longest * 0.9))
    return longest if longest > 0 else None


def _entries(client: Any) -> Sequence[Entry]:
    return cast("Sequence[Entry]", getattr(client, "_entries", ()))


def _is_priced(entry: Entry) -> bool:
    from autogen.models.prices import worst_case_usd

    if entry.price is not None or entry.kind in ("custom", "scripted"):
        return True
    return worst_case_usd(1, 1, entry.model) is not None


def _answer_tokens(entry: Entry, request: ModelRequest, sent: int) -> int | None:
    given = _given_limit(entry, request)
    answers = {**request.settings, **entry.settings}.get("n")
    times = answers if isinstance(answers, int) and answers > 0 else 1
    if given is not None:
        return given * times
    from autogen.models.prices import window_of

    window = window_of(entry.model)
    return None if window is None else max(0, window - sent) * times


def _given_limit(entry: Entry, request: ModelRequest) -> int | None:
    settings = {**request.settings, **entry.settings}
    limits = [settings.get(key) for key in ("max_completion_tokens", "max_tokens")]
    given = [limit for limit in limits if isinstance(limit, int)]
    return max(given) if given else None


def _cost(entry: Entry, sent: int, ceiling: int | None) -> float | None:
    from autogen.models.prices import worst_case_usd

    if entry.kind in ("custom", "scripted"):
        return 0.0
    return None if ceiling is None else worst_case_usd(sent, ceiling, entry.model, entry.price)


def _prompt_tokens(request: ModelRequest) -> int:
    from autogen.models.tokens import PER_MESSAGE, PER_REPLY, estimate

    total = sum(PER_MESSAGE + _message_tokens(message) for message in request.messages)
    for tool in request.tools:
        total += 12 + estimate(f"{tool.name}{tool.description}{dict(tool.parameters)}")
    return round((total + PER_REPLY) * MARGIN)


def _message_tokens(message: ModelMessage) -> int:
    from autogen.models.tokens import estimate

    total = 0
    for part in message.parts:
        match part:
            case Text() | Reasoning():
                total += estimate(part.text)
            case ToolCall():
                total += 8 + estimate(part.name + part.arguments)
            case ToolResult():
                total += 8 + estimate(part.content)
            case Media() | Other():
                total += MEDIA_TOKENS
    return total
