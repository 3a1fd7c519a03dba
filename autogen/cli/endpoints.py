"""Which model a command talks to: options first, then the configuration list, then a key, then this machine.

Decides the order and says where the answer came from. Refuses to know what is done with the model.
Change together: docs/command-line.md ("Which model is used").
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from autogen.cli.exits import NoModel, UserError

CONFIG_LIST = "OAI_CONFIG_LIST"
DEFAULT_MODEL = "gpt-4o"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Wanted(Struct, frozen=True, kw_only=True):
    """The options of a command that choose a model, as typed."""

    model: str | None = None
    base_url: str | None = None
    config: str | None = None


class Found(Struct, frozen=True, eq=False):
    """A model to talk to: entries for `llm_config["config_list"]`, and where they came from. Its repr hides keys."""

    config_list: tuple[dict[str, Any], ...]
    origin: str

    def __repr__(self) -> str:
        return f"Found({', '.join(self.models)} from {self.origin})"

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(str(entry.get("model", "?")) for entry in self.config_list)

    def llm_config(self, **settings: Any) -> dict[str, Any]:
        return {"config_list": [dict(entry) for entry in self.config_list], **settings}


def find_model(wanted: Wanted, environment: Mapping[str, str] | None = None) -> Found:
    """The model to use. Raises UserError for an option that cannot be followed, NoModel when there is none at all."""
    known = os.environ if environment is None else environment
    passed_over = ""
    if wanted.base_url is not None:
        if wanted.config is not None:
            raise UserError("give --config or --base-url, not both")
        return _at(wanted.base_url, wanted.model, known)
    if wanted.config is not None:
        return _from_list(wanted.config, f"--config {wanted.config}", wanted.model, required=True)
    if known.get(CONFIG_LIST) or Path(CONFIG_LIST).is_file():
        where = "in the environment" if known.get(CONFIG_LIST) else "in this directory"
        found = _from_list(CONFIG_LIST, f"{CONFIG_LIST} {where}", wanted.model, required=False)
        if found.config_list:
            return found
        passed_over = f" ({CONFIG_LIST} {where} has no entry for it)"
    if known.get("OPENAI_API_KEY"):
        model = wanted.model or known.get("OPENAI_MODEL") or DEFAULT_MODEL
        entry = {"model": model, "api_key": known["OPENAI_API_KEY"]}
        if known.get("OPENAI_BASE_URL"):
            entry["base_url"] = known["OPENAI_BASE_URL"]
        return Found((entry,), "OPENAI_API_KEY")
    return _on_this_machine(wanted.model, passed_over)


def _at(base_url: str, model: str | None, known: Mapping[str, str]) -> Found:
    parts = urlsplit(base_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"--base-url must be a URL such as http://127.0.0.1:11434/v1, got {base_url!r}")
    key = known.get("OPENAI_API_KEY", "")
    # A key goes to another machine only through TLS, and never to a server of this one, which needs none.
    sent = key if parts.scheme == "https" and parts.hostname not in _LOOPBACK else ""
    entry = {"model": model or "", "base_url": base_url, "api_key": sent or "none"}
    if model is None:
        entry["model"] = _first_model(base_url, sent)
    withheld = "; the key in OPENAI_API_KEY is not sent there" if key and not sent else ""
    return Found((entry,), f"--base-url {base_url}{withheld}")


def _first_model(base_url: str, key: str) -> str:
    from autogen.cli.local_servers import LocalServer
    from autogen.cli.probe import models_at

    name = LocalServer("", base_url, tuple(models_at(base_url, key))).chat_model()
    if name is None:
        raise UserError(f"{base_url} lists no models; name one with --model")
    return name


def _from_list(env_or_file: str, origin: str, model: str | None, *, required: bool) -> Found:
    from autogen import config_list_from_json

    try:
        entries = config_list_from_json(env_or_file)
    except (OSError, ValueError) as wrong:
        raise UserError(f"{origin}: {wrong}") from wrong
    if model is not None:
        chosen = [entry for entry in entries if entry.get("model") == model]
        if required and not chosen:
            has = ", ".join(str(entry.get("model")) for entry in entries) or "nothing"
            raise UserError(f"{origin} has no entry for the model {model!r}; it has: {has}")
        entries = chosen
    elif not entries:
        raise UserError(f"{origin} holds no entry")
    return Found(tuple(entries), origin)


def _on_this_machine(model: str | None, passed_over: str) -> Found:
    from autogen.cli.local_servers import find_local_servers

    for server in find_local_servers():
        names = [listed.id for listed in server.models]
        name = server.chat_model() if model is None else next((known for known in names if known == model), None)
        if name is not None:
            entry = {"model": name, "base_url": server.base_url, "api_key": "none"}
            return Found((entry,), f"{server.kind} at {server.base_url}")
    asked = "" if model is None else f" {model!r}"
    named = "" if model is None else " that lists it"
    raise NoModel(
        f"no model{asked} found{passed_over}: set OPENAI_API_KEY or {CONFIG_LIST}, start a local server{named}, "
        "or use --base-url; "
        "`autogen run --play chart` plays an example that needs none"
    )
