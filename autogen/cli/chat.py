"""`autogen chat`: a person talks to one agent that has a few read-only tools.

Decides the loop of question and answer and what is shown of it. Refuses to know how a turn goes.
"""

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from msgspec import Struct

from autogen.cli.endpoints import Wanted, find_model
from autogen.cli.exits import Exit, UserError, code_of
from autogen.cli.report import JsonLines, Progress, write_json
from autogen.cli.sample_tools import calculator, current_time, file_lister
from autogen.cli.terminal import BROKE_OFF, piped, quiet_prices, tell
from autogen.core.errors import AutogenError, ModelError
from autogen.core.events import Delta, Event, MessageReceived, ToolStarted
from autogen.core.stop import StopReason
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
                if self._streamed:
                    print(BROKE_OFF, flush=True)
                self._streamed = False
            case ToolStarted():
                print(f"[{event.name}]", flush=True)
            case MessageReceived() if event.sender == self._agent:
                self._end(event.message.get("content"))
            case _:
                pass

    def close(self) -> None:
        """End the line of an answer that never came to its end."""
        if self._streamed:
            print(flush=True)
        self._streamed = False

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
        print(f"model: {', '.join(found.models)} (from {found.origin})\n`exit` or Ctrl-D ends the chat\n", flush=True)
    try:
        with _showing(options) as end_line:
            turns = _loop(user, agent, end_line)
    except (AutogenError, KeyboardInterrupt) as failed:
        if options.as_json:
            detail = " ".join(str(failed).split()) or "Ctrl-C"
            write_json(
                {"event": "result", "status": "failed", "stop_detail": detail, "exit_code": int(code_of(failed))}
            )
        raise
    if options.as_json:
        write_json({"event": "result", "status": "done", "turns": turns, "exit_code": int(Exit.DONE)})
    return Exit.DONE


@contextmanager
def _showing(options: Options) -> Generator[Callable[[], None], None, None]:
    """Gives what ends a line that an unfinished answer left open."""
    progress, speech = Progress(), Speech("assistant")

    def end_line() -> None:
        progress.close()
        speech.close()

    with ExitStack() as stack:
        stack.enter_context(quiet_prices())
        if options.as_json:
            stack.enter_context(observing(piped(JsonLines()), console=False))
        else:
            stack.callback(end_line)
            stack.enter_context(observing(progress, console=False))
            stack.enter_context(observing(piped(speech), console=False))
        yield end_line


def _loop(user: Any, agent: Any, end_line: Callable[[], None]) -> int:
    """The number of answered lines. On a terminal a failed answer, or Ctrl-C during it, does not end the chat."""
    on_terminal = sys.stdin.isatty()
    turns = 0
    while True:
        line = _read("you> " if on_terminal else "")
        if line is None or line.strip().lower() in LEAVE:
            return turns
        if not line.strip():
            continue
        try:
            result = user.initiate_chat(agent, message=line, clear_history=turns == 0, summary_method=None)
            turns += 1
            if result.stop_reason != StopReason.TERMINATION:
                tell("autogen chat", f"this answer was stopped: {result.stop_reason}")
        except (ModelError, KeyboardInterrupt) as failed:
            if not on_terminal:
                raise
            end_line()
            tell("autogen chat", "stopped by Ctrl-C" if isinstance(failed, KeyboardInterrupt) else str(failed))


def _read(prompt: str) -> str | None:
    if prompt:
        with suppress(ImportError):
            import_module("readline")  # gives `input` its arrow keys and history
    try:
        return input(prompt)
    except EOFError:
        if prompt:
            print()
        return None


def _has_no_calls(message: dict[str, Any]) -> bool:
    return not message.get("tool_calls")
