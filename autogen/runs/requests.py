"""The exact bytes of model requests, kept so that a run's storage stays linear.

A request mostly begins as the one before it did, and goes on with what models answered: it is kept as "so many bytes of
that entry's request, then these", where "these" leaves out what stands in the answers of entries.
Refuses to know what the bytes mean. They hold no secret: keys travel in headers.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder, Encoder

from autogen.core.errors import AutogenError
from autogen.core.model import ModelMessage, ModelRequest, ToolCall, ToolResult, Usage
from autogen.runs.digest import of_blob, short_of, to_json
from autogen.runs.errors import Damaged
from autogen.runs.rows import Entry
from autogen.runs.store import Store

_WORTH: Final = 256
"""Bytes in common from which on sharing pays."""
_REMEMBERED: Final = 4
"""Requests: one per agent that talks in turns."""
_HEARD: Final = 16
"""Answers that the next requests may quote."""
_TELLS: Final = 48
"""Bytes by which an answer is searched for."""


class SentRequest(Struct, frozen=True, omit_defaults=True):
    """What a model call's entry says of its request. `base` and `keep`: the first bytes are another entry's."""

    url: str
    size: int
    rest: str
    """Digest of the blob that holds what follows, without what is quoted."""
    base: str = ""
    """Address of the entry whose request began alike; "" for none."""
    keep: int = 0
    attempts: int = 1
    quoted: list[tuple[int, str, int, int]] = []
    """In order: (before which byte of the blob, address of an entry, from which byte of its answer, how many)."""


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
    streamed: bool = False
    lost: Usage | None = None
    """What attempts that failed may have been billed."""
    lost_usd: float | None = 0.0


MARK: Final = b"[redacted:"
"""Stands where a secret was taken out."""
HEAD: Final = 160
"""Characters of each message that people are shown when a request differs."""


def added_messages(request: ModelRequest, shared: int) -> list[tuple[str, str, str]]:
    """What an entry tells of the messages after the first `shared` ones."""
    return [(message.role, _head(message), short_of(message)) for message in request.messages[shared:]]


def _head(message: ModelMessage) -> str:
    """How a message begins: its text, else the answers and calls in it."""
    if message.text:
        return message.text[:HEAD]
    told: list[str] = []
    for part in message.parts:
        if isinstance(part, ToolResult):
            told.append(part.content)
        elif isinstance(part, ToolCall):
            told.append(f"{part.name}({part.arguments})")
    return " ".join(told)[:HEAD]


def same_talk(entry: Entry, request: ModelRequest) -> bool:
    """Do a recorded model call and the one that is made now end in the same messages, whatever the system message,
    tools and parameters are?"""
    then = _talk(model_detail(entry).added)
    return not then or _talk(added_messages(request, 0))[-len(then) :] == then


def same_but_redacted(entry: Entry, request: ModelRequest) -> bool:
    """Is it the recorded model call, but for secrets that were taken out of the recording?

    In a message that holds such a mark, what stands before the mark is compared; its digest was another one.
    """
    detail = model_detail(entry)
    now = request.messages[detail.shared :]
    if len(now) != len(detail.added):
        return False
    marked = False
    for (role, text, digest), message in zip(detail.added, now, strict=True):
        if message.role == role and short_of(message) == digest:
            continue
        if message.role != role or MARK not in to_json(message.parts):
            return False
        head = message.text.partition(MARK.decode())[0][:HEAD]
        if not (text.startswith(head) or head.startswith(text.partition(MARK.decode())[0])):
            return False
        marked = True
    return marked or any(MARK in to_json(message.parts) for message in request.messages[: detail.shared])


def _talk(added: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    return [one for one in added if one[0] not in ("system", "developer")]


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


def was_streamed(entry: Entry) -> bool:
    """Did the model's answer come in pieces? Most details need not be read to tell."""
    return b'"streamed":true' in entry.detail and model_detail(entry).streamed


def lost_before(entry: Entry | None) -> tuple[Usage, float | None] | None:
    """What failed attempts at a model call may have been billed: tokens, and US dollars or None."""
    if entry is None or b'"lost":' not in entry.detail:
        return None
    detail = model_detail(entry)
    return None if detail.lost is None else (detail.lost, detail.lost_usd)


encode_detail: Final = Encoder().encode
_decoder: Final = Decoder(ModelDetail)


def model_detail(entry: Entry) -> ModelDetail:
    """Raises Damaged."""
    try:
        return _decoder.decode(entry.detail) if entry.detail else ModelDetail()
    except ValueError as error:
        raise Damaged(f"the detail of {entry.address}", str(error)) from None


class Requests:
    """The last requests and answers of a run, to find what the next request shares with them."""

    __slots__ = ("_heard", "_last", "_tail")

    def __init__(self) -> None:
        self._last: dict[str, bytes] = {}
        self._heard: dict[str, tuple[bytes, int]] = {}
        self._tail = 64
        """How many bytes of a request the next one did not begin with."""

    def hear(self, address: str, answer: bytes, text: str) -> None:
        """The entry of this address holds `text` in its encoded answer."""
        said = _encoded(text) if len(text) > _WORTH else b""
        start = answer.find(said[:_TELLS])
        if said and answer.startswith(said, start):
            self._heard[address] = (said, start)
            if len(self._heard) > _HEARD:
                del self._heard[next(iter(self._heard))]

    def keep(self, address: str, url: str, body: bytes, attempts: int) -> tuple[SentRequest, dict[str, bytes]]:
        """What to write of a request, and the blobs that go with it."""
        base, shared = "", 0
        for known, before in self._last.items():
            if body.startswith(memoryview(before)[: shared + _WORTH]):
                common = _common(before, body, self._tail)
                if common > max(shared, _WORTH):
                    base, shared = known, common
                    self._tail = len(before) - common
        rest, quoted = self._without_quotes(body[shared:])
        digest = of_blob(rest)
        self._last.pop(base, None)
        self._last[address] = body
        while len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]
        return SentRequest(url, len(body), digest, base, shared, attempts, quoted), {digest: rest}

    def _without_quotes(self, rest: bytes) -> tuple[bytes, list[tuple[int, str, int, int]]]:
        open_bytes = len(rest)
        places: list[tuple[int, int, str, int]] = []
        for address, (said, start) in reversed(self._heard.items()):
            if open_bytes <= _WORTH:
                break
            at = rest.find(said[:_TELLS])
            if at >= 0 and rest.startswith(said, at):
                places.append((at, len(said), address, start))
                open_bytes -= len(said)
        left: list[bytes] = []
        quoted: list[tuple[int, str, int, int]] = []
        end = length = 0
        for at, size, address, start in sorted(places):
            if at >= end:
                left.append(rest[end:at])
                length += at - end
                quoted.append((length, address, start, size))
                end = at + size
        return b"".join((*left, rest[end:])), quoted


def _encoded(text: str) -> bytes:
    """As it stands between the quotation marks of JSON; nothing for half a surrogate pair."""
    try:
        return encode_detail(text)[1:-1]
    except UnicodeEncodeError:
        return b""


def body_of(
    entry: Entry, sent: SentRequest, before: bytes, rest: bytes, answer: Callable[[str], bytes | None]
) -> bytes:
    """The bytes of a request. Raises Damaged.

    before: those of the request of `sent.base`. rest: the blob. answer: of the entry at an address.
    """
    pieces = [before[: sent.keep]]
    at = 0
    for place, address, start, size in sent.quoted:
        pieces += (rest[at:place], (answer(address) or b"")[start : start + size])
        at = place
    body = b"".join((*pieces, rest[at:]))
    if len(body) != sent.size or len(before) < sent.keep:
        raise Damaged(f"the request of {entry.address}", f"it has {len(body)} bytes in place of {sent.size}")
    return body


def exact_request(run_id: str, entry: Entry, entries: Callable[[str], Entry | None], store: Store) -> tuple[str, bytes]:
    """The URL and the bytes that a model call sent. Raises AutogenError when it sent none, Damaged when they are gone.

    entries: the run's entry at an address.
    """
    chain: list[tuple[Entry, SentRequest]] = []
    one: Entry | None = entry
    while one is not None:
        sent = model_detail(one).request
        if sent is None:
            break
        chain.append((one, sent))
        one = entries(sent.base) if sent.base else None
        if len(chain) > 1_000_000 or (sent.base and one is None):
            raise Damaged(f"the request of {entry.address}", f"what it shares with {sent.base!r} is missing")
    if not chain:
        raise AutogenError(
            f"{entry.address} sent no bytes over a network: a scripted model, a client of the program's own or a cache "
            "answered"
        )

    def answer(address: str) -> bytes | None:
        found = entries(address)
        return None if found is None else found.answer

    body = b""
    for one, sent in reversed(chain):
        body = body_of(one, sent, body, store.blob(run_id, sent.rest), answer)
    return chain[0][1].url, body


def _common(before: bytes, now: bytes, tail: int) -> int:
    """How many bytes both begin with: mostly all but the last `tail` ones of `before`. Nothing is copied."""
    view = memoryview(before)
    high = min(len(before), len(now)) + 1
    low = max(0, min(len(before) - tail, high - 1))
    while not now.startswith(view[:low]):
        low, high = max(0, low - 8 * (high - low)), low
    if low < high - 1 and before[low] != now[low]:
        return low
    while high - low > 1:
        middle = (low + high) // 2
        if now.startswith(view[low:middle], low):
            low = middle
        else:
            high = middle
    return low
