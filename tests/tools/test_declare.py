import functools
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.core.errors import ConfigError, ToolError
from autogen.tools.declare import UNMARKED, Tool, is_marked, tool, tool_marks
from autogen.tools.errors import ArgumentsError, MissingAnnotations, NotSerializable, UnsupportedType
from autogen.tools.names import assert_valid_name, normalize_name


def test_a_mark_leaves_the_function_what_it_is() -> None:
    @tool(repeat="free", timeout=3, parallel=True, polling=True, name="plus", description="adds")
    def add(a: int) -> int:
        return a + 1

    assert add(1) == 2
    marks = tool_marks(add)
    assert (marks.repeat, marks.timeout, marks.parallel, marks.polling) == ("free", 3, True, True)
    assert (marks.name, marks.description, marks.validate) == ("plus", "adds", True)


def test_nothing_said_means_never_repeat() -> None:
    @tool
    def bare() -> str: ...

    def unmarked() -> str: ...

    assert tool_marks(bare) == tool_marks(unmarked) == UNMARKED
    assert UNMARKED.repeat == "never"
    assert is_marked(bare)
    assert not is_marked(unmarked)


def test_marks_are_found_through_wrappers_partials_and_methods() -> None:
    class Shop:
        @tool(repeat="idempotent")
        def buy(self, what: str) -> str: ...

    @tool(repeat="free")
    def look(where: str) -> str: ...

    @functools.wraps(look)
    def wrapper(where: str) -> str: ...

    assert tool_marks(Shop().buy).repeat == "idempotent"
    assert tool_marks(wrapper).repeat == "free"
    assert tool_marks(functools.partial(look, "here")).repeat == "free"
    assert tool_marks(Tool.of(look, description="d")).repeat == "free"


@pytest.mark.parametrize("wrong", [{"repeat": "often"}, {"timeout": 0}, {"timeout": float("nan")}, {"name": "a b"}])
def test_a_wrong_mark_is_refused_at_once(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        tool(**wrong)


def test_what_cannot_carry_a_mark_says_so() -> None:
    with pytest.raises(ToolError, match="wrap it in a function"):
        tool(len)


def test_a_tool_takes_its_texts_from_the_call_the_mark_or_the_docstring() -> None:
    def add(a: int) -> str:
        """Adds one
        to a.

        More words.
        """

    assert Tool.of(add).schema()["function"]["description"] == "Adds one to a."
    assert Tool.of(tool(name="plus", description="marked")(add)).name == "plus"
    assert Tool.of(add).description == "marked"
    assert Tool.of(add, name="n", description="given").schema()["function"]["name"] == "n"
    with pytest.raises(ConfigError, match="has no description"):
        Tool.of(lambda: None, name="anonymous")


def test_a_schema_from_outside_is_told_as_it_is() -> None:
    outside = {"type": "object", "properties": {"q": {"type": "string"}}, "additionalProperties": False}
    told = Tool(name="search", description="d", function=print, parameters=outside).schema()
    assert told == {"type": "function", "function": {"description": "d", "name": "search", "parameters": outside}}


@pytest.mark.parametrize("name", ["a", "ok-1", "A_b", "x" * 64])
def test_an_allowed_name_comes_back(name: str) -> None:
    assert assert_valid_name(name) == name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b", "Invalid name: a b. Only letters, numbers, '_' and '-' are allowed."),
        ("é", "Invalid name: é. Only letters, numbers, '_' and '-' are allowed."),
        ("", "Invalid name: . Only letters, numbers, '_' and '-' are allowed."),
        ("a\n", "Invalid name: a\n. Only letters, numbers, '_' and '-' are allowed."),
        ("a" * 65, f"Invalid name: {'a' * 65}. Name must be less than 64 characters."),
    ],
)
def test_other_names_are_refused_in_0_2s_words(name: str, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        assert_valid_name(name)
    assert str(caught.value) == text


@given(st.text(min_size=1))
def test_every_name_can_be_made_valid(name: str) -> None:
    assert assert_valid_name(normalize_name(name))


def test_names_are_normalised_as_in_0_2() -> None:
    assert normalize_name("a b/ü!" * 20) == "a_b___a_b___a_b___a_b___a_b___a_b___a_b___a_b___a_b___a_b___a_b_"


@pytest.mark.parametrize(
    "error",
    [
        ArgumentsError("t", "text", syntax=True),
        MissingAnnotations("f", ("a",)),
        NotSerializable("t", "object", "why"),
        UnsupportedType("X", "has no JSON form", "parameter 'a'"),
    ],
)
def test_errors_survive_pickling(error: Exception) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
