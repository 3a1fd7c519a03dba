"""Paths that a model may name: inside one folder, or the function is not entered.

Decides which names are refused. Refuses to protect against somebody who swaps a folder for a link between the check
and the use; code that models write runs in the sandbox for that.
"""

from pathlib import Path, PurePosixPath
from typing import Any

_RESERVED = frozenset(
    ["con", "prn", "aux", "nul", *(f"com{n}" for n in range(10)), *(f"lpt{n}" for n in range(10))]
)  # names of devices on Windows, with any suffix


class InWorkspace:
    """A condition on a parameter: `path: Annotated[Path, "the file", InWorkspace("work")]`.

    The model sends a relative path; the function gets it absolute, links followed, inside `root`.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def __repr__(self) -> str:
        return f"InWorkspace({str(self.root)!r})"

    def check(self, value: Any) -> Any:
        """`value` (Path or str) inside the root, in its own type. Raises ValueError, whose text the model sees."""
        text = value.as_posix() if isinstance(value, Path) else str(value)
        if not text or any(ord(char) < 32 for char in text) or "\\" in text or ":" in text:
            raise ValueError("not a path: use names with / between them")
        pure = PurePosixPath(text)
        if pure.is_absolute() or ".." in pure.parts or text.startswith("~"):
            raise ValueError("must be a relative path inside the workspace, without '..'")
        if any(part.partition(".")[0].rstrip().casefold() in _RESERVED or part[-1] in " ." for part in pure.parts):
            raise ValueError("a name in it is not portable")
        root = self.root.resolve()
        try:
            inside = (root / pure).resolve()
        except (OSError, RuntimeError) as error:
            raise ValueError(f"cannot be followed ({type(error).__name__})") from None
        if not inside.is_relative_to(root):
            raise ValueError("leads out of the workspace")
        return inside if isinstance(value, Path) else str(inside)
