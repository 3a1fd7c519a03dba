"""`autogen.function_utils.get_function_schema`: what the model is told of a function."""

# No postponed annotations here: these functions' annotations are read at run time as most programs write them.
import enum
from typing import Annotated, Any, Dict, List, Literal, Optional, Set, Tuple, Union

from pydantic import BaseModel, Field
from scenario import error, scenario


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Point(BaseModel):
    x: Annotated[int, Field(description="across")]
    y: int = 0


class Line(BaseModel):
    start: Point
    end: Optional[Point] = None
    tags: List[str] = []


def schema(function: Any, **options: Any) -> Any:
    from autogen.function_utils import get_function_schema

    return get_function_schema(function, **{"description": "D.", **options})


@scenario()
def plain_types(base_url: str, work_dir: str) -> Any:
    def f(a: int, b: float, c: str, d: bool) -> str:
        """Not sent."""
        return ""

    return schema(f)


@scenario()
def names(base_url: str, work_dir: str) -> Any:
    def f(a: int) -> str:
        return ""

    return [schema(f, name="given"), schema(f, description="")]


@scenario()
def defaults(base_url: str, work_dir: str) -> Any:
    def f(
        a: int = 3, b: str = "x", c: Optional[int] = None, d: bool = False, e: float = 0.5, g: Annotated[int, "gee"] = 7
    ) -> str:
        return ""

    return schema(f)


@scenario()
def annotated(base_url: str, work_dir: str) -> Any:
    def f(
        a: Annotated[int, "the a"], b: Annotated[List[str], "the b"], c: Annotated[Optional[float], "the c"] = None
    ) -> Annotated[str, "out"]:
        return ""

    return schema(f)


@scenario()
def containers(base_url: str, work_dir: str) -> Any:
    def f(
        a: List[int],
        b: Dict[str, float],
        c: Tuple[int, str],
        d: Set[str],
        e: list,  # type: ignore[type-arg]
        g: dict,  # type: ignore[type-arg]
        h: List[Dict[str, List[int]]],
        i: "list[str]",
        j: dict[str, Any],
    ) -> str:
        return ""

    return schema(f)


@scenario()
def choices(base_url: str, work_dir: str) -> Any:
    def f(
        a: Literal["x", "y"],
        b: Optional[str],
        c: Union[int, str],
        d: Literal[1, 2] = 1,
        e: "int | None" = None,
        g: Any = None,
    ) -> str:
        return ""

    return schema(f)


@scenario()
def enums(base_url: str, work_dir: str) -> Any:
    def f(a: Colour, b: Annotated[Colour, "with text"]) -> str:
        return ""

    return schema(f)


@scenario()
def models(base_url: str, work_dir: str) -> Any:
    def f(a: Point, b: Annotated[Line, "a line"], c: Optional[Point] = None) -> str:
        return ""

    return schema(f)


@scenario()
def lists_of_models(base_url: str, work_dir: str) -> Any:
    def f(a: List[Point]) -> str:
        return ""

    return schema(f)


@scenario()
def model_default(base_url: str, work_dir: str) -> Any:
    def f(a: Annotated[Point, "start"] = Point(x=1)) -> str:  # noqa: B008
        return ""

    return schema(f)


@scenario()
def no_parameters(base_url: str, work_dir: str) -> Any:
    def f() -> None:
        return None

    return schema(f)


@scenario()
def async_function(base_url: str, work_dir: str) -> Any:
    async def f(a: int) -> str:
        return ""

    return schema(f)


@scenario()
def keyword_only(base_url: str, work_dir: str) -> Any:
    def f(a: int, *, b: str, c: int = 1) -> str:
        return ""

    return schema(f)


@scenario()
def bound_method(base_url: str, work_dir: str) -> Any:
    class Tool:
        def run(self, a: int) -> str:
            return ""

    return schema(Tool().run)


@scenario()
def missing_annotations(base_url: str, work_dir: str) -> Any:
    def none(a, b):  # type: ignore[no-untyped-def]
        return ""

    def some(a: int, b, c=3) -> str:  # type: ignore[no-untyped-def]
        return ""

    def only_defaulted(a: int, c=3) -> str:  # type: ignore[no-untyped-def]
        return ""

    def no_return(a: int):  # type: ignore[no-untyped-def]
        return ""

    return [error(schema, none), error(schema, some), schema(only_defaulted), schema(no_return)]


@scenario()
def wrong_descriptions(base_url: str, work_dir: str) -> Any:
    def f(a: Annotated[int, 3]) -> str:
        return ""

    return error(schema, f)


@scenario()
def results_as_text(base_url: str, work_dir: str) -> Any:
    from autogen.function_utils import serialize_to_str

    values = ["text", 3, 0.5, None, True, [1, "a"], {"k": "ü"}, Point(x=1), (1, 2)]
    return [[serialize_to_str(value) for value in values], error(serialize_to_str, object())]


@scenario()
def arguments_are_rebuilt(base_url: str, work_dir: str) -> Any:
    from autogen.function_utils import load_basemodels_if_needed

    @load_basemodels_if_needed
    def f(a: Point, b: int, c: Optional[Point] = None) -> Any:
        return [repr(a), repr(b), repr(c)]

    return [f(a={"x": 1, "y": "2"}, b=3), f(a={"x": 1}, b="4", c={"x": 2}), error(f, a={"y": 1}, b=3)]
