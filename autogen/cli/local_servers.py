"""Finds model servers on this machine: asks 127.0.0.1, on the ports that servers use by default, for `/v1/models`.

Decides which ports are asked, and what a models list says about a model. Refuses to talk to any other host; what
answers is a stranger, so its text is bounded and checked.
"""

import http.client
from collections.abc import Iterator, Mapping
from typing import Annotated

from msgspec import DecodeError, Meta, Raw, Struct, ValidationError
from msgspec.json import decode

USUAL_PORTS: dict[int, str] = {
    11434: "Ollama",
    1234: "LM Studio",
    8000: "vLLM",
    8080: "llama.cpp or LocalAI",
    1337: "Jan",
    4000: "LiteLLM",
    5000: "text-generation-webui",
    5001: "KoboldCpp",
}
MAX_BYTES = 1_000_000
MAX_MODELS = 200

_Tokens = Annotated[int, Meta(gt=0)] | None
_NOT_FOR_CHAT = ("embed", "rerank", "whisper", "tts", "bge-", "clip")


class ListedModel(Struct, frozen=True):
    """One model of a server's list."""

    id: str
    context: int | None = None
    """Tokens, where the server tells."""


class LocalServer(Struct, frozen=True):
    """A server on this machine that lists models."""

    kind: str
    """What usually listens on that port; the server itself is not asked."""
    base_url: str
    models: tuple[ListedModel, ...]

    def chat_model(self) -> str | None:
        """The first listed model whose name does not speak against talking to it."""
        names = [model.id for model in self.models]
        return next((name for name in names if not any(word in name.lower() for word in _NOT_FOR_CHAT)), None)


def find_local_servers(ports: Mapping[int, str] | None = None, *, seconds: float = 0.5) -> Iterator[LocalServer]:
    """Servers on 127.0.0.1 that answer `GET /v1/models`, in the order of `ports`. A silent port costs `seconds`."""
    for port, kind in (USUAL_PORTS if ports is None else ports).items():
        listed = _ask(port, seconds)
        if listed is not None:
            yield LocalServer(kind, f"http://127.0.0.1:{port}/v1", tuple(listed_models(listed)))


class _Meta(Struct):
    n_ctx: _Tokens = None
    n_ctx_train: _Tokens = None


class _Row(Struct):
    """One row of a models list, with the names that servers have for the context size."""

    id: str
    max_model_len: _Tokens = None
    context_length: _Tokens = None
    context_window: _Tokens = None
    max_context_length: _Tokens = None
    n_ctx: _Tokens = None
    meta: _Meta | None = None

    def context(self) -> int | None:
        inner = (self.meta.n_ctx or self.meta.n_ctx_train) if self.meta is not None else None
        told = self.max_model_len or self.context_length or self.context_window or self.max_context_length
        return told or self.n_ctx or inner


class _List(Struct):
    data: list[Raw]


def listed_models(body: bytes) -> list[ListedModel]:
    """The models of a `/v1/models` answer; an empty list for anything else."""
    try:
        rows = decode(body, type=_List).data
    except DecodeError:
        return []
    return [row for raw in rows[:MAX_MODELS] if (row := _listed(raw)) is not None]


def _listed(raw: Raw) -> ListedModel | None:
    try:
        row = decode(raw, type=_Row)
    except ValidationError:
        return None
    return ListedModel(row.id[:200], row.context())


def _ask(port: int, seconds: float) -> bytes | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request("GET", "/v1/models", headers={"Accept": "application/json"})
        response = connection.getresponse()
        body = response.read(MAX_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return body if response.status == 200 and listed_models(body) else None
