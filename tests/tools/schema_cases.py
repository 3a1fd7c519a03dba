"""Functions whose schemas 0.2.40 was asked for. Imported by the recorder (under 0.2) and by the test (under ours).

Standard library, typing_extensions and pydantic only, so that both can import it.
"""
# ruff: noqa: B006, UP006, UP007, UP035, UP045

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Callable
from typing import (
    Annotated,
    Any,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Set,
    Tuple,
    Union,
)

from pydantic import AnyUrl, BaseModel, Field
from typing_extensions import NotRequired, TypedDict


class Color(enum.Enum):
    red = "r"
    blue = "b"


class Size(enum.IntEnum):
    small = 1
    large = 2


class Mixed(enum.Enum):
    one = 1
    two = "two"


class Lone(enum.Enum):
    """Only one."""

    only = "only"


@dataclasses.dataclass
class Place:
    """Somewhere."""

    city: str
    zip_code: str = "00000"
    tags: List[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Bare:
    x: int
    color: Color = Color.red
    place: Optional[Place] = None
    other: Union[int, str, None] = None


@dataclasses.dataclass
class Tree:
    value: int
    children: "List[Tree]" = dataclasses.field(default_factory=list)


class Point(TypedDict):
    x: int
    label: NotRequired[str]


class Documented(TypedDict, total=False):
    """A documented one."""

    place: Place


class Pair(NamedTuple):
    a: int
    b: str = "x"


class Person(BaseModel):
    """A person."""

    name: str = Field(..., description="the full name")
    age: Optional[int] = None


class Team(BaseModel):
    lead: Person
    members: List[Person] = []
    color: Color = Color.red


class Node(BaseModel):
    value: int
    next: "Optional[Node]" = None


Node.model_rebuild()


@dataclasses.dataclass
class WithModel:
    person: Person
    maybe: Optional[Person] = None


def plain(a: int, b: str = "x", c: float = 1.5, d: bool = True, e: list = [], f: dict = {}) -> str: ...
def optional(
    a: Optional[int], b: Optional[str] = None, c: Union[int, str] = 3, d: Union[int, str, None] = None
) -> str: ...
def described(
    a: Annotated[int, "the a"], b: Annotated[Optional[str], "the b"] = None, c: "Annotated[int, 'q']" = 1
) -> str: ...
def two_texts(a: Annotated[int, "first", "second"]) -> str: ...
def inner_text(a: Optional[Annotated[int, "inner"]], b: List[Annotated[int, "item"]]) -> str: ...
def literals(
    a: Literal["x", "y"], b: Literal[1, 2, "x"], c: Literal["only"] = "only", d: Literal[True, None] = None
) -> str: ...
def containers(
    a: List[int],
    b: Dict[str, int],
    c: Tuple[int, str],
    d: Set[int],
    e: FrozenSet[str],
    f: Tuple[int, ...],
    g: Tuple[()],
) -> str: ...
def bare_containers(a: List, b: Dict, c: Tuple, d: tuple, e: set, f: frozenset, g: list, h: dict) -> str: ...
def abstract(a: Sequence[int], b: Mapping[str, int], c: Iterable[str]) -> str: ...
def modern(
    a: list[int], b: dict[str, list[int]], c: int | None, d: int | str = 3, e: list[dict[str, int | None]] = []
) -> str: ...
def any_values(a: Any, b: object = None, c: None = None, d: Dict[str, Any] = {}, e: List[Any] = []) -> str: ...
def enums(a: Color, b: Size, c: Mixed, d: Lone, e: List[Color], f: Optional[Size] = None, g: Color = None) -> str: ...
def strange(
    a: datetime.datetime, b: datetime.date, c: datetime.time, d: datetime.timedelta, e: uuid.UUID, f: decimal.Decimal,
    g: pathlib.Path, h: bytes,
) -> str: ...  # fmt: skip
def places(a: Place, b: Bare, c: List[Place], d: Optional[Place] = None) -> str: ...
def trees(a: Tree, b: List[Tree]) -> str: ...
def typed_dicts(a: Point, b: List[Point], c: Documented) -> str: ...
def named_tuples(a: Pair, b: List[Pair]) -> str: ...
def models(a: Person, b: Team, c: List[Person], d: Optional[Person] = None, e: Dict[str, Person] = {}) -> str: ...
def models_described(a: Annotated[Person, "who"], b: Annotated[List[Person], "the others"]) -> str: ...
def recursive_models(a: Node, b: List[Node]) -> str: ...
def model_in_dataclass(a: WithModel, b: List[WithModel]) -> str: ...
def pydantic_types(a: AnyUrl, b: List[Annotated[int, Field(gt=3)]], c: Optional[AnyUrl] = None) -> str: ...
def model_unions(a: Union[Person, Team], b: Union[Person, int]) -> str: ...
def keyword_only(a: int, *, k: int = 3, must: str) -> str: ...
async def asynchronous(a: int) -> str: ...
def nothing() -> str: ...
def unannotated_default(a: int, b=3) -> str: ...
def quoted(a: "int", b: "Optional[Person]" = None, c: "List[Place]" = []) -> "str": ...
def nested_optional(
    a: Optional[List[Optional[int]]], b: Union[List[int], Dict[str, int]], c: Optional[Union[int, str]]
) -> str: ...
def unicode_words(città: str, b: Annotated[str, 'Größe "x"\n2'] = "ü") -> str: ...
def numbers(a: float = 1.0, b: int = -1, c: Optional[float] = None, d: bool = False, e: float = 1e300) -> str: ...
def long_docstring(a: int, b: str) -> str:
    """Adds.

    Nothing here documents a parameter.
    """


class Holder:
    def method(self, a: int) -> str: ...
    @classmethod
    def of_class(cls, a: int) -> str: ...
    @staticmethod
    def static(a: int) -> str: ...


GROUPS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        plain, optional, described, two_texts, inner_text, literals, containers, bare_containers, abstract, modern,
        any_values, enums, strange, places, trees, typed_dicts, named_tuples, models, models_described,
        recursive_models, model_in_dataclass, pydantic_types, model_unions, keyword_only, asynchronous, nothing,
        unannotated_default, quoted, nested_optional, unicode_words, numbers, long_docstring,
    )
} | {"method": Holder().method, "of_class": Holder.of_class, "static": Holder.static}  # fmt: skip
