"""The values of a config list entry that no call could survive, refused when the entry is read.

Decides which values are impossible and says so with the entry's place in the list. Never shows a key. Refuses to know
which keys there are (`config_keys.py`) and what becomes of the good values (`entries.py`).
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from autogen.core.errors import ConfigError
from autogen.models.transport import shown

_ADDRESSES: Final = ("base_url", "api_base", "azure_endpoint")
_KINDS: Final[tuple[tuple[tuple[str, ...], tuple[type, ...], str], ...]] = (
    (("default_headers", "default_query", "extra_headers", "extra_query", "extra_body"), (Mapping,), "a dict"),
    (("proxy", "no_proxy", "api_version", "organization", "project", "azure_deployment"), (str,), "text"),
    (("tools", "functions"), (list, tuple), "a list of dicts"),
    (("cache_seed",), (int, str), "a number, or None for no cache"),
)
"""Keys, what their values are, and that in words."""


def check_values(merged: Mapping[Any, Any], where: str) -> None:
    """Raise ConfigError for a value of a chat entry that could only fail later."""
    for key, value in merged.items():
        if value is None:
            continue
        if key in _ADDRESSES:
            _check_address(key, value, where)
        elif key == "api_key":
            _check_key(value, where)
        elif key == "timeout":
            _check_timeout(value, where)
        elif key == "filter_func" and not callable(value):
            raise ConfigError(f"{where} has a filter_func of type {type(value).__name__}; it must be a function")
        else:
            _check_kind(key, value, where)


def _check_kind(key: object, value: object, where: str) -> None:
    got = type(value).__name__
    for keys, kinds, wanted in _KINDS:
        listed = cast("list[object]", value) if kinds == (list, tuple) and isinstance(value, kinds) else ()
        if key in keys and not (isinstance(value, kinds) and all(isinstance(item, Mapping) for item in listed)):
            # Without the value: headers and queries hold keys.
            raise ConfigError(f"{where} has a {key} of type {got}; it must be {wanted}")


def _check_address(key: str, value: object, where: str) -> None:
    text = str(value).strip()  # an httpx.URL, too
    scheme, _, rest = text.partition("://")
    if text and (scheme.lower() not in ("http", "https") or not rest.partition("/")[0].rpartition("@")[2]):
        raise ConfigError(
            f"{where} has the {key} {shown(text)!r}; it must be an http:// or https:// address such as "
            "'http://localhost:8000/v1'"
        )


def _check_key(value: object, where: str) -> None:
    from autogen.models.secret import Secret

    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise ConfigError(f"{where} has an api_key of type {type(value).__name__}; it must be text")
    if value and (value != value.strip() or not value.isascii() or not value.isprintable()):
        raise ConfigError(
            f"{where} has an api_key that begins or ends with a blank, or holds a line break or another letter that "
            "no header takes; strip() what was read from a file"
        )


def _check_timeout(value: object, where: str) -> None:
    if isinstance(value, (str, bool, list, tuple)) or (isinstance(value, (int, float)) and not value > 0):
        raise ConfigError(f"{where} has timeout={value!r:.80}; it must be seconds, above 0")
