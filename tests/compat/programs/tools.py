"""Tools: registration, calls, failures, async functions, the older function form."""

# No postponed annotations here: tools are registered from inside functions, with local types.
import asyncio
from typing import Annotated, Any

import autogen
from pydantic import BaseModel
from scenario import bot, calls, chat, error, function_call, llm, mute, scenario, user, views


def add(a: Annotated[int, "first"], b: Annotated[int, "second"] = 2) -> int:
    """Not sent: the description is given at registration."""
    return a + b


def boom() -> str:
    raise ValueError("broken")


def with_tools(base_url: str, *functions: Any) -> Any:
    person, agent = user(), bot(base_url)
    for function in functions:
        autogen.register_function(function, caller=agent, executor=person, description=f"Tool {function.__name__}.")
    return person, agent


@scenario([calls(("c1", "add", {"a": 1})), "TERMINATE"])
def one_call(base_url: str, work_dir: str) -> Any:
    person, agent = with_tools(base_url, add)
    result = person.initiate_chat(agent, message="go")
    return {**chat(result), "views": views(person, agent)}


@scenario(
    [calls(("c1", "add", {"a": 1, "b": 1}), ("c2", "boom", {}), ("c3", "nope", {}), ("c4", "add", "{bad")), "TERMINATE"]
)
def many_calls(base_url: str, work_dir: str) -> Any:
    person, agent = with_tools(base_url, add, boom)
    person.initiate_chat(agent, message="go")
    return views(person, agent)


@scenario([{"content": "I will add.", "tool_calls": [("c1", "add", {"a": 1})]}, "TERMINATE"])
def call_with_text(base_url: str, work_dir: str) -> Any:
    person, agent = with_tools(base_url, add)
    person.initiate_chat(agent, message="go")
    return views(person, agent)


@scenario(
    [
        calls(("c1", "give", {"kind": kind}))
        for kind in ("text", "number", "none", "list", "dict", "model", "float", "bool", "tuple", "unicode")
    ]
    + ["TERMINATE"]
)
def kinds_of_results(base_url: str, work_dir: str) -> Any:
    class Point(BaseModel):
        x: int
        label: str = "p"

    values: dict[str, Any] = {
        "text": "plain", "number": 3, "none": None, "list": [1, "a"], "dict": {"k": "v"}, "model": Point(x=1),
        "float": 0.1, "bool": True, "tuple": (1, 2), "unicode": {"k": "ü"},
    }  # fmt: skip

    def give(kind: str) -> Any:
        return values[kind]

    person, agent = with_tools(base_url, give)
    person.initiate_chat(agent, message="go", silent=True)
    return [
        response["content"] for message in person.chat_messages[agent] for response in message.get("tool_responses", [])
    ]


@scenario([calls(("c1", "area", {"box": {"w": 2, "h": "3"}, "scale": 2})), "TERMINATE"])
def pydantic_arguments(base_url: str, work_dir: str) -> Any:
    class Box(BaseModel):
        w: float
        h: float

    def area(box: Annotated[Box, "the box"], scale: int = 1) -> str:
        return f"{type(box).__name__} {box.w * box.h} {scale!r}"

    person, agent = with_tools(base_url, area)
    person.initiate_chat(agent, message="go")
    return views(person)


@scenario([calls(("c1", "wait", {"n": 1}), ("c2", "add", {"a": 1})), "TERMINATE"])
def async_tool_in_a_sync_chat(base_url: str, work_dir: str) -> Any:
    async def wait(n: int) -> str:
        await asyncio.sleep(0)
        return f"waited {n}"

    person, agent = with_tools(base_url, wait, add)
    person.initiate_chat(agent, message="go")
    return views(person)


@scenario(
    [
        calls(
            ("c1", "wait", {"n": 1}),
            ("c2", "add", {"a": 1}),
            ("c3", "nope", {}),
            ("c4", "wait", "{bad"),
            ("c5", "fail", {}),
        ),
        "TERMINATE",
    ]
)
def tools_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    async def wait(n: int) -> str:
        return f"waited {n}"

    async def fail() -> str:
        raise ValueError("async broken")

    person, agent = with_tools(base_url, wait, add, fail)
    asyncio.run(person.a_initiate_chat(agent, message="go"))
    return views(person)


@scenario(
    [
        function_call("add", {"a": 1}),
        function_call("boom", {}),
        function_call("nope", {}),
        function_call("add", "{bad"),
        "TERMINATE",
    ]
)
def older_function_calls(base_url: str, work_dir: str) -> Any:
    person, agent = with_tools(base_url, add, boom)
    person.initiate_chat(agent, message="go")
    return views(person, agent)


@scenario([function_call("add", {"a": 1}), function_call("wait", {}), function_call("nope", {}), "TERMINATE"])
def older_function_calls_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    async def wait() -> str:
        return "waited"

    person, agent = with_tools(base_url, add, wait)
    asyncio.run(person.a_initiate_chat(agent, message="go"))
    return views(person)


@scenario([function_call("wait", {}), "TERMINATE"])
def older_async_function_in_a_sync_chat(base_url: str, work_dir: str) -> Any:
    async def wait() -> str:
        return "waited"

    person, agent = with_tools(base_url, wait)
    person.initiate_chat(agent, message="go")
    return views(person)


@scenario([function_call("add", {"a": 1, "b": 4}), "TERMINATE"])
def function_map_and_functions(base_url: str, work_dir: str) -> Any:
    schema = {
        "name": "add",
        "description": "Add.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
    }
    agent = bot(base_url, llm_config=llm(base_url, functions=[schema]))
    person = user(function_map={"add": add})
    person.initiate_chat(agent, message="go")
    return [
        views(person),
        sorted(person.function_map),
        person.can_execute_function("add"),
        person.can_execute_function(["add", "b"]),
    ]


@scenario()
def register_function_method(base_url: str, work_dir: str) -> Any:
    one = mute("one", function_map={"a": add})
    one.register_function({"b": boom})
    both = sorted(one.function_map)
    one.register_function({"a": None})
    after = sorted(one.function_map)
    return [
        both,
        after,
        error(one.register_function, {"bad name!": add}),
        error(one.register_function, {"x" * 65: add}),
        sorted(one.function_map),
        one.function_map is one._function_map,
        error(mute, "two", function_map={"bad name!": add}),
    ]


@scenario()
def can_execute_function(base_url: str, work_dir: str) -> Any:
    one = mute("one", function_map={"a": add, "b": boom})
    return [
        one.can_execute_function("a"),
        one.can_execute_function(["a", "b"]),
        one.can_execute_function(["a", "x"]),
        one.can_execute_function([]),
    ]


@scenario()
def decorators(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)

    @person.register_for_execution()
    @agent.register_for_llm(name="sum", description="Sum up.")
    def total(a: int) -> int:
        return a

    @person.register_for_execution(name="other")
    @agent.register_for_llm(description="Older.", api_style="function")
    def older(a: int) -> int:
        return a

    return {
        "llm_config": {key: agent.llm_config.get(key) for key in ("tools", "functions")},
        "function_map": sorted(person.function_map),
        "names": [type(total).__name__, total._name, total._description, older._name],
        "called": total(3),
        "callable": callable(person.function_map["sum"]),
    }


@scenario()
def decorator_errors(base_url: str, work_dir: str) -> Any:
    agent, nobody = bot(base_url), mute("nobody")

    def f(a: int) -> int:
        return a

    return [
        error(agent.register_for_llm(), f),
        error(agent.register_for_llm(description="d", api_style="other"), f),
        error(agent.register_for_llm(name="x", description="d"), 3),
        error(agent.register_for_llm(name="bad name!", description="d"), lambda: ""),
        error(nobody.register_for_execution(), lambda: ""),
        sorted(nobody.function_map),
    ]


@scenario()
def registering_twice(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)
    for text in ("First.", "Second."):
        autogen.register_function(add, caller=agent, executor=person, description=text)
    autogen.register_function(add, caller=agent, executor=person, name="plus", description="Third.")
    return [
        [(t["function"]["name"], t["function"]["description"]) for t in agent.llm_config["tools"]],
        sorted(person.function_map),
    ]


@scenario()
def update_tool_signature(base_url: str, work_dir: str) -> Any:
    agent, nobody = bot(base_url), mute("nobody")
    schema = {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
    }
    agent.update_tool_signature(schema, is_remove=False)
    added = list(agent.llm_config["tools"])
    agent.update_tool_signature({**schema, "function": {**schema["function"], "description": "new"}}, is_remove=False)
    replaced = list(agent.llm_config["tools"])
    agent.update_tool_signature("f", is_remove=True)
    return [
        added,
        replaced,
        sorted(agent.llm_config),
        error(agent.update_tool_signature, "f", is_remove=True),
        error(nobody.update_tool_signature, schema, is_remove=False),
        error(agent.update_tool_signature, {"type": "function", "function": {"name": "bad name!"}}, is_remove=False),
    ]


@scenario()
def update_function_signature(base_url: str, work_dir: str) -> Any:
    agent, nobody = bot(base_url), mute("nobody")
    schema = {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}}
    agent.update_function_signature(schema, is_remove=False)
    added = list(agent.llm_config["functions"])
    agent.update_function_signature({**schema, "description": "new"}, is_remove=None)
    replaced = list(agent.llm_config["functions"])
    agent.update_function_signature("f", is_remove=True)
    return [
        added,
        replaced,
        sorted(agent.llm_config),
        error(agent.update_function_signature, "f", is_remove=True),
        error(nobody.update_function_signature, schema, is_remove=False),
        error(agent.update_function_signature, {"name": "bad name!"}, is_remove=False),
        error(agent.update_function_signature, "f", is_remove=False),
    ]


@scenario(["r1", "r2"])
def tool_signature_reaches_the_model(base_url: str, work_dir: str) -> Any:
    agent, person = bot(base_url), user()
    schema = {
        "type": "function",
        "function": {"name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}},
    }
    agent.update_tool_signature(schema, is_remove=False)
    person.initiate_chat(agent, message="a", max_turns=1)
    agent.update_tool_signature("f", is_remove=True)
    person.initiate_chat(agent, message="b", max_turns=1)


@scenario()
def execute_function(base_url: str, work_dir: str) -> Any:
    one = mute("one", function_map={"add": add, "boom": boom})
    return [
        list(one.execute_function({"name": "add", "arguments": '{"a": 1}'})),
        list(one.execute_function({"name": "add", "arguments": '{"a": 1}'}, verbose=True)),
        list(one.execute_function({"name": "boom", "arguments": "{}"})),
        list(one.execute_function({"name": "nope", "arguments": "{}"})),
        list(one.execute_function({"name": "add", "arguments": "not json"})),
    ]


@scenario()
def execute_function_with_arguments_that_do_not_fit(base_url: str, work_dir: str) -> Any:
    one = mute("one", function_map={"add": add})
    answers = [
        one.execute_function({"name": "add", "arguments": given})
        for given in ("[1]", '{"wrong": 1}', "{}", '{"a": "text"}')
    ]
    return [[done, answer["role"], answer["name"], answer["content"].startswith("Error: ")] for done, answer in answers]


@scenario()
def execute_function_with_a_raw_newline(base_url: str, work_dir: str) -> Any:
    def echo(text: str) -> str:
        return text

    return list(
        mute("one", function_map={"echo": echo}).execute_function(
            {"name": "echo", "arguments": '{"text": "two\nlines"}'}
        )
    )


@scenario()
def a_execute_function(base_url: str, work_dir: str) -> Any:
    async def later(a: int) -> int:
        return a + 1

    one = mute("one", function_map={"add": add, "later": later})
    rows = []
    for name, arguments in (("add", '{"a": 1}'), ("later", '{"a": 1}'), ("nope", "{}"), ("later", "bad")):
        rows.append(list(asyncio.run(one.a_execute_function({"name": name, "arguments": arguments}))))
    return rows


@scenario()
def generate_tool_calls_reply_directly(base_url: str, work_dir: str) -> Any:
    one = mute("one", function_map={"add": add})
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    rows = [
        one.generate_tool_calls_reply(messages=[{"content": None, "tool_calls": [call]}]),
        one.generate_tool_calls_reply(messages=[{"content": "no calls"}]),
        one.generate_tool_calls_reply(messages=[{"content": None, "tool_calls": []}]),
        one.generate_function_call_reply(messages=[{"content": None, "function_call": call["function"]}]),
        one.generate_function_call_reply(messages=[{"content": None, "function_call": None}]),
        one.generate_function_call_reply(messages=[{"content": "no call"}]),
    ]
    return [list(row) for row in rows]


@scenario([calls(("c1", "add", {"a": 1})), "TERMINATE"])
def executor_without_the_function(base_url: str, work_dir: str) -> Any:
    person, agent = user(), bot(base_url)
    agent.register_for_llm(description="Add.")(add)
    person.initiate_chat(agent, message="go")
    return views(person)


@scenario([calls(("c1", "ask", {"question": "q1"})), "inner answer", "TERMINATE"])
def tool_that_starts_a_chat(base_url: str, work_dir: str) -> Any:
    expert, inner = bot(base_url, "expert", system_message="I am the expert."), user("inner")

    def ask(question: str) -> str:
        return str(inner.initiate_chat(expert, message=question, max_turns=1).summary)

    person, agent = with_tools(base_url, ask)
    result = person.initiate_chat(agent, message="go")
    return [chat(result), views(inner, expert)]


@scenario([calls(("c1", "ask", {"question": "q1"})), "inner answer", "TERMINATE"])
def tool_that_starts_a_chat_in_an_async_chat(base_url: str, work_dir: str) -> Any:
    expert, inner = bot(base_url, "expert", system_message="I am the expert."), user("inner")

    async def ask(question: str) -> str:
        return str((await inner.a_initiate_chat(expert, message=question, max_turns=1)).summary)

    person, agent = with_tools(base_url, ask)
    result = asyncio.run(person.a_initiate_chat(agent, message="go"))
    return [chat(result), views(inner, expert)]


@scenario([calls(("c1", "say", {"text": "a"})), calls(("c2", "say", {"text": "b"}))])
def tool_that_prints_and_says_the_last_word(base_url: str, work_dir: str) -> Any:
    def say(text: str) -> str:
        print(f"[tool says {text}]")
        return "TERMINATE" if text == "b" else ""

    person, agent = with_tools(base_url, say)
    person.initiate_chat(agent, message="go")
    return views(person)
