"""Laws of the event parser: where the body is cut does not matter, and nothing grows without bound."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.models.sse import SSE, EventTooLong

BODY = (
    b'\xef\xbb\xbf: hello\n\ndata: one\n\nevent: error\r\ndata: {"a":\r\ndata:  "\xc3\xa4\xf0\x9f\x90\x8d"}\r\n\r\n'
    b"id: 7\rdata:two\r\rdata\n\n:keep-alive\n\ndata: [DONE]\n\n"
)
EVENTS = [
    ("", b"one"),
    ("error", b'{"a":\n "\xc3\xa4\xf0\x9f\x90\x8d"}'),
    ("", b"two"),
    ("", b""),
    ("", b"[DONE]"),
]


def fed(pieces: list[bytes]) -> list[tuple[str, bytes]]:
    parser = SSE()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_line_ends_comments_names_and_joined_data() -> None:
    assert fed([BODY]) == EVENTS


@pytest.mark.parametrize("cut", range(len(BODY)))
def test_a_cut_at_any_byte_changes_nothing(cut: int) -> None:
    assert fed([BODY[:cut], BODY[cut:]]) == EVENTS


@given(st.lists(st.integers(0, len(BODY)), max_size=30))
def test_many_cuts_change_nothing(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(BODY)]
    assert fed([BODY[a:b] for a, b in pairwise(places)]) == EVENTS


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), max_size=8), st.data())
def test_what_is_written_is_read(texts: list[str], data: st.DataObject) -> None:
    end = data.draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    body = b"".join(b"data: " + text.encode() + end + end for text in texts)
    step = data.draw(st.integers(1, 9))
    pieces = [body[i : i + step] for i in range(0, len(body), step)]
    assert [payload.decode() for _, payload in fed(pieces)] == texts


def feed_often(parser: SSE, piece: bytes) -> None:
    for _ in range(100):
        parser.feed(piece)


def test_a_line_without_end_is_bounded() -> None:
    with pytest.raises(EventTooLong, match="10,000 bytes"):
        feed_often(SSE(limit=10_000), b"x" * 1000)


def test_an_event_without_end_is_bounded() -> None:
    with pytest.raises(EventTooLong):
        feed_often(SSE(limit=10_000), b"data: " + b"x" * 1000 + b"\n")
