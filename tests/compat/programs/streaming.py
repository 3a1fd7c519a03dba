"""`stream=True`: what is printed while a model speaks. Token estimates are not compared: 0.2 makes them with downloaded tables."""

from __future__ import annotations

from typing import Any

from autogen import OpenAIWrapper
from scenario import bot, chat, llm, scenario, user, without_downloads


@scenario([{"stream": ["Hel", "lo ", "there\n", "you"]}])
def streamed_text(base_url: str, work_dir: str) -> Any:
    without_downloads()
    person, agent = user(max_consecutive_auto_reply=0), bot(base_url, llm_config=llm(base_url, stream=True))
    result = chat(person.initiate_chat(agent, message="hello"))
    return [result["chat_history"], result["summary"]]


@scenario(
    [
        {
            "stream": [
                {
                    "tool_calls": [
                        {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
                    ]
                },
                {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
                {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
            ],
            "finish_reason": "tool_calls",
        },
        {"stream": ["TERMINATE"]},
    ]
)
def streamed_tool_call(base_url: str, work_dir: str) -> Any:
    without_downloads()
    agent = bot(base_url, llm_config=llm(base_url, stream=True))
    person = user()

    @person.register_for_execution()
    @agent.register_for_llm(description="F.")
    def f(a: int) -> str:
        return f"got {a}"

    return chat(person.initiate_chat(agent, message="hello"))["chat_history"]


@scenario([{"stream": ["only ", "this"]}])
def streamed_by_a_client(base_url: str, work_dir: str) -> Any:
    without_downloads()
    response = OpenAIWrapper(**llm(base_url)).create(messages=[{"role": "user", "content": "q"}], stream=True)
    return [
        OpenAIWrapper.extract_text_or_completion_object(response),
        response.choices[0].finish_reason,
        response.model,
    ]


@scenario([{"stream": []}])
def streamed_nothing(base_url: str, work_dir: str) -> Any:
    without_downloads()
    person, agent = user(max_consecutive_auto_reply=0), bot(base_url, llm_config=llm(base_url, stream=True))
    return chat(person.initiate_chat(agent, message="hello"))["chat_history"]
