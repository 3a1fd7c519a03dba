"""Performs a model call over a config list: cache, attempts, the next entry, the price.

Decides the order in which entries are tried, what is tried again, which failure moves on and which ends the call.
Refuses to know wire formats (`exchange.py`) and how long to wait after which failure (`retry.py`). Everything here is
a performer's coroutine, written once for both drivers.
"""

from collections.abc import Callable, Mapping, Sequence
from random import random
from time import monotonic, time
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from autogen.core.effects import CallModel, Purpose, Sleep
from autogen.core.errors import ConfigError, NotSetUp
from autogen.core.events import Delta, Event, ModelFinished, ModelStarted
from autogen.core.model import Json, ModelReply, ModelRequest, Usage
from autogen.drivers.performer import CallProgram, EmitNow, Work, silent
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.entries import Entry, endpoint_of
from autogen.models.errors import CallFailed, ContentFiltered, ModelTimeout, RateLimited
from autogen.models.exchange import exchange
from autogen.models.limits import limiter_for
from autogen.models.openai_wrapper import OWN_CREATE, OpenAIWrapper
from autogen.models.prices import cost_usd, warn_unknown
from autogen.models.reply_cache import cache_for, keep, look_up, request_key
from autogen.models.retry import RetryPolicy, delay

FilterFunc = Callable[..., Any]


class Ledger(Protocol):
    """Who is told of attempts that failed, and asked before the next one."""

    def lost(self, agent: str, usage: Usage, usd: float | None) -> None:
        """A failed attempt may have been billed this, an estimate; usd is None when the price is not known."""
        ...

    def again(self) -> None:
        """Before a further attempt: raises what forbids it, such as LimitReached."""
        ...


class Answer(Struct, frozen=True, eq=False, kw_only=True):
    """A reply and what 0.2 tells about it beside."""

    reply: ModelReply
    entry: Entry
    passed: bool = True
    """What `filter_func` said; False only when every entry's answer was rejected."""
    native: Any = None
    """The response object of a custom model client."""
    counted: bool = True
    """False when a custom model client counts no usage."""


class Call(Struct, frozen=True, eq=False, kw_only=True):
    """What stays the same for all entries of one call."""

    request: ModelRequest
    agent: str = ""
    purpose: Purpose = "other"
    cache: Any = None
    emit: EmitNow = silent
    context: Mapping[str, Any] | None = None
    filter_func: FilterFunc | None = None
    deadline: float | None = None
    """Seconds for all entries together."""
    raw_messages: Sequence[Mapping[str, Any]] | None = None
    """The messages as the program wrote them, for custom model clients."""
    record: Callable[[Answer], None] | None = None
    """Told of every answer, rejected and cached ones included."""
    ledger: Ledger | None = None


async def answer(entries: Sequence[Entry], call: Call) -> Answer:
    """The first entry's answer that there is. Awaits only `Act`, `CallProgram` and `Sleep`.

    Raises the tree of `errors.py`: the last entry's failure, whose text names the entries tried before; a `ConfigError`
    and a content filter at once.
    """
    if not entries:
        raise ConfigError("the config_list is empty; give at least one entry such as {'model': 'gpt-4o'}")
    began = monotonic()
    tried: list[str] = []
    rejected: Answer | None = None
    failure: BaseException | None = None
    for entry in entries:
        if tried and call.ledger is not None:
            call.ledger.again()
        try:
            found = await _one_entry(entry, call, began)
        except Exception as error:
            if isinstance(error, ContentFiltered) or not _moves_on(error):
                if tried:
                    error.add_note("tried before: " + "; ".join(tried))
                raise
            tried.append(f"entry {entry.index} ({entry.model or 'no model'} at {entry.host}): {_brief(error)}")
            failure = error
            continue
        failure = None
        if call.record is not None:
            call.record(found)
        if call.filter_func is None:
            return found
        if await CallProgram(call.filter_func, (), {"context": call.context, "response": _shown(found)}):
            return found
        rejected = replace(found, passed=False)
    if failure is not None:
        raise _told(failure, tried)
    assert rejected is not None
    return rejected


def _one_entry(entry: Entry, call: Call, began: float) -> Work[Answer]:
    request = _merged(entry, call.request)
    cache = cache_for(entry, call.cache)
    key = request_key(entry, request, request.settings) if cache is not None else None
    if key is None:
        return _attempts(entry, request, call, began)
    return _through_cache(cache, key, entry, request, call, began)


async def _through_cache(cache: Any, key: str, entry: Entry, request: ModelRequest, call: Call, began: float) -> Answer:
    found = await look_up(cache, key)
    if found is not None:
        cost = found.cost if found.cost is not None else _cost(found, entry)
        reply = replace(found, config_id=entry.index, cost=cost)
        call.emit(ModelStarted(call.agent, call.purpose, entry.model))
        call.emit(ModelFinished(call.agent, call.purpose, reply))
        return Answer(reply=reply, entry=entry)
    made = await _attempts(entry, request, call, began)
    if made.reply.finish != "error":
        await keep(cache, key, made.reply)
    return made


def _merged(entry: Entry, request: ModelRequest) -> ModelRequest:
    """The request with the entry's parameters over its own; tools of the request win over the entry's."""
    if not entry.settings and not request.settings:
        return request
    settings: dict[str, Json] = {**request.settings, **entry.settings}
    if request.settings.get("timeout") is not None:
        settings["timeout"] = request.settings["timeout"]
    tools = request.tools
    if not tools and (settings.get("tools") or settings.get("functions")):
        from autogen.models.openai_params import tool_specs

        tools = tool_specs(settings.get("tools"), settings.get("functions"))
    for name in ("tools", "functions"):
        settings.pop(name, None)
    return ModelRequest(request.messages, tools, settings)


async def _attempts(entry: Entry, request: ModelRequest, call: Call, began: float) -> Answer:
    """Ask one entry, again where `retry.py` says so."""
    started = monotonic()
    number = 0
    while True:
        number += 1
        left = _seconds_left(entry, call, began, started)
        attempt = _Attempt(entry, request, call, number)
        try:
            if entry.kind == "chat":
                made = Answer(reply=await _ask_endpoint(entry, request, call.agent, attempt, left), entry=entry)
            else:
                made = await _ask_other(entry, request, call, attempt)
        except BaseException as error:
            attempt.failed(error)
            if not isinstance(error, CallFailed):
                raise
            if isinstance(error, RateLimited) and error.retry_after and entry.kind == "chat":
                limiter_for(endpoint_of(entry, request.settings)).pause(monotonic(), error.retry_after)
            if left is not None:
                left = _seconds_left(entry, call, began, started)
            policy = RetryPolicy(max_retries=entry.max_retries, deadline=left)
            wait = delay(number, error, random(), now=time(), policy=policy)  # noqa: S311 - jitter
            if wait is None:
                raise
            await Sleep(wait)
            if call.ledger is not None:
                call.ledger.again()
        else:
            return attempt.answered(made)


def _seconds_left(entry: Entry, call: Call, began: float, started: float) -> float | None:
    """What is left of the call's deadline and of the entry's. Raises `ModelTimeout` when nothing is."""
    if call.deadline is None and entry.deadline is None:
        return None
    now = monotonic()
    limits = [
        limit - (now - since)
        for limit, since in ((call.deadline, began), (entry.deadline, started))
        if limit is not None
    ]
    left = min(limits)
    if left <= 0:
        raise ModelTimeout("the deadline for all attempts has passed", model=entry.model, endpoint=entry.host)
    return left


def _lose(
    raised: BaseException, entry: Entry, request: ModelRequest, call: Call, sent: bool
) -> tuple[Usage | None, float | None]:
    """Tell the ledger what a failed attempt may have been billed; gives that, too."""
    if call.ledger is None:
        return None, 0.0
    from autogen.models.lost import lost_usage

    usage = lost_usage(raised, request, entry.model, sent)
    if usage is None:
        return None, 0.0
    free = entry.kind == "scripted" and entry.price is None
    usd = 0.0 if free else cost_usd(entry.model, usage, entry.price)
    call.ledger.lost(call.agent, usage, usd)
    return usage, usd


class _Attempt:
    """One attempt and its two events. An `emit`, which remembers whether a piece of the answer went through it."""

    __slots__ = ("_began", "_call", "_entry", "_request", "sent", "streamed")

    def __init__(self, entry: Entry, request: ModelRequest, call: Call, number: int) -> None:
        self._entry, self._request, self._call = entry, request, call
        self._began = monotonic()
        self.sent = False
        """The carrier was asked."""
        self.streamed = False
        call.emit(ModelStarted(call.agent, call.purpose, entry.model, number))

    def __call__(self, event: Event) -> None:
        if isinstance(event, Delta):
            self.streamed = True
        self._call.emit(event)

    def failed(self, error: BaseException) -> None:
        """Tell of it; deltas are taken back."""
        call = self._call
        if self.streamed:
            call.emit(Delta(call.agent, "", "reset"))
        seconds = monotonic() - self._began
        usage, usd = _lose(error, self._entry, self._request, call, self.sent)
        told = f"{type(error).__name__}: {_brief(error)}"
        call.emit(ModelFinished(call.agent, call.purpose, None, told, seconds, usage, usd))

    def answered(self, made: Answer) -> Answer:
        """The answer with its price, which is told."""
        entry, call = self._entry, self._call
        reply = replace(made.reply, config_id=entry.index, cost=_cost(made.reply, entry))
        call.emit(ModelFinished(call.agent, call.purpose, reply, None, monotonic() - self._began))
        return replace(made, reply=reply)


async def _ask_other(entry: Entry, request: ModelRequest, call: Call, emit: _Attempt) -> Answer:
    emit.sent = True
    if entry.kind == "scripted":
        reply = entry.client.answer(call.agent, call.purpose, request, emit)
        return Answer(reply=replace(reply, model=reply.model or entry.model), entry=entry)
    from autogen.models.custom_client import ask_custom, ask_sdk_client, chat_params

    params = chat_params(request.messages, request.tools, request.settings, entry.model)
    if call.raw_messages is not None:
        params["messages"] = list(call.raw_messages)
    if entry.kind == "client":
        reply, native, counted = await ask_sdk_client(entry, params)
    else:
        if entry.client is None:
            raise unregistered([entry.client_name])
        reply, native, counted = await ask_custom(entry, {**params, "model_client_cls": entry.client_name})
    return Answer(reply=reply, entry=entry, native=native, counted=counted)


def _ask_endpoint(
    entry: Entry, request: ModelRequest, agent: str, emit: _Attempt, left: float | None
) -> Work[ModelReply]:
    endpoint = endpoint_of(entry, request.settings)
    if left is not None:
        endpoint = replace(endpoint, timeout=replace(endpoint.timeout, total=left))
    wait = limiter_for(endpoint).reserve(monotonic(), entry.rate)
    if wait > 0:
        return _ask_later(wait, endpoint, request, agent, emit)
    emit.sent = True
    return exchange(endpoint, request, emit, agent)


async def _ask_later(
    wait: float, endpoint: ChatEndpoint, request: ModelRequest, agent: str, emit: _Attempt
) -> ModelReply:
    await Sleep(wait)
    emit.sent = True
    return await exchange(endpoint, request, emit, agent)


def _cost(reply: ModelReply, entry: Entry) -> float | None:
    if reply.cost is not None and (entry.price is None or entry.kind == "custom"):
        return reply.cost
    cost = cost_usd(reply.model or entry.model, reply.usage, entry.price)
    if cost is None and entry.model and reply.model != entry.model:
        cost = cost_usd(entry.model, reply.usage, None)
    if cost is None and entry.kind in ("chat", "client"):
        warn_unknown(reply.model or entry.model)
    return cost


def unregistered(names: Sequence[str]) -> NotSetUp:
    """0.2's error for custom model clients that were named but never registered."""
    return NotSetUp(
        f"Model client(s) {list(names)} are not activated. Please register the custom model clients using "
        "`register_model_client` or filter them out form the config list."
    )


def _moves_on(error: Exception) -> bool:
    from autogen.models.custom_client import is_api_error

    return isinstance(error, CallFailed) or is_api_error(error)


def _brief(error: BaseException) -> str:
    return error.message if isinstance(error, CallFailed) else str(error)


def _told(failure: BaseException, tried: Sequence[str]) -> BaseException:
    """The last failure, its text with the entries that failed before it."""
    if len(tried) > 1:
        before = "tried before: " + "; ".join(tried[:-1])
        if isinstance(failure, CallFailed):
            failure.hint = f"{failure.hint}; {before}" if failure.hint else before
        failure.add_note(before)
    return failure


def _shown(found: Answer) -> Any:
    if found.native is not None:
        return found.native
    from autogen.models.completion import to_completion

    return to_completion(found.reply)


def call_model(
    effect: CallModel, emit: EmitNow, deadline: float | None = None, ledger: Ledger | None = None
) -> Work[ModelReply]:
    """The performer of `CallModel`: the agent's `OpenAIWrapper`, or any object with 0.2's `create`. Seconds at most."""
    client = effect.client
    if client is None:
        raise ConfigError(f"agent {effect.agent!r} has no model; give it an llm_config")
    steps = getattr(client, "complete", None)
    if steps is not None and not overrides_create(client):
        work: Work[ModelReply] = steps(
            effect.request, agent=effect.agent, purpose=effect.purpose, cache=effect.cache, emit=emit,
            deadline=deadline, ledger=ledger,
        )  # fmt: skip
        return work
    return _through_create(client, effect, emit, deadline)


def overrides_create(client: Any) -> bool:
    """True when the program put a `create` of its own on an `OpenAIWrapper` (or below it)."""
    if not isinstance(client, OpenAIWrapper):
        return True
    return getattr(client.create, "__func__", None) is not OWN_CREATE


async def _through_create(client: Any, effect: CallModel, emit: EmitNow, deadline: float | None) -> ModelReply:
    from autogen.models.completion import from_response, texts_or_messages, usage_of
    from autogen.models.custom_client import chat_params

    request = effect.request
    params = chat_params(request.messages, request.tools, request.settings, "")
    if effect.cache is not None:
        params["cache"] = effect.cache
    began = monotonic()
    emit(ModelStarted(effect.agent, effect.purpose, type(client).__name__))
    try:
        response = await CallProgram(client.create, (), params, timeout=deadline)
        extract = getattr(client, "extract_text_or_completion_object", texts_or_messages)
        reply = from_response(response, extract(response), usage_of(response), "")
    except BaseException as error:
        failed = f"{type(error).__name__}: {_brief(error)}"
        emit(ModelFinished(effect.agent, effect.purpose, None, failed, monotonic() - began))
        raise
    reply = replace(reply, cached=bool(getattr(response, "cached", False)))
    emit(ModelFinished(effect.agent, effect.purpose, reply, None, monotonic() - began))
    return reply
