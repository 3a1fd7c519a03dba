"""The languages that blocks may name, and the program that runs each.

Decides names, file endings and command lines. Refuses to know sandboxes. Which programs exist is asked through
`which`, so that every platform's answer can be told on any.
"""

import os
import re
import sys
from collections.abc import Callable
from typing import Final

from msgspec import Struct

PYTHON_VARIANTS: Final = ["python", "Python", "py"]
SUPPORTED_LANGUAGES: Final = [
    "bash", "shell", "sh", "pwsh", "powershell", "ps1", "python", "javascript", "html", "css",
]  # fmt: skip
SAVED_ONLY: Final = ("html", "css")
"""There is no program that runs these, whatever a policy says."""
_POWERSHELL: Final = ("pwsh", "powershell", "ps1")
_SHELL: Final = ("sh", "shell")

Which = Callable[[str], str | None]


class Launch(Struct, frozen=True):
    """How to run a file: `argv` and then the file's path. `missing` names the program that is not there, else ""."""

    argv: tuple[str, ...]
    missing: str = ""
    instead: str = ""
    """What to tell a model to write, when the program is missing."""


def canonical(language: str) -> str:
    """The language as the tables know it; languages that nobody knows come back in lower case."""
    lowered = language.lower()
    return "python" if lowered == "py" else lowered


def extension(language: str) -> str:
    """The ending of a file of this (canonical) language."""
    if language == "python":
        return "py"
    return "ps1" if language in _POWERSHELL else language


def launch(language: str, python: str, which: Which, platform: str = sys.platform) -> Launch:
    """The program for a canonical, supported language that is not saved only.

    python: path of the interpreter for Python blocks. which: path of a program, None when it is not installed.
    """
    if language == "python":
        return Launch((python,))
    if language == "javascript":
        return _first(which, {"node": ()}, "Python")
    windows = platform == "win32"
    if language in _POWERSHELL:
        return _powershell(which, windows)
    if windows and language in _SHELL and which("sh") is None and which("bash") is None:
        return _powershell(which, windows)  # simple command lines read the same in both
    if language in _SHELL:
        return _first(which, dict.fromkeys(("sh", "bash") if windows else ("sh",), ()), "Python")
    return _first(which, {"bash": ()}, "powershell or Python" if windows else "sh or Python")


def _powershell(which: Which, windows: bool) -> Launch:
    flags = ("-NoProfile", "-NonInteractive", *(("-ExecutionPolicy", "Bypass") if windows else ()), "-File")
    programs = {"pwsh": flags, "powershell": flags} if windows else {"pwsh": flags}
    return _first(which, programs, "Python" if windows else "sh or Python")


def _first(which: Which, programs: dict[str, tuple[str, ...]], instead: str) -> Launch:
    for name, flags in programs.items():
        path = which(name)
        if path is not None:
            return Launch((os.path.abspath(path), *flags))
    return Launch((), missing=" or ".join(programs), instead=instead)


def home_of(program: str) -> tuple[str, ...]:
    """What a program outside the system's folders needs to be readable: the folder that it is installed in."""
    real = os.path.realpath(program)
    folder = os.path.dirname(real)
    if real.startswith(("/usr/", "/bin/", "/sbin/", "/lib", sys.prefix + os.sep, sys.base_prefix + os.sep)):
        return ()
    home = os.path.dirname(folder) if os.path.basename(folder) == "bin" else folder
    too_wide = (os.sep, os.path.realpath(os.path.expanduser("~")))
    return (folder,) if home in too_wide else (home,)


def silence_pip(code: str, language: str) -> str:
    """`pip install` at the start of a line, made quiet, as 0.2 did: its progress lines would fill the model's view."""
    if language == "python":
        start = r"! ?pip install"
    elif language in ("bash", *_SHELL, *_POWERSHELL):
        start = "pip install"
    else:
        return code
    return re.sub(rf"^{start}(?!.*-qqq)", r"\g<0> -qqq", code, flags=re.MULTILINE)
