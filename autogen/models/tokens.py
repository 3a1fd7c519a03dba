"""How many tokens a text or a list of messages has, without the network.

Decides when a count is exact: only if `tiktoken` is installed and its vocabulary lies in its cache already, whole and
unchanged. Otherwise the count is an estimate from the number of bytes, and says so. Refuses to fetch anything.
0.2's names (`autogen.token_count_utils`) are at the end.
"""
# ruff: noqa: PTH118 - os.path, because a first agent does not load pathlib

import os
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

from msgspec import Struct

from autogen.core.errors import ConfigError

BYTES_PER_TOKEN = 3.6
"""English prose and code under the vocabularies of 2024 to 2026."""
FACTORS = (("claude", 3.2), ("gemini", 3.8), ("gpt-3.5", 3.4), ("gpt-35", 3.4), ("gpt-4-", 3.4), ("llama", 3.6))
"""Bytes per token of model families, by what their names begin with."""
PER_MESSAGE, PER_NAME, PER_REPLY = 3, 1, 3
"""Tokens that the chat format adds."""
IMAGE_TOKENS = 765
"""A picture of ordinary size, in detail: where its size is not known."""

_ENCODINGS = (
    ("o200k_base", ("gpt-4o", "gpt-4.1", "gpt-4.5", "gpt-5", "gpt-6", "chatgpt-4o", "o1", "o3", "o4")),
    ("cl100k_base", ("gpt-4", "gpt-3.5", "gpt-35", "text-embedding")),
)
_FILES = {
    "cl100k_base": (
        "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base": (
        "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}
"""Encoding -> name of its file in tiktoken's cache, SHA-256 of its content."""


class TokenCount(Struct, frozen=True):
    """A number of tokens, and whether it was estimated."""

    tokens: int
    estimated: bool


class UnknownModel(ConfigError, KeyError):
    """No table knows the model's window."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model

    def __str__(self) -> str:
        return f"the context window of the model {self.model!r} is not known"


def measure(value: str | list[Any] | Mapping[str, Any], model: str = "gpt-4o") -> TokenCount:
    """The tokens of a text, of one message, or of a list of messages. Raises ValueError for anything else."""
    encoding = _encoding(model)
    if isinstance(value, str):
        return TokenCount(_of_text(value, model, encoding), encoding is None)
    if isinstance(value, Mapping):
        return TokenCount(_of_messages([value], model, encoding), encoding is None)
    if isinstance(cast("Any", value), (list, tuple)):
        return TokenCount(_of_messages(value, model, encoding), encoding is None)
    raise ConfigError(f"input must be str, list or dict, but we got {type(value)}")


def estimate(text: str, model: str = "") -> int:
    """Tokens of a text by its bytes; 0 for an empty one."""
    size = len(text.encode("utf-8", "replace"))
    return 0 if size == 0 else max(1, round(size / _bytes_per_token(model)))


@cache
def _bytes_per_token(model: str) -> float:
    name = model.lower().rpartition("/")[2]
    return next((factor for beginning, factor in FACTORS if name.startswith(beginning)), BYTES_PER_TOKEN)


def _of_text(text: str, model: str, encoding: Any) -> int:
    return estimate(text, model) if encoding is None else len(encoding.encode(text, disallowed_special=()))


def _of_messages(messages: Iterable[Any], model: str, encoding: Any) -> int:
    total = PER_REPLY
    for message in messages:
        if not isinstance(message, Mapping):
            total += _of_value(message, model, encoding)
            continue
        total += PER_MESSAGE
        for key, value in cast("Mapping[str, Any]", message).items():
            total += _of_value(value, model, encoding) + (PER_NAME if key == "name" else 0)
    return total


def _of_value(value: Any, model: str, encoding: Any) -> int:
    if value is None or callable(value):
        return 0
    if isinstance(value, str):
        return _of_text(value, model, encoding)
    if isinstance(value, (list, tuple)):
        return sum(_of_value(item, model, encoding) for item in cast("Iterable[Any]", value))
    if isinstance(value, Mapping):
        known = cast("Mapping[str, Any]", value)
        if known.get("type") in ("image_url", "input_image"):
            return _of_picture(known.get("image_url"), model)
        return sum(
            _of_text(str(key), model, encoding) + _of_value(item, model, encoding) for key, item in known.items()
        )
    return _of_text(str(value), model, encoding)


def _of_picture(image: Any, model: str) -> int:
    from autogen.models.pictures import picture_tokens

    fields = cast("Mapping[str, Any]", image if isinstance(image, Mapping) else {"url": image})
    url, detail = fields.get("url"), fields.get("detail")
    return picture_tokens(url if isinstance(url, str) else None, detail, model, unknown=IMAGE_TOKENS)


# ---- tiktoken, when it is there already -----------------------------------------------------------------------------


def _encoding(model: str) -> Any:
    name = model.lower().rpartition("/")[2]
    for encoding, beginnings in _ENCODINGS:
        if name.startswith(beginnings):
            return _loaded(encoding)
    return None


@cache
def _loaded(encoding: str) -> Any:
    """The vocabulary, or None. tiktoken would fetch a file that is missing or changed, so both are checked first."""
    from importlib.util import find_spec

    if find_spec("tiktoken") is None:
        return None
    name, digest = _FILES[encoding]
    path = os.path.join(_cache_folder(), name)
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError:
        return None
    from hashlib import sha256

    if sha256(content).hexdigest() != digest:
        return None
    from importlib import import_module

    return import_module("tiktoken").get_encoding(encoding)


def _cache_folder() -> str:
    for variable in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        if os.environ.get(variable):
            return os.environ[variable]
    import tempfile

    return os.path.join(tempfile.gettempdir(), "data-gym-cache")


# ---- 0.2's names ----------------------------------------------------------------------------------------------------


def count_token(input: str | list[Any] | Mapping[str, Any], model: str = "gpt-3.5-turbo-0613") -> int:  # noqa: A002
    """Tokens of a text, a message or a list of messages; `measure` also tells whether the number is an estimate."""
    return measure(input, model).tokens


def get_max_token_limit(model: str = "gpt-3.5-turbo-0613") -> int:
    """The model's context window. Raises `UnknownModel` (a KeyError)."""
    from autogen.models.prices import window_of

    name = model.lower().replace("gpt4", "gpt-4").replace("gpt3.5", "gpt-3.5")
    window = window_of(name)
    if window is None:
        raise UnknownModel(model)
    return window


def percentile_used(input: str | list[Any] | Mapping[str, Any], model: str = "gpt-3.5-turbo-0613") -> float:  # noqa: A002
    """The part of the model's window that the input takes, 0 to 1 and more."""
    return count_token(input, model) / get_max_token_limit(model)


def token_left(input: str | list[Any] | Mapping[str, Any], model: str = "gpt-3.5-turbo-0613") -> int:  # noqa: A002
    """Tokens that the window leaves."""
    return get_max_token_limit(model) - count_token(input, model)


def num_tokens_from_functions(functions: Iterable[Mapping[str, Any]], model: str = "gpt-3.5-turbo-0613") -> int:
    """Tokens that function declarations take in a request, about: the service renders them in a way of its own."""
    encoding = _encoding(model)
    total = 0
    for function in functions:
        declared = cast("Mapping[str, Any]", function.get("function") or function)
        total += 8
        for key in ("name", "description"):
            total += _of_text(str(declared.get(key) or ""), model, encoding)
        parameters = cast("Mapping[str, Any]", declared.get("parameters") or {})
        for name, schema in cast("Mapping[str, Any]", parameters.get("properties") or {}).items():
            total += 3 + _of_text(str(name), model, encoding) + _of_value(schema, model, encoding)
    return total + 12 if total else 0
