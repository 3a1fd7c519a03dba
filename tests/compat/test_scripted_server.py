"""The scripted server itself: answers in order, requests kept, and a script that does not fit is an error."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from scripted_server import ScriptedServer, ScriptError


def ask(server: ScriptedServer, **body: Any) -> tuple[int, str]:
    request = urllib.request.Request(f"{server.base_url}/chat/completions", json.dumps(body).encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_lines_are_answered_in_order_and_requests_kept() -> None:
    lines = ["first", {"content": None, "tool_calls": [("c1", "add", {"a": 1})]}, {"status": 429, "body": "slow down"}]
    with ScriptedServer(lines) as server:
        text, call, refusal = (ask(server, model="m", n=number) for number in range(3))
    assert json.loads(text[1])["choices"][0]["message"] == {"role": "assistant", "content": "first"}
    choice = json.loads(call[1])["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert refusal == (429, "slow down")
    assert [request["n"] for request in server.requests] == [0, 1, 2]


def test_a_stream_is_sent_as_events() -> None:
    with ScriptedServer([{"stream": ["a", "b"]}]) as server:
        _, body = ask(server, model="m", stream=True)
    events = [line.removeprefix("data: ") for line in body.split("\n\n") if line]
    assert events[-1] == "[DONE]"
    assert [json.loads(event)["choices"][0]["delta"].get("content") for event in events[:-1]] == ["", "a", "b", None]


def test_a_request_beyond_the_script_fails_at_once_and_at_the_end() -> None:
    server = ScriptedServer([])
    with pytest.raises(ScriptError, match="1 requests came after the last of 0"), server:
        assert ask(server, model="m")[0] == 500


def test_lines_left_over_are_an_error_at_the_end() -> None:
    server = ScriptedServer(["never asked for"])
    with pytest.raises(ScriptError, match="only 0 of 1 scripted lines were used; next: 'never asked for'"), server:
        pass


def test_an_error_of_the_program_is_not_hidden_by_the_script() -> None:
    with pytest.raises(KeyError), ScriptedServer(["never asked for"]):
        raise KeyError("mine")
