"""The command line. `main` is the console script; everything else is imported when a command needs it."""

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line with `argv` (without the program's name; None takes the process's).

    Returns the exit code, as listed in `autogen.cli.exits`; raises nothing that a user can cause.
    """
    from autogen.cli.app import run_command

    return run_command(argv)
