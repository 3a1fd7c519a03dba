# ruff: noqa: UP006, UP035, UP045 - types as 0.2 programs write them
import asyncio
import datetime
import enum
import inspect
import json
import logging
from collections import namedtuple
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ForwardRef, List, Optional

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from autogen.tools import function_utils as fu
from autogen.tools.serialize import serialize_to_str


class Person(BaseModel):
    x: int
    y: str | None = None


@dataclass
class Place:
    city: str


def f(a: Annotated[int, "d"], b: str = "x", *, p: "Person | None" = None, n=3) -> str:  # type: ignore[no-untyped-def]
    return "x"


def test_the_parts_of_a_signature_are_those_of_0_2() -> None:
    signature = fu.get_typed_signature(f)
    required = fu.get_required_params(signature)
    assert isinstance(signature, inspect.Signature)
    assert fu.get_param_annotations(signature) == {"a": Annotated[int, "d"], "b": str, "p": Optional[Person]}
    assert required == ["a"]
    assert fu.get_default_values(signature) == {"b": "x", "p": None, "n": 3}
    assert fu.get_missing_annotations(signature, required) == (set(), {"n"})
    assert fu.get_typed_return_annotation(f) is str


def test_a_return_annotation_that_is_missing_or_none_is_none() -> None:
    def bare(): ...  # type: ignore[no-untyped-def]
    def nothing() -> None: ...
    def quoted() -> "int": ...

    assert [fu.get_typed_return_annotation(g) for g in (bare, nothing, quoted)] == [None, None, int]


def test_annotations_are_resolved_or_kept_as_references() -> None:
    assert fu.get_typed_annotation("List[int]", globals()) == List[int]
    assert fu.get_typed_annotation("Nope", globals()) == ForwardRef("Nope")
    assert fu.get_typed_annotation(int, globals()) is int


def test_schemas_of_types_and_parameters_are_those_of_0_2() -> None:
    assert fu.type2schema(int) == {"type": "integer"}
    assert fu.type2schema(None) == {"type": "null"}
    assert fu.type2schema(Optional[List[int]]) == {
        "anyOf": [{"items": {"type": "integer"}, "type": "array"}, {"type": "null"}]
    }
    shown = fu.get_parameter_json_schema("a", Annotated[int, "d"], {"a": 1})
    assert json.dumps(shown) == '{"type": "integer", "default": 1, "description": "d"}'
    assert fu.get_parameter_json_schema("a", Person, {})["description"] == "a"


def test_the_models_of_0_2_are_there() -> None:
    parameters = fu.get_parameters(["a", "b"], {"a": int}, {"a": 1})
    assert repr(parameters) == (
        "Parameters(type='object', properties={'a': {'type': 'integer', 'default': 1, 'description': 'a'}}, "
        "required=['a', 'b'])"
    )
    told = fu.ToolFunction(function=fu.Function(description="d", name="n", parameters=parameters))
    assert fu.model_dump(told)["function"]["parameters"]["required"] == ["a", "b"]
    assert fu.model_dump_json(fu.Parameters(properties={}, required=[])) == (
        '{"type":"object","properties":{},"required":[]}'
    )
    with pytest.raises(AttributeError):
        fu.nothing  # noqa: B018
    assert set(fu.__all__) <= {*dir(fu), "Function", "Parameters", "ToolFunction"}
    assert fu.logger is logging.getLogger("autogen.function_utils")


def test_a_loader_is_given_for_models_only() -> None:
    load = fu.get_load_param_if_needed_function(Annotated[Person, "d"])
    assert load is not None
    assert load({"x": "3"}, Person) == Person(x=3)
    for other in (int, Optional[Person], List[Person], None):
        assert fu.get_load_param_if_needed_function(other) is None


def test_the_wrapper_builds_models_from_dicts_and_leaves_the_result_alone() -> None:
    nobody = Person(x=0)

    def g(a: int, p: Person | None = None, q: Annotated[Person, "q"] = nobody, n: Any = None) -> Any:
        return [a, p, q.x, n]

    wrapped = fu.load_basemodels_if_needed(g)
    assert wrapped.__name__ == "g"
    assert inspect.unwrap(wrapped) is g
    assert wrapped(a="7", q={"x": "4"}, p={"x": 1}) == ["7", {"x": 1}, 4, None]
    assert wrapped(1, None, {"x": 5}) == [1, None, 5, None]
    assert wrapped(1, q=Person(x=6)) == [1, None, 6, None]
    with pytest.raises(ValueError, match="1 validation error for Person"):
        wrapped(a=1, q={"z": 4})


def test_the_wrapper_of_a_coroutine_function_is_one() -> None:
    async def g(p: Person) -> Person:
        return p

    wrapped = fu.load_basemodels_if_needed(g)
    assert inspect.iscoroutinefunction(wrapped)
    assert asyncio.run(wrapped(p={"x": 1})) == Person(x=1)


class Size(enum.Enum):
    small = "s"


class Box(msgspec.Struct):
    size: Size
    inside: list[Any] = []


Row = namedtuple("Row", "a b")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("s", "s"),
        (1, "1"),
        (1.5, "1.5"),
        (None, "null"),
        (True, "true"),
        ([1, "é"], '[1, "é"]'),
        ({"a": 1}, '{"a": 1}'),
        ((1, 2), "[1, 2]"),
        ({1: 2}, '{"1": 2}'),
        (Person(x=1), '{"x":1,"y":null}'),
        (float("nan"), "NaN"),
        # what 0.2 refused
        ([Person(x=1)], '[{"x": 1, "y": null}]'),
        (Place("Rome"), '{"city": "Rome"}'),
        (Box(Size.small, [Place("Rome")]), '{"size": "s", "inside": [{"city": "Rome"}]}'),
        ({"when": datetime.date(2026, 11, 21)}, '{"when": "2026-11-21"}'),
        ({10, 1, 8}, "[1, 8, 10]"),
        (Row(1, 2), "[1, 2]"),
        ([Path("a")], '["a"]'),
    ],
)
def test_results_become_text_as_in_0_2_or_better(value: Any, text: str) -> None:
    assert serialize_to_str(value) == text


def test_what_has_no_json_form_is_refused_by_name() -> None:
    loop: list[Any] = []
    loop.append(loop)
    for value in (object(), [object()], loop, {(1, 2): 3}, lambda: 1):
        with pytest.raises(TypeError, match="the tool 'search' returned a "):
            serialize_to_str(value, "search")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON.filter(lambda value: not isinstance(value, str)))
def test_any_json_value_comes_back_from_its_text(value: Any) -> None:
    assert serialize_to_str(value) == json.dumps(value, ensure_ascii=False)
