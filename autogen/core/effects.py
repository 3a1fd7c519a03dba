"""Effects: what a conversation may ask of the world.

A conversation does no I/O. It awaits one of the frozen values below; a driver performs it and sends the answer back,
or throws the failure in.

`Effect` is a closed union on purpose: a new effect must break every driver at type-check time. Change together: this
union, the performer table in `autogen/drivers/performer.py`, its filling in `autogen/runtime.py`, `docs/effects.md`.
"""

from collections.abc import Callable, Coroutine, Generator, Mapping
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from msgspec import Struct

from autogen.core.approval import Approval
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.events import Event
from autogen.core.model import ModelReply, ModelRequest, ToolCall
from autogen.core.tools import ToolOutcome

A = TypeVar("A")

Purpose: TypeAlias = Literal["reply", "summary", "speaker", "retrieval", "evaluation", "other"]
"""Why a model is called; recordings and scripts are addressed by it."""

CallbackKind: TypeAlias = Literal[
    "reply_function", "override", "predicate", "selector", "hook", "message", "summary", "entry"
]
"""Decides what a resume does with it: recalled (reply_function, override), entered again with what happened inside it
answered from the journal (entry: the function that a run began with), or run again and compared (the rest)."""


class Ask(Struct, Generic[A], frozen=True, eq=False):
    """Base of all effects; awaiting one gives an `A`."""

    def __await__(self) -> Generator["Ask[Any]", Any, A]:
        answer: A = yield self
        return answer


class CallModel(Ask[ModelReply], frozen=True):
    """Ask a model for the next message. Failure: `ModelError`."""

    agent: str
    purpose: Purpose
    request: ModelRequest
    client: Any
    """The agent's model client: a handle; endpoints and secrets are resolved when the effect is performed."""
    cache: Any = None
    """A cache that the program gave to this chat; None leaves the choice to the client's configuration."""


class CallTool(Ask[ToolOutcome], frozen=True):
    """Call one tool. A failing tool is an outcome that the model can act on, never a raise."""

    agent: str
    call: ToolCall
    tool: Any
    """The function as the program registered it, or None when there is none of that name."""
    known: tuple[str, ...] = ()
    """Names of the tools that the agent has, for the answer to an unknown one."""
    is_async: bool = False
    """The chat is an async one; 0.2's printed line says so."""
    key: str = ""
    """The idempotency key, the same for every attempt; "" where no journal gives one."""


class RunCode(Ask[CodeOutcome], frozen=True):
    """Run code blocks in the agent's executor. Failing code is an outcome; no sandbox at all is a `CodeError`."""

    agent: str
    blocks: tuple[CodeBlock, ...]
    executor: Any


class AskHuman(Ask[str], frozen=True):
    """Ask the person in the loop, maybe for days. "" is a bare Enter."""

    agent: str
    prompt: str
    approval: Approval | None = None
    """What is to be approved; the answer is then one that `core.approval` reads. None: any words will do."""
    standing: str = ""
    """The answer, where the person gave it for good earlier in this run; nobody is asked then."""
    about: str = ""
    """The text of the message that is being answered, for who is asked elsewhere; no part of what was asked."""


class Invoke(Ask[Any], frozen=True):
    """Call the program: a reply function, hook, overridden method, selector, callable message or summary.

    It may block, be a coroutine function, or start another chat, so the driver performs it.
    """

    agent: str
    kind: CallbackKind
    name: str
    """Qualified name, part of the effect's address."""
    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


class Branch(Struct, frozen=True, eq=False):
    """One child of a `Gather`: a conversation of its own under a name of its own."""

    name: str
    steps: Coroutine[Any, Any, Any]
    threaded: bool = False
    """It may take a thread for itself; see `Gather.at_once`."""
    frame: Any = None
    """Of a chat of its own: the `drivers.frame.Frame` that it stands in, with who performs its effects. None: it
    belongs to the run that asks."""


class Gather(Ask[list[Any]], frozen=True):
    """Carry on several branches; answers in their order. The first failure is raised after all have ended."""

    branches: tuple[Branch, ...]
    at_once: int | None = None
    """How many threaded branches go on at the same time; None: all. It binds these branches only, never what goes on
    inside of them, so a branch cannot wait for its own place."""


class Sleep(Ask[None], frozen=True):
    """Wait. Seconds."""

    seconds: float


class Draw(Ask[Any], frozen=True):
    """A value that differs from run to run: the time (seconds since 1970), an id (str) or a number in [0, 1)."""

    kind: Literal["time", "id", "random"]


class Emit(Ask[None], frozen=True):
    """Tell observers; never journaled, never waits."""

    event: Event


Effect: TypeAlias = CallModel | CallTool | RunCode | AskHuman | Invoke | Gather | Sleep | Draw | Emit
