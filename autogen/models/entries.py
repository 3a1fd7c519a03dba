"""One entry of a config list, read and checked once; and the endpoint it stands for, made when a call is made.

Decides which client an entry asks for and where its requests go. Refuses to call anything. API keys are kept as
`Secret`s; keys that are missing are looked up in the environment when the call is made, and only then missed.
"""

import os
from collections.abc import Mapping
from threading import Lock
from typing import Any, Literal, TypeAlias, cast

from msgspec import Struct, field
from msgspec.structs import replace

from autogen.core.errors import ConfigError
from autogen.core.model import Json
from autogen.models.chat_endpoint import OPENAI_URL, ChatEndpoint
from autogen.models.config_keys import CONNECTION, OURS, PIPES, check_keys
from autogen.models.entry_values import check_values
from autogen.models.profiles import profile_for
from autogen.models.secret import Secret
from autogen.models.transport import ConnectionSettings, Timeout

Kind: TypeAlias = Literal["chat", "custom", "client", "scripted"]

CHAT_TYPES = frozenset({"", "openai", "open_ai", "azure"})
LATER_TYPES = ("anthropic", "bedrock", "cerebras", "cohere", "google", "groq", "mistral", "ollama", "together")
DEFAULT_CACHE_SEED = 41
DEFAULT_RETRIES = 2
DEFAULT_TIMEOUT = 600.0
MOST_TWINS = 128
MOST_KEYS = 32
"""Keys of an entry that is worth comparing."""

AUTH_HEADERS = frozenset({"authorization", "api-key", "x-api-key"})


_ENVIRONMENT = {
    "OPENAI_API_KEY": ("api_key",),
    "OPENAI_BASE_URL": ("base_url", "api_base", "azure_endpoint"),
    "OPENAI_ORG_ID": ("organization",),
    "OPENAI_PROJECT_ID": ("project",),
    "OPENAI_API_VERSION": ("api_version", "base_url", "api_base"),
    "AZURE_OPENAI_API_KEY": ("api_key",),
    "AZURE_OPENAI_ENDPOINT": ("azure_endpoint", "base_url", "api_base"),
    "AZURE_OPENAI_AD_TOKEN": ("azure_ad_token", "api_key"),
}
"""Variables that an endpoint may be made of -> the keys that leave no need for them."""
_OF_AZURE = frozenset({"OPENAI_API_VERSION", *(name for name in _ENVIRONMENT if name.startswith("AZURE"))})


class Entry(Struct, frozen=True, kw_only=True, eq=False):
    """One entry with the settings of the `llm_config` around it. `repr` shows no key."""

    index: int
    kind: Kind
    model: str
    api_type: str = "openai"
    settings: Mapping[str, Json]
    """Wire parameters; they win over those of the call, as in 0.2."""
    visible: dict[str, Any]
    """What 0.2 showed of the entry in `_config_list`: everything but the connection."""
    connection: Mapping[str, Any]
    """Connection keys as given; `api_key` and `azure_ad_token` are `Secret`s."""
    raw: Mapping[str, Any] | None = None
    """The entry as the program wrote it, for the constructor of a custom model client; else None."""
    client: Any = None
    """A registered custom client, a ready SDK client, or a `Script`."""
    client_name: str = ""
    price: tuple[float, float] | None = None
    """US dollars per 1000 prompt and completion tokens; wins over the table."""
    cache: Any = None
    cache_seed: int | str | None = DEFAULT_CACHE_SEED
    rate: float | None = None
    """Requests per second."""
    max_retries: int = DEFAULT_RETRIES
    deadline: float | None = None
    """Seconds for all attempts at this entry."""
    memo: dict[str, Any] = field(default_factory=dict[str, Any])
    """What is worked out once; no part of the value."""
    shared: bool = False
    """Other clients may have this very entry, so nobody may change what it holds."""

    def __repr__(self) -> str:
        return f"Entry({self.index}, {self.kind}, model={self.model!r}, host={self.host!r})"

    @property
    def host(self) -> str:
        """Where requests go, without path, user and key; the client's name for a custom one."""
        if self.kind != "chat":
            return self.client_name or self.kind
        return host_of(self.base_url) or "?"

    @property
    def base_url(self) -> str:
        """The address as it was given or stands in the environment; it may hold a password."""
        return _base_url(self.connection, self.api_type)

    def __str__(self) -> str:
        return f"entry {self.index} of the config_list (model {self.model!r} at {self.host})"


def read_entry(config: Any, base: Mapping[str, Any], index: int) -> Entry:
    """The entry `config` with `base`, the keys of the `llm_config` around it, below. Raises ConfigError."""
    where = f"entry {index} of the config_list"
    if not isinstance(config, Mapping):
        raise ConfigError(f"{where} is {type(config).__name__}; it must be a dict such as {{'model': 'gpt-4o'}}")
    own = cast("Mapping[str, Any]", config)
    merged: dict[str, Any] = {key: value for key, value in {**base, **own}.items() if key != "config_list"}
    kind = _kind_of(merged, where)
    twin = _twin_key(kind, index, merged)
    if twin is not None and (known := _twins.get(twin)) is not None:
        return known
    if kind == "chat":
        check_keys(merged, where)
        check_values(merged, where)
    model = merged.get("model")
    if model is not None and not isinstance(model, str):
        raise ConfigError(f"{where} has a model of type {type(model).__name__}; it must be the model's name")
    connection = {key: _sealed(key, value) for key, value in merged.items() if key in CONNECTION or key in PIPES}
    hidden = CONNECTION | {"client", "script", "api_rate_limit"}
    visible = merged if kind == "custom" else {key: value for key, value in merged.items() if key not in hidden}
    client, name = _client_of(kind, merged)
    made = Entry(
        index=index,
        kind=kind,
        model=model or ("scripted" if kind == "scripted" else ""),
        api_type="azure" if merged.get("api_type") == "azure" else "openai",
        settings={
            key: value
            for key, value in merged.items()
            if (kind == "custom" or key not in CONNECTION) and key not in OURS and key not in PIPES and key != "model"
        },
        visible=visible,
        connection=connection,
        raw=dict(own) if kind == "custom" else None,
        client=client,
        client_name=name,
        price=_price(merged.get("price"), where),
        cache=merged.get("cache"),
        cache_seed=cast("int | str | None", merged.get("cache_seed", DEFAULT_CACHE_SEED)),
        rate=_positive(merged.get("api_rate_limit"), "api_rate_limit", where),
        max_retries=_retries(merged.get("max_retries"), kind, where),
        deadline=_positive(merged.get("deadline"), "deadline", where),
        shared=twin is not None,
    )
    if twin is not None:
        with _sharing:
            while len(_twins) >= MOST_TWINS:
                del _twins[next(iter(_twins))]
            made = _twins.setdefault(twin, made)
    return made


def own_entry(entry: Entry) -> Entry:
    """The entry for one client alone, which may change what `visible` holds."""
    if not entry.shared:
        return entry
    return replace(entry, visible=dict(entry.visible), memo={}, shared=False)


_twins: dict[tuple[Any, ...], Entry] = {}
"""Entries read before, by all that they were read from: agents of one configuration share theirs."""
_sharing = Lock()


def _twin_key(kind: Kind, index: int, merged: Mapping[str, Any]) -> tuple[Any, ...] | None:
    """What tells entries apart; None for one that holds what a program may change."""
    if kind != "chat" or len(merged) > MOST_KEYS:
        return None
    try:
        return (index, *((key, _hashable(_sealed(key, value))) for key, value in merged.items()))
    except TypeError:
        return None


def _hashable(value: Any) -> Any:
    """Equal for values that are the same: 1, 1.0 and True are not. TypeError for lists, dicts and objects."""
    kind = cast("type[object]", type(value))
    if kind is str or value is None or kind is Secret:
        return value
    if kind is int or kind is float or kind is bool:
        return (kind, value)
    raise TypeError(kind)


def _kind_of(merged: Mapping[str, Any], where: str) -> Kind:
    if merged.get("model_client_cls") is not None:
        return "custom"
    if merged.get("client") is not None:
        return "client"
    api_type = merged.get("api_type") or ""
    if api_type == "scripted":
        return "scripted"
    if not isinstance(api_type, str) or api_type.lower() not in CHAT_TYPES:
        later = " (native adapters for it come in a later release)" if api_type in LATER_TYPES else ""
        raise ConfigError(
            f"{where} has the api_type {api_type!r}, which is not supported{later}; supported are 'openai' (every "
            "OpenAI-compatible server: set base_url), 'azure' and 'scripted'; or register a custom model client "
            "(model_client_cls)"
        )
    if api_type == "azure" and not (merged.get("api_version") or os.environ.get("OPENAI_API_VERSION")):
        raise ConfigError(
            f"{where} is for azure: Must provide either the `api_version` argument or the `OPENAI_API_VERSION` "
            "environment variable"
        )
    return "chat"


def _client_of(kind: Kind, merged: Mapping[str, Any]) -> tuple[Any, str]:
    if kind == "custom":
        cls = merged["model_client_cls"]
        return None, str(getattr(cls, "__name__", cls))
    if kind == "client":
        return merged["client"], type(merged["client"]).__name__
    if kind == "scripted":
        from autogen.models.scripted import script_of

        return script_of(merged.get("script")), "scripted"
    return None, ""


def _sealed(key: str, value: Any) -> Any:
    return Secret(value) if key in ("api_key", "azure_ad_token") and isinstance(value, str) and value else value


def _price(value: Any, where: str) -> tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, (list, tuple)):
        pair = cast("list[Any]", value)
        if len(pair) == 2 and all(isinstance(number, (int, float)) and number >= 0 for number in pair):
            return float(pair[0]), float(pair[1])
    raise ConfigError(f"{where} has the price {value!r}; it must be [prompt, completion], US dollars per 1000 tokens")


def _positive(value: Any, key: str, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and value > 0:
        return float(value)
    raise ConfigError(f"{where} has {key}={value!r}; it must be a number above 0")


def _retries(value: Any, kind: Kind, where: str) -> int:
    if value is None:
        return DEFAULT_RETRIES if kind == "chat" else 0
    if isinstance(value, int) and value >= 0:
        return int(value)
    raise ConfigError(f"{where} has max_retries={value!r}; it must be a whole number, 0 or more")


def timeout_of(value: Any) -> Timeout:
    """A `timeout` key: seconds, or an object or dict with connect, read, write and pool as httpx has."""
    if value is None:
        return Timeout.of(DEFAULT_TIMEOUT)
    if isinstance(value, (int, float)):
        return Timeout.of(float(value))
    names = ("connect", "read", "write", "pool")
    if isinstance(value, Mapping):
        parts = {name: cast("Mapping[str, Any]", value).get(name) for name in names}
    else:
        parts = {name: getattr(value, name, None) for name in names}
    if all(part is None or isinstance(part, (int, float)) for part in parts.values()) and any(parts.values()):
        return Timeout(**parts)
    raise ConfigError(f"timeout={value!r} is not understood; give seconds")


def endpoint_of(entry: Entry, settings: Mapping[str, Json]) -> ChatEndpoint:
    """`_endpoint_of`, remembered for as long as what it is made of stays the same."""
    asked = (settings.get("extra_headers"), settings.get("extra_query"), settings.get("timeout"))
    names = entry.memo.get("environment")
    if names is None:
        given = entry.connection
        azure = entry.api_type == "azure"
        names = tuple(
            name
            for name, keys in _ENVIRONMENT.items()
            if (azure or name not in _OF_AZURE) and not any(given.get(key) for key in keys)
        )
        entry.memo["environment"] = names
    outside = tuple(map(os.environ.get, names))
    known = entry.memo.get("endpoint")
    if known is None or known[0] != asked or known[1] != outside:
        entry.memo["endpoint"] = known = (asked, outside, _endpoint_of(entry, settings))
    endpoint: ChatEndpoint = known[2]
    return endpoint


def _endpoint_of(entry: Entry, settings: Mapping[str, Json]) -> ChatEndpoint:
    """Where the entry's request goes, with `extra_headers`, `extra_query` and `timeout` of the merged `settings`.

    Raises ConfigError when the model or a needed key is missing.
    """
    if not entry.model:
        raise ConfigError(f'entry {entry.index} of the config_list names no model; add "model" to it')
    given = entry.connection
    base_url = _base_url(given, entry.api_type)
    azure = entry.api_type == "azure"
    endpoint = ChatEndpoint(
        model=entry.model,
        base_url=base_url,
        api_key=_key_of(entry, base_url, settings),
        api_type="azure" if azure else "openai",
        api_version=given.get("api_version") or (os.environ.get("OPENAI_API_VERSION") if azure else None),
        organization=given.get("organization") or os.environ.get("OPENAI_ORG_ID"),
        project=given.get("project") or os.environ.get("OPENAI_PROJECT_ID"),
        default_headers=_revealed({**(given.get("default_headers") or {}), **(settings.get("extra_headers") or {})}),
        default_query={**(given.get("default_query") or {}), **(settings.get("extra_query") or {})},
        azure_deployment=given.get("azure_deployment"),
        azure_ad_token=_azure_token(given) if azure else None,
        azure_ad_token_provider=given.get("azure_ad_token_provider") if azure else None,
        timeout=timeout_of(settings.get("timeout", given.get("timeout"))),
        profile=profile_for(entry.model, base_url),
        http_client=given.get("http_client"),
        config_id=entry.index,
    )
    pipes: dict[str, Any] = {key: given[key] for key in PIPES if key in given and key != "deadline"}
    return replace(endpoint, connection=ConnectionSettings(**pipes)) if pipes else endpoint


def _revealed(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Headers about to be written, with the values of secrets that the program declared."""
    return {name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()}


def host_of(url: str) -> str:
    """The host name in a URL, without user, port and path."""
    rest = url.partition("://")[2] or url
    authority = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority.partition("]")[0][1:]
    return authority.partition(":")[0].lower()


def _base_url(given: Mapping[str, Any], api_type: str) -> str:
    names = ("azure_endpoint", "base_url", "api_base") if api_type == "azure" else ("base_url", "api_base")
    for name in names:
        if given.get(name):
            return str(given[name])
    if api_type == "azure":
        return os.environ.get("AZURE_OPENAI_ENDPOINT", "")
    return os.environ.get("OPENAI_BASE_URL") or OPENAI_URL


def _azure_token(given: Mapping[str, Any]) -> Secret | None:
    token = given.get("azure_ad_token") or os.environ.get("AZURE_OPENAI_AD_TOKEN")
    return Secret(token) if isinstance(token, str) else token


def _key_of(entry: Entry, base_url: str, settings: Mapping[str, Json]) -> Secret | None:
    azure = entry.api_type == "azure"
    key = entry.connection.get("api_key")
    if isinstance(key, Secret):
        return key
    if key is not None and key != "":
        raise ConfigError(f"entry {entry.index} of the config_list has an api_key of type {type(key).__name__}")
    variable = "AZURE_OPENAI_API_KEY" if azure else "OPENAI_API_KEY"
    value = os.environ.get(variable)
    if value:
        return Secret(value)
    if not base_url:
        raise ConfigError(
            f'entry {entry.index} of the config_list is for azure and says not where; set "base_url" or the '
            "environment variable AZURE_OPENAI_ENDPOINT"
        )
    host = host_of(base_url)
    needs = host == "api.openai.com" or azure
    given = entry.connection
    headers: dict[str, Any] = {**(given.get("default_headers") or {}), **(settings.get("extra_headers") or {})}
    carried = any(name.lower() in AUTH_HEADERS for name in headers)
    if azure and (_azure_token(given) or given.get("azure_ad_token_provider")):
        carried = True
    if needs and not carried and given.get("http_client") is None:
        raise MissingKey(entry.index, entry.model, host, variable)
    return None


class MissingKey(ConfigError):
    """An endpoint that needs an API key has none."""

    def __init__(self, index: int, model: str, host: str, variable: str) -> None:
        super().__init__(index, model, host, variable)
        self.index, self.model, self.host, self.variable = index, model, host, variable

    def __str__(self) -> str:
        return (
            f"entry {self.index} of the config_list (model {self.model!r} at {self.host}) has no API key; add "
            f'"api_key" to it, or set the environment variable {self.variable}'
        )
