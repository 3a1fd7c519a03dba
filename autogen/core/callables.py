"""Tells whether a callable of the program is a coroutine function, without importing `inspect`.

Refuses to know what is called and why.
"""

import sys
from collections.abc import Callable
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, cast

CO_COROUTINE = 0x80
CO_ITERABLE_COROUTINE = 0x100
_MARKS = frozenset({"_is_coroutine_marker", "_is_coroutine"})


def is_async(function: Callable[..., Any]) -> bool:
    """True if calling `function` gives a coroutine: an `async def`, a partial, method or callable object of one."""
    seen: Any = function
    while isinstance(seen, (partial, MethodType)):
        seen = seen.func if isinstance(seen, partial) else seen.__func__
    code = getattr(seen, "__code__", None)
    if code is None:
        kind = cast("Any", type(seen))
        code = getattr(getattr(kind, "__call__", None), "__code__", None)  # noqa: B004 - its code is wanted
    if isinstance(code, CodeType) and code.co_flags & (CO_COROUTINE | CO_ITERABLE_COROUTINE):
        return True
    if type(seen) is FunctionType and _MARKS.isdisjoint(seen.__dict__):
        return False
    return any(mark is not None and getattr(seen, name, None) is mark for name, mark in _marks())


def _marks() -> tuple[tuple[str, object], ...]:
    """What the standard library puts on a function that it is to take for a coroutine function. A mock has any name."""
    return (
        ("_is_coroutine_marker", getattr(sys.modules.get("inspect"), "_is_coroutine_mark", None)),
        ("_is_coroutine", getattr(sys.modules.get("asyncio.coroutines"), "_is_coroutine", None)),
    )


def qualified_name(function: Callable[..., Any]) -> str:
    """A stable name for addresses and messages: module-free, `Class.method` where known."""
    inner: Any = getattr(function, "func", function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def level_of_program() -> int:
    """The `stacklevel` at which a warning given by the caller points at the program's own line."""
    import sys

    level, frame = 1, sys._getframe(1).f_back
    while frame is not None:
        level += 1
        if str(frame.f_globals.get("__name__")).partition(".")[0] != "autogen":
            break
        frame = frame.f_back
    return level
