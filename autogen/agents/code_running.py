"""How an agent runs code: its `code_execution_config`, read once, and 0.2's overridable methods.

Refuses to know sandboxes and languages (`coding/`) and when code runs (`conversation/code_turn.py`).
"""

import os
from typing import Any, Literal

from msgspec import Struct

from autogen.agents.base import AgentBase
from autogen.agents.faces import blocking
from autogen.conversation.run import Run
from autogen.core.code import CodeBlock


class CodeSetup(Struct, frozen=True, kw_only=True, eq=False):
    """How an agent runs code: the `CodeSetup` of `conversation.party`."""

    executor: Any
    last_n_messages: int | Literal["auto"]
    execute_untrusted: bool
    extractor: Any
    """The executor form's own; None infers languages as the older form does."""

    @property
    def sandbox(self) -> str:
        """The level that code runs in, as it was asked for; "" where the executor does not say."""
        return str(getattr(self.executor, "sandbox", ""))

    @property
    def work_dir(self) -> str:
        """Where code runs; "" where the executor does not say."""
        named = str(getattr(self.executor, "work_dir", ""))
        return os.path.abspath(named) if named else ""  # noqa: PTH100 - as the executors do it

    def blocks_in(self, content: Any) -> tuple[CodeBlock, ...]:
        """The code blocks of a message's content."""
        if self.extractor is not None:
            return tuple(self.extractor.extract_code_blocks(content))
        from autogen.coding.extract import inferred_blocks

        return tuple(inferred_blocks(content))


class CodeRunning(AgentBase):
    """The part of ConversableAgent that runs code."""

    def _set_code(self, config: dict[str, Any] | Literal[False] | None) -> None:
        self._code_setup = None
        self._code_execution_config, self._code_executor = False, None
        if config is False:
            return
        from autogen.coding.config import read_config

        self._code_execution_config, self._code_executor = read_config(config, self._name)

    @property
    def code_executor(self) -> Any:
        """The executor of the executor form; None in the older form and without code."""
        return self._code_executor

    @property
    def use_docker(self) -> bool | str | None:
        """`use_docker` of the older form; None when code is off or unset."""
        config = self._code_execution_config
        return None if config is False else config.get("use_docker")

    def _code_use(self) -> CodeSetup | None:
        """How this agent runs code, or None when it runs none. Sees what a program set after construction."""
        config, executor = self._code_execution_config, self._code_executor
        if config is False:
            return None
        known = self._code_setup
        if known is None or known[0] is not config or known[1] is not executor or known[2] != config:
            self._code_setup = known = (config, executor, dict(config), _setup(config, executor))
        setup: CodeSetup = known[3]
        return setup

    def run_code(self, code: str, **kwargs: Any) -> tuple[int, str, str | None]:
        """Run one block: (exit code, output, container image or None). Override it to run code your own way.

        lang, filename, timeout, work_dir, use_docker: as in `autogen.code_utils.execute_code`.
        """
        known = self._code_use()
        if known is None or known.extractor is not None:
            from autogen.coding.config import legacy_executor

            return legacy_executor({}).run(code, **kwargs)
        result: tuple[int, str, str | None] = known.executor.run(code, **kwargs)
        return result

    def execute_code_blocks(self, code_blocks: list[tuple[str, str]]) -> tuple[int, str]:
        """Run (language, code) pairs up to the first failure: (exit code, logs)."""
        from autogen.coding.extract import infer_lang

        blocks = tuple(CodeBlock(code, language or infer_lang(code)) for language, code in code_blocks)
        return blocking(lambda run: _execute(run, self, blocks))

    def _run_code_options(self, block: CodeBlock) -> dict[str, Any]:
        """What an overridden `run_code` is called with beside the code, as in 0.2."""
        options = {key: value for key, value in self._code_execution_config.items() if key != "last_n_messages"}
        from autogen.coding.filenames import named_file

        return {"lang": block.language, "filename": named_file(block.code), **options}


def _setup(config: dict[str, Any], executor: Any) -> CodeSetup:
    from autogen.coding.config import legacy_executor
    from autogen.coding.docker import check_can_use_docker_or_throw

    if executor is None:
        check_can_use_docker_or_throw(config.get("use_docker"))  # it may have been set after construction
    return CodeSetup(
        executor=executor if executor is not None else legacy_executor(config),
        last_n_messages=config.get("last_n_messages", "auto"),
        execute_untrusted=bool(config.get("execute_untrusted")),
        extractor=executor.code_extractor if executor is not None else None,
    )


async def _execute(run: Run, agent: Any, blocks: tuple[CodeBlock, ...]) -> tuple[int, str]:
    from autogen.conversation.code_turn import one_by_one

    outcome = await one_by_one(run, agent, blocks)
    run.tell(outcome.output, "code")
    return outcome.exit_code, outcome.output
