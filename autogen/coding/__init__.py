"""Code: finding it in messages, running it in a sandbox. Each name is loaded when it is first used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogen.coding.base import CodeExecutor, CodeExtractor, CodeResult
    from autogen.coding.factory import CodeExecutorFactory
    from autogen.coding.local import LocalCommandLineCodeExecutor
    from autogen.coding.markdown_code_extractor import MarkdownCodeExtractor
    from autogen.core.code import CodeBlock

__all__ = [
    "CodeBlock",
    "CodeExecutor",
    "CodeExecutorFactory",
    "CodeExtractor",
    "CodeResult",
    "LocalCommandLineCodeExecutor",
    "MarkdownCodeExtractor",
]

_HOMES = {
    "CodeBlock": "autogen.core.code",
    "CodeExecutor": "autogen.coding.base",
    "CodeExecutorFactory": "autogen.coding.factory",
    "CodeExtractor": "autogen.coding.base",
    "CodeResult": "autogen.coding.base",
    "LocalCommandLineCodeExecutor": "autogen.coding.local",
    "MarkdownCodeExtractor": "autogen.coding.markdown_code_extractor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
