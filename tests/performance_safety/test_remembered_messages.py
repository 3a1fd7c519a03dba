"""Messages are rendered and encoded once: whatever a program changes in between must still reach the model.

Each story compares what is sent with what is sent for plain copies of the same messages, which nothing remembers.
"""

import gc
import json
import weakref
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.model import ModelMessage
from autogen.core.wire import KEPT_FROM, MessageDict, render, rendered
from autogen.models.chat_messages import encode_messages, join_messages
from autogen.models.profiles import OPENAI

SYSTEM: dict[str, Any] = {"role": "system", "content": "Be brief."}
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
TOOL_TURN: list[dict[str, Any]] = [
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "1", "tool_responses": [{"tool_call_id": "c1", "role": "tool", "content": "1"}]},
]
PICTURE: dict[str, Any] = {
    "role": "user",
    "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "http://x/a.png"}}],
}


def history(length: int) -> list[dict[str, Any]]:
    """`length` messages of all kinds, as an agent keeps them."""
    made: list[dict[str, Any]] = [SYSTEM, PICTURE]
    while len(made) < length:
        made += [{"role": "user", "content": f"number {len(made)}", "name": "user"}, *TOOL_TURN]
    return [MessageDict(deepcopy(message)) for message in made[:length]]


def sent(messages: list[dict[str, Any]]) -> list[Any]:
    """The messages of the request, with everything remembered that may be."""
    return msgspec.json.decode(b"[" + join_messages(render(messages), OPENAI) + b"]", type=list[Any])


def afresh(messages: list[dict[str, Any]]) -> list[Any]:
    """The same, nothing remembered."""
    plain = [deepcopy(dict(message)) for message in messages]
    return [msgspec.json.decode(raw) for raw in encode_messages(render(plain), OPENAI)]


def at(messages: list[dict[str, Any]], key: str) -> dict[str, Any]:
    return next(message for message in messages if key in message)


CHANGES: dict[str, Callable[[list[dict[str, Any]]], Any]] = {
    "a word": lambda known: known[2].__setitem__("content", "other words"),
    "a name": lambda known: known[2].update(name="somebody"),
    "a role": lambda known: known[2].__setitem__("role", "assistant"),
    "a role left as it is": lambda known: known[2].setdefault("role", "assistant"),
    "a name taken away": lambda known: known[2].pop("name"),
    "arguments of a call": lambda known: at(known, "tool_calls")["tool_calls"][0]["function"].update(arguments="{}"),
    "an id on both sides": lambda known: (
        at(known, "tool_calls")["tool_calls"][0].update(id="c2"),
        at(known, "tool_responses")["tool_responses"][0].update(tool_call_id="c2"),
    ),
    "a further call": lambda known: at(known, "tool_calls")["tool_calls"].append({**deepcopy(CALL), "id": "c9"}),
    "an answer": lambda known: at(known, "tool_responses")["tool_responses"][0].update(content="changed"),
    "an answer removed": lambda known: at(known, "tool_responses")["tool_responses"].clear(),
    "a part of a list": lambda known: known[1]["content"][0].update(text="look here"),
    "a picture": lambda known: known[1]["content"][1]["image_url"].update(url="http://x/b.png"),
    "a further part": lambda known: known[1]["content"].append({"type": "text", "text": "more"}),
    "the system message": lambda known: known[0].__setitem__("content", "Be long."),
    "a message taken out": lambda known: known.pop(2),
    "the second message taken out": lambda known: known.pop(1),
    "all but the last few": lambda known: known.__delitem__(slice(1, len(known) - 4)),
    "two changed places": lambda known: known.insert(2, known.pop(1)),
    "another dict in its place": lambda known: known.__setitem__(2, {"role": "user", "content": "a plain dict"}),
    "one message twice": lambda known: known.append(known[2]),
}


@pytest.mark.parametrize("length", [5, KEPT_FROM - 1, KEPT_FROM, KEPT_FROM + 1, 40])
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_program_changes_in_its_history_is_sent(change: str, length: int) -> None:
    known = history(length)
    for _ in range(3):
        assert sent(known) == afresh(known)
        known.append(MessageDict({"role": "assistant", "content": f"turn {len(known)}"}))
    CHANGES[change](known)
    for _ in range(3):
        assert sent(known) == afresh(known)
        known.append(MessageDict({"role": "user", "content": f"turn {len(known)}"}))


@given(st.lists(st.sampled_from(sorted(CHANGES)), max_size=6), st.integers(5, 30))
def test_any_changes_in_any_order_are_sent(changes: list[str], length: int) -> None:
    known = history(length)
    assert sent(known) == afresh(known)
    for change in changes:
        try:
            CHANGES[change](known)
        except (KeyError, IndexError, StopIteration, TypeError, AttributeError):
            continue  # an earlier change took away what this one changes
        assert sent(known) == afresh(known)


@pytest.mark.parametrize(
    ("before", "after"), [(1, True), (1, 1.0), (0, False), ("1", 1)], ids=["bool", "float", "zero", "text"]
)
def test_numbers_that_compare_equal_are_told_apart(before: Any, after: Any) -> None:
    known = history(KEPT_FROM)
    known[1]["content"].append({"type": "input", "value": before})
    assert sent(known) == afresh(known)
    known[1]["content"][-1]["value"] = after
    assert json.dumps(sent(known)) == json.dumps(afresh(known))


def test_a_template_is_never_remembered() -> None:
    known = history(KEPT_FROM)
    assert rendered(known) is not None
    assert rendered([*known, MessageDict({"role": "user", "content": str.upper})]) is None
    assert rendered([*known, MessageDict({"role": "user", "content": "{x}", "context": {"x": "1"}})]) is None
    assert rendered([{"role": "user", "content": str.upper}, *known]) is None


def test_an_unchanged_history_is_rendered_and_encoded_once() -> None:
    known = history(KEPT_FROM + 2)
    first = render(known)
    assert all(one is other for one, other in zip(first, render(known), strict=True))
    join_messages(first, OPENAI)
    beginning = first[1].memo()[f"{OPENAI.id}:joined"]
    known.append(MessageDict({"role": "user", "content": "and on"}))
    longer = join_messages(render(known), OPENAI)
    assert longer.startswith(bytes(beginning.joined))
    assert render(known)[1].memo()[f"{OPENAI.id}:joined"] is not beginning


def test_a_beginning_is_freed_without_the_garbage_collector() -> None:
    class Watched(ModelMessage, frozen=True, eq=False, gc=True, weakref=True):
        pass

    messages = tuple(Watched(one.role, one.parts, one.name) for one in render(history(KEPT_FROM + 2)))
    watched = [weakref.ref(message) for message in messages]
    join_messages(messages, OPENAI)
    gc.disable()
    try:
        del messages
        assert [ref() for ref in watched] == [None] * len(watched)
    finally:
        gc.enable()
