"""Agents for these tests: a user who asks nobody and a bot on a server or a script. Decides nothing that is tested."""

import contextlib
import io
import logging
import os
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.core.errors import ConfigError
from tests.failures.server import CANARY


def person(name: str = "user", **options: Any) -> Any:
    """Asks nobody, runs no code, says "go on"."""
    made = {"human_input_mode": "NEVER", "code_execution_config": False, "default_auto_reply": "go on", **options}
    return autogen.UserProxyAgent(name, **made)


def bot(llm_config: Any, name: str = "bot", **options: Any) -> Any:
    return autogen.AssistantAgent(name, system_message="Be brief.", llm_config=llm_config, **options)


def scripted(*lines: Any, name: str = "bot", **options: Any) -> Any:
    """A bot that says these lines."""
    entry = {"model": "scripted", "api_type": "scripted", "script": list(lines)}
    return bot({"config_list": [entry], "cache_seed": None}, name, **options)


def texts(run: Any) -> list[str]:
    """What was said in a run, in order."""
    return [entry.message["content"] for entry in run.transcript]


def contents(history: list[dict[str, Any]] | None) -> list[Any]:
    return [message["content"] for message in history or ()]


def told(error: BaseException) -> str:
    """All that a person or a log is shown of an error, notes and traceback included."""
    shown = "\n".join(traceback.format_exception(error))
    return "\n".join([str(error), repr(error), *getattr(error, "__notes__", []), shown])


def survives_pickling(error: BaseException) -> BaseException:
    """The error after a trip to another process: the same text and, if it left a chat, the same transcript."""
    data = pickle.dumps(error)
    assert CANARY.encode() not in data
    again: BaseException = pickle.loads(data)
    assert type(again) is type(error)
    assert str(again) == str(error)
    run = getattr(error, "run", None)
    if run is not None:
        assert texts(again.run) == texts(run)  # type: ignore[attr-defined]
        assert again.run.stop_reason == run.stop_reason  # type: ignore[attr-defined]
    return again


class Watch:
    """Everything that leaves the library while a test runs: events, log lines, printed lines."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.log = io.StringIO()
        self.printed = io.StringIO()

    def assert_without_the_key(self, *folders: Path) -> None:
        """The API key is in nothing that was told and in no file of these folders."""
        assert CANARY not in self.printed.getvalue()
        assert CANARY not in self.log.getvalue()
        assert all(CANARY not in repr(event) for event in self.events)
        for folder in folders:
            for at, _, names in os.walk(folder):
                for name in names:
                    assert CANARY.encode() not in Path(at, name).read_bytes(), name


@contextlib.contextmanager
def watching() -> Iterator[Watch]:
    watch = Watch()
    handler = logging.StreamHandler(watch.log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with autogen.observing(watch.events.append), contextlib.redirect_stdout(watch.printed):
            yield watch
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


def refused(make: Any, *phrases: str) -> BaseException:
    """The one clear error of `make()`: a ConfigError whose text holds the phrases, and which can be pickled."""
    with pytest.raises(ConfigError) as caught:
        make()
    for phrase in phrases:
        assert phrase in str(caught.value), str(caught.value)
    survives_pickling(caught.value)
    return caught.value
