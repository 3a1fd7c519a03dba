"""The benchmark's own server, floors and judgement, on tiny sizes: a number is only as good as what took it."""

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import bodies, floors
from bench.__main__ import SCENARIOS, main
from bench.harness import Bench, BenchError, Options, Row, ServerHandle, Target, running_server
from bench.measure import Job, read_bodies, windows, write_bodies

BODY = bodies.two_agents(1)[0]


@pytest.fixture(scope="module")
def server() -> Iterator[ServerHandle]:
    with running_server() as handle:
        yield handle


def replay(server: ServerHandle, tmp_path: Path, behaviour: str, sent: list[bytes], **sizes: int) -> Job:
    path = str(tmp_path / "bodies")
    write_bodies(path, sent)
    return Job(base_url=server.base_url(behaviour), bodies=path, **{"size": 1, "repeat": 1, "warm": 0, **sizes})


def test_each_reply_has_its_own_id_and_about_a_hundred_characters(server: ServerHandle) -> None:
    client = floors.SyncClient(server.base_url("text"))
    first, second = (json.loads(client.post(BODY)) for _ in range(2))
    texts = [reply["choices"][0]["message"]["content"] for reply in (first, second)]
    assert first["id"] != second["id"]
    assert texts[0] != texts[1]
    assert all(80 <= len(text) <= 120 for text in texts)


def test_tools_are_called_until_the_body_holds_all_their_results(server: ServerHandle) -> None:
    client = floors.SyncClient(server.base_url("tools,calls=2"))
    replies = [json.loads(client.post(body))["choices"][0] for body in bodies.tool_calls(2)]
    assert [reply["finish_reason"] for reply in replies] == ["tool_calls", "tool_calls", "stop"]
    arguments = [json.loads(r["message"]["tool_calls"][0]["function"]["arguments"]) for r in replies[:2]]
    assert arguments[0] != arguments[1]


@pytest.mark.parametrize("how", ["", ",joined=1", ",pace=0.1"])
def test_a_stream_carries_every_chunk_however_it_is_sent(server: ServerHandle, how: str) -> None:
    client = floors.SyncClient(server.base_url(f"stream,chunks=30{how}"))
    reader = floors.EventReader()
    for piece in client.stream(bodies.stream()[0]):
        reader.feed(piece)
    assert len(reader.text) == 30


def test_a_stream_tells_usage_only_when_asked(server: ServerHandle) -> None:
    client = floors.SyncClient(server.base_url("stream,chunks=3"))
    plain = b"".join(client.stream(bodies.stream()[0]))
    asked = b"".join(client.stream(b'{"stream":true,"stream_options":{"include_usage":true}}'))
    assert b'"usage"' not in plain
    assert b'"completion_tokens":3' in asked
    assert plain.endswith(b"data: [DONE]\n\n")
    assert asked.endswith(b"data: [DONE]\n\n")


def test_an_answer_comes_no_sooner_than_its_delay(server: ServerHandle) -> None:
    client = floors.SyncClient(server.base_url("text,delay=80"))
    start = time.monotonic()
    client.post(BODY)
    assert time.monotonic() - start >= 0.08


def test_a_request_may_come_in_pieces(server: ServerHandle) -> None:
    head = b"POST /text/v1/chat/completions HTTP/1.1\r\nHost: x\r\nCONTENT-LENGTH: 4\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as connection:
        for piece in (head[:20], head[20:], b"{", b"}  "):
            connection.sendall(piece)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")


def test_a_path_that_means_nothing_is_refused_with_the_reason(server: ServerHandle) -> None:
    with pytest.raises(RuntimeError, match=r"404.*no such option: dely"):
        floors.SyncClient(server.base_url("text,dely=1")).post(BODY)


def test_recorded_bodies_come_back_in_order_and_once(server: ServerHandle, tmp_path: Path) -> None:
    client = floors.SyncClient(server.base_url("text,record=1"))
    sent = bodies.two_agents(3)
    for body in sent:
        client.post(body)
    kept = tmp_path / "kept"
    kept.write_bytes(server.recorded())
    assert read_bodies(str(kept)) == sent
    assert server.recorded() == b""


@pytest.mark.parametrize(
    ("program", "behaviour", "sizes", "calls"),
    [
        (floors.chat_sync, "text", {"repeat": 2, "warm": 1}, 9),
        (floors.chat_async, "text", {"repeat": 2, "warm": 1}, 9),
        (floors.stream_sync, "stream,chunks=5", {"repeat": 2}, 2),
        (floors.stream_async, "stream,chunks=5", {"repeat": 2}, 2),
        (floors.crowd, "text,delay=10", {"size": 4, "warm": 1}, 15),
    ],
)
def test_a_floor_makes_the_calls_it_counts(
    server: ServerHandle, tmp_path: Path, program: object, behaviour: str, sizes: dict[str, int], calls: int
) -> None:
    assert callable(program)
    before, _ = server.stats()
    sample = program(replay(server, tmp_path, behaviour, bodies.two_agents(3), **sizes))
    assert server.stats()[0] - before == sample["calls"] == calls
    assert sample["cpu_s"] > 0


@pytest.mark.parametrize("program", [floors.long_chat_sync, floors.long_chat_async])
def test_a_long_floor_gives_the_cost_of_a_turn_early_and_late(
    server: ServerHandle, tmp_path: Path, program: object
) -> None:
    assert callable(program)
    sample = program(replay(server, tmp_path, "text", [BODY] * 120))
    assert sample["calls"] == 121
    assert 0 < sample["early_s"] < 0.1
    assert 0 < sample["late_s"] < 0.1


def test_the_floor_performs_the_tool_call_that_it_was_asked_for() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 40, "b": 2}'}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    choices = [{"index": 0, "message": message, "finish_reason": "tool_calls"}]
    reply = {"id": "r", "model": "m", "choices": choices, "usage": usage}
    assert floors.read_completion(json.dumps(reply).encode()) == "42"


def test_events_cut_anywhere_are_read_the_same() -> None:
    stream = b"".join(b'data: {"id":"x","choices":[{"delta":{"content":"%d"}}]}\n\n' % i for i in range(9))
    for size in (1, 7, 50, len(stream)):
        reader = floors.EventReader()
        for at in range(0, len(stream), size):
            reader.feed(stream[at : at + size])
        assert "".join(reader.text) == "012345678"


def test_windows_find_a_cost_that_doubles() -> None:
    clock, marks = 0.0, []
    for turn in range(200):
        marks += [clock, clock + 0.0005]
        clock += 0.001 if turn < 120 else 0.002
    sample = windows(marks, calls=200)
    assert sample["early_s"] == pytest.approx(0.001)
    assert sample["late_s"] == pytest.approx(0.002)


def test_windows_refuse_readings_that_do_not_fit_the_turns() -> None:
    with pytest.raises(ValueError, match="201 clock readings"):
        windows([0.0] * 201, calls=200)


def test_a_child_that_makes_other_calls_than_it_says_is_an_error(server: ServerHandle, tmp_path: Path) -> None:
    with running_server() as other:
        bench = Bench(other, Options(), tmp_path)
        with pytest.raises(BenchError, match="made 1 model calls, the server saw 0"):
            bench.child("bench.floors:chat_sync", replay(server, tmp_path, "text", [BODY]))


def test_a_child_that_fails_says_why(server: ServerHandle, tmp_path: Path) -> None:
    bench = Bench(server, Options(), tmp_path)
    with pytest.raises(BenchError, match="no such kind of answer: songs"):
        bench.child("bench.floors:chat_sync", replay(server, tmp_path, "songs", [BODY]))


def test_the_server_ends_with_whoever_started_it() -> None:
    with running_server() as handle:
        assert handle.process.poll() is None
    assert handle.process.returncode == 0


def test_a_verdict_holds_the_value_to_its_target() -> None:
    row = Row(name="x", value=2.0, unit="x floor")
    assert row.verdict == "info"
    assert Row(name="x", value=2.0, unit="x floor", target=Target(3)).verdict == "holds"
    assert Row(name="x", value=3.1, unit="x floor", target=Target(3)).verdict == "MISSED"
    assert Row(name="x", value=0.8, unit="x floor", target=Target(0.9, at_least=True)).verdict == "MISSED"
    assert Row(name="x", value=None, unit="x floor", target=Target(3)).verdict == "not measured"


def test_a_machine_that_slows_down_between_rounds_leaves_the_ratio_alone(server: ServerHandle, tmp_path: Path) -> None:
    bench = Bench(server, Options(), tmp_path)
    row = bench.ratio("x", [2.0, 40.0, 90.0], [1.0, 20.0, 30.0], cost_unit="us", target=Target(2.5), n=1)
    assert (row.ours, row.floor, row.value, row.verdict) == (40.0, 20.0, 2.0, "holds")


def test_the_command_measures_a_floor_and_prints_what_repeats_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--floors", "--quick", "--rounds", "1", "--only", "tool-sync", "--json"]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["name"] == "tool-sync"
    assert line["floor"] > 0
    assert line["ours"] is None
    assert (line["verdict"], line["target"], line["n"], line["rounds"]) == ("not measured", "<= 3", 20, 1)
    assert {"python", "cpus", "msgspec", "aiohttp"} <= line.keys()


def test_a_wrong_name_is_one_line_and_exit_code_two(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nothing-like-it"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("scripts/bench: no scenario begins with nothing-like-it")
    assert all(name in error for name in SCENARIOS)
