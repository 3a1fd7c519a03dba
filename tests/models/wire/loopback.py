"""A real loopback server whose path says how it behaves, and a small forwarding proxy; each on its own loop thread.

Paths: /plain /echo /chunked /gate /silent /stall /cut /noread /early-refusal /close /status-503 /gzip /continue /late
Refuses to know HTTP beyond what its answers need.
"""

import asyncio
import gzip
import ssl
import threading
from collections.abc import Awaitable, Callable
from queue import Queue
from types import TracebackType
from typing import Any


class LoopThread:
    """An event loop in a thread, with one server on a free port of 127.0.0.1."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.connections = 0
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        ready = threading.Event()

        async def begin() -> None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=tls, backlog=4096)
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()

        def work() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.set_exception_handler(lambda loop, context: None)  # peers that vanish are what is tested
            self._loop.create_task(begin())
            self._loop.run_forever()
            self._loop.close()

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()
        assert ready.wait(10)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return
        finally:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise AssertionError

    def call(self, function: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(function)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        async def end() -> None:
            assert self._server is not None
            self._server.close()
            mine = asyncio.current_task()
            for task in asyncio.all_tasks():
                if task is not mine:
                    task.cancel()
            await asyncio.sleep(0)
            self._loop.stop()

        asyncio.run_coroutine_threadsafe(end(), self._loop)
        self._thread.join(10)


async def read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes] | None:
    """(method, target, headers, body); None at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    if "noread" in target:
        return method, target, headers, b""
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return method, target, headers, body


class Loopback(LoopThread):
    """The server. `closed` receives the path of each connection that the peer closed while an answer was open."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.closed: Queue[str] = Queue()
        self.heard: list[tuple[str, str, dict[str, str], bytes]] = []
        self._gate = asyncio.Event()
        self.secure = tls is not None
        super().__init__(tls)

    def url(self, path: str) -> str:
        return f"http{'s' if self.secure else ''}://localhost:{self.port}{path}"

    def open_gate(self) -> None:
        self.call(self._gate.set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (request := await read_request(reader)) is not None:
            self.heard.append(request)
            path = request[1].partition("?")[0].strip("/").replace("-", "_")
            path = path.rpartition("/")[2]
            name = "status" if path.startswith("status_") else path
            answer: Callable[..., Awaitable[bool]] = getattr(self, f"on_{name}")
            if not await answer(request, reader, writer):
                return

    async def on_plain(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        return await whole(writer, b"ok")

    async def on_echo(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        return await whole(writer, request[3])

    async def on_close(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        """Answers as if the connection lived on, then closes it: what a server's idle timeout looks like."""
        await whole(writer, b"ok")
        return False

    async def on_until_close(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nuntil the end")
        return False

    async def on_continue(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        return await whole(writer, b"after hints")

    async def on_status(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        number = request[1].rpartition("-")[2]
        return await whole(writer, b'{"error":{"message":"no"}}', f"{number} Why")

    async def on_redirect(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        return await whole(writer, b"", "302 Found", "location: /plain\r\n")

    async def on_gzip(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        return await whole(writer, gzip.compress(b"plain again" * 100), "200 OK", "content-encoding: gzip\r\n")

    async def on_chunked(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        chunked_head(writer)
        for index in range(50):
            piece = bytes([65 + index % 26]) * (index * 37 + 1)
            writer.write(b"%x;name=value\r\n%b\r\n" % (len(piece), piece))
            await writer.drain()
        writer.write(b"0\r\nx-trailer: yes\r\n\r\n")
        return True

    async def on_gate(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        """The first chunk at once, the last when the test opens the gate."""
        chunked_head(writer)
        writer.write(b"5\r\nfirst\r\n")
        await self._gate.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")
        return True

    async def on_silent(self, request: Any, reader: asyncio.StreamReader, writer: Any) -> bool:
        self.heard_silent = True
        return await self._gone("silent", reader)

    async def on_stall(self, request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        chunked_head(writer)
        writer.write(b"5\r\nfirst\r\n")
        return await self._gone("stall", reader)

    async def on_dripping(self, request: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Never silent for long, never ready."""
        chunked_head(writer)
        while True:
            writer.write(b"1\r\n.\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _gone(self, name: str, reader: asyncio.StreamReader) -> bool:
        try:
            await reader.read()
        except ConnectionError:
            self.closed.put(name)
            return False
        self.closed.put(name)
        return False

    async def on_noread(self, request: Any, reader: asyncio.StreamReader, writer: Any) -> bool:
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(30)
        return False

    async def on_early_refusal(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        return await whole(writer, b"too large", "413 Too Large")

    async def on_cut(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
        await writer.drain()
        return False

    async def on_cut_chunked(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        chunked_head(writer)
        writer.write(b"5\r\nfirst\r\n")
        await writer.drain()
        return False

    async def on_nonsense(self, request: Any, reader: Any, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
        await writer.drain()
        return False


def chunked_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


async def whole(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK", more: str = "") -> bool:
    head = f"HTTP/1.1 {status}\r\nX-Request-Id: r1\r\nContent-Type: text/plain\r\n{more}"
    writer.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    return True


class Proxy(LoopThread):
    """Forwards plain requests and tunnels; `seen` holds each first line, `auth` each Proxy-Authorization."""

    def __init__(self, refuse: bool = False) -> None:
        self.seen: list[str] = []
        self.auth: list[str] = []
        self._refuse = refuse
        super().__init__()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        if request is None:
            return
        method, target, headers, body = request
        self.seen.append(f"{method} {target}")
        self.auth.append(headers.get("proxy-authorization", ""))
        if self._refuse:
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
            await writer.drain()
            return
        if method == "CONNECT":
            port = int(target.rpartition(":")[2])
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            authority = target.split("/")[2]
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", int(authority.rpartition(":")[2]))
            path = "/" + target.split("/", 3)[3]
            far_writer.write(
                f"{method} {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
            )
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        writer.close()
