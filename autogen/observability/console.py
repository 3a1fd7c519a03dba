"""The console: 0.2's printed transcript, byte for byte, on the IOStream; notices of ours to logging.

Refuses to decide anything: it prints what events tell. Change together: `core/events.py`.
"""

import os
import sys
from collections.abc import Mapping
from typing import Any, assert_never

from autogen.core.events import (
    AnswerTaken,
    AutoReplyUsed,
    ChatEnded,
    ChatStarted,
    CodeFinished,
    CodeStarted,
    Delta,
    Event,
    Line,
    MessageReceived,
    ModelFinished,
    ModelStarted,
    NoHumanInput,
    Notice,
    RequestSent,
    SpeakerChosen,
    ToolFinished,
    ToolStarted,
)
from autogen.core.wire import filled, text_of
from autogen.observability.io_stream import IOStream

_CODES = {"yellow": 33, "green": 32, "red": 31, "magenta": 35, "blue": 34}
_LINE = "-" * 80
_NOT_SHOWN = frozenset({ModelStarted, RequestSent, ToolFinished, CodeFinished, ChatStarted, ChatEnded})


def coloured(text: str, colour: str) -> str:
    """`text` in a colour where colours are wanted: on a terminal, unless NO_COLOR; anywhere with FORCE_COLOR."""
    try:
        shown = sys.stdout.isatty()
    except (AttributeError, ValueError):
        shown = False
    if not shown and not os.environ.get("FORCE_COLOR"):
        return text
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{_CODES[colour]}m{text}\033[0m"


class Console:
    """Prints the events of one run."""

    __slots__ = ("_streaming",)

    def __init__(self) -> None:
        self._streaming = False

    def __call__(self, event: Event) -> None:
        if type(event) in _NOT_SHOWN:
            return  # most events
        match event:
            case MessageReceived():
                if not event.silent:
                    self._message(event)
            case ModelFinished():
                if event.error is not None:
                    self._end_stream()
            case ModelStarted() | RequestSent() | ToolFinished() | CodeFinished() | ChatStarted() | ChatEnded():
                pass
            case AnswerTaken():  # the terminal showed question and answer when they were typed; the chat has both
                pass
            case NoHumanInput():
                _print(coloured("\n>>>>>>>> NO HUMAN INPUT RECEIVED.", "red"), flush=True)
            case AutoReplyUsed():
                _print(coloured("\n>>>>>>>> USING AUTO REPLY...", "red"), flush=True)
            case ToolStarted():
                kind = "ASYNC FUNCTION" if event.is_async else "FUNCTION"
                _print(coloured(f"\n>>>>>>>> EXECUTING {kind} {event.name}...", "magenta"), flush=True)
            case CodeStarted():
                _print(coloured(_code_line(event), "red"), flush=True)
            case Delta():
                self._delta(event)
            case Notice():
                _log(event.text)
            case SpeakerChosen():
                if not event.silent:
                    _print(coloured(f"\nNext speaker: {event.speaker}\n", "green"), flush=True)
            case Line():
                text = coloured(event.text, event.colour) if event.colour else event.text
                _print(text, *([coloured(event.name, "yellow")] if event.name else []), flush=True)
            case _:
                assert_never(event)

    def _message(self, event: MessageReceived) -> None:
        if event.printer is not None:
            event.printer()
            return
        print_message(event.message, event.sender, event.recipient, event.fill)

    def _delta(self, event: Delta) -> None:
        stream = IOStream.get_default()
        if event.kind == "reset":  # the text so far is void: the next attempt begins on a line of its own
            self._end_stream()
            return
        if not self._streaming:
            stream.print(_stream_code("\033[32m"), end="")
            self._streaming = True
        if event.kind == "text":
            stream.print(event.text, end="", flush=True)
        elif event.kind == "end":
            self._end_stream()

    def _end_stream(self) -> None:
        if self._streaming:
            IOStream.get_default().print(_stream_code("\033[0m") + "\n")
            self._streaming = False


def _stream_code(code: str) -> str:
    """0.2 sends a stream's colour whatever the stream is; we do, too, unless colours are refused."""
    return "" if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" else code


def print_message(message: Mapping[str, Any], sender: str, recipient: str, fill: bool = False) -> None:
    """Print one received message in 0.2's format."""
    _header(sender, recipient)
    responses = message.get("tool_responses")
    if responses:
        for response in responses:
            _header(sender, recipient)
            _answer(response)
            _print("\n", _LINE, flush=True, sep="")
        if message.get("role") == "tool":
            return
    if message.get("role") in ("function", "tool"):
        _answer(message)
    else:
        _own_words(message, fill)
    _print("\n", _LINE, flush=True, sep="")


def _header(sender: str, recipient: str) -> None:
    _print(coloured(sender, "yellow"), "(to", f"{recipient}):\n", flush=True)


def _answer(message: Mapping[str, Any]) -> None:
    if message.get("role") == "function":
        title = f"***** Response from calling function ({message.get('name', 'No name found')}) *****"
    else:
        title = f"***** Response from calling tool ({message.get('tool_call_id', 'No id found')}) *****"
    _print(coloured(title, "green"), flush=True)
    _print(message.get("content"), flush=True)
    _print(coloured("*" * len(title), "green"), flush=True)


def _own_words(message: Mapping[str, Any], fill: bool) -> None:
    content = filled(message.get("content"), message.get("context"), fill)
    if content is not None:
        _print(text_of(content), flush=True)
    call = message.get("function_call")
    if call:
        _call(f"***** Suggested function call: {call.get('name', '(No function name found)')} *****", call)
    for tool in message.get("tool_calls") or ():
        function: Mapping[str, Any] = tool.get("function") or {}
        name = function.get("name", "(No function name found)")
        _call(f"***** Suggested tool call ({tool.get('id', 'No tool call id found')}): {name} *****", function)


def _call(title: str, function: Mapping[str, Any]) -> None:
    _print(coloured(title, "green"), flush=True)
    _print("Arguments: \n", function.get("arguments", "(No arguments found)"), flush=True, sep="")
    _print(coloured("*" * len(title), "green"), flush=True)


def _code_line(event: CodeStarted) -> str:
    if event.index is not None:
        return f"\n>>>>>>>> EXECUTING CODE BLOCK {event.index} (inferred language is {event.languages[0]})..."
    if len(event.languages) == 1:
        return f"\n>>>>>>>> EXECUTING CODE BLOCK (inferred language is {event.languages[0]})..."
    return (
        f"\n>>>>>>>> EXECUTING {len(event.languages)} CODE BLOCKS "
        f"(inferred languages are [{', '.join(event.languages)}])..."
    )


def _print(*objects: Any, sep: str = " ", flush: bool = False) -> None:
    IOStream.get_default().print(*objects, sep=sep, flush=flush)


def _log(text: str) -> None:
    import logging

    logging.getLogger("autogen").warning(text)
