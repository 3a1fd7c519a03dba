"""Before a tool is called that needs a person's approval: they are asked, and what they say is carried out.

Decides how the question reads, what a call becomes by its answer, and for which calls an answer counts. Each answer
serves one call; what is shown is what is called. Refuses to know terminals, journals and how a tool checks arguments.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import NamedTuple, Protocol

from msgspec.structs import replace

from autogen.conversation.human import ask
from autogen.conversation.party import Party
from autogen.conversation.run import Run
from autogen.core.approval import Approval, Unclear, json_text, laid_open, read_decision
from autogen.core.effects import Branch, Gather
from autogen.core.model import ToolCall
from autogen.core.tools import ToolOutcome

MOST_TRIES = 5
"""Unclear answers to one question; then the call is rejected."""

_QUESTION = "{me} is about to call the tool {tool} with\n{arguments}\n{where}{ways}: "
_STANDING = '{"decision":"always"}'


class ToApprove(Protocol):
    """What an approval needs to know of a tool."""

    def read(self, text: str) -> str:
        """`text` as the canonical arguments of a call. Raises ValueError, whose text a person or model can act on."""
        ...

    def approval(self, arguments: str) -> Approval:
        """What is to be approved: a call with these arguments."""
        ...


class Cleared(NamedTuple):
    """A call that may be made, or what came of it without being made."""

    call: ToolCall
    outcome: ToolOutcome | None = None
    edited: bool = False

    def told(self, outcome: ToolOutcome) -> ToolOutcome:
        """The outcome, with a word to the model that other arguments were used."""
        if not self.edited:
            return outcome
        notice = f"\n\nNotice: a person changed the arguments of this call to {self.call.arguments}."
        return replace(outcome, content=outcome.content + notice)


async def cleared_all(run: Run, agent: Party, calls: list[ToolCall]) -> list[Cleared]:
    """Ask for each call that needs it, one question after the other; in a journal all questions are put at once."""
    ready = [Cleared(call) for call in calls]
    asked = [index for index, call in enumerate(calls) if agent._to_approve(call.name) is not None]
    if len(asked) == 1:
        ready[asked[0]] = await cleared(run, agent, calls[asked[0]])
    elif asked:
        branches = tuple(Branch(f"approve/{index}", cleared(run, agent, calls[index]), True) for index in asked)
        answers: list[Cleared] = await Gather(branches, 1)
        for index, answer in zip(asked, answers, strict=True):
            ready[index] = answer
    return ready


async def cleared(run: Run, agent: Party, call: ToolCall) -> Cleared:
    """The call as the person behind `agent` wants it, if it needs them at all."""
    tool = agent._to_approve(call.name)
    if tool is None:
        return Cleared(call)
    try:
        arguments = tool.read(call.arguments)
    except ValueError as error:
        return Cleared(call, ToolOutcome(name=call.name, content=f"Error: {error}", is_error=True, why="arguments"))
    approval = tool.approval(arguments)
    call = replace(call, arguments=arguments)
    if _taken(run, agent, approval):
        return Cleared(call)
    return await _decided(run, agent, call, tool, approval)


async def _decided(run: Run, agent: Party, call: ToolCall, tool: ToApprove, approval: Approval) -> Cleared:
    *_, root = run.lineage()
    binding = approval.binding()
    known = f"{agent.name}/{binding}"
    question = _question(agent, approval)
    unclear = ""
    for _ in range(MOST_TRIES):
        standing = _STANDING if known in root.always else ""
        said = await ask(run, agent, unclear + question, approval, standing)
        try:
            decision = read_decision(said, approval.verdicts)
            if decision.decision == "edit":
                changed = tool.read(json_text(decision.arguments or {}))
                return Cleared(replace(call, arguments=changed), edited=changed != call.arguments)
        except ValueError as error:  # Unclear, or arguments that the tool does not take
            what = "That is not clear" if isinstance(error, Unclear) else "The tool does not take that"
            unclear = f"{what}: {laid_open(str(error))}\n"
            continue
        if decision.decision == "reject":
            return Cleared(call, _rejected(call, decision.reason))
        if decision.decision == "always":
            root.always += (known,)
        return Cleared(call)
    return Cleared(call, _rejected(call, f"{MOST_TRIES} answers to the question were unclear"))


def _question(agent: Party, approval: Approval) -> str:
    where = ""
    if approval.work_dir or approval.sandbox:
        where = laid_open(f"in {approval.work_dir or 'its directory'}, sandbox {approval.sandbox or 'none'}") + "\n"
    ways = approval.ways()
    return _QUESTION.format(
        me=agent.name,
        tool=laid_open(approval.tool),
        arguments=laid_open(approval.arguments),
        where=where,
        ways=ways[0].upper() + ways[1:],
    )


def _rejected(call: ToolCall, reason: str) -> ToolOutcome:
    why = f": {reason}" if reason else "."
    content = f"Error: a person rejected this call of {call.name}, and it was not made{why}"
    return ToolOutcome(name=call.name, content=content, is_error=True, why="denied")


@contextmanager
def lent(run: Run, agent: Party, call: ToolCall) -> Generator[None, None, None]:
    """While the program's own `execute_function` is called with an approved call: `super()` in it asks no second time.

    It counts once, and for that very call only.
    """
    tool = agent._to_approve(call.name)
    if tool is None:
        yield
        return
    *_, root = run.lineage()
    mark = f"{agent.name}/{tool.approval(call.arguments).binding()}"
    root.lent += (mark,)
    try:
        yield
    finally:
        root.lent = _without(root.lent, mark)


def _taken(run: Run, agent: Party, approval: Approval) -> bool:
    *_, root = run.lineage()
    mark = f"{agent.name}/{approval.binding()}"
    if mark not in root.lent:
        return False
    root.lent = _without(root.lent, mark)
    return True


def _without(marks: tuple[str, ...], mark: str) -> tuple[str, ...]:
    at = marks.index(mark) if mark in marks else len(marks)
    return marks[:at] + marks[at + 1 :]
