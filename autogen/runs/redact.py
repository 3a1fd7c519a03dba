"""What is taken out of exports, logs and errors: API keys by their form, known secrets by their value.

Each becomes `[redacted:<kind>]` and is counted. Decides what counts as a secret; every pattern takes time linear in
the text. Refuses to know where texts come from. A secret in parts, compressed or enciphered is not found.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Final

import msgspec

from autogen.core.secrets import SHORTEST, forms_of

_LAYERS: Final = 3
"""How often a known secret may have been written as a JSON text: the arguments of a tool, told by a tool, in a file."""

_KEYS: Final = (
    ("anthropic-key", "sk-ant-", "[A-Za-z0-9_-]{8,}+"),
    ("api-key", "sk-", "(?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{12,}+"),
    ("api-key", "pk-", "(?=[A-Za-z0-9_-]*[0-9A-Z])[A-Za-z0-9_-]{12,}+"),
    ("api-key", "sk_", "(?:live|test)_[A-Za-z0-9]{12,}+"),
    ("api-key", "rk_", "(?:live|test)_[A-Za-z0-9]{12,}+"),
    ("groq-key", "gsk_", "[A-Za-z0-9]{16,}+"),
    ("xai-key", "xai-", "[A-Za-z0-9]{16,}+"),
    ("google-key", "AIza", "[A-Za-z0-9_-]{30,}+"),
    ("aws-key", "AKIA", "[A-Z0-9]{16}(?![A-Za-z0-9_-])"),
    ("aws-key", "ASIA", "[A-Z0-9]{16}(?![A-Za-z0-9_-])"),
    ("github-token", "gh", "[pousr]_[A-Za-z0-9]{16,}+"),
    ("github-token", "github_pat_", "[A-Za-z0-9_]{16,}+"),
    ("huggingface-token", "hf_", "[A-Za-z0-9]{16,}+"),
    ("slack-token", "xox", "[abeoprs]-[A-Za-z0-9-]{10,}+"),
    ("jwt", "eyJ", r"[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{4,}+(?:\.[A-Za-z0-9_-]*+)?"),
)
"""(kind, how it begins, how it goes on)."""

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)"
)
_IN_URL: Final = re.compile(r"://(?!\[redacted:)(?P<value>[^\s/?#@:\"'<>\\]*+:[^\s/?#\"'<>\\]+)(?=@)")
_BEARER: Final = re.compile(
    r"(?:\bbearer|\bauthorization: basic) {1,4}+"
    r"(?P<value>(?=[A-Za-z._~+/-]*+[0-9]|[A-Za-z._~+/-]{20})[A-Za-z0-9._~+/-]{8,}+=*+)",
    re.IGNORECASE,
)
_WORDS: Final = (
    *(f"{word}{gap}key" for word in ("access", "account", "api", "master", "private", "secret", "subscription")
      for gap in ("", "-", "_", " ")),
    *(f"{word}{gap}token" for word in ("access", "ad", "auth", "bearer", "refresh", "session")
      for gap in ("", "-", "_")),
    *(f"{word}{gap}secret" for word in ("client", "webhook") for gap in ("", "-", "_")),
    "authorization", "passwd", "password",
)  # fmt: skip
_NAMES: Final = f"(?:{'|'.join(sorted(_WORDS, key=len, reverse=True))})"
_NAME: Final = re.compile(rf"(?:[\w.-]{{0,40}}[._-])?{_NAMES}", re.IGNORECASE)
"""Names of fields whose whole value is a secret."""
_NAMED: Final = re.compile(
    rf"{_NAMES}(?:\\*[\"'])?\s{{0,4}}+[:=]\s{{0,4}}+(?:\\*[\"'])?(?!(?:bearer|basic)\b)"
    r"(?P<value>(?=[A-Za-z+/_.~-]*+[0-9])[A-Za-z0-9+/_.~-]{16,}+=*+)",
    re.IGNORECASE,
)


def names_secret(name: str) -> bool:
    """Is the value of a field of this name a secret?"""
    return _NAME.fullmatch(name) is not None


def _key(begin: str, rest: str) -> re.Pattern[str]:
    """What may not stand before a key is the end of a longer word; a `\\n` written out, as in JSON in JSON, may.

    The check follows the literal, so that texts without it are passed over fast.
    """
    free = rf"(?:(?<![A-Za-z0-9_-]{begin})|(?<=\\[nrtbf]{begin})|(?<=\\u[0-9A-Fa-f]{{4}}{begin}))"
    return re.compile(begin + free + rest)


_PATTERNS: Final = (
    ("private-key", ("-----BEGIN ",), _PRIVATE_KEY),
    *((kind, (begin,), _key(begin, rest)) for kind, begin, rest in _KEYS),
    ("password", ("://",), _IN_URL),
    ("bearer-token", ("bearer ", "authorization: basic "), _BEARER),
    ("api-key", ("key", "token", "secret", "authorization", "passw"), _NAMED),
)
"""(kind, what stands in every text that holds one, in lower case or as it is, pattern)."""

_LITERAL: Final = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*+:)?', re.DOTALL)


class Redactor:
    """Takes secrets out of texts. values: secrets that are known; those under `SHORTEST` characters are not looked for.

    Never shows its values.
    """

    __slots__ = ("_again", "_pattern")

    def __init__(self, values: Iterable[str] = ()) -> None:
        forms = {form for value in values if len(value) >= SHORTEST for form in forms_of(value, _LAYERS)}
        exact = "|".join(map(re.escape, sorted(forms, key=lambda form: (-len(form), form))))
        self._pattern = re.compile(exact) if exact else None
        self._again = lru_cache(1024)(self.redact)
        """Requests repeat what was said before."""

    def __repr__(self) -> str:
        return "Redactor(...)"

    def redact(self, text: str) -> tuple[str, int]:
        """The text without its secrets, and how many were taken out."""
        count = 0
        if self._pattern is not None:
            text, count = self._pattern.subn(f"{_MARK}value]", text)
        low = text.lower()
        for kind, hints, pattern in _PATTERNS:
            for hint in hints:
                if hint in text or hint in low:
                    text, here = pattern.subn(partial(_replaced, kind), text)
                    count += here
                    break
        return text, count

    def redact_json(self, data: bytes) -> tuple[bytes, int]:
        """The same inside the texts of a JSON document, keys included; all else keeps every byte.

        The whole text under a key such as `api_key` or `password` goes. Text in text (JSON as a string) is looked
        into as well. Data that is no UTF-8 is treated as one text of single bytes.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError:
            changed, count = self.redact(data.decode("latin-1"))
            return changed.encode("latin-1"), count
        if not _is_json(text):
            changed, count = self.redact(text)
            return changed.encode(), count
        pieces, at, count, named = list[str](), 0, 0, False
        for found in _LITERAL.finditer(text):
            is_value = named and found[2] is None and text[at : found.start()].strip() in ("", "[")
            inner, here = self._literal(found[1], is_value)
            named = found[2] is not None and _NAME.fullmatch(found[1]) is not None
            count += here
            pieces += (text[at : found.start()], f'"{inner}"{found[2] or ""}' if here else found[0])
            at = found.end()
        pieces.append(text[at:])
        return "".join(pieces).encode(), count

    def _literal(self, inner: str, is_secret: bool) -> tuple[str, int]:
        """What stands between the quotes of a JSON text, redacted."""
        if is_secret and len(inner) >= SHORTEST and not inner.startswith(_MARK):
            return f"{_MARK}field]", 1
        plain = json.loads(f'"{inner}"', strict=False) if "\\" in inner else inner
        changed, count = self._again(plain) if len(plain) >= SHORTEST else (plain, 0)
        if not count:
            return inner, 0
        # Half a surrogate pair can only be written escaped.
        return json.dumps(changed, ensure_ascii=not _encodable(changed))[1:-1], count


_MARK: Final = "[redacted:"


def _replaced(kind: str, found: re.Match[str]) -> str:
    """Only the group `value` goes, where the pattern has one."""
    kept = len(found[0]) - len(found["value"]) if "value" in found.re.groupindex else 0
    return f"{found[0][:kept]}{_MARK}{kind}]"


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (ValueError, RecursionError):
        try:
            json.loads(text)  # half a surrogate pair is JSON here
        except (ValueError, RecursionError):
            return False
    return True


def _encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
