"""0.2's config list helpers: results as 0.2.40 gave them, errors that name file and line."""

import json
from pathlib import Path
from typing import Any

import pytest

from autogen.core.errors import ConfigError
from autogen.models import config_list as helpers

LIST = [
    {"model": "gpt-4", "api_key": "a", "tags": ["x", "y"]},
    {"model": "gpt-3.5-turbo", "api_key": "b", "tags": ["z"]},
    {"model": "m3", "api_key": "c", "api_type": "azure"},
]
AZURE = {"api_type": "azure", "api_version": "2024-02-01"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (
        "OPENAI_API_KEY",
        "OPENAI_API_BASE",
        "AZURE_OPENAI_API_KEY",
        "AZURE_OPENAI_API_BASE",
        "MYLIST",
        "ANOTHER",
    ):
        monkeypatch.setenv(name, "")  # so that what a helper sets is taken back afterwards
        monkeypatch.delenv(name)
    return tmp_path


def test_get_config_list() -> None:
    assert helpers.get_config_list(["k1", "k2"]) == [{"api_key": "k1"}, {"api_key": "k2"}]
    assert helpers.get_config_list(["k1", "", " k3 "], base_urls=["u1", "u2", "u3"], api_type="openai") == [
        {"api_key": "k1", "base_url": "u1", "api_type": "openai"},
        {"api_key": " k3 ", "base_url": "u3", "api_type": "openai"},
    ]
    with pytest.raises(AssertionError, match=r"^The length of api_keys must match the length of base_urls$"):
        helpers.get_config_list(["k1", "k2"], base_urls=["u1"])


def test_get_key_leaves_out_what_names_the_account() -> None:
    config = {"b": 1, "api_key": "x", "a": [1, {"z": 2}], "model": "m", "base_url": "u"}
    assert helpers.get_key(config) == '{"a": [1, {"z": 2}], "b": 1, "model": "m"}'


def test_keys_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert helpers.config_list_openai_aoai() == []
    monkeypatch.setenv("OPENAI_API_KEY", "ek\nek2")
    monkeypatch.setenv("OPENAI_API_BASE", "eb\neb2")
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "ak")
    monkeypatch.setenv("AZURE_OPENAI_API_BASE", "ab")
    openai = [{"api_key": "ek", "base_url": "eb"}, {"api_key": "ek2", "base_url": "eb2"}]
    azure = [{"api_key": "ak", "base_url": "ab", **AZURE}]
    assert helpers.config_list_openai_aoai() == openai + azure
    assert helpers.config_list_openai_aoai(exclude="aoai") == openai
    assert helpers.config_list_openai_aoai(exclude="openai") == azure


def test_keys_from_files(here: Path) -> None:
    (here / "key_openai.txt").write_text("fk1\nfk2\n")
    (here / "key_aoai.txt").write_text("fa1")
    (here / "base_aoai.txt").write_text("fb1\n")
    azure = {"api_key": "fa1", "base_url": "fb1", **AZURE}
    assert helpers.config_list_openai_aoai() == [{"api_key": "fk1"}, {"api_key": "fk2"}, azure]
    assert helpers.config_list_from_models(model_list=["a", "b"], exclude="aoai") == [
        {"api_key": "fk1", "model": "a"},
        {"api_key": "fk2", "model": "a"},
        {"api_key": "fk1", "model": "b"},
        {"api_key": "fk2", "model": "b"},
    ]
    assert [entry["model"] for entry in helpers.config_list_gpt4_gpt35(exclude="openai")] == ["gpt-4", "gpt-3.5-turbo"]


@pytest.mark.parametrize(
    ("wanted", "exclude", "models"),
    [
        ({"tags": ["x"]}, False, ["gpt-4"]),
        ({"tags": ["x", "z"]}, False, ["gpt-4", "gpt-3.5-turbo"]),
        ({"tags": ["x"]}, True, ["gpt-3.5-turbo", "m3"]),
        (None, False, ["gpt-4", "gpt-3.5-turbo", "m3"]),
        ({}, False, ["gpt-4", "gpt-3.5-turbo", "m3"]),
        ({"model": "gpt-4"}, False, ["gpt-4"]),
        ({"model": {"m3", "gpt-4"}}, False, ["gpt-4", "m3"]),
        ({"model": ["gpt-4"], "tags": ["z"]}, False, []),
        ({"model": ["gpt-4"], "tags": ["z"]}, True, ["m3"]),
        ({"foo": ["a"]}, False, []),
        ({"api_type": ["azure"]}, False, ["m3"]),
    ],
)
def test_filter_config(wanted: Any, exclude: bool, models: list[str]) -> None:
    assert [entry["model"] for entry in helpers.filter_config(LIST, wanted, exclude)] == models


def test_a_list_from_a_file(here: Path) -> None:
    (here / "OAI_CONFIG_LIST").write_text(json.dumps(LIST))
    assert helpers.config_list_from_json("OAI_CONFIG_LIST") == LIST
    assert helpers.config_list_from_json("OAI_CONFIG_LIST", file_location=str(here)) == LIST
    assert helpers.config_list_from_json(str(here / "OAI_CONFIG_LIST"), filter_dict={"tags": ["z"]}) == [LIST[1]]


def test_a_list_from_a_variable(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYLIST", json.dumps(LIST[:1]))
    assert helpers.config_list_from_json("MYLIST") == LIST[:1]
    (here / "list.json").write_text(json.dumps(LIST))
    monkeypatch.setenv("MYLIST", str(here / "list.json"))
    assert helpers.config_list_from_json("MYLIST") == LIST


def test_a_missing_list_is_told_with_the_way_out() -> None:
    with pytest.raises(FileNotFoundError) as caught:
        helpers.config_list_from_json("NOPE", file_location="folder")
    told = str(caught.value)
    assert "'NOPE'" in told
    assert "environment variable" in told
    assert str(Path("folder") / "NOPE") in told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[{"model": "a"},\n {]', "bad.json is no JSON: .* in line 2, column 3"),
        ("{'model': 'a'}", "in line 1, column 2; .* double quotes"),
        ('["a"]', "must hold a JSON list of objects"),
        ("3", "must hold a JSON list of objects"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(here: Path, text: str, told: str) -> None:
    (here / "bad.json").write_text(text)
    with pytest.raises(ConfigError, match=told):
        helpers.config_list_from_json("bad.json")


def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYLIST", "not json")
    with pytest.raises(ValueError, match="the environment variable MYLIST is no JSON"):
        helpers.config_list_from_json("MYLIST")


def test_dotenv(here: Path) -> None:
    (here / ".env").write_text("# keys\nexport OPENAI_API_KEY='sk-dotenv'  # mine\nANOTHER = foo # two\n")
    assert helpers.config_list_from_dotenv(".env") == [
        {"api_key": "sk-dotenv", "model": "gpt-4"},
        {"api_key": "sk-dotenv", "model": "gpt-3.5-turbo"},
    ]
    found = helpers.config_list_from_dotenv(
        model_api_key_map={
            "gpt-4": "ANOTHER",
            "m": {"api_key_env_var": "ANOTHER", "base_url": "https://x", "api_type": "azure", "api_version": "v"},
        }
    )
    assert found == [
        {"api_key": "foo", "model": "gpt-4"},
        {"api_key": "foo", "base_url": "https://x", "api_type": "azure", "api_version": "v", "model": "m"},
        {"api_key": "sk-dotenv", "model": "gpt-3.5-turbo"},
    ]
    only = helpers.config_list_from_dotenv(model_api_key_map={"b": "ANOTHER"}, filter_dict={"model": ["b"]})
    assert only == [{"api_key": "foo", "model": "b"}]


def test_dotenv_warns_about_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    assert helpers.config_list_from_dotenv("nofile.env") == []
    assert "The specified .env file nofile.env does not exist." in caplog.text
    assert "API key not found or empty for model gpt-4." in caplog.text
    assert "No configurations loaded." in caplog.text


@pytest.mark.parametrize("source", [3, {"foo": "x"}])
def test_a_wrong_map_is_told(source: Any) -> None:
    with pytest.raises(ConfigError, match="model_api_key_map"):
        helpers.config_list_from_dotenv(model_api_key_map={"m": source})
