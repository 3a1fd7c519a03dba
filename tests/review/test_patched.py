"""What 0.2's own test suites do to agents: patched classes, mocks in place of methods, `super()` of private methods.

Refuses to know how overrides are found.
"""

import asyncio
from typing import Any
from unittest.mock import AsyncMock, MagicMock, patch

import pytest

import autogen
from autogen import ConversableAgent
from autogen.core.callables import is_async

ENTRY = {"model": "gpt-4", "api_key": "sk-test", "base_url": "http://127.0.0.1:9/v1", "max_retries": 0}
CONFIG = {"config_list": [ENTRY], "cache_seed": None}
ASKED = [{"role": "user", "content": "x"}]


def a_response(text: str) -> Any:
    message = MagicMock(content=text, tool_calls=None, function_call=None)
    return MagicMock(choices=[MagicMock(message=message, finish_reason="stop")], usage=None, cost=0.0)


@pytest.mark.parametrize("target", ["autogen.OpenAIWrapper.create", "autogen.oai.client.OpenAIWrapper.create"])
def test_a_create_patched_into_the_class_is_called_and_no_model(target: str) -> None:
    agent = ConversableAgent("bot", human_input_mode="NEVER", llm_config=CONFIG)
    with patch(target, side_effect=RuntimeError("patched")) as create, pytest.raises(RuntimeError, match="patched"):
        agent.generate_reply(messages=ASKED)
    assert create.call_count == 1


def test_mocks_stand_in_for_methods_in_both_kinds_of_chat() -> None:
    asking = ConversableAgent("asking", human_input_mode="NEVER")
    mocked = ConversableAgent("mocked", human_input_mode="NEVER")
    mocked.generate_reply = MagicMock(return_value="sync")  # type: ignore[method-assign]
    result = asking.initiate_chat(mocked, message="x", max_turns=1, silent=True)
    assert result.summary == "sync"
    mocked.a_generate_reply = AsyncMock(return_value="async")  # type: ignore[method-assign]
    result = asyncio.run(asking.a_initiate_chat(mocked, message="x", max_turns=1, silent=True))
    assert result.summary == "async"


def test_an_object_that_calls_an_async_function_by_itself_is_a_sync_callable() -> None:
    class Wrapped:
        def __init__(self, func: Any) -> None:
            self.func = func

        def __call__(self, *args: Any, **kwargs: Any) -> str:
            return "sync"

    async def inner() -> str:
        return "async"

    assert is_async(inner)
    assert not is_async(Wrapped(inner))


class Shows(ConversableAgent):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seen: list[Any] = []

    def _print_received_message(self, message: Any, sender: Any) -> None:
        self.seen.append(message)
        super()._print_received_message(message, sender)


def test_an_overridden_print_can_print_as_we_do(capsys: pytest.CaptureFixture[str]) -> None:
    asking = ConversableAgent("asking", human_input_mode="NEVER")
    shows = Shows("shows", human_input_mode="NEVER", default_auto_reply="hi")
    with autogen.observing(lambda event: None):
        asking.initiate_chat(shows, message="hello", max_turns=1)
    assert shows.seen == ["hello"]
    assert capsys.readouterr().out.startswith("asking (to shows):\n\nhello\n\n----")
