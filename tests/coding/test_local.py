"""The local executor gives 0.2.40's results, from inside a sandbox."""

import os
from pathlib import Path
from typing import Any

import pytest

from autogen.coding import CodeBlock, CodeExecutor, LocalCommandLineCodeExecutor
from autogen.coding.local import CommandlineCodeResult, LocalCommandlineCodeExecutor
from autogen.coding.sandbox import Sandbox, SandboxUnavailable
from autogen.core.code import CodeOutcome
from autogen.core.errors import ConfigError
from tests.coding.recorded import recorded
from tests.coding.tables import BLOCKS

GOLDEN = recorded("execution")
GOES_ON = {"timeout", "timeout after a success", "named outside", "named absolute"}
"""Outputs that begin with 0.2's text and then give the limit or the reason."""

INTERLEAVED = {"output then error"}
"""0.2 gave all of stderr and then all of stdout; here lines stand in the order written."""


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "__pycache__" not in str(path))


def run(executor: LocalCommandLineCodeExecutor, *blocks: tuple[str, str]) -> CodeOutcome:
    return executor.run_blocks([CodeBlock(code, language) for language, code in blocks])


def compare(work: Path, name: str, sandbox: str) -> None:
    policies = {"sh": False} if name == "policy off" else None
    executor = LocalCommandLineCodeExecutor(timeout=1, work_dir=work, execution_policies=policies, sandbox=sandbox)
    result = executor.execute_code_blocks([CodeBlock(code, language) for code, language in BLOCKS[name]])
    expected = GOLDEN[name]
    output = result.output.replace(str(work), "<work>")
    assert result.exit_code == expected["exit_code"]
    if name in INTERLEAVED:
        assert sorted(output.splitlines()) == sorted(expected["output"].splitlines())
    elif name in GOES_ON:
        assert output.startswith(expected["output"])
    else:
        assert output == expected["output"]
    assert (result.code_file and result.code_file.replace(str(work), "<work>")) == expected["code_file"]
    assert files_in(work) == expected["files"]


@pytest.mark.usefixtures("real_sandbox")
@pytest.mark.parametrize("name", BLOCKS)
def test_results_are_those_of_0_2(work: Path, name: str) -> None:
    compare(work, name, "auto")


@pytest.mark.filterwarnings("ignore:model-written code runs without a sandbox")
@pytest.mark.parametrize("name", ["three", "error", "state on disk", "import of a named file", "timeout"])
def test_results_are_the_same_without_a_sandbox(work: Path, name: str) -> None:
    compare(work, name, "off")


def test_the_constructor_makes_the_work_directory_and_chooses_no_sandbox(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(work_dir=work / "new" / "folder", sandbox="no such sandbox")
    assert (work / "new" / "folder").is_dir()
    assert executor.run_blocks([]).sandbox == ""


@pytest.mark.parametrize("timeout", [0, -1, 0.5, None, "60", True])
def test_a_timeout_below_one_second_is_refused(work: Path, timeout: Any) -> None:
    with pytest.raises(ConfigError, match="^Timeout must be greater than or equal to 1.$"):
        LocalCommandLineCodeExecutor(timeout=timeout, work_dir=work)


@pytest.mark.parametrize("module", ["", "a b", "1a", "a-b"])
def test_a_module_name_that_python_cannot_import_is_refused(work: Path, module: str) -> None:
    with pytest.raises(ValueError, match="^Module name must be a valid Python identifier$"):
        LocalCommandLineCodeExecutor(work_dir=work, functions_module=module)


def test_it_is_what_0_2_showed(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(timeout=7, work_dir=str(work))
    assert (executor.timeout, executor.work_dir, executor.functions) == (7, work, [])
    assert executor.functions_module == "functions"
    assert isinstance(executor, CodeExecutor)
    assert executor.code_extractor.extract_code_blocks("```sh\nls\n```") == [CodeBlock("ls", "sh")]
    assert {
        **dict.fromkeys(("bash", "shell", "sh", "pwsh", "powershell", "ps1", "python"), True),
        **dict.fromkeys(("javascript", "html", "css"), False),
    } == LocalCommandLineCodeExecutor.DEFAULT_EXECUTION_POLICY
    assert (
        list(LocalCommandLineCodeExecutor.DEFAULT_EXECUTION_POLICY) == LocalCommandLineCodeExecutor.SUPPORTED_LANGUAGES
    )
    with pytest.warns(UserWarning, match="not supported"):
        executor.restart()


def test_the_old_names_still_work_and_warn(work: Path) -> None:
    with pytest.warns(DeprecationWarning, match="has been renamed to LocalCommandLineCodeExecutor"):
        executor = LocalCommandlineCodeExecutor(work_dir=work)
    assert isinstance(executor, LocalCommandLineCodeExecutor)
    assert isinstance(executor, LocalCommandlineCodeExecutor)
    assert issubclass(LocalCommandLineCodeExecutor, LocalCommandlineCodeExecutor)
    with pytest.warns(DeprecationWarning, match="has been renamed to CommandLineCodeResult"):
        assert CommandlineCodeResult(exit_code=0, output="x").code_file is None


def test_a_sandbox_that_is_not_there_is_an_error_and_nothing_runs(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox")
    with pytest.raises(SandboxUnavailable):
        run(executor, ("sh", "touch ran"))
    assert not (work / "ran").exists()
    with pytest.raises(SandboxUnavailable):
        LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox", check_sandbox=True)


def test_a_sandbox_that_is_lost_is_an_error_and_nothing_weaker_runs(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autogen.coding.sandbox import probe

    class Lost:
        name, level = "bwrap", 3

        def run(self, *given: object) -> object:
            raise SandboxUnavailable("bwrap", (("bwrap", "gone"),), ())

    asked: list[str] = []
    monkeypatch.setattr(probe, "choose", lambda wanted: asked.append(wanted) or Lost())
    executor = LocalCommandLineCodeExecutor(work_dir=work)
    for _ in range(2):
        with pytest.raises(SandboxUnavailable):
            run(executor, ("sh", "touch ran"))
    assert asked == ["auto"]  # chosen once, kept, and not chosen anew when lost
    assert not (work / "ran").exists()


def test_a_timeout_keeps_the_output_so_far_and_names_the_limit(work: Path, real_sandbox: Sandbox) -> None:
    outcome = run(
        LocalCommandLineCodeExecutor(timeout=1, work_dir=work),
        ("python", "import time\nprint('so far')\ntime.sleep(60)"),
    )
    assert (outcome.exit_code, outcome.why, outcome.sandbox) == (124, "timeout", real_sandbox.name)
    assert outcome.output == "so far\n\nTimeout: stopped after 1 s, the time limit"


@pytest.mark.usefixtures("real_sandbox")
def test_a_refused_connection_is_explained(work: Path) -> None:
    code = "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)"
    outcome = run(LocalCommandLineCodeExecutor(work_dir=work), ("python", code))
    assert outcome.exit_code != 0
    assert outcome.output.endswith(
        '\nNote: network is off; enable with code_execution_config={"network": True} or a list of hosts, '
        "or network= of the executor"
    )


@pytest.mark.usefixtures("real_sandbox")
@pytest.mark.parametrize(
    ("limits", "code", "why", "line"),
    [
        ({"memory_bytes": 100 << 20}, "x = bytearray(1 << 30)", "memory", "Stopped: memory limit 100 MB"),
        ({"disk_bytes": 1 << 20}, "open('a', 'wb').write(bytes(8 << 20)); import time; time.sleep(9)", "disk",
         "Stopped: disk limit (1 MB in all"),
        ({"output_bytes": 1000}, "print('x' * 1_000_000); import time; time.sleep(9)", "output",
         "Stopped: far more output than the 1000 bytes that are kept"),
    ],
)  # fmt: skip
def test_a_limit_is_explained_in_one_line(work: Path, limits: dict[str, int], code: str, why: str, line: str) -> None:
    outcome = run(LocalCommandLineCodeExecutor(timeout=20, work_dir=work, limits=limits), ("python", code))
    assert outcome.why == why
    assert outcome.exit_code != 0
    assert outcome.output.rsplit("\n", 1)[-1].startswith(line)


@pytest.mark.usefixtures("real_sandbox")
def test_code_sees_no_secret_of_this_process_unless_it_is_named(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    monkeypatch.setenv("PASSED_ON", "yes")
    show = ("sh", "echo $OPENAI_API_KEY:$PASSED_ON:$OWN")
    assert run(LocalCommandLineCodeExecutor(work_dir=work), show).output == "::\n"
    assert run(LocalCommandLineCodeExecutor(work_dir=work, env=["PASSED_ON"]), show).output == ":yes:\n"
    assert run(LocalCommandLineCodeExecutor(work_dir=work, env={"OWN": "1"}), show).output == "::1\n"
    assert run(LocalCommandLineCodeExecutor(work_dir=work, env="inherit"), show).output == "sk-canary:yes:\n"
    assert "sk-canary" not in repr(vars(LocalCommandLineCodeExecutor(work_dir=work, env={"K": "sk-canary"})))


@pytest.mark.parametrize(
    "name",
    ["../x.py", "a/../../x.py", "/etc/x.py", "json.py", "sitecustomize.py", "socket/__init__.py", ".env", "link/x.py",
     "pipe.py", "~/x.py", "C:\\x.py", "a/", "con.py", "x\x00.py", "x" * 300 + ".py"],
)  # fmt: skip
def test_a_file_name_that_leads_out_or_hides_a_module_is_refused_with_a_way_on(work: Path, name: str) -> None:
    (work / "link").symlink_to(work.parent, target_is_directory=True)
    os.mkfifo(work / "pipe.py")
    executor = LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox")  # refused before anything runs
    outcome = run(executor, ("python", f"# filename: {name}\nprint(1)"))
    assert (outcome.exit_code, outcome.why) == (1, "refused")
    assert outcome.output.startswith("Filename is not in the workspace: ")
    assert outcome.output.endswith("Choose another plain relative name")
    assert sorted(path.name for path in work.parent.iterdir()) == ["work"]


def test_code_that_is_not_text_is_refused(work: Path) -> None:
    outcome = run(LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox"), ("python", "x = '\ud800'"))
    assert (outcome.exit_code, outcome.why) == (1, "refused")


@pytest.mark.usefixtures("real_sandbox")
def test_a_file_that_hides_a_module_is_pointed_out(work: Path) -> None:
    (work / "types.py").write_text("")  # the program's own; not the code's doing
    code = "mkdir queue types random; touch random/__init__.py; echo 'x = 1' > json.py; echo done"
    outcome = run(LocalCommandLineCodeExecutor(work_dir=work), ("sh", code))
    note = "\nNote: {} hides a module of Python's own from later code here; rename it"
    assert outcome.output == "done\n" + note.format("json.py") + note.format("random/__init__.py")


def test_a_missing_program_is_told_once_at_length(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    executor = LocalCommandLineCodeExecutor(work_dir=work, sandbox="no such sandbox")
    first, second = run(executor, ("pwsh", "ls")), run(executor, ("pwsh", "ls"))
    assert (first.exit_code, first.why) == (127, "refused")
    assert first.output == "\npwsh is not installed here, so pwsh cannot run; write sh or Python instead"
    assert second.output == "\npwsh is still not installed here"


@pytest.mark.usefixtures("real_sandbox")
def test_what_0_2_refused_by_a_list_of_patterns_runs_in_the_sandbox(work: Path) -> None:
    outcome = run(LocalCommandLineCodeExecutor(work_dir=work), ("sh", "mkdir x; echo dd; rm -rf x"))
    assert (outcome.exit_code, outcome.output) == (0, "dd\n")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("rm -rf /", "Use of 'rm -rf' command is not allowed."),
        ("mv a /dev/null", "Moving files to /dev/null is not allowed."),
        ("dd if=a", "Use of 'dd' command is not allowed."),
        ("echo a >/dev/sda", "Overwriting disk blocks directly is not allowed."),
        (":(){ :|:& };:", "Fork bombs are not allowed."),
    ],
)
def test_sanitize_command_still_answers_as_in_0_2(code: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"^Potentially dangerous command detected: {message}$"):
        LocalCommandLineCodeExecutor.sanitize_command("bash", code)
    LocalCommandLineCodeExecutor.sanitize_command("python", code)


def test_a_subclass_with_rules_of_its_own_is_asked(work: Path) -> None:
    class Careful(LocalCommandLineCodeExecutor):
        @staticmethod
        def sanitize_command(lang: str, code: str) -> None:
            raise ValueError(f"no {lang} today")

    with pytest.raises(ValueError, match="^no sh today$"):
        run(Careful(work_dir=work, sandbox="no such sandbox"), ("sh", "ls"))


@pytest.mark.usefixtures("real_sandbox")
def test_javascript_runs_when_the_policy_says_so(work: Path) -> None:
    import shutil

    if shutil.which("node") is None:
        pytest.skip("no node on this machine")
    executor = LocalCommandLineCodeExecutor(work_dir=work, execution_policies={"javascript": True, "html": True})
    assert run(executor, ("javascript", "console.log(1 + 1)")).output == "2\n"
    assert run(executor, ("html", "<p>")).output.startswith("Code saved to ")


@pytest.mark.usefixtures("real_sandbox")
def test_a_stop_from_outside_kills_the_code(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(timeout=60, work_dir=work)
    outcome = executor.run_blocks(
        [CodeBlock("import time\ntime.sleep(60)", "python"), CodeBlock("touch ran", "sh")], lambda: True
    )
    assert (outcome.why, outcome.seconds < 10) == ("killed", True)
    assert not (work / "ran").exists()


@pytest.mark.usefixtures("real_sandbox")
def test_a_relative_work_directory_stays_where_it_was(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(work)
    executor = LocalCommandLineCodeExecutor(work_dir="here")
    monkeypatch.chdir(work.parent)
    assert run(executor, ("sh", "pwd")).output == f"{work / 'here'}\n"


@pytest.mark.filterwarnings("error")
@pytest.mark.usefixtures("real_sandbox")
def test_ordinary_use_warns_of_nothing(work: Path) -> None:
    assert run(LocalCommandLineCodeExecutor(work_dir=work), ("sh", "true")).exit_code == 0
