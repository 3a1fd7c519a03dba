"""The performer table: who performs each effect, written once for every driver.

A performer is a coroutine function `(effect, run) -> answer`. It awaits only the two steps below, `Act` and `Sleep`,
so that the blocking driver and the concurrent one can carry it out each in its own way. The table's type lives here;
`autogen/runtime.py` fills it. Refuses to know what models, tools and sandboxes are.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

from msgspec import Struct

from autogen.core.code import CodeOutcome
from autogen.core.effects import Ask, AskHuman, CallModel, CallTool, Draw, Invoke, RunCode, Sleep
from autogen.core.events import Event
from autogen.core.model import ModelReply
from autogen.core.tools import ToolOutcome

A = TypeVar("A")


def silent(event: Event) -> None:
    """An `emit` for calls that nobody watches."""


class Act(Ask[A], frozen=True):
    """One step of a performer that touches the world.

    blocking: does it on the calling thread.
    concurrent: does it under asyncio; None runs `blocking` in a thread of its own, with the context copied.
    cancel: asks a running `blocking` to end soon, when whoever waits for it has been cancelled.
    """

    blocking: Callable[[], A]
    concurrent: Callable[[], Awaitable[A]] | None = None
    cancel: Callable[[], None] | None = None


class CallProgram(Ask[Any], frozen=True):
    """Call a function of the program, sync or async; the driver knows where each kind may run.

    in_place: a sync function runs on the loop's own thread under the concurrent driver (predicates: quick and pure).
    timeout: seconds, then `TimeoutError`; a sync function then runs in a thread of its own, which is left to end.
    apart: may run beside others of the same `Gather` in a blocking run although it is sync.
    tool: the name of the tool that this is, for errors; "" for another function of the program.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    in_place: bool = False
    timeout: float | None = None
    apart: bool = False
    tool: str = ""


Step: TypeAlias = "Act[Any] | CallProgram | Sleep"
Work: TypeAlias = Coroutine[Any, Any, A]
EmitNow: TypeAlias = Callable[[Event], None]


class Performers(Struct, frozen=True):
    """Who performs what. `emit` is synchronous and never waits."""

    call_model: Callable[[CallModel, EmitNow], Work[ModelReply]]
    call_tool: Callable[[CallTool, EmitNow], Work[ToolOutcome]]
    run_code: Callable[[RunCode, EmitNow], Work[CodeOutcome]]
    ask_human: Callable[[AskHuman, EmitNow], Work[str]]
    draw: Callable[[Draw], float | str]
    emit: EmitNow
    invoke: Callable[[Invoke, EmitNow], Work[Any]] | None = None
    """None: the driver calls the program itself, which costs less."""
    sleep: Callable[[Sleep], Work[None]] | None = None
    """None: the driver waits."""
    branch: "Callable[[str], Performers] | None" = None
    """The performers of a branch of a `Gather`, by its name; None: the same ones."""
    place: Any = None
    """Where in a journal the run stands; None without one."""


IN_PLACE = frozenset({"_process_received_message", "_append_oai_message", "_prepare_chat", "_handle_carryover"})
"""Overrides that show or keep messages: user interfaces are bound to the thread that their loop runs on."""


def program_call(effect: Invoke) -> CallProgram:
    """The step that performs an `Invoke`."""
    in_place = effect.kind == "predicate" or effect.name in IN_PLACE
    return CallProgram(effect.function, effect.args, dict(effect.kwargs), in_place=in_place)
