"""Wrong arguments of agents, models and code: refused where they are given, with a text that names the thing.

Each row is a value, and phrases of the one error that it gets: who, what, and the way out.
"""

import pickle
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.coding.errors import ContainerUnavailable
from autogen.core.errors import ConfigError
from autogen.models.entries import MissingKey
from tests.failures.agents import bot, person, refused, scripted, survives_pickling, told
from tests.failures.server import CANARY

KEY = {"api_key": CANARY}
NO_MODEL = "specify a non-empty 'model' either in 'llm_config' or in each config of 'config_list'"

LLM_CONFIGS: list[tuple[Any, str]] = [
    ({}, NO_MODEL),
    ({"config_list": []}, NO_MODEL),
    ({"config_list": None}, NO_MODEL),
    ({"config_list": [{"model": ""}]}, NO_MODEL),
    ({"model": None, **KEY}, NO_MODEL),
    ({1: 2}, NO_MODEL),
    (
        {"config_list": {"model": "x", **KEY}},
        "must be a list of dicts, got dict; write [{'model': ..., 'api_key': ...}]",
    ),
    ({"config_list": "OAI_CONFIG_LIST"}, "must be a list of dicts, got str"),
    ({"config_list": ["gpt-4"]}, "entry 0 of the config_list is str; it must be a dict such as {'model': 'gpt-4o'}"),
    ({"config_list": [{"model": "x"}, None]}, "entry 1 of the config_list is NoneType; it must be a dict"),
    (
        {"config_list": [{"model": 5, **KEY}]},
        "entry 0 of the config_list has a model of type int; it must be the model's",
    ),
    ({"model": "x", "api_key": 5}, "entry 0 of the config_list has an api_key of type int; it must be text"),
    (
        {"model": "x", "api_key": f"{CANARY}\n"},
        "entry 0 of the config_list has an api_key that begins or ends with a blank",
    ),
    ({"model": "x", "api_key": "  "}, "strip() what was read from a file"),
    ({"model": "x", "base_url": 5}, "has the base_url '5'; it must be an http:// or https:// address"),
    (
        {"model": "x", "base_url": "localhost:8000"},
        "has the base_url 'localhost:8000'; it must be an http:// or https://",
    ),
    ({"model": "x", "base_url": "ftp://x/"}, "such as 'http://localhost:8000/v1'"),
    ({"model": "x", "base_url": "http://"}, "has the base_url 'http://'"),
    ({"model": "x", "base_url": f"ftp://me:{CANARY}@host/v1?key={CANARY}"}, "has the base_url 'ftp://host/v1'"),
    ({"model": "x", "api_type": "opnai"}, "has the api_type 'opnai', which is not supported; supported are 'openai'"),
    (
        {"model": "x", "api_type": "azure", **KEY},
        "Must provide either the `api_version` argument or the `OPENAI_API_VE",
    ),
    ({"model": "x", "tempperature": 1}, "has the unknown key 'tempperature'; did you mean 'temperature'?"),
    ({"model": "x", "request_timeout": 5}, "has the key 'request_timeout' of an old release; today it is timeout"),
    ({"model": "x", 1: 2}, "entry 0 of the config_list has the key 1; keys are text"),
    ({"model": "x", "timeout": "5"}, "has timeout='5'; it must be seconds, above 0"),
    ({"model": "x", "timeout": 0}, "has timeout=0; it must be seconds, above 0"),
    ({"model": "x", "timeout": -1}, "has timeout=-1; it must be seconds, above 0"),
    ({"model": "x", "max_retries": "2"}, "has max_retries='2'; it must be a whole number, 0 or more"),
    ({"model": "x", "api_rate_limit": 0}, "has api_rate_limit=0; it must be a number above 0"),
    ({"model": "x", "deadline": "soon"}, "has deadline='soon'; it must be a number above 0"),
    ({"model": "x", "price": [1]}, "has the price [1]; it must be [prompt, completion], US dollars per 1000 tokens"),
    (
        {"model": "x", "default_headers": f"authorization: {CANARY}"},
        "has a default_headers of type str; it must be a dict",
    ),
    ({"model": "x", "extra_body": [1]}, "has a extra_body of type list; it must be a dict"),
    ({"model": "x", "proxy": 5}, "has a proxy of type int; it must be text"),
    ({"model": "x", "tools": "weather"}, "has a tools of type str; it must be a list of dicts"),
    ({"model": "x", "functions": [print]}, "has a functions of type list; it must be a list of dicts"),
    ({"model": "x", "filter_func": 5}, "has a filter_func of type int; it must be a function"),
    ({"model": "x", "cache_seed": [41]}, "has a cache_seed of type list; it must be a number, or None for no cache"),
    (
        {"config_list": [{"api_type": "scripted"}]},
        'needs "script": a list of lines, the path of a JSON file, or a Script',
    ),
    ({"config_list": [{"api_type": "scripted", "script": "/gone.json"}]}, "the script '/gone.json' cannot be read"),
    ({"config_list": [{"api_type": "scripted", "script": [{"txt": "a"}]}]}, "line 1 of a script is wrong"),
]


@pytest.mark.parametrize(("config", "phrase"), LLM_CONFIGS)
def test_a_wrong_llm_config_is_refused_when_the_agent_is_made(config: Any, phrase: str) -> None:
    error = refused(lambda: autogen.AssistantAgent("bot", llm_config=config), phrase)
    assert CANARY not in told(error)


@pytest.mark.parametrize("config", [True, 5, "gpt-4", [], [{"model": "gpt-4"}]])
def test_an_llm_config_that_is_no_dict_is_refused_as_in_0_2(config: Any) -> None:
    with pytest.raises(AssertionError, match="llm_config must be a dict or False or None"):
        autogen.AssistantAgent("bot", llm_config=config)


def test_a_key_that_is_missing_is_told_when_the_call_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(MissingKey) as caught:
        person().initiate_chat(bot({"model": "gpt-4"}), message="hi", max_turns=1, silent=True)
    assert str(caught.value) == (
        "entry 0 of the config_list (model 'gpt-4' at api.openai.com) has no API key; "
        'add "api_key" to it, or set the environment variable OPENAI_API_KEY'
    )
    survives_pickling(caught.value)


AGENTS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "an agent's name must be text that is not empty, got ''"),
    ({"name": " "}, "an agent's name must be text that is not empty, got ' '"),
    ({"name": None}, "an agent's name must be text that is not empty, got None"),
    ({"human_input_mode": "Never"}, "human_input_mode must be one of ALWAYS, TERMINATE, NEVER, got 'Never'"),
    ({"human_input_mode": None}, "human_input_mode must be one of ALWAYS, TERMINATE, NEVER, got None"),
    ({"max_consecutive_auto_reply": "3"}, "max_consecutive_auto_reply must be a number, got '3'"),
    ({"max_consecutive_auto_reply": True}, "max_consecutive_auto_reply must be a number, got True"),
    ({"is_termination_msg": "TERMINATE"}, "its is_termination_msg must be callable, got str: 'TERMINATE'"),
    ({"system_message": 5}, "system_message must be text or a list of parts, got int: 5"),
    ({"description": 5}, "description must be text, got int: 5"),
    ({"default_auto_reply": 5}, "default_auto_reply must be text, a message dict or None, got int: 5"),
    ({"function_map": [print]}, "function_map must be a dict of name -> function, got list"),
    ({"function_map": {"f": 5}}, "the function for 'f' is int, which cannot be called"),
    ({"function_map": {"a b": print}}, "Invalid name: a b. Only letters, numbers, '_' and '-' are allowed."),
    ({"chat_messages": [1]}, "chat_messages must be a dict of partner -> list of messages, got list"),
    ({"chat_messages": {"x": 5}}, "chat_messages must be a dict of partner -> list of messages, got dict"),
]


@pytest.mark.parametrize(("arguments", "phrase"), AGENTS)
def test_a_wrong_argument_of_an_agent_is_refused_when_it_is_made(arguments: dict[str, Any], phrase: str) -> None:
    error = refused(lambda: autogen.ConversableAgent(**{"name": "anna", **arguments}), phrase)
    assert "name" in arguments or "function_map" in arguments or "'anna'" in str(error)


CODE_CONFIGS: list[tuple[Any, str]] = [
    (True, "code_execution_config must be a dict or False"),
    ("docker", "code_execution_config must be a dict or False"),
    ({"wrok_dir": "x"}, "code_execution_config has no key 'wrok_dir'; did you mean 'work_dir'?"),
    ({"use_docker": 5}, "use_docker is a bool, an image name or a list of them, got 5"),
    ({"last_n_messages": -1}, "last_n_messages must be either a non-negative integer, or the string 'auto'"),
    ({"last_n_messages": "all"}, "last_n_messages must be either a non-negative integer, or the string 'auto'"),
    ({"timeout": "5"}, "timeout is in seconds and above 0, got '5'"),
    ({"timeout": 0}, "timeout is in seconds and above 0, got 0"),
    ({"work_dir": 5}, "work_dir is the path of a folder, got int: 5"),
    ({"sandbox": "none"}, "there is no sandbox 'none'; it is one of auto, bwrap, sandlock, landlock, container, off"),
    ({"network": 5}, "network is False, True or a list of hosts"),
    ({"env": 5}, "env as a list holds names of variables to pass on"),
    ({"env": "PATH"}, 'env is a dict of values, a list of names, or "inherit"'),
    ({"limits": 5}, "limits is a Limits or a dict of its fields, got int: 5"),
    ({"limits": {"memry_bytes": 1}}, "limits has no key 'memry_bytes'; did you mean 'memory_bytes'?"),
    ({"execute_untrusted": "yes"}, "execute_untrusted is True or False, got 'yes'"),
    ({"executor": "docker"}, "Unknown code executor docker; known are 'commandline-local', or give an object with"),
    ({"executor": object()}, "or give an object with execute_code_blocks, code_extractor and restart"),
    (
        {"executor": "commandline-local", "timeout": 5},
        "'timeout' in code_execution_config is not valid when 'executor'",
    ),
    ({"executor": "commandline-local", "commandline-local": 5}, "is a dict of the executor's settings, got 5"),
    (
        {"executor": "commandline-local", "commandline-local": {"timeoutt": 1}},
        "code_execution_config['commandline-local'] has no key 'timeoutt'; did you mean 'timeout'?",
    ),
    (
        {"executor": "commandline-local", "commandline-local": {"sandbox": "bwarp"}},
        "there is no sandbox 'bwarp'; it is one of auto, bwrap",
    ),
    (
        {"executor": "commandline-local", "commandline-local": {"work_dir": 5}},
        "work_dir is the path of a folder, got int: 5",
    ),
]


@pytest.mark.parametrize(("config", "phrase"), CODE_CONFIGS)
def test_a_wrong_code_execution_config_is_refused_when_the_agent_is_made(config: Any, phrase: str) -> None:
    error = refused(lambda: person("anna", code_execution_config=config), phrase)
    if isinstance(config, dict):
        assert error.__notes__ == ["in code_execution_config of agent 'anna'"]


@pytest.mark.parametrize("asked", [True, "python:3-slim", ["a", "b"]])
def test_a_container_that_this_version_has_not_is_refused_when_the_agent_is_made(asked: Any) -> None:
    with pytest.raises(ContainerUnavailable, match="Leave use_docker unset or False for the local sandbox") as caught:
        person(code_execution_config={"use_docker": asked})
    assert isinstance(caught.value, RuntimeError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_folder_that_cannot_be_one_is_refused_when_the_agent_is_made(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    for config in (
        {"work_dir": str(occupied)},
        {"executor": "commandline-local", "commandline-local": {"work_dir": occupied}},
    ):
        error = refused(lambda config=config: person(code_execution_config=config), "it is no folder; give a folder")
        assert str(occupied) in str(error)
        assert isinstance(error, OSError)


def test_a_folder_that_cannot_be_made_ends_the_chat_before_code_runs(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("")
    user = person(code_execution_config={"work_dir": str(occupied / "below")})
    with pytest.raises(ConfigError, match="cannot be used: Not a directory; give a folder") as caught:
        user.initiate_chat(scripted("```python\nprint(1)\n```", "x"), message="hi", max_turns=2, silent=True)
    assert [entry.message["content"] for entry in caught.value.run.transcript] == ["hi", "```python\nprint(1)\n```"]


def test_a_cache_that_cannot_be_kept_is_told_once_and_the_chat_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from tests.failures.server import Server

    (tmp_path / "file").write_text("")
    with Server("one") as server, autogen.Cache.disk(41, str(tmp_path / "file")) as cache:
        result = person().initiate_chat(bot(server.llm()), message="hi", max_turns=1, silent=True, cache=cache)
    assert result.summary == "one"
    told_once = [record.getMessage() for record in caplog.records if "cache" in record.getMessage()]
    assert len(told_once) == 1
    assert "make its folder writable, or set cache_seed=None" in told_once[0]


BUDGETS: list[tuple[dict[str, Any], str]] = [
    ({"usd": -1}, "Budget.usd must be 0 or more, got -1"),
    ({"tokens": "many"}, "Budget.tokens must be 0 or more, got 'many'"),
    ({"seconds": True}, "Budget.seconds must be 0 or more, got True"),
]


@pytest.mark.parametrize(("arguments", "phrase"), BUDGETS)
def test_a_wrong_budget_is_refused_when_it_is_made(arguments: dict[str, Any], phrase: str) -> None:
    refused(lambda: autogen.Budget(**arguments), phrase)


# ---- tools ----------------------------------------------------------------------------------------------------------


def add(a: int, b: int) -> int:
    return a + b


def test_a_tool_without_types_is_refused_by_the_names_of_its_parameters() -> None:
    with pytest.raises(TypeError) as caught:
        autogen.register_function(lambda a, b=1: a, caller=scripted("x"), executor=person(), description="d")
    assert "All parameters of the function '<lambda>' without default values must be annotated" in str(caught.value)
    assert str(caught.value).endswith("the following parameters: 'a'")


TOOLS: list[tuple[Any, str]] = [
    (
        lambda bot, user: autogen.register_function(add, caller=bot, executor=user, description=""),
        "Function description is required, none found. Pass description= for 'add'",
    ),
    (
        lambda bot, user: autogen.register_function(add, caller=bot, executor=user, name="a b", description="d"),
        "Invalid name: a b. Only letters, numbers, '_' and '-' are allowed.",
    ),
    (
        lambda bot, user: autogen.register_function(add, caller=bot, executor="user", description="d"),
        "register_function: the executor must be a ConversableAgent, got str",
    ),
    (
        lambda bot, user: autogen.register_function(add, caller=None, executor=user, description="d"),
        "register_function: the caller must be a ConversableAgent, got NoneType",
    ),
    (lambda bot, user: user.register_function({"f": "add"}), "agent 'user': the function for 'f' is str"),
]


@pytest.mark.parametrize(("register", "phrase"), TOOLS)
def test_a_tool_that_cannot_be_registered_leaves_no_trace(register: Any, phrase: str) -> None:
    model, user = scripted("x"), person()
    refused(lambda: register(model, user), phrase)
    assert "tools" not in model.llm_config
    assert user.function_map == {}
    autogen.register_function(add, caller=model, executor=user, description="d")
    assert list(user.function_map) == ["add"]


def test_what_is_no_function_is_no_tool() -> None:
    with pytest.raises(TypeError, match="agent 'bot': a tool must be a function, got int: 5") as caught:
        autogen.register_function(5, caller=scripted("x"), executor=person(), description="d")  # type: ignore[arg-type]
    assert isinstance(caught.value, AttributeError)
    survives_pickling(caught.value)


def test_an_agent_without_a_model_is_told_no_tools() -> None:
    with pytest.raises(RuntimeError, match="LLM config must be setup .* Agent 'user' has none; give it an llm_config"):
        autogen.register_function(add, caller=person(), executor=person("other"), description="d")
