"""Costs and token counts: summaries by agent, by chat, and printed."""

from __future__ import annotations

from typing import Any

import autogen
from scenario import bot, error, llm, mute, scenario, user

TWO_MODELS = [{"content": "a", "usage": (100, 10)}, {"content": "b", "usage": (200, 20)}]


def talk(base_url: str, model: str = "gpt-4", **extra: Any) -> Any:
    agent = bot(
        base_url,
        llm_config={
            "config_list": [{"model": model, "api_key": "k", "base_url": base_url, **extra}],
            "cache_seed": None,
        },
    )
    user().initiate_chat(agent, message="q", max_turns=1, silent=True)
    return agent


@scenario(TWO_MODELS)
def gathered(base_url: str, work_dir: str) -> Any:
    one, two, three = talk(base_url), talk(base_url, "gpt-3.5-turbo"), mute("three")
    return [
        autogen.gather_usage_summary([one, two, three]),
        autogen.gather_usage_summary([three]),
        autogen.gather_usage_summary([]),
        one.get_actual_usage(),
        two.get_total_usage(),
        three.get_total_usage(),
        one.client.total_usage_summary,
        one.client.actual_usage_summary,
    ]


@scenario([{"content": "a", "usage": (100, 10)}])
def printed_by_an_agent(base_url: str, work_dir: str) -> Any:
    agent = talk(base_url)
    agent.print_usage_summary()
    agent.print_usage_summary("actual")
    agent.print_usage_summary("total")
    agent.print_usage_summary(["actual"])
    mute("three").print_usage_summary()
    return error(agent.print_usage_summary, "other")


@scenario([{"content": "a", "usage": (100, 10)}])
def printed_by_a_client(base_url: str, work_dir: str) -> Any:
    client = autogen.OpenAIWrapper(**llm(base_url))
    client.print_usage_summary()
    client.create(messages=[{"role": "user", "content": "q"}])
    client.print_usage_summary()
    client.clear_usage_summary()
    client.print_usage_summary()
    return [client.total_usage_summary, client.actual_usage_summary]


@scenario([{"content": "a", "usage": (100, 10)}, {"content": "b", "usage": (1000, 100)}])
def printed_with_several_models(base_url: str, work_dir: str) -> Any:
    entries = [{"model": model, "api_key": "k", "base_url": base_url} for model in ("gpt-4", "gpt-3.5-turbo")]
    client = autogen.OpenAIWrapper(config_list=entries, cache_seed=None)
    client.create(
        messages=[{"role": "user", "content": "q"}],
        filter_func=lambda context, response: response.model == "gpt-3.5-turbo",
    )
    client.print_usage_summary()
    return client.total_usage_summary


@scenario([{"content": "a", "usage": (100, 10)}])
def unknown_price(base_url: str, work_dir: str) -> Any:
    agent = talk(base_url, "a-model-nobody-knows")
    agent.print_usage_summary()
    return agent.get_total_usage()


@scenario([{"content": "a", "usage": (100, 10)}])
def own_price(base_url: str, work_dir: str) -> Any:
    agent = talk(base_url, "a-model-nobody-knows", price=[0.5, 1])
    agent.print_usage_summary()
    return agent.get_total_usage()


@scenario([{"content": "a", "model": "gpt-4-0613", "usage": (100, 10)}])
def model_named_by_the_server(base_url: str, work_dir: str) -> Any:
    return talk(base_url).get_total_usage()


@scenario(["a", "b", "s"])
def cost_of_a_chat_counts_what_the_agents_spent_before(base_url: str, work_dir: str) -> Any:
    agent, person = bot(base_url), user()
    first = dict(person.initiate_chat(agent, message="q", max_turns=1).cost)
    second = person.initiate_chat(agent, message="q", max_turns=1, summary_method="reflection_with_llm").cost
    return [first, second]


@scenario(["a", "b", "c"])
def cost_of_two_agents_in_one_chat(base_url: str, work_dir: str) -> Any:
    one, two = bot(base_url, "one"), bot(base_url, "two")
    result = two.initiate_chat(one, message="q", max_turns=2)
    return [result.cost, autogen.gather_usage_summary([one]), autogen.gather_usage_summary([two])]


@scenario(["cached"])
def cached_answers(base_url: str, work_dir: str) -> Any:
    kept = []
    for _ in range(2):
        agent = bot(base_url, llm_config=llm(base_url, cache_seed=7))
        result = user().initiate_chat(agent, message="q", max_turns=1)
        kept.append([result.summary, result.cost, agent.get_actual_usage(), agent.get_total_usage()])
        agent.print_usage_summary()
    return kept
