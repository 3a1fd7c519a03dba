"""The three tools of `autogen chat`: the time, a calculator, a list of files. They read; they change nothing.

Decides what a chat may find out about this machine. Refuses every path outside the folder it was given.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from autogen.cli.calculator import calculate

MAX_FILES = 200


def current_time() -> str:
    """The date and time here, with the offset from UTC."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def calculator(expression: Annotated[str, "numbers, + - * / // % ** and parentheses"]) -> str:
    """The value of an arithmetic expression."""
    return calculate(expression)


def file_lister(workspace: Path) -> Callable[[str], str]:
    """A tool that lists one folder of `workspace`, names and sizes, and nothing outside it."""
    root = workspace.resolve()

    def list_files(folder: Annotated[str, "a folder inside the workspace, such as '.'"] = ".") -> str:
        """The files and folders in a folder of the workspace."""
        place = (root / folder).resolve()
        if not place.is_relative_to(root):
            raise ValueError(f"{folder!r} is outside the workspace")
        if not place.is_dir():
            raise ValueError(f"{folder!r} is no folder of the workspace")
        rows = sorted(place.iterdir())
        lines = [f"{path.name}/" if path.is_dir() else f"{path.name}  {path.lstat().st_size} bytes" for path in rows]
        more = [f"... and {len(lines) - MAX_FILES} more"] if len(lines) > MAX_FILES else []
        return "\n".join([*lines[:MAX_FILES], *more]) or "(empty)"

    return list_files
