"""0.2's helpers that make config lists from keys, environment variables, files and dotenv files.

Decides where each helper looks and in which order, as 0.2.40 was seen to. Refuses to check entries: agents do.
"""
# ruff: noqa: PTH109, PTH110, PTH113, PTH118, PTH120 - os.path, because a first agent does not load pathlib

import os
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias, cast

from autogen.core.errors import ConfigError

Config: TypeAlias = dict[str, Any]
Filter: TypeAlias = Mapping[str, Any]

DEFAULT_AZURE_API_VERSION = "2024-02-01"
NON_CACHE_KEY = [
    "api_key", "base_url", "api_type", "api_version", "azure_ad_token", "azure_ad_token_provider", "credentials",
    "tool_config",
]  # fmt: skip


class ConfigFileMissing(ConfigError, FileNotFoundError):
    """A config list was looked for in a variable and a file, and neither is there."""

    def __init__(self, name: str, path: str) -> None:
        super().__init__(name, path)
        self.name, self.path = name, path

    def __str__(self) -> str:
        return (
            f"no config list {self.name!r}: there is no environment variable of that name with content, and no file "
            f"{self.path}; make one of them, with a JSON list such as "
            '[{"model": "gpt-4o", "api_key": "..."}]'
        )


def get_key(config: Mapping[str, Any]) -> str:
    """0.2's cache key: the configuration as sorted JSON, without what names the account."""
    import json

    return json.dumps({key: value for key, value in config.items() if key not in NON_CACHE_KEY}, sort_keys=True)


def get_config(
    api_key: str | None, base_url: str | None = None, api_type: str | None = None, api_version: str | None = None
) -> Config:
    """One entry; what is not given is left out."""
    config: Config = {"api_key": api_key}
    for key, value in (("base_url", base_url), ("api_type", api_type), ("api_version", api_version)):
        if value:
            config[key] = value
    return config


def get_config_list(
    api_keys: Iterable[str],
    base_urls: Collection[str] | None = None,
    api_type: str | None = None,
    api_version: str | None = None,
) -> list[Config]:
    """One entry per key that is not empty. Raises AssertionError unless there are as many `base_urls`, if any."""
    keys = list(api_keys)
    urls: list[str | None] = list(base_urls) if base_urls is not None else [None] * len(keys)
    if len(keys) != len(urls):
        raise AssertionError("The length of api_keys must match the length of base_urls")
    pairs = zip(keys, urls, strict=True)
    return [get_config(key, url, api_type, api_version) for key, url in pairs if key and key.strip()]


def config_list_openai_aoai(
    key_file_path: str | None = ".",
    openai_api_key_file: str | None = "key_openai.txt",
    aoai_api_key_file: str | None = "key_aoai.txt",
    openai_api_base_file: str | None = "base_openai.txt",
    aoai_api_base_file: str | None = "base_aoai.txt",
    exclude: str | None = None,
) -> list[Config]:
    """Entries for OpenAI and Azure: from environment variables, one key or address a line, else from files.

    exclude: "openai" or "aoai". What is read from files is put into the environment, as 0.2 did.
    """
    if exclude != "openai":
        _from_files(key_file_path, {"OPENAI_API_KEY": openai_api_key_file, "OPENAI_API_BASE": openai_api_base_file})
    if exclude != "aoai":
        _from_files(
            key_file_path, {"AZURE_OPENAI_API_KEY": aoai_api_key_file, "AZURE_OPENAI_API_BASE": aoai_api_base_file}
        )
    found: list[Config] = []
    if exclude != "openai":
        bases = _lines("OPENAI_API_BASE")
        found += get_config_list(_lines("OPENAI_API_KEY"), bases or None)
    if exclude != "aoai":
        found += get_config_list(
            _lines("AZURE_OPENAI_API_KEY"), _lines("AZURE_OPENAI_API_BASE"), "azure", DEFAULT_AZURE_API_VERSION
        )
    return found


def _from_files(folder: str | None, files: Mapping[str, str | None]) -> None:
    for variable, name in files.items():
        if variable in os.environ or folder is None or name is None:
            continue
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                os.environ[variable] = file.read().strip()


def _lines(variable: str) -> list[str]:
    text = os.environ.get(variable, "")
    return [line for line in text.split("\n") if line.strip()]


def config_list_from_models(
    key_file_path: str | None = ".",
    openai_api_key_file: str | None = "key_openai.txt",
    aoai_api_key_file: str | None = "key_aoai.txt",
    aoai_api_base_file: str | None = "base_aoai.txt",
    exclude: str | None = None,
    model_list: list[str] | None = None,
) -> list[Config]:
    """`config_list_openai_aoai` once per model of `model_list`."""
    entries = config_list_openai_aoai(
        key_file_path, openai_api_key_file, aoai_api_key_file, aoai_api_base_file=aoai_api_base_file, exclude=exclude
    )
    if not model_list:
        return entries
    return [{**entry, "model": model} for model in model_list for entry in entries]


def config_list_gpt4_gpt35(
    key_file_path: str | None = ".",
    openai_api_key_file: str | None = "key_openai.txt",
    aoai_api_key_file: str | None = "key_aoai.txt",
    aoai_api_base_file: str | None = "base_aoai.txt",
    exclude: str | None = None,
) -> list[Config]:
    """Entries for gpt-4, then for gpt-3.5-turbo."""
    return config_list_from_models(
        key_file_path,
        openai_api_key_file,
        aoai_api_key_file,
        aoai_api_base_file,
        exclude,
        model_list=["gpt-4", "gpt-3.5-turbo"],
    )


def filter_config(config_list: Iterable[Config], filter_dict: Filter | None, exclude: bool = False) -> list[Config]:
    """The entries whose every named key has an acceptable value; with `exclude` those where none has.

    filter_dict: key -> a list or set of acceptable values (a single text also counts). A list in an entry (`tags`)
    is acceptable when one of its values is; None among the values also accepts entries without the key.
    """
    if not filter_dict:
        return list(config_list)
    kept: list[Config] = []
    for config in config_list:
        satisfied = [_satisfies(config.get(key), values, key) for key, values in filter_dict.items()]
        if (not any(satisfied)) if exclude else all(satisfied):
            kept.append(config)
    return kept


def _satisfies(value: Any, acceptable: Any, key: str) -> bool:
    if acceptable is None:
        raise ConfigError(f"filter_dict[{key!r}] is None; give a list of acceptable values")
    values: list[Any] = [acceptable] if isinstance(acceptable, str) else list(cast("Iterable[Any]", acceptable))
    if isinstance(value, (list, tuple, set)):
        return any(item in values for item in cast("Iterable[Any]", value))
    return value in values


def config_list_from_json(
    env_or_file: str, file_location: str | None = "", filter_dict: Filter | None = None
) -> list[Config]:
    """The JSON list in the environment variable `env_or_file`, in the file that it names, or in a file of that name.

    file_location: the file's folder. Raises `ConfigFileMissing` (a FileNotFoundError) and ConfigError for what is no
    JSON list of dicts, with file, line and column.
    """
    text = os.environ.get(env_or_file, "") if env_or_file else ""
    source = f"the environment variable {env_or_file}"
    if text and not text.lstrip().startswith(("[", "{")) and os.path.exists(text):
        text, source = _read(text), text
    elif not text:
        path = os.path.join(file_location or "", env_or_file)
        if not os.path.isfile(path):
            raise ConfigFileMissing(env_or_file, path)
        text, source = _read(path), path
    entries = _parse(text, source)
    return filter_config(entries, filter_dict)


def _read(path: str) -> str:
    with open(path, encoding="utf-8-sig") as file:
        return file.read()


def _parse(text: str, source: str) -> list[Config]:
    import json

    try:
        found: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source} is no JSON: {error.msg} in line {error.lineno}, column {error.colno}; it must hold a list such "
            'as [{"model": "gpt-4o", "api_key": "..."}], with double quotes and no comma after the last item'
        ) from None
    entries: list[Any] = list(cast("Iterable[Any]", found)) if isinstance(found, list) else [found]
    if not all(isinstance(item, dict) for item in entries):
        raise ConfigError(
            f'{source} must hold a JSON list of objects, such as [{{"model": "gpt-4o", "api_key": "..."}}]'
        )
    return entries


# ---- dotenv ---------------------------------------------------------------------------------------------------------

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*(.*)$")
DEFAULT_MODELS = {"gpt-4": "OPENAI_API_KEY", "gpt-3.5-turbo": "OPENAI_API_KEY"}


def config_list_from_dotenv(
    dotenv_file_path: str | None = None,
    model_api_key_map: Mapping[str, Any] | None = None,
    filter_dict: Filter | None = None,
) -> list[Config]:
    """Entries whose keys come from a dotenv file (searched upwards from here without a path) and the environment.

    model_api_key_map: model -> the variable with its key, or a dict with `api_key_env_var`, `base_url`, `api_type`,
    `api_version`; gpt-4 and gpt-3.5-turbo with OPENAI_API_KEY are added unless they are named. Variables of the file
    are put into the environment where they are not set. Models without a key are left out with a warning.
    """
    path = dotenv_file_path or _find_dotenv()
    if path is None:
        _warn("No .env file found. Loading configurations from environment variables.")
    elif not os.path.isfile(path):
        _warn("The specified .env file %s does not exist.", path)
    else:
        for name, value in read_dotenv(path).items():
            os.environ.setdefault(name, value)
    wanted = {**(model_api_key_map or {})}
    for model, variable in DEFAULT_MODELS.items():
        wanted.setdefault(model, variable)
    entries: list[Config] = []
    for model, source in wanted.items():
        config = _dotenv_entry(model, source)
        if config["api_key"] and str(config["api_key"]).strip():
            entries.append({**config, "model": model})
        else:
            _warn("API key not found or empty for model %s. Please ensure path to .env file is correct.", model)
    entries = filter_config(entries, filter_dict)
    if not entries:
        _warn("No configurations loaded.")
    return entries


def _dotenv_entry(model: str, source: Any) -> Config:
    if isinstance(source, str):
        return get_config(os.environ.get(source))
    if isinstance(source, Mapping):
        known = dict(cast("Mapping[str, Any]", source))
        key = os.environ.get(str(known.pop("api_key_env_var", "OPENAI_API_KEY")))
        unknown = known.keys() - {"base_url", "api_type", "api_version"}
        if unknown:
            raise ConfigError(f"model_api_key_map[{model!r}] has the unknown keys {', '.join(sorted(unknown))}")
        return get_config(key, **known)
    raise ConfigError(f"model_api_key_map[{model!r}] is {type(source).__name__}; give a variable's name or a dict")


def _find_dotenv() -> str | None:
    folder = os.getcwd()
    while True:
        path = os.path.join(folder, ".env")
        if os.path.isfile(path):
            return path
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent


def read_dotenv(path: str) -> dict[str, str]:
    """The assignments of a dotenv file: `NAME=value`, quotes and `export` allowed, `#` begins a comment."""
    found: dict[str, str] = {}
    for line in _read(path).splitlines():
        match = _ASSIGNMENT.match(line)
        if match is None or line.lstrip().startswith("#"):
            continue
        name, value = match.group(1), match.group(2).strip()
        if value[:1] in ("'", '"') and value.find(value[0], 1) > 0:
            quote = value[0]
            value = value[1 : value.find(quote, 1)]
            if quote == '"':
                value = value.replace("\\n", "\n").replace("\\t", "\t")
        else:
            value = re.split(r"\s+#", value)[0].rstrip()
        found[name] = value
    return found


def _warn(text: str, *facts: object) -> None:
    import logging

    logging.getLogger("autogen.oai.openai_utils").warning(text, *facts)
