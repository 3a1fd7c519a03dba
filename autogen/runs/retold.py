"""What a recalled effect tells observers, and what it adds to the usage of the run: as if it had been performed here.

Decides which events stand for a recalled effect; each is marked `replayed`. Refuses to know what is recalled.
"""

from typing import TYPE_CHECKING, Any, cast

from autogen.core.effects import CallModel, CallTool, RunCode
from autogen.core.errors import LimitReached
from autogen.core.events import CodeFinished, Delta, ModelFinished, ModelStarted, ToolFinished, ToolStarted
from autogen.core.model import ModelReply
from autogen.drivers.performer import EmitNow
from autogen.runs import codec
from autogen.runs.requests import lost_before
from autogen.runs.rows import Entry

if TYPE_CHECKING:
    from autogen.runs.journaled import Journaled


def tell_model(emit: EmitNow, effect: CallModel, entry: Entry, reply: ModelReply, streamed: bool) -> None:
    """A model's answer, and its text in one piece if it was streamed."""
    emit(ModelStarted(effect.agent, effect.purpose, reply.model, replayed=True))
    if streamed:
        emit(Delta(effect.agent, reply.message.text, replayed=True))
        for call in reply.message.calls:
            emit(Delta(effect.agent, f"{call.name}({call.arguments})", "call", replayed=True))
        emit(Delta(effect.agent, "", "end", replayed=True))
    emit(ModelFinished(effect.agent, effect.purpose, reply, None, entry.ended - entry.started, replayed=True))


def tell_model_failure(emit: EmitNow, effect: CallModel, entry: Entry, error: BaseException) -> None:
    """A model call that failed for good; one that a budget refused was never begun."""
    if isinstance(error, LimitReached):
        return
    emit(ModelStarted(effect.agent, effect.purpose, "", replayed=True))
    text = f"{type(error).__name__}: {error}"
    emit(ModelFinished(effect.agent, effect.purpose, None, text, entry.ended - entry.started, replayed=True))


def tell_tool(emit: EmitNow, effect: CallTool, outcome: Any, started: ToolStarted | None) -> None:
    """started: what was told when the tool was called; None when it was not."""
    from msgspec.structs import replace

    if started is not None:
        emit(replace(started, replayed=True))
    emit(ToolFinished(effect.agent, effect.call.id, outcome, replayed=True))


def tell_code(emit: EmitNow, effect: RunCode, outcome: Any) -> None:
    """Blocks of code that have run."""
    emit(CodeFinished(effect.agent, outcome.exit_code, outcome.why, outcome.sandbox, outcome.seconds, replayed=True))


def count_inside(here: "Journaled", address: str, *, of_run: bool) -> None:
    """Count the model calls of chats that a recalled effect held: it is not entered again, but they were paid.

    of_run: for the run, too; False where the effect's edits tell what it used.
    """
    for entry in here.log.model_calls_inside(address):
        reply = cast("ModelReply", codec.decode(entry.answer, entry.address))
        agent = here.agent(entry.agent)
        counted = getattr(getattr(agent, "client", None), "recalled", None)
        if counted is not None:
            counted(reply)
        if of_run:
            here.run.count_model_call()
            here.run.account(entry.agent, reply)
            lost = lost_before(entry)
            if lost is not None:
                here.run.lost(entry.agent, *lost)
