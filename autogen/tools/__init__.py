"""Tools: performs CallTool. What the model is told of a function, and what happens when it calls one.

    schema.get_function_schema(f, *, name=None, description) -> dict[str, Any]       what the model is told
    names.normalize_name(name) -> str, names.assert_valid_name(name) -> str          0.2's name rules and texts
    serialize.serialize_to_str(value, tool="") -> str                                a result as text
    json_text.parse_json(text) -> Json, .repair_json(text) -> Repaired | None        strict; the one bounded repair
    arguments.read_arguments(function, text) -> Arguments | raises ArgumentsError    JSON text -> typed args and kwargs
    call.call_tool(effect, emit) -> ToolOutcome                                      the performer (coroutine function)
    declare.tool(repeat=..., timeout=..., ...), declare.tool_marks(f), declare.Tool  what repeating a tool means
    langchain.from_langchain(obj) -> function                                        a LangChain-like tool
    function_utils                                                                   0.2's module of that name

Imports nothing: each module is loaded when it is used, so that an agent without tools pays for none of them.
"""
