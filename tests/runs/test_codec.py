"""Answers of effects are written and read as they were, and nothing that a program or model says passes for a type."""

import datetime
import importlib
import json
import pkgutil
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autogen.conversation
from autogen.coding.base import CodeResult, CommandLineCodeResult, IPythonCodeResult
from autogen.conversation.sending import Said, plain
from autogen.core.code import CodeOutcome
from autogen.core.errors import AutogenError, LimitReached, RunPaused
from autogen.core.model import (
    Media,
    ModelMessage,
    ModelReply,
    Opaque,
    Other,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from autogen.core.result import ChatResult
from autogen.core.stop import StopReason
from autogen.core.tools import ToolOutcome
from autogen.core.wire import MessageDict
from autogen.models.errors import BrokenStream, ModelTimeout, RateLimited
from autogen.runs import error_codec, shapes
from autogen.runs.codec import decode, decode_error, encode, encode_error
from autogen.runs.errors import (
    Damaged,
    JournalError,
    JournalUnusable,
    NotStorable,
    RecordedError,
    UnboundAgent,
    UnknownFormat,
)
from autogen.runs.redact import Redactor
from autogen.tools.errors import ArgumentsError

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(["type", "value"]), inner),
    max_leaves=12,
)


class Agent:
    def __init__(self, name: str) -> None:
        self.name = name

    def generate_reply(self) -> str:
        return ""


def again(value: object, agents: Mapping[str, object] | None = None) -> Any:
    return decode(encode(value, "it"), "it", (agents or {}).get)


def refused(value: object) -> tuple[str, str]:
    with pytest.raises(NotStorable) as caught:
        encode(value, "the function")
    assert caught.value.what == "the function"
    return caught.value.field, caught.value.kind


def typed(value: Any) -> Any:
    """The value with the class of each part, so that 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, dict):
        return [(name, typed(item)) for name, item in value.items()]
    return (type(value), repr(value))


# ---- plain JSON ----------------------------------------------------------------------------------------------------


@given(JSON)
def test_any_json_comes_back_unchanged_and_constructs_nothing(value: Any) -> None:
    assert typed(again(value)) == typed(value)


@given(st.sampled_from(shapes.TYPES), JSON)
def test_what_looks_like_a_type_stays_a_dict(tag: str, value: Any) -> None:
    for looks in ({"type": tag, "value": value}, [{"type": tag, "value": value}], {"x": {"type": tag, "value": value}}):
        assert typed(again(looks)) == typed(looks)


def test_the_type_stands_outside_the_value() -> None:
    assert encode({"a": 1}, "it") == b'{"type":"json","value":{"a":1}}'


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**70), 10**300])
def test_a_big_integer_keeps_every_digit(number: int) -> None:
    assert again([number]) == [number]


def test_half_a_surrogate_pair_comes_back() -> None:
    broken = "a\ud800b"
    assert again({"text": broken}) == {"text": broken}
    assert again((Said(broken, "model"), 1)) == ({"content": broken}, 1)
    reply = ModelReply(message=ModelMessage("assistant", (Text(broken),)), finish="stop")
    assert again(reply).message.text == broken


def test_subclasses_are_stored_as_what_they_derive_from() -> None:
    class Words(str):
        __slots__ = ()

    class Rows(list[int]):
        pass

    found = again({"a": Words("x"), "b": Rows([1]), "c": StopReason.TERMINATION})
    assert found == {"a": "x", "b": [1], "c": "termination"}
    assert [type(found[key]) for key in "abc"] == [str, list, str]


# ---- what is refused -----------------------------------------------------------------------------------------------


class Point(msgspec.Struct):
    x: int


@pytest.mark.parametrize(
    ("value", "field", "kind"),
    [
        ({"rows": [1, 2, 3, {"when": datetime.datetime(2026, 1, 1)}]}, "$.rows[3].when", "datetime"),  # noqa: DTZ001
        ({"x": float("nan")}, "$.x", "NaN"),
        ([float("inf")], "$[0]", "Infinity"),
        (-float("inf"), "$", "-Infinity"),
        (b"x", "$", "bytes"),
        ({"odd key": {1}}, "$['odd key']", "set"),
        ({"a": {1: 2}}, "$.a", "a dict with a key of type int"),
        ((True, {"p": Point(1)}), "$[1].p", "Point"),
        (Decimal(1), "$", "Decimal"),
        (Point, "$", "StructMeta"),
        ([shapes.Tagged("agent", "root")], "$[0]", "Tagged"),
    ],
)
def test_what_is_no_json_is_refused_by_its_path(value: object, field: str, kind: str) -> None:
    assert refused(value) == (field, kind)


def test_a_pydantic_model_and_a_dataclass_are_refused() -> None:
    from dataclasses import make_dataclass

    from pydantic import create_model

    assert refused([create_model("Form", x=(int, 1))()]) == ("$[0]", "Form")
    assert refused([make_dataclass("Card", [])()]) == ("$[0]", "Card")


def test_a_value_that_holds_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "deep" in refused(ring)[1]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        (ModelReply(message=ModelMessage("assistant", (Text(None),)), finish="stop"), "$.message.parts[0].text"),  # type: ignore[arg-type]
        (ModelReply(message=ModelMessage("assistant", ()), finish="done"), "$.finish"),  # type: ignore[arg-type]
        (ModelReply(message=ModelMessage("assistant", ()), finish="stop", cost=float("nan")), "$.cost"),
        (ModelReply(message=ModelMessage("assistant", ()), finish="stop", extra={"x": b""}), "$.extra.x"),
        (
            ModelReply(message=ModelMessage("assistant", (Other(Opaque("p", {1})),)), finish="stop"),
            "$.message.parts.opaque.data",
        ),
        (ToolOutcome(name="x", content=3), "$.content"),  # type: ignore[arg-type]
        (ToolOutcome(name="x", content=b"abc"), "$.content"),  # type: ignore[arg-type]
        (CodeOutcome(exit_code=0, output="", seconds=float("nan")), "$.seconds"),
    ],
)
def test_a_reply_or_outcome_with_a_wrong_field_is_refused(value: object, field: str) -> None:
    assert refused(value)[0] == field


# ---- types ---------------------------------------------------------------------------------------------------------


def test_a_model_reply_comes_back_without_its_memo() -> None:
    parts = (
        Reasoning("hm", Opaque("anthropic", {"signature": "x", "n": [1, None]})),
        Text("hi"),
        Media(url="data:image/png;base64,AA==", mime="image/png"),
        ToolCall("c1", "pay", '{"n": 1}'),
        ToolResult("c1", "pay", "ok"),
        Other(Opaque("google", {"type": "agent", "value": "x"})),
    )
    message = ModelMessage("assistant", parts, "bob", {"annotations": []})
    message.memo()["chat"] = b"POISON"
    reply = ModelReply(
        message=message, finish="tools", raw_finish="tool_calls", usage=Usage(input=3, output=2, requests=1),
        model="m", id="i", created=7, choices=(message, message), finishes=("a", None), cost=0.25, config_id=1,
        cached=True, extra={"service_tier": "default"},
    )  # fmt: skip
    data = encode(reply, "it")
    assert b"POISON" not in data
    found = decode(data, "it")
    assert isinstance(found, ModelReply)
    assert shape_of(found) == shape_of(reply)
    assert found.message.encoded is None


def shape_of(reply: ModelReply) -> Any:
    fields = msgspec.structs.asdict(reply)
    bare = [(one.role, one.parts, one.name, one.extra) for one in (reply.message, *reply.choices)]
    return {**fields, "message": bare, "choices": len(reply.choices)}


def test_the_one_choice_of_a_reply_is_written_once_and_stays_its_message() -> None:
    message = ModelMessage("assistant", (Text("said once"),))
    data = encode(ModelReply(message=message, finish="stop", choices=(message,)), "the model")
    assert data.count(b"said once") == 1
    reply = decode(data, "the answer")
    assert isinstance(reply, ModelReply)
    assert reply.choices == (reply.message,)


def test_a_stored_reply_cannot_bring_request_bytes() -> None:
    message = b'{"role":"assistant","parts":[],"encoded":{"chat":"x"}}'
    planted = b'{"type":"model_reply","value":{"message":' + message + b',"finish":"stop"}}'
    with pytest.raises(Damaged, match="encoded"):
        decode(planted, "the answer")


def test_each_form_has_the_fields_of_its_value() -> None:
    assert {*shapes.ReplyForm.__struct_fields__} - {"chosen"} == set(ModelReply.__struct_fields__)
    assert {*shapes.MessageForm.__struct_fields__, "encoded"} == set(ModelMessage.__struct_fields__)
    assert shapes.ChatForm.__struct_fields__ == tuple(ChatResult.__dataclass_fields__)


@pytest.mark.parametrize(
    "value",
    [
        ToolOutcome(name="pay", content="done", is_error=True, why="error"),
        CodeOutcome(exit_code=1, output="x", why="error", files=("a.png",), seconds=0.5),
        CodeResult(exit_code=0, output="x"),
        CommandLineCodeResult(exit_code=1, output="x", code_file="a.py", sandbox="bwrap"),
        IPythonCodeResult(exit_code=0, output="x", output_files=["a.png"]),
        (True, "hi"),
        (False, None),
        (),
        ((1, (2, [3, (4,)])), {"a": ("b",)}),
    ],
)
def test_outcomes_and_tuples_come_back(value: object) -> None:
    found = again(value)
    assert found == value
    assert type(found) is type(value)


def test_a_message_keeps_its_origin_and_its_kind() -> None:
    yes, said = again((True, Said("hi", "tool")))
    assert yes is True and type(said) is Said and said.origin == "tool" and plain(said) == "hi"
    assert plain(again(Said({"content": "hi"}, "program"))) == {"content": "hi"}
    kept = again([MessageDict({"content": "x", "role": "user", "name": "a"}, "retrieved"), {"content": "y"}])
    assert type(kept[0]) is MessageDict and kept[0].origin == "retrieved" and kept[0]["name"] == "a"
    assert type(kept[1]) is dict


def test_an_agent_is_bound_again_by_its_name() -> None:
    bob = Agent("bob")
    assert again(bob, {"bob": bob}) is bob
    assert again({"next": bob, "n": 1}, {"bob": bob}) == {"next": bob, "n": 1}


@pytest.mark.parametrize("agents", [None, {}.get, {}.__getitem__])
def test_an_agent_that_is_missing_is_named(agents: Any) -> None:
    with pytest.raises(UnboundAgent, match="'bob'"):
        decode(encode(Agent("bob"), "it"), "the speaker", agents)


def test_a_chat_result_comes_back() -> None:
    result = ChatResult(
        chat_id=3,
        chat_history=[{"content": "hi", "role": "user"}, MessageDict({"content": "x"}, "tool")],
        summary="s",
        cost={"usage_including_cached_inference": {"total_cost": 0.5}},
        human_input=["y"],
        stop_reason=StopReason.MAX_TURNS,
        run_id="r/2",
        usage={"bob": Usage(input=1)},
        usd=None,
        seconds=1.5,
    )
    found = again(result)
    assert isinstance(found, ChatResult)
    assert vars(found) == vars(result)
    assert found.stop_reason is StopReason.MAX_TURNS
    assert found.chat_history is not None and found.chat_history[1].origin == "tool"  # type: ignore[attr-defined]


# ---- hostile data --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"null", b"\xff", b"[" * 100_000, b'{"type":"json"}', b'{"type":"json","value":NaN}',
        b'{"type":"json","value":["\\ud800",NaN]}', b'{"type":"json","value":1,"more":2}',
        b'{"type":"agent","value":1}',
        b'{"type":"tuple","value":{"a":1}}', b'{"type":"tuple","value":[1]}', b'{"type":"tuple","value":' * 5000,
        b'{"type":"dict","value":{"a":{"type":"json"}}}', b'{"type":"json","value":["\\ud800",' + b"[" * 9999,
        b'{"type":"message","value":{"origin":"root","said":true,"bare":true,"fields":{"type":"json","value":{}}}}',
        b'{"type":"message","value":{"origin":"model","said":true,"bare":true,"fields":{"type":"json","value":{"content":3}}}}',
        b'{"type":"message","value":{"origin":"model","said":false,"bare":false,"fields":{"type":"json","value":[]}}}',
        b'{"type":"tool_outcome","value":{"name":1}}', b'{"type":"code_result","value":{"exit_code":"os.system"}}',
        b'{"type":"model_reply","value":{}}', b'{"type":"chat_result","value":{}}',
    ],
)  # fmt: skip
def test_malformed_data_is_damaged(data: bytes) -> None:
    with pytest.raises(Damaged, match="the answer"):
        decode(data, "the answer")
    with pytest.raises((Damaged, UnknownFormat)):
        decode_error(data, "the answer")


@pytest.mark.parametrize("tag", ["os.system", "Agent", "builtins.eval", "", "JSON", "usage"])
def test_an_unknown_type_is_refused_by_name(tag: str) -> None:
    with pytest.raises(UnknownFormat, match=r"the answer is of format type .*tool_outcome"):
        decode(json.dumps({"type": tag, "value": "x"}).encode(), "the answer")


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (decode, decode_error):
        with pytest.raises(JournalError):
            read(data, "it")


@given(st.sampled_from(shapes.TYPES), JSON)
def test_any_value_under_any_type_is_read_or_refused(tag: str, value: Any) -> None:
    data = json.dumps({"type": tag, "value": value}).encode()
    try:
        assert tag in ("json", "agent") or decode(data, "it") is not None
    except JournalError as error:
        assert "it" in str(error)


# ---- errors --------------------------------------------------------------------------------------------------------


def recall(error: BaseException) -> BaseException:
    return decode_error(encode_error(error), "it")


def test_a_model_error_keeps_its_facts() -> None:
    error = RateLimited("slow down", status=429, code="x", endpoint="http://h", model="m", headers={"retry-after": "3"})
    error.retry_after = 3.0
    error.run = object()
    found = recall(error)
    assert type(found) is RateLimited
    assert str(found) == str(error)
    assert (found.status, found.retry_after, found.headers) == (429, 3.0, {"retry-after": "3"})
    assert found.run is None


def test_a_broken_stream_keeps_what_had_arrived() -> None:
    error = BrokenStream("cut")
    error.partial = ModelReply(message=ModelMessage("assistant", (Text("par"),)), finish="error")
    found = recall(error)
    assert isinstance(found, BrokenStream)
    assert found.partial is not None and found.partial.message.text == "par"


@pytest.mark.parametrize(
    "error",
    [
        ModelTimeout("late"), LimitReached("budget_usd", "no money"), RunPaused("r", ("q1", "q2")),
        ArgumentsError("pay", "bad", syntax=True), JournalUnusable("runs.db", "full", "make room"),
        NotStorable("f", "$", "set"), RecordedError("my.Error", "text"), ValueError("x", 1), KeyError(("a", 2)),
        FileNotFoundError(2, "No such file", "gone.txt"), TimeoutError(), ZeroDivisionError("division by zero"),
        UserWarning("hm"),
    ],
)  # fmt: skip
def test_an_error_comes_back_as_what_it_was(error: BaseException) -> None:
    found = recall(error)
    assert type(found) is type(error)
    assert str(found) == str(error)
    assert found.__dict__ == error.__dict__
    assert getattr(found, "filename", None) == getattr(error, "filename", None)


def undecodable() -> UnicodeDecodeError:
    return UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid")


class Mine(Exception):
    pass


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (Mine("hi"), f"{__name__}.Mine", "hi"),
        (KeyboardInterrupt(), "KeyboardInterrupt", ""),
        (StopIteration(3), "StopIteration", "3"),
        (ExceptionGroup("two", [ValueError()]), "ExceptionGroup", "two (1 sub-exception)"),
        (undecodable(), "UnicodeDecodeError", str(undecodable())),
        (Mute(), f"{__name__}.Mute", "(its text cannot be had: RuntimeError)"),
    ],
)
def test_any_other_error_is_kept_as_kind_and_text(error: BaseException, kind: str, text: str) -> None:
    found = recall(error)
    assert isinstance(found, RecordedError)
    assert (found.kind, found.text) == (kind, text)


def test_an_argument_that_is_no_json_is_kept_as_text() -> None:
    found = recall(KeyError(Decimal("1.5")))
    assert type(found) is KeyError
    assert found.args == ("1.5",)


def test_secrets_in_errors_are_redacted() -> None:
    key, canary = "sk-proj-abcDEF1234567890abcd", "correct\nhorse"
    error = RateLimited(f"bad key {key}", body={"message": f"said {key}", "api_key": "whatever-it-is"})
    for raised in (error, ValueError(key, canary), Mine(f"{key} {canary}"), KeyError(key)):
        raised.add_note(f"seen {key} and {canary}")
        data = encode_error(raised, Redactor([canary]))
        assert key.encode() not in data
        assert b"horse" not in data
        assert b"whatever" not in data
        assert b"[redacted:api-key]" in data
        assert key not in str(decode_error(data, "it"))
    assert key.encode() not in encode_error(error)


@pytest.mark.parametrize(
    ("table", "name"),
    [("builtin", "KeyboardInterrupt"), ("builtin", "eval"), ("autogen", "Agent"), ("os", "system"), ("json", "x")],
)
def test_an_unknown_error_is_refused_by_name(table: str, name: str) -> None:
    nothing = {"type": "tuple", "value": []}
    value = {"name": name, "args": nothing, "facts": {"type": "json", "value": {}}}
    with pytest.raises(UnknownFormat, match=name):
        decode_error(json.dumps({"type": table, "value": value}).encode(), "it")


@pytest.mark.parametrize(
    ("name", "args", "facts"),
    [("LimitReached", [], {}), ("RunPaused", ["r", 5], {"questions": 5}), ("LimitReached", ["a", "b"], {"detail": 5})],
)
def test_an_error_of_wrong_arguments_is_damaged(name: str, args: list[Any], facts: dict[str, Any]) -> None:
    items = {"type": "tuple", "value": [{"type": "json", "value": item} for item in args]}
    value = {"name": name, "args": items, "facts": {"type": "json", "value": facts}}
    with pytest.raises(Damaged, match="it is damaged"):
        decode_error(json.dumps({"type": "autogen", "value": value}).encode(), "it")


def subclasses(kind: type) -> set[type]:
    return {kind}.union(*(subclasses(child) for child in kind.__subclasses__()))


def test_every_error_of_ours_that_a_run_can_raise_has_its_place() -> None:
    for module in pkgutil.walk_packages(autogen.conversation.__path__, "autogen.conversation."):
        importlib.import_module(module.name)  # whatever other tests have loaded
    tables = [error_codec._errors_in(module) for module in error_codec.MODULES]
    names = [name for table in tables for name in table]
    assert sorted(names) == sorted(set(names)), "a name stands for one class"
    above = ("autogen.runtime", "autogen.agents", "autogen.testing", "autogen.cli")
    homeless = {
        kind.__qualname__
        for kind in subclasses(AutogenError)
        if kind.__module__.startswith("autogen.") and not kind.__module__.startswith(above)
        and kind.__module__ not in error_codec.MODULES
    }  # fmt: skip
    assert homeless <= {"UncacheableValue"}
