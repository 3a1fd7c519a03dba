"""Tests for programs that use autogen: scripted models and people, stories, recordings, a clock, chaos.

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

`play` tests a conversation of your own, effect by effect. `recorded` plays a stretch of a program from a file; the
pytest plugin (`autogen.testing.plugin`) plays whole files. `chaos` breaks a program at every effect. Nothing here needs
a network, and only the plugin needs pytest.
"""

from autogen.models.scripted import Line, ScriptError
from autogen.testing.chaos import ChaosCase, ChaosReport, chaos
from autogen.testing.clock import VirtualClock
from autogen.testing.driven import DRIVERS, Driven, DriverName, driven
from autogen.testing.human import HumanScriptError, SaidLine, ScriptedHuman
from autogen.testing.network import NetworkClosed, closed_network
from autogen.testing.play import Asked, PlayError, asks, called, play
from autogen.testing.recorded import RecordingDiffers, recorded
from autogen.testing.script import Script

ScriptedModel = Script
"""The same under the name that goes with `ScriptedHuman`."""

__all__ = [
    "DRIVERS",
    "Asked",
    "ChaosCase",
    "ChaosReport",
    "Driven",
    "DriverName",
    "HumanScriptError",
    "Line",
    "NetworkClosed",
    "PlayError",
    "RecordingDiffers",
    "SaidLine",
    "Script",
    "ScriptError",
    "ScriptedHuman",
    "ScriptedModel",
    "VirtualClock",
    "asks",
    "called",
    "chaos",
    "closed_network",
    "driven",
    "play",
    "recorded",
]
