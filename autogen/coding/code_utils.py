"""0.2's `autogen.code_utils`: functions that run code or read it out of text, on today's machinery.

Refuses to hold logic of its own: each name is defined where its job is. 0.2's helpers that called a model
(`generate_code`, `implement`, `improve_function`, `eval_function_completions`, ...) are not here.
"""

import os
import sys
from types import SimpleNamespace
from typing import Any, Final

from autogen.coding.docker import (
    check_can_use_docker_or_throw,
    decide_use_docker,
    in_docker_container,
    is_docker_running,
)
from autogen.coding.explain import TIMEOUT_MSG
from autogen.coding.extract import CODE_BLOCK_PATTERN, DEFAULT_TIMEOUT, UNKNOWN, content_str, extract_code, infer_lang
from autogen.coding.languages import PYTHON_VARIANTS
from autogen.coding.legacy_executor import WORKING_DIR, LegacyExecutor, LegacyResult
from autogen.core.errors import CodeError

__all__ = [
    "CODE_BLOCK_PATTERN",
    "DEFAULT_MODEL",
    "DEFAULT_TIMEOUT",
    "FAST_MODEL",
    "PATH_SEPARATOR",
    "PYTHON_VARIANTS",
    "SENTINEL",
    "TIMEOUT_MSG",
    "UNKNOWN",
    "WIN32",
    "WORKING_DIR",
    "check_can_use_docker_or_throw",
    "content_str",
    "create_virtual_env",
    "decide_use_docker",
    "execute_code",
    "extract_code",
    "get_powershell_command",
    "in_docker_container",
    "infer_lang",
    "is_docker_running",
]

SENTINEL: Final = object()
DEFAULT_MODEL: Final = "gpt-4"
FAST_MODEL: Final = "gpt-3.5-turbo"
WIN32: Final = sys.platform == "win32"
PATH_SEPARATOR: Final = "\\" if WIN32 else "/"


def execute_code(
    code: str | None = None,
    timeout: float | None = None,
    filename: str | None = None,
    work_dir: str | None = None,
    use_docker: Any = SENTINEL,
    lang: str | None = "python",
) -> LegacyResult:
    """Run code in the sandbox: (exit code, logs, None). At the time limit: (1, "Timeout", None).

    code: None runs the existing file `filename`. timeout: seconds, None is 600. work_dir: None is WORKING_DIR.
    use_docker: a container is an error; unset reads AUTOGEN_USE_DOCKER.
    Raises ConfigError, ContainerUnavailable, SandboxUnavailable.
    """
    wanted = decide_use_docker(None) if use_docker is SENTINEL else use_docker
    return LegacyExecutor(work_dir=work_dir).run(code, lang, timeout=timeout, filename=filename, use_docker=wanted)


def get_powershell_command() -> str:
    """The command: "powershell" or "pwsh", whichever is there. Raises CodeError when neither is."""
    from shutil import which

    for name in ("powershell", "pwsh"):
        if which(name) is not None:
            return name
    raise CodeError("neither powershell nor pwsh is installed here; install PowerShell, or use sh or Python blocks")


def create_virtual_env(dir_path: str | os.PathLike[str], **env_args: Any) -> SimpleNamespace:
    """Make a virtual environment, with pip unless `env_args` (of `venv.EnvBuilder`) are given; its context.

    The context goes to `LocalCommandLineCodeExecutor(virtual_env_context=...)`; it has `env_dir`, `bin_path` and
    `env_exe`.
    """
    import venv

    builder = venv.EnvBuilder(**(env_args or {"with_pip": True}))
    builder.create(dir_path)
    return builder.ensure_directories(dir_path)
