"""A program that is killed in tests: two agents, model calls, two payments, a code block, a question to a person.

Every real act leaves a line in a file, so that what ran twice is seen.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import autogen
from autogen.io.base import IOStream
from autogen.runs.rows import Entry
from autogen.runs.sqlite import SqliteStore

SCRIPT = (
    {"agent": "assistant", "tool_calls": [["c1", "pay", {"amount": 1}]]},
    {"agent": "assistant", "tool_calls": [["c2", "pay", {"amount": 2}]]},
    {"agent": "assistant", "text": "```python\nprint('counted', 1 + 2)\n```"},
    {"agent": "assistant", "text": "Shall I end?"},
)


def note(folder: Path, line: str) -> None:
    """One act, on disk before anything else happens."""
    with (folder / "acts").open("a") as file:
        file.write(f"{line}\n")
        file.flush()
        os.fsync(file.fileno())


def acts(folder: Path) -> list[str]:
    path = folder / "acts"
    return path.read_text().splitlines() if path.exists() else []


class Person:
    """Answers when asked; an input stream of the program's own, so a journaled run asks at once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def print(self, *objects: Any, sep: str = " ", end: str = "\n", flush: bool = False) -> None:
        """Nothing is shown."""

    def input(self, prompt: str = "", *, password: bool = False) -> str:
        note(self.folder, "asked")
        return "exit"


class KillingStore(SqliteStore):
    """Kills its process right before or right after the n-th append: at and inside every effect."""

    def __init__(self, path: Path, at: int, *, after: bool) -> None:
        super().__init__(path)
        self.at, self.after, self.count = at, after, 0

    def append(
        self,
        run_id: str,
        generation: int,
        entries: Sequence[Entry],
        blobs: Mapping[str, bytes] = {},
        *,
        firm: bool = False,
    ) -> list[int]:
        self.count += 1
        if self.count == self.at and not self.after:
            os.kill(os.getpid(), signal.SIGKILL)
        numbers = super().append(run_id, generation, entries, blobs, firm=firm)
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)
        return numbers


def hold(folder: Path, store: SqliteStore, **policy: Any) -> dict[str, Any]:
    """The whole program, from its top: what a person starts again after a crash."""
    assistant = autogen.AssistantAgent(
        "assistant",
        llm_config={
            "config_list": [{"model": "m", "api_type": "scripted", "script": list(SCRIPT)}],
            "cache_seed": None,
        },
    )
    user = autogen.UserProxyAgent(
        "user",
        human_input_mode="TERMINATE",
        is_termination_msg=lambda message: (message.get("content") or "").endswith("end?"),
        code_execution_config={"work_dir": str(folder / "work")},
    )

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay an amount.")
    def pay(amount: int) -> str:
        note(folder, f"paid {amount}")
        return f"paid {amount}"

    with IOStream.set_default(Person(folder)), autogen.durable(store, **policy):
        result = user.initiate_chat(assistant, message="Pay and count.", run_id="payments")
    return {
        "history": [dict(message) for message in result.chat_history or []],
        "summary": result.summary,
        "reason": str(result.stop_reason),
        "tokens": result.usage["assistant"].total,
        "cost": result.cost,
        "human": result.human_input,
    }
