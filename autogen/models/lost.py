"""What a model call that failed may have been billed all the same: an estimate, marked as one.

The rule: an answer with an error status costs nothing, and neither does a request that did not leave in whole. An
answer of status 2xx that broke off, could not be read or held an error costs its prompt and what had arrived. A request
that left in whole and got no answer (a time-out while waiting, a cut connection, a cancellation) costs its prompt.
Refuses to know budgets and who is told.
"""

from autogen.core.model import ModelRequest, Usage
from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout

NOT_SENT = frozenset({"connect", "pool", "write"})
"""Phases of a time-out in which the request had not left in whole."""


def lost_usage(raised: BaseException, request: ModelRequest, model: str, sent: bool) -> Usage | None:
    """The usage of an attempt that raised; None when it costs nothing.

    sent: the request was given to the carrier.
    """
    if not sent or isinstance(raised, GeneratorExit) or not _may_cost(raised):
        return None
    partial = raised.partial if isinstance(raised, CallFailed) else None
    if partial is not None and partial.usage.total:
        known = partial.usage
        return Usage(
            input=known.input, output=known.output, cache_read=known.cache_read, cache_write=known.cache_write,
            reasoning=known.reasoning, requests=1, estimated=True,
        )  # fmt: skip
    from autogen.models.admission import prompt_tokens

    return Usage(input=prompt_tokens(request, model), requests=1, estimated=True)


def _may_cost(raised: BaseException) -> bool:
    if isinstance(raised, CallFailed):
        if raised.began or raised.partial is not None:
            return True
        if isinstance(raised, ModelTimeout):
            return raised.phase not in NOT_SENT
        return isinstance(raised, BrokenStream)
    return not isinstance(raised, Exception) or isinstance(raised, TimeoutError)
