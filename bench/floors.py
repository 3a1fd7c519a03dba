"""The floors: the least that any program pays to send these bodies and read the answers.

A bare loop over aiohttp (async) or the standard library's `http.client` (sync), which
sends recorded bodies byte for byte and decodes each answer into typed structs with
msgspec. It encodes nothing, keeps no history, checks nothing: whatever a library costs
above it is the library's own. It knows nothing of agents.
"""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from msgspec import Struct
from msgspec.json import Decoder

from bench.measure import Job, Meter, Sample, a_repeat, read_bodies, repeat, rss_kib, windows

_HEADERS = {"content-type": "application/json", "authorization": "Bearer bench", "accept": "application/json"}


class Function(Struct):
    name: str
    arguments: str


class ToolCall(Struct):
    id: str
    function: Function


class Message(Struct):
    role: str
    content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Struct):
    message: Message
    finish_reason: str


class Usage(Struct):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(Struct):
    id: str
    model: str
    choices: list[Choice]
    usage: Usage


class Delta(Struct):
    content: str | None = None


class ChunkChoice(Struct):
    delta: Delta
    finish_reason: str | None = None


class Chunk(Struct):
    id: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class AddArguments(Struct):
    a: int
    b: int


_completion = Decoder(Completion)
_chunk = Decoder(Chunk)
_arguments = Decoder(AddArguments)


def read_completion(data: bytes) -> str:
    """The text of an answer; a call of `add` in it is performed and its result is the text."""
    message = _completion.decode(data).choices[0].message
    if message.tool_calls is not None:
        call = _arguments.decode(message.tool_calls[0].function.arguments)
        return str(call.a + call.b)
    return message.content or ""


class EventReader:
    """Splits pieces of a body into server-sent events and takes the text out of each."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self._rest = b""

    def feed(self, piece: bytes) -> None:
        *events, self._rest = (self._rest + piece).split(b"\n\n")
        for event in events:
            data = event[6:]
            if data == b"[DONE]":
                continue
            choices = _chunk.decode(data).choices
            if choices and choices[0].delta.content:
                self.text.append(choices[0].delta.content)


class SyncClient:
    """One kept connection of `http.client`."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._path = f"{parts.path}/chat/completions"
        self._connection = http.client.HTTPConnection(parts.netloc)

    def post(self, body: bytes) -> bytes:
        return self._send(body).read()

    def stream(self, body: bytes) -> Iterator[bytes]:
        response = self._send(body)
        while piece := response.read1(65536):
            yield piece

    def _send(self, body: bytes) -> http.client.HTTPResponse:
        self._connection.request("POST", self._path, body, _HEADERS)
        response = self._connection.getresponse()
        if response.status != 200:
            raise RuntimeError(f"the server answered {response.status}: {response.read()[:200]!r}")
        return response


class AsyncClient:
    """One aiohttp session without a limit on its connections."""

    def __init__(self, base_url: str) -> None:
        self._url = f"{base_url}/chat/completions"
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), headers=_HEADERS)

    async def post(self, body: bytes) -> bytes:
        async with self._session.post(self._url, data=body) as response:
            response.raise_for_status()
            return await response.read()

    async def stream(self, body: bytes) -> AsyncIterator[bytes]:
        async with self._session.post(self._url, data=body) as response:
            response.raise_for_status()
            async for piece in response.content.iter_any():
                yield piece

    async def close(self) -> None:
        await self._session.close()


def chat_sync(job: Job) -> Sample:
    """Send the recorded bodies of one chat in order. Units as in `repeat`."""
    client, bodies = SyncClient(job.base_url), read_bodies(job.bodies)

    def once() -> list[str]:
        return [read_completion(client.post(body)) for body in bodies]

    return {**repeat(job, once), "calls": len(bodies) * (job.warm + job.repeat)}


def chat_async(job: Job) -> Sample:
    """`chat_sync` over aiohttp."""
    bodies = read_bodies(job.bodies)

    async def measured(client: AsyncClient) -> Sample:
        async def once() -> list[str]:
            return [read_completion(await client.post(body)) for body in bodies]

        return {**await a_repeat(job, once), "calls": len(bodies) * (job.warm + job.repeat)}

    return _with_client(job, measured)


def long_chat_sync(job: Job) -> Sample:
    """The recorded bodies of one long chat, with the cost per turn in two windows of it."""
    client, bodies = SyncClient(job.base_url), read_bodies(job.bodies)
    client.post(bodies[0])
    return {**windows(list(_marked(client.post, bodies)), len(bodies)), "calls": len(bodies) + 1}


def _marked(post: Callable[[bytes], bytes], bodies: Iterable[bytes]) -> Iterator[float]:
    for body in bodies:
        yield time.process_time()
        read_completion(post(body))


def long_chat_async(job: Job) -> Sample:
    """`long_chat_sync` over aiohttp."""
    bodies = read_bodies(job.bodies)

    async def measured(client: AsyncClient) -> Sample:
        await client.post(bodies[0])
        marks = []
        for body in bodies:
            marks.append(time.process_time())
            read_completion(await client.post(body))
        return {**windows(marks, len(bodies)), "calls": len(bodies) + 1}

    return _with_client(job, measured)


def stream_sync(job: Job) -> Sample:
    """Read streams of events to the end and take their texts."""
    client, (body, *_) = SyncClient(job.base_url), read_bodies(job.bodies)

    def once() -> str:
        reader = EventReader()
        for piece in client.stream(body):
            reader.feed(piece)
        return "".join(reader.text)

    return {**repeat(job, once), "calls": job.warm + job.repeat}


def stream_async(job: Job) -> Sample:
    """`stream_sync` over aiohttp."""
    body = read_bodies(job.bodies)[0]

    async def measured(client: AsyncClient) -> Sample:
        async def once() -> str:
            reader = EventReader()
            async for piece in client.stream(body):
                reader.feed(piece)
            return "".join(reader.text)

        return {**await a_repeat(job, once), "calls": job.warm + job.repeat}

    return _with_client(job, measured)


def crowd(job: Job) -> Sample:
    """`job.size` conversations at once, each sending the recorded bodies of one; their texts are kept.

    Gives wall_s, cpu_s for all of them and kept_kib: growth of resident memory per conversation.
    """
    bodies = read_bodies(job.bodies)

    async def measured(client: AsyncClient) -> Sample:
        async def conversation() -> list[str]:
            return [read_completion(await client.post(body)) for body in bodies]

        for _ in range(job.warm):
            await conversation()
        before = rss_kib()
        meter = Meter()
        kept = await asyncio.gather(*(conversation() for _ in range(job.size)))
        return {
            **meter.read(),
            "kept_kib": (rss_kib() - before) / len(kept),
            "calls": len(bodies) * (job.size + job.warm),
        }

    return _with_client(job, measured)


def _with_client(job: Job, measured: Callable[[AsyncClient], Coroutine[Any, Any, Sample]]) -> Sample:
    async def run() -> Sample:
        client = AsyncClient(job.base_url)
        try:
            return await measured(client)
        finally:
            await client.close()

    return asyncio.run(run())
