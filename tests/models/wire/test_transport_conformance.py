"""What every carrier must do, asked of each of them in both forms over real sockets.

A carrier that cannot do something for good is marked where it cannot, with the reason: that is why it is no default.
"""

import asyncio
import os
import resource
import select
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from queue import Empty
from typing import Any, Literal

import pytest
import trustme

from autogen.core.errors import ConfigError
from autogen.models.errors import BrokenStream, ModelTimeout, Unreachable
from autogen.models.transport import ConnectionSettings, HttpReply, HttpRequest, Timeout, Transport, transport_for
from tests.models.wire.loopback import Loopback, Proxy

Carrier = Literal["native", "pyreqwest", "httpx2"]
CARRIERS: list[Carrier] = ["native", "pyreqwest", "httpx2"]
PATIENT = Timeout(connect=10, read=10, write=10, pool=10)


class Caller:
    """One carrier in one form: the same four acts for the tests below."""

    def __init__(self, carrier: Carrier, form: str) -> None:
        self.carrier, self.form = carrier, form

    def transport(self, **settings: Any) -> Transport:
        return transport_for(ConnectionSettings(carrier=self.carrier, **settings))

    def send(self, request: HttpRequest, **settings: Any) -> HttpReply:
        transport = self.transport(**settings)
        if self.form == "blocking":
            return transport.send(request)
        return asyncio.run(transport.a_send(request))

    def pieces(
        self, request: HttpRequest, seen: Callable[[bytes], None] = lambda piece: None, **settings: Any
    ) -> bytes:
        """The streamed body; `seen` is told each piece when it comes."""
        transport = self.transport(**settings)
        out: list[bytes] = []
        if self.form == "blocking":
            stream = transport.open(request)
            try:
                while piece := stream.read():
                    seen(piece)
                    out.append(piece)
            finally:
                stream.close()
        else:

            async def go() -> None:
                stream = await transport.a_open(request)
                try:
                    while piece := await stream.read():
                        seen(piece)
                        out.append(piece)
                finally:
                    stream.close()

            asyncio.run(go())
        return b"".join(out)


@pytest.fixture(params=[f"{carrier}-{form}" for carrier in CARRIERS for form in ("blocking", "concurrent")])
def caller(request: pytest.FixtureRequest) -> Caller:
    carrier, _, form = request.param.partition("-")
    if carrier != "native":
        pytest.importorskip(carrier)
    return Caller(carrier, form)


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> Carrier:
    name: Carrier = request.param
    if name != "native":
        pytest.importorskip(name)
    return name


@pytest.fixture(scope="module")
def server() -> Iterator[Loopback]:
    with Loopback() as made:
        yield made


@pytest.fixture(autouse=True)
def no_proxy_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def post(url: str, body: bytes = b"x", timeout: Timeout = PATIENT, **headers: str) -> HttpRequest:
    return HttpRequest(
        url=url, body=body, timeout=timeout, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


# ---- plain answers -------------------------------------------------------------------------------------------------


def test_a_plain_answer_has_status_lower_case_headers_and_body(caller: Caller, server: Loopback) -> None:
    reply = caller.send(post(server.url("/plain"), authorization="Bearer k"))
    assert (reply.status, reply.body, reply.headers["x-request-id"]) == (200, b"ok", "r1")
    method, target, headers, body = server.heard[-1]
    assert (method, target, body) == ("POST", "/plain", b"x")
    assert headers["authorization"] == "Bearer k" and headers["host"] == f"localhost:{server.port}"


def test_a_large_body_arrives_both_ways(caller: Caller, server: Loopback) -> None:
    body = os.urandom(3_000_000)
    assert caller.send(post(server.url("/echo"), body)).body == body


def test_a_chunked_answer_is_put_together(caller: Caller, server: Loopback) -> None:
    want = b"".join(bytes([65 + i % 26]) * (i * 37 + 1) for i in range(50))
    assert caller.send(post(server.url("/chunked"))).body == want
    assert caller.pieces(post(server.url("/chunked"))) == want


def test_a_body_may_end_with_the_connection(caller: Caller, server: Loopback) -> None:
    assert caller.send(post(server.url("/until-close"))).body == b"until the end"


def test_interim_answers_are_skipped(caller: Caller, server: Loopback) -> None:
    assert caller.send(post(server.url("/continue"))).body == b"after hints"


def test_a_compressed_answer_is_opened(caller: Caller, server: Loopback) -> None:
    assert caller.send(post(server.url("/gzip"))).body == b"plain again" * 100
    assert caller.pieces(post(server.url("/gzip"))) == b"plain again" * 100


@pytest.mark.parametrize("status", [400, 429, 503])
def test_an_error_status_is_an_answer(caller: Caller, server: Loopback, status: int) -> None:
    reply = caller.send(post(server.url(f"/status-{status}")))
    assert (reply.status, reply.body) == (status, b'{"error":{"message":"no"}}')


def test_a_redirect_is_never_followed_with_the_key(caller: Caller, server: Loopback) -> None:
    assert caller.send(post(server.url("/redirect"), authorization="Bearer k")).status == 302
    assert server.heard[-1][1] == "/redirect"


# ---- the pool ------------------------------------------------------------------------------------------------------


def test_calls_after_each_other_share_a_connection(carrier: Carrier) -> None:
    with Loopback() as server:
        transport = transport_for(ConnectionSettings(carrier=carrier))
        for _ in range(5):
            transport.send(post(server.url("/plain")))
        assert server.connections == 1

        async def go() -> None:
            for _ in range(5):
                await transport.a_send(post(server.url("/plain")))

        asyncio.run(go())
        assert server.connections == 2


@pytest.mark.parametrize("carrier", ["native"])
def test_a_connection_that_the_server_closed_is_replaced(carrier: Carrier) -> None:
    """Before a byte goes out. If the end arrives later, and with other carriers, the retry layer has to cure it."""

    def kept(idle: Any) -> Any:
        return [connection for route, known in idle.items() if route.port == server.port for connection in known]

    def ended(sock: Any) -> None:
        assert select.select([sock], [], [], 10)[0]

    with Loopback() as server:
        transport: Any = transport_for(ConnectionSettings(carrier=carrier))
        for _ in range(20):
            assert transport.send(post(server.url("/close"))).body == b"ok"
            for connection in kept(transport._idle):
                ended(connection.sock)

        async def go() -> None:
            for _ in range(20):
                assert (await transport.a_send(post(server.url("/close")))).body == b"ok"
                for connection in kept(transport._async._loops[asyncio.get_running_loop()]._idle):
                    ended(connection._transport.get_extra_info("socket"))

        asyncio.run(go())


def test_one_transport_for_equal_settings(carrier: Carrier) -> None:
    first = transport_for(ConnectionSettings(carrier=carrier))
    assert transport_for(ConnectionSettings(carrier=carrier)) is first
    assert transport_for(ConnectionSettings(carrier=carrier, no_proxy="a")) is not first


def test_many_threads_at_once(carrier: Carrier, server: Loopback) -> None:
    transport = transport_for(ConnectionSettings(carrier=carrier))
    wrong: list[object] = []

    def work(index: int) -> None:
        for turn in range(5):
            body = b"%d-%d" % (index, turn)
            got = transport.send(post(server.url("/echo"), body)).body
            if got != body:
                wrong.append((got, body))

    threads = [threading.Thread(target=work, args=(index,)) for index in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


@pytest.mark.parametrize(("carrier", "count"), [
    ("native", 1000), ("httpx2", 200), ("pyreqwest", 200),
    pytest.param("httpx2", 1000, marks=pytest.mark.slow), pytest.param("pyreqwest", 1000, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_thousand_streams_at_once(carrier: Carrier, count: int) -> None:
    if carrier != "native":
        pytest.importorskip(carrier)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count * 2 + 200:
        pytest.skip("too few file descriptors allowed")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count * 2 + 200), hard))
    try:
        with Loopback() as server:
            asyncio.run(_thousand(carrier, server, count))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def _thousand(carrier: Carrier, server: Loopback, count: int) -> None:
    transport = transport_for(ConnectionSettings(carrier=carrier))
    begun = 0
    patient = Timeout(connect=60, read=60, write=60, pool=60)

    async def one() -> bytes:
        nonlocal begun
        stream = await transport.a_open(post(server.url("/gate"), timeout=patient))
        first = await stream.read()
        begun += 1
        if begun == count:
            server.open_gate()
        rest = b"".join([piece async for piece in pieces_of(stream)])
        stream.close()
        return first + rest

    assert await asyncio.gather(*(one() for _ in range(count))) == [b"firstlast"] * count


async def pieces_of(stream: Any) -> AsyncIterator[bytes]:
    while piece := await stream.read():
        yield piece


# ---- streams -------------------------------------------------------------------------------------------------------


def test_the_first_chunk_is_seen_before_the_last_is_sent(caller: Caller) -> None:
    with Loopback() as server:
        seen: list[bytes] = []

        def look(piece: bytes) -> None:
            seen.append(piece)
            if len(seen) == 1:
                assert piece == b"first"
                server.open_gate()

        assert caller.pieces(post(server.url("/gate")), look) == b"firstlast"


def test_a_stream_closed_early_closes_the_connection(caller: Caller) -> None:
    class Enough(Exception): ...

    def stop(piece: bytes) -> None:
        raise Enough

    with Loopback() as server:
        with pytest.raises(Enough):
            caller.pieces(post(server.url("/stall")), stop)
        assert server.closed.get(timeout=5) == "stall"


def test_a_cut_body_is_a_broken_stream(caller: Caller, server: Loopback) -> None:
    for path in ("/cut", "/cut-chunked"):
        with pytest.raises(BrokenStream) as raised:
            caller.send(post(server.url(path)))
        assert "localhost" in raised.value.endpoint
        with pytest.raises(BrokenStream):
            caller.pieces(post(server.url(path)))


# ---- cancelling ----------------------------------------------------------------------------------------------------


def cancel_when(ready: Callable[[], bool], work: Callable[[], Any]) -> None:
    """Start `work`, cancel it once `ready` says so, and see that it ends as cancelled."""

    async def go() -> None:
        task = asyncio.ensure_future(work())
        while not ready():
            assert not task.done(), task
            await asyncio.sleep(0.005)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.05)

    asyncio.run(go())


@pytest.mark.parametrize("method", ["send", "open"])
def test_cancelling_while_waiting_for_the_answer_closes_the_connection(carrier: Carrier, method: str) -> None:
    with Loopback() as server:
        transport = transport_for(ConnectionSettings(carrier=carrier))
        call = transport.a_send if method == "send" else transport.a_open
        cancel_when(lambda: bool(server.heard), lambda: call(post(server.url("/silent"))))
        if carrier == "pyreqwest":
            with pytest.raises(Empty):  # why it is not the default: the request goes on until its timeout
                server.closed.get(timeout=0.3)
        else:
            assert server.closed.get(timeout=5) == "silent"


def test_cancelling_in_the_middle_of_a_stream_closes_the_connection(carrier: Carrier) -> None:
    with Loopback() as server:
        transport = transport_for(ConnectionSettings(carrier=carrier))
        begun: list[bytes] = []

        async def work() -> None:
            stream = await transport.a_open(post(server.url("/stall")))
            try:
                while piece := await stream.read():
                    begun.append(piece)
            finally:
                stream.close()

        cancel_when(lambda: bool(begun), work)
        assert server.closed.get(timeout=5) == "stall"


INTERRUPTED = """
import sys
from autogen.models.transport import *
request = HttpRequest(url=sys.argv[1], body=b"x", timeout=Timeout(connect=20, read=20, write=20, pool=20))
try:
    transport_for(ConnectionSettings(carrier=sys.argv[2])).send(request)
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("carrier", ["native", "httpx2"])
def test_ctrl_c_ends_a_blocking_call_at_once(carrier: Carrier) -> None:
    """pyreqwest is left out: it ignores Ctrl-C until the answer comes and may then abort the process."""
    with Loopback() as server:
        program = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, server.url("/silent"), carrier],
            stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[3],
        )  # fmt: skip
        try:
            end = time.monotonic() + 20
            while not server.heard and time.monotonic() < end:
                time.sleep(0.01)
            program.send_signal(signal.SIGINT)
            out, _ = program.communicate(timeout=5)
        finally:
            program.kill()
        assert (out, program.returncode) == ("interrupted\n", 0)


# ---- timeouts ------------------------------------------------------------------------------------------------------


def test_a_silent_server_ends_in_a_read_timeout(caller: Caller, server: Loopback) -> None:
    with pytest.raises(ModelTimeout) as raised:
        caller.send(post(server.url("/silent"), timeout=Timeout(read=0.2)))
    assert raised.value.phase == "read" and isinstance(raised.value, TimeoutError)
    assert "localhost" in str(raised.value)


def test_a_stream_that_falls_silent_ends_in_a_read_timeout(caller: Caller, server: Loopback) -> None:
    with pytest.raises(ModelTimeout):
        caller.pieces(post(server.url("/stall"), timeout=Timeout(read=0.2)))


def test_a_server_that_reads_nothing_ends_in_a_timeout(caller: Caller, server: Loopback) -> None:
    with pytest.raises(ModelTimeout) as raised:
        caller.send(post(server.url("/noread"), b"x" * 30_000_000, Timeout(write=0.3, read=0.3)))
    assert raised.value.phase == ("read" if caller.carrier == "pyreqwest" else "write")


def test_a_listener_that_never_accepts_ends_in_a_connect_timeout(caller: Caller) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for sock in fill:
            sock.setblocking(False)
            sock.connect_ex(full.getsockname())
        try:
            with pytest.raises(ModelTimeout) as raised:
                caller.send(post(f"http://127.0.0.1:{full.getsockname()[1]}/", timeout=Timeout(connect=0.3)))
            if caller.carrier != "pyreqwest":
                assert raised.value.phase == "connect"
        finally:
            for sock in fill:
                sock.close()


def test_the_total_bounds_an_answer_that_keeps_dripping(caller: Caller, server: Loopback) -> None:
    if caller.carrier == "httpx2":
        pytest.skip("httpx2 has no total timeout")
    began = time.monotonic()
    with pytest.raises(ModelTimeout):
        caller.pieces(post(server.url("/dripping"), timeout=Timeout(read=5, total=0.3)))
    assert time.monotonic() - began < 3


# ---- failures ------------------------------------------------------------------------------------------------------


def test_a_refused_connection_names_host_and_cause(caller: Caller) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Unreachable) as raised:
        caller.send(post(f"http://127.0.0.1:{port}/v1?key=secret"))
    assert (raised.value.host, raised.value.cause) == ("127.0.0.1", "refused")
    assert "secret" not in str(raised.value) and isinstance(raised.value, ConnectionError)


def test_an_unknown_host_is_told_as_such(caller: Caller) -> None:
    with pytest.raises(Unreachable) as raised:
        caller.send(post("http://nowhere.invalid/v1"))
    assert (raised.value.host, raised.value.cause) == ("nowhere.invalid", "dns")


def test_a_server_that_speaks_no_http_is_told_as_such(caller: Caller, server: Loopback) -> None:
    with pytest.raises((Unreachable, BrokenStream)):
        caller.send(post(server.url("/nonsense")))


# ---- TLS -----------------------------------------------------------------------------------------------------------


class Authority:
    """A certificate authority, a server's certificate from it, and a client's."""

    def __init__(self) -> None:
        ca, stranger = trustme.CA(), trustme.CA()
        self.pem = ca.cert_pem.bytes()
        self.wrong_pem = stranger.cert_pem.bytes()
        self.client = ca.issue_cert("client@example.org").private_key_and_cert_chain_pem.bytes()
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost", "127.0.0.1").configure_cert(self.server)
        self.asking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("localhost").configure_cert(self.asking)
        ca.configure_trust(self.asking)
        self.asking.verify_mode = ssl.CERT_REQUIRED
        self.elsewhere = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert("other.example").configure_cert(self.elsewhere)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[Loopback]:
    with Loopback(authority.server) as made:
        yield made


def test_an_authority_of_ones_own_is_trusted(
    caller: Caller, secure: Loopback, authority: Authority, tmp_path: Path
) -> None:
    assert caller.send(post(secure.url("/plain")), ca_bundle=authority.pem).body == b"ok"
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.wrong_pem + authority.pem)
    assert caller.pieces(post(secure.url("/chunked")), ca_bundle=str(file))


def test_a_certificate_of_a_stranger_is_refused(caller: Caller, secure: Loopback, authority: Authority) -> None:
    for settings in ({}, {"ca_bundle": authority.wrong_pem}):
        with pytest.raises(Unreachable) as raised:
            caller.send(post(secure.url("/plain")), **settings)
        assert raised.value.cause == "tls"


def test_a_certificate_for_another_name_is_refused(caller: Caller, authority: Authority) -> None:
    with Loopback(authority.elsewhere) as server, pytest.raises(Unreachable) as raised:
        caller.send(post(server.url("/plain")), ca_bundle=authority.pem)
    assert raised.value.cause == "tls"


def test_the_environment_names_trusted_authorities(
    caller: Caller, secure: Loopback, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    # Settings that no other test uses: a context is made once, with the environment of that moment.
    assert caller.send(post(secure.url("/plain")), no_proxy=f"x{tmp_path.name}.invalid").body == b"ok"


def test_verification_can_be_switched_off_with_a_notice(caller: Caller, secure: Loopback, tmp_path: Path) -> None:
    notices: list[Any] = []
    settings = ConnectionSettings(carrier=caller.carrier, verify=False, no_proxy=f"y{tmp_path.name}.invalid")
    transport_for(settings, emit=notices.append)
    transport_for(settings, emit=notices.append)
    assert [notice.kind for notice in notices] == ["security"]
    assert caller.send(post(secure.url("/plain")), verify=False).body == b"ok"


def test_a_client_certificate_is_shown_and_needed(caller: Caller, authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(authority.client)
    with Loopback(authority.asking) as server:
        for certificate in (authority.client, str(file)):
            reply = caller.send(post(server.url("/plain")), ca_bundle=authority.pem, client_certificate=certificate)
            assert reply.body == b"ok"
        with pytest.raises((Unreachable, BrokenStream)):
            caller.send(post(server.url("/plain")), ca_bundle=authority.pem)


def test_a_bundle_without_certificates_is_refused(caller: Caller, secure: Loopback, tmp_path: Path) -> None:
    for bundle in (b"rubbish", str(tmp_path / "missing.pem")):
        with pytest.raises(ConfigError, match="ca_bundle"):
            caller.send(post(secure.url("/plain")), ca_bundle=bundle)


# ---- proxies -------------------------------------------------------------------------------------------------------


def test_requests_go_through_the_proxy_given(caller: Caller, server: Loopback) -> None:
    with Proxy() as proxy:
        address = proxy.url.replace("http://", "http://me:p%40ss@")
        assert caller.send(post(server.url("/echo"), b"hello"), proxy=address).body == b"hello"
        assert proxy.seen == [f"POST {server.url('/echo')}"]
        assert proxy.auth == ["Basic bWU6cEBzcw=="]


def test_tls_goes_through_a_tunnel(caller: Caller, secure: Loopback, authority: Authority) -> None:
    with Proxy() as proxy:
        reply = caller.send(post(secure.url("/echo"), b"hello"), proxy=proxy.url, ca_bundle=authority.pem)
        assert reply.body == b"hello"
        assert proxy.seen == [f"CONNECT localhost:{secure.port}"]


def test_no_proxy_hosts_are_reached_directly(caller: Caller, server: Loopback) -> None:
    with Proxy() as proxy:
        caller.send(post(server.url("/plain")), proxy=proxy.url, no_proxy="example.org,localhost")
        assert proxy.seen == []


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_the_environment_names_the_proxy(
    caller: Caller, server: Loopback, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with Proxy() as proxy:
        monkeypatch.setenv(name, proxy.url)
        # A bundle of its own makes these settings new: pyreqwest reads the environment when a client is made.
        marker = trustme.CA().cert_pem.bytes()
        caller.send(post(server.url("/plain")), ca_bundle=marker)
        assert proxy.seen == [f"POST {server.url('/plain')}"]
        monkeypatch.setenv("NO_PROXY", "localhost")
        caller.send(post(server.url("/plain")), ca_bundle=marker + b"\n")
        assert len(proxy.seen) == 1


def test_a_proxy_that_refuses_is_named(caller: Caller, secure: Loopback) -> None:
    with Proxy(refuse=True) as proxy, pytest.raises(Unreachable) as raised:
        caller.send(post(secure.url("/plain")), proxy=proxy.url)
    assert raised.value.cause == "proxy"


# ---- fork ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_makes_its_own_pool_and_the_parent_goes_on(carrier: Carrier) -> None:
    with Loopback() as server:
        settings = ConnectionSettings(carrier=carrier)
        transport = transport_for(settings)
        transport.send(post(server.url("/plain")))
        before = server.connections
        child = os.fork()
        if child == 0:
            code = 9
            try:
                mine = transport_for(settings)
                fine = mine is not transport and mine.send(post(server.url("/echo"), b"child")).body == b"child"
                fine = fine and asyncio.run(mine.a_send(post(server.url("/echo"), b"child"))).body == b"child"
                code = 0 if fine else 1
            except ConfigError:
                code = 3
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if carrier == "pyreqwest":
            assert os.waitstatus_to_exitcode(status) == 3  # why it is not the default: it refuses, in words
        else:
            assert os.waitstatus_to_exitcode(status) == 0
            assert server.connections == before + 2
        assert transport.send(post(server.url("/plain"))).body == b"ok"
        assert server.connections == before + (0 if carrier == "pyreqwest" else 2), "the parent's connection lives on"
