"""What a model call may use at most, before it is made: for budgets that must hold.

Decides the worst case of one call, the longest answer that a budget still allows, and which clients have no price that
is known. Refuses to know budgets and runs.
"""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import Struct
from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.core.model import (
    Media,
    ModelMessage,
    ModelReply,
    ModelRequest,
    Other,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from autogen.models.entries import Entry

MARGIN = 1.5
"""An estimate of the prompt's tokens is taken this many times."""
LONGEST_ANSWER = 128_000
"""Tokens; no model answers at greater length."""
LONGEST_BY_MODEL = (
    ("chatgpt-4o", 16_384), ("gpt-3.5", 16_384), ("gpt-35", 16_384), ("gpt-4-32k", 32_768), ("gpt-4-", 8_192),
    ("gpt-4.1", 32_768), ("gpt-4.5", 16_384), ("gpt-4o", 16_384),
)  # fmt: skip
"""The longest answer that a provider allows, by what a model's name begins with. Others may take their window."""


class CallCeiling(Struct, frozen=True):
    """The most that one call can use. None: not known."""

    tokens: int | None
    usd: float | None


class _At(Struct, frozen=True):
    """A call at one entry. In tokens."""

    entry: Entry | None
    sent: int
    given: int | None
    """The answer's limit that the program set."""
    longest: int | None
    """Where it set none: the model's own."""
    times: int
    """Answers asked for."""

    def answer(self, cap: int | None) -> int | None:
        if self.given is not None:
            return self.given * self.times
        limits = [limit for limit in (cap, self.longest) if limit is not None]
        return min(limits) * self.times if limits else None

    def usd(self, cap: int | None) -> float | None:
        entry, answer = self.entry, self.answer(cap)
        if entry is None:
            return None
        if entry.kind == "scripted" and entry.price is None:
            return 0.0
        from autogen.models.prices import worst_case_usd

        return None if answer is None else worst_case_usd(self.sent, answer, entry.model, entry.price)


class CallSize(Struct, frozen=True):
    """How large one call can get, at each entry that may answer it: only one of them is paid."""

    at: tuple[_At, ...]

    def ceiling(self, cap: int | None = None) -> CallCeiling:
        """The most that the call can use, if answers without a limit of the program's are cut at `cap` tokens."""
        tokens: int | None = 0
        usd: float | None = 0.0
        for one in self.at:
            answer, cost = one.answer(cap), one.usd(cap)
            tokens = None if tokens is None or answer is None else max(tokens, one.sent + answer)
            usd = None if usd is None or cost is None else max(usd, cost)
        return CallCeiling(tokens, usd)

    def fits(self, tokens: int | None, usd: float | None, cap: int | None = None) -> bool:
        """Is the worst case known and within `tokens` and `usd`? None: no such limit."""
        most = self.ceiling(cap)
        return (tokens is None or (most.tokens is not None and most.tokens <= tokens)) and (
            usd is None or (most.usd is not None and most.usd <= usd)
        )

    def longest(self, tokens: int | None, usd: float | None) -> int:
        """The longest answer, in tokens, with which the call fits; 0 when there is none.

        0 as well where the program set a limit that does not fit: it is not ours to change.
        """
        free = [one for one in self.at if one.given is None]
        longest = LONGEST_ANSWER
        for one in free:
            if tokens is not None:
                longest = min(longest, (tokens - one.sent) // one.times)
            if one.longest is not None:
                longest = min(longest, max(one.longest, 1))
        if not free or longest <= 0:
            return 0
        if usd is None or self.fits(tokens, usd, longest):
            return longest if self.fits(tokens, usd, longest) else 0
        low, high = 0, longest - 1  # a longer answer never costs less
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.fits(tokens, usd, middle) else (low, middle - 1)
        return low


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

    Raises ConfigError unless it is known how long its answers may be, too.
    A client of the program's own needs both: what it will say a call has cost is known only afterwards.
    """
    entries = _entries(client)
    if entries is None:
        raise UnpricedModel(agent, f"a client of its own ({type(client).__name__})", "")
    for entry in entries:
        if not _is_priced(entry):
            raise UnpricedModel(agent, str(entry), entry.model)
        if entry.kind != "scripted" and _limit_in(entry.settings) is None and _longest(entry.model, 0) is None:
            raise ConfigError(
                f"agent {agent!r} has a budget in dollars, but how long an answer of {entry} may be is not known: "
                "set max_tokens in its llm_config"
            )


def size_of(client: Any, request: ModelRequest) -> CallSize:
    """How large a call can get at the entries of the client.

    The prompt is estimated, with a margin; the answer is bounded by `max_tokens`, or by the model and its window.
    """
    entries = _entries(client)
    if entries is None:
        return CallSize((_At(None, _with_margin(request, ""), _limit_in(request.settings), None, 1),))
    at: list[_At] = []
    known: dict[str, int] = {}
    for entry in entries:
        sent = known.get(entry.model)
        if sent is None:
            sent = known[entry.model] = _with_margin(request, entry.model)
        settings = {**request.settings, **entry.settings}
        n = settings.get("n")
        at.append(
            _At(entry, sent, _limit_in(settings), _longest(entry.model, sent), n if isinstance(n, int) and n > 0 else 1)
        )
    return CallSize(tuple(at))


def worst_case(client: Any, request: ModelRequest) -> CallCeiling:
    """The most that the request can use at any entry of the client."""
    return size_of(client, request).ceiling()


def takes_limits(client: Any) -> bool:
    """Can the client be told how long an answer may be? An object with a mere `create` gets no arguments of ours."""
    return _entries(client) is not None


def counted(client: Any, request: ModelRequest, reply: ModelReply) -> ModelReply:
    """The reply with its usage: an estimate, marked as one, where a client of the program's own counts nothing."""
    entries = _entries(client)
    scripted = entries is not None and all(entry.kind == "scripted" for entry in entries)
    if reply.usage.total or reply.cached or scripted:
        return reply
    answers = reply.choices or (reply.message,)
    output = sum(_message_tokens(message, reply.model) for message in answers)
    usage = Usage(input=prompt_tokens(request, reply.model), output=output, requests=1, estimated=True)
    return replace(reply, usage=usage)


def prompt_tokens(request: ModelRequest, model: str = "") -> int:
    """About how many tokens the request has."""
    from autogen.models.tokens import PER_MESSAGE, PER_REPLY, estimate

    total = sum(PER_MESSAGE + _message_tokens(message, model) for message in request.messages)
    for tool in request.tools:
        total += 12 + estimate(f"{tool.name}{tool.description}{dict(tool.parameters)}")
    return total + PER_REPLY


def _with_margin(request: ModelRequest, model: str) -> int:
    return round(prompt_tokens(request, model) * MARGIN)


def _entries(client: Any) -> Sequence[Entry] | None:
    """None: the client is an object of the program's own, of which nothing is known."""
    return cast("Sequence[Entry] | None", getattr(client, "_entries", None))


def _is_priced(entry: Entry) -> bool:
    from autogen.models.prices import worst_case_usd

    return entry.price is not None or entry.kind == "scripted" or worst_case_usd(1, 1, entry.model) is not None


def _longest(model: str, sent: int) -> int | None:
    from autogen.models.prices import window_of

    window = window_of(model)
    if window is None:
        return None
    name = model.lower().rpartition("/")[2]
    allowed = next((limit for beginning, limit in LONGEST_BY_MODEL if name.startswith(beginning)), window)
    return max(0, min(allowed, window - sent))


def _limit_in(settings: Any) -> int | None:
    limits = [settings.get(key) for key in ("max_completion_tokens", "max_tokens")]
    given = [limit for limit in limits if isinstance(limit, int)]
    return max(given) if given else None


def _message_tokens(message: ModelMessage, model: str) -> int:
    from autogen.models.pictures import FLAT, picture_tokens
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
            case Media():
                total += picture_tokens(part.url, part.detail, model)
            case Other():
                total += FLAT
    return total
