"""Find fenced blocks in a message, as the executors' default extractor. Refuses to know what runs."""

from typing import Any

from autogen.coding.extract import UNKNOWN, content_str, fenced_blocks, infer_lang
from autogen.core.code import CodeBlock


class MarkdownCodeExtractor:
    """Finds the fenced blocks of a Markdown text."""

    def extract_code_blocks(self, message: str | list[Any] | None) -> list[CodeBlock]:
        """The fenced blocks of `message` in order; [] when there are none.

        A fence without a language gets the inferred one, "" when the code gives no hint.
        """
        return [CodeBlock(code, language or _inferred(code)) for language, code in fenced_blocks(content_str(message))]


def _inferred(code: str) -> str:
    language = infer_lang(code)
    return "" if language == UNKNOWN else language
