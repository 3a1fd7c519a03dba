"""The user's own code, loaded for a command: a module or file that registers entry functions, a script to replay.

Refuses to know what it is for. It is the user's program and runs with their rights, as `python` would run it.
"""

import sys
import traceback
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from autogen.cli.exits import UserError
from autogen.core.errors import AutogenError


def imported(name: str) -> None:
    """Import a module by its dotted name, or a file by its path. Raises UserError when that fails."""
    here = str(Path.cwd())
    try:
        if name.endswith(".py") or "/" in name:
            _import_file(Path(name))
        else:
            if here not in sys.path:
                sys.path.insert(0, here)
            import_module(name)
    except (AutogenError, UserError):
        raise
    except (Exception, SystemExit) as raised:
        raise UserError(f"--import {name}: {_told(raised)}") from raised


def _import_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"--import {path}: there is no such file")
    name = path.stem
    if name in sys.modules:
        if getattr(sys.modules[name], "__file__", None) == str(path.resolve()):
            return
        name = f"_imported_{name}"
    spec = spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise UserError(f"--import {path}: this is no Python file")
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _told(raised: BaseException) -> str:
    """The error, and the line of the user's code that it came from."""
    frames = traceback.extract_tb(raised.__traceback__)
    own = [frame for frame in frames if frame.filename != __file__ and "importlib" not in frame.filename]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    return f"{type(raised).__name__}: {raised}{where}"
