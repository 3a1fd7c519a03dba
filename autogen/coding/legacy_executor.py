"""The executor behind a `code_execution_config` without an executor: 0.2's `execute_code`, in the sandbox.

Decides 0.2's rules of that form: the language is inferred, one temporary file per block, removed after it ran, exit
code 1 at the time limit. Refuses to know agents. Change together: `execute_code` in `code_utils.py`.
"""

import os
from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from autogen.coding import languages
from autogen.coding.errors import UnknownKeyError
from autogen.coding.explain import TIMEOUT_MSG
from autogen.coding.extract import DEFAULT_TIMEOUT, infer_lang
from autogen.coding.filenames import named_file, refusal, relative
from autogen.coding.workplace import Cancelled, Env, LimitsGiven, Network, Workplace, is_number
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.errors import ConfigError

WORKING_DIR: Final = "extensions"
"""The default work directory, below the current one. (0.2's lay inside its own package, where code must not write.)"""
LegacyResult = tuple[int, str, str | None]
"""(exit code, logs, container image or None)"""


class LegacyExecutor:
    """Runs code as 0.2's `run_code` and `execute_code_blocks` did, in the sandbox. Makes nothing until code runs."""

    def __init__(
        self,
        *,
        work_dir: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
        sandbox: str = "auto",
        network: Network = None,
        env: Env = None,
        limits: LimitsGiven = None,
    ) -> None:
        """work_dir: None is WORKING_DIR. timeout: seconds for one block; None is 600. The rest: see `Workplace`."""
        self.timeout = _seconds(timeout)
        self._options: dict[str, Any] = {"sandbox": sandbox, "network": network, "env": env, "limits": limits}
        self._place = Workplace(WORKING_DIR if work_dir is None or work_dir == "" else work_dir, **self._options)

    @property
    def sandbox(self) -> str:
        """The sandbox that was asked for, and what of the network code may reach."""
        return self._place.level

    @property
    def repeatable(self) -> bool:
        """May a block that was interrupted run again? Only in a sandbox without a network."""
        return self._place.repeatable

    @property
    def work_dir(self) -> str:
        """Absolute path of the folder that code runs in."""
        return self._place.work_dir

    def run(self, code: str | None, lang: str | None = "python", **overrides: Any) -> LegacyResult:
        """Run one block; `overrides`: timeout, filename, work_dir, use_docker (of 0.2's `execute_code`), or settings
        of this executor, for this block.

        At the time limit the answer is (1, "Timeout", None). Raises ConfigError for a language without a program,
        ContainerUnavailable for a container, SandboxUnavailable.
        """
        outcome = self.run_one(code, lang, **overrides)
        return outcome.exit_code, TIMEOUT_MSG if outcome.why == "timeout" else outcome.output, outcome.image

    def run_one(
        self,
        code: str | None,
        lang: str | None = "python",
        *,
        timeout: float | None = None,
        filename: str | None = None,
        work_dir: str | os.PathLike[str] | None = None,
        use_docker: object = None,
        cancelled: Cancelled | None = None,
        **settings: Any,
    ) -> CodeOutcome:
        """`run` with the engine's value, whose output says at which limit code was stopped."""
        from autogen.coding.docker import check_can_use_docker_or_throw

        check_can_use_docker_or_throw(use_docker)
        if code is None and filename is None:
            raise ConfigError("Either code=None or filename=None must be provided.")
        lang = lang or infer_lang(code or "")
        language = _runnable(lang)
        place = self._place_for(work_dir, settings)
        seconds = self.timeout if not timeout else _seconds(timeout)
        return _run(place, code, language, filename, seconds, cancelled)

    def _place_for(self, work_dir: str | os.PathLike[str] | None, settings: dict[str, Any]) -> Workplace:
        settings.pop("execute_untrusted", None)  # the conversation's business; an overridden run_code passes it on
        for key in settings:
            if key not in self._options:
                raise UnknownKeyError(
                    "run_code", key, ("timeout", "filename", "work_dir", "use_docker", *self._options)
                )
        folder = self._place.work_dir if work_dir is None else os.path.abspath(work_dir)
        options = {**self._options, **settings}
        if folder == self._place.work_dir and options == self._options:
            return self._place
        return Workplace(folder, **options)

    def run_blocks(self, blocks: Sequence[CodeBlock], cancelled: Cancelled | None = None) -> CodeOutcome:
        """Run the blocks in order until the first failure; their outputs are joined by line breaks."""
        from autogen.coding.sandbox.errors import UnsafePathError

        steps: list[CodeOutcome] = []
        for block in blocks:
            language = block.language or infer_lang(block.code)
            if language not in ("bash", "shell", "sh", *languages.PYTHON_VARIANTS):
                step = _told(f"unknown language {language}", 1)
            else:
                try:
                    step = self.run_one(block.code, language, filename=named_file(block.code), cancelled=cancelled)
                except UnsafePathError as error:
                    step = _told(refusal(error.name, error.reason), 1)
            steps.append(step)
            if step.exit_code != 0:
                break
        return _joined(steps, self._place.sandbox_name)


def _run(
    place: Workplace, code: str | None, language: str, filename: str | None, seconds: float, cancelled: Cancelled | None
) -> CodeOutcome:
    import sys
    from shutil import which

    launch = languages.launch(language, sys.executable, which)
    if launch.missing:
        return _told(f"{launch.missing} is not installed here, so {language} cannot run; use {launch.instead}", 127)
    name = relative(filename, place.real_dir) if filename else _temporary(code or "", language)
    path = place.write(name, code) if code is not None else os.path.join(place.real_dir, name)
    try:
        outcome = place.run([*launch.argv, path], seconds, cancelled, readable=languages.home_of(launch.argv[0]))
    finally:
        if not filename:
            _remove(path)
    if outcome.why == "timeout":
        outcome = replace(outcome, exit_code=1)
    if outcome.exit_code != 0:  # 0.2 shows the file's given name, and none for a temporary one
        outcome = replace(outcome, output=outcome.output.replace(path, filename or ""))
    return replace(outcome, code_file=path if filename else None)


def _temporary(code: str, language: str) -> str:
    from hashlib import md5

    digest = md5(code.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    return f"tmp_code_{digest}.{languages.extension(language)}"


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:  # the code did it
        return


def _runnable(lang: str) -> str:
    if lang.lower().startswith("python") or lang in languages.PYTHON_VARIANTS:
        return "python"
    if lang not in languages.SUPPORTED_LANGUAGES or lang in languages.SAVED_ONLY:
        raise ConfigError(f"{lang} not recognized in code execution")
    return lang


def _told(output: str, exit_code: int) -> CodeOutcome:
    return CodeOutcome(exit_code=exit_code, output=output, why="refused")


def _joined(steps: list[CodeOutcome], sandbox: str) -> CodeOutcome:
    if not steps:
        return CodeOutcome(exit_code=0, output="", sandbox=sandbox)
    return replace(
        steps[-1],
        output="\n".join(step.output for step in steps),
        code_file=next((step.code_file for step in steps if step.code_file), None),
        truncated=sum(step.truncated for step in steps),
        seconds=sum(step.seconds for step in steps),
        sandbox=sandbox,
    )


def _seconds(timeout: float | None) -> float:
    if timeout is None:
        return DEFAULT_TIMEOUT
    if not is_number(timeout) or timeout <= 0:
        raise ConfigError(f"timeout is in seconds and above 0, got {timeout!r}")
    return timeout
