"""Telling an agent of tools: decorators, signatures, `function_map`, and running one directly."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import autogen
from scenario import bot, error, mute, scenario, user


def add(a: Annotated[int, "first"], b: Annotated[int, "second"] = 2) -> int:
    """Not sent: the description is given at registration."""
    return a + b


def boom() -> str:
    raise ValueError("broken")


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
