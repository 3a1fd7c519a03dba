"""Events: what observers are told while a run goes on.

Events are facts, never questions: nothing waits for them and no conversation depends on one. `replayed` marks what
comes from a journal: performed once, maybe in another process, and told again. Refuses to know who listens. Change
together: the console in `observability/console.py`, `docs/events.md`.
"""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from autogen.core.model import ModelReply, Usage
from autogen.core.tools import ToolOutcome


class MessageReceived(Struct, frozen=True, eq=False):
    """An agent received a message; `message` is its 0.2 form."""

    sender: str
    recipient: str
    message: Mapping[str, Any]
    silent: bool = False
    printer: Any = None
    """The recipient's own `_print_received_message`, ready to be called, if it has one."""
    fill: bool = False
    """Text content is a template of the message's `context`."""


class NoHumanInput(Struct, frozen=True):
    agent: str


class AutoReplyUsed(Struct, frozen=True):
    agent: str


class ModelStarted(Struct, frozen=True):
    agent: str
    purpose: str
    model: str
    attempt: int = 1
    replayed: bool = False


class RequestSent(Struct, frozen=True, eq=False):
    """The exact body of a model request, as it goes out; keys travel in headers and are not in it."""

    agent: str
    url: str
    body: bytes


class Delta(Struct, frozen=True):
    """A piece of a streamed answer. `reset` marks a retry after partial output: what came before is void."""

    agent: str
    text: str
    kind: Literal["text", "reasoning", "call", "reset", "end"] = "text"
    replayed: bool = False


class ModelFinished(Struct, frozen=True, eq=False):
    agent: str
    purpose: str
    reply: ModelReply | None
    error: str | None = None
    seconds: float = 0.0
    lost: Usage | None = None
    """What a failed attempt may have been billed, an estimate."""
    lost_usd: float | None = 0.0
    """The same in US dollars; None when the price is not known."""
    replayed: bool = False


class ToolStarted(Struct, frozen=True):
    agent: str
    name: str
    call_id: str
    is_async: bool = False
    replayed: bool = False


class ToolFinished(Struct, frozen=True):
    agent: str
    call_id: str
    outcome: ToolOutcome
    replayed: bool = False


class CodeStarted(Struct, frozen=True):
    """`index` is None in the executor form, which announces all blocks at once."""

    agent: str
    languages: tuple[str, ...]
    index: int | None = None


class CodeFinished(Struct, frozen=True):
    agent: str
    exit_code: int
    why: str
    sandbox: str
    seconds: float
    replayed: bool = False


class AnswerTaken(Struct, frozen=True):
    """A person's answer came from the journal: nobody is asked again. A console prints nothing: the answer stands in
    the chat, and what the terminal showed when it was typed was no line of ours."""

    agent: str
    prompt: str
    answer: str


class Notice(Struct, frozen=True):
    """Something of ours that a person may want to know; goes to logging and stderr, never into the transcript."""

    text: str
    kind: str = "notice"


class SpeakerChosen(Struct, frozen=True):
    """A group's next speaker, and why it is that one. A console shows "Next speaker" unless `silent`."""

    manager: str
    speaker: str
    how: str
    """only | executor | callable | override | exact | mention | alias | next | round_robin | random | manual | admin"""
    detail: str = ""
    candidates: tuple[str, ...] = ()
    silent: bool = False


class Line(Struct, frozen=True):
    """A line of 0.2's printed transcript that no other event stands for; `name` follows it, shown as a speaker's."""

    text: str
    colour: Literal["", "red", "green", "blue"] = ""
    name: str = ""


class ChatStarted(Struct, frozen=True):
    sender: str
    recipient: str
    run_id: str


class ChatEnded(Struct, frozen=True):
    sender: str
    recipient: str
    run_id: str
    stop_reason: str
    silent: bool = False


Event: TypeAlias = (
    MessageReceived
    | NoHumanInput
    | AutoReplyUsed
    | ModelStarted
    | RequestSent
    | Delta
    | ModelFinished
    | ToolStarted
    | ToolFinished
    | CodeStarted
    | CodeFinished
    | AnswerTaken
    | Notice
    | SpeakerChosen
    | Line
    | ChatStarted
    | ChatEnded
)
