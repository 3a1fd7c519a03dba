"""What a command shows of a run: progress while it goes on, a summary at its end, or JSON lines for programs.

Decides words and form. Refuses to decide how a run goes; the transcript itself is printed by the library's console.
Change together: docs/command-line.md ("Output for programs"), docs/events.md.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec

from autogen.core.events import Delta, Event, MessageReceived, ModelFinished, ModelStarted

MAX_LISTED = 20
MAX_LOOKED_AT = 20_000


class JsonLines:
    """Writes each event, and the result, as one JSON line on stdout."""

    def __call__(self, event: Event) -> None:
        replayed = {"replayed": True} if getattr(event, "replayed", False) else {}
        write_json({"event": type(event).__name__, **_fields(event), **replayed})


class Progress:
    """Says on stderr which model is being waited for; only where stderr is a terminal. Erases what it said."""

    def __init__(self) -> None:
        self._shown = False
        self._wanted = sys.stderr.isatty()

    def __call__(self, event: Event) -> None:
        match event:
            case ModelStarted():
                again = f", attempt {event.attempt}" if event.attempt > 1 else ""
                self._show(f"{event.agent}: waiting for {event.model}{again} ...")
            case ModelFinished() | Delta():
                self._erase()
            case _:
                pass

    def _show(self, text: str) -> None:
        if self._wanted:
            sys.stderr.write(f"\r\033[2K{text}")
            sys.stderr.flush()
            self._shown = True

    def close(self) -> None:
        """Erase what is shown; for runs that end while a model is waited for."""
        self._erase()

    def _erase(self) -> None:
        if self._shown:
            sys.stderr.write("\r\033[2K")
            sys.stderr.flush()
            self._shown = False


def write_json(value: Mapping[str, Any]) -> None:
    """One JSON line on stdout; what JSON does not know is written as text."""
    sys.stdout.write(msgspec.json.encode(value, enc_hook=str).decode() + "\n")
    sys.stdout.flush()


def _fields(event: Event) -> dict[str, Any]:
    match event:
        case MessageReceived():
            message = {key: value for key, value in event.message.items() if not callable(value)}
            return {"sender": event.sender, "recipient": event.recipient, "message": message}
        case ModelFinished():
            reply = event.reply
            told: dict[str, Any] = {"agent": event.agent, "purpose": event.purpose, "seconds": round(event.seconds, 3)}
            if reply is not None:
                usage = {"input": reply.usage.input, "output": reply.usage.output}
                told |= {
                    "model": reply.model,
                    "finish": reply.finish,
                    "cached": reply.cached,
                    "usd": reply.cost,
                    **usage,
                }
            return told if event.error is None else {**told, "error": event.error}
        case _:
            told = {name: getattr(event, name) for name in event.__struct_fields__ if name != "replayed"}
            return {name: round(value, 3) if isinstance(value, float) else value for name, value in told.items()}


class Files:
    """Tells which files a run made or changed in a folder: plain files, hidden ones and caches left out.

    Looks at no more than MAX_LOOKED_AT of them; what cannot be read is passed over.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._before = self._now()

    def _now(self) -> dict[Path, tuple[int, int]]:
        seen: dict[Path, tuple[int, int]] = {}
        for folder, folders, names in os.walk(self._folder):  # follows no links, passes over what it may not read
            folders[:] = [name for name in folders if not _is_hidden(name)]
            for name in names:
                path = Path(folder, name)
                with suppress(OSError):
                    state = path.lstat()
                    if S_ISREG(state.st_mode) and not _is_hidden(name):
                        seen[path] = (state.st_mtime_ns, state.st_size)
            if len(seen) > MAX_LOOKED_AT:
                break
        return seen

    def made(self) -> list[Path]:
        """Paths of new and changed files, in order."""
        return sorted(path for path, state in self._now().items() if self._before.get(path) != state)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def turns_of(messages: int) -> int:
    """Turns as `max_turns` counts them: a message and its answer are one."""
    return (messages + 1) // 2


def summary_of(result: Any, files: list[Path]) -> dict[str, Any]:
    """The facts of a finished chat, as the last JSON line holds them. `result` is a ChatResult."""
    messages = len(result.chat_history or ())
    return {
        "status": result.status,
        "stop_reason": None if result.stop_reason is None else str(result.stop_reason),
        "stop_detail": result.stop_detail,
        "turns": turns_of(messages),
        "messages": messages,
        "seconds": round(result.seconds, 3),
        "input_tokens": sum(usage.input for usage in result.usage.values()),
        "output_tokens": sum(usage.output for usage in result.usage.values()),
        "model_calls": sum(usage.requests for usage in result.usage.values()),
        "usd": result.usd,
        "summary": result.summary,
        "files": [str(path) for path in files],
        "run_id": result.run_id,
    }


def summary_of_failure(failed: BaseException, seconds: float, files: list[Path]) -> dict[str, Any]:
    """The same facts of a chat that an error or Ctrl-C ended, from the run that the exception carries."""
    run: Any = getattr(failed, "run", None)
    messages = 0 if run is None else len(run.transcript)
    used: list[Any] = [] if run is None else list(run.usage.values())
    cancelled = isinstance(failed, KeyboardInterrupt)
    return {
        "status": "cancelled" if cancelled else "failed",
        "stop_reason": "cancelled" if cancelled else "error",
        "stop_detail": "Ctrl-C" if cancelled else " ".join(str(failed).split()),
        "turns": turns_of(messages),
        "messages": messages,
        "seconds": round(seconds, 3),
        "input_tokens": sum(usage.input for usage in used),
        "output_tokens": sum(usage.output for usage in used),
        "model_calls": sum(usage.requests for usage in used),
        "usd": None if run is None or run.spent.unpriced else run.spent.usd,
        "summary": None,
        "files": [str(path) for path in files],
        "run_id": None if run is None else run.id,
    }


def show_summary(facts: Mapping[str, Any]) -> None:
    """The summary for people, on stdout."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    told_later = facts["status"] != "done"  # the error is the last line, on stderr
    detail = f" ({facts['stop_detail']})" if facts["stop_detail"] and not told_later else ""
    console.print(f"\n[bold]stopped:[/bold] {escape(str(facts['stop_reason']) + detail)}")
    cost = "unknown (no price)" if facts["usd"] is None else f"${facts['usd']:.4f}"
    tokens = f"{facts['input_tokens']} in, {facts['output_tokens']} out"
    count = f"{facts['turns']} ({facts['messages']} message{'' if facts['messages'] == 1 else 's'})"
    console.print(f"[bold]turns:[/bold] {count}  [bold]time:[/bold] {facts['seconds']:.1f} s  ", end="")
    console.print(f"[bold]model calls:[/bold] {facts['model_calls']}  [bold]tokens:[/bold] {tokens}  ", end="")
    console.print(f"[bold]cost:[/bold] {cost}")
    files = facts["files"]
    for path in files[:MAX_LISTED]:
        console.print(f"[bold]file:[/bold] {escape(path)}")
    if len(files) > MAX_LISTED:
        console.print(f"... and {len(files) - MAX_LISTED} more files")
