import contextlib
import datetime
import enum
import functools
import gc
import json
import uuid
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypedDict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from autogen.tools.arguments import PREVIEW, accepts, read_arguments
from autogen.tools.declare import Tool, tool
from autogen.tools.errors import ArgumentsError


def called(function: Callable[..., Any], text: str) -> Any:
    ready = read_arguments(function, text)
    return function(*ready.args, **ready.kwargs)


def refused(function: Callable[..., Any], text: str) -> str:
    with pytest.raises(ArgumentsError) as caught:
        read_arguments(function, text)
    return str(caught.value)


def add(n: int, s: str = "d") -> str:
    return repr((n, s))


class Color(enum.Enum):
    red = "r"
    blue = "b"


@dataclass
class Place:
    city: str
    tags: list[str] = field(default_factory=list)


@dataclass
class Tree:
    value: int
    children: "list[Tree]" = field(default_factory=list)


class Point(TypedDict):
    x: int


class Pair(NamedTuple):
    a: int
    b: str = "x"


class Cat(msgspec.Struct, tag="cat", rename="camel"):
    lives_left: int


class Dog(msgspec.Struct, tag="dog"):
    name: str


class Person(BaseModel):
    name: str
    age: int | None = None


TABLE = {
    "right": ('{"n": 7}', "(7, 'd')"),
    "a number as text, as 0.2 took it": ('{"n": "7"}', "(7, 'd')"),
    "a whole float": ('{"n": 7.0}', "(7, 'd')"),
    "a number for a text": ('{"n": 7, "s": 5}', "(7, '5')"),
    "newlines around": ('\n{\n"n":1\n}\n', "(1, 'd')"),
    "a raw newline inside": ('{"n": 1, "s": "a\nb"}', "(1, 'a\\nb')"),
    "equal keys": ('{"n": 1, "n": 2}', "(2, 'd')"),
    "a fence": ('```json\n{"n": 1}\n```', "(1, 'd')"),
    "encoded twice": ('"{\\"n\\": 1}"', "(1, 'd')"),
    "a trailing comma": ('{"n": 1,}', "(1, 'd')"),
    "single quotes": ("{'n': 1}", "(1, 'd')"),
    "cut, but nothing can be missing": ('{"n": 1, "s": "a"', "(1, 'a')"),
    "a Windows path before a newline": ('{"n":1,"s":"C:\\\\"\n}', "(1, 'C:\\\\')"),
    "null": ("null", "must be a JSON object, got null"),
    "a list": ("[]", "must be a JSON object, got array"),
    "a list of one": ("[1]", "must be a JSON object, got array"),
    "a text": ('"x"', "must be a JSON object, got string"),
    "a number": ("7", "must be a JSON object, got integer"),
    "true": ("true", "must be a JSON object, got boolean"),
    "nothing": ("", "Expecting value: line 1 column 1 (char 0)\n The argument must be in JSON format."),
    "an empty text": ('""', "must be a JSON object, got string"),
    "a word": ("x", "Expecting value: line 1 column 1 (char 0)\n The argument must be in JSON format."),
    "cut, and more may have been to come": ('{"s": "a"', "It seems to be cut off"),
    "cut inside a number": ('{"n": 1', "Expecting ',' delimiter: line 1 column 8 (char 7)\n The argument must be in"),
    "NaN": ('{"n": NaN}', "- n: expected integer, got number"),
    "missing": ("{}", "- n: missing, expected integer"),
    "unknown": ('{"n": 1, "z": 2}', "- z: add has no such parameter"),
    "no number": ('{"n": "abc"}', "- n: expected integer, got string"),
    "a fraction": ('{"n": 1.5}', "- n: expected integer, got number"),
    "a boolean": ('{"n": true}', "- n: expected integer, got boolean"),
    "null inside": ('{"n": null}', "- n: expected integer, got null"),
    "null for a default": ('{"n": 1, "s": null}', "- s: expected string, got null"),
    "an object for a text": ('{"n": 1, "s": {}}', "- s: expected string, got object"),
    "too deep": ('{"n": ' + "[" * 100_000, "Nested too deeply"),
    "a call in Python": ('{"n": __import__("os").getpid()}', "The argument must be in JSON format."),
}


@pytest.mark.parametrize("case", TABLE)
def test_each_text_leads_to_a_right_call_or_to_an_answer_that_says_why(case: str) -> None:
    text, expected = TABLE[case]
    if expected.startswith("("):
        assert called(add, text) == expected
    else:
        said = refused(add, text)
        assert expected in said
        assert 'Expected: {"n": integer, "s": string (optional)}\nGot: ' in said


def test_a_call_is_never_made_with_defaults_after_a_text_that_could_not_be_read() -> None:
    def all_optional(a: str = "1", b: str = "2") -> str:
        return a + b

    for text in ("", "null", "x", "[]", '{"a": "9"', '{"a": "9", "b', '""'):
        refused(all_optional, text)
    assert called(all_optional, '{"a": "9", "b": "8"') == "98"
    assert called(all_optional, "{}") == "12"


def test_a_function_without_parameters_may_be_called_with_nothing() -> None:
    def now() -> str:
        return "now"

    for text in ("", "  ", "null", "{}", '""'[:0]):
        assert called(now, text) == "now"
    assert "must be a JSON object" in refused(now, "[]")


def test_the_answer_is_bounded_whatever_the_model_sends() -> None:
    for text in (json.dumps({"n": "x" * 10_000_000}), "x" * 1_000_000, json.dumps({f"k{i}": i for i in range(10_000)})):
        said = refused(add, text)
        assert len(said) < 2 * PREVIEW + 2000
        assert len(said.partition("\nGot: ")[2]) <= PREVIEW
    assert "- and 9991 more" in said


def test_a_text_that_no_encoding_takes_can_be_shown() -> None:
    refused(add, "\ud800").encode()
    refused(add, '{"n": "\ud800"}').encode()


def test_classes_of_the_program_arrive_as_themselves() -> None:
    def f(
        place: Place, point: Point, pair: Pair, color: Color, person: Person, pet: Cat | Dog,
        when: datetime.date, key: uuid.UUID, path: Path, data: bytes, tree: Tree, people: list[Person],
    ) -> Any:  # fmt: skip
        return place, point, pair, color, person, pet, when, key, path, data, tree, people

    sent = {
        "place": {"city": "Rome"}, "point": {"x": "1", "y": 2}, "pair": [1], "color": "b", "person": {"name": "A"},
        "pet": {"type": "cat", "livesLeft": 9}, "when": "2026-11-21", "key": "0" * 32, "path": "a/b", "data": "é",
        "tree": {"value": 1, "children": [{"value": 2}]}, "people": [{"name": "B", "age": "3"}],
    }  # fmt: skip
    assert called(f, json.dumps(sent)) == (
        Place("Rome"), {"x": 1, "y": 2}, Pair(1, "x"), Color.blue, Person(name="A"), Cat(9),
        datetime.date(2026, 11, 21), uuid.UUID(int=0), Path("a/b"), "é".encode(), Tree(1, [Tree(2)]),
        [Person(name="B", age=3)],
    )  # fmt: skip


def test_problems_are_named_by_path_and_all_at_once() -> None:
    def f(tree: Tree, person: Person, places: list[Place], table: dict[str, list[int]], pet: Cat | Dog) -> None: ...

    said = refused(
        f,
        json.dumps(
            {
                "tree": {"value": 1, "children": [{"value": "x"}, {"wert": 1}]},
                "person": {"age": "old"},
                "places": [{"city": "Rome"}, {"city": 5.5}],
                "table": {"a": [1, "b"]},
                "pet": {"type": "cow"},
            }
        ),
    )
    for line in (
        "- tree.children[0].value: expected integer, got string",
        "- tree.children[1].value: missing, expected integer",
        "- tree.children[1].wert: unknown; object Tree has value, children",
        "- person.name: Field required",
        "- places[1].city: expected string, got number",
        "- table.a[1]: expected integer, got string",
    ):
        assert line in said


def test_unions_prefer_what_fits_as_it_is() -> None:
    def f(a: int | str, b: str | int, c: int | None, d: list[int] | str, e: Literal[1, "x"], g: float | str) -> Any:
        return a, b, c, d, e, g

    sent = {"a": "7", "b": 7, "c": "7", "d": "[1]", "e": "1", "g": 7}
    assert called(f, json.dumps(sent)) == ("7", 7, 7, "[1]", 1, 7.0)


def test_containers_may_come_as_json_texts() -> None:
    def f(a: list[int], b: dict[str, Any], c: Place, d: set[str], e: tuple[int, str], p: Person) -> Any:
        return a, b, c, d, e, p

    sent = {
        "a": "[1, 2]", "b": '{"k": null}', "c": '{"city": "Rome"}', "d": ["x", "x"], "e": [1, "a"],
        "p": '{"name": "A"}',
    }  # fmt: skip
    expected = ([1, 2], {"k": None}, Place("Rome"), {"x"}, (1, "a"), Person(name="A"))
    assert called(f, json.dumps(sent)) == expected


def test_literals_and_enums_say_what_is_allowed() -> None:
    def f(unit: Literal["C", "F"], color: Color) -> Any:
        return unit, color

    assert called(f, '{"unit": "F", "color": "red"}') == ("F", Color.red)
    said = refused(f, '{"unit": "K", "color": "green"}')
    assert "- unit: expected one of 'C', 'F', got 'K'" in said
    assert "- color: expected one of 'r', 'b', got 'green'" in said


def test_a_default_that_the_annotation_leaves_out_may_be_sent() -> None:
    def f(a: str = None) -> Any:  # type: ignore[assignment]  # noqa: RUF013 - as people write it
        return a

    assert called(f, '{"a": null}') is None


def test_conditions_of_pydantic_and_msgspec_are_kept() -> None:
    def f(a: Annotated[int, Field(gt=3)], b: Annotated[str, msgspec.Meta(max_length=2)]) -> Any:
        return a, b

    assert called(f, '{"a": "4", "b": "xy"}') == (4, "xy")
    said = refused(f, '{"a": 3, "b": "xyz"}')
    assert "- a: Input should be greater than 3" in said
    assert "- b: Expected `str` of length <= 2" in said


def test_a_class_that_refuses_a_value_answers_the_model() -> None:
    @dataclass
    class Even:
        n: int

        def __post_init__(self) -> None:
            if self.n % 2:
                raise ValueError("n must be even")

    @dataclass
    class Broken:
        n: int

        def __post_init__(self) -> None:
            raise RuntimeError("cannot")

    def f(a: Even, b: Broken) -> None: ...

    said = refused(f, '{"a": {"n": 1}, "b": {"n": 1}}')
    assert "- a: n must be even" in said
    assert "- b: cannot" in said


def test_positional_only_bound_and_open_parameters() -> None:
    def f(a: int, /, b: int = 2, *args: int, c: int, **more: int) -> Any:
        return a, b, args, c, more

    assert called(f, '{"a": "1", "c": 3, "z": "9"}') == (1, 2, (), 3, {"z": 9})
    bound = functools.partial(f, 1, c=5)
    assert called(bound, '{"b": 4}') == (1, 4, (), 5, {})
    assert called(functools.partial(add, s="kept"), '{"n": 1}') == "(1, 'kept')"
    assert "add has no such parameter" in refused(functools.partial(add, s="kept"), '{"n": 1, "s": "stolen"}')


def test_what_python_cannot_tell_is_passed_on_as_it_is() -> None:
    class Odd:
        pass

    def f(a, b: Odd, c: Callable[[], None] = print, d: "Nowhere" = 1):  # type: ignore[no-untyped-def]  # noqa: F821
        return a, b, c, d

    assert called(f, '{"a": [1], "b": {"x": 1}, "c": 3, "d": "q"}') == ([1], {"x": 1}, 3, "q")
    assert called(dict, '{"a": 1}') == {"a": 1}


def test_validate_false_gives_what_0_2_gave() -> None:
    @tool(validate=False)
    def f(n: int, place: Place) -> Any:
        return n, place

    assert called(f, '{"n": "7", "place": {"city": "Rome"}}') == ("7", {"city": "Rome"})


def test_a_tool_with_a_schema_from_outside_takes_what_comes() -> None:
    def f(**sent: Any) -> Any:
        return sent

    def g(n: int) -> Any:
        return n

    for function in (f, g):
        outside = Tool(name="t", description="d", function=function, parameters={"type": "object"})
        assert read_arguments(outside, '{"n": "7"}').kwargs == {"n": "7"}
    assert read_arguments(g, '{"n": "7"}').kwargs == {"n": 7}
    assert read_arguments(Tool(name="t", description="d", function=g), '{"n": "7"}').kwargs == {"n": 7}


def test_a_function_is_read_once_and_can_still_be_forgotten() -> None:
    def f(n: int) -> int:
        return n

    assert accepts(f) is accepts(f)
    gone = weakref.ref(f)
    del f
    gc.collect()
    assert gone() is None


def test_methods_and_callable_objects_are_read_too() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __call__(self, n: int) -> int:
            return n

        def method(self, n: int) -> int:
            return n

    assert called(Unhashable(), '{"n": "1"}') == 1
    assert called(Unhashable().method, '{"n": "1"}') == 1


def test_endless_nesting_in_a_recursive_type_is_an_answer() -> None:
    def f(tree: Tree) -> Tree:
        return tree

    deep: Any = {"value": 1}
    for _ in range(400):
        deep = {"value": 1, "children": [deep]}
    assert "- tree: nested too deeply" in refused(f, json.dumps({"tree": deep}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_any_json_value_reaches_an_open_function_unchanged(sent: dict[str, Any]) -> None:
    def f(**more: Any) -> Any:
        return more

    assert called(f, json.dumps(sent)) == sent


@given(JSON)
def test_whatever_comes_is_a_call_or_an_answer(sent: Any) -> None:
    def f(
        a: int, b: Place, c: Person, d: dict[str, Color], e: tuple[int, ...] | Pair, g: Cat | None = None
    ) -> None: ...

    for text in (json.dumps(sent), json.dumps({"a": sent, "b": sent, "c": sent, "d": sent, "e": sent, "g": sent})):
        with contextlib.suppress(ArgumentsError):
            assert set(read_arguments(f, text).kwargs) <= set("abcdeg")


@given(st.integers(), st.booleans(), st.text(), st.lists(st.integers()), st.sampled_from(Color))
def test_values_of_the_right_type_come_back_equal(n: int, b: bool, s: str, items: list[int], color: Color) -> None:
    def f(n: int, b: bool, s: str, items: list[int], color: Color) -> Any:
        return n, b, s, items, color

    sent = json.dumps({"n": n, "b": b, "s": s, "items": items, "color": color.value})
    assert called(f, sent) == (n, b, s, items, color)
