"""The exact bytes of model requests, kept so that a run's storage stays linear.

A request mostly begins as the one before it did: it is kept as "so many bytes of that entry's request, then these".
Refuses to know what the bytes mean. They hold no secret: keys travel in headers.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from autogen.core.errors import AutogenError
from autogen.core.model import ModelRequest
from autogen.runs.digest import of_blob, short_of
from autogen.runs.errors import Damaged
from autogen.runs.rows import Entry
from autogen.runs.store import Store

_WORTH: Final = 256
"""Bytes in common from which on sharing pays."""
_REMEMBERED: Final = 4


class SentRequest(Struct, frozen=True, omit_defaults=True):
    """What a model call's entry says of its request. `base` and `keep`: the first bytes are another entry's."""

    url: str
    size: int
    rest: str
    """Digest of the blob that holds what follows."""
    base: str = ""
    """Address of the entry whose request began alike; "" for none."""
    keep: int = 0
    attempts: int = 1


class ModelDetail(Struct, frozen=True, omit_defaults=True):
    """The detail of a model call's entry."""

    shared: int = 0
    """How many messages an earlier request of the same run began with."""
    added: list[tuple[str, str, str]] = []
    """(role, how its text begins, short digest) of the messages after those."""
    request: SentRequest | None = None
    model: str = ""
    input: int = 0
    output: int = 0
    usd: float | None = None


HEAD: Final = 160
"""Characters of each message that people are shown when a request differs."""


def added_messages(request: ModelRequest, shared: int) -> list[tuple[str, str, str]]:
    """What an entry tells of the messages after the first `shared` ones."""
    return [(message.role, message.text[:HEAD], short_of(message)) for message in request.messages[shared:]]


def difference(entry: Entry, request: ModelRequest) -> tuple[str, str]:
    """Where a recorded model call and the one that is made now differ: the first message that does, on both sides."""
    detail = model_detail(entry)
    then = detail.added
    now = added_messages(request, detail.shared)
    if len(request.messages) < detail.shared:
        return f"{detail.shared + len(then)} messages", f"{len(request.messages)} messages"
    for number, (before, after) in enumerate(zip(then, now, strict=False), detail.shared + 1):
        if before != after:
            return _told(number, before), _told(number, after)
    if len(then) != len(now):
        more = f"{len(request.messages)} messages"
        return f"{detail.shared + len(then)} messages", more
    return "the same messages, with other tools or parameters", f"tools {[tool.name for tool in request.tools]}"


def _told(number: int, message: tuple[str, str, str]) -> str:
    role, text, digest = message
    return f"message {number}, {role}: {text!r} (digest {digest})"


encode_detail: Final = Encoder().encode
_decoder: Final = Decoder(ModelDetail)


def model_detail(entry: Entry) -> ModelDetail:
    """Raises Damaged."""
    try:
        return _decoder.decode(entry.detail) if entry.detail else ModelDetail()
    except ValueError as error:
        raise Damaged(f"the detail of {entry.address}", str(error)) from None


class Requests:
    """The last requests of a run, to find what the next one shares with them."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}

    def keep(self, address: str, url: str, body: bytes, attempts: int) -> tuple[SentRequest, dict[str, bytes]]:
        """What to write of a request, and the blobs that go with it."""
        base, shared = "", 0
        for known, before in self._last.items():
            common = _common(before, body)
            if common > max(shared, _WORTH):
                base, shared = known, common
        rest = body[shared:]
        digest = of_blob(rest)
        self._last.pop(base, None)
        self._last[address] = body
        while len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]
        sent = SentRequest(url, len(body), digest, base, shared, attempts)
        return sent, {digest: rest}


def exact_request(run_id: str, entry: Entry, entries: Callable[[str], Entry | None], store: Store) -> tuple[str, bytes]:
    """The URL and the bytes that a model call sent. Raises AutogenError when it sent none, Damaged when they are gone.

    entries: the run's entry at an address.
    """
    chain: list[SentRequest] = []
    one: Entry | None = entry
    while one is not None:
        sent = model_detail(one).request
        if sent is None:
            break
        chain.append(sent)
        one = entries(sent.base) if sent.base else None
        if len(chain) > 1_000_000 or (sent.base and one is None):
            raise Damaged(f"the request of {entry.address}", f"what it shares with {sent.base!r} is missing")
    if not chain:
        raise AutogenError(
            f"{entry.address} sent no bytes over a network: a scripted model, a client of the program's own or a cache "
            "answered"
        )
    body = b""
    for sent in reversed(chain):
        body = body[: sent.keep] + store.blob(run_id, sent.rest)
        if len(body) != sent.size:
            raise Damaged(f"the request of {entry.address}", f"it has {len(body)} bytes in place of {sent.size}")
    return chain[0].url, body


def _common(before: bytes, now: bytes) -> int:
    """How many bytes both begin with: by halves, each compared at once."""
    low, high = 0, min(len(before), len(now))
    if before[:high] == now[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if before[low:middle] == now[low:middle]:
            low = middle
        else:
            high = middle
    return low
