"""What an approval needs to know of a tool: how its arguments read, their schema, where it works.

Decides which tools need a person. Refuses to know how people are asked.
"""

import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from msgspec import Struct

from autogen.core.approval import Approval, json_text
from autogen.core.errors import ToolError
from autogen.tools.arguments import accepts, bind_arguments, parse_arguments
from autogen.tools.declare import Tool, tool_marks


class ToolToApprove(Struct, frozen=True, eq=False):
    """One tool that needs a person's approval: the `ToApprove` of `conversation.approval`."""

    name: str
    tool: Any
    """The function as it was registered, or a `Tool`."""

    def read(self, text: str) -> str:
        """`text` as canonical arguments that the tool takes. Raises ArgumentsError (a ValueError)."""
        taken = accepts(self.tool)
        values = parse_arguments(taken, text, self.name)
        bind_arguments(taken, values, self.name)
        return json_text(values)

    def approval(self, arguments: str) -> Approval:
        """What is to be approved: a call with these arguments."""
        return Approval(
            tool=self.name,
            arguments=arguments,
            sandbox=self._told("sandbox"),
            work_dir=os.path.abspath(folder) if (folder := self._told("work_dir")) else "",  # noqa: PTH100 - links stay
            parameters=self._parameters(),
        )

    def _parameters(self) -> Mapping[str, Any] | None:
        tool = self.tool
        if isinstance(tool, Tool) and tool.parameters is not None:
            return tool.parameters
        if not tool_marks(tool).validate:
            return None
        from autogen.tools.schema import parameters_schema

        try:
            return parameters_schema(tool.function if isinstance(tool, Tool) else tool)
        except ToolError:  # a function of a plain function_map may have types that no schema tells
            return None

    def _told(self, name: str) -> str:
        """What the tool, or the object that it is a method of, says of itself under this name."""
        function = self.tool.function if isinstance(self.tool, Tool) else self.tool
        inner = getattr(function, "func", function)
        for holder in (function, inner, getattr(inner, "__self__", None)):
            value: Any = getattr(holder, name, None)
            if isinstance(value, (str, PurePath)) and str(value):
                return str(value)
        return ""


def to_approve(name: str, tool: Any) -> ToolToApprove | None:
    """The tool, if a person has to approve each of its calls."""
    return ToolToApprove(name, tool) if tool_marks(tool).approval else None
