"""One attempt at one endpoint, as a performer's coroutine: encode, send or stream, decode.

Refuses to retry, to fail over, to cache and to price: `models/client.py` decides those.
"""

from typing import Any

from msgspec.structs import replace

from autogen.core.events import Delta, RequestSent
from autogen.core.model import ModelReply, ModelRequest
from autogen.drivers.performer import Act, CallProgram, EmitNow, Work
from autogen.models.azure import checked, token_provider
from autogen.models.chat import decode, encode, merged_settings
from autogen.models.chat_endpoint import ChatEndpoint
from autogen.models.chat_stream import StreamDecoder
from autogen.models.errors import BrokenStream, CallFailed, ModelTimeout
from autogen.models.openai_errors import as_openai
from autogen.models.secret import Secret
from autogen.models.transport import AsyncHttpStream, HttpReply, HttpRequest, HttpStream, Transport, transport_for


async def exchange(endpoint: ChatEndpoint, request: ModelRequest, emit: EmitNow, agent: str) -> ModelReply:
    """The endpoint's reply; deltas are emitted as they arrive when `stream` is set in the settings.

    Awaits only `Act` and `CallProgram`. Raises the tree of `models/errors.py` (as `openai`'s classes too, when that
    package is loaded), with `partial` set when an answer broke in the middle. After the last delta comes one of kind
    "end". Attempts, seconds and prices are the caller's business.
    """
    token: Secret | None = None
    provider = token_provider(endpoint)
    if provider is not None:
        token = Secret(checked(await CallProgram(provider), endpoint))
        endpoint = replace(endpoint, azure_ad_token=token)  # so that errors hide it, too
    sending = _Sending(encode(request, endpoint, token), transport_for(endpoint.connection, endpoint.http_client, emit))
    emit(RequestSent(agent, endpoint.address, sending.http.body))
    try:
        if merged_settings(request, endpoint).get("stream"):
            return await _streamed(sending, endpoint, emit, agent)
        answer: HttpReply = await Act(sending.send, sending.a_send)
        try:
            return decode(answer.status, answer.headers, answer.body, endpoint, sending.size)
        except CallFailed as error:
            error.began = answer.status < 300
            raise
    except CallFailed as error:
        error.model = error.model or endpoint.model
        error.endpoint = error.endpoint or endpoint.address
        told = as_openai(error)
        if told is error:
            raise
        raise told from error.__cause__


class _Sending:
    """One request on its way. It lets go of the request as it goes out: who waits for an answer need not hold it."""

    __slots__ = ("_transport", "http", "size")

    def __init__(self, http: HttpRequest, transport: Transport) -> None:
        self.http, self._transport = http, transport
        self.size = len(http.body)

    def _taken(self) -> HttpRequest:
        http = self.http
        del self.http
        return http

    def send(self) -> HttpReply:
        return self._transport.send(self._taken())

    def a_send(self) -> Work[HttpReply]:
        return self._transport.a_send(self._taken())

    def open(self) -> HttpStream:
        return self._transport.open(self._taken())

    def a_open(self) -> Work[AsyncHttpStream]:
        return self._transport.a_open(self._taken())


async def _streamed(sending: _Sending, endpoint: ChatEndpoint, emit: EmitNow, agent: str) -> ModelReply:
    stream: HttpStream | AsyncHttpStream = await Act[Any](sending.open, sending.a_open)
    try:
        if stream.status >= 400 or "json" in stream.headers.get("content-type", ""):
            # An error, or a server that does not stream: the whole answer is its only piece.
            reply = decode(stream.status, stream.headers, await _rest(stream), endpoint, sending.size)
            if reply.message.text:
                emit(Delta(agent, reply.message.text))
            emit(Delta(agent, "", "end"))
            return reply
        decoder = StreamDecoder(endpoint, stream.headers, agent, sending.size)
        read: Any = stream.read
        step = Act[bytes](read, read)  # blocking or a coroutine function: the stream knows which driver opened it
        try:
            while chunk := await step:
                for delta in decoder.feed(chunk):
                    emit(delta)
        except BrokenStream as error:
            if error.partial is None and error.model == "":
                raise decoder.broken(error.message) from error
            raise
        except ModelTimeout as error:
            error.partial = decoder.partial()
            raise
        reply = decoder.close()
    except CallFailed as error:
        error.began = stream.status < 300
        raise
    finally:
        stream.close()
    emit(Delta(agent, "", "end"))
    return reply


async def _rest(stream: HttpStream | AsyncHttpStream) -> bytes:
    """The whole body of an answer that turned out to be no stream."""
    read: Any = stream.read
    step = Act[bytes](read, read)
    pieces: list[bytes] = []
    while chunk := await step:
        pieces.append(chunk)
    return b"".join(pieces)
