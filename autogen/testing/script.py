"""A scripted model as tests use it: the lines, and the `llm_config` that lets agents speak them.

Refuses to know how lines are matched; that is `models/scripted.py`.
"""

from typing import Any

from autogen.models import scripted


class Script(scripted.Script):
    """What models are to answer, in order: texts, dicts with the fields of `Line`, or `Line`s.

    A line may name its `agent` and `purpose`; each request takes the first unused line addressed to it. A request
    without a line raises `ScriptError` at once; `with Script(...)` raises it at the end when lines are left over.
    `requests` holds (agent, purpose, request) of all requests so far.
    """

    @property
    def llm_config(self) -> dict[str, Any]:
        """For any number of agents: they share this script. Nothing is cached."""
        return {
            "config_list": [{"model": "scripted", "api_type": "scripted", "script": self}],
            "cache_seed": None,
        }


ScriptedModel = Script
"""The same under the name that goes with `ScriptedHuman`."""
