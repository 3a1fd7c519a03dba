"""Find code in text: fenced blocks, inline code, and the language of code that names none.

Decides what counts as a block, as 0.2 did. Refuses to know what runs. Texts come from models: every scan is linear
in the text, also in one made to be slow.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from autogen.core.code import CodeBlock

CODE_BLOCK_PATTERN: Final = r"```[ \t]*(\w+)?[ \t]*\r?\n(.*?)\r?\n[ \t]*```"
"""0.2's published pattern. `extract_code` finds what it finds, in linear time; others are searched for as given."""
UNKNOWN: Final = "unknown"
DEFAULT_TIMEOUT: Final = 600
"""Seconds, of the legacy form."""
MOST_INFERRED: Final = 256 * 1024
"""Characters of code that are compiled to tell its language; longer code is `UNKNOWN`."""

_OPENING: Final = re.compile(r"```[ \t]*+(\w*+)[ \t]*+\r?\n")
_ONE_LINE_BLOCK: Final = re.compile(r"```[ \t]*+(\w*+)[ \t]*+\r?\n([^\n]*?)\r?\n[ \t]*+```")
_CLOSING: Final = re.compile(r"\r?\n[ \t]*+```")
_SHELL_STARTS: Final = ("python ", "python3 ", "pip")


def extract_code(
    text: str | list[Any] | None, pattern: str = CODE_BLOCK_PATTERN, detect_single_line_code: bool = False
) -> list[tuple[str, str]]:
    """The code blocks of `text` as (language, code); the language is "" when the fence names none.

    Without a block the answer is [(UNKNOWN, text)]. With `detect_single_line_code` the answer is what stands between
    ticks, stripped, [] without any: inline code (`x`), a fenced block of one line with its language, and a longer
    block with the language on the first line of its code (so in 0.2). `pattern` is not used then.
    With a `pattern` of the caller's, the answer is what `re.findall` gives.
    """
    content = content_str(text)
    if detect_single_line_code:
        return [(language, code.strip()) for language, code in _fenced_and_inline(content)]
    found: list[Any] = (
        list(_fenced(content)) if pattern == CODE_BLOCK_PATTERN else re.findall(pattern, content, re.DOTALL)
    )
    return found or [(UNKNOWN, content)]


def fenced_blocks(text: str) -> list[tuple[str, str]]:
    """The fenced blocks of `text` as (language, code); [] when there are none."""
    return list(_fenced(text))


def inferred_blocks(content: Any) -> list[CodeBlock]:
    """The fenced blocks of a message's content in order, missing languages inferred (`UNKNOWN` without a hint)."""
    return [CodeBlock(code, language or infer_lang(code)) for language, code in fenced_blocks(content_str(content))]


def _fenced(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while (opening := _OPENING.search(text, at)) is not None:
        closing = _CLOSING.search(text, opening.end())
        if closing is None:  # nor does any later opening have a closing
            return
        yield opening[1], text[opening.end() : closing.start()]
        at = closing.end()


def _fenced_and_inline(text: str) -> Iterator[tuple[str, str]]:
    at = text.find("`")
    while at >= 0:
        if (block := _ONE_LINE_BLOCK.match(text, at)) is not None:
            if block[2]:
                yield block[1], block[2]
            at = text.find("`", block.end())
            continue
        end = text.find("`", at + 1)
        if end < 0:
            return
        if end == at + 1:  # nothing between two ticks
            at = end
            continue
        yield "", text[at + 1 : end]
        at = text.find("`", end + 1)


def infer_lang(code: str) -> str:
    """The language: "sh" for a call of python or pip, "python" for what compiles as it, else `UNKNOWN`."""
    if code.startswith(_SHELL_STARTS):
        return "sh"
    if len(code) > MOST_INFERRED:
        return UNKNOWN
    try:
        compile(code, "<code block>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return UNKNOWN
    return "python"


def content_str(content: Any) -> str:
    """The text of a message's content (str, list of parts, None): itself, or its parts joined, an image as "<image>".

    Raises TypeError for other types, ValueError for a part of unknown type, AssertionError for one without a type.
    """
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise TypeError(f"content must be None, str, or list, but got {type(content)}")
    return "".join(map(_part_str, cast("Iterable[Any]", content)))


def _part_str(part: Any) -> str:
    if not isinstance(part, dict):
        raise TypeError("Wrong content format: every element should be dict if the content is a list.")
    fields = cast("dict[str, Any]", part)
    if "type" not in fields:
        raise AssertionError("Wrong content format. Missing 'type' key in content's dict.")
    if fields["type"] == "text":
        text: str = fields["text"]
        return text
    if fields["type"] == "image_url":
        return "<image>"
    raise ValueError(f"Wrong content format: unknown type {fields['type']} within the content")
