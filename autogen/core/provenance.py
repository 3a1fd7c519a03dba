"""Provenance of code: does a block stand, word for word, in content that nobody vouches for?

Decides by text alone. Refuses to know where the texts come from and what follows from the answer. Layout is not
counted: whitespace, quotation marks of mail, prompts, line numbers, comment lines, JSON and HTML escapes. So a copy is
found in whatever dress a tool, page or file gave it; a block that a model rewrote is not a copy.

Short blocks meet by accident, so evidence grows as blocks shrink:
- one bare word (`ls`, `make`) says nothing that the reader could not have thought of: never an overlap;
- under `SHORT` characters: only where the text shows it as code of its own, a whole line or between quotes or ticks;
- else: anywhere, between word boundaries.
"""

import re
from collections.abc import Iterable
from typing import Final

SHORT: Final = 16
"""Characters, after normalising, from which on a block counts wherever it stands."""
MOST_WORD: Final = 32
_MOST_NEAR_MISSES: Final = 1000

_BARE_WORD: Final = re.compile(rf"[\w.-]{{1,{MOST_WORD}}}")
_DRESS: Final = re.compile(r"^[ \t]*+(?:>>> |\.\.\. |\$ |>++[ \t]?+|\d{1,6}(?:[ \t]*+[:|→]|\t)[ \t]?+)*+", re.MULTILINE)
_COMMENT_LINE: Final = re.compile(r"^[ \t]*+(?:#|//)[^\n]*+$", re.MULTILINE)
_RUN: Final = re.compile(r"[A-Za-z0-9_]+")
_LINE_BREAK: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_UNSEEN: Final = dict.fromkeys((0xAD, 0xFEFF, 0x2060, *range(0x200B, 0x2010), *range(0x202A, 0x202F)))
_ESCAPE: Final = re.compile(r"\\(?:([nrt\"'/\\])|u([0-9a-fA-F]{4}))")
_ESCAPED: Final = {"n": "\n", "r": "\n", "t": "\t"}
_ENTITY: Final = re.compile(r"&(?:(lt|gt|amp|quot|apos|nbsp)|#([0-9]{1,7})|#x([0-9a-f]{1,6}));", re.IGNORECASE)
_ENTITIES: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'", "nbsp": " "}
_LAYERS: Final = 4
"""How often content may have been escaped: a page in JSON in a tool's JSON has two layers."""
_QUOTES: Final = "`\"'"


def untrusted_overlap(block_code: str, untrusted_texts: Iterable[str]) -> bool:
    """Whether `block_code` stands in one of `untrusted_texts`, layout aside. Time linear in the texts."""
    needle = _flat(_without_comments(_plain_lines(block_code)))
    if not needle or _BARE_WORD.fullmatch(needle):
        return False
    landmark = max(_RUN.findall(needle), key=len, default="")
    return any(_stands_in(needle, landmark, text) for text in untrusted_texts)


def _stands_in(needle: str, landmark: str, text: str) -> bool:
    for shown in map(_visible, _readings(text)):
        if landmark not in shown:
            continue
        lines = _plain_lines(shown)
        for variant in (lines, _without_comments(lines)):
            if len(needle) < SHORT:
                if _shown_as_code(needle, variant):
                    return True
            elif _bounded(needle, _flat(variant)):
                return True
    return False


def _readings(text: str) -> Iterable[str]:
    """The text as it is, and as a reader of JSON or HTML would see it, layer by layer."""
    for _ in range(_LAYERS + 1):
        yield text
        inner = _ESCAPE.sub(_unescape, text) if "\\" in text else text
        opened = _ENTITY.sub(_decoded, inner) if "&" in inner else inner
        if opened == text:
            return
        if inner not in (text, opened):
            yield inner
        text = opened


def _decoded(found: "re.Match[str]") -> str:
    if found[1]:
        return _ENTITIES[found[1].lower()]
    number = int(found[2]) if found[2] else int(found[3], 16)
    return chr(number) if number < 0x110000 else found[0]


def _unescape(found: "re.Match[str]") -> str:
    if found[2]:
        return chr(int(found[2], 16))
    return _ESCAPED.get(found[1], found[1])


def _visible(text: str) -> str:
    return text if text.isascii() else text.translate(_UNSEEN)


def _plain_lines(text: str) -> str:
    return _DRESS.sub("", _LINE_BREAK.sub("\n", _visible(text)))


def _without_comments(text: str) -> str:
    return _COMMENT_LINE.sub("", text)


def _flat(text: str) -> str:
    return " ".join(text.split())


def _bounded(needle: str, text: str) -> bool:
    """Does `needle` stand in `text` as whole words? Text made to be full of near misses counts as yes."""
    at = -1
    for _ in range(_MOST_NEAR_MISSES):
        at = text.find(needle, at + 1)
        if at < 0:
            return False
        end = at + len(needle)
        cut_before = at > 0 and _wordy(text[at - 1]) and _wordy(needle[0])
        cut_after = end < len(text) and _wordy(text[end]) and _wordy(needle[-1])
        if not cut_before and not cut_after:
            return True
    return True


def _wordy(character: str) -> bool:
    return character.isalnum() or character == "_"


def _shown_as_code(needle: str, lines: str) -> bool:
    """Does the short `needle` stand on lines of its own, or between quotes or ticks?"""
    flat = _flat(lines)
    if any(f"{quote}{needle}{quote}" in flat for quote in _QUOTES):
        return True
    framed = "\n" + "\n".join(words for line in lines.split("\n") if (words := " ".join(line.split()))) + "\n"
    whole_lines = "[ \n]".join(map(re.escape, needle.split(" ")))
    return re.search(f"\n{whole_lines}\n", framed) is not None
