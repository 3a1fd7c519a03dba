"""`python -m autogen`: the same as the `autogen` command. Decides nothing."""

import sys

from autogen.cli import main

if __name__ == "__main__":
    sys.exit(main())
