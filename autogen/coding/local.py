"""Run Python and shell blocks on this machine, in a sandbox, with the files of earlier blocks at hand.

Decides how blocks become files, programs and one result, with 0.2's codes and texts. Refuses to know how a sandbox
works, and to pick a weaker one. Change together: `SUPPORTED_LANGUAGES` in `languages.py` and the policies below.
"""

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

from autogen.coding import languages
from autogen.coding.base import CodeExecutor, CodeExtractor, CommandLineCodeResult, result_of
from autogen.coding.filenames import named_file, refusal, relative
from autogen.coding.workplace import Cancelled, Env, LimitsGiven, Network, Workplace, is_number
from autogen.core.code import CodeBlock, CodeOutcome
from autogen.core.errors import ConfigError

if TYPE_CHECKING:
    from autogen.coding.functions import GivenFunction

_DANGEROUS: Final = (
    (r"\brm\s+-rf\b", "Use of 'rm -rf' command is not allowed."),
    (r"\bmv\b.*?\s+/dev/null", "Moving files to /dev/null is not allowed."),
    (r"\bdd\b", "Use of 'dd' command is not allowed."),
    (r">\s*/dev/sd[a-z][1-9]?", "Overwriting disk blocks directly is not allowed."),
    (r":\(\)\{\s*:\|\:&\s*\};:", "Fork bombs are not allowed."),
)


class LocalCommandLineCodeExecutor(CodeExecutor):
    """Runs code blocks on this machine, in a sandbox.

    Python, sh, bash and PowerShell blocks run; HTML, CSS and (by default) JavaScript are saved. Each block is a file
    in `work_dir`, named by its first line (`# filename: plot.py`) or by its content; files stay for later blocks.
    """

    SUPPORTED_LANGUAGES: ClassVar[list[str]] = languages.SUPPORTED_LANGUAGES
    DEFAULT_EXECUTION_POLICY: ClassVar[dict[str, bool]] = {
        language: language not in ("javascript", *languages.SAVED_ONLY) for language in languages.SUPPORTED_LANGUAGES
    }
    FUNCTION_PROMPT_TEMPLATE: ClassVar[str] = (
        "Some functions are ready for your code to use. They are in the module `$module_name`; import them by name, "
        "as in `from $module_name import foo` for a function called `foo`. Their signatures:\n\n$functions"
    )

    def __init__(
        self,
        timeout: float = 60,
        virtual_env_context: SimpleNamespace | None = None,
        work_dir: Path | str = Path(),
        functions: "Sequence[GivenFunction]" = (),
        functions_module: str = "functions",
        execution_policies: Mapping[str, bool] | None = None,
        *,
        sandbox: str = "auto",
        network: Network = None,
        env: Env = None,
        limits: LimitsGiven = None,
        check_sandbox: bool = False,
    ) -> None:
        """timeout: seconds for one block, 1 or more. work_dir: made now if it is not there.

        virtual_env_context: what `create_virtual_env` gives; its Python and programs are used.
        functions: importable by blocks from the module `functions_module`; set up before the first block.
        execution_policies: language -> run it (True) or only save it; joined to DEFAULT_EXECUTION_POLICY.
        sandbox: "auto", a rung, or "off" (0.2's way: with all your rights). Chosen at the first run, or now with
            `check_sandbox`; then kept.
        network: False, True or hosts; None reads AUTOGEN_NETWORK. env: values, names, or "inherit".
        limits: memory_bytes, processes and so on, see `autogen.coding.sandbox.Limits`.
        Raises ConfigError (a ValueError); SandboxUnavailable with `check_sandbox`.
        """
        if not is_number(timeout) or timeout < 1:
            raise ConfigError("Timeout must be greater than or equal to 1.")
        if not functions_module.isidentifier():
            raise ConfigError("Module name must be a valid Python identifier")
        self.execution_policies = {**self.DEFAULT_EXECUTION_POLICY, **(execution_policies or {})}
        self._timeout = timeout
        self._work_dir = work_dir if isinstance(work_dir, Path) else _path(work_dir)
        self._functions = list(functions)
        self._functions_module = functions_module
        self._functions_ready = not functions
        self._setup = threading.Lock()
        self._told_missing: set[str] = set()
        self._venv = virtual_env_context
        venv = virtual_env_context
        self._place = Workplace(
            str(self._work_dir),
            sandbox=sandbox,
            network=network,
            env=env,
            limits=limits,
            readable=() if venv is None else (str(venv.env_dir),),
        )
        self._place.make()
        if check_sandbox:
            self._place.pin()

    @property
    def sandbox(self) -> str:
        """The sandbox that was asked for, and what of the network code may reach."""
        return self._place.level

    @property
    def repeatable(self) -> bool:
        """May a block that was interrupted run again? Only in a sandbox without a network."""
        return self._place.repeatable

    @property
    def timeout(self) -> float:
        """Seconds for one block."""
        return self._timeout

    @property
    def work_dir(self) -> Path:
        """The folder that blocks run in, as given."""
        return self._work_dir

    @property
    def functions(self) -> "list[GivenFunction]":
        """What the program made importable."""
        return self._functions

    @property
    def functions_module(self) -> str:
        """The module that blocks import the functions from."""
        return self._functions_module

    @property
    def code_extractor(self) -> CodeExtractor:
        """Finds the blocks of a message for this executor."""
        from autogen.coding.markdown_code_extractor import MarkdownCodeExtractor

        return MarkdownCodeExtractor()

    def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> CommandLineCodeResult:
        """Run the blocks in order until the first failure. Raises SandboxUnavailable when nothing can run safely."""
        return result_of(self.run_blocks(code_blocks))

    def restart(self) -> None:
        """Nothing to do: no process outlives its block, and files are kept."""
        import warnings

        warnings.warn("Restarting local command line code executor is not supported. No action is taken.", stacklevel=2)

    def format_functions_for_prompt(self, prompt_template: str = FUNCTION_PROMPT_TEMPLATE) -> str:
        """The template with $module_name and $functions (their stubs) filled in. KeyError for another placeholder."""
        from string import Template

        from autogen.coding.functions import to_stub

        stubs = "\n\n".join(map(to_stub, self._functions))
        return Template(prompt_template).substitute(module_name=self._functions_module, functions=stubs)

    @staticmethod
    def sanitize_command(lang: str, code: str) -> None:
        """Raise ValueError for a few shell commands that 0.2 refused.

        A list of patterns stops accidents, not attacks, and refuses `echo dd`, so this executor relies on its sandbox
        and calls only a subclass's own `sanitize_command`.
        """
        if lang in ("bash", "shell", "sh"):
            for pattern, message in _DANGEROUS:
                if re.search(pattern, code):
                    raise ValueError(f"Potentially dangerous command detected: {message}")

    def run_blocks(self, blocks: Sequence[CodeBlock], cancelled: Cancelled | None = None) -> CodeOutcome:
        """`execute_code_blocks` with the engine's value; `cancelled` is asked while a program runs."""
        if blocks:
            self._set_up_functions(cancelled)
        outputs: list[str] = []
        last, first_file, truncated, seconds = self._told("", 0), None, 0, 0.0
        for block in blocks:
            last = self._run_block(block, cancelled)
            outputs.append(last.output)
            first_file = first_file or last.code_file
            truncated += last.truncated
            seconds += last.seconds
            if last.exit_code != 0:
                break
        return CodeOutcome(
            exit_code=last.exit_code,
            output="".join(outputs),
            why=last.why,
            code_file=first_file,
            truncated=truncated,
            sandbox=self._place.sandbox_name,
            seconds=seconds,
        )

    def _run_block(self, block: CodeBlock, cancelled: Cancelled | None) -> CodeOutcome:
        language = languages.canonical(block.language)
        if language not in self.SUPPORTED_LANGUAGES:
            return self._told(f"\nunknown language {language}", 1)
        if type(self).sanitize_command is not LocalCommandLineCodeExecutor.sanitize_command:
            self.sanitize_command(language, block.code)
        code = languages.silence_pip(block.code, language)
        from autogen.coding.sandbox.errors import UnsafePathError

        try:
            path = self._place.write(self._name(code, language), code)
        except UnsafePathError as error:
            return self._told(refusal(error.name, error.reason), 1)
        if language in languages.SAVED_ONLY or not self.execution_policies.get(language, False):
            return self._told(f"Code saved to {path}\n", 0, path)
        return self._launch(language, path, cancelled)

    def _name(self, code: str, language: str) -> str:
        given = named_file(code)
        if given is not None:
            return relative(given, self._place.real_dir)
        from hashlib import md5

        digest = md5(code.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
        return f"tmp_code_{digest}.{languages.extension(language)}"

    def _launch(self, language: str, path: str, cancelled: Cancelled | None) -> CodeOutcome:
        from shutil import which

        from msgspec.structs import replace

        from autogen.coding.requirements import site_env

        launch = languages.launch(language, self._python(), which)
        if launch.missing:
            return self._missing(language, launch, path)
        outcome = self._place.run(
            [*launch.argv, path],
            self._timeout,
            cancelled,
            env={**self._venv_env(), **site_env(self._place)},
            readable=languages.home_of(launch.argv[0]),
        )
        return replace(outcome, code_file=path)

    def _missing(self, language: str, launch: languages.Launch, path: str) -> CodeOutcome:
        text = f"{launch.missing} is still not installed here"
        if language not in self._told_missing:  # a model that did not heed it once is not helped by its length
            text = f"{launch.missing} is not installed here, so {language} cannot run; write {launch.instead} instead"
        self._told_missing.add(language)
        return self._told(f"\n{text}", 127, path)

    def _told(self, output: str, exit_code: int, path: str | None = None) -> CodeOutcome:
        """An outcome for which nothing ran."""
        return CodeOutcome(
            exit_code=exit_code,
            output=output,
            why="refused" if exit_code else "ok",
            code_file=path,
            sandbox=self._place.sandbox_name,
        )

    def _python(self) -> str:
        import sys

        if self._venv is None:
            return sys.executable
        name = "python.exe" if sys.platform == "win32" else "python"
        return os.path.join(self._venv.bin_path, name)

    def _venv_env(self) -> dict[str, str]:
        if self._venv is None:
            return {}
        path = os.pathsep.join((str(self._venv.bin_path), "/usr/local/bin", "/usr/bin", "/bin"))
        return {"PATH": path, "VIRTUAL_ENV": str(self._venv.env_dir)}

    def _set_up_functions(self, cancelled: Cancelled | None) -> None:
        with self._setup:
            if self._functions_ready:
                return
            from autogen.coding.requirements import prepare

            prepare(self._place, self._python(), self._functions, self._functions_module, cancelled)
            self._functions_ready = True


def _path(work_dir: object) -> Path:
    if not isinstance(work_dir, (str, os.PathLike)):
        raise ConfigError(f"work_dir is the path of a folder, got {type(work_dir).__name__}: {work_dir!r:.80}")
    return Path(cast("str", work_dir))


def _deprecated(old: str, new: type[Any]) -> Callable[..., Any]:
    """0.2's alias that warns when called; `isinstance` and `issubclass` see through it."""

    class Renamed(type):
        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            import warnings

            warnings.warn(
                f"{old} has been renamed to {new.__name__}, the alias will be removed in the future",
                DeprecationWarning,
                stacklevel=2,
            )
            return new(*args, **kwargs)

        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, new)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, new)

    return Renamed(old, (), {"__doc__": f"Renamed to {new.__name__}."})


LocalCommandlineCodeExecutor = _deprecated("LocalCommandlineCodeExecutor", LocalCommandLineCodeExecutor)
CommandlineCodeResult = _deprecated("CommandlineCodeResult", CommandLineCodeResult)
