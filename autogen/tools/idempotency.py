"""The idempotency key: a parameter that the engine fills in and the model does not see.

Refuses to know where keys come from.
"""

import types
import typing
from typing import Any


class IdempotencyKey(str):
    """Annotate a tool's parameter with it: `def pay(amount: int, key: autogen.IdempotencyKey)`.

    The key is the same for every attempt at one call of a journaled run, and another one for every other call; in a
    run without a journal each call has a new one. 32 hex digits.
    """

    __slots__ = ()


def is_key(annotation: Any) -> bool:
    """Is a parameter of this type one that is filled in? Also `IdempotencyKey | None` and `Annotated[...]`."""
    if annotation is IdempotencyKey:
        return True
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return is_key(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return any(is_key(one) for one in typing.get_args(annotation))
    return False
