"""How large a picture is by its first bytes, and how many tokens it may take at most."""

import struct
import zlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.model import Media, ModelMessage, ModelRequest
from autogen.models.admission import prompt_tokens
from autogen.models.pictures import FLAT, picture_size, picture_tokens, size_in
from autogen.models.tokens import count_token


def png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + head + struct.pack(">I", zlib.crc32(b"IHDR" + head))


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\x00\x00"


def jpeg(width: int, height: int, before: int = 20) -> bytes:
    comment = b"\xff\xe1" + struct.pack(">H", before + 2) + b"\xff" * before
    return b"\xff\xd8" + comment + b"\xff\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\x00" * 12


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def lossy(width: int, height: int) -> bytes:
    return webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", width, height))


def lossless(width: int, height: int) -> bytes:
    return webp(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14))


def extended(width: int, height: int) -> bytes:
    return webp(b"VP8X", b"\x00" * 4 + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3])


def url(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode()}"


@pytest.mark.parametrize("made", [png, gif, jpeg, lossy, lossless, extended])
@pytest.mark.parametrize("size", [(1, 1), (640, 480), (3000, 4000)])
def test_the_size_stands_in_the_first_bytes(made: object, size: tuple[int, int]) -> None:
    assert picture_size(url(made(*size))) == size  # type: ignore[operator]


def test_a_jpeg_with_much_before_its_size_is_read() -> None:
    assert picture_size(url(jpeg(800, 600, before=60_000))) == (800, 600)


@given(
    st.binary(max_size=64),
    st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"RIFF1234WEBPVP8X"]),
)
def test_bytes_of_any_kind_are_no_error(data: bytes, head: bytes) -> None:
    size = size_in(head + data)
    assert size is None or min(size) > 0


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        "https://example.org/a.png",
        "data:image/png,abc",
        "data:image/png;base64,%%%",
        "data:text/plain;base64,AAAA",
    ],
)
def test_what_tells_no_size_counts_flat(unknown: str | None) -> None:
    assert picture_tokens(unknown) == FLAT == 1600


@pytest.mark.parametrize(
    ("model", "size", "detail", "least"),
    [
        ("gpt-4o", (1024, 1024), None, 765),
        ("gpt-4o", (2048, 4096), "high", 1105),
        ("gpt-4o", (4096, 8192), "low", 85),
        ("gpt-4o-mini", (1024, 1024), None, 25_501),
        ("gpt-4.1-mini", (1024, 1024), None, 1659),
        ("claude-sonnet-4", (1000, 1000), None, 1334),
        ("gemini-2.5-pro", (960, 540), None, 1548),
        ("own", (1024, 1024), "low", 1548),
    ],
)
def test_no_picture_is_estimated_below_the_published_rule(
    model: str, size: tuple[int, int], detail: str | None, least: int
) -> None:
    assert least <= picture_tokens(url(png(*size)), detail, model) <= 3 * least


def test_a_request_counts_its_pictures_by_their_size() -> None:
    def tokens(size: tuple[int, int]) -> int:
        return prompt_tokens(ModelRequest((ModelMessage("user", (Media(url=url(png(*size))),)),)), "gpt-4o")

    assert tokens((64, 64)) < 300 < 1000 < tokens((2000, 800)) < 4000


def test_count_token_knows_the_size_too() -> None:
    def tokens(address: str) -> int:
        part = {"type": "image_url", "image_url": {"url": address}}
        return count_token([{"role": "user", "content": [part]}], "gpt-4o")

    assert tokens(url(png(64, 64))) < tokens("https://example.org/a.png") < tokens(url(png(2000, 800)))
