"""Where input and output go (`IOStream`), and 0.2's runtime logging."""

from __future__ import annotations

import json
import os
import sqlite3
from typing import Any

import autogen
from autogen.io import IOConsole, IOStream
from scenario import bot, chat, error, mute, scenario, user


class Recorded(IOStream):
    """Keeps what is printed and answers from a list."""

    def __init__(self, *lines: str) -> None:
        self.lines, self.printed, self.asked = list(lines), [], []

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        self.printed.append(sep.join(str(each) for each in objects) + end)

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        self.asked.append([prompt, password])
        return self.lines.pop(0)


@scenario(["r1", "r2"])
def a_stream_of_ones_own(base_url: str, work_dir: str) -> Any:
    stream = Recorded("", "exit")
    with IOStream.set_default(stream):
        result = user(human_input_mode="ALWAYS").initiate_chat(bot(base_url), message="hello")
    return [chat(result), "".join(stream.printed), stream.asked]


@scenario()
def the_default_stream(base_url: str, work_dir: str) -> Any:
    before = IOStream.get_default()
    with IOStream.set_default(Recorded()) as inside:
        kinds = [type(IOStream.get_default()).__name__, inside is None]
    return [type(before).__name__, kinds, type(IOStream.get_default()).__name__, isinstance(IOConsole(), IOStream)]


@scenario(["hello"], inputs=["typed"])
def the_console(base_url: str, work_dir: str) -> Any:
    console = IOConsole()
    console.print("a", 1, sep="-", end="!\n", flush=True)
    answer = console.input("prompt> ")
    user().initiate_chat(bot(base_url), message="q", max_turns=1)
    return answer


@scenario(["r1", {"content": None, "tool_calls": [("c1", "f", {"a": 1})]}, "TERMINATE"])
def logging_to_sqlite(base_url: str, work_dir: str) -> Any:
    from autogen import runtime_logging

    session = runtime_logging.start(config={"dbname": "logs.db"})
    on = runtime_logging.logging_enabled()
    person, agent = user(), bot(base_url)

    @person.register_for_execution()
    @agent.register_for_llm(description="F.")
    def f(a: int) -> str:
        return "v"

    person.initiate_chat(agent, message="hello")
    runtime_logging.stop()
    connection = sqlite3.connect("logs.db")
    tables = sorted(
        row[0]
        for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not row[0].startswith("sqlite_")
    )
    columns = {table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")] for table in tables}
    rows = connection.execute(
        "SELECT request, response, is_cached, cost, source_name FROM chat_completions ORDER BY rowid"
    ).fetchall()
    shown = [[len(json.loads(row[0])["messages"]), bool(json.loads(row[1])["choices"]), *row[2:]] for row in rows]
    agents = connection.execute("SELECT DISTINCT name, class FROM agents ORDER BY name").fetchall()
    calls = (
        connection.execute("SELECT function_name, args, returns FROM function_calls ORDER BY rowid").fetchall()
        if "function_calls" in tables
        else []
    )
    connection.close()
    return [type(session).__name__, on, runtime_logging.logging_enabled(), tables, columns, shown, agents, calls]


@scenario(["r1"])
def logging_to_a_file(base_url: str, work_dir: str) -> Any:
    from autogen import runtime_logging

    runtime_logging.start(logger_type="file", config={"filename": "runtime.log"})
    user().initiate_chat(bot(base_url), message="hello", max_turns=1)
    runtime_logging.stop()
    found = [os.path.join(where, name) for where, _, names in os.walk(".") for name in names if name == "runtime.log"]
    with open(found[0]) as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    return [bool(found), sorted({tuple(sorted(line)) for line in lines}) != []]


@scenario()
def logging_without_start(base_url: str, work_dir: str) -> Any:
    from autogen import runtime_logging

    stopped = error(runtime_logging.stop)
    return [
        runtime_logging.logging_enabled(),
        stopped,
        runtime_logging.get_connection(),
        mute("one").name,
        autogen.__name__,
        error(runtime_logging.start, logger_type="no such"),
    ]
