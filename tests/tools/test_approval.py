"""What an approval knows of a tool: which tools need one, how their arguments read, where they work."""

from pathlib import Path
from typing import Any

import pytest

import autogen
from autogen.tools.approval import to_approve
from autogen.tools.declare import Tool, ToolMarks
from autogen.tools.errors import ArgumentsError


def pay(amount: int, to: str = "eve") -> str:
    """Pay."""
    return f"{amount} {to}"


asking = autogen.tool(approval=True)


def test_only_marked_tools_need_an_approval() -> None:
    assert to_approve("pay", pay) is None
    assert to_approve("pay", Tool.of(pay)) is None
    assert to_approve("pay", asking(lambda: "")) is not None


def test_a_tool_value_may_need_one_and_shows_the_schema_that_it_was_given() -> None:
    schema = {"type": "object", "properties": {"amount": {"type": "number"}}}
    tool = Tool(name="pay", description="Pay.", function=pay, marks=ToolMarks(approval=True), parameters=schema)
    known = to_approve("pay", tool)
    assert known is not None
    assert known.approval(known.read('{"amount": 1, "extra": 2}')).form()["properties"]["arguments"] == {
        **schema, "additionalProperties": False
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{"to": "adam", "amount": 5}', '{"amount": 5, "to": "adam"}'),
        ('{"amount": 1, "amount": 2}', '{"amount": 2}'),
        ('{"amount": 5, "to": "\\ud83d"}', '{"amount": 5, "to": "\\ud83d"}'),
        ('{"amount": 123456789012345678901234567890}', '{"amount": 123456789012345678901234567890}'),
    ],
)
def test_arguments_are_shown_as_they_will_be_used(text: str, canonical: str) -> None:
    known = to_approve("pay", Tool.of(asking(lambda amount, to="": pay(amount, to)), name="pay", description="Pay."))
    assert known is not None
    assert known.read(text) == canonical and known.read(canonical) == canonical


def test_arguments_that_do_not_fit_are_refused() -> None:
    known = to_approve("pay", Tool(name="pay", description="Pay.", function=pay, marks=ToolMarks(approval=True)))
    assert known is not None
    with pytest.raises(ArgumentsError, match="amount"):
        known.read('{"to": "eve"}')


class Shell:
    """A tool that works in a directory, with a level of its own."""

    def __init__(self, work_dir: Any, sandbox: str) -> None:
        self.work_dir, self.sandbox = work_dir, sandbox

    @asking
    def run(self, command: str) -> str:
        """Run a command."""
        return command


def test_the_place_of_a_method_is_that_of_its_object(tmp_path: Path) -> None:
    bindings: set[str] = set()
    for shell in (Shell(tmp_path, "bwrap"), Shell(tmp_path / "other", "bwrap"), Shell(tmp_path, "off")):
        known = to_approve("run", Tool.of(shell.run))
        assert known is not None
        approval = known.approval('{"command": "ls"}')
        assert (approval.work_dir, approval.sandbox) == (str(shell.work_dir), shell.sandbox)
        bindings.add(approval.binding())
    assert len(bindings) == 3
