"""Executors by name. Refuses to know how any of them works."""

from collections.abc import Mapping
from typing import Any, cast

from autogen.coding.base import CodeExecutor
from autogen.core.errors import ConfigError

KNOWN = ("commandline-local",)


class CodeExecutorFactory:
    """Makes the executor that a `code_execution_config` asks for."""

    @staticmethod
    def create(code_execution_config: Mapping[str, Any]) -> CodeExecutor:
        """`code_execution_config["executor"]`: an executor object, or a name whose options stand under that name.

        Raises ConfigError (a ValueError) for an unknown name or option.
        """
        executor = code_execution_config.get("executor")
        if isinstance(executor, CodeExecutor):
            return executor
        if executor != "commandline-local":
            raise ConfigError(
                f"Unknown code executor {executor}; known are {', '.join(map(repr, KNOWN))}, or give an object with "
                "execute_code_blocks, code_extractor and restart"
            )
        return _local(code_execution_config.get("commandline-local") or {})


def _local(options: Mapping[str, Any]) -> CodeExecutor:
    import inspect

    if not isinstance(cast("object", options), Mapping):
        raise ConfigError(
            f"code_execution_config['commandline-local'] is a dict of the executor's settings, got {options!r:.80}"
        )
    from autogen.coding.errors import UnknownKeyError
    from autogen.coding.local import LocalCommandLineCodeExecutor

    known = tuple(name for name in inspect.signature(LocalCommandLineCodeExecutor).parameters)
    for key in options:
        if key not in known:
            raise UnknownKeyError("code_execution_config['commandline-local']", str(key), known)
    return LocalCommandLineCodeExecutor(**options)
