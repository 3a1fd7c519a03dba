"""The `# filename: x.py` line: where a block is kept.

Decides the forms of that line. Refuses to touch the disk and to judge names: that is `sandbox/safe_files.py`.
"""

import os
import re
from typing import Final

NOT_IN_WORKSPACE: Final = "Filename is not in the workspace"
"""0.2's refusal; ours goes on with the reason."""

_FORMS: Final = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"#\s*filename\s*:\s*(.+)",
        r"//\s*filename\s*:\s*(.+)",
        r"/\*\s*filename\s*:\s*([^*]+?)\s*\*/.*",
        r"<!--\s*filename\s*:\s*(.+?)\s*-->.*",
    )
)
_LONGEST_LINE: Final = 1024
_QUOTES: Final = ("`", '"', "'")


def named_file(code: str) -> str | None:
    """The name that the first line of `code` gives to its file, as written; None without such a line.

    0.2 also took any other first comment for a name (a block that began "# get data" was kept as "get data"); a line
    without the word `filename` is no name here.
    """
    line = code.split("\n", 1)[0].strip()
    if len(line) > _LONGEST_LINE:
        return None
    for form in _FORMS:
        if (found := form.fullmatch(line)) is not None:
            name = found[1].strip()
            if len(name) > 2 and name[0] == name[-1] and name[0] in _QUOTES:
                name = name[1:-1]
            return name or None
    return None


def relative(name: str, work_dir: str) -> str:
    """`name` relative to `work_dir` (a real path) when it is an absolute path below it, else unchanged."""
    root = work_dir.rstrip(os.sep) + os.sep
    return name.removeprefix(root)


def refusal(name: str, reason: str) -> str:
    """What the model reads when its file name is refused."""
    return f"{NOT_IN_WORKSPACE}: {name!r} was refused, because {reason}. Choose another plain relative name"
