"""A LangChain-like tool as a function of ours. Imports nothing of LangChain: it looks at four attributes.

Refuses to know how such a tool runs: `run` (or `_run`) is called with what the model sent.
"""

from collections.abc import Callable
from typing import Annotated, Any, cast

from autogen.core.errors import ToolError
from autogen.tools.declare import Repeat, tool
from autogen.tools.names import normalize_name

_annotated = cast("Any", Annotated)  # subscribed with values that only a run knows


def from_langchain(obj: Any, *, repeat: Repeat = "never", timeout: float | None = None) -> Callable[..., Any]:
    """A function that calls `obj`, marked with its name and description, with the signature of its `args_schema`.

    obj: anything with `name`, `description`, `run` or `_run`, and a pydantic `args_schema` or None (then it takes
        one text, `tool_input`). Register it as any function. Raises ToolError when something is missing.
    """
    import inspect

    name, description = getattr(obj, "name", None), getattr(obj, "description", None)
    run: Any = getattr(obj, "run", None)
    whole = callable(run)
    run = run if whole else getattr(obj, "_run", None)
    if not isinstance(name, str) or not isinstance(description, str) or not callable(run):
        raise ToolError(
            f"{type(obj).__name__} is not a LangChain-like tool: it needs `name`, `description` and `run` or `_run`"
        )
    parameters = _parameters(obj, name)
    single = "args_schema" if getattr(obj, "args_schema", None) is None else ""

    def call(**arguments: Any) -> Any:
        if single:
            return run(arguments["tool_input"])
        return run(arguments) if whole else run(**arguments)

    call.__name__ = call.__qualname__ = normalize_name(name)
    call.__doc__ = description
    call.__signature__ = inspect.Signature(parameters, return_annotation=str)  # type: ignore[attr-defined]
    return tool(repeat=repeat, timeout=timeout, name=normalize_name(name), description=description)(call)


def _parameters(obj: Any, name: str) -> list[Any]:
    from inspect import Parameter

    schema = getattr(obj, "args_schema", None)
    if schema is None:
        return [Parameter("tool_input", Parameter.KEYWORD_ONLY, annotation=str)]
    if not hasattr(schema, "model_fields"):
        raise ToolError(f"the args_schema of {name!r} must be a pydantic model class, got {schema!r:.80}")
    fields: dict[str, Any] = schema.model_fields
    found: list[Any] = []
    for field_name, field in fields.items():
        annotation = _annotated[(field.annotation, field.description or field_name, *field.metadata)]
        default = Parameter.empty if field.is_required() else field.get_default(call_default_factory=True)
        found.append(Parameter(field_name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default))
    return found
