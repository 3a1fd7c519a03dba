"""The sandbox ladder: run a program where it can do little harm.

`choose()` gives the strongest rung that really works here; `Sandbox.run` runs a program in it. Nothing ever falls
back to a weaker rung once chosen.
"""

from autogen.coding.sandbox.errors import SandboxPolicyError, SandboxUnavailable, UnsafePathError
from autogen.coding.sandbox.policy import Limits, Outcome, Policy, Rung, Sandbox, Why
from autogen.coding.sandbox.probe import choose, describe
from autogen.coding.sandbox.safe_files import read_inside, reserved_module, write_inside

__all__ = [
    "Limits",
    "Outcome",
    "Policy",
    "Rung",
    "Sandbox",
    "SandboxPolicyError",
    "SandboxUnavailable",
    "UnsafePathError",
    "Why",
    "choose",
    "describe",
    "read_inside",
    "reserved_module",
    "write_inside",
]
