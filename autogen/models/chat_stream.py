"""The streamed form of Chat Completions: pieces of the body in, deltas out, and at the end the same reply as plain.

Decides how fragments are put together. Refuses to know how bytes travel. The hot path decodes each line once into
typed structs and makes one small object, the delta; what it does not model is read from the lines where the outline
of the answer changes (the first, those with a finish reason or usage). Change together: `chat.py`.
"""

from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import Struct

from autogen.core.events import Delta
from autogen.core.model import ModelReply
from autogen.models.chat import MESSAGE_FIELDS, TOP_FIELDS, failure, preview, redacted, reply_of, unreadable
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.errors import BrokenStream, error_object, status_in
from autogen.models.shapes import as_dict, as_list
from autogen.models.sse import SSE, EventTooLong

CUT = "the answer ended in the middle"


class _Function(Struct, gc=False):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct, gc=False):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Piece(Struct, gc=False):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None
    function_call: _Function | None = None


class _Choice(Struct, gc=False):
    index: int = 0
    delta: _Piece | None = None
    finish_reason: str | None = None


class _Chunk(Struct, gc=False):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_decode_any = msgspec.json.Decoder().decode


class _GrowingCall:
    """A call of which fragments are coming in."""

    __slots__ = ("arguments", "call_id", "extra", "given", "index", "name")

    def __init__(self, given: int | None, index: int) -> None:
        self.given, self.index = given, index
        """The index that the server gave, and the place among its calls."""
        self.call_id = ""
        self.name = ""
        self.arguments: list[str] = []
        self.extra: dict[str, Any] = {}

    def function(self) -> dict[str, str]:
        return {"name": self.name, "arguments": "".join(self.arguments)}


class _Growing:
    """One choice as far as it has come."""

    __slots__ = ("calls", "extra", "finish", "function", "refusal", "text", "thoughts")

    def __init__(self) -> None:
        self.text: list[str] = []
        self.thoughts: list[str] = []
        self.refusal: list[str] = []
        self.calls: list[_GrowingCall] = []
        self.function: _GrowingCall | None = None
        self.finish: str | None = None
        self.extra: dict[str, Any] = {}

    def message(self) -> dict[str, Any]:
        """In the form of the plain answer."""
        raw: dict[str, Any] = {**self.extra, "content": "".join(self.text)}
        if self.thoughts:
            raw["reasoning_content"] = "".join(self.thoughts)
        if self.refusal:
            raw["refusal"] = "".join(self.refusal)
        if self.function is not None:
            raw["function_call"] = self.function.function()
        if self.calls:
            ordered = sorted(self.calls, key=lambda call: call.index)
            raw["tool_calls"] = [{"id": call.call_id, "function": call.function(), **call.extra} for call in ordered]
        return raw

    def call(self, index: int | None, call_id: str | None, named: bool) -> _GrowingCall:
        """The call that a fragment belongs to: by index; servers that give none, or always 0, are told by id."""
        for known in reversed(self.calls):
            if call_id and known.call_id and known.call_id != call_id and named:
                continue
            if index is None or known.given == index:
                return known
        made = _GrowingCall(index, len(self.calls) if index is None else index)
        self.calls.append(made)
        return made


class StreamDecoder:
    """Feed it the body of a streamed answer with status 200; `close` gives the reply.

    Raises of `feed` and `close`: `BrokenStream` for a cut answer, the provider's error for an error event, with
    `partial` set to what had arrived; `UnreadableReply` for a body that is no stream of completions.
    """

    def __init__(self, endpoint: ChatEndpoint, headers: Mapping[str, str], agent: str = "", sent: int = 0) -> None:
        self._endpoint, self._headers, self._agent, self._sent = endpoint, headers, agent, sent
        self._sse = SSE()
        self._choices: dict[int, _Growing] = {}
        self._top: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
        self._begun = False
        self._done = False
        self._ending = False
        self._head = b""
        """The beginning of the body until its first event: what an answer that is no stream is told by."""

    def feed(self, data: bytes) -> list[Delta]:
        """The pieces of the first choice that these bytes complete, in order."""
        if not self._begun and len(self._head) < 1_000_000:
            self._head += data
        deltas: list[Delta] = []
        try:
            events = self._sse.feed(data)
        except EventTooLong as error:
            self._fail(str(error), error)
        for name, payload in events:
            if self._done:
                break
            if payload == b"[DONE]":
                self._done = True
            else:
                self._take(name, payload, deltas)
        return deltas

    def close(self) -> ModelReply:
        """The reply, equal to what the plain form of the same answer decodes to."""
        if not self._done:
            self._ending = True
            self.feed(b"\n\n")  # a last event whose blank line is missing
        if not self._begun:
            self._not_a_stream()
        if not self._done and not (self._choices and all(c.finish for c in self._choices.values())):
            self._fail(CUT)
        if not self._choices:
            raise unreadable(200, self._headers, b"a stream without any choice", self._endpoint)
        return self._reply()

    def partial(self) -> ModelReply | None:
        """What has arrived so far; None when nothing has."""
        return self._reply() if self._choices else None

    def broken(self, detail: str) -> BrokenStream:
        """The error of an answer that was cut for a reason that the transport knows."""
        made = BrokenStream(
            redacted(detail, self._endpoint),
            endpoint=self._endpoint.address,
            model=self._endpoint.model,
            request_id=self._headers.get("x-request-id"),
        )
        made.partial = self.partial()
        return made

    def _fail(self, detail: str, cause: BaseException | None = None) -> NoReturn:
        raise self.broken(detail) from cause

    def _reply(self) -> ModelReply:
        choices = [
            {"message": growing.message(), "finish_reason": growing.finish}
            for _, growing in sorted(self._choices.items())
        ]
        return reply_of({**self._top, "choices": choices, "usage": self._usage}, self._endpoint, self._sent)

    def _not_a_stream(self) -> NoReturn:
        """The server sent something else with status 200: an error object, a page, nothing."""
        try:
            answer = _decode_any(self._head)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            answer = None
        error = error_object(answer)
        if error is not None:
            raise failure(status_in(error), self._headers, answer, self._head, self._endpoint)
        raise unreadable(200, self._headers, self._head, self._endpoint)

    def _take(self, name: str, payload: bytes, deltas: list[Delta]) -> None:
        try:
            chunk = _decode(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            chunk = self._lenient(payload, error)
        if chunk.error is not None or name == "error":
            self._error_event(payload)
        choices = chunk.choices
        if not self._begun or chunk.usage is not None:
            self._outline(payload)
        if not choices:
            return
        for choice in choices:
            growing = self._choices.get(choice.index)
            if growing is None:
                growing = self._choices[choice.index] = _Growing()
                self._extras(payload, choice.index, growing)
            piece = choice.delta
            if piece is not None:
                text = piece.content
                if text:
                    growing.text.append(text)
                    if choice.index == 0:
                        deltas.append(Delta(self._agent, text))
                rare = piece.tool_calls or piece.function_call or piece.reasoning_content
                if rare or piece.reasoning or piece.refusal:
                    self._rarer(growing, piece, deltas if choice.index == 0 else [], payload)
            if choice.finish_reason:
                growing.finish = choice.finish_reason
                self._outline(payload)

    def _rarer(self, growing: _Growing, piece: _Piece, deltas: list[Delta], payload: bytes) -> None:
        thought = piece.reasoning_content or piece.reasoning
        if thought:
            growing.thoughts.append(thought)
            deltas.append(Delta(self._agent, thought, "reasoning"))
        if piece.refusal:
            growing.refusal.append(piece.refusal)
            deltas.append(Delta(self._agent, piece.refusal))
        if piece.function_call is not None:
            if growing.function is None:
                growing.function = _GrowingCall(None, 0)
            self._grow(growing.function, piece.function_call, deltas)
        for position, call in enumerate(piece.tool_calls or ()):
            function = call.function
            known = growing.call(call.index, call.id, function is not None and bool(function.name))
            if call.id and not known.call_id:
                known.call_id = call.id
                known.extra = _call_extra(payload, growing, position, self._choices)
            if function is not None:
                self._grow(known, function, deltas)

    def _grow(self, call: _GrowingCall, function: _Function, deltas: list[Delta]) -> None:
        if function.name and not call.name:
            call.name = function.name
            deltas.append(Delta(self._agent, function.name, "call"))
        if function.arguments:
            call.arguments.append(function.arguments)
            deltas.append(Delta(self._agent, function.arguments, "call"))

    def _outline(self, payload: bytes) -> None:
        """Top-level fields, from the lines that may bring new ones."""
        self._begun = True
        self._head = b""
        raw = as_dict(_decode_any(payload))
        self._usage = as_dict(raw.get("usage")) or self._usage
        for key, value in raw.items():
            if value is None or key in ("choices", "usage", "object", "obfuscation"):
                continue
            if key not in TOP_FIELDS or not self._top.get(key):
                self._top[key] = value

    def _extras(self, payload: bytes, index: int, growing: _Growing) -> None:
        """Fields of the message that are not modelled, from the choice's first line."""
        for choice in _choices_in(payload):
            if choice.get("index", 0) == index:
                delta = as_dict(choice.get("delta"))
                growing.extra = {k: v for k, v in delta.items() if k not in MESSAGE_FIELDS and k != "refusal"}

    def _error_event(self, payload: bytes) -> NoReturn:
        answer = _decode_any(payload)
        error = error_object(answer) or as_dict(answer)
        made = failure(status_in(error), self._headers, {"error": error}, payload, self._endpoint)
        made.partial = self.partial()
        raise made

    def _lenient(self, payload: bytes, error: Exception) -> _Chunk:
        """A line of an unusual shape: content as a list of parts, arguments as an object."""
        try:
            raw: Any = _decode_any(payload)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            if self._ending:
                self._fail(CUT, error)
            self._fail(f"the server sent a line that is no JSON: {preview(payload, self._endpoint, 120)}", error)
        known = as_dict(raw)
        if not known:
            self._fail(f"the server sent a line that is no completion: {preview(payload, self._endpoint, 120)}", error)
        if known.get("choices"):
            known = {**known, "choices": [_plain_choice(as_dict(choice)) for choice in as_list(known["choices"])]}
        try:
            return _decode(msgspec.json.encode(known))
        except msgspec.DecodeError as again:
            self._fail(f"the server sent a line that is no completion: {again}", error)


def _call_extra(payload: bytes, growing: _Growing, position: int, choices: Mapping[int, _Growing]) -> dict[str, Any]:
    """What a call carries besides id and function (a thought signature, say), from its first fragment."""
    for choice in _choices_in(payload):
        if choices.get(choice.get("index", 0)) is growing:
            call = as_dict(as_list(as_dict(choice.get("delta")).get("tool_calls"))[position])
            return {k: v for k, v in call.items() if k not in ("id", "type", "function", "index") and v is not None}
    return {}


def _choices_in(payload: bytes) -> list[dict[str, Any]]:
    found = as_list(as_dict(_decode_any(payload)).get("choices"))
    return [known for choice in found if (known := as_dict(choice))]


def _plain_choice(choice: dict[str, Any]) -> dict[str, Any]:
    piece = dict(as_dict(choice.get("delta")))
    if isinstance(piece.get("content"), list):
        parts = [as_dict(item) for item in as_list(piece["content"])]
        piece["content"] = "".join(str(part.get("text") or "") for part in parts)
        thoughts = "".join(_thinking(part.get("thinking")) for part in parts)
        if thoughts:
            piece["reasoning_content"] = thoughts
    calls = [dict(as_dict(call)) for call in as_list(piece.get("tool_calls"))]
    for call in calls:
        function = dict(as_dict(call.get("function")))
        if not isinstance(function.get("arguments"), (str, type(None))):
            function["arguments"] = msgspec.json.encode(function["arguments"]).decode()
        call["function"] = function
    piece["tool_calls"] = calls
    return {**choice, "delta": piece}


def _thinking(value: object) -> str:
    if isinstance(value, str):
        return value
    return "".join(str(as_dict(part).get("text") or "") for part in as_list(value))
