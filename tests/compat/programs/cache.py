"""The cache of model answers: seeds, the cache argument, and the Cache class."""

from __future__ import annotations

import os
from typing import Any

from autogen import Cache
from scenario import bot, chat, error, llm, scenario, user


@scenario(["first", "second"])
def default_seed_is_a_cache_on_disk(base_url: str, work_dir: str) -> Any:
    kept = []
    for message in ("q", "q", "other"):
        config = {"config_list": llm(base_url)["config_list"]}
        kept.append(user().initiate_chat(bot(base_url, llm_config=config), message=message, max_turns=1).summary)
    return [kept, sorted(os.listdir(".")), sorted(os.listdir(".cache"))]


@scenario(["first", "second"])
def seeds_are_apart(base_url: str, work_dir: str) -> Any:
    return [
        user().initiate_chat(bot(base_url, llm_config=llm(base_url, cache_seed=seed)), message="q", max_turns=1).summary
        for seed in (1, 2, 1)
    ]


@scenario(["first", "second"])
def none_is_off(base_url: str, work_dir: str) -> Any:
    texts = [user().initiate_chat(bot(base_url), message="q", max_turns=1).summary for _ in range(2)]
    return [texts, sorted(os.listdir("."))]


@scenario(["first"])
def cache_argument(base_url: str, work_dir: str) -> Any:
    texts = []
    for _ in range(2):
        agent, person = bot(base_url), user()
        with Cache.disk(cache_seed=5, cache_path_root="kept") as cache:
            texts.append(person.initiate_chat(agent, message="q", max_turns=1, cache=cache).summary)
            texts.append([person.client_cache, agent.client_cache])
    return [texts, sorted(os.listdir(".")), sorted(os.listdir("kept"))]


@scenario(["first"])
def key_is_not_of_the_secret(base_url: str, work_dir: str) -> Any:
    texts = []
    for key in ("k1", "k2"):
        config = {"config_list": [{"model": "gpt-4", "api_key": key, "base_url": base_url}], "cache_seed": 3}
        texts.append(user().initiate_chat(bot(base_url, llm_config=config), message="q", max_turns=1).summary)
    return texts


@scenario([{"content": None, "tool_calls": [("c1", "f", {})]}, "TERMINATE"])
def tool_calls_are_cached_too(base_url: str, work_dir: str) -> Any:
    kept = []
    for _ in range(2):
        person, agent = user(function_map={"f": lambda: "v"}), bot(base_url, llm_config=llm(base_url, cache_seed=9))
        kept.append(chat(person.initiate_chat(agent, message="q"))["chat_history"])
    return [kept[0] == kept[1], kept[1]]


@scenario()
def cache_class(base_url: str, work_dir: str) -> Any:
    with Cache.disk(1, "kept") as cache:
        cache.set("key", {"a": [1, None]})
        inside = [cache.get("key"), cache.get("missing"), cache.get("missing", "default")]
    with Cache.disk(2, "kept") as other:
        inside.append(other.get("key"))
    with Cache({"cache_seed": 1, "cache_path_root": "kept"}) as again:
        inside.append(again.get("key"))
    return [inside, error(Cache, {"unknown": 1}), Cache.ALLOWED_CONFIG_KEYS, sorted(os.listdir("kept"))]
