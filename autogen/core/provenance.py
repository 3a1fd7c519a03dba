"""Provenance of code: is a block, or a telling part of it, a copy of content that nobody vouches for?

Decides by text alone. Refuses to know where the texts come from (`core/heard.py`) and what follows from the answer.
Layout is not counted: whitespace, quotation marks of mail, prompts, line numbers, comments, JSON and HTML escapes. So
a copy is found in whatever dress a tool, page or file gave it; a block that a model rewrote is not a copy.

A block stands in a text as a whole. Short blocks meet by accident, so evidence grows as blocks shrink:
- one bare word (`ls`, `make`) says nothing that the reader could not have thought of: never an overlap;
- under `SHORT` characters: only where the text shows it as code of its own, a whole line or between quotes or ticks;
- else: anywhere, between word boundaries.

Lines added to a copy do not make it the model's own: `mostly_copied` looks at its lines, one command each. Only lines
that say something count: imports, plain prints, `else:` and data are everybody's.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

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

IN_A_ROW: Final = 3
"""Copied commands in a row that make a block a copy."""
LETTERS: Final = 12
"""Letters and digits that a command has at least, if it says something."""
LONG: Final = 60
"""Characters from which on a command is telling by itself."""
MOST_LINE: Final = 2000
"""Characters of a command that are looked at, when it is asked what kind of command it is."""

_TAG: Final = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_TAIL: Final = re.compile(r"\s#")
_NEXT_COMMAND: Final = re.compile(r";|&&|\|\|")
_COMMENT_MARKS: Final = "#"
_AROUND: Final = re.compile(r" ?([^\w ]) ?")
_NO_LETTER: Final = re.compile(r"[\W_]+")
_CODE: Final = re.compile(
    r"\w[(\[]"  # a call, an item
    r"|^[A-Za-z_][\w.\[\]'\", ]*+[-+*/|&%]?+=[^=]"  # an assignment
    r"|^(?:async |def |class |for |while |if |elif |with |except |return |raise |del |assert |lambda |yield |await )"
    r"|^@\w|\s>>?+\s*[\w./~$]|\$[({A-Za-z_]"
    r"|^[a-z./~][\w./~-]*+ (?:.* )?--?[A-Za-z]"  # a shell command with options
    r"|^(?:curl|wget|git|pip3?|npm|npx|docker|irm|iwr|sudo|ssh|scp) \S"
)
_ADDRESS: Final = re.compile(r"\b[a-z][a-z+]{1,9}://|\b\d{1,3}(?:\.\d{1,3}){3}\b", re.IGNORECASE)
_RISKY: Final = re.compile(
    r"\|\s*(?:sudo\s+)?(?:\S{0,100}/)?(?:(?:ba|z|da|k|fi)?sh|python[\d.]*|perl|ruby|node|php|iex|pwsh)\b"
    r"|\b(?:os\.(?:system|popen|exec\w+|spawn\w+)|subprocess\.\w+|Popen|eval|exec|__import__|rmtree)\s?\("
    r"|\brm\s+-\w*[rf]"
)
_EVERYBODYS: Final = re.compile(
    r"(?:import|from) .*|(?:else|try|finally|except\b[^()]*|main\(\)|if __name__ == .*)[: ]*"
    r"|print\((?:f?(['\"])[^()]*\1|[\w., ]*)\)|echo [^<>|$`&;()]*"
)


class Shown(Struct, frozen=True, eq=False):
    """One reading of an untrusted text, made ready to be searched."""

    visible: str
    variants: tuple[tuple[str, str], ...]
    """(lines, the same on one line), with and without comments."""


def untrusted_overlap(block_code: str, untrusted_texts: Iterable[str]) -> bool:
    """Whether `block_code` stands in one of `untrusted_texts`, layout aside. Time linear in the texts."""
    return stands_in(block_code, (shown(reading) for text in untrusted_texts for reading in readings(text)))


def stands_in(code: str, texts: Iterable[Shown]) -> bool:
    """Whether all of `code` stands in one of the texts."""
    needle = _flat(_without_comments(_plain_lines(code)))
    if not needle or _BARE_WORD.fullmatch(needle):
        return False
    landmark = max(_RUN.findall(needle), key=len, default="")
    return any(_stands_in(needle, landmark, text) for text in texts)


def _stands_in(needle: str, landmark: str, text: Shown) -> bool:
    if landmark not in text.visible:
        return False
    if len(needle) < SHORT:
        return any(_shown_as_code(needle, lines) for lines, _ in text.variants)
    return any(_bounded(needle, flat) for _, flat in text.variants)


def shown(reading: str) -> Shown:
    """A reading made ready to be searched."""
    visible = _visible(reading)
    lines = _plain_lines(visible)
    bare = _without_comments(lines)
    return Shown(visible, ((lines, _flat(lines)),) if bare == lines else ((lines, _flat(lines)), (bare, _flat(bare))))


def commands(code: str) -> list[str]:
    """What each line of `code` says: one entry for each command, without layout, comments and line ends."""
    found: list[str] = []
    for line in _plain_lines(code).split("\n"):
        words = _uncommented(_TAG.sub(" ", line) if "</" in line else line)
        for command in _NEXT_COMMAND.split(words) if ";" in words or "&&" in words or "||" in words else (words,):
            flat = " ".join(command.split()).rstrip(" ,\\")
            if flat and flat[0] not in _COMMENT_MARKS:
                found.append(flat)
    return found


def key(command: str) -> int:
    """By what a command is remembered: the same for all blanks and quotation marks. Only this process can tell it."""
    return hash(_AROUND.sub(r"\1", command.replace('"', "'")))


def mostly_copied(lines: Sequence[str], copied: Sequence[bool]) -> bool:
    """The rule: is a block with these commands, of which some are `copied` from untrusted content, a copy itself?

    Of the commands that say something, at least half are copied; or `IN_A_ROW` in a row are; or a single one is that is
    telling by itself: long, with a web address, piped into an interpreter, or starting programs or deleting folders.
    """
    row = hits = count = 0
    for line, is_copied in zip(lines, copied, strict=True):
        weight = telling(line)
        if weight == 0:
            continue
        count += 1
        row = row + 1 if is_copied else 0
        hits += is_copied
        if is_copied and (weight > 1 or row >= IN_A_ROW):
            return True
    return hits > 0 and 2 * hits >= count


def telling(command: str) -> int:
    """How much a command says about who wrote it: 0 nothing, 1 something, 2 enough by itself."""
    command = command[:MOST_LINE]
    is_code = bool(_CODE.search(command))
    if _RISKY.search(command) or (is_code and _ADDRESS.search(command)):
        return 2
    if not is_code or _EVERYBODYS.fullmatch(command) or len(_NO_LETTER.sub("", command)) < LETTERS:
        return 0
    return 2 if len(command) >= LONG else 1


def readings(text: str) -> Iterable[str]:
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


def _uncommented(line: str) -> str:
    """The line without a comment at its end. A `#` inside quotes begins none."""
    found = _TAIL.search(line)
    if found is None:
        return line
    head = line[: found.start()]
    return line if head.count('"') % 2 or head.count("'") % 2 else head


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
