"""The programs of `human`, begun with `a_initiate_chat`: sync and async are one behaviour.

In 0.2 they were not: in an asynchronous chat both twins of the first reply function ran, so a person who pressed Enter was asked twice,
every automatic reply counted twice, and the notice of it was printed twice. So these are compared with the synchronous goldens.
"""

from __future__ import annotations

import asyncio
from typing import Any

import human
from scenario import SCENARIOS, Scenario

INSTANT = ("get_human_input_directly",)
"""Scenarios that begin no chat."""


def start(sender: Any, recipient: Any, **options: Any) -> Any:
    """Begin the chat on a loop of its own."""
    return asyncio.run(sender.a_initiate_chat(recipient, **options))


human.start = start
for name, original in list(SCENARIOS.items()):
    if name in INSTANT:
        del SCENARIOS[name]
    else:
        SCENARIOS[name] = Scenario(original.play, original.replies, original.inputs, like=f"human.{name}")
