"""`OpenAIWrapper`: calls, answers, failover, filters, custom clients."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import autogen
from autogen import OpenAIWrapper
from scenario import bot, calls, chat, error, function_call, llm, scenario, user

HELLO = [{"role": "user", "content": "hello"}]


def entry(base_url: str, model: str = "gpt-4", **extra: Any) -> dict[str, Any]:
    return {"model": model, "api_key": "sk-test", "base_url": base_url, **extra}


def wrapper(base_url: str, **extra: Any) -> Any:
    return OpenAIWrapper(config_list=[entry(base_url)], **{"cache_seed": None, **extra})


def read(response: Any) -> dict[str, Any]:
    return {
        "texts": OpenAIWrapper.extract_text_or_completion_object(response)
        if response.choices[0].message.content is not None
        else None,
        "content": response.choices[0].message.content,
        "finish_reason": response.choices[0].finish_reason,
        "usage": [response.usage.prompt_tokens, response.usage.completion_tokens, response.usage.total_tokens],
        "model": response.model,
        "id": response.id,
        "cost": response.cost,
        "config_id": response.config_id,
        "pass_filter": response.pass_filter,
    }


@scenario(["hi there"])
def create(base_url: str, work_dir: str) -> Any:
    return read(wrapper(base_url).create(messages=HELLO))


@scenario(["hi there"])
def response_as_a_dict(base_url: str, work_dir: str) -> Any:
    response = wrapper(base_url).create(messages=HELLO)
    dumped = response.model_dump()
    return [
        {key: dumped[key] for key in ("id", "model", "object", "created")},
        dumped["choices"][0]["message"]["content"],
        dumped["choices"][0]["index"],
        dumped["usage"]["total_tokens"],
    ]


@scenario([{"choices": ["one", "two"]}])
def several_choices(base_url: str, work_dir: str) -> Any:
    response = wrapper(base_url).create(messages=HELLO, n=2)
    return [OpenAIWrapper.extract_text_or_completion_object(response), len(response.choices), response.choices[1].index]


@scenario(
    [calls(("c1", "f", {"a": 1})), function_call("f", {"a": 2}), {"content": "both", "tool_calls": [("c2", "g", {})]}]
)
def extraction_of_calls(base_url: str, work_dir: str) -> Any:
    client = wrapper(base_url)
    kept = []
    for _ in range(3):
        message = OpenAIWrapper.extract_text_or_completion_object(client.create(messages=HELLO))[0]
        dumped = message.model_dump()
        kept.append(
            [
                type(message).__name__,
                {key: dumped[key] for key in ("content", "role", "function_call", "tool_calls")},
                message.tool_calls is None,
            ]
        )
    return kept


@scenario([calls(("c1", "f", {"a": 1}))])
def attributes_of_a_call(base_url: str, work_dir: str) -> Any:
    call = wrapper(base_url).create(messages=HELLO).choices[0].message.tool_calls[0]
    return [call.id, call.type, call.function.name, call.function.arguments]


@scenario(["r"])
def parameters_reach_the_server(base_url: str, work_dir: str) -> Any:
    wrapper(base_url, temperature=0.5, top_p=0.9).create(
        messages=HELLO, max_tokens=7, stop=["x"], seed=3, response_format={"type": "json_object"}
    )


@scenario(["r1", "r2", "r3"])
def precedence_of_parameters(base_url: str, work_dir: str) -> Any:
    client = OpenAIWrapper(config_list=[entry(base_url, temperature=0.1)], temperature=0.2, cache_seed=None)
    client.create(messages=HELLO)
    client.create(messages=HELLO, temperature=0.3)
    wrapper(base_url, temperature=0.2).create(messages=HELLO, temperature=0.3)


@scenario(["r"])
def base_config_only(base_url: str, work_dir: str) -> Any:
    return read(
        OpenAIWrapper(model="gpt-4", api_key="sk-test", base_url=base_url, cache_seed=None).create(messages=HELLO)
    )


@scenario(["r1", "r2"])
def templates(base_url: str, work_dir: str) -> Any:
    client = wrapper(base_url, allow_format_str_template=True)
    client.create(messages=[{"role": "user", "content": "Sum {a}."}], context={"a": 1})
    client.create(messages=[{"role": "user", "content": lambda context: f"Call {context['a']}."}], context={"a": 2})


@scenario()
def instantiate(base_url: str, work_dir: str) -> Any:
    make = OpenAIWrapper.instantiate
    return [
        make("x {a}", {"a": 1}),
        make("x {a}", {"a": 1}, True),
        make("x {a}", None, True),
        make(lambda c: str(c["a"]), {"a": 1}),
        make(None),
        make(None, {"a": 1}),
    ]


@scenario([{"status": 500, "body": {"error": {"message": "down"}}}, "from the second"])
def failover_after_a_server_error(base_url: str, work_dir: str) -> Any:
    client = OpenAIWrapper(
        config_list=[entry(base_url, "gpt-4", max_retries=0), entry(base_url, "gpt-3.5-turbo", max_retries=0)],
        cache_seed=None,
    )
    return read(client.create(messages=HELLO))


@scenario(
    [
        {"status": 429, "body": {"error": {"message": "slow down"}}},
        {"status": 400, "body": {"error": {"message": "bad"}}},
        "third",
    ]
)
def failover_after_refusals(base_url: str, work_dir: str) -> Any:
    entries = [entry(base_url, model, max_retries=0) for model in ("gpt-4", "gpt-4o", "gpt-3.5-turbo")]
    return read(OpenAIWrapper(config_list=entries, cache_seed=None).create(messages=HELLO))


@scenario([{"status": 400, "body": {"error": {"message": "bad request", "code": "x"}}}])
def last_error_is_raised(base_url: str, work_dir: str) -> Any:
    return error(OpenAIWrapper(config_list=[entry(base_url, max_retries=0)], cache_seed=None).create, messages=HELLO)


@scenario([{"status": 400, "body": {"error": {"message": "filtered", "code": "content_filter"}}}])
def content_filter_is_raised_at_once(base_url: str, work_dir: str) -> Any:
    entries = [entry(base_url, max_retries=0), entry(base_url, "gpt-4o", max_retries=0)]
    return error(OpenAIWrapper(config_list=entries, cache_seed=None).create, messages=HELLO)


@scenario([{"status": 400, "body": {"error": {"message": "bad request"}}}])
def error_in_a_chat(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url, llm_config={"config_list": [entry(base_url, max_retries=0)], "cache_seed": None})
    return error(user().initiate_chat, agent, message="hello")


@scenario(["no", "yes"])
def filter_function(base_url: str, work_dir: str) -> Any:
    def accept(context: Any, response: Any) -> bool:
        return OpenAIWrapper.extract_text_or_completion_object(response)[0] == context["wanted"]

    client = OpenAIWrapper(config_list=[entry(base_url), entry(base_url, "gpt-3.5-turbo")], cache_seed=None)
    return read(client.create(messages=HELLO, filter_func=accept, context={"wanted": "yes"}))


@scenario(["no", "neither"])
def filter_function_that_accepts_nothing(base_url: str, work_dir: str) -> Any:
    client = OpenAIWrapper(config_list=[entry(base_url), entry(base_url, "gpt-3.5-turbo")], cache_seed=None)
    return read(client.create(messages=HELLO, filter_func=lambda context, response: False))


@scenario(["r1", "r2"])
def price_of_ones_own(base_url: str, work_dir: str) -> Any:
    known = OpenAIWrapper(config_list=[entry(base_url, price=[1, 2])], cache_seed=None).create(messages=HELLO)
    unknown = OpenAIWrapper(config_list=[entry(base_url, "my-model")], cache_seed=None).create(messages=HELLO)
    return [known.cost, unknown.cost]


@scenario([{"content": "r", "usage": (1000, 1000)}] * 3)
def prices(base_url: str, work_dir: str) -> Any:
    models = ("gpt-4", "gpt-4o-mini", "gpt-3.5-turbo")
    return {
        model: OpenAIWrapper(config_list=[entry(base_url, model)], cache_seed=None).create(messages=HELLO).cost
        for model in models
    }


@scenario(["r"])
def tags_and_settings_are_not_sent(base_url: str, work_dir: str) -> Any:
    OpenAIWrapper(config_list=[entry(base_url, tags=["a"], api_rate_limit=60.0)], cache_seed=None, timeout=30).create(
        messages=HELLO
    )


class CustomClient:
    """An answer without any network, by 0.2's protocol of four methods."""

    def __init__(self, config: dict[str, Any], **options: Any) -> None:
        print(f"[client for {config['model']}, keys {sorted(config)}, options {sorted(options)}]")
        self.options = options

    def create(self, params: dict[str, Any]) -> Any:
        print(f"[create {sorted(params)}]")
        answer = SimpleNamespace(model=params["model"], usage=None)
        message = SimpleNamespace(
            content=f"custom answer to {params['messages'][-1]['content']}", function_call=None, tool_calls=None
        )
        answer.choices = [SimpleNamespace(message=message)]
        return answer

    def message_retrieval(self, response: Any) -> Any:
        return [choice.message.content for choice in response.choices]

    def cost(self, response: Any) -> float:
        response.cost = 0.25
        return 0.25

    @staticmethod
    def get_usage(response: Any) -> dict[str, Any]:
        return {
            "prompt_tokens": 1,
            "completion_tokens": 2,
            "total_tokens": 3,
            "cost": response.cost,
            "model": response.model,
        }


def custom_config(model: str = "mine") -> dict[str, Any]:
    return {"config_list": [{"model": model, "model_client_cls": "CustomClient", "own": {"n": 1}}], "cache_seed": None}


@scenario()
def custom_client(base_url: str, work_dir: str) -> Any:
    agent, person = bot(base_url, llm_config=custom_config()), user()
    agent.register_model_client(model_client_cls=CustomClient, greeting="hello")
    result = person.initiate_chat(agent, message="hello", max_turns=1)
    return [chat(result), agent.get_total_usage(), agent.get_actual_usage()]


@scenario()
def custom_client_not_registered(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url, llm_config=custom_config())
    return [error(user().initiate_chat, agent, message="hello", max_turns=1), type(agent.client._clients[0]).__name__]


@scenario()
def custom_client_of_another_name(base_url: str, work_dir: str) -> Any:
    class OtherClient(CustomClient):
        pass

    agent = bot(base_url, llm_config=custom_config())
    return [error(agent.register_model_client, OtherClient), error(bot(base_url).register_model_client, CustomClient)]


@scenario()
def custom_client_giving_a_message(base_url: str, work_dir: str) -> Any:
    class CustomClient(globals()["CustomClient"]):  # type: ignore[misc]
        def message_retrieval(self, response: Any) -> Any:
            return [{"content": "a message as a dict", "role": "assistant"}]

    agent = bot(base_url, llm_config=custom_config())
    agent.register_model_client(CustomClient)
    return chat(user().initiate_chat(agent, message="hello", max_turns=1))


@scenario(["from the server"])
def custom_client_that_fails_over(base_url: str, work_dir: str) -> Any:
    class CustomClient(globals()["CustomClient"]):  # type: ignore[misc]
        def create(self, params: dict[str, Any]) -> Any:
            raise RuntimeError("custom trouble")

    config = {"config_list": [custom_config()["config_list"][0], entry(base_url)], "cache_seed": None}
    agent = bot(base_url, llm_config=config)
    agent.register_model_client(CustomClient)
    outcome = error(user().initiate_chat, agent, message="hello", max_turns=1, text=True)
    if outcome["raised"]:
        return [
            outcome,
            OpenAIWrapper(config_list=[entry(base_url)], cache_seed=None)
            .create(messages=HELLO)
            .choices[0]
            .message.content,
        ]
    return outcome


@scenario([{"content": None}, {"content": ""}])
def empty_answers(base_url: str, work_dir: str) -> Any:
    histories = []
    for _ in range(2):
        result = user(max_consecutive_auto_reply=0).initiate_chat(bot(base_url), message="hello")
        histories.append(chat(result)["chat_history"])
    return histories


@scenario([{"content": None, "tool_calls": [("c1", "bad name!", {})]}, "TERMINATE"])
def model_made_names_are_normalised(base_url: str, work_dir: str) -> Any:
    person, agent = user(function_map={"bad_name_": lambda: "found"}), bot(base_url)
    return chat(person.initiate_chat(agent, message="hello"))


@scenario(["TERMINATE"])
def settings_of_an_agent_reach_the_server(base_url: str, work_dir: str) -> Any:
    agent = bot(base_url, llm_config=llm(base_url, temperature=0, max_tokens=5, timeout=20))
    user().initiate_chat(agent, message="hello")


@scenario()
def constants(base_url: str, work_dir: str) -> Any:
    from autogen.oai import openai_utils

    return {
        "models": [autogen.DEFAULT_MODEL, autogen.FAST_MODEL],
        "extra": sorted(OpenAIWrapper.extra_kwargs),
        "usage keys": autogen.ModelClient.RESPONSE_USAGE_KEYS,
        "not in the cache key": openai_utils.NON_CACHE_KEY,
        "azure version": openai_utils.DEFAULT_AZURE_API_VERSION,
    }
