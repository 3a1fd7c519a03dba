"""Tools: registration, calls, failures, async functions, the older function form."""

# No postponed annotations here: tools are registered from inside functions, with local types.
import asyncio
from typing import Annotated, Any

import autogen
from pydantic import BaseModel
from scenario import bot, calls, chat, function_call, llm, scenario, user, views


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
