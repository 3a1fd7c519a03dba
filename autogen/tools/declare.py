"""What a program declares about a tool: above all, what repeating it means.

`@tool` marks a function and gives it back unchanged; `Tool` is a function with its marks, its name and its schema
put together. Refuses to know about agents and calls.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias, TypeVar, overload

from msgspec import Struct

from autogen.core.errors import ConfigError, ToolError
from autogen.tools.names import assert_valid_name

F = TypeVar("F", bound=Callable[..., Any])

Repeat: TypeAlias = Literal["free", "idempotent", "never", "resume"]

_ATTRIBUTE = "__autogen_tool__"


class ToolMarks(Struct, frozen=True, kw_only=True):
    """What `@tool` said. None: not said."""

    repeat: Repeat = "never"
    """free: repeating it costs and changes nothing. idempotent: the same idempotency key does it once.
    never: after a crash inside it, the outcome is unknown. resume: it starts chats, and is entered again with what
    happened in them answered from the journal."""
    timeout: float | None = None
    """Seconds; then the model is told that it timed out. A sync function then runs in a thread of its own."""
    parallel: bool = False
    """A sync function that may run beside other tools of the same message."""
    polling: bool = False
    """Calling it again and again with the same arguments is its use: no loop is suspected."""
    validate: bool = True
    """False: the arguments are passed as the model's JSON says, unchecked and unconverted, as 0.2 did."""
    name: str | None = None
    description: str | None = None
    approval: bool = False
    """A person has to approve each call before it is made, whatever `human_input_mode` says."""

    def __post_init__(self) -> None:
        if self.repeat not in ("free", "idempotent", "never", "resume"):
            raise ConfigError(f'tool(repeat=) must be "free", "idempotent", "never" or "resume", got {self.repeat!r}')
        if self.timeout is not None and not self.timeout > 0:
            raise ConfigError(f"tool(timeout=) must be more than 0 seconds, got {self.timeout!r}")
        if self.approval not in (True, False):
            raise ConfigError(f"tool(approval=) must be True or False, got {self.approval!r}")
        if self.name is not None:
            assert_valid_name(self.name)


UNMARKED = ToolMarks()
"""The marks of a function that `@tool` has not seen."""


@overload
def tool(function: F, /) -> F: ...


@overload
def tool(
    *,
    repeat: Repeat = "never",
    timeout: float | None = None,
    parallel: bool = False,
    polling: bool = False,
    validate: bool = True,
    name: str | None = None,
    description: str | None = None,
    approval: bool = False,
) -> Callable[[F], F]: ...


def tool(
    function: F | None = None,
    /,
    *,
    repeat: Repeat = "never",
    timeout: float | None = None,
    parallel: bool = False,
    polling: bool = False,
    validate: bool = True,
    name: str | None = None,
    description: str | None = None,
    approval: bool = False,
) -> F | Callable[[F], F]:
    """Mark a function as a tool, `@tool` or `@tool(repeat="free", ...)`; it stays the function that it is.

    The fields are those of `ToolMarks`. Registration (`register_function`, `register_for_llm`, ...) reads them; a
    name or description given there wins. Raises ConfigError for a wrong value.
    """
    marks = ToolMarks(
        repeat=repeat, timeout=timeout, parallel=parallel, polling=polling, validate=validate,
        name=name, description=description, approval=approval,
    )  # fmt: skip

    def mark(marked: F) -> F:
        try:
            setattr(marked, _ATTRIBUTE, marks)
        except AttributeError:
            raise ToolError(f"{marked!r} cannot be marked as a tool; wrap it in a function") from None
        return marked

    return mark if function is None else mark(function)


def tool_marks(function: Any) -> ToolMarks:
    """The marks of a function, found through partials, methods and wrappers; `UNMARKED` when there are none."""
    for _ in range(32):
        marks = getattr(function, _ATTRIBUTE, None)
        if isinstance(marks, ToolMarks):
            return marks
        if isinstance(function, Tool):
            return function.marks
        function = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
        if function is None:
            break
    return UNMARKED


def runs_again(function: Any, name: str) -> bool:
    """Is the tool called again when its run goes on? `@on_resume("rerun")`, found like the other marks.

    Raises ConfigError for one whose repetition is not free.
    """
    repeat = tool_marks(function).repeat
    mark: object = None
    for _ in range(32):
        mark = getattr(function, "__autogen_on_resume__", None)
        if mark is not None or function is None:
            break
        if isinstance(function, Tool):
            function = function.function
        else:
            function = getattr(function, "__wrapped__", None) or getattr(function, "func", None)
    if mark == "rerun" and repeat != "free":
        raise ConfigError(
            f'the tool {name!r} is marked on_resume("rerun"), but calling it again is not free (repeat={repeat!r}); '
            'say @autogen.tool(repeat="free") if it changes nothing, or leave the mark out'
        )
    return mark == "rerun"


def is_marked(function: Any) -> bool:
    """True when `@tool` has seen the function."""
    return tool_marks(function) is not UNMARKED


class Tool(Struct, frozen=True, eq=False, kw_only=True):
    """A tool as a value: what the model is told, what is called, what repeating it means."""

    name: str
    description: str
    function: Callable[..., Any]
    marks: ToolMarks = UNMARKED
    parameters: Mapping[str, Any] | None = None
    """A JSON Schema given from outside (a tool server's); the function then takes what the model sends, unchecked.
    None: the schema comes from the function's signature."""

    def __post_init__(self) -> None:
        assert_valid_name(self.name)

    @classmethod
    def of(cls, function: Callable[..., Any], *, name: str | None = None, description: str | None = None) -> "Tool":
        """`function` with its marks. The description may come from here, the mark or the docstring's first paragraph.

        Raises ConfigError when there is none.
        """
        from autogen.tools.signature import function_name

        marks = tool_marks(function)
        name = name or marks.name or function_name(function)
        text = description or marks.description or _first_paragraph(function)
        if not text:
            raise ConfigError(f"the tool {name!r} has no description; pass description= or write a docstring")
        return cls(name=name, description=text, function=function, marks=marks)

    def schema(self) -> dict[str, Any]:
        """The declaration in 0.2's form, {"type": "function", "function": {...}}."""
        if self.parameters is None:
            from autogen.tools.schema import get_function_schema

            return get_function_schema(self.function, name=self.name, description=self.description)
        declared = {"description": self.description, "name": self.name, "parameters": dict(self.parameters)}
        return {"type": "function", "function": declared}


def _first_paragraph(function: Any) -> str:
    doc = getattr(function, "__doc__", None)
    if not isinstance(doc, str):
        return ""
    return " ".join(doc.strip().partition("\n\n")[0].split())
