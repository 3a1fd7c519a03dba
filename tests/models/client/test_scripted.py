"""The scripted model: answers by agent and purpose, and loud failures when program and script do not fit."""

import copy
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from autogen.core.errors import ConfigError
from autogen.core.events import Delta, Event
from autogen.core.model import ModelMessage, ModelReply, ModelRequest, Text
from autogen.drivers.blocking import perform
from autogen.models.errors import Overloaded, RateLimited
from autogen.models.openai_wrapper import OpenAIWrapper
from autogen.models.scripted import Script, ScriptError
from tests.models.client.loopback import HI, Loopback


def wrapper(script: Any, **more: Any) -> OpenAIWrapper:
    return OpenAIWrapper(config_list=[{"api_type": "scripted", "script": script, **more}])


def ask(
    client: OpenAIWrapper, agent: str = "bot", purpose: Any = "reply", text: str = "hi", **settings: Any
) -> ModelReply:
    request = ModelRequest((ModelMessage("user", (Text(text),)),), (), settings)
    return perform(client.complete(request, agent=agent, purpose=purpose))


def test_lines_are_taken_by_agent_and_purpose() -> None:
    with Script([
        {"agent": "b", "text": "for b"},
        {"agent": "a", "purpose": "summary", "text": "a's summary"},
        {"agent": "a", "text": "for a"},
        "for anyone",
    ]) as script:  # fmt: skip
        client = wrapper(script)
        assert ask(client, "a").message.text == "for a"
        assert ask(client, "a", "summary").message.text == "a's summary"
        assert ask(client, "b").message.text == "for b"
        assert ask(client, "c", "speaker").message.text == "for anyone"
    assert [(agent, purpose) for agent, purpose, _ in script.requests] == [
        ("a", "reply"), ("a", "summary"), ("b", "reply"), ("c", "speaker"),
    ]  # fmt: skip


def test_calls_usage_and_cost() -> None:
    client = wrapper([
        {"text": "hm", "tool_calls": [["c9", "f", {"a": 1}], {"name": "g", "arguments": "{}"}], "usage": [7, 3]},
        {"function_call": ["old", {"b": 2}]},
        {"choices": ["x", "y"]},
    ])  # fmt: skip
    reply = ask(client)
    assert [(call.id, call.name, call.arguments) for call in reply.message.calls] == [
        ("c9", "f", '{"a":1}'),
        ("call_1_2", "g", "{}"),
    ]
    assert (reply.finish, reply.usage.input, reply.usage.output, reply.cost) == ("tools", 7, 3, 0.0)
    legacy = ask(client).message.calls[0]
    assert (legacy.name, legacy.arguments, legacy.legacy) == ("old", '{"b":2}', True)
    response = client.create(messages=HI)
    assert client.extract_text_or_completion_object(response) == ["x", "y"]


def test_an_unexpected_request_is_told_in_full() -> None:
    client = wrapper([{"agent": "critic", "purpose": "summary", "text": "the end"}])
    with pytest.raises(ScriptError) as caught:
        ask(client, "bot", "speaker", "who is next?")
    told = str(caught.value)
    for part in ("'bot'", "speaker", "who is next?", "line 1", "'critic'", "summary", "the end"):
        assert part in told


def test_a_script_that_is_over_says_so() -> None:
    client = wrapper(["only one"])
    ask(client)
    with pytest.raises(ScriptError, match="All its lines are used"):
        ask(client)


def test_a_script_error_does_not_move_on() -> None:
    with Loopback("x") as server:
        client = OpenAIWrapper(config_list=[{"api_type": "scripted", "script": []}, server.entry()])
        with pytest.raises(ScriptError):
            ask(client)
        assert server.seen == []


def test_what_a_line_expects_is_checked() -> None:
    client = wrapper([{"expect": "weather", "text": "rain"}, {"expect": "weather", "text": "sun"}])
    assert ask(client, text="the weather?").message.text == "rain"
    with pytest.raises(ScriptError, match="'weather', but it is 'the time"):
        ask(client, text="the time?")


def test_unused_lines_are_told_and_a_failing_test_keeps_its_own_error() -> None:
    with pytest.raises(ScriptError, match="2 of 2 lines were not used"), Script(["a", "b"]):
        assert True
    with pytest.raises(ZeroDivisionError), Script(["a"]):
        raise ZeroDivisionError


def test_lines_may_answer_more_than_once() -> None:
    with Script([{"text": "twice", "times": 2}, {"text": "ever", "times": 0}]) as script:
        client = wrapper(script)
        assert [ask(client).message.text for _ in range(4)] == ["twice", "twice", "ever", "ever"]


def test_a_line_may_fail_as_a_provider_does() -> None:
    client = wrapper([{"error": "rate_limit", "message": "slow down"}, {"error": "server"}, "ok"])
    with pytest.raises(RateLimited, match="slow down"):
        ask(client)
    with pytest.raises(Overloaded):
        ask(client)
    assert ask(client).message.text == "ok"


def test_copies_share_the_position() -> None:
    script = Script(["a", "b"])
    client = wrapper(script)
    assert ask(copy.deepcopy(client)).message.text == "a"
    assert copy.deepcopy(script) is script
    assert ask(client).message.text == "b"


def test_a_script_from_a_file_is_shared_by_its_entries(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text(json.dumps({"lines": ["a", "b"]}))
    one, two = wrapper(str(path)), wrapper(str(path))
    assert [ask(one).message.text, ask(two).message.text] == ["a", "b"]


def test_streaming_gives_the_text_in_pieces() -> None:
    events: list[Event] = []
    client = wrapper(["one two three"])
    request = ModelRequest((ModelMessage("user", (Text("hi"),)),), (), {"stream": True})
    perform(client.complete(request, agent="bot", emit=events.append))
    deltas = [event for event in events if isinstance(event, Delta)]
    assert "".join(delta.text for delta in deltas) == "one two three"
    assert [delta.kind for delta in deltas] == ["text", "text", "text", "end"]


def test_scripted_answers_are_never_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    client = wrapper(["a", "b"])
    assert [ask(client).message.text for _ in range(2)] == ["a", "b"]
    assert list(tmp_path.iterdir()) == []


def test_threads_get_each_line_once() -> None:
    script = Script([str(number) for number in range(200)])
    client, texts = wrapper(script), []

    def work() -> None:
        for _ in range(25):
            texts.append(ask(client).message.text)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts, key=int) == [str(number) for number in range(200)]
    script.check_used()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ([{"txt": "a"}], "line 1 of a script is wrong: .*txt"),
        (["a", {"agent": "b"}], "line 2 of a script says nothing"),
        ([{"error": "nope"}], "the error 'nope'; known are auth"),
        (None, 'needs "script"'),
        ("no-such-file.json", "cannot be read"),
    ],
)
def test_a_wrong_script_is_told_when_the_client_is_made(script: Any, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        wrapper(script)
