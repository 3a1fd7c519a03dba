import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.tools.json_text import LONGEST_REPAIR, NotJson, parse_json, repair_json

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(TREES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_valid_json_is_never_changed(value: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse_json(text) == value


@given(st.dictionaries(st.text(), TREES, max_size=4))
def test_a_fence_and_a_trailing_comma_change_nothing(value: dict[str, Any]) -> None:
    text = json.dumps(value)
    for almost in (f"```json\n{text}\n```", text[:-1] + ("," if value else "") + "}"):
        repaired = repair_json(almost)
        assert repaired is not None
        assert repaired.value == value
        assert not repaired.cut


@given(TREES)
def test_the_lenient_reading_of_valid_json_is_the_strict_one(value: Any) -> None:
    from autogen.tools.json_text import _Lenient

    assert _Lenient(json.dumps(value)).document() == value


@given(st.text(alphabet="{}[]\",:\\'`1aenNtu \n"))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    try:
        parse_json(text)
    except NotJson:
        repaired = repair_json(text)
        assert repaired is None or json.dumps(repaired.value) is not None


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1), min_size=1, max_size=3), st.data())
def test_a_cut_text_is_never_read_as_if_it_were_whole(value: dict[str, str], data: st.DataObject) -> None:
    text = json.dumps(value)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    repaired = repair_json(cut)
    if repaired is not None and isinstance(repaired.value, dict):
        assert repaired.cut
        assert repaired.value.items() <= value.items()


REPAIRED = {
    "trailing comma": ('{"n": 1,}', {"n": 1}),
    "trailing comma in a list": ('{"n": [1, 2,],}', {"n": [1, 2]}),
    "single quotes": ("{'n': 'a'}", {"n": "a"}),
    "a quote inside the other quote": ("{'n': \"it's\"}", {"n": "it's"}),
    "an escaped quote": (r"{'n': 'it\'s'}", {"n": "it's"}),
    "Python's words": ('{"a": True, "b": False, "c": None}', {"a": True, "b": False, "c": None}),
    "infinity": ('{"n": -Infinity}', {"n": -math.inf}),
    "a raw newline in a string": ('{"s": "a\nb"}', {"s": "a\nb"}),
    "a raw tab in a string": ('{"s": "a\tb"}', {"s": "a\tb"}),
    "a fence": ('```json\n{"n": 1}\n```', {"n": 1}),
    "a fence without a language": ('```\n{"n": 1}\n```', {"n": 1}),
    "a fence on one line": ('```json {"n": 1}```', {"n": 1}),
    "a fence around a fence in a string": ('```json\n{"s": "```py\\nx\\n```"}\n```', {"s": "```py\nx\n```"}),
    "a byte order mark": ('\ufeff{"n": 1}', {"n": 1}),
    "all at once": ("```json\n{'a': True, 'b': [1,], }\n```", {"a": True, "b": [1]}),
    "an emoji in escapes": ("{'s': '\\ud83d\\ude00'}", {"s": "\U0001f600"}),
    "a lone surrogate": ("{'s': '\\ud83dx'}", {"s": "\ud83dx"}),
    "an empty object with space": ("```\n{ }\n```", {}),
}


@pytest.mark.parametrize("case", REPAIRED)
def test_it_is_repaired(case: str) -> None:
    text, value = REPAIRED[case]
    with pytest.raises(NotJson):
        parse_json(text)
    repaired = repair_json(text)
    assert repaired is not None
    assert (repaired.value, repaired.cut) == (value, False)


def test_nan_is_repaired_to_the_number_that_0_2_gave() -> None:
    repaired = repair_json('{"n": NaN}')
    assert repaired is not None
    assert math.isnan(repaired.value["n"])


REFUSED = {
    "nothing": "",
    "blanks": " \n",
    "a word": "x",
    "prose": 'Here you are: {"n": 1}',
    "two objects": '{"n": 1}{"n": 2}',
    "an unterminated string": '{"s": "/etc/pas',
    "an unterminated key": '{"s": 1, "t',
    "a number that may be cut": '{"n": 12',
    "a word that may be cut": '{"n": true',
    "cut after a comma": '{"s": "a",',
    "cut after a colon": '{"s":',
    "cut inside a list": '{"s": ["a", "b"',
    "cut inside an inner object": '{"s": {"a": "b"',
    "an unescaped quote": '{"s": "say "hi" now"}',
    "no comma": '{"a": 1 "b": 2}',
    "only a comma": "{,}",
    "unquoted keys": "{n: 1}",
    "a bad escape": r"{'s': '\q'}",
    "a short escape": r"{'s': '\u12'}",
    "an expression": '{"n": 1 + 1}',
    "a call": '{"n": __import__("os")}',
    "a leading zero": '{"n": 007,}',
    "a hex number": '{"n": 0x10}',
    "a comment": '{"n": 1 // one\n}',
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_needs_a_guess_is_refused(case: str) -> None:
    with pytest.raises(NotJson):
        parse_json(REFUSED[case])
    assert repair_json(REFUSED[case]) is None


@pytest.mark.parametrize("text", ['{"s": "a"', '{"s": {"a": 1}', '{"s": ["a"]', '{"n": 1, "s": "a" '])
def test_only_the_last_brace_may_be_missing_and_that_is_told(text: str) -> None:
    repaired = repair_json(text)
    assert repaired is not None
    assert repaired.cut


def test_of_equal_keys_the_last_one_counts() -> None:
    assert parse_json('{"n": 1, "n": 2}') == {"n": 2}


def test_a_windows_path_before_a_newline_stays_what_it_is() -> None:
    assert parse_json('{"path": "C:\\\\dir\\\\"\n}') == {"path": "C:\\dir\\"}


def test_lone_surrogates_huge_numbers_and_deep_texts_are_read_or_refused() -> None:
    assert parse_json('"\\ud800"') == "\ud800"
    assert parse_json("1e999") == math.inf
    assert parse_json(str(10**40)) == 10**40
    for hostile in ("[" * 100_000, '{"a":' * 100_000, "9" * 10_000, '{"s": "' + "\ud800" + '", }x'):
        with pytest.raises(NotJson):
            parse_json(hostile)
        assert repair_json(hostile) is None


def test_deep_almost_json_is_refused() -> None:
    assert repair_json("[" * 150 + "'a'" + "]" * 150) is not None
    assert repair_json("[" * 250 + "'a'" + "]" * 250) is None


def test_ten_megabytes_are_read_and_never_repaired() -> None:
    text = json.dumps({"s": "x" * 10_000_000})
    assert len(parse_json(text)["s"]) == 10_000_000
    assert len(text) > LONGEST_REPAIR
    assert repair_json(text[:-1] + ",}") is None
