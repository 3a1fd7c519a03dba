"""Tests for programs that use autogen: scripted models, stories, and one test body under every driver.

    import pytest
    from autogen import AssistantAgent, UserProxyAgent
    from autogen.testing import DRIVERS, Driven, Script, driven

    @pytest.fixture(params=DRIVERS)
    def drive(request: pytest.FixtureRequest) -> Driven:
        return driven(request.param)

    def test_the_assistant_answers(drive: Driven) -> None:
        with Script([{"agent": "assistant", "expect": "6*7", "text": "42. TERMINATE"}]) as script:
            assistant = AssistantAgent("assistant", llm_config=script.llm_config)
            user = UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)
            result = drive(user.initiate_chat, assistant, message="What is 6*7?", max_turns=1)
        assert result.summary == "42. "

`play` tests a conversation of your own, effect by effect. Nothing here needs a network, a clock or pytest.
"""

from autogen.models.scripted import Line, ScriptError
from autogen.testing.driven import DRIVERS, Driven, DriverName, driven
from autogen.testing.play import Asked, PlayError, asks, called, play
from autogen.testing.script import Script

__all__ = [
    "DRIVERS",
    "Asked",
    "Driven",
    "DriverName",
    "Line",
    "PlayError",
    "Script",
    "ScriptError",
    "asks",
    "called",
    "driven",
    "play",
]
