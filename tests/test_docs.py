"""The documentation is true: its Python blocks run, its commands and extras exist, its links lead somewhere.

Each page is one program: the Python blocks in order, in an empty directory, with a scripted model. Hidden lines stand
in HTML comments, `<!-- setup: ... -->`, and run where they stand; they may use `tests/docs_prelude.py`.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Context, Group

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCES = {"python", "bash", "text", "json", "toml"}

FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$", re.M | re.S)
SETUP = re.compile(r"<!-- setup:(?P<code>.*?)-->", re.S)
LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)\s]+)\)")


def blocks(text: str, language: str) -> Iterator[re.Match[str]]:
    return (match for match in FENCE.finditer(text) if match["language"] == language)


def program_of(text: str) -> str:
    """The page's Python, each line at its own line number, so that a traceback names the line of the page."""
    lines = [""] * (text.count("\n") + 2)
    lines[0] = "from tests.docs_prelude import *"
    for match in [*blocks(text, "python"), *SETUP.finditer(text)]:
        first = text.count("\n", 0, match.start("code"))
        indent = len(match.groupdict().get("indent") or "")
        for offset, line in enumerate(match["code"].splitlines()):
            lines[first + offset] = line[indent:] if offset or "indent" in match.groupdict() else line.strip()
    return "\n".join(lines) + "\n"


PROGRAMS = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", PROGRAMS, ids=lambda page: page.stem)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    program = program_of(page.read_text(encoding="utf-8"))
    file = tmp_path / page.with_suffix(".py").name
    file.write_text(program, encoding="utf-8")
    work = tmp_path / "work"
    work.mkdir()
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, file], cwd=work, env=environment, capture_output=True, text=True, timeout=55, input=""
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"


def test_a_program_keeps_the_line_numbers_of_its_page() -> None:
    page = "# T\n\n<!-- setup: a = 1\nb = 2 -->\ntext\n\n```python\nc = a + b\n```\n"
    assert program_of(page).splitlines()[2:4] == ["a = 1", "b = 2 "]
    assert program_of(page).splitlines()[7] == "c = a + b"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_fence_names_a_language_we_check_or_text(page: Path) -> None:
    languages = {match["language"] for match in FENCE.finditer(page.read_text(encoding="utf-8"))}
    assert sorted(languages - FENCES) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    targets = [match["target"].partition("#")[0] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    broken = [t for t in targets if t and "://" not in t and not (page.parent / t).exists()]
    assert broken == []


def commands(page: Path) -> list[str]:
    lines: list[str] = []
    for match in blocks(page.read_text(encoding="utf-8"), "bash"):
        lines += match["code"].replace("\\\n", " ").splitlines()
    return [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_exists(page: Path) -> None:
    wrong = [f"{line}: {fault}" for line in commands(page) if (fault := fault_of(line))]
    assert wrong == []


def fault_of(line: str) -> str:
    """What is wrong with a shell line of the documentation; "" if nothing is."""
    words = line.split()
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        words = words[1:]
    if words[0] == "autogen":
        return fault_of_autogen(words[1:])
    if words[0].startswith(("scripts/", "./scripts/", ".ci/")):
        return "" if os.access(ROOT / words[0], os.X_OK) else "no such script"
    if words[0] == "python" and words[1].endswith(".py"):
        return "" if (ROOT / words[1]).is_file() else "no such program"
    if words[:2] == ["pip", "install"] or words[:4] == ["python3", "-m", "pip", "install"]:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        named = {extra for group in re.findall(r"\[([\w,-]+)\]", line) for extra in group.split(",")}
        return "".join(f"no extra {extra}" for extra in sorted(named - set(project["optional-dependencies"])))
    return "" if words[0] in ("git", "cd", "export", "apt-get", "ollama", "python3") else "unknown; mark the block text"


def fault_of_autogen(words: list[str]) -> str:
    from autogen.cli.app import cli

    command = cli
    while isinstance(command, Group) and words and not words[0].startswith("-"):
        found = command.get_command(Context(command), words[0])
        if found is None:
            return f"no command {words[0]}"
        command, words = found, words[1:]
    known = {name for option in command.params for name in [*option.opts, *option.secondary_opts]} | {"--help"}
    used = [word.partition("=")[0] for word in words if word.startswith("--")]
    return "".join(f"no option {word}" for word in used if word not in known)


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation_and_in_the_readme() -> None:
    names = {path.name for path in (ROOT / "docs").glob("*.md")}
    navigation = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    assert {name for group in navigation for pages in group.values() for name in pages} == names
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in names - {"index.md"} if f"(docs/{name})" not in readme] == []


def test_every_variable_that_the_code_reads_is_listed() -> None:
    files = [*(ROOT / "autogen").rglob("*.py"), *(path for path in (ROOT / "scripts").iterdir() if path.is_file())]
    known = r"\b(?:AUTOGEN|OPENAI|AZURE_OPENAI|OAI|TIKTOKEN|DATA_GYM)_[A-Z][A-Z_]*\b"
    read = {name for file in files for name in re.findall(known, file.read_text(encoding="utf-8"))}
    constants = {"OPENAI_URL", "OPENAI_REASONING", "OPENAI_O"}
    listed = set(re.findall(r"`([A-Z_]+)(?:=\w+)?`", page("environment.md")))
    assert read - listed - constants - {"OAI_PRICE"} == set()


def test_every_stop_reason_event_and_exit_code_is_listed() -> None:
    from typing import get_args

    from autogen.cli.exits import Exit
    from autogen.core import events
    from autogen.core.stop import StopReason

    stopping, told = page("stopping.md"), page("events.md")
    assert [reason.value for reason in StopReason if f"`{reason.value}`" not in stopping] == []
    for event in get_args(events.Event):
        row = next((line for line in told.splitlines() if line.startswith(f"| `{event.__name__}` |")), "")
        fields = [name for name in event.__struct_fields__ if name not in ("printer", "fill")]
        assert re.findall(r"`(\w+)`", row) == [event.__name__, *fields]
    codes = re.findall(r"^\| (\d+) \|", page("command-line.md"), re.M)
    assert codes == [str(int(code)) for code in Exit]


@pytest.mark.parametrize("name", ["run", "chat"])
def test_every_option_of_a_command_is_listed(name: str) -> None:
    from autogen.cli.app import cli

    text = page("command-line.md").partition(f"## `autogen {name}`")[2].partition("\n## ")[0]
    options = [word for option in cli.commands[name].params for word in option.opts if word.startswith("--")]
    assert [word for word in options if f"`{word}" not in text] == []


def test_what_is_called_not_yet_here_is_not_here() -> None:
    """Whoever adds one of these takes it off the list."""
    import importlib

    import autogen

    names = re.findall(r"`([\w.]+)`", page("migration.md").partition("## Not yet here")[2].partition("\n## ")[0])
    modules = [name for name in names if name.startswith("autogen.")]
    assert len(modules) > 10
    for name in modules:
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(name)
    classes = [name for name in names if name[0].isupper()]
    assert [name for name in classes if hasattr(autogen, name)] == []
