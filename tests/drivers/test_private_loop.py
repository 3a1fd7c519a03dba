"""The private loop knows its own thread by itself: any event loop will do, and a forked child has none yet."""

import asyncio
import sys
import threading
from typing import Any

import pytest

from autogen.core.errors import EngineError
from autogen.drivers import threads


class Foreign(asyncio.SelectorEventLoop):
    """As loops of other makers: what asyncio's own keep to themselves is not to be had."""

    def __getattribute__(self, name: str) -> Any:
        if name == "_thread_id" and sys._getframe(1).f_globals["__name__"].startswith("autogen"):
            raise AttributeError(name)
        return super().__getattribute__(name)


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> threads._PrivateLoop:
    monkeypatch.setattr(asyncio, "new_event_loop", Foreign)
    made = threads._PrivateLoop()
    monkeypatch.setattr(threads, "private_loop", made)
    return made


def test_its_thread_is_told_from_all_others(loop: threads._PrivateLoop) -> None:
    async def ask() -> tuple[bool, str]:
        return loop.inside(), threading.current_thread().name

    assert not loop.inside()
    assert loop.submit(ask()).result(10) == (True, "autogen-loop")
    assert not loop.inside()
    seen: list[bool] = []
    other = threading.Thread(target=lambda: seen.append(loop.inside()))
    other.start()
    other.join()
    assert seen == [False]


def test_a_blocking_call_inside_it_is_refused_and_not_waited_for_ever(loop: threads._PrivateLoop) -> None:
    from autogen.drivers.blocking import perform
    from autogen.drivers.performer import CallProgram

    async def nothing() -> None: ...

    async def call() -> Any:
        return await CallProgram(nothing)

    async def inside() -> None:
        perform(call())

    with pytest.raises(EngineError, match="use the a_ face there"):
        loop.submit(inside()).result(10)


def test_in_a_forked_child_no_thread_is_inside(loop: threads._PrivateLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> bool:
        monkeypatch.setattr("os.getpid", lambda: -1)  # as if this thread had forked here
        try:
            return loop.inside()
        finally:
            monkeypatch.undo()

    assert loop.submit(ask()).result(10) is False
