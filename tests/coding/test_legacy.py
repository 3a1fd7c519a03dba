"""`execute_code` and the executor of the older form give 0.2.40's results, from inside a sandbox."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from autogen.coding import code_utils
from autogen.coding.code_utils import create_virtual_env, execute_code, in_docker_container, is_docker_running
from autogen.coding.errors import ContainerUnavailable
from autogen.coding.legacy_executor import LegacyExecutor
from autogen.coding.sandbox import UnsafePathError
from autogen.core.code import CodeBlock
from autogen.core.errors import ConfigError
from tests.coding.recorded import recorded
from tests.coding.tables import LEGACY

GOLDEN = recorded("legacy")


@pytest.mark.usefixtures("real_sandbox")
@pytest.mark.parametrize("name", LEGACY)
def test_results_are_those_of_0_2(work: Path, name: str) -> None:
    code, options = LEGACY[name]
    expected = GOLDEN[name]

    def ask() -> tuple[int, str, str | None]:
        return execute_code(code, work_dir=str(work), use_docker=False, **options)

    if "raises" in expected:  # 0.2 raised AssertionError and NotImplementedError here
        with pytest.raises(ConfigError) as raised:
            ask()
        assert str(raised.value) == expected["text"]
        return
    exit_code, logs, image = ask()
    assert {"exit_code": exit_code, "logs": logs.replace(str(work), "<work>"), "image": image} == {
        key: expected[key] for key in ("exit_code", "logs", "image")
    }
    files = [str(path.relative_to(work)) for path in work.rglob("*") if path.is_file()]
    assert sorted(files) == expected["files"]


def blocks(*pairs: tuple[str, str]) -> list[CodeBlock]:
    return [CodeBlock(code, language) for code, language in pairs]


@pytest.mark.usefixtures("real_sandbox")
def test_blocks_run_in_order_until_the_first_failure(work: Path) -> None:
    executor = LegacyExecutor(work_dir=work)
    done = executor.run_blocks(blocks(("print(1)", ""), ("echo 2", "sh"), ("x", "klingon"), ("touch ran", "sh")))
    assert (done.exit_code, done.output) == (1, "1\n\n2\n\nunknown language klingon")
    assert list(work.iterdir()) == []  # temporary files are removed


@pytest.mark.usefixtures("real_sandbox")
def test_at_the_time_limit_the_model_is_told_the_limit_and_a_program_gets_0_2s_word(work: Path) -> None:
    executor = LegacyExecutor(work_dir=work, timeout=1)
    slow = "print('so far')\nimport time; time.sleep(60)"
    done = executor.run_blocks(blocks((slow, "python")))
    assert (done.exit_code, done.why) == (1, "timeout")
    assert done.output == "so far\n\nTimeout: stopped after 1 s, the time limit"
    assert executor.run(slow) == (1, "Timeout", None)


@pytest.mark.usefixtures("real_sandbox")
def test_a_named_block_is_kept_and_one_that_leads_out_is_refused(work: Path) -> None:
    executor = LegacyExecutor(work_dir=work)
    done = executor.run_blocks(blocks(("# filename: sub/a.py\nprint(__file__)", "python")))
    assert done.output == f"{work}/sub/a.py\n"
    assert done.code_file == f"{work}/sub/a.py"
    refused = executor.run_blocks(blocks(("# filename: ../a.py\nprint(1)", "python")))
    assert (refused.exit_code, refused.why) == (1, "refused")
    assert refused.output.startswith("Filename is not in the workspace: ")
    with pytest.raises(UnsafePathError):
        executor.run("print(1)", filename="../a.py")
    assert [path.name for path in work.parent.iterdir()] == ["work"]


@pytest.mark.usefixtures("real_sandbox")
def test_an_overridden_run_code_may_pass_the_settings_on(work: Path, tmp_path: Path) -> None:
    executor = LegacyExecutor(work_dir=work)
    other = tmp_path / "other"
    options: dict[str, Any] = {
        "work_dir": str(other),
        "use_docker": False,
        "env": {"A": "1"},
        "execute_untrusted": True,
    }
    assert executor.run("echo $A; pwd", "sh", **options) == (0, f"1\n{other}\n", None)
    with pytest.raises(ConfigError, match="did you mean 'timeout'"):
        executor.run("x", timeouts=3)


def test_making_one_touches_no_disk_and_the_default_folder_lies_below_the_current_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    executor = LegacyExecutor()
    assert executor.work_dir == os.path.join(tmp_path, "extensions")
    assert list(tmp_path.iterdir()) == []


def test_a_container_is_never_replaced_by_something_weaker(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for wanted in (True, "python:3", ["a", "b"]):
        with pytest.raises(ContainerUnavailable, match="no container executor"):
            execute_code("print(1)", work_dir=str(work), use_docker=wanted)
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", "1")
    with pytest.raises(RuntimeError):
        execute_code("print(1)", work_dir=str(work))
    assert list(work.iterdir()) == []


def test_whether_docker_runs_is_asked_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert is_docker_running() is False
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.getsockname()[1]}")

        def engine() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.0 200 OK\r\n\r\nOK")

        answering = threading.Thread(target=engine)
        answering.start()
        assert is_docker_running() is True
        answering.join()
    assert in_docker_container() == Path("/.dockerenv").exists()


def test_a_virtual_environment_is_made_and_used(tmp_path: Path, work: Path, real_sandbox: object) -> None:
    from autogen.coding import LocalCommandLineCodeExecutor

    context = create_virtual_env(tmp_path / "venv", with_pip=False)
    executor = LocalCommandLineCodeExecutor(work_dir=work, virtual_env_context=context)
    done = executor.run_blocks(blocks(("import sys; print(sys.prefix)", "python"), ("command -v python", "sh")))
    assert done.output == f"{tmp_path}/venv\n{tmp_path}/venv/bin/python\n"


def test_the_names_of_0_2_are_there() -> None:
    for name in code_utils.__all__:
        assert getattr(code_utils, name) is not None
    assert (code_utils.TIMEOUT_MSG, code_utils.UNKNOWN, code_utils.DEFAULT_TIMEOUT) == ("Timeout", "unknown", 600)
    assert code_utils.PYTHON_VARIANTS == ["python", "Python", "py"]
