"""Functions of the program that code may import: their source, their stubs, what they need.

Decides how a list of functions becomes one module. Refuses to run them: their text goes into a file that only the
sandbox imports. `inspect` is loaded when a function's source is read.
"""

import ast
from collections.abc import Callable, Sequence
from copy import copy
from typing import Any, Generic, ParamSpec, TypeAlias, TypeVar

from msgspec import Struct

P = ParamSpec("P")
T = TypeVar("T")


class Alias(Struct, frozen=True):
    """`name as alias` in an import."""

    name: str
    alias: str


class ImportFromModule(Struct, frozen=True):
    """`from module import ...`."""

    module: str
    imports: list[str | Alias]


Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Import: TypeAlias = str | ImportFromModule | Alias


class FunctionWithRequirementsStr:
    """The text of one function, with what it needs. It is never run in this process, not even to read its name.

    Raises ValueError when the text does not compile or holds more or fewer than one function.
    """

    def __init__(
        self, func: str, python_packages: Sequence[str] | None = None, global_imports: Sequence[Import] | None = None
    ) -> None:
        self.func = func
        self.python_packages = list(python_packages or ())
        self.global_imports = list(global_imports or ())
        self._definition = _the_function(func)

    def __call__(self, *_args: Any, **_kwargs: Any) -> None:
        raise TypeError("String based function with requirement objects are not directly callable")

    def __repr__(self) -> str:
        return (
            f"FunctionWithRequirementsStr(func={self.func!r}, python_packages={self.python_packages!r}, "
            f"global_imports={self.global_imports!r})"
        )

    @property
    def definition(self) -> Definition:
        """The function's syntax tree."""
        return self._definition


class FunctionWithRequirements(Generic[T, P]):
    """A function and what it needs: packages to install, imports at the top of its module."""

    def __init__(
        self,
        func: Callable[P, T],
        python_packages: Sequence[str] | None = None,
        global_imports: Sequence[Import] | None = None,
    ) -> None:
        self.func = func
        self.python_packages = list(python_packages or ())
        self.global_imports = list(global_imports or ())

    @classmethod
    def from_callable(
        cls,
        func: Callable[P, T],
        python_packages: Sequence[str] | None = None,
        global_imports: Sequence[Import] | None = None,
    ) -> "FunctionWithRequirements[T, P]":
        return cls(func, python_packages, global_imports)

    @staticmethod
    def from_str(
        func: str, python_packages: Sequence[str] | None = None, global_imports: Sequence[Import] | None = None
    ) -> FunctionWithRequirementsStr:
        return FunctionWithRequirementsStr(func, python_packages, global_imports)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.func(*args, **kwargs)

    def __repr__(self) -> str:
        return (
            f"FunctionWithRequirements(func={self.func!r}, python_packages={self.python_packages!r}, "
            f"global_imports={self.global_imports!r})"
        )


GivenFunction: TypeAlias = FunctionWithRequirements[Any, Any] | FunctionWithRequirementsStr | Callable[..., Any]


def with_requirements(
    python_packages: Sequence[str] | None = None, global_imports: Sequence[Import] | None = None
) -> Callable[[Callable[P, T]], FunctionWithRequirements[T, P]]:
    """Decorator: say what a function needs when an executor makes it available to code."""

    def wrap(func: Callable[P, T]) -> FunctionWithRequirements[T, P]:
        return FunctionWithRequirements(func, python_packages, global_imports)

    return wrap


def packages_of(functions: Sequence[GivenFunction]) -> list[str]:
    """The packages that the functions need, each once, in order."""
    return list(
        dict.fromkeys(
            package
            for function in functions
            if isinstance(function, (FunctionWithRequirements, FunctionWithRequirementsStr))
            for package in function.python_packages
        )
    )


def module_text(functions: Sequence[GivenFunction]) -> str:
    """The source of a module that holds the functions, their imports on top."""
    imports = dict.fromkeys(
        _import_line(wanted)
        for function in functions
        if isinstance(function, (FunctionWithRequirements, FunctionWithRequirementsStr))
        for wanted in function.global_imports
    )
    return "\n".join(imports) + "\n\n" + "".join(f"{_source(function)}\n\n\n" for function in functions)


def to_stub(function: GivenFunction) -> str:
    """The head of the function and its docstring, with `...` for a body: what a model is shown."""
    definition = (
        function.definition if isinstance(function, FunctionWithRequirementsStr) else _the_function(_source(function))
    )
    head = ast.unparse(_bare(definition)).rsplit("\n", 1)[0]
    doc = ast.get_docstring(definition)
    if doc is None:
        return f"{head}\n    ..."
    indented = doc.replace("\\", "\\\\").replace('"""', '\\"\\"\\"').replace("\n", "\n    ")
    return f'{head}\n    """{indented}"""\n    ...'


def _bare(definition: Definition) -> ast.stmt:
    """A copy with an empty body and no decorators."""
    bare = copy(definition)
    bare.body, bare.decorator_list = [ast.Expr(ast.Constant(...))], []
    return bare


def _the_function(text: str) -> Definition:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"Could not compile function: {error}") from error
    functions = [node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    if len(functions) != 1:
        raise ValueError("The string must contain exactly one function")
    return functions[0]


def _source(function: GivenFunction) -> str:
    """The function's own text, without `@with_requirements`, at the left margin."""
    if isinstance(function, FunctionWithRequirementsStr):
        return function.func
    import inspect
    import textwrap

    plain = function.func if isinstance(function, FunctionWithRequirements) else function
    try:
        text = textwrap.dedent(inspect.getsource(plain))
    except (OSError, TypeError) as error:
        name = getattr(plain, "__name__", repr(plain))
        raise ValueError(
            f"the source of {name} cannot be read ({error}); give its text with FunctionWithRequirements.from_str"
        ) from error
    definition = _the_function(text)
    lines = text.splitlines()
    kept = [
        line
        for decorator in definition.decorator_list
        if not _is_ours(decorator)
        for line in lines[decorator.lineno - 1 : decorator.end_lineno]
    ]
    return "\n".join([*kept, *lines[definition.lineno - 1 : definition.end_lineno]])


def _is_ours(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name == "with_requirements"


def _import_line(wanted: Import) -> str:
    if isinstance(wanted, str):
        return f"import {wanted}"
    if isinstance(wanted, Alias):
        return f"import {wanted.name} as {wanted.alias}"
    names = ", ".join(name if isinstance(name, str) else f"{name.name} as {name.alias}" for name in wanted.imports)
    return f"from {wanted.module} import {names}"
