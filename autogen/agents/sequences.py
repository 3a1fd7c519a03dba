"""Chats in sequence and nested chats: the faces over `conversation/sequence.py` and `conversation/nested.py`.

A whole sequence is one run: one budget, one entry in the journal, its chats nested in it. Decides what its results
look like and what is left of one that failed. Refuses to know in which order chats are held. Imported when first used.
"""

from collections.abc import Callable, Sequence
from os import environ
from sys import modules
from typing import TYPE_CHECKING, Any, Final

from autogen import runtime
from autogen.agents.chatting import result_of
from autogen.agents.checks import check_opening
from autogen.agents.faces import Opening, blocking, concurrent
from autogen.agents.queues import nested_queue, planned_queue
from autogen.conversation.callbacks import refuse_misfit
from autogen.conversation.chat import Ended
from autogen.conversation.nested import NestedChats, nested_reply
from autogen.conversation.run import Run
from autogen.conversation.sending import plain
from autogen.conversation.sequence import PlannedChat, Results, in_order, parties, side_by_side
from autogen.core.callables import is_async
from autogen.core.errors import ConfigError
from autogen.core.stop import Budget

if TYPE_CHECKING:
    from autogen.core.result import ChatResult
    from autogen.runs.durable import JournalLike

SUMMARY: Final = "summary_from_nested_chats"
_DURABLE: Final = "autogen.runs.durable"


def initiate_chats(
    chat_queue: list[dict[str, Any]],
    *,
    budget: Budget | None = None,
    run_id: str | None = None,
    journal: "JournalLike | None" = None,
) -> "list[ChatResult]":
    """Hold chats one after the other; each is given the summaries of those before it as carryover.

    chat_queue: dicts with sender, recipient, and what `initiate_chat` takes (message, max_turns, summary_method,
        summary_args, clear_history, silent, cache, carryover, verbose, budget, no_progress), and
        finished_chat_indexes_to_exclude_from_carryover. Left as they are.
    budget: for all chats together. run_id, journal: name the sequence as one run; see `initiate_chat`.
    Returns the results in order. Raises ConfigError (an AssertionError where 0.2 raised one) before anything is said;
    what a chat raises comes with the results of those before it in `.finished_chats`.
    """
    return hold(chat_queue, None, budget, run_id, journal)


async def a_initiate_chats(
    chat_queue: list[dict[str, Any]],
    *,
    budget: Budget | None = None,
    run_id: str | None = None,
    journal: "JournalLike | None" = None,
) -> "dict[int, ChatResult]":
    """Hold chats on an event loop, each as soon as its prerequisites are over, with their summaries as carryover.

    chat_queue: as `initiate_chats`; each has a chat_id (an int), and may have prerequisites, a list of such.
        finished_chat_indexes_to_exclude_from_carryover holds ids here.
    Returns the results by chat_id, each behind its prerequisites. Raises as `initiate_chats`; a cycle among the
    prerequisites and one that is not there are a PrerequisiteError.
    """
    return await a_hold(chat_queue, None, budget, run_id, journal)


def nested_function(agent: Any, queue: Any, how: Any, use_async: bool) -> Callable[..., Any]:
    """The reply function of `register_nested_chats`. Raises ConfigError for a queue that cannot work."""
    if how != SUMMARY and not callable(how):
        raise ConfigError(f"reply_func_from_nested_chats must be a callable. Agent {agent.name!r} got {how!r:.80}")
    chats = nested_queue(queue, agent, is_async=use_async)
    if how == SUMMARY:
        return _summary_function(NestedChats(chats, use_async))
    return _own_function(agent.name, how, queue, use_async)


def _summary_function(nested: NestedChats) -> Callable[..., Any]:
    """The reply function that stands for the queue in a reply chain; called directly, it holds the chats, too."""

    async def steps(run: Run, recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, Any]:
        known = recipient._state.histories[sender] if messages is None else messages
        final, answer = await nested_reply(run, recipient, nested, known, sender, config)
        run.tell(answer)
        return final, plain(answer)

    def from_chats(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> tuple[bool, Any]:
        return blocking(lambda run: steps(run, recipient, messages, sender, config))

    async def a_from_chats(
        recipient: Any, messages: Any = None, sender: Any = None, config: Any = None
    ) -> tuple[bool, Any]:
        return await concurrent(lambda run: steps(run, recipient, messages, sender, config))

    made: Any = a_from_chats if nested.is_async else from_chats
    made.__name__ = "_a_summary_from_nested_chats" if nested.is_async else "_summary_from_nested_chats"
    made.__qualname__ = f"ConversableAgent.{made.__name__}"
    made.__autogen_nested__ = nested  # read by conversation.reply
    known: Callable[..., Any] = made
    return known


def _own_function(agent: str, function: Callable[..., Any], queue: Any, use_async: bool) -> Callable[..., Any]:
    """The program's own way from the queue to a reply, in the form of a reply function."""
    from functools import wraps

    refuse_misfit(agent, "reply_func_from_nested_chats", function, 5)

    @wraps(function)
    def own(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        return function(queue, recipient, messages, sender, config)

    @wraps(function)
    async def a_own(recipient: Any, messages: Any = None, sender: Any = None, config: Any = None) -> Any:
        answer = function(queue, recipient, messages, sender, config)
        return await answer if hasattr(answer, "__await__") else answer

    return a_own if use_async or is_async(function) else own


def hold(
    queue: Any, sender: Any, budget: Budget | None, run_id: str | None, journal: "JournalLike | None"
) -> "list[ChatResult]":
    """`initiate_chats`; sender: of entries that name none, who also keeps the results."""
    chats = planned_queue(queue, sender, by_id=False)
    results: Results = {}
    opening = _opening(chats, sender, results, budget, run_id, journal, is_async=False)

    async def steps(run: Run) -> list[Any]:
        await in_order(run, chats, _result, results)
        given = list(results.values())
        if sender is not None:
            sender._state.finished = given
        return given

    try:
        given: Any = blocking(steps, opening)
    except Exception as raised:
        _leave_with(raised, list(results.values()))
        raise
    finished: list[ChatResult] = list(results.values()) if given is results else given
    return finished


async def a_hold(
    queue: Any, sender: Any, budget: Budget | None, run_id: str | None, journal: "JournalLike | None"
) -> "dict[int, ChatResult]":
    """`a_initiate_chats`; sender: of entries that name none, who also keeps the results."""
    chats = planned_queue(queue, sender, by_id=True)
    results: Results = {}
    opening = _opening(chats, sender, results, budget, run_id, journal, is_async=True)

    async def steps(run: Run) -> Results:
        await side_by_side(run, chats, _result, results)
        if sender is not None:
            sender._state.finished = results
        return results

    try:
        finished: dict[int, ChatResult] = await concurrent(steps, opening)
    except Exception as raised:
        _leave_with(raised, results)
        raise
    return finished


def _result(planned: PlannedChat, ended: Ended) -> "ChatResult":
    result = result_of(planned.sender, planned.recipient, ended)
    result.chat_id = planned.chat_id
    return result


def _leave_with(raised: Exception, finished: Any) -> None:
    """The results of the chats that are over go with the error."""
    if hasattr(raised, "__dict__") and not hasattr(raised, "finished_chats"):
        raised.finished_chats = finished  # type: ignore[attr-defined]  # errors of the program get it, too


def _opening(
    chats: Sequence[PlannedChat],
    sender: Any,
    results: Results,
    budget: Budget | None,
    run_id: str | None,
    journal: "JournalLike | None",
    *,
    is_async: bool,
) -> Opening:
    """What the run of the sequence is to have. Raises what makes one of its chats impossible."""
    agents = parties(chats)
    who = sender.name if sender is not None else chats[0].sender.name if chats else ""
    check_opening(who, budget, None)
    for agent in agents:
        if not is_async:
            agent._raise_exception_on_async_reply_functions()  # type: ignore[attr-defined]  # 0.2's own, on each agent of ours
        runtime.check_budget(budget, agent.name, agent.client)
    opening = Opening(join=False, budget=budget)
    if run_id is not None or journal is not None or "AUTOGEN_JOURNAL" in environ or _DURABLE in modules:
        from autogen.agents.durable_chats import make_sequence_durable

        make_sequence_durable(opening, chats, results, run_id, journal)
    return opening
