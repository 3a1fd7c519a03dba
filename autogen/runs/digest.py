"""Digests of requests: what makes two effects the same.

A model request's digest is a chain over its messages, so that a call adds only what is new to it. Refuses to know
what a difference leads to.
"""

from functools import lru_cache
from hashlib import blake2b
from typing import Any, cast

from msgspec.json import Encoder

from autogen.core.model import ModelMessage, ModelRequest

_KEEP = 256
"""Requests remembered: one per agent and purpose."""
_NONE: tuple[tuple[ModelMessage, ...], bytes] = ((), b"")


def _as_class(value: Any) -> str:
    name = getattr(value, "name", None)
    return f"<{type(value).__qualname__}{f' {name}' if isinstance(name, str) else ''}>"


_encoder = Encoder(order="deterministic", enc_hook=_as_class)


def of_bytes(*pieces: bytes) -> str:
    """32 hex digits."""
    made = blake2b(digest_size=16)
    for piece in pieces:
        made.update(len(piece).to_bytes(8, "little"))
        made.update(piece)
    return made.hexdigest()


def of_blob(data: bytes) -> str:
    """The name of a blob: 32 hex digits."""
    return blake2b(data, digest_size=16).hexdigest()


def key_at(run_id: str, address: str) -> str:
    """The idempotency key of an effect: the same for every attempt, another one for every run."""
    return of_bytes(run_id.encode(), address.encode())


def of_json(value: Any) -> str:
    """Of any value: what is no JSON in it counts by its class."""
    return of_bytes(to_json(value))


def to_json(value: Any) -> bytes:
    """JSON with sorted keys, for digests and for people; what is no JSON shows as its class."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, RecursionError):
        return f'"<{type(value).__qualname__}>"'.encode()


class Chains:
    """The digests of the requests of one run."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[tuple[ModelMessage, ...], bytes]] = {}
        """By who asks with which tools: its last request, and the chain over it."""

    def request(self, agent: str, purpose: str, request: ModelRequest) -> tuple[str, int]:
        """Of a model call: who asks, why, messages, tools and settings; not which endpoint answers.

        Also how many of its messages the one before it began with.
        """
        head = _head(agent, purpose, request)
        messages = request.messages
        before, chain = self._known.pop(head, _NONE)
        shared = len(before)
        if not shared or messages[:shared] != before:
            shared, chain = 0, head
        for message in messages[shared:]:
            chain = blake2b(chain + _of_message(message), digest_size=16).digest()
        self._known[head] = messages, chain
        if len(self._known) > _KEEP:
            del self._known[next(iter(self._known))]
        return chain.hex(), shared


def _head(agent: str, purpose: str, request: ModelRequest) -> bytes:
    if not request.tools and not request.settings:
        return _plain_head(agent, purpose)
    told: list[Any] = [agent, purpose]
    if request.tools:
        told.append([[tool.name, tool.description, tool.parameters] for tool in request.tools])
    if request.settings:
        told.append(dict(request.settings))
    return blake2b(to_json(told), digest_size=16).digest()


@lru_cache(256)
def _plain_head(agent: str, purpose: str) -> bytes:
    return blake2b(to_json([agent, purpose]), digest_size=16).digest()


def _of_message(message: ModelMessage) -> bytes:
    kept = message.memo()
    known = kept.get("digest")
    if known is None:
        told = [message.role, message.name, message.parts, message.extra]
        known = blake2b(to_json(told), digest_size=16).digest()
        kept["digest"] = known
    return cast("bytes", known)


def short_of(message: ModelMessage) -> str:
    """8 hex digits that tell one message from another."""
    return _of_message(message)[:4].hex()


def shown(value: Any, limit: int = 300) -> str:
    """A value for an error message: short, on one line."""
    text = to_json(value).decode("utf-8", "replace")
    return text if len(text) <= limit else f"{text[: limit // 2]} … {text[-limit // 2 :]}"
