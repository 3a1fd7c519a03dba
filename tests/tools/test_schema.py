import dataclasses
import functools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from pydantic import Field

from autogen.tools.errors import UnsupportedType
from autogen.tools.schema import get_function_schema, hoist_definitions
from tests.tools.schema_cases import GROUPS, Color, Person, Place

RECORDED = json.loads((Path(__file__).parent / "schemas_0_2_40.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", GROUPS)
def test_the_schema_is_0_2s_byte_for_byte(case: str) -> None:
    assert json.dumps(get_function_schema(GROUPS[case], description="What it does")) == RECORDED[case]


def parameters(f: Callable[..., Any]) -> dict[str, Any]:
    schema: dict[str, Any] = get_function_schema(f, description="d")["function"]["parameters"]
    return schema


def test_a_parameter_without_type_or_default_is_refused_in_0_2s_words() -> None:
    def f(a, b, c=1) -> str: ...  # type: ignore[no-untyped-def]

    with pytest.raises(TypeError) as caught:
        get_function_schema(f, description="d")
    assert str(caught.value) == (
        "All parameters of the function 'f' without default values must be annotated. "
        "The annotations are missing for the following parameters: 'a', 'b'"
    )


def test_a_description_must_be_text() -> None:
    def f(a: Annotated[int, 5]) -> str: ...

    with pytest.raises(ValueError) as caught:
        get_function_schema(f, description="d")
    assert str(caught.value) == "Invalid description 5 for parameter a, should be a string."


def test_a_missing_return_type_and_an_untyped_default_are_warned_about(caplog: pytest.LogCaptureFixture) -> None:
    def f(a: int, b=3): ...  # type: ignore[no-untyped-def]

    get_function_schema(f, description="d")
    returns = (
        "The return type of the function 'f' is not annotated. Although annotating it is optional, "
        "the function should return either a string, a subclass of 'pydantic.BaseModel'."
    )
    assert [record.getMessage() for record in caplog.records] == [
        returns,
        "The following parameters of the function 'f' with default values are not annotated: 'b'.",
    ]
    assert {record.name for record in caplog.records} == {"autogen.function_utils"}


def test_the_given_name_wins() -> None:
    assert get_function_schema(add, name="plus", description="d")["function"]["name"] == "plus"


def add(a: int, b: int = 1) -> str: ...


def test_what_a_partial_has_bound_is_not_shown() -> None:
    def query(connection: object, table: str, limit: int = 10) -> str: ...

    for bound in (functools.partial(query, object()), functools.partial(query, connection=object())):
        declared = get_function_schema(bound, description="d")["function"]
        assert declared["name"] == "query"
        assert list(declared["parameters"]["properties"]) == ["table", "limit"]
        assert declared["parameters"]["required"] == ["table"]


def test_a_callable_object_is_named_by_its_class() -> None:
    class Search:
        def __call__(self, query: "str") -> str: ...

    declared = get_function_schema(Search(), description="d")["function"]
    assert (declared["name"], list(declared["parameters"]["properties"])) == ("Search", ["query"])


def test_the_self_of_an_unbound_method_is_refused_as_in_0_2() -> None:
    class Search:
        def find(self, query: str) -> str: ...

    with pytest.raises(TypeError, match="following parameters: 'self'"):
        get_function_schema(Search.find, description="d")


def test_a_wrapped_function_shows_what_it_wraps() -> None:
    @functools.wraps(add)
    def wrapper(*args: object, **kwargs: object) -> object: ...

    assert get_function_schema(wrapper, description="d") == get_function_schema(add, description="d")


def test_extra_names_are_allowed_where_the_function_allows_them() -> None:
    def typed(a: int, *args: int, **more: int) -> str: ...
    def untyped(a: int, *args, **more) -> str: ...  # type: ignore[no-untyped-def]

    assert parameters(typed)["additionalProperties"] == {"type": "integer"}
    assert parameters(untyped)["additionalProperties"] is True
    assert list(parameters(untyped)["properties"]) == ["a"]


def test_strings_name_what_the_function_can_see() -> None:
    @dataclass
    class Local:
        x: int

    def f(a: "Local", b: "list[Annotated[int, 'inner']]", c: "Elsewhere" = None) -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
        return Local(1)

    with pytest.raises(UnsupportedType, match="parameter 'c' of 'f': Elsewhere cannot be resolved here"):
        get_function_schema(f, description="d")

    def g(a: "Local", b: "list[int]") -> "Nowhere":  # type: ignore[name-defined]  # noqa: F821
        return Local(1)

    assert parameters(g)["properties"]["a"]["properties"] == {"x": {"title": "X", "type": "integer"}}


def test_a_type_without_a_json_form_is_refused_by_name() -> None:
    def f(callback: Callable[[int], int]) -> str: ...
    def g(lock: threading.Event) -> str: ...

    with pytest.raises(UnsupportedType, match=r"parameter 'callback' of 'f'.*functools.partial"):
        get_function_schema(f, description="d")
    with pytest.raises(UnsupportedType, match="parameter 'lock' of 'g': Event has no JSON form"):
        get_function_schema(g, description="d")


def test_a_default_without_a_json_form_is_not_shown_and_others_are_json() -> None:
    thing, person, place = object(), Person(name="A"), Place("y")

    def f(a: Any = thing, b: Color = Color.red, c: Person = person, d: Path = Path("x"), e: Place = place) -> str: ...

    shown = {name: schema.get("default", "none") for name, schema in parameters(f)["properties"].items()}
    assert shown == {
        "a": "none", "b": "r", "c": {"name": "A", "age": None}, "d": "x",
        "e": {"city": "y", "zip_code": "00000", "tags": []},
    }  # fmt: skip
    json.dumps(shown)


def test_structs_are_told_with_their_wire_names_and_tags() -> None:
    class Inner(msgspec.Struct, tag="inner", rename="camel"):
        """What is inside."""

        max_size: Annotated[int, msgspec.Meta(gt=0, description="at most")] = 5

    def f(a: Inner, b: list[Inner] | None = None) -> str: ...

    declared = parameters(f)["properties"]
    assert declared["a"] == {
        "description": "a",
        "properties": {
            "maxSize": {
                "default": 5, "description": "at most", "exclusiveMinimum": 0, "title": "Maxsize", "type": "integer",
            },
            "type": {"const": "inner"},
        },
        "required": ["type"],
        "title": "Inner",
        "type": "object",
    }  # fmt: skip
    assert declared["b"]["$defs"]["Inner"]["description"] == "What is inside."


def test_a_field_of_pydantic_describes_a_parameter() -> None:
    def f(a: Annotated[int, Field(gt=3, description="big")], b: Annotated[str, msgspec.Meta(max_length=2)]) -> str: ...

    assert parameters(f)["properties"] == {
        "a": {"description": "big", "exclusiveMinimum": 3, "type": "integer"},
        "b": {"maxLength": 2, "type": "string", "description": "b"},
    }


def test_two_classes_of_one_name_are_kept_apart() -> None:
    def make(kind: Any) -> Any:
        return dataclasses.make_dataclass("Same", [("x", kind)])

    def f(a: list[make(int) | make(str)]) -> str: ...  # type: ignore[misc]

    assert set(parameters(f)["properties"]["a"]["$defs"]) == {"Same", "Same_2"}


GOOGLE = """Add.

    Args:
        a: the first,
            on two lines
        *b (int, optional): the second: with a colon

    Returns:
        c: no parameter
    """
NUMPY = """Add.

    Parameters
    ----------
    a : int
        the first,
        on two lines
    b : int, optional
        the second: with a colon

    Returns
    -------
    c : str
        no parameter
    """
SPHINX = """Add.

    :param a: the first,
        on two lines
    :type a: int
    :param int b: the second: with a colon
    :returns c: no parameter
    """


@pytest.mark.parametrize("doc", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_a_docstring_describes_what_the_annotation_does_not(doc: str) -> None:
    def f(a: int, b: int, c: int, d: Annotated[int, "from the annotation"]) -> str: ...

    f.__doc__ = doc
    assert {name: schema["description"] for name, schema in parameters(f)["properties"].items()} == {
        "a": "the first, on two lines",
        "b": "the second: with a colon",
        "c": "c",
        "d": "from the annotation",
    }


def test_definitions_can_be_moved_to_where_their_references_point() -> None:
    def f(a: list[Place], b: Place | None, c: int, d: Place) -> str: ...

    before = parameters(f)
    after = hoist_definitions(before)
    assert list(after["$defs"]) == ["Place"]
    assert all("$defs" not in schema for schema in after["properties"].values())
    assert after["properties"]["a"]["items"] == {"$ref": "#/$defs/Place"}
    assert "$defs" in before["properties"]["a"]
    assert hoist_definitions(parameters(add)) == parameters(add)


def test_pydantic_is_not_imported_for_types_that_are_not_its_own() -> None:
    code = """
import sys, dataclasses
from autogen.tools.arguments import read_arguments
from autogen.tools.schema import get_function_schema
from autogen.tools.serialize import serialize_to_str
@dataclasses.dataclass
class D:
    x: int
def f(a: int, d: D, e: list[D]) -> str: ...
get_function_schema(f, description="d")
ready = read_arguments(f, '{"a": "1", "d": {"x": 1}, "e": []}')
assert serialize_to_str(ready.kwargs) == '{"a": 1, "d": {"x": 1}, "e": []}'
assert "pydantic" not in sys.modules and "asyncio" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
