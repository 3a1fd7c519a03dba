"""The gates of the design: what no change may break, whatever it adds.

Layers are checked by `lint-imports` in scripts/check; everything here needs only the source text or a fresh process.
"""

import ast
import functools
import inspect
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "autogen").rglob("*.py"))
PROGRAMS = [*SOURCES, *sorted((ROOT / "examples").rglob("*.py"))]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 80

# What `import autogen` and a first agent may not load: each costs milliseconds or opens a door that is used later.
LOADED_LATER = {
    "aiohttp", "asyncio", "autogen.drivers.concurrent", "click", "dataclasses", "httpx2", "inspect", "logging",
    "matplotlib", "numpy", "openai", "pydantic", "pyreqwest", "rich", "sandlock", "socket", "sqlite3", "ssl",
    "subprocess",
}  # fmt: skip
MAX_MODULES = 150


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


@pytest.fixture(autouse=True, scope="module")
def trees_are_let_go() -> Iterator[None]:
    """So many nodes, kept, would make every later garbage collection slow."""
    yield
    tree_of.cache_clear()


def functions_of(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def called_name(call: ast.Call) -> str:
    """The dotted name that is called, as written; "" for anything else."""
    return ast.unparse(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else ""


# ---- size and shape ------------------------------------------------------------------------------------------------


def test_no_file_is_longer_than_500_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in PROGRAMS}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_80_lines() -> None:
    long = [
        f"{name_of(path)}:{function.lineno} {function.name}: {lines} lines"
        for path in PROGRAMS
        for function in functions_of(tree_of(path))
        if (lines := (function.end_lineno or function.lineno) - function.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_every_module_says_what_it_decides() -> None:
    silent = [name_of(path) for path in PROGRAMS if not (ast.get_docstring(tree_of(path)) or "").strip()]
    assert silent == []


def test_there_is_no_stub() -> None:
    """No TODO, no NotImplementedError, and `...` as a body only in protocols, overloads and abstract methods."""
    found = []
    for path in PROGRAMS:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                found.append(f"{name_of(path)}:{number} {line.strip()}")
        tree = tree_of(path)
        found += [
            f"{name_of(path)}:{node.lineno} NotImplementedError"
            for node in ast.walk(tree)
            if isinstance(node, ast.Name) and node.id == "NotImplementedError"
        ]
        found += [f"{name_of(path)}:{stub.lineno} {stub.name} has no body" for stub in empty_functions(tree)]
    assert found == []


def empty_functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    protocols = {
        method
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("Protocol" in ast.unparse(base) for base in node.bases)
        for method in functions_of(node)
    }
    for function in functions_of(tree):
        marks = {ast.unparse(mark).rpartition(".")[2] for mark in function.decorator_list}
        if function in protocols or marks & {"overload", "abstractmethod"}:
            continue
        body = function.body[1:] if ast.get_docstring(function) is not None else function.body
        if any(isinstance(node, ast.Expr) and ast.unparse(node) == "..." for node in body):
            yield function


# ---- safety --------------------------------------------------------------------------------------------------------

NEVER_IMPORTED = {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve", "jsonpickle"}
NEVER_CALLED = {"eval", "exec", "__import__", "os.system", "os.popen", "yaml.load"}


def unsafe(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        elif isinstance(node, ast.Call):
            names = []
            if called_name(node) in NEVER_CALLED:
                yield f"{name_of(path)}:{node.lineno} calls {called_name(node)}"
            shell = [word for word in node.keywords if word.arg == "shell"]
            if any(ast.unparse(word.value) != "False" for word in shell):
                yield f"{name_of(path)}:{node.lineno} passes shell=True"
        else:
            continue
        for name in names:
            if name.partition(".")[0] in NEVER_IMPORTED:
                yield f"{name_of(path)}:{node.lineno} imports {name}"


def test_nothing_unpickles_evaluates_or_asks_a_shell() -> None:
    assert [line for path in PROGRAMS for line in unsafe(path)] == []


def test_no_error_is_swallowed_in_silence() -> None:
    """No bare `except:`; and a handler that does nothing says on its line why that is right."""
    silent = []
    for path in SOURCES:
        lines = path.read_text(encoding="utf-8").splitlines()
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ExceptHandler):
                idle = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                if node.type is None or (idle and "#" not in lines[node.body[0].lineno - 1]):
                    silent.append(f"{name_of(path)}:{node.lineno}")
    assert silent == []


# ---- importing -----------------------------------------------------------------------------------------------------

PROBE = """
import sys
sys.modules["typing_extensions"] = None  # not part of the core install; msgspec would load it where it is
before = set(sys.modules)
touched = []
def watch(event, args):
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if writes or event.split(".")[0] in ("socket", "subprocess", "sqlite3") or event in ("os.mkdir", "os.system"):
        touched.append((event, str(args[:2])))
sys.addaudithook(watch)
PROGRAM
"""


def loaded_by(program: str, folder: Path) -> tuple[set[str], str]:
    """Modules that `program` loads in a fresh process, and what it left on stdout and stderr or touched."""
    probe = PROBE.replace("PROGRAM\n", program) + (
        "\nprint('LOADED ' + ' '.join(sorted(set(sys.modules) - before)))\nprint('TOUCHED ' + repr(touched))\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(folder)}
    for name in ("COVERAGE_PROCESS_START", "SYSTEMROOT"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run(
        [sys.executable, "-B", "-c", probe], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    modules = next(line for line in lines if line.startswith("LOADED ")).removeprefix("LOADED ").split()
    touched = next(line for line in lines if line.startswith("TOUCHED ")).removeprefix("TOUCHED ")
    said = [line for line in lines if not line.startswith(("LOADED ", "TOUCHED "))]
    trace = "" if touched == "[]" else f"touched {touched}\n"
    return set(modules), trace + "\n".join(said) + done.stderr


FIRST_AGENT = """
import autogen
assistant = autogen.AssistantAgent(
    "assistant", llm_config={"config_list": [{"model": "gpt-4", "api_key": "k", "base_url": "http://127.0.0.1:9/v1"}]}
)
user = autogen.UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
"""
FIRST_CHAT = """
import autogen
greeter = autogen.ConversableAgent("greeter", human_input_mode="NEVER", default_auto_reply="hello")
user = autogen.ConversableAgent("user", human_input_mode="NEVER", default_auto_reply="TERMINATE")
user.initiate_chat(greeter, message="hi", silent=True, max_turns=1)
"""


# 0.2's ChatResult is a dataclass, so the end of a chat pays for them.
AT_THE_END_OF_A_CHAT = {"dataclasses", "inspect"}


@pytest.mark.parametrize(
    ("program", "allowed"),
    [("import autogen", set()), (FIRST_AGENT, set()), (FIRST_CHAT, AT_THE_END_OF_A_CHAT)],
    ids=["import", "agent", "chat"],
)
def test_a_first_agent_loads_few_modules_and_touches_nothing(program: str, allowed: set[str], tmp_path: Path) -> None:
    modules, said = loaded_by(program, tmp_path)
    assert said == ""
    assert list(tmp_path.iterdir()) == []
    assert sorted((modules & LOADED_LATER) - allowed) == []
    foreign = {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"autogen", "msgspec"}
    assert sorted(foreign) == []
    assert len(modules) <= MAX_MODULES


def test_star_import_and_every_public_name_work(tmp_path: Path) -> None:
    names = ["ConversableAgent", "AssistantAgent", "UserProxyAgent", "ChatResult", "register_function", "Cache"]
    _, said = loaded_by(f"from autogen import *\nfor name in {names}: assert name in globals(), name\n", tmp_path)
    assert said == ""


# ---- two faces, one step -------------------------------------------------------------------------------------------


def public_classes() -> list[type]:
    import autogen

    found = [getattr(autogen, name) for name in dir(autogen) if not name.startswith("_")]
    return [value for value in found if inspect.isclass(value) and value.__module__.startswith("autogen")]


def test_each_async_face_has_the_signature_of_its_sync_twin() -> None:
    compared, different = 0, []
    for owner in public_classes():
        for name, asynchronous in inspect.getmembers(owner, inspect.isfunction):
            twin = getattr(owner, name.removeprefix("a_"), None) if name.startswith("a_") else None
            if twin is None:
                continue
            compared += 1
            if parameters(asynchronous) != parameters(twin):
                different.append(f"{owner.__name__}.{name}: {parameters(asynchronous)} is not {parameters(twin)}")
    assert different == []
    assert compared >= 20, "the public agents have at least twenty pairs of faces"


def parameters(function: object) -> list[tuple[str, object, object, str]]:
    assert callable(function)
    given = inspect.signature(function).parameters.values()
    return [(item.name, item.kind, item.default, str(item.annotation)) for item in given]


# ---- effects -------------------------------------------------------------------------------------------------------


def union_members(path: str, union: str) -> set[str]:
    for node in tree_of(ROOT / path).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == union:
            assert node.value is not None
            return {name.id for name in ast.walk(node.value) if isinstance(name, ast.Name)}
    raise AssertionError(f"{path} defines no union {union}")


def matched_classes(path: str) -> set[str]:
    return {
        ast.unparse(node.cls) for node in ast.walk(tree_of(ROOT / path)) if isinstance(node, ast.MatchClass)
    }  # fmt: skip


@pytest.mark.parametrize("driver", ["autogen/drivers/blocking.py", "autogen/drivers/concurrent.py"])
def test_every_effect_has_a_performer_in_every_driver(driver: str) -> None:
    effects = union_members("autogen/core/effects.py", "Effect")
    assert len(effects) == 9
    assert sorted(effects - matched_classes(driver)) == []
    assert "assert_never" in (ROOT / driver).read_text(encoding="utf-8")


def test_every_effect_and_event_has_a_line_in_the_docs() -> None:
    for union, module, page in [
        ("Effect", "autogen/core/effects.py", "docs/effects.md"),
        ("Event", "autogen/core/events.py", "docs/events.md"),
    ]:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert sorted(name for name in union_members(module, union) if f"`{name}`" not in text) == [], page


# ---- the tests themselves ------------------------------------------------------------------------------------------

CHECKING = ("assert", "raises", "warns", "play", "expect", "check", "fail", "skip")


def test_every_test_can_fail() -> None:
    helpers = {
        function.name
        for path in (ROOT / "tests").rglob("*.py")
        for function in functions_of(tree_of(path))
        if not function.name.startswith("test") and can_fail(function, set())
    }
    hollow = [
        f"{name_of(path)}:{function.lineno} {function.name}"
        for path in TESTS
        for function in functions_of(tree_of(path))
        if function.name.startswith("test") and not can_fail(function, helpers)
    ]
    assert hollow == []


def can_fail(function: ast.AST, helpers: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            last = called_name(node).rpartition(".")[2]
            if last in helpers or any(word in last.lower() for word in CHECKING):
                return True
            if any(word.arg == "check" and ast.unparse(word.value) == "True" for word in node.keywords):
                return True
    return False


# ---- the package ---------------------------------------------------------------------------------------------------


def test_the_version_is_told_once() -> None:
    import autogen

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert autogen.__version__ == project["version"]


def test_no_dependency_has_an_upper_bound_and_the_core_has_few() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    every = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    assert [line for line in every if re.search(r"<|==|~=", line.partition(";")[0])] == []
    assert len(project["dependencies"]) <= 6


def test_each_dependency_is_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    every = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    names = {re.match(r"[A-Za-z0-9_.-]+", line)[0] for line in every}  # type: ignore[index]
    assert sorted(name for name in names if f"`{name}`" not in text) == []


def test_the_changelog_lines_are_short() -> None:
    lines = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").splitlines()
    entries = [line for line in lines if line.startswith("- ")]
    assert entries
    assert [line for line in entries if len(line.removeprefix("- ").split()) > 25] == []
