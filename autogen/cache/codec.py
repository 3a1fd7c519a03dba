"""How a value is written to a cache file and read back: a closed registry of four kinds, no code in any of them.

The kind is kept beside the data, never inside it, so that no JSON of a user can pass for something else. Whatever
does not decode exactly is `Unreadable`, and the entry counts as absent: a cache file is hostile input.
Refuses to know files. Change together: `FORMAT` when the shape of `ModelReply` changes.
"""

from collections.abc import Mapping
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.core.model import ModelMessage, ModelReply

FORMAT = 1
TEXT, BYTES, JSON, REPLY = "text", "bytes", "json", f"reply/{FORMAT}"


class Unreadable(ValueError):
    """An entry that this version did not write, or that was changed since."""


class UncacheableValue(ConfigError, TypeError):
    """A value of a kind that a cache file does not keep."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind

    def __str__(self) -> str:
        return (
            f"a cache file keeps text, bytes, JSON values and model replies, not {self.kind}; "
            "turn the value into one of these, or use InMemoryCache"
        )


def encode(value: Any) -> tuple[str, bytes]:
    """(kind, data) of a value. Raises `UncacheableValue`."""
    if isinstance(value, str):
        return TEXT, value.encode("utf-8", "surrogatepass")
    if isinstance(value, bytes):
        return BYTES, value
    if isinstance(value, ModelReply):
        try:
            return REPLY, msgspec.json.encode(_without_memo(value))
        except TypeError as error:
            raise UncacheableValue(f"a model reply with non-JSON parts ({error})") from error
    _require_json(value, 0)
    return JSON, msgspec.json.encode(value)


def decode(kind: str, data: bytes) -> Any:
    """The value again. Raises `Unreadable`."""
    try:
        if kind == TEXT:
            return data.decode("utf-8", "surrogatepass")
        if kind == BYTES:
            return data
        if kind == JSON:
            return msgspec.json.decode(data)
        if kind == REPLY:
            return _without_memo(msgspec.json.decode(data, type=ModelReply))
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"an entry of kind {kind!r} does not decode") from error
    raise Unreadable(f"an entry of the unknown kind {kind!r}")


def _without_memo(reply: ModelReply) -> ModelReply:
    # `encoded` holds request bytes that adapters trust: it is neither written nor taken from a file.
    return replace(reply, message=_bare(reply.message), choices=tuple(_bare(message) for message in reply.choices))


def _bare(message: ModelMessage) -> ModelMessage:
    return replace(message, encoded=None)


def _require_json(value: Any, depth: int) -> None:
    if depth > 100:
        raise UncacheableValue("a value nested more than 100 deep")
    if value is None or isinstance(value, (str, bool, int, float)):
        return
    if type(value) in (list, tuple):
        for item in cast("list[Any]", value):
            _require_json(item, depth + 1)
        return
    if type(value) is dict:
        for key, item in cast("Mapping[Any, Any]", value).items():
            if not isinstance(key, str):
                raise UncacheableValue(f"a dict with a key of type {type(key).__name__}")
            _require_json(item, depth + 1)
        return
    raise UncacheableValue(type(value).__name__)
