"""What each exit code of the command line means, and which error gives which. Refuses to know the commands.

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
    """No model could be used: none found, no connection, no answer in time, a wrong key, an unknown model."""
    PAUSED = 4
    """The run waits for a person's answer."""
    CONFLICT = 5
    """Somebody else was first: another process carries the run on, or the question is answered already."""
    UNREADABLE = 6
    """A journal or recording cannot be read or written: damage, a newer format, missing rights, a full disk."""
    INTERRUPTED = 130
    """Ctrl-C."""


class UserError(Exception):
    """Something the user can mend; shown as one line on stderr, exit code 2."""


class NoModel(Exception):
    """There is no model to talk to; shown as one line on stderr, exit code 3."""


def code_of(raised: BaseException) -> Exit:
    """The exit code for what ended a command."""
    from autogen.coding.sandbox.errors import SandboxPolicyError, SandboxUnavailable
    from autogen.core.errors import CodeError, ConfigError, HumanInputClosed, ModelError
    from autogen.models.errors import AuthError, ModelTimeout, NotFound, Unreachable
    from autogen.runs.errors import JournalError

    if isinstance(raised, KeyboardInterrupt):
        return Exit.INTERRUPTED
    if isinstance(raised, JournalError):
        return _of_journal(raised)
    if isinstance(raised, NoModel | Unreachable | ModelTimeout | AuthError | NotFound):
        return Exit.UNREACHABLE
    if isinstance(raised, ModelError):
        return Exit.UNFINISHED
    mendable = UserError | ConfigError | CodeError | HumanInputClosed | SandboxUnavailable | SandboxPolicyError
    return Exit.USAGE if isinstance(raised, mendable) else Exit.UNFINISHED


def _of_journal(raised: BaseException) -> Exit:
    from autogen.runs import errors

    if isinstance(raised, errors.RunBusy | errors.Fenced | errors.AlreadyAnswered):
        return Exit.CONFLICT
    if isinstance(raised, errors.Damaged | errors.UnknownFormat | errors.JournalUnusable):
        return Exit.UNREADABLE
    went_wrong = errors.Diverged | errors.OutcomeUnknown | errors.RecordedError
    return Exit.UNFINISHED if isinstance(raised, went_wrong) else Exit.USAGE
