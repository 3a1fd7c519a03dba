"""Runs that wait for approvals: entry functions, sync and async, whose tool leaves a line for each real call."""

import asyncio
from pathlib import Path
from typing import Any, Literal

import autogen
from autogen.runs.view import RunView
from tests.runs.payments import note

Kind = Literal["sync", "async"]
Calls = list[list[Any]]

ONE: list[Calls] = [[["c1", "pay", {"amount": 5, "to": "eve"}]]]
ENTRY: dict[Kind, str] = {"sync": "tests.approving.pay", "async": "tests.approving.a_pay"}


def agents(folder: Path, messages: list[Calls]) -> tuple[autogen.UserProxyAgent, autogen.AssistantAgent]:
    """`messages`: of each message of the assistant, the calls that it holds."""
    script = [{"agent": "assistant", "tool_calls": calls} for calls in messages]
    entry = {"model": "m", "api_type": "scripted", "script": [*script, {"agent": "assistant", "text": "TERMINATE"}]}
    assistant = autogen.AssistantAgent("assistant", llm_config={"config_list": [entry], "cache_seed": None})
    user = autogen.UserProxyAgent(
        "user",
        human_input_mode="NEVER",
        code_execution_config=False,
        is_termination_msg=lambda message: "TERMINATE" in (message.get("content") or ""),
    )

    @user.register_for_execution()
    @assistant.register_for_llm(description="Pay an amount.")
    @autogen.tool(approval=True)
    def pay(amount: int, to: str, key: autogen.IdempotencyKey) -> str:
        note(folder, f"paid {amount} to {to}")
        return f"paid {amount} to {to}"

    return user, assistant


def told(result: Any) -> list[str]:
    """What the model was told of its calls."""
    return [one["content"] for message in result.chat_history for one in message.get("tool_responses", ())]


@autogen.entrypoint(name=ENTRY["sync"])
def pay_after_approval(folder: str, messages: Any = None) -> list[str]:
    user, assistant = agents(Path(folder), messages or ONE)
    return told(user.initiate_chat(assistant, message="Pay.", silent=True))


@autogen.entrypoint(name=ENTRY["async"])
async def a_pay_after_approval(folder: str, messages: Any = None) -> list[str]:
    user, assistant = agents(Path(folder), messages or ONE)
    return told(await user.a_initiate_chat(assistant, message="Pay.", silent=True))


class Carrier:
    """Starts, answers and carries on runs of one journal, by the sync faces or by the async ones."""

    def __init__(self, folder: Path, kind: Kind, faces: Kind) -> None:
        self.folder, self.kind, self.faces = folder, kind, faces
        self.journal = str(folder / "runs.db")

    def start(self, messages: list[Calls] | None = None, run_id: str = "pay") -> RunView:
        given = {"folder": str(self.folder), "messages": messages}
        autogen.start(ENTRY[self.kind], given, run_id=run_id, journal=self.journal)
        return self.advance(run_id)

    def advance(self, run_id: str = "pay", **policy: Any) -> RunView:
        with autogen.durable(self.journal, **{"on_human": "park", **policy}):
            if self.faces == "sync":
                return autogen.advance(run_id)
            return asyncio.run(autogen.a_advance(run_id))

    def answer(self, ask_id: str, value: Any, by: str = "", run_id: str = "pay") -> None:
        if self.faces == "sync":
            autogen.answer(run_id, ask_id, value, by=by, journal=self.journal)
        else:
            asyncio.run(autogen.a_answer(run_id, ask_id, value, by=by, journal=self.journal))
