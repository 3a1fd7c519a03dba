"""How an agent gets tools: declared to its model, registered for execution; both of 0.2's forms.

Refuses to know how schemas are made (`tools/schema.py`) and how tools are called (an effect).
"""

from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from autogen.agents.base import AgentBase
from autogen.agents.faces import blocking, concurrent
from autogen.conversation.run import Run
from autogen.core.callables import is_async, level_of_program
from autogen.core.errors import ConfigError, NotSetUp
from autogen.core.model import ToolCall, ToolSpec
from autogen.core.wire import tool_calls_of

if TYPE_CHECKING:
    from autogen.agents.conversable import ConversableAgent
    from autogen.tools.approval import ToolToApprove

F = TypeVar("F", bound=Callable[..., Any])

_digest: Final = msgspec.json.Encoder().encode


class Tooling(AgentBase):
    """The part of ConversableAgent that declares, holds and executes tools."""

    @property
    def function_map(self) -> dict[str, Callable[..., Any]]:
        """The functions that this agent executes, by name."""
        return self._function_map

    def can_execute_function(self, name: list[str] | str) -> bool:
        """Are all of these names registered for execution here?"""
        names = name if isinstance(name, list) else [name]
        return all(one in self._function_map for one in names)

    def register_function(self, function_map: dict[str, Callable[..., Any] | None]) -> None:
        """Add functions to execute; None as a value removes one. Raises ConfigError for a bad name or no callable."""
        from autogen.tools.names import assert_valid_name

        for name, function in function_map.items():
            assert_valid_name(name)
            if function is None and name not in self._function_map:
                continue
            if function is not None and not callable(function):
                raise ConfigError(
                    f"agent {self.name!r}: the function for {name!r} is {type(function).__name__}, "
                    "which cannot be called"
                )
            if function is None:
                del self._function_map[name]
            else:
                self._function_map[name] = function

    def register_for_execution(self, name: str | None = None) -> Callable[[F], F]:
        """Decorator: this agent executes the function. `name` overrides the function's."""

        def register(function: F) -> F:
            function = _markable(function)
            _set_name(function, name, self.name)
            self.register_function({_name_of(function): _executable(function)})
            return function

        return register

    def register_for_llm(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        api_style: str = "tool",
    ) -> Callable[[F], F]:
        """Decorator: this agent's model is told of the function.

        description: needed once, here or in an earlier decorator. Its parameters' types must be annotated.
        api_style: "tool", or "function" for the old form.
        Raises ValueError without a description, RuntimeError without an llm_config, TypeError without annotations.
        """

        def register(function: F) -> F:
            from autogen.tools.schema import get_function_schema

            if not self.llm_config:
                raise NotSetUp(
                    "LLM config must be setup before registering a function for LLM. "
                    f"Agent {self.name!r} has none; give it an llm_config"
                )
            if api_style not in ("tool", "function"):
                raise ValueError(f"Unsupported API style: {api_style}; it is 'tool' or 'function'")
            function = _markable(function)
            _set_name(function, name, self.name)
            _set_description(function, description)
            schema = get_function_schema(
                function,
                name=_name_of(function),
                description=function._description,  # type: ignore[attr-defined]
            )
            if api_style == "function":
                self.update_function_signature(schema["function"], is_remove=False)
            else:
                self.update_tool_signature(schema, is_remove=False)
            return function

        return register

    def update_function_signature(self, func_sig: str | dict[str, Any], is_remove: bool | None) -> None:
        """Add, change or remove a declaration in the old `functions` form, by name."""
        self._update_declarations("functions", func_sig, bool(is_remove), lambda known: known.get("name"))

    def update_tool_signature(self, tool_sig: str | dict[str, Any], is_remove: bool) -> None:
        """Add, change or remove a declaration in the `tools` form, by name."""
        self._update_declarations("tools", tool_sig, is_remove, lambda known: known["function"].get("name"))

    def _update_declarations(
        self,
        key: str,
        given: str | dict[str, Any],
        is_remove: bool,
        name_of: Callable[[dict[str, Any]], Any],
    ) -> None:
        from autogen.tools.names import assert_valid_name

        what = "function" if key == "functions" else "tool"
        if not self.llm_config:
            raise AssertionError(f"To update a {what} signature, agent must have an llm_config")
        declared: list[dict[str, Any]] = list(self.llm_config.get(key) or [])
        if is_remove:
            name = given if isinstance(given, str) else name_of(given)
            if key not in self.llm_config:
                raise AssertionError(f"The agent config doesn't have {what} {name}.")
            declared = [known for known in declared if name_of(known) != name]
        else:
            if not isinstance(given, dict):
                raise ValueError(
                    f"The {what} signature must be of the type dict. Received {what} signature type {type(given)}"
                )
            name = name_of(given)
            if key == "functions" and name is None:
                raise ValueError("The function signature must have a 'name' key.")
            assert_valid_name(name)
            known_names = [name_of(known) for known in declared]
            if name in known_names:
                import warnings

                label = "Function" if what == "function" else "Tool"
                warnings.warn(f"{label} '{name}' is being overridden.", UserWarning, stacklevel=level_of_program())
                declared[known_names.index(name)] = given
            else:
                declared.append(given)
        if declared:
            self.llm_config[key] = declared
        else:
            self.llm_config.pop(key, None)

    def _told_tools(self) -> tuple[ToolSpec, ...]:
        """What this agent's model is told of its tools."""
        config = self.llm_config
        if not config or not (config.get("tools") or config.get("functions")):
            return ()
        declared: tuple[list[Any], list[Any]] = (config.get("tools") or [], config.get("functions") or [])
        digest = _digest(declared)
        if self._tool_specs is None or self._tool_specs[0] != digest:
            self._tool_specs = (digest, (*map(_tool_spec, declared[0]), *map(_function_spec, declared[1])))
        return self._tool_specs[1]

    def _to_approve(self, name: str) -> "ToolToApprove | None":
        """The tool of that name, if a person has to approve its calls."""
        function = self._function_map.get(name)
        if function is None:
            return None
        from autogen.tools.approval import to_approve

        return to_approve(name, getattr(function, "__autogen_registered__", function))

    def execute_function(self, func_call: dict[str, Any], verbose: bool = False) -> tuple[bool, dict[str, Any]]:
        """Execute a call {"name", "arguments"}: (succeeded, {"name", "role": "function", "content"})."""
        return blocking(lambda run: _execute(run, self, func_call, verbose))

    async def a_execute_function(self, func_call: dict[str, Any], verbose: bool = False) -> tuple[bool, dict[str, Any]]:
        """`execute_function` on an event loop."""
        return await concurrent(lambda run: _execute(run, self, func_call, verbose))


def _show(func_call: dict[str, Any], answer: dict[str, Any]) -> None:
    import json
    from contextlib import suppress

    from autogen.observability.io_stream import IOStream

    given = func_call.get("arguments", "")
    with suppress(ValueError):  # what is no JSON is shown as it came
        given = json.loads(given)
    IOStream.get_default().print(f"\nInput arguments: {given}\nOutput:\n{answer['content']}")


async def _execute(run: Run, agent: Any, func_call: dict[str, Any], verbose: bool) -> tuple[bool, dict[str, Any]]:
    (legacy,) = tool_calls_of({"function_call": func_call}) if func_call else (ToolCall("", "", ""),)
    call = ToolCall("", legacy.name, legacy.arguments)
    from autogen.conversation.tool_turn import execute_here

    outcome = await execute_here(run, agent, call)
    run.tell(outcome.content, "tool")
    answer = {"name": call.name, "role": "function", "content": outcome.content}
    if verbose:
        _show(func_call, answer)
    return not outcome.is_error, answer


def _tool_spec(raw: dict[str, Any]) -> ToolSpec:
    function: dict[str, Any] = raw.get("function") or {}
    return ToolSpec(
        str(function.get("name", "")), str(function.get("description", "")), function.get("parameters") or {}, raw=raw
    )


def _function_spec(raw: dict[str, Any]) -> ToolSpec:
    return ToolSpec(
        str(raw.get("name", "")), str(raw.get("description", "")), raw.get("parameters") or {}, legacy=True, raw=raw
    )


def _markable(function: F) -> F:
    """The function, or what stands for a bound method, which takes no marks itself: each object has its own."""
    if not isinstance(function, MethodType):
        return function
    from functools import partial, update_wrapper

    return cast("F", update_wrapper(partial(function), function))


def _set_name(function: Any, name: str | None, agent: str) -> None:
    from autogen.tools.declare import tool_marks
    from autogen.tools.errors import NotAFunction
    from autogen.tools.names import assert_valid_name
    from autogen.tools.signature import function_name

    if not callable(function):
        raise NotAFunction(agent, f"{type(function).__name__}: {function!r:.80}")
    known: Any = function
    if name:
        known._name = assert_valid_name(name)
    elif not hasattr(function, "_name"):
        known._name = tool_marks(function).name or function_name(known)


def _name_of(function: Any) -> str:
    name: str = function._name
    return name


def _set_description(function: Any, description: str | None) -> None:
    from autogen.tools.declare import tool_marks

    if description:
        function._description = description
    elif not hasattr(function, "_description"):
        known = tool_marks(function).description
        if not known:
            raise ConfigError(
                "Function description is required, none found. "
                f"Pass description= for {getattr(function, '_name', function)!r}, "
                "or mark it with @tool(description=...)"
            )
        function._description = known


def _executable(function: Any) -> Callable[..., Any]:
    """0.2's wrapper for direct use: models built from dicts, the result as text. Calls by a chat see through it."""
    import functools

    from autogen.tools.declare import Tool, tool_marks
    from autogen.tools.function_utils import load_basemodels_if_needed
    from autogen.tools.serialize import serialize_to_str

    loaded = load_basemodels_if_needed(function)
    name = _name_of(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> str:
        return serialize_to_str(loaded(*args, **kwargs))

    @functools.wraps(function)
    async def a_call(*args: Any, **kwargs: Any) -> str:
        return serialize_to_str(await loaded(*args, **kwargs))

    wrapped: Any = a_call if is_async(function) else call
    wrapped.__autogen_registered__ = Tool(  # read by conversation.tool_turn
        name=name, description=getattr(function, "_description", name), function=function, marks=tool_marks(function)
    )
    made: Callable[..., Any] = wrapped
    return made


def register_function(
    f: Callable[..., Any],
    *,
    caller: "ConversableAgent",
    executor: "ConversableAgent",
    name: str | None = None,
    description: str,
) -> None:
    """Declare `f` to the caller's model and let the executor execute it. Raises before anything is registered."""
    for role, agent in (("caller", caller), ("executor", executor)):
        if not isinstance(agent, Tooling):
            raise ConfigError(f"register_function: the {role} must be a ConversableAgent, got {type(agent).__name__}")
    marked = caller.register_for_llm(name=name, description=description)(f)
    executor.register_for_execution(name=name)(marked)
