"""The programs that made AutoGen known, verbatim, each run as a script in a folder of its own.

The model is a scripted HTTP endpoint on loopback; the person types on a pipe. The code that the assistant writes is
really run, in the sandbox.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autogen.coding.sandbox import SandboxUnavailable, choose
from tests.compat.scripted_server import ScriptedServer

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

BROKEN = """Prices first.
```python
# filename: plot.py
rows = {"NVDA": [1.0, 1.4], "TSLA": [1.0, 0.8]}
print(rows["TESLA"])
```"""
MENDED = """The key is the ticker symbol.
```python
# filename: plot.py
import struct, zlib
rows = {"NVDA": [1.0, 1.4], "TSLA": [1.0, 0.8]}
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
line = bytes([0]) + bytes([255, 0, 0]) * 8
with open("chart.png", "wb") as file:
    file.write(b"\\x89PNG\\r\\n\\x1a\\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
               + chunk(b"IDAT", zlib.compress(line * 8)) + chunk(b"IEND", b""))
print("saved", rows["TSLA"][-1])
```"""


def sandboxed() -> bool:
    try:
        choose()
    except SandboxUnavailable:
        return False
    return True


def run(program: str, folder: Path, typed: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "SYSTEMROOT") if name in os.environ}
    return subprocess.run(
        [sys.executable, str(HERE / program)],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not sandboxed(), reason="no sandbox on this machine")
def test_the_chart_program_asks_the_model_three_times_and_leaves_code_and_picture(tmp_path: Path) -> None:
    with ScriptedServer([BROKEN, MENDED, "The chart is in chart.png. TERMINATE"]) as server:
        configs = [{"model": "gpt-4", "api_key": "sk-none", "base_url": server.base_url}]
        (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(configs))
        # Enter twice lets the code run; the third answer is not exactly "TERMINATE", so the person ends the chat.
        done = run("nvda_tesla.py", tmp_path, "\n\nexit\n")
    assert done.returncode == 0, done.stderr
    roles = [[message["role"] for message in request["messages"]] for request in server.requests]
    assert roles == [
        ["system", "user"],
        ["system", "user", "assistant", "user"],
        ["system", "user", "assistant", "user", "assistant", "user"],
    ]
    assert "KeyError: 'TESLA'" in server.requests[1]["messages"][-1]["content"]
    assert server.requests[2]["messages"][-1]["content"] == (
        "exitcode: 0 (execution succeeded)\nCode output: \nsaved 0.8\n"
    )
    assert (tmp_path / "coding" / "chart.png").read_bytes().startswith(b"\x89PNG")
    assert 'rows["TSLA"]' in (tmp_path / "coding" / "plot.py").read_text()
    assert ">>>>>>>> EXECUTING CODE BLOCK 0 (inferred language is python)..." in done.stdout


def test_the_two_line_program_needs_no_model(tmp_path: Path) -> None:
    done = run("two_lines.py", tmp_path, "exit\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("user_proxy (to assistant):\n\nLet's solve a problem\n")
    assert "Provide feedback to assistant. Press enter to skip" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_program_whose_input_ends_is_told_so_once(tmp_path: Path) -> None:
    done = run("two_lines.py", tmp_path, "")
    assert done.returncode == 1
    assert "agent 'user_proxy' asked for human input, but the input is at its end" in done.stderr
    assert "set human_input_mode='NEVER'" in done.stderr


@pytest.mark.skipif(not sandboxed(), reason="no sandbox on this machine")
def test_the_group_of_four_counts_primes(tmp_path: Path) -> None:
    code = "```python\nprint(sum(all(n % d for d in range(2, n)) for n in range(2, 100)), 'primes')\n```"
    replies = ["Engineer", f"Like this:\n{code}", "Executor", "The critic should check this.", "It is 25.", "Admin"]
    with ScriptedServer(replies) as server:
        configs = [{"model": "gpt-4", "api_key": "sk-none", "base_url": server.base_url}]
        (tmp_path / "OAI_CONFIG_LIST").write_text(json.dumps(configs))
        done = run("four_roles.py", tmp_path, "exit\n")
    assert done.returncode == 0, done.stderr
    shown = [line for line in done.stdout.splitlines() if line.startswith("Next speaker: ")]
    assert shown == [f"Next speaker: {name}" for name in ("Engineer", "Executor", "Critic", "Admin")]
    assert "exitcode: 0 (execution succeeded)\nCode output: \n25 primes\n" in done.stdout
    selecting = server.requests[0]["messages"]
    assert [message["role"] for message in selecting] == ["system", "user", "system"]
    assert "['Admin', 'Engineer', 'Executor', 'Critic']" in selecting[-1]["content"]


def test_the_state_machine_keeps_to_its_graph(tmp_path: Path) -> None:
    done = run("state_machine.py", tmp_path, "")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\nNext speaker: ") == 19 + 2
    assert done.stdout.splitlines()[-1] == "['A0', 'B1', 'C2']" and "\nKEPT\n" in done.stdout
