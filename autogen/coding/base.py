"""What an executor and an extractor are, and the results that 0.2 programs read.

Refuses to know any executor. Results may be changed by programs (0.2's were), so they are not frozen.
"""

from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from autogen.core.code import CodeBlock, CodeOutcome, Why

__all__ = [
    "CodeBlock",
    "CodeExecutor",
    "CodeExtractor",
    "CodeResult",
    "CommandLineCodeResult",
    "IPythonCodeResult",
    "outcome_of",
    "result_of",
]


class CodeResult(Struct, kw_only=True, repr_omit_defaults=True):
    """What came of a list of blocks."""

    exit_code: int
    """0 when every block succeeded; 124 at the time limit; else the first failing block's."""
    output: str
    """stdout and stderr of all blocks, in order."""
    why: Why = "ok"
    truncated: int = 0
    """Bytes of output that were dropped from the middle."""
    sandbox: str = ""
    """The sandbox that ran it; "" when the executor does not say."""

    def __post_init__(self) -> None:
        if self.exit_code != 0 and self.why == "ok":
            self.why = "error"


class CommandLineCodeResult(CodeResult, kw_only=True, repr_omit_defaults=True):
    """The result of a command line executor."""

    code_file: str | None = None
    """Path of the file that holds the first block."""


class IPythonCodeResult(CodeResult, kw_only=True, repr_omit_defaults=True):
    """The result of a notebook kernel."""

    output_files: list[str] = []
    """Paths of the files (images, pages) that the blocks showed."""


@runtime_checkable
class CodeExtractor(Protocol):
    """Finds code blocks in a message."""

    def extract_code_blocks(self, message: str | list[Any] | None) -> list[CodeBlock]:
        """The blocks of `message` in order; [] when there are none. Shapes of `message`: as a message's content."""
        ...


@runtime_checkable
class CodeExecutor(Protocol):
    """Runs code blocks. Any object of this shape can be given as `code_execution_config={"executor": ...}`."""

    @property
    def code_extractor(self) -> CodeExtractor:
        """The extractor whose blocks this executor runs."""
        ...

    def execute_code_blocks(self, code_blocks: list[CodeBlock]) -> CodeResult:
        """Run the blocks in order until the first failure."""
        ...

    def restart(self) -> None:
        """Forget what earlier blocks left behind, where this executor keeps any."""
        ...


def outcome_of(result: Any, seconds: float) -> CodeOutcome:
    """The engine's form of a result that a program's own executor gave; only `exit_code` and `output` are required."""
    exit_code = int(result.exit_code)
    return CodeOutcome(
        exit_code=exit_code,
        output=str(result.output),
        why=getattr(result, "why", "ok" if exit_code == 0 else "error"),
        code_file=getattr(result, "code_file", None),
        files=tuple(getattr(result, "output_files", ())),
        truncated=getattr(result, "truncated", 0),
        sandbox=getattr(result, "sandbox", ""),
        seconds=seconds,
    )


def result_of(outcome: CodeOutcome) -> CommandLineCodeResult:
    """0.2's form of an outcome."""
    return CommandLineCodeResult(
        exit_code=outcome.exit_code,
        output=outcome.output,
        why=outcome.why,
        truncated=outcome.truncated,
        sandbox=outcome.sandbox,
        code_file=outcome.code_file,
    )
