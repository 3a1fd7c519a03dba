"""The errors of tools: what a program is told at registration, and what a model is told at a call.

Refuses to know how a schema is made or a call is performed. Every class is one job's failure; the 0.2 builtin that
the same mistake raised there (TypeError, ValueError) is a base of each.
"""

from autogen.core.errors import ToolError


class MissingAnnotations(ToolError, TypeError):
    """A parameter without a default has no type, so the model cannot be told what it takes. The text is 0.2's."""

    def __init__(self, function: str, parameters: tuple[str, ...]) -> None:
        super().__init__(function, parameters)
        self.function, self.parameters = function, parameters

    def __str__(self) -> str:
        missing = ", ".join(f"'{name}'" for name in self.parameters)
        return (
            f"All parameters of the function '{self.function}' without default values must be annotated. "
            f"The annotations are missing for the following parameters: {missing}"
        )


class NotAFunction(ToolError, TypeError, AttributeError):
    """What is to be a tool cannot be called. (0.2 stumbled over it with an AttributeError.)"""

    def __init__(self, agent: str, got: str) -> None:
        super().__init__(agent, got)
        self.agent, self.got = agent, got

    def __str__(self) -> str:
        return f"agent {self.agent!r}: a tool must be a function, got {self.got}"


class InvalidDescription(ToolError, ValueError):
    """`Annotated[T, x]` where x is no text. The text is 0.2's."""

    def __init__(self, parameter: str, description: str) -> None:
        super().__init__(parameter, description)
        self.parameter, self.description = parameter, description

    def __str__(self) -> str:
        return f"Invalid description {self.description} for parameter {self.parameter}, should be a string."


class UnsupportedType(ToolError, TypeError):
    """A type that no JSON value can be told for, or a name that cannot be resolved."""

    def __init__(self, annotation: str, reason: str, where: str = "") -> None:
        super().__init__(annotation, reason, where)
        self.annotation, self.reason, self.where = annotation, reason, where

    def __str__(self) -> str:
        return (
            f"{self.where or 'a tool'}: {self.annotation} {self.reason}; give the parameter a JSON-like type, "
            "or bind it beforehand with functools.partial so that the model does not see it"
        )


class NotSerializable(ToolError, TypeError):
    """What a tool returned has no JSON form."""

    def __init__(self, tool: str, kind: str, reason: str) -> None:
        super().__init__(tool, kind, reason)
        self.tool, self.kind, self.reason = tool, kind, reason

    def __str__(self) -> str:
        who = f"the tool {self.tool!r} returned" if self.tool else "this is"
        return (
            f"{who} a {self.kind}, which is not JSON serializable ({self.reason}); "
            "return a str, a number, a list, a dict, a pydantic model, a dataclass or a Struct"
        )


class ArgumentsError(ToolError, ValueError):
    """The arguments of one call cannot be used. `str()` is what the model is shown, without the `Error: ` prefix.

    syntax: the text is not JSON at all (then the function is not even announced as executing, as in 0.2).
    """

    def __init__(self, tool: str, text: str, *, syntax: bool = False) -> None:
        super().__init__(tool, text)
        self.tool, self.text, self.syntax = tool, text, syntax

    def __reduce__(self) -> tuple[object, ...]:
        return (_arguments_error, (self.tool, self.text, self.syntax))

    def __str__(self) -> str:
        return self.text


def _arguments_error(tool: str, text: str, syntax: bool) -> ArgumentsError:
    return ArgumentsError(tool, text, syntax=syntax)
