"""What programs put on their agents is theirs: attributes of any name, and 0.2's private methods."""

import threading
from typing import Any

import pytest

from autogen import ConversableAgent
from autogen.testing import DRIVERS, driven

Shown = list[tuple[Any, str, int]]


class Window(ConversableAgent):
    """Shows each message as a web page would: by overriding the method that 0.2 calls for it."""

    def __init__(self, name: str, shown: Shown) -> None:
        super().__init__(name, llm_config=False, human_input_mode="NEVER", default_auto_reply="heard", silent=True)
        self.shown = shown
        self.state, self.code, self.limited, self.override = "idle", "A1", True, {}
        self.own_hooks = self.standard_chain = self.tool_specs = None

    def _process_received_message(self, message: Any, sender: Any, silent: Any) -> None:
        self.shown.append((message, sender.name, threading.get_ident()))
        super()._process_received_message(message, sender, silent)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_window_sees_every_message_once_on_the_thread_of_its_chat(driver: str) -> None:
    shown: Shown = []
    one, two = Window("one", shown), Window("two", shown)
    result = driven(driver)(one.initiate_chat, two, message="hello", max_turns=2)
    assert [(message, sender) for message, sender, _ in shown] == [
        ("hello", "one"), ("heard", "two"), ("heard", "one"), ("heard", "two"),
    ]  # fmt: skip
    assert len({thread for *_, thread in shown}) == 1
    assert [message["content"] for message in result.chat_history] == ["hello", "heard", "heard", "heard"]
    assert (one.state, one.code) == ("idle", "A1")
