"""Which cache a model call uses, and under which key an answer is kept.

The key is the SHA-256 of what decides the answer: model, server, parameters, tools, messages. Keys and other secrets,
time limits and prices are no part of it. Refuses to keep errors. A cache that fails costs a warning, never the answer.
"""
# ruff: noqa: PTH100, PTH118, PTH120 - os.path, because a first agent does not load pathlib

import os
from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from autogen.core.model import Json, ModelMessage, ModelReply, ModelRequest
from autogen.drivers.performer import Act
from autogen.models.entries import AUTH_HEADERS, Entry
from autogen.models.transport import shown

CACHE_ROOT = ".cache"
IGNORED = frozenset({"stream", "stream_options", "extra_headers", "timeout", "messages"})
"""Settings that do not change the answer, or are looked at apart."""
SECRET = frozenset({
    "api_key", "base_url", "api_version", "azure_ad_token", "azure_ad_token_provider", "credentials", "http_client",
    "default_headers", "default_query", "organization", "project", "max_retries",
})  # fmt: skip
"""Keys of a custom client's entry that name the account."""
_MEMO = "cache-key"
_VERSION = 1

_opened: dict[str, Any] = {}
_warned: set[str] = set()


def cache_for(entry: Entry, given: Any) -> Any:
    """The call's cache, else the entry's, else the folder of its `cache_seed`; None: no cache."""
    if entry.kind == "scripted":
        return None
    if given is not None:
        return given
    if entry.cache is not None:
        return entry.cache
    if entry.cache_seed is None:
        return None
    folder = os.path.abspath(os.path.join(CACHE_ROOT, str(entry.cache_seed)))
    cache = _opened.get(folder)
    if cache is None:
        from autogen.cache import Cache

        cache = _opened.setdefault(folder, Cache.disk(entry.cache_seed, os.path.dirname(folder)))
    return cache


def request_key(entry: Entry, request: ModelRequest, settings: Mapping[str, Json]) -> str | None:
    """Hexadecimal digest, or None: such a call is not cached.

    None when the request holds something that is no JSON, or a ready client does not say where it asks.
    """
    from hashlib import sha256

    server = _server(entry, settings)
    if server is None:
        return None
    head = {
        "autogen": _VERSION,
        "model": entry.model,
        "server": server,
        "settings": {
            key: value
            for key, value in settings.items()
            if value is not None and key not in IGNORED and key not in SECRET
        },
        "tools": request.tools,
    }
    try:
        digest = sha256(msgspec.json.encode(head, enc_hook=_schema, order="sorted"))
        for message in request.messages:
            digest.update(b"\n")
            digest.update(_message_bytes(message))
    except (TypeError, UnicodeEncodeError):
        return None
    return digest.hexdigest()


def _server(entry: Entry, settings: Mapping[str, Json]) -> list[Json] | None:
    """Who answers: the address, the deployment, and the headers and queries by which gateways choose a model."""
    if entry.kind == "client":
        base_url = getattr(entry.client, "base_url", None)
        return None if base_url is None else [entry.kind, entry.client_name, shown(str(base_url))]
    given = entry.connection
    headers: dict[str, Any] = {**(given.get("default_headers") or {}), **(settings.get("extra_headers") or {})}
    return [
        entry.kind,
        entry.client_name,
        entry.api_type,
        shown(entry.base_url),
        given.get("azure_deployment"),
        {name.lower(): str(value) for name, value in headers.items() if name.lower() not in AUTH_HEADERS},
        given.get("default_query"),
    ]


def _message_bytes(message: ModelMessage) -> bytes:
    memo = message.memo()
    known: bytes | None = memo.get(_MEMO)
    if known is None:
        parts = (message.role, message.name, message.parts, message.extra)
        known = memo[_MEMO] = msgspec.json.encode(parts, order="sorted")
    return known


def _schema(value: Any) -> Any:
    """A pydantic class given as `response_format` counts by its schema."""
    schema = getattr(value, "model_json_schema", None)
    if isinstance(value, type) and schema is not None:
        return schema()
    raise TypeError(type(value).__name__)


async def look_up(cache: Any, key: str) -> ModelReply | None:
    """The reply kept under `key`, marked as cached; None when there is none or it cannot be read."""
    found = await Act(lambda: _get(cache, key))
    if isinstance(found, ModelReply):
        return replace(found, cached=True)
    if isinstance(found, str):
        from autogen.cache.codec import REPLY, Unreadable, decode

        try:
            return replace(cast("ModelReply", decode(REPLY, found.encode())), cached=True)
        except Unreadable:
            return None
    return None


async def keep(cache: Any, key: str, reply: ModelReply) -> None:
    """Keep a reply; a cache of the program's own class gets it as JSON text."""
    await Act(lambda: _set(cache, key, reply))


def _get(cache: Any, key: str) -> Any:
    try:
        return cache.get(key)
    except Exception as error:  # noqa: BLE001 - the program's cache may raise anything; the model can still be asked
        _warn(cache, error)
        return None


def _set(cache: Any, key: str, reply: ModelReply) -> None:
    from autogen.cache import Cache, DiskCache, InMemoryCache
    from autogen.cache.codec import UncacheableValue, encode

    try:
        if isinstance(cache, (Cache, DiskCache, InMemoryCache)):
            cache.set(key, reply)
        else:
            cache.set(key, encode(reply)[1].decode())
    except UncacheableValue:
        return  # an answer with parts that are no JSON is paid again, never refused
    except Exception as error:  # noqa: BLE001 - a paid answer is not lost because a cache fails
        _warn(cache, error)


def _warn(cache: Any, error: Exception) -> None:
    name = type(cache).__name__
    if name in _warned:
        return
    _warned.add(name)
    import logging

    logging.getLogger("autogen.cache").warning("the cache %s failed and is not used for this call: %r", name, error)
