"""What a docstring says about parameters: Google, NumPy and Sphinx styles. Refuses to guess: no match, no text."""

import re
from typing import Any

_SPHINX = re.compile(r"^\s*:(?:param|parameter|arg|argument|key|keyword)\s+(?:[^:]*?\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_SECTION = re.compile(r"^(Args|Arguments|Parameters|Params|Keyword Args|Keyword Arguments|Other Parameters)\s*:?\s*$")
_GOOGLE = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY = re.compile(r"^\*{0,2}(\w+)(?:\s*,\s*\w+)*\s*(?::.*)?$")


def parameter_texts(function: Any) -> dict[str, str]:
    """The documented parameters of `function`, each as one line of text."""
    doc = getattr(function, "__doc__", None)
    if not isinstance(doc, str) or len(doc) > 100_000:
        return {}
    from inspect import cleandoc

    lines = cleandoc(doc).splitlines()
    found: dict[str, list[str]] = {}
    _sphinx(lines, found)
    for number, line in enumerate(lines):
        if _SECTION.match(line):
            underlined = number + 1 < len(lines) and set(lines[number + 1].strip()) == {"-"}
            body = lines[number + 1 + underlined :]
            (_numpy if underlined else _google)(body, found)
    return {name: " ".join(" ".join(text).split()) for name, text in found.items() if any(text)}


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _sphinx(lines: list[str], found: dict[str, list[str]]) -> None:
    current: list[str] | None = None
    for line in lines:
        match = _SPHINX.match(line)
        if match:
            current = found.setdefault(match[1], [])
            current.append(match[2])
        elif current is not None and line.strip() and _indent(line) > 0 and not line.lstrip().startswith(":"):
            current.append(line.strip())
        else:
            current = None


def _google(body: list[str], found: dict[str, list[str]]) -> None:
    """`name (type): text`, continued by deeper lines; the section ends at a line without indent."""
    base, current = 0, None
    for line in body:
        if not line.strip():
            continue
        indent = _indent(line)
        if indent == 0:
            return
        base = base or indent
        match = _GOOGLE.match(line.strip()) if indent == base else None
        if match:
            current = found.setdefault(match[1], [])
            current.append(match[2])
        elif current is not None:
            current.append(line.strip())


def _numpy(body: list[str], found: dict[str, list[str]]) -> None:
    """`name : type` without indent, the text below it with indent; the section ends at the next underlined title."""
    current: list[str] | None = None
    for number, line in enumerate(body):
        if not line.strip():
            continue
        if _indent(line) > 0:
            if current is not None:
                current.append(line.strip())
            continue
        follows = body[number + 1].strip() if number + 1 < len(body) else ""
        match = _NUMPY.match(line)
        if not match or (follows and set(follows) == {"-"}):
            return
        current = found.setdefault(match[1], [])
