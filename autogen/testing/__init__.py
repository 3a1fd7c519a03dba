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

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autogen.models.scripted import Line as Line
    from autogen.models.scripted import ScriptError as ScriptError
    from autogen.testing.chaos import ChaosCase as ChaosCase
    from autogen.testing.chaos import ChaosFailed as ChaosFailed
    from autogen.testing.chaos import ChaosReport as ChaosReport
    from autogen.testing.chaos import chaos as chaos
    from autogen.testing.clock import VirtualClock as VirtualClock
    from autogen.testing.driven import DRIVERS as DRIVERS
    from autogen.testing.driven import Driven as Driven
    from autogen.testing.driven import DriverName as DriverName
    from autogen.testing.driven import driven as driven
    from autogen.testing.human import HumanScriptError as HumanScriptError
    from autogen.testing.human import SaidLine as SaidLine
    from autogen.testing.human import ScriptedHuman as ScriptedHuman
    from autogen.testing.network import NetworkClosed as NetworkClosed
    from autogen.testing.network import closed_network as closed_network
    from autogen.testing.play import Asked as Asked
    from autogen.testing.play import PlayError as PlayError
    from autogen.testing.play import asks as asks
    from autogen.testing.play import called as called
    from autogen.testing.play import play as play
    from autogen.testing.recorded import RecordingDiffers as RecordingDiffers
    from autogen.testing.recorded import recorded as recorded
    from autogen.testing.script import Script as Script
    from autogen.testing.script import ScriptedModel as ScriptedModel

_HOMES = {
    "Line": "models.scripted",
    "ScriptError": "models.scripted",
    "ChaosCase": "testing.chaos",
    "ChaosFailed": "testing.chaos",
    "ChaosReport": "testing.chaos",
    "chaos": "testing.chaos",
    "VirtualClock": "testing.clock",
    "DRIVERS": "testing.driven",
    "Driven": "testing.driven",
    "DriverName": "testing.driven",
    "driven": "testing.driven",
    "HumanScriptError": "testing.human",
    "SaidLine": "testing.human",
    "ScriptedHuman": "testing.human",
    "NetworkClosed": "testing.network",
    "closed_network": "testing.network",
    "Asked": "testing.play",
    "PlayError": "testing.play",
    "asks": "testing.play",
    "called": "testing.play",
    "play": "testing.play",
    "RecordingDiffers": "testing.recorded",
    "recorded": "testing.recorded",
    "Script": "testing.script",
    "ScriptedModel": "testing.script",
}

__all__ = [*_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


class _Testing(ModuleType):
    """Some functions are called as their modules are: the name means the function, whoever imported the module."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and name in _HOMES:
            return  # the import system's; the function is found when it is asked for
        super().__setattr__(name, value)


def __getattr__(name: str) -> Any:
    """Loaded when first used: every run of pytest imports this package, for its plugin."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'autogen.testing' has no attribute {name!r}")
    value = getattr(import_module(f"autogen.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})


sys.modules[__name__].__class__ = _Testing
