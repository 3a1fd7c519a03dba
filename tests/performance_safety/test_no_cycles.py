"""Values that the garbage collector does not look at: nothing that they hold may lead back to them."""

import gc

import pytest
from msgspec import Struct

from autogen.core.model import ModelMessage, ModelReply, Text, ToolCall, ToolResult
from autogen.models.transport import HttpReply, HttpRequest
from autogen.models.usage import Line, Sum


@pytest.mark.parametrize(
    "value",
    [
        ModelMessage("user", (Text("a"),), extra={"b": []}),
        ModelReply(message=ModelMessage("assistant", (ToolCall("1", "add", "{}"),)), finish="tools", extra={"b": []}),
        ToolResult("1", "add", "2"),
        HttpRequest(url="http://example.org", headers={"a": "b"}, body=b"{}"),
        HttpReply(status=200, headers={"a": "b"}),
        Sum(1.0, (Line("gpt-4o", 1.0, 1, 2, 3),)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_thousand_chats_do_not_keep_the_collector_busy(value: Struct) -> None:
    assert not gc.is_tracked(value)
    assert type(value).__struct_config__.frozen, "nothing can be put into it later"
