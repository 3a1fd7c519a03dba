"""Asks one model endpoint what it can do: reachable, chat, tools, streaming, JSON mode, context size.

Decides what is asked and what counts as a yes. Every question goes the way that a run's own requests go, so that an
answer here holds there. Refuses to print, and to know which command asks.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import DecodeError, Struct
from msgspec.json import decode
from msgspec.structs import replace

from autogen.cli.local_servers import MAX_BYTES, ListedModel, listed_models
from autogen.core.errors import ModelError
from autogen.core.events import Delta, Event
from autogen.core.model import ModelMessage, ModelReply, ModelRequest, Text, ToolSpec

Verdict: TypeAlias = Literal["yes", "no", "unknown"]

SECONDS = 60.0
"""Time for each question: a local server may have to load the model first."""

_ADD = ToolSpec(
    "add",
    "Add two numbers.",
    {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
)


class Finding(Struct, frozen=True):
    """The answer to one question; `detail` says what was seen, in a few words."""

    question: str
    verdict: Verdict
    detail: str = ""


def models_at(base_url: str, key: str = "", *, seconds: float = 10.0) -> list[ListedModel]:
    """The models that `base_url` lists; empty if it lists none. Raises `Unreachable` when nothing answers."""
    from autogen.models.transport import HttpRequest, Timeout, transport_for

    headers = {"Accept": "application/json"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    url = base_url.rstrip("/") + "/models"
    request = HttpRequest(method="GET", url=url, headers=headers, timeout=Timeout.of(seconds))
    reply = transport_for().send(request)
    return listed_models(reply.body[:MAX_BYTES]) if reply.status == 200 else []


def probe(entry: Mapping[str, Any]) -> Iterator[Finding]:
    """What the endpoint of one configuration entry can do. Up to five short requests; stops when nothing answers."""
    from autogen.models.entries import endpoint_of, read_entry
    from autogen.models.transport import Timeout

    read = read_entry({**entry}, {}, 0)
    if read.kind != "chat":
        yield Finding("reachable", "unknown", f"the entry is of the kind {read.kind!r} and has no endpoint")
        return
    endpoint = replace(endpoint_of(read, {}), timeout=Timeout.of(SECONDS))
    try:
        key = endpoint.api_key.reveal() if endpoint.api_key is not None and endpoint.api_type == "openai" else ""
        listed = models_at(endpoint.base_url, key)
    except ModelError as failed:
        yield Finding("reachable", "no", _short(failed))
        return
    yield Finding("reachable", "yes", _told_of(listed, endpoint.model))
    chat = _asked(
        endpoint, "Answer with one word: ready", judge=lambda reply, _: (bool(reply.message.text.strip()), "")
    )
    yield replace(chat, question="chat")
    if chat.verdict == "no":
        return
    yield replace(_asked(endpoint, "What is 17 + 25? Use the tool.", judge=_called, tools=(_ADD,)), question="tools")
    yield replace(_asked(endpoint, "Count from one to ten.", judge=_streamed, stream=True), question="streaming")
    wanted = {"type": "json_object"}
    question = 'Answer with this JSON object and nothing else: {"ready": true}'
    yield replace(_asked(endpoint, question, judge=_is_json, response_format=wanted), question="JSON mode")
    size = next((model.context for model in listed if model.id == endpoint.model), None)
    told = f"{size} tokens" if size is not None else "the server does not tell"
    yield Finding("context size", "unknown" if size is None else "yes", told)


def _told_of(listed: list[ListedModel], model: str) -> str:
    if not listed:
        return "it lists no models"
    names = [one.id for one in listed]
    count = f"{len(names)} model{'' if len(names) == 1 else 's'} listed"
    return count if model in names else f"{count}, not {model!r}, but {', '.join(names[:5])}"


Judge: TypeAlias = Callable[[ModelReply, int], tuple[bool, str]]
"""(reply, number of text deltas) -> is it a yes, and what was seen."""


def _asked(endpoint: Any, text: str, *, judge: Judge, tools: tuple[ToolSpec, ...] = (), **settings: Any) -> Finding:
    from autogen.drivers.blocking import perform
    from autogen.models.exchange import exchange

    deltas: list[Delta] = []

    def heard(event: Event) -> None:
        if isinstance(event, Delta) and event.kind == "text":
            deltas.append(event)

    request = ModelRequest((ModelMessage("user", (Text(text),)),), tools, settings)
    try:
        reply = perform(exchange(endpoint, request, heard, "doctor"))
    except ModelError as failed:
        return Finding("", "no", _short(failed))
    yes, detail = judge(reply, len(deltas))
    return Finding("", "yes" if yes else "no", detail)


def _called(reply: ModelReply, _: int) -> tuple[bool, str]:
    if reply.message.calls:
        return True, f"it called {reply.message.calls[0].name}"
    as_text = "add" in reply.message.text and "{" in reply.message.text
    return False, "it wrote the call as text" if as_text else "it answered without the tool"


def _streamed(reply: ModelReply, deltas: int) -> tuple[bool, str]:
    return deltas > 1, f"{deltas} pieces" if deltas else "the text came in one piece"


def _is_json(reply: ModelReply, _: int) -> tuple[bool, str]:
    try:
        value = decode(reply.message.text)
    except DecodeError:
        return False, "the answer is no JSON"
    return isinstance(value, dict), ""


def _short(failed: Exception) -> str:
    return " ".join(str(failed).split())[:300]
