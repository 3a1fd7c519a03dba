"""`python -m autogen.coding.sandbox`: print which rungs of the sandbox ladder work on this machine."""

import sys

from autogen.coding.sandbox.errors import SandboxUnavailable
from autogen.coding.sandbox.probe import choose, describe


def main() -> int:
    """Print the table; 0 when some rung works by itself, 1 when code could not be run."""
    for rung in describe():
        state = "yes" if rung.present else "no "
        print(f"{rung.name:10} level {rung.level}  {state}  {rung.why_not or ''}".rstrip())
        if not rung.present:
            print(f"{'':10} to get it: {rung.way_up}")
    try:
        chosen = choose()
    except SandboxUnavailable as error:
        print(error)
        return 1
    print(f"in use: {chosen.name} (level {chosen.level})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
