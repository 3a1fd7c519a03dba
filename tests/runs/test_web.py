"""A web service asks a person, is killed, started again, answered from another process; and the run ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).parents[2]


@contextmanager
def serving(journal: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The service in a process of its own; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        fd = listener.fileno()
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--fd",
            str(fd),
            "--log-level",
            "critical",
            "tests.runs.web_app:app",
        ]
        environment = {**os.environ, "AUTOGEN_JOURNAL": str(journal)}
        server = subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=(fd,), stdin=subprocess.DEVNULL)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            _wait_for(address)
            yield address, server
        finally:
            server.kill()
            server.wait(30)


def _wait_for(address: str) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            call(f"{address}/health", None)
        except (URLError, ConnectionError):
            assert time.monotonic() < until, "the service does not answer"
        else:
            return


def call(url: str, body: Any) -> Any:
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(url, data, {"content-type": "application/json"}), timeout=30) as answer:
        return json.load(answer)


def threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_a_question_outlives_its_server(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    with serving(journal) as (address, server):
        call(f"{address}/runs", {"topic": "warm-up"})
        idle = threads_of(server.pid)
        asked = [call(f"{address}/runs", {"topic": f"tea {number}"}) for number in range(5)]
        assert [run["status"] for run in asked] == ["paused"] * 5
        assert threads_of(server.pid) <= idle, "a waiting run holds a thread"
        os.kill(server.pid, signal.SIGKILL)
        server.wait(30)

    run, question = asked[0]["id"], asked[0]["questions"][0]
    assert "person" in question["prompt"]
    answering = f"import autogen; autogen.answer({run!r}, {question['id']!r}, 'blue', by='eve')"
    environment = {**os.environ, "AUTOGEN_JOURNAL": str(journal)}
    subprocess.run([sys.executable, "-c", answering], cwd=ROOT, env=environment, check=True, timeout=60)

    with serving(journal) as (address, _):
        told = call(f"{address}/runs/{run}/advance", {})
        assert told["status"] == "done", told
        assert told["result"] == {"report": "A blue report. ", "answers": ["blue"]}
        assert call(f"{address}/runs/{asked[1]['id']}/advance", {})["status"] == "paused"
