"""Which model a command talks to, in which order, and what is said when there is none."""

import json
from pathlib import Path

import pytest

from autogen.cli import local_servers
from autogen.cli.endpoints import DEFAULT_MODEL, Found, Wanted, find_model
from autogen.cli.exits import NoModel, UserError
from tests.cli.test_local_servers import models, server

LIST = json.dumps([{"model": "a", "api_key": "ka"}, {"model": "b", "api_key": "kb"}])


def found(wanted: Wanted | None = None, **environment: str) -> Found:
    return find_model(wanted or Wanted(), environment)


def test_a_configuration_list_in_this_directory_is_taken_whole(quiet_machine: Path) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(LIST)
    assert found().models == ("a", "b")
    assert found().origin == "OAI_CONFIG_LIST in this directory"


def test_a_named_model_chooses_its_entry(quiet_machine: Path) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(LIST)
    assert found(Wanted(model="b")).config_list == ({"model": "b", "api_key": "kb"},)


def test_the_environment_comes_before_the_file(quiet_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(LIST)
    monkeypatch.setenv("OAI_CONFIG_LIST", '[{"model": "c"}]')
    assert find_model(Wanted()).models == ("c",)


def test_a_key_alone_is_enough() -> None:
    assert found(OPENAI_API_KEY="k").config_list == ({"model": DEFAULT_MODEL, "api_key": "k"},)
    named = found(Wanted(model="m"), OPENAI_API_KEY="k", OPENAI_BASE_URL="https://there/v1")
    assert named.config_list == ({"model": "m", "api_key": "k", "base_url": "https://there/v1"},)


def test_a_file_named_by_an_option_wins_over_everything(quiet_machine: Path) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(LIST)
    (quiet_machine / "mine.json").write_text('[{"model": "mine"}]')
    assert found(Wanted(config="mine.json"), OPENAI_API_KEY="k").models == ("mine",)


@pytest.mark.parametrize(
    ("base_url", "sent"),
    [
        ("https://models.example/v1", "secret"),
        ("http://models.example/v1", "none"),
        ("http://127.0.0.1:8000/v1", "none"),
        ("https://localhost/v1", "none"),
    ],
)
def test_a_key_goes_to_another_machine_only_and_only_through_tls(base_url: str, sent: str) -> None:
    [entry] = found(Wanted(base_url=base_url, model="m"), OPENAI_API_KEY="secret").config_list
    assert entry["api_key"] == sent


def test_a_key_that_is_kept_back_is_told() -> None:
    wanted = Wanted(base_url="http://127.0.0.1:8000/v1", model="m")
    assert found(wanted, OPENAI_API_KEY="secret").origin.endswith("; the key in OPENAI_API_KEY is not sent there")
    assert found(wanted).origin == "--base-url http://127.0.0.1:8000/v1"


def test_a_list_without_the_named_model_is_mentioned(quiet_machine: Path) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(LIST)
    with pytest.raises(NoModel, match="OAI_CONFIG_LIST in this directory has no entry for it"):
        found(Wanted(model="c"))


def test_the_repr_of_what_was_found_hides_keys() -> None:
    assert "secret" not in repr(found(OPENAI_API_KEY="secret"))


def test_a_local_server_is_the_last_resort(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(200, models({"id": "embed-small"}, {"id": "llama"})) as port:
        monkeypatch.setattr(local_servers, "USUAL_PORTS", {port: "Ollama"})
        assert found().config_list == (
            {"model": "llama", "base_url": f"http://127.0.0.1:{port}/v1", "api_key": "none"},
        )
        assert found(Wanted(model="embed-small")).models == ("embed-small",)
        with pytest.raises(NoModel, match="'gone'"):
            found(Wanted(model="gone"))


def test_a_base_url_without_a_model_takes_the_first_that_it_lists() -> None:
    with server(200, models({"id": "only"})) as port:
        assert found(Wanted(base_url=f"http://127.0.0.1:{port}/v1")).models == ("only",)


def test_no_model_at_all_says_what_to_do_in_one_line() -> None:
    with pytest.raises(NoModel) as missing:
        found()
    text = str(missing.value)
    assert "\n" not in text
    for way in ("OPENAI_API_KEY", "OAI_CONFIG_LIST", "--base-url", "--play chart"):
        assert way in text


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted(config="gone.json"), "gone.json"),
        (Wanted(base_url="127.0.0.1:11434", model="m"), "--base-url must be a URL"),
        (Wanted(base_url="ftp://host/v1", model="m"), "--base-url must be a URL"),
        (Wanted(base_url="http://host/v1", config="x"), "not both"),
        (Wanted(config="list.json", model="zzz"), "it has: a, b"),
        (Wanted(config="empty.json"), "holds no entry"),
        (Wanted(config="broken.json"), "line 1"),
    ],
)
def test_an_option_that_cannot_be_followed_is_named(wanted: Wanted, says: str, quiet_machine: Path) -> None:
    (quiet_machine / "list.json").write_text(LIST)
    (quiet_machine / "empty.json").write_text("[]")
    (quiet_machine / "broken.json").write_text("[{")
    with pytest.raises(UserError, match=says):
        found(wanted)
