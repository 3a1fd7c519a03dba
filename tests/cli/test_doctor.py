"""The doctor says what works here, and asks a named model what it can do."""

import functools
import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from autogen.cli import doctor, local_servers, main
from tests.cli.test_local_servers import models, server
from tests.compat.scripted_server import ScriptedServer

READY = {"content": "ready", "usage": (5, 1)}
CALL = {"content": None, "tool_calls": [("c1", "add", {"a": 17, "b": 25})]}
STREAM = {"stream": ["one ", "two ", "three"]}
OBJECT = '{"ready": true}'


class ModelServer(ScriptedServer):
    """A scripted server that also lists its models."""

    def __init__(self, lines: list[Any], listed: bytes) -> None:
        super().__init__(lines)
        handler: Any = self._http.RequestHandlerClass

        def do_get(request: Any) -> None:
            request.send_response(200)
            request.send_header("Content-Length", str(len(listed)))
            request.end_headers()
            request.wfile.write(listed)

        handler.do_GET = do_get


def checks(capsys: pytest.CaptureFixture[str]) -> dict[tuple[str, str], dict[str, Any]]:
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {(row["area"], row["name"]): row for row in rows}


owners_of_all = functools.cache(metadata.packages_distributions)


@pytest.fixture(autouse=True)
def packages_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed stays the same from test to test, and reading it takes half a second."""
    monkeypatch.setattr(doctor.metadata, "packages_distributions", owners_of_all)


def test_without_options_it_looks_at_this_machine_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json"]) in (0, 2)
    seen = checks(capsys)
    assert seen["python", "version"]["ok"] is True
    assert ("sandbox", "in use") in seen
    assert any(area == "sandbox" and name.startswith("bwrap") for area, name in seen)
    assert not any(area == "model" for area, _ in seen)


def test_the_table_for_people_names_the_same_areas(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor"])
    shown = capsys.readouterr().out
    assert all(f"\n{area}\n" in f"\n{shown}" for area in ("python", "package", "sandbox"))
    assert "\033[" not in shown


def test_another_owner_of_the_import_name_is_a_fault_with_a_way_out(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    owners = {"autogen": ["ag2", "pyautogen", "ag2"]}
    monkeypatch.setattr(doctor.metadata, "packages_distributions", lambda: owners)
    assert main(["doctor", "--json"]) == 2
    fault = checks(capsys)["package", "import name"]
    assert fault["ok"] is False
    assert "ag2" in fault["detail"]
    assert fault["way_out"].startswith("pip uninstall ag2")


def test_local_servers_are_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with server(200, models({"id": "llama"})) as port:
        monkeypatch.setattr(local_servers, "USUAL_PORTS", {port: "Ollama"})
        main(["doctor", "--json"])
    assert checks(capsys)["local server", "Ollama"]["detail"] == f"http://127.0.0.1:{port}/v1: llama"


def test_configuration_is_named_and_its_secrets_are_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary")
    main(["doctor"])
    told = capsys.readouterr()
    assert "OPENAI_API_KEY: set in the environment" in told.out
    assert "sk-canary" not in told.out + told.err


def test_the_models_of_the_configuration_list_are_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OAI_CONFIG_LIST", '[{"model": "a", "api_key": "sk-canary"}, {"model": "b"}]')
    main(["doctor", "--json"])
    shown = capsys.readouterr().out
    assert '"detail":"set in the environment: a, b"' in shown
    assert "sk-canary" not in shown


@pytest.mark.parametrize("content", ["[{", "[]"])
def test_a_broken_configuration_list_is_a_fault(
    content: str, capsys: pytest.CaptureFixture[str], quiet_machine: Path
) -> None:
    (quiet_machine / "OAI_CONFIG_LIST").write_text(content)
    assert main(["doctor", "--json"]) == 2
    fault = checks(capsys)["configuration", "OAI_CONFIG_LIST"]
    assert fault["ok"] is False
    assert str(quiet_machine / "OAI_CONFIG_LIST") in fault["detail"]


def test_rungs_that_are_never_chosen_by_themselves_are_not_called_working(capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--json"])
    seen = checks(capsys)
    for name in ("container (level 1)", "off (level 0)"):
        assert seen["sandbox", name]["ok"] is None
        assert seen["sandbox", name]["detail"].startswith("only on request: ")


def test_a_sandbox_that_is_switched_off_is_not_called_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOGEN_SANDBOX", "off")
    main(["doctor", "--json"])
    used = checks(capsys)["sandbox", "in use"]
    assert (used["ok"], used["detail"]) == (None, "off (level 0), so code runs with your rights")


def test_a_model_that_the_server_does_not_list_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer([READY, CALL, STREAM, OBJECT], models({"id": "m"})) as there:
        main(["doctor", "--json", "--base-url", there.base_url, "--model", "n"])
    assert checks(capsys)["model", "reachable"]["detail"] == "1 model listed, not 'n', but m"


def test_a_model_that_can_everything(capsys: pytest.CaptureFixture[str]) -> None:
    with ModelServer([READY, CALL, STREAM, OBJECT], models({"id": "m", "max_model_len": 8192})) as there:
        assert main(["doctor", "--json", "--base-url", there.base_url, "--model", "m"]) in (0, 2)
        asked = there.requests
    seen = {name: row for (area, name), row in checks(capsys).items() if area == "model"}
    for question in ("reachable", "chat", "tools", "streaming", "JSON mode", "context size"):
        assert seen[question]["ok"] is True, question
    assert seen["context size"]["detail"] == "8192 tokens"
    assert asked[1]["tools"][0]["function"]["name"] == "add"
    assert asked[2]["stream"] is True
    assert asked[3]["response_format"] == {"type": "json_object"}


def test_a_model_that_can_only_talk(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [READY, '{"name": "add", "arguments": {"a": 17}}', "one two three", "It is ready."]
    with ModelServer(lines, models({"id": "m"})) as there:
        main(["doctor", "--json", "--base-url", there.base_url])
    seen = {name: row for (area, name), row in checks(capsys).items() if area == "model"}
    assert seen["chat"]["ok"] is True
    assert (seen["tools"]["ok"], seen["tools"]["detail"]) == (False, "it wrote the call as text")
    assert seen["streaming"]["ok"] is False
    assert seen["JSON mode"]["ok"] is False
    assert seen["context size"]["ok"] is None


def test_a_model_that_is_not_there_is_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    with server(200, models()) as port:
        pass
    assert main(["doctor", "--json", "--base-url", f"http://127.0.0.1:{port}/v1", "--model", "m"]) == 3
    seen = checks(capsys)
    assert seen["model", "reachable"]["ok"] is False
    assert ("model", "chat") not in seen
