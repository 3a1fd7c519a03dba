"""What each exit code of the command line means. Refuses to know which command ends with which.

Change together: docs/command-line.md.
"""

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; also the `exit_code` of the last line under `--json`."""

    DONE = 0
    UNFINISHED = 1
    """The run ended before its task: its stop reason is neither `termination` nor `human_exit`; or it failed."""
    USAGE = 2
    """Something the user can mend: a wrong option, a file that is missing, no sandbox."""
    UNREACHABLE = 3
    """No model answered."""
    INTERRUPTED = 130
    """Ctrl-C."""


class UserError(Exception):
    """Something the user can mend; shown as one line on stderr, exit code 2."""


class NoModel(Exception):
    """There is no model to talk to; shown as one line on stderr, exit code 3."""
