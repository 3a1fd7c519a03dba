"""What tokens cost and how large windows are, from a dated table in the package.

Decides which line of the table a model's name means. Refuses to guess: a name that resembles a known one only by its
beginning has no price, unless the rest is a date or version. Prices are US dollars; None means not known, never 0.
The table (`data/prices.json`) is written by `scripts/update_prices`; nothing is fetched at run time.
"""

import re
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from autogen.core.model import Usage

FORMAT = 1
PREFERRED = (
    "openai", "anthropic", "google", "mistral", "deepseek", "x-ai", "cohere", "moonshotai", "zai", "minimax",
    "perplexity", "groq", "together", "fireworks", "cerebras", "azure", "aws", "openrouter",
)  # fmt: skip
"""Whose line counts when several providers sell a model under one name."""
ALSO_CALLED = {
    "bedrock": "aws", "fireworks_ai": "fireworks", "gemini": "google", "together_ai": "together", "vertex_ai": "google",
    "xai": "x-ai",
}  # fmt: skip
"""Other names of sellers before the slash of a model's name."""
_VERSION_END = re.compile(r"[-@:]?(\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|\d{3}|\d{2}-\d{4}|\d{2}-\d{2}|latest|v\d+(:\d+)?)$")


class Price(Struct, frozen=True, array_like=True):
    """One line of the table. US dollars per million tokens."""

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    window: int | None = None
    """Tokens that fit, prompt and answer together."""
    tier_start: int | None = None
    """Prompts longer than this cost the tier's prices, all their tokens."""
    tier_input: float | None = None
    tier_output: float | None = None


class _Table(Struct, frozen=True):
    format: int
    date: str
    source: str
    models: dict[str, dict[str, Price]]


class _Provider(Struct, frozen=True):
    exact: dict[str, Price]
    beginnings: list[tuple[str, Price]]
    """Longest first."""


class _Index(Struct, frozen=True):
    date: str
    source: str
    providers: dict[str, _Provider]
    """In the order of `PREFERRED`."""


@cache
def _index() -> _Index:
    from pathlib import Path

    table = msgspec.json.decode((Path(__file__).parent / "data" / "prices.json").read_bytes(), type=_Table)
    if table.format != FORMAT:
        raise ValueError(f"the price table has the format {table.format}; this version reads {FORMAT}")
    providers: dict[str, _Provider] = {}
    for provider in PREFERRED:
        lines = table.models.get(provider, {})
        beginnings = [(name[:-1], price) for name, price in lines.items() if name.endswith("*")]
        exact = {name: price for name, price in lines.items() if not name.endswith("*")}
        providers[provider] = _Provider(exact, sorted(beginnings, key=lambda item: -len(item[0])))
    return _Index(table.date, table.source, providers)


def table_date() -> str:
    """The day the price table was made, as YYYY-MM-DD."""
    return _index().date


@cache
def price_of(model: str) -> Price | None:
    """The line of a model: by its exact name, then without a provider's prefix, then without a date or version."""
    name = model.strip().lower().replace("gpt-35", "gpt-3.5")
    providers = _index().providers
    seller, slash, rest = name.partition("/")
    own = providers.get(ALSO_CALLED.get(seller, seller)) if slash else None
    if own is not None:
        found = _by_name(rest, own)
        if found is not None:
            return found
    while name:
        for provider in providers.values():
            found = _by_name(name, provider)
            if found is not None:
                return found
        name = name.partition("/")[2]
    return None


def _by_name(name: str, provider: _Provider) -> Price | None:
    found = provider.exact.get(name)
    if found is not None:
        return found
    for beginning, price in provider.beginnings:
        if name.startswith(beginning):
            return price
    shorter = name
    for _ in range(3):
        end = _VERSION_END.search(shorter)
        if end is None:
            return None
        shorter = shorter[: end.start()]
        found = provider.exact.get(shorter)
        if found is not None:
            return found
    return None


def window_of(model: str) -> int | None:
    """Tokens that fit into one request and its answer, or None."""
    found = price_of(model)
    return found.window if found is not None else None


def cost_usd(model: str, usage: Usage, price_per_1k: tuple[float, float] | None = None) -> float | None:
    """US dollars of a call, or None when the price is not known.

    price_per_1k: [prompt, completion] per 1000 tokens of the config list entry; wins over the table.
    """
    if price_per_1k is not None:
        return (usage.input * price_per_1k[0] + usage.output * price_per_1k[1]) / 1000
    changed = _changed_price(model)
    if changed is not None:
        return (usage.input * changed[0] + usage.output * changed[1]) / 1000
    price = price_of(model)
    if price is None or price.input is None:
        return None
    per_input, per_output = price.input, price.output or 0.0
    scale = 1.0
    if price.tier_start is not None and usage.input > price.tier_start:
        scale = (price.tier_input or per_input) / per_input if per_input else 1.0
        per_input, per_output = price.tier_input or per_input, price.tier_output or per_output
    read = price.cache_read * scale if price.cache_read is not None else per_input
    write = price.cache_write * scale if price.cache_write is not None else per_input
    plain = max(0, usage.input - usage.cache_read - usage.cache_write)
    total = plain * per_input + usage.cache_read * read + usage.cache_write * write + usage.output * per_output
    return total / 1_000_000


def worst_case_usd(
    request_tokens: int,
    max_tokens: int | None,
    model: str,
    price_per_1k: tuple[float, float] | None = None,
) -> float | None:
    """The most that one call can cost, in US dollars; None when the price or a ceiling of the answer is not known.

    max_tokens: the answer's limit; None takes what the model's window leaves.
    """
    answer = max_tokens
    if answer is None:
        window = window_of(model)
        if window is None:
            return None
        answer = max(0, window - request_tokens)
    plain = cost_usd(model, Usage(input=request_tokens, output=answer), price_per_1k)
    written = cost_usd(model, Usage(input=request_tokens, output=answer, cache_write=request_tokens), price_per_1k)
    return None if plain is None or written is None else max(plain, written)


_warned: set[str] = set()


def warn_unknown(model: str) -> None:
    """Say once per model that its calls have no price."""
    if model in _warned:
        return
    _warned.add(model)
    import logging

    logging.getLogger("autogen.oai.client").warning(
        "the price of the model %r is not known: its cost is None, and counts as 0 in usage summaries; add "
        '"price": [prompt_price_per_1k, completion_token_price_per_1k] to its config_list entry',
        model,
    )


# ---- 0.2's OAI_PRICE1K ----------------------------------------------------------------------------------------------

_shown: dict[str, Any] = {}
_shown_first: dict[str, Any] = {}


def __getattr__(name: str) -> Any:
    """`OAI_PRICE1K`: 0.2's dict of prices per 1000 tokens, made when asked for; what a program writes to it counts."""
    if name != "OAI_PRICE1K":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if not _shown_first:
        for model, price in _index().providers["openai"].exact.items():
            if price.input is not None:
                _shown_first[model] = (price.input / 1000, (price.output or 0.0) / 1000)
        _shown.update(_shown_first)
    return _shown


def _changed_price(model: str) -> tuple[float, float] | None:
    value = _shown.get(model)
    if value is None or _shown_first.get(model) == value:
        return None
    if isinstance(value, (int, float)):
        return float(value), float(value)
    return float(value[0]), float(value[1])
