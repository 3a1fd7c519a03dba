"""`code_execution_config` is read as in 0.2, wrong ones are told at once, and nothing is made or loaded for it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autogen.coding import CodeExecutorFactory, LocalCommandLineCodeExecutor
from autogen.coding.config import legacy_executor, read_config
from autogen.coding.docker import decide_use_docker
from autogen.coding.errors import ContainerUnavailable, UnknownKeyError
from autogen.coding.workplace import Workplace, network_policy
from autogen.core.errors import ConfigError


def test_false_means_no_code() -> None:
    assert read_config(False, "a") == (False, None)


def test_the_older_form_keeps_its_settings_and_has_no_executor_yet() -> None:
    assert read_config({}, "a") == ({"use_docker": False}, None)
    given = {"work_dir": "w", "last_n_messages": 2, "use_docker": None, "timeout": 5}
    assert read_config(given, "a") == ({**given, "use_docker": False}, None)
    assert given["use_docker"] is None  # the program's dict is left alone


def test_none_is_deprecated_and_means_the_default() -> None:
    with pytest.warns(UserWarning, match="Using None to signal a default code_execution_config is deprecated"):
        assert read_config(None, "a") == ({"use_docker": False}, None)


@pytest.mark.parametrize("config", [True, "x", [], 5])
def test_other_types_are_refused_in_0_2s_words(config: object) -> None:
    with pytest.raises(ValueError, match="^code_execution_config must be a dict or False.$"):
        read_config(config, "a")


@pytest.mark.parametrize("key", ["use_docker", "work_dir", "timeout"])
def test_an_executor_and_settings_of_the_older_form_do_not_mix(key: str, work: Path) -> None:
    text = (
        f"^'{key}' in code_execution_config is not valid when 'executor' is set. Use the appropriate arg in the "
        "chosen executor instead."
    )
    with pytest.raises(ValueError, match=text):
        read_config({"executor": LocalCommandLineCodeExecutor(work_dir=work), key: 1}, "a")


def test_an_executor_object_is_taken_as_it_is(work: Path) -> None:
    class Own:
        code_extractor = None

        def execute_code_blocks(self, code_blocks: Any) -> Any: ...
        def restart(self) -> None: ...

    own = Own()
    assert read_config({"executor": own, "last_n_messages": 1}, "a") == ({"executor": own, "last_n_messages": 1}, own)


def test_an_executor_by_name_gets_the_options_under_its_name(work: Path) -> None:
    _, executor = read_config(
        {"executor": "commandline-local", "commandline-local": {"work_dir": work, "timeout": 7}}, "a"
    )
    assert isinstance(executor, LocalCommandLineCodeExecutor)
    assert (executor.work_dir, executor.timeout) == (work, 7)


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"executor": "nosuch"}, "Unknown code executor nosuch"),
        ({"executor": 5}, "Unknown code executor 5"),
        ({"timeouts": 3}, "no key 'timeouts'; did you mean 'timeout'"),
        ({"executor": "commandline-local", "commandline-local": {"workdir": 1}}, "did you mean 'work_dir'"),
        ({"last_n_messages": -1}, "^last_n_messages must be either a non-negative integer, or the string 'auto'."),
        ({"last_n_messages": "x"}, "non-negative integer"),
        ({"last_n_messages": None}, "non-negative integer"),
        ({"execute_untrusted": 1}, "execute_untrusted"),
        ({"timeout": -5}, "timeout"),
        ({"timeout": "5"}, "timeout"),
        ({"use_docker": 5}, "use_docker"),
        ({"network": 5}, "network"),
        ({"network": []}, "network"),
        ({"env": "OPENAI_API_KEY"}, "env"),
        ({"env": {"A": 1}}, "env"),
        ({"sandbox": None}, "sandbox"),
        ({"limits": {"memory": 1}}, "did you mean 'memory_bytes'"),
        ({"limits": {"memory_bytes": 0}}, "memory_bytes must be above 0"),
    ],
)
def test_a_wrong_setting_is_told_at_construction(config: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigError, match=text) as raised:
        read_config(config, "worker")
    assert raised.value.__notes__ == ["in code_execution_config of agent 'worker'"]


def test_a_wrong_value_of_env_is_not_shown() -> None:
    with pytest.raises(ConfigError) as raised:
        read_config({"env": "sk-canary"}, "a")
    assert "sk-canary" not in str(raised.value)


@pytest.mark.parametrize("wanted", [True, "python:3", ["a", "b"]])
def test_a_container_is_an_error_that_names_the_way_out(wanted: object) -> None:
    with pytest.raises(ContainerUnavailable, match="Leave use_docker unset or False"):
        read_config({"use_docker": wanted}, "a")


def test_the_variable_of_0_2_decides_when_the_program_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    for word, meaning in {"0": False, "False": False, "no": False, "None": None, "1": True, "yes": True}.items():
        monkeypatch.setenv("AUTOGEN_USE_DOCKER", word)
        assert decide_use_docker(None) is meaning
        assert decide_use_docker(False) is False
    with pytest.raises(ContainerUnavailable, match="^AUTOGEN_USE_DOCKER asks"):
        read_config({}, "a")
    monkeypatch.setenv("AUTOGEN_USE_DOCKER", "on")
    with pytest.raises(
        ValueError, match='^Invalid value for AUTOGEN_USE_DOCKER: on. Please set AUTOGEN_USE_DOCKER to "1'
    ):
        read_config({}, "a")


def test_the_network_is_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert network_policy(None) is False
    assert network_policy(True) is True
    assert network_policy("a.example, b.example:8080") == ("a.example", "b.example:8080")
    monkeypatch.setenv("AUTOGEN_NETWORK", "1")
    assert network_policy(None) is True
    assert network_policy(False) is False
    monkeypatch.setenv("AUTOGEN_NETWORK", "a.example,b.example")
    assert network_policy(None) == ("a.example", "b.example")


@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")  # "off" says once per process that it is off
def test_variables_named_in_autogen_env_reach_the_code_and_no_others(
    monkeypatch: pytest.MonkeyPatch, work: Path
) -> None:
    monkeypatch.setenv("AUTOGEN_ENV", "REGION, MISSING")
    monkeypatch.setenv("REGION", "north")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    show = "import os; print(os.environ.get('REGION'), os.environ.get('OPENAI_API_KEY'), 'MISSING' in os.environ)"
    place = Workplace(str(work), sandbox="off")
    outcome = place.run([sys.executable, "-c", show], 30)
    assert outcome.output == "north None False\n"


def test_the_settings_reach_the_executor_of_the_older_form(work: Path) -> None:
    settings, _ = read_config(
        {"work_dir": str(work), "timeout": 5, "last_n_messages": 3, "execute_untrusted": True}, "a"
    )
    assert isinstance(settings, dict)
    executor = legacy_executor(settings)
    assert (executor.work_dir, executor.timeout) == (str(work), 5)


def test_reading_a_configuration_makes_no_folder_and_loads_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from autogen.coding.config import read_config; read_config({'work_dir': 'w'}, 'a');"
        "print([m for m in ('asyncio', 'ctypes', 'subprocess', 'pathlib', 'sqlite3', 'autogen.coding.sandbox',"
        " 'autogen.coding.local') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert list(tmp_path.iterdir()) == []


def test_the_factory_of_0_2(work: Path) -> None:
    executor = LocalCommandLineCodeExecutor(work_dir=work)
    assert CodeExecutorFactory.create({"executor": executor}) is executor
    with pytest.raises(ValueError, match="Unknown code executor None"):
        CodeExecutorFactory.create({})


def test_errors_survive_pickling() -> None:
    import pickle

    for error in (UnknownKeyError("x", "y", ("z",)), ContainerUnavailable(True, "use_docker")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again)) == (type(error), str(error))
