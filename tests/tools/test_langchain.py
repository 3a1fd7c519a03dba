from typing import Any

import pytest
from pydantic import BaseModel, Field

from autogen.core.effects import CallTool
from autogen.core.errors import ToolError
from autogen.core.model import ToolCall
from autogen.drivers.blocking import perform
from autogen.tools.arguments import read_arguments
from autogen.tools.call import call_tool
from autogen.tools.declare import Tool, tool_marks
from autogen.tools.langchain import from_langchain


class Query(BaseModel):
    text: str = Field(description="what to look for")
    limit: int = Field(default=3, gt=0)


class Search:
    name = "web search"
    description = "Looks things up."
    args_schema = Query

    def _run(self, text: str, limit: int = 3) -> str:
        return f"{text} x {limit}"


class Echo:
    name = "echo"
    description = "Says it again."
    args_schema = None

    def run(self, tool_input: str) -> str:
        return tool_input


def call(obj: Any, text: str) -> str:
    effect = CallTool("user", ToolCall("c", "f", text), from_langchain(obj))
    return perform(call_tool(effect, lambda event: None)).content


def test_its_schema_becomes_the_signature() -> None:
    function = from_langchain(Search(), repeat="free", timeout=5)
    assert Tool.of(function).schema()["function"] == {
        "description": "Looks things up.",
        "name": "web_search",
        "parameters": {
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "what to look for"},
                "limit": {"exclusiveMinimum": 0, "type": "integer", "default": 3, "description": "limit"},
            },
            "required": ["text"],
        },
    }
    assert (tool_marks(function).repeat, tool_marks(function).timeout) == ("free", 5)


def test_it_is_called_with_checked_arguments() -> None:
    assert call(Search(), '{"text": "cats", "limit": "2"}') == "cats x 2"
    assert call(Search(), '{"text": "cats"}') == "cats x 3"
    assert "limit: Input should be greater than 0" in call(Search(), '{"text": "cats", "limit": 0}')


def test_run_gets_all_arguments_as_one_dict() -> None:
    class Runs(Search):
        def run(self, tool_input: dict[str, Any]) -> str:
            return f"ran {tool_input}"

    assert call(Runs(), '{"text": "cats"}') == "ran {'text': 'cats'}"


def test_without_a_schema_it_takes_one_text() -> None:
    assert call(Echo(), '{"tool_input": "hello"}') == "hello"
    assert read_arguments(from_langchain(Echo()), '{"tool_input": 5}').kwargs == {"tool_input": "5"}


def test_what_is_no_such_tool_is_refused() -> None:
    with pytest.raises(ToolError, match="object is not a LangChain-like tool"):
        from_langchain(object())
