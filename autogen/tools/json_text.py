"""The JSON text of a model: read strictly, and only when that fails repaired, once.

Valid JSON is never changed. The repair accepts what has exactly one reading: code fences, trailing commas, single
quotes, Python's and JavaScript's literals, raw line breaks in strings, a missing last brace. Whatever needs a guess
(a string cut short, a missing quote) stays an error, because a tool must never run with arguments nobody gave.
Refuses to know about tools and types.
"""

import re
from typing import Any

from msgspec import Struct

LONGEST_REPAIR = 1_000_000
"""Characters; longer texts are read strictly only."""
DEEPEST_REPAIR = 200

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"-?[A-Za-z]+")
_WORDS = {
    "true": True, "True": True, "false": False, "False": False, "null": None, "None": None,
    "NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf"),
}  # fmt: skip
_PLAIN = {'"': re.compile(r'[^"\\]*'), "'": re.compile(r"[^'\\]*")}
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HEX = re.compile(r"[0-9a-fA-F]{4}")


class NotJson(ValueError):
    """The text cannot be read. The message is that of the standard library, as 0.2 showed it."""


class Repaired(Struct, frozen=True):
    """A value that took a repair. cut: the last closing brace was missing, so there may have been more to come."""

    value: Any
    cut: bool = False


def parse_json(text: str) -> Any:
    """The value of a valid JSON text. Raises NotJson.

    Of equal keys the last one counts. Numbers beyond a float's range become infinite, as in the standard library.
    """
    import msgspec

    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise NotJson("Nested too deeply") from None
    except (ValueError, msgspec.MsgspecError):  # lone surrogates and huge numbers are valid JSON all the same
        return _parse_slowly(text)


def _parse_slowly(text: str) -> Any:
    import json

    def refuse(name: str) -> Any:
        raise NotJson(f"{name} is not valid JSON; use a number or null")

    try:
        return json.loads(text, parse_constant=refuse)
    except NotJson:
        raise
    except RecursionError:
        raise NotJson("Nested too deeply") from None
    except ValueError as error:
        raise NotJson(str(error)) from None


def repair_json(text: str) -> Repaired | None:
    """The one reading of a text that is almost JSON, or None when there is no such reading."""
    if len(text) > LONGEST_REPAIR:
        return None
    inner = _without_fence(text.strip().removeprefix("\ufeff").strip())
    try:
        return Repaired(parse_json(inner))
    except NotJson:
        pass  # what follows is the reading that tolerates more
    lenient = _Lenient(inner)
    try:
        value = lenient.document()
    except (NotJson, RecursionError):
        return None
    return Repaired(value, lenient.cut)


def _without_fence(text: str) -> str:
    if not (text.startswith("```") and text.endswith("```") and len(text) >= 6):
        return text
    inner = text[3:-3]
    first, newline, rest = inner.partition("\n")
    if newline and re.fullmatch(r"[\w+-]*[ \t\r]*", first):
        return rest.strip()
    return inner.removeprefix("json").strip()


class _Lenient:
    """A reader for almost-JSON; time is linear in the text, depth is bounded."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self.cut = False

    def document(self) -> Any:
        value = self._value()
        self._skip()
        if self._at != len(self._text):
            raise NotJson("Extra data")
        return value

    def _skip(self) -> str:
        """Go past white space; the next character, "" at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        char = self._skip()
        if char == "{":
            return self._object()
        if char == "[":
            return self._array()
        if char and char in "\"'":
            return self._string(char)
        number = _NUMBER.match(self._text, self._at)
        if number:
            self._at = number.end()
            return parse_json(number[0])
        word = _WORD.match(self._text, self._at)
        if word and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        raise NotJson("Expecting value")

    def _open(self) -> None:
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST_REPAIR:
            raise NotJson("Nested too deeply")

    def _object(self) -> dict[str, Any]:
        self._open()
        found: dict[str, Any] = {}
        while (char := self._skip()) != "}":
            if not char or char not in "\"'":
                raise NotJson("Expecting property name")
            key = self._string(char)
            if self._skip() != ":":
                raise NotJson("Expecting ':'")
            self._at += 1
            found[key] = self._value()
            if self._closed("}", found[key]):
                return found
        self._at += 1
        self._depth -= 1
        return found

    def _array(self) -> list[Any]:
        self._open()
        found: list[Any] = []
        while self._skip() != "]":
            found.append(self._value())
            self._closed("]", None)
        self._at += 1
        self._depth -= 1
        return found

    def _closed(self, end: str, last: Any) -> bool:
        """After an item: go past a comma. True when the text ends where only the outermost brace was missing.

        A bare number or word at the very end may be cut itself, so it does not count as complete.
        """
        char = self._skip()
        if char == ",":
            self._at += 1
        elif not char and end == "}" and self._depth == 1 and isinstance(last, (str, dict, list)):
            self.cut = True
            self._depth -= 1
            return True
        elif char != end:
            raise NotJson("Expecting ',' delimiter")
        return False

    def _string(self, quote: str) -> str:
        self._at += 1
        pieces: list[str] = []
        while True:
            plain = _PLAIN[quote].match(self._text, self._at)
            if plain:
                pieces.append(plain[0])
                self._at = plain.end()
            char = self._text[self._at : self._at + 1]
            self._at += 1
            if char == quote:
                return "".join(pieces)
            if char != "\\":
                raise NotJson("Unterminated string")
            pieces.append(self._escape())

    def _escape(self) -> str:
        char = self._text[self._at : self._at + 1]
        self._at += 1
        if char in _ESCAPES:
            return _ESCAPES[char]
        if char == "u":
            first = self._hex()
            if 0xD800 <= first < 0xDC00 and self._text.startswith("\\u", self._at):
                kept, self._at = self._at, self._at + 2
                second = self._hex()
                if 0xDC00 <= second < 0xE000:
                    return chr(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
                self._at = kept
            return chr(first)
        raise NotJson("Invalid \\escape")

    def _hex(self) -> int:
        match = _HEX.match(self._text, self._at)
        if not match:
            raise NotJson("Invalid \\uXXXX escape")
        self._at = match.end()
        return int(match[0], 16)
