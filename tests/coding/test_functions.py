"""Functions of the program become a module that blocks import; nothing of them runs in this process."""

from pathlib import Path
from typing import Any

import pytest

from autogen.coding import CodeBlock, LocalCommandLineCodeExecutor
from autogen.coding.errors import FunctionSetupError
from autogen.coding.functions import (
    Alias,
    FunctionWithRequirements,
    FunctionWithRequirementsStr,
    ImportFromModule,
    module_text,
    packages_of,
    to_stub,
    with_requirements,
)


def add_two(a: int, b: int) -> int:
    """Add two
    numbers."""
    return a + b


@with_requirements(
    python_packages=["pytest"],
    global_imports=[
        "os",
        ImportFromModule("typing", ["Any"]),
        ImportFromModule("datetime", ["date", Alias("timedelta", "delta")]),
        Alias("json", "js"),
    ],
)
def load(x: "str", *, y: int = 3, **rest: Any) -> str:
    return js.dumps([x, y, os.sep, delta(days=1).days])  # noqa: F821 - imported by the module that it becomes


async def later(a):
    return a


def run(executor: LocalCommandLineCodeExecutor, code: str) -> str:
    result = executor.execute_code_blocks([CodeBlock(code, "python")])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("real_sandbox")
def test_blocks_import_the_functions(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(work_dir=work, functions=[add_two, load])
    assert (
        run(executor, "from functions import add_two, load\nprint(add_two(1, 2), load('a'))") == '3 ["a", 3, "/", 1]\n'
    )
    assert not (work / ".site").exists()  # what they need was there already


@pytest.mark.usefixtures("real_sandbox")
def test_the_module_may_have_another_name_and_come_from_text(work: Path) -> None:
    three = FunctionWithRequirements.from_str("def three():\n    return 3")
    executor = LocalCommandLineCodeExecutor(work_dir=work, functions=[three], functions_module="mine")
    assert run(executor, "import mine; print(mine.three())") == "3\n"


def test_stubs_show_head_and_docstring() -> None:
    assert to_stub(add_two) == 'def add_two(a: int, b: int) -> int:\n    """Add two\n    numbers."""\n    ...'
    assert to_stub(load) == "def load(x: 'str', *, y: int=3, **rest: Any) -> str:\n    ..."
    assert to_stub(later) == "async def later(a):\n    ..."
    quoting = FunctionWithRequirementsStr('def f():\n    \'say \\"""hi"""\'')
    compile(to_stub(quoting), "<stub>", "exec")


def test_the_prompt_names_module_and_stubs(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(work_dir=work, functions=[add_two])
    assert executor.format_functions_for_prompt("in $module_name: $functions") == f"in functions: {to_stub(add_two)}"
    assert "`functions`" in executor.format_functions_for_prompt()
    assert to_stub(add_two) in executor.format_functions_for_prompt()
    with pytest.raises(KeyError):
        executor.format_functions_for_prompt("$other")


def test_the_module_has_the_imports_once_and_no_decorator() -> None:
    text = module_text([load, add_two, load])
    head = "import os\nfrom typing import Any\nfrom datetime import date, timedelta as delta\nimport json as js\n\n"
    assert text.startswith(head + "def load(")
    assert "with_requirements" not in text
    assert packages_of([load, add_two, load]) == ["pytest"]


def test_a_function_stays_callable() -> None:
    assert with_requirements(["x"])(add_two)(1, 2) == 3
    with pytest.raises(TypeError, match="not directly callable"):
        FunctionWithRequirementsStr("def f(): pass")()


def test_a_text_is_read_and_never_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    text = f"open({str(marker)!r}, 'w')\ndef f(x=open({str(marker)!r}, 'w')): pass"
    to_stub(FunctionWithRequirementsStr(text))
    assert not marker.exists()


@pytest.mark.parametrize("text", ["x = 1", "class X: pass", "def f(): pass\ndef g(): pass", ""])
def test_a_text_holds_exactly_one_function(text: str) -> None:
    with pytest.raises(ValueError, match="^The string must contain exactly one function$"):
        FunctionWithRequirementsStr(text)


def test_a_text_that_is_no_python_is_told() -> None:
    with pytest.raises(ValueError, match="^Could not compile function: "):
        FunctionWithRequirementsStr("def f(:")


def test_a_function_without_source_is_told(work: Path) -> None:
    with pytest.raises(ValueError, match="give its text"):
        LocalCommandLineCodeExecutor(work_dir=work, functions=[len]).format_functions_for_prompt()


@pytest.mark.usefixtures("real_sandbox")
def test_a_package_that_cannot_be_had_is_an_error_and_no_block_runs(work: Path) -> None:
    needy = with_requirements(python_packages=["autogen-no-such-package-for-tests"])(add_two)
    executor = LocalCommandLineCodeExecutor(work_dir=work, functions=[needy])
    with pytest.raises(FunctionSetupError, match="^Pip install failed. "):
        executor.execute_code_blocks([CodeBlock("open('ran', 'w')", "python")])
    assert not (work / "ran").exists()


@pytest.mark.usefixtures("real_sandbox")
def test_functions_that_do_not_load_are_an_error(work: Path) -> None:
    broken = with_requirements(global_imports=["no_such_module_for_tests"])(add_two)
    with pytest.raises(FunctionSetupError, match=r"^Functions failed to load: [\s\S]*no_such_module_for_tests"):
        LocalCommandLineCodeExecutor(work_dir=work, functions=[broken]).execute_code_blocks([CodeBlock("1", "python")])
