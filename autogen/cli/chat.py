"""`autogen chat`: a person talks to one agent that has a few read-only tools.

Decides the loop of question and answer and what is shown of it. Refuses to know how a turn goes.
"""

import sys
from pathlib import Path
from typing import Any

from msgspec import Struct

from autogen.cli.endpoints import Wanted, find_model
from autogen.cli.exits import Exit, UserError
from autogen.cli.report import JsonLines, write_json
from autogen.cli.sample_tools import calculator, current_time, file_lister
from autogen.core.events import Delta, Event, MessageReceived, ToolStarted
from autogen.runtime import observing

SYSTEM = (
    "You are a helpful assistant in a terminal. Answer briefly. Use the tools for the time, for arithmetic and to see "
    "which files there are; say so when you cannot find something out."
)
LEAVE = frozenset({"exit", "quit"})


class Options(Struct, frozen=True, kw_only=True):
    """The options of the command, as typed."""

    model: str | None = None
    base_url: str | None = None
    config: str | None = None
    workspace: str = "."
    stream: bool = True
    as_json: bool = False


class Speech:
    """Shows the agent's words as they arrive, or whole where they do not stream; and which tools it uses."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._streamed = False

    def __call__(self, event: Event) -> None:
        match event:
            case Delta(kind="text"):
                sys.stdout.write(event.text)
                sys.stdout.flush()
                self._streamed = True
            case Delta(kind="reset"):
                sys.stdout.write("\n(the answer broke off and is made again)\n")
            case ToolStarted():
                print(f"[{event.name}]", flush=True)
            case MessageReceived() if event.sender == self._agent:
                self._end(event.message.get("content"))
            case _:
                pass

    def _end(self, content: Any) -> None:
        if not self._streamed and isinstance(content, str) and content:
            sys.stdout.write(content)
        if self._streamed or content:
            print(flush=True)
        self._streamed = False


def talk(options: Options) -> int:
    """Ask, answer, until `exit` or the end of input."""
    from autogen import AssistantAgent, UserProxyAgent

    workspace = Path(options.workspace)
    if not workspace.is_dir():
        raise UserError(f"--workspace {options.workspace}: there is no such folder")
    found = find_model(Wanted(model=options.model, base_url=options.base_url, config=options.config))
    streaming = {"stream": True} if options.stream else {}
    agent = AssistantAgent(
        "assistant", system_message=SYSTEM, llm_config=found.llm_config(cache_seed=None, **streaming)
    )
    user = UserProxyAgent(
        "user", human_input_mode="NEVER", code_execution_config=False, is_termination_msg=_has_no_calls
    )
    for tool in (current_time, calculator, file_lister(workspace)):
        description = (tool.__doc__ or "").partition("\n")[0]
        agent.register_for_llm(description=description)(tool)
        user.register_for_execution()(tool)
    if not options.as_json:
        print(f"model: {', '.join(found.models)} (from {found.origin}); `exit` or Ctrl-D ends the chat\n")
    with observing(JsonLines() if options.as_json else Speech("assistant"), console=False):
        turns = _loop(user, agent)
    if options.as_json:
        write_json({"event": "result", "status": "done", "turns": turns, "exit_code": int(Exit.DONE)})
    return Exit.DONE


def _loop(user: Any, agent: Any) -> int:
    turns = 0
    while True:
        line = _read("you> " if sys.stdin.isatty() else "")
        if line is None or line.strip().lower() in LEAVE:
            return turns
        if line.strip():
            user.initiate_chat(agent, message=line, clear_history=turns == 0, no_progress=False, summary_method=None)
            turns += 1


def _read(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        return None


def _has_no_calls(message: dict[str, Any]) -> bool:
    return not message.get("tool_calls")
