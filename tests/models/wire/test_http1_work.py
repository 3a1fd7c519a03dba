"""The push parser of HTTP/1.1 does work in proportion to the bytes it gets, in however small pieces they come.

Counts bytes searched and copied, not time. Refuses to know sockets.
"""

import pytest

from autogen.models import http1
from autogen.models.http1 import MAX_HEAD, Answer, MalformedAnswer

HEAD = b"HTTP/1.1 200 OK\r\nx-long: " + b"v" * 20_000 + b"\r\ncontent-length: 2\r\n\r\nok"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-trailer: " + b"v" * 20_000 + b"\r\n\r\n"
)


def feed(answer: Answer, sent: bytes, step: int = 1) -> bytes:
    """Give the parser the bytes in small pieces; the body."""
    return b"".join(piece for at in range(0, len(sent), step) for piece in answer.feed(sent[at : at + step]))


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that each search for the end of an element had before it."""
    seen: list[int] = []
    find = http1.find_end

    def counted(data: bytes | bytearray, mark: bytes, start: int) -> int:
        seen.append(len(data) - start)
        return find(data, mark, start)

    monkeypatch.setattr(http1, "find_end", counted)
    return seen


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("sent", [HEAD, CHUNKED], ids=["head", "trailer"])
def test_searching_is_linear_in_the_bytes_fed(searched: list[int], sent: bytes, step: int) -> None:
    answer = Answer()
    assert feed(answer, sent, step) == b"ok" and answer.done and answer.status == 200
    assert sum(searched) <= 6 * len(sent) + 1000


def test_what_waits_for_its_end_is_not_copied_with_each_byte() -> None:
    answer = Answer()
    answer.feed(HEAD[:10])
    waiting = answer._buffer
    for at in range(10, 5000):
        answer.feed(HEAD[at : at + 1])
        assert answer._buffer is waiting and len(waiting) == at + 1


@pytest.mark.parametrize("step", [1, 5000])
def test_a_head_without_end_is_refused_at_the_limit_in_small_pieces_too(step: int) -> None:
    answer = Answer()
    endless = b"HTTP/1.1 200 OK\r\nx: " + b"v" * MAX_HEAD
    with pytest.raises(MalformedAnswer, match="headers without end"):
        feed(answer, endless, step)


@pytest.mark.parametrize("said", [b"SSH-2.0", b"\x15\x03\x01\x00\x02", b"HTTX/"])
def test_another_protocol_is_refused_byte_by_byte(said: bytes) -> None:
    answer = Answer()
    with pytest.raises(MalformedAnswer, match="does not speak HTTP"):
        feed(answer, said)


def test_an_endless_size_line_is_refused_byte_by_byte() -> None:
    answer = Answer()
    answer.feed(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    with pytest.raises(MalformedAnswer, match="a chunk's line without end"):
        feed(answer, b"1" * (http1.MAX_CHUNK_LINE + 10))


@pytest.mark.parametrize("step", [1, 4])
def test_interim_answers_may_come_in_pieces(step: int) -> None:
    sent = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + HEAD
    answer = Answer()
    assert feed(answer, sent, step) == b"ok" and answer.status == 200
