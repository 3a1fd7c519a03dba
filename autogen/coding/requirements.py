"""Make the packages that functions need importable for code, and check that the functions load.

Decides the steps. Everything runs in the executor's sandbox: packages that are not installed go into `.site` in the
work directory, never into this program's own environment.
"""

import os
import re
from collections.abc import Sequence
from typing import Final

from autogen.coding.errors import FunctionSetupError
from autogen.coding.functions import GivenFunction, module_text, packages_of
from autogen.coding.workplace import Cancelled, Workplace

SITE: Final = ".site"
SETUP_S: Final = 300.0
"""Seconds for one step of the setup, at most; a package has to be fetched in that time."""
_BARE: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_WHICH_MISSING: Final = """\
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        print(name)
"""
_PIP: Final = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")


def prepare(
    place: Workplace, python: str, functions: Sequence[GivenFunction], module: str, cancelled: Cancelled | None
) -> None:
    """Write `module`.py with the functions into the work directory, with what they need.

    Raises FunctionSetupError ("Pip install failed", "Functions failed to load"); ValueError for a function whose
    source cannot be read.
    """
    place.write(f"{module}.py", module_text(functions))
    missing = _missing(place, python, packages_of(functions), cancelled)
    if missing:
        target = os.path.join(place.real_dir, SITE)
        patience = () if place.network else ("--retries", "0")  # nothing will answer
        done = place.run([python, *_PIP, *patience, "--target", target, "--", *missing], SETUP_S, cancelled)
        if done.exit_code != 0:
            raise FunctionSetupError("Pip install failed", done.output)
    loaded = place.run([python, "-c", f"import {module}"], SETUP_S, cancelled, env=site_env(place))
    if loaded.exit_code != 0:
        raise FunctionSetupError("Functions failed to load", loaded.output)


def site_env(place: Workplace) -> dict[str, str]:
    """What lets code import the packages that `prepare` installed."""
    site = os.path.join(place.real_dir, SITE)
    return {"PYTHONPATH": site} if os.path.isdir(site) else {}


def _missing(place: Workplace, python: str, packages: list[str], cancelled: Cancelled | None) -> list[str]:
    """Those that are not there: bare names are looked up, requirements with a version are put to pip, offline."""
    bare = [package for package in packages if _BARE.fullmatch(package)]
    others = [package for package in packages if package not in bare]
    missing: list[str] = []
    if bare:
        found = place.run([python, "-c", _WHICH_MISSING, *bare], SETUP_S, cancelled)
        if found.exit_code != 0:
            raise FunctionSetupError("Pip install failed", found.output)
        missing = found.output.split()
    if others:
        offline = [python, *_PIP, "--no-index", "--dry-run", "--", *others]
        if place.run(offline, SETUP_S, cancelled).exit_code != 0:
            missing += others
    return missing
