"""Laws of the HTTP/1.1 reader, and of the rules that find the way to a host."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ConfigError
from autogen.models.http1 import Answer, CutAnswer, MalformedAnswer, encode_head
from autogen.models.routes import bypassed, route_of, split_url
from autogen.models.transport import ConnectionSettings

HEAD = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: t\r\n\r\n"
SIZED = b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 9\r\n\r\nWikipedia"


def read(*pieces: bytes) -> tuple[Answer, bytes]:
    answer = Answer()
    return answer, b"".join(part for piece in pieces for part in answer.feed(piece))


@pytest.mark.parametrize("body", [CHUNKED, SIZED])
def test_framing_does_not_depend_on_where_bytes_are_cut(body: bytes) -> None:
    for cut in range(len(body) + 1):
        answer, text = read(body[:cut], body[cut:])
        assert (answer.status, text, answer.done, answer.keep_alive) == (200, b"Wikipedia", True, True)
        assert answer.headers["x-a"] == "1"
    assert read(*(body[i : i + 1] for i in range(len(body))))[1] == b"Wikipedia"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(1, 30))
def test_chunks_are_put_together(parts: list[bytes], step: int) -> None:
    body = (
        HEAD
        + b"transfer-encoding: chunked\r\n\r\n"
        + b"".join(b"%X\r\n%b\r\n" % (len(p), p) for p in parts)
        + b"0\r\n\r\n"
    )
    answer, text = read(*(body[i : i + step] for i in range(0, len(body), step)))
    assert (text, answer.done) == (b"".join(parts), True)


@pytest.mark.parametrize(
    "bad",
    [
        b"SSH-2.0-x", b"HTTP/2 200\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 101 Switch\r\n\r\n",
        HEAD + b"no colon\r\n\r\n", HEAD + b"bad name : x\r\n\r\n", HEAD + b" folded: x\r\n\r\n",
        HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\n", HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: +5\r\n\r\n", HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nxyz\r\n", HEAD + b"transfer-encoding: chunked\r\n\r\n-1\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n", HEAD + b"x: " + b"y" * 300_000,
        HEAD + b"transfer-encoding: chunked\r\n\r\n" + b"1" * 5000,
    ],
)  # fmt: skip
def test_malformed_answers_are_refused(bad: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read(bad)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data: bytes) -> None:
    for body in (data, HEAD + data, HEAD + b"\r\n" + data, HEAD + b"transfer-encoding: chunked\r\n\r\n" + data):
        answer = Answer()
        try:
            answer.feed(body)
            answer.end()
        except (MalformedAnswer, CutAnswer):
            assert True


def test_the_connections_end_ends_only_a_body_without_length() -> None:
    answer, text = read(HEAD + b"\r\nto the end")
    answer.end()
    assert (text, answer.done, answer.keep_alive) == (b"to the end", True, False)
    for body in (b"", b"HTTP/1.1 2", SIZED[:-1], CHUNKED[:-2]):
        with pytest.raises(CutAnswer):
            read(body)[0].end()


def test_when_a_connection_may_be_used_again() -> None:
    assert not read(HEAD + b"connection: close\r\ncontent-length: 0\r\n\r\n")[0].keep_alive
    assert not read(b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n")[0].keep_alive
    assert not read(SIZED + b"HTTP/1.1 200 OK\r\n")[0].keep_alive, "bytes that nobody asked for"
    assert read(b"HTTP/1.1 204 No\r\n\r\n")[0].done


def test_a_body_that_unpacks_without_bound_is_refused() -> None:
    bomb = zlib.compress(b"\0" * 100_000_000)
    with pytest.raises(MalformedAnswer, match="64 MiB"):
        read(HEAD + b"content-encoding: deflate\r\ncontent-length: %d\r\n\r\n" % len(bomb) + bomb)


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\rb", "a\0b"])
def test_a_request_header_cannot_be_split(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        encode_head("POST", "/", "h", {"x": value}, 0)


def test_framing_headers_are_ours() -> None:
    head = encode_head(
        "POST", "/x", "h:1", {"Content-Length": "999", "Host": "evil", "Transfer-Encoding": "chunked"}, 5
    )
    assert head.count(b"\r\n") == 6
    assert b"content-length: 5\r\n" in head and b"host: h:1\r\n" in head and b"999" not in head


@pytest.mark.parametrize(
    ("host", "port", "exempt", "wanted"),
    [
        ("a.example.com", 443, "example.com", True), ("a.example.com", 443, ".example.com", True),
        ("a.example.com", 443, "*.example.com", True), ("badexample.com", 443, "example.com", False),
        ("example.com", 443, "x, EXAMPLE.com ,y", True), ("example.com", 443, "example.com:80", False),
        ("example.com", 80, "example.com:80", True), ("10.1.2.3", 80, "10.0.0.0/8", True),
        ("11.1.2.3", 80, "10.0.0.0/8", False), ("::1", 80, "::1", True), ("anything", 1, "*", True),
        ("127.0.0.1", 80, "localhost", False), ("1.2.3.4", 80, "3.4", False), ("example.com", 80, ",,", False),
    ],
)  # fmt: skip
def test_no_proxy_rules(host: str, port: int, exempt: str, wanted: bool) -> None:
    assert bypassed(host, port, exempt) is wanted


def test_routes() -> None:
    settings = ConnectionSettings(proxy="http://u:p@proxy:3128", no_proxy="inner")
    outer = route_of(split_url("https://api.example.com/v1"), settings)
    assert (outer.authority, outer.host_header, outer.proxy) == (
        "api.example.com:443",
        "api.example.com",
        ("proxy", 3128),
    )
    assert route_of(split_url("http://inner:8000/v1"), settings).proxy is None
    assert route_of(split_url("http://[::1]:8000/v1"), ConnectionSettings(no_proxy="*")).host_header == "[::1]:8000"


@pytest.mark.parametrize(
    "url", ["", "host/v1", "ftp://x", "http://", "http://x:99999/", "http://x/a b", "http://x/\r\ny"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        split_url(url)


def test_a_proxy_that_cannot_be_spoken_to_is_named() -> None:
    with pytest.raises(ConfigError, match="socks5"):
        route_of(split_url("http://x/"), ConnectionSettings(proxy="socks5://p:1"))
