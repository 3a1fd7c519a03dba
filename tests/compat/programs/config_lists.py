"""Finding and filtering model configurations."""

from __future__ import annotations

import json
import os
from typing import Any

import autogen
from scenario import error, scenario

LIST = [
    {"model": "gpt-4", "api_key": "k1", "tags": ["a", "big"]},
    {
        "model": "gpt-4o",
        "api_key": "k2",
        "tags": ["b"],
        "api_type": "azure",
        "api_version": "v",
        "base_url": "http://azure.test",
    },
    {"model": "llama", "api_key": "k3", "base_url": "http://local.test"},
]


@scenario()
def filtering(base_url: str, work_dir: str) -> Any:
    filters: dict[str, Any] = {
        "none": None,
        "empty": {},
        "model": {"model": ["gpt-4"]},
        "models": {"model": ["gpt-4", "llama"]},
        "tags": {"tags": ["a", "b"]},
        "tag nobody has": {"tags": ["z"]},
        "missing key": {"api_type": ["azure"]},
        "missing allowed": {"api_type": ["azure", None]},
        "both": {"model": ["gpt-4", "gpt-4o"], "api_type": ["azure"]},
        "text": {"model": "gpt-4"},
        "unknown key": {"zzz": [1]},
        "predicate": {"model": lambda model: True},
    }
    kept = {}
    for label, given in filters.items():
        for exclude in (False, True):
            try:
                kept[f"{label}{' excluded' if exclude else ''}"] = [
                    row["model"] for row in autogen.filter_config(LIST, given, exclude=exclude)
                ]
            except Exception as raised:
                kept[f"{label}{' excluded' if exclude else ''}"] = type(raised).__name__
    return kept


@scenario()
def filtering_gives_the_same_rows(base_url: str, work_dir: str) -> Any:
    return [
        autogen.filter_config(LIST, {"model": ["gpt-4"]})[0] is LIST[0],
        autogen.filter_config([], {"model": ["x"]}),
    ]


@scenario()
def from_json(base_url: str, work_dir: str) -> Any:
    with open("OAI_CONFIG_LIST", "w") as file:
        json.dump(LIST, file)
    os.makedirs("sub")
    with open("sub/list.json", "w") as file:
        json.dump(LIST[:1], file)
    os.environ["COMPAT_LIST"] = json.dumps(LIST[1:])
    os.environ["COMPAT_PATH"] = "sub/list.json"
    try:
        return [
            autogen.config_list_from_json("OAI_CONFIG_LIST"),
            autogen.config_list_from_json("list.json", file_location="sub"),
            autogen.config_list_from_json("COMPAT_LIST"),
            autogen.config_list_from_json("COMPAT_PATH"),
            autogen.config_list_from_json("OAI_CONFIG_LIST", filter_dict={"tags": ["b"]}),
            error(autogen.config_list_from_json, "NO_SUCH_THING"),
        ]
    finally:
        del os.environ["COMPAT_LIST"], os.environ["COMPAT_PATH"]


@scenario()
def from_json_broken(base_url: str, work_dir: str) -> Any:
    with open("broken.json", "w") as file:
        file.write("{not json")
    os.environ["COMPAT_BROKEN"] = "[not json"
    try:
        kinds = [error(autogen.config_list_from_json, name)["raised"] for name in ("broken.json", "COMPAT_BROKEN")]
        return ["ValueError" in kind for kind in kinds]
    finally:
        del os.environ["COMPAT_BROKEN"]


@scenario()
def get_config_list(base_url: str, work_dir: str) -> Any:
    return [
        autogen.get_config_list(["k1", "k2"]),
        autogen.get_config_list(["k1", "k2"], base_urls=["u1", "u2"], api_type="azure", api_version="v"),
        autogen.get_config_list(["k1"], base_urls="u"),
        autogen.get_config_list([]),
        error(autogen.get_config_list, ["k1"], base_urls=["u1", "u2"]),
        autogen.get_config_list(["k1", "", " "]),
    ]


@scenario()
def from_dotenv(base_url: str, work_dir: str) -> Any:
    with open(".env", "w") as file:
        file.write("OPENAI_API_KEY=sk-" + "a" * 48 + "\nOTHER_KEY=other\n")
    try:
        return [
            autogen.config_list_from_dotenv(".env"),
            autogen.config_list_from_dotenv(".env", model_api_key_map={"m1": "OTHER_KEY", "m2": "OPENAI_API_KEY"}),
            autogen.config_list_from_dotenv(
                ".env",
                model_api_key_map={
                    "m1": {
                        "api_key_env_var": "OTHER_KEY",
                        "base_url": "http://b.test",
                        "api_type": "azure",
                        "api_version": "v",
                    }
                },
            ),
            autogen.config_list_from_dotenv(".env", model_api_key_map={"m1": "OTHER_KEY", "m2": "MISSING"}),
            autogen.config_list_from_dotenv(
                ".env", model_api_key_map={"m1": "OTHER_KEY", "m2": "OPENAI_API_KEY"}, filter_dict={"model": ["m2"]}
            ),
            error(autogen.config_list_from_dotenv, "no.env"),
        ]
    finally:
        for name in ("OPENAI_API_KEY", "OTHER_KEY"):
            os.environ.pop(name, None)


@scenario()
def from_models_and_key_files(base_url: str, work_dir: str) -> Any:
    os.environ["OPENAI_API_KEY"] = "sk-" + "b" * 48
    try:
        return [
            autogen.config_list_from_models(model_list=["gpt-4", "m"]),
            autogen.config_list_gpt4_gpt35(),
            autogen.config_list_openai_aoai(),
            autogen.config_list_openai_aoai(exclude="aoai"),
        ]
    finally:
        del os.environ["OPENAI_API_KEY"]


@scenario()
def from_key_files(base_url: str, work_dir: str) -> Any:
    for name, text in (
        ("key_openai.txt", "sk-" + "c" * 48),
        ("key_aoai.txt", "k1\nk2"),
        ("base_aoai.txt", "http://a1.test\nhttp://a2.test"),
    ):
        with open(name, "w") as file:
            file.write(text)
    try:
        return [
            autogen.config_list_openai_aoai(),
            autogen.config_list_from_models(model_list=["m"]),
            autogen.config_list_openai_aoai(exclude="openai"),
        ]
    finally:
        for name in ("OPENAI_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_API_BASE", "OPENAI_API_BASE"):
            os.environ.pop(name, None)
