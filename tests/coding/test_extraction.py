"""Code is found where 0.2.40 found it, in time linear in the text."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.coding.extract import CODE_BLOCK_PATTERN, UNKNOWN, content_str, extract_code, infer_lang, inferred_blocks
from autogen.coding.markdown_code_extractor import MarkdownCodeExtractor
from tests.coding.recorded import recorded
from tests.coding.tables import CONTENTS, LANGUAGES, PATTERNS, TEXTS

GOLDEN = recorded("extraction")


def blocks(content: Any) -> list[list[str]]:
    return [[block.language, block.code] for block in MarkdownCodeExtractor().extract_code_blocks(content)]


def answer_or_error(ask: Any) -> Any:
    try:
        return ask()
    except Exception as error:
        return {"raises": type(error).__name__, "text": str(error)}


@pytest.mark.parametrize("name", TEXTS)
def test_blocks_are_those_that_0_2_found(name: str) -> None:
    assert [list(pair) for pair in extract_code(TEXTS[name])] == GOLDEN["extract_code"][name]
    assert blocks(TEXTS[name]) == GOLDEN["blocks"][name]


@pytest.mark.parametrize("name", TEXTS)
def test_inline_code_is_found_as_0_2_found_it(name: str) -> None:
    assert [list(pair) for pair in extract_code(TEXTS[name], detect_single_line_code=True)] == GOLDEN["single"][name]


@pytest.mark.parametrize("name", CONTENTS)
def test_contents_of_every_shape_read_as_in_0_2(name: str) -> None:
    assert answer_or_error(lambda: content_str(CONTENTS[name])) == GOLDEN["content_str"][name]
    assert answer_or_error(lambda: blocks(CONTENTS[name])) == GOLDEN["contents"][name]


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_of_the_program_is_searched_for_as_given(name: str) -> None:
    text, pattern = PATTERNS[name]
    found = extract_code(text, pattern=pattern)
    assert [list(one) if isinstance(one, tuple) else one for one in found] == GOLDEN["patterns"][name]


@pytest.mark.parametrize("index", range(len(LANGUAGES)))
def test_languages_are_inferred_as_in_0_2(index: int) -> None:
    assert answer_or_error(lambda: infer_lang(LANGUAGES[index])) == GOLDEN["infer_lang"][index]


def test_the_older_form_infers_the_missing_languages() -> None:
    found = inferred_blocks("```\nprint(1)\n```\n```\nwhat is this?\n```\n```sh\nls\n```")
    assert [block.language for block in found] == ["python", UNKNOWN, "sh"]


@given(st.text(alphabet="`a \t\r\n", max_size=60))
def test_the_scan_finds_what_the_published_pattern_finds(text: str) -> None:
    import re

    expected = re.findall(CODE_BLOCK_PATTERN, text, re.DOTALL) or [(UNKNOWN, text)]
    assert extract_code(text) == expected


MANY = 1_000_000
HOSTILE = {
    "openings that nothing closes": "a```\n" * (MANY // 5),
    "blanks after ticks": "```" + " " * MANY,
    "blanks before a line break that is missing": "``` \t" * (MANY // 5),
    "line breaks and blanks": "```\n" + "\n \t" * (MANY // 3),
    "ticks": "`" * MANY,
    "pairs of ticks": "`a" * (MANY // 2),
    "a long word": "```" + "a" * MANY,
    "carriage returns": "```\r\n" + "\r" * MANY,
    "empty blocks": "```\n\n```\n" * (MANY // 9),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_text_made_to_be_slow_is_read_in_seconds(name: str) -> None:
    started = time.process_time()
    extract_code(HOSTILE[name])
    extract_code(HOSTILE[name], detect_single_line_code=True)
    assert time.process_time() - started < 10  # quadratic would be hours


def test_code_too_long_to_compile_is_of_unknown_language() -> None:
    assert infer_lang("x = 1\n" * 100_000) == UNKNOWN
