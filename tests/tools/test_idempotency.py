"""A tool that asks for an idempotency key gets one; the model neither sees nor sets it."""

from typing import Annotated, Any

import pytest

import autogen
from autogen.core.effects import CallTool
from autogen.core.model import ToolCall
from autogen.drivers.blocking import perform
from autogen.tools.arguments import accepts
from autogen.tools.call import call_tool
from autogen.tools.declare import Tool
from autogen.tools.errors import UnsupportedType
from autogen.tools.schema import get_function_schema


def pay(amount: int, key: autogen.IdempotencyKey, note: str = "") -> str:
    """Pay."""
    return f"{amount} {note}|{type(key).__name__}|{key}"


def called(tool: Any, arguments: str, key: str = "") -> Any:
    effect = CallTool("user", ToolCall("c", "pay", arguments), tool, key=key)
    return perform(call_tool(effect, lambda event: None))


def test_the_model_is_not_told_of_the_key() -> None:
    schema = get_function_schema(pay, description="Pay.")["function"]["parameters"]
    assert list(schema["properties"]) == ["amount", "note"] and schema["required"] == ["amount"]


def test_the_key_of_the_journal_is_handed_over() -> None:
    assert called(pay, '{"amount": 1}', "k1").content == "1 |IdempotencyKey|k1"


def test_without_a_journal_each_call_has_a_key_of_its_own() -> None:
    first, second = (called(pay, '{"amount": 1}').content.rpartition("|")[2] for _ in range(2))
    assert first != second and len(first) == len(second) == 32


def test_the_model_cannot_set_the_key() -> None:
    outcome = called(pay, '{"amount": 1, "key": "mine"}', "k1")
    assert outcome.is_error and "no such parameter" in outcome.content


def test_unchecked_tools_get_their_key_too_and_the_model_cannot_set_it() -> None:
    loose = autogen.tool(validate=False)(lambda amount, *, key: f"{amount} {key}")
    loose.__annotations__["key"] = autogen.IdempotencyKey
    assert called(loose, '{"amount": "x"}', "k1").content == "x k1"
    assert called(loose, '{"amount": "x", "key": "mine"}', "k1").is_error


def test_annotated_and_optional_keys_count() -> None:
    def other(
        first: Annotated[autogen.IdempotencyKey, "text"], second: autogen.IdempotencyKey | None = None, a: int = 1
    ) -> str:
        return f"{first} {second} {a}"

    assert accepts(other).keys == ("first", "second") and list(accepts(other).parameters) == ["a"]
    assert called(other, "{}", "k1").content == "k1 k1 1"


def test_a_tool_value_gets_its_key() -> None:
    assert called(Tool.of(pay, name="pay"), '{"amount": 2}', "k2").content == "2 |IdempotencyKey|k2"


def test_a_key_that_cannot_be_given_by_name_is_refused_at_registration() -> None:
    def bad(key: autogen.IdempotencyKey, /, amount: int) -> str:
        return ""

    with pytest.raises(UnsupportedType, match="by name"):
        get_function_schema(bad, description="Bad.")
