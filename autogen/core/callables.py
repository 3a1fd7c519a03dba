"""Tells whether a callable of the program is a coroutine function, without importing `inspect`.

Refuses to know what is called and why.
"""

from collections.abc import Callable
from types import CodeType
from typing import Any, cast

CO_COROUTINE = 0x80
CO_ITERABLE_COROUTINE = 0x100


def is_async(function: Callable[..., Any]) -> bool:
    """True if calling `function` gives a coroutine: an `async def`, a partial, method or callable object of one."""
    seen: Any = function
    for _ in range(32):
        inner = getattr(seen, "func", None) or getattr(seen, "__func__", None)
        if inner is None:
            break
        seen = inner
    code = getattr(seen, "__code__", None)
    if code is None:
        kind = cast("Any", type(seen))
        code = getattr(getattr(kind, "__call__", None), "__code__", None)  # noqa: B004 - its code is wanted
    if isinstance(code, CodeType) and code.co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE):
        return True
    return getattr(seen, "_is_coroutine_marker", None) is not None


def qualified_name(function: Callable[..., Any]) -> str:
    """A stable name for addresses and messages: module-free, `Class.method` where known."""
    inner: Any = getattr(function, "func", function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)
