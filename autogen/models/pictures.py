"""How many tokens a picture may take in a request: an upper estimate from its size, without any imaging package.

Decides the size of a picture in a `data:` URL (PNG, JPEG, GIF, WebP) and which published rule its model follows.
Refuses to fetch: the size of a picture behind another URL is not known, and a flat bound stands in.

Rules, as the providers publish them (2026): OpenAI's tiles of 512 pixels (85 tokens and 170 a tile; gpt-4o-mini 2833
and 5667) or patches of 32 pixels (at most 1536, times up to 2.46); Anthropic's width * height / 750; Google's crops
of 768 pixels (258 each). Where the family is not known the dearest of them counts.
"""

import re
from math import ceil

FLAT = 1600
"""Tokens of a picture whose size is not known."""
LOW = 85
"""Tokens of a picture in low detail, for the models that know it."""
MINI = (2833, 5667)
"""gpt-4o-mini: tokens of any picture, and of each of its tiles."""
MOST_TILES = 8
MOST_PATCHES, PER_PATCH = 1536, 2.46
MOST_BY_AREA = 4784
_HEAD = 4096
"""Characters of base64 in which most headers end; a JPEG's may be longer."""
_LONGEST_HEAD = 1 << 20
_IN_TILES = re.compile(r"(chatgpt-4o|gpt-4o|gpt-4\.1$|gpt-4\.1-20|gpt-4\.5|gpt-4-|gpt-5$|gpt-5-20|o1|o3)")
"""Models that count tiles, and know low detail."""


def picture_tokens(url: str | None, detail: str | None = None, model: str = "", unknown: int = FLAT) -> int:
    """The most tokens that the picture takes. `unknown`: what to say where its size is not known."""
    name = model.lower().rpartition("/")[2]
    mini = name.startswith("gpt-4o-mini")
    base, per_tile = MINI if mini else (LOW, 170)
    in_tiles = _IN_TILES.match(name) is not None
    if detail == "low" and in_tiles:
        return base
    size = picture_size(url)
    if size is None:
        return base + per_tile * MOST_TILES if mini else unknown
    tiled = base + per_tile * _tiles(*size)
    if in_tiles:
        return tiled
    patched = ceil(min(MOST_PATCHES, ceil(size[0] / 32) * ceil(size[1] / 32)) * PER_PATCH)
    by_area = min(MOST_BY_AREA, ceil(size[0] * size[1] / 750))
    cropped = 258 * _crops(*size)
    if name.startswith(("gpt-", "chatgpt", "o1", "o3", "o4")):
        return max(tiled, patched)
    if name.startswith("claude"):
        return by_area
    if name.startswith("gemini"):
        return cropped
    return max(tiled, patched, by_area, cropped)


def picture_size(url: str | None) -> tuple[int, int] | None:
    """(width, height) in pixels of the picture in a `data:` URL, or None."""
    if url is None or not url.startswith("data:image/"):
        return None
    head, comma, _ = url[:256].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    start = len(head) + 1
    size = size_in(_decoded(url, start, _HEAD))
    if size is None and len(url) - start > _HEAD:
        size = size_in(_decoded(url, start, _LONGEST_HEAD))
    return size


def size_in(data: bytes) -> tuple[int, int] | None:
    """(width, height) that the first bytes of a PNG, JPEG, GIF or WebP file tell, or None."""
    if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
        found = _number(data[16:20], "big"), _number(data[20:24], "big")
    elif data.startswith((b"GIF87a", b"GIF89a")):
        found = _number(data[6:8], "little"), _number(data[8:10], "little")
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        found = _webp(data)
    elif data.startswith(b"\xff\xd8"):
        found = _jpeg(data)
    else:
        return None
    return found if found[0] > 0 and found[1] > 0 else None


def _decoded(url: str, start: int, characters: int) -> bytes:
    from binascii import Error, a2b_base64

    text = url[start : start + characters]
    try:
        return a2b_base64(text[: len(text) // 4 * 4])
    except (Error, ValueError):
        return b""


def _number(data: bytes, order: str) -> int:
    return int.from_bytes(data, "big" if order == "big" else "little")


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + _number(data[24:27], "little"), 1 + _number(data[27:30], "little")
    if kind == b"VP8L" and len(data) >= 25:
        bits = _number(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        return _number(data[26:28], "little") & 0x3FFF, _number(data[28:30], "little") & 0x3FFF
    return 0, 0


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        kind = data[at + 1]
        if kind == 0xFF:  # padding
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):  # a frame begins
            return _number(data[at + 7 : at + 9], "big"), _number(data[at + 5 : at + 7], "big")
        else:
            at += 2 + max(2, _number(data[at + 2 : at + 4], "big"))
    return 0, 0


def _tiles(width: int, height: int) -> int:
    """OpenAI's: fitted into 2048 pixels, then the short side to 768."""
    scale = min(1.0, 2048 / max(width, height))
    scale = min(scale, 768 / min(width, height))
    return min(MOST_TILES, max(1, ceil(width * scale / 512) * ceil(height * scale / 512)))


def _crops(width: int, height: int) -> int:
    """Google's: small pictures whole, larger ones in squares of 256 to 768 pixels."""
    if width <= 384 and height <= 384:
        return 1
    side = min(768, max(256, int(min(width, height) / 1.5)))
    return ceil(width / side) * ceil(height / side)
