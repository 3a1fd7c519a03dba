"""The lines of a recording: how the rows of a run are written, redacted, and read back without trust.

Each field stands as JSON of its own, so that what the journal keeps as bytes keeps every byte. Fields at their
default are left out. Refuses to know files (`recording.py`). Change together: `rows.py`, `VERSION`.
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from msgspec.structs import fields, replace

from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged
from autogen.runs.redact import Redactor
from autogen.runs.requests import Requests, SentRequest, body_of, encode_detail, model_detail
from autogen.runs.rows import Answer, Entry, RunRow
from autogen.runs.shapes import to_json
from autogen.runs.store import Store

T = TypeVar("T", bound=Struct)

_DIGEST: Final = re.compile("[0-9a-f]{32}")
_LIVE: Final[Mapping[Any, Collection[str]]] = {
    RunRow: {"owner", "lease_until"},
    Entry: {"seq"},
    Answer: frozenset[str](),
}
"""Fields that are the journal's own: who carries a run on, and an entry's place, which is that of its line."""
_NAMES: Final = {"kind", "state", "status"}
"""Fields that are the journal's own words."""
_RECENT: Final = 16
"""Requests of which a later one may share bytes; `Requests` looks at fewer."""
_DEEPER: Final = 8
"""Levels that a line adds around a value."""


class RunLines(Struct, kw_only=True):
    """A run as a recording holds it."""

    row: RunRow
    entries: list[Entry] = []
    answers: list[Answer] = []

    @classmethod
    def of(cls, found: Mapping[str, Raw]) -> "RunLines":
        return cls(row=_row_of(RunRow, found))


class Made(Struct, frozen=True, kw_only=True):
    """A run on its way into a recording."""

    run: Mapping[str, Raw]
    lines: Sequence[bytes]
    blobs: Mapping[str, bytes]
    redacted: int


class _Bytes(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    json: Raw | UnsetType = UNSET
    text: str | UnsetType = UNSET
    base64: str | UnsetType = UNSET


class _Line(Struct, frozen=True, forbid_unknown_fields=True):
    run: dict[str, Raw] | UnsetType = UNSET
    entry: dict[str, Raw] | UnsetType = UNSET
    answer: dict[str, Raw] | UnsetType = UNSET
    blob: str | UnsetType = UNSET
    data: Raw | UnsetType = UNSET


_line: Final = msgspec.json.Decoder(_Line).decode
_bytes: Final = msgspec.json.Decoder(_Bytes).decode


# ---- writing -------------------------------------------------------------------------------------------------------


def written(line: Mapping[str, Any]) -> bytes:
    return to_json(line) + b"\n"


def blob_line(digest: str, data: bytes) -> bytes:
    return written({"blob": digest, "data": _packed(data)})


def lines_of(store: Store, run_id: str, redactor: Redactor, before: "set[str]") -> Made:
    """A run without its secrets. before: the runs that stand earlier in the file. Raises UnknownRun, Damaged."""
    row = store.run(run_id)
    everything = store.read(run_id)
    answers = store.answers(run_id)
    entries = everything
    if row.parent is not None and row.parent in before:
        shared = store.answers(row.parent)
        entries = everything[row.fork_seq :]
        answers = {address: one for address, one in answers.items() if shared.get(address) != one}
    else:
        row = replace(row, parent=None, fork_seq=0)
    writer = _Writer(store, run_id, redactor)
    writer.look_at_requests(everything)
    lines = [written({"entry": writer.fields(writer.entry(entry))}) for entry in entries]
    lines += [written({"answer": writer.fields(answer)}) for answer in answers.values()]
    return Made(run=writer.fields(row), lines=lines, blobs=writer.blobs, redacted=writer.redacted)


class _Writer:
    """Redacts rows and collects the blobs that they name."""

    def __init__(self, store: Store, run_id: str, redactor: Redactor) -> None:
        self.store, self.run_id, self.redactor = store, run_id, redactor
        self.redacted = 0
        self.blobs: dict[str, bytes] = {}
        self._details: dict[int, bytes] = {}
        """New details of model calls, by `seq`, when a request held a secret."""
        self._pieces: Mapping[str, bytes] = {}
        """What the requests are put together from, by digest."""
        self._answers: Mapping[str, bytes] = {}
        """And what they quote, by address."""
        self._renamed: dict[str, str] = {}

    def look_at_requests(self, entries: Sequence[Entry]) -> None:
        """Requests are kept in pieces that share bytes, so a secret may lie across two: they are redacted whole.

        Where any is found, all requests of the run are cut into pieces anew.
        """
        sent = [(entry, request) for entry in entries if (request := _request(entry)) is not None]
        self._answers = {entry.address: entry.answer for entry in entries}
        self._pieces = {request.rest: self.store.blob(self.run_id, request.rest) for _, request in sent}
        redact, redact_json = self.redactor.redact, self.redactor.redact_json
        quoted = {address for _, request in sent for _, address, _, _ in request.quoted}
        if not any(redact_json(body)[1] or redact(url)[1] for _, url, body in self._whole(sent)) and not any(
            redact_json(self._answers.get(address, b""))[1] for address in quoted
        ):
            return
        requests = Requests()
        pieces: dict[str, bytes] = {}
        for entry, url, body in self._whole(sent):
            shown, in_url = redact(url)
            clean, in_body = redact_json(body)
            self.redacted += in_url + in_body
            detail = model_detail(entry)
            attempts = detail.request.attempts if detail.request is not None else 1
            request, new = requests.keep(redact(entry.address)[0], shown, clean, attempts)
            self._details[entry.seq] = encode_detail(replace(detail, request=request))
            pieces.update(new)
        self._pieces = pieces

    def _whole(self, sent: "Sequence[tuple[Entry, SentRequest]]") -> Iterator[tuple[Entry, str, bytes]]:
        """The requests with their bytes, in the order of the log. Raises Damaged."""
        known: dict[str, bytes] = {}
        for entry, request in sent:
            before = known.get(request.base, b"")
            body = body_of(entry, request, before, self._pieces[request.rest], self._answers.get)
            yield entry, request.url, body
            known.pop(entry.address, None)
            known[entry.address] = body
            if len(known) > _RECENT:
                del known[next(iter(known))]

    def entry(self, entry: Entry) -> Entry:
        """With the blobs that it names collected, and named as they are without secrets."""
        detail = self._details.get(entry.seq, entry.detail)
        if _request(entry) is None:
            for digest in named_in(entry):
                detail = detail.replace(digest.encode(), self._file(digest).encode())
            return replace(entry, detail=detail)
        made = replace(entry, detail=detail)
        request = _request(made)
        if request is not None:
            self.blobs[request.rest] = self._pieces[request.rest]
        return made

    def _file(self, digest: str) -> str:
        """The name of a file without its secrets; the same when there is no such blob: a program's own hexadecimal."""
        known = self._renamed.get(digest)
        if known is None:
            known = digest
            try:
                data, count = self.redactor.redact_json(self.store.blob(self.run_id, digest))
            except Damaged:
                count = 0
            else:
                self.redacted += count
                known = of_blob(data) if count else digest
                self.blobs[known] = data
            self._renamed[digest] = known
        return known

    def fields(self, row: Struct) -> dict[str, Raw]:
        """Each field as JSON; those at their default are left out."""
        kind = type(row)
        made: dict[str, Raw] = {}
        for field in fields(kind):
            value = getattr(row, field.name)
            if (
                field.name in _LIVE[kind]
                or (value == field.default and type(value) is type(field.default))
                or value == {}
            ):
                continue
            if isinstance(value, bytes):
                value, count = self.redactor.redact_json(value)
                self.redacted += count
                made[field.name] = Raw(to_json(_packed(value)))
            else:
                made[field.name] = Raw(self._text(value) if field.name not in _NAMES else to_json(value))
        return made

    def _text(self, value: Any) -> bytes:
        if not isinstance(value, str):
            data, count = self.redactor.redact_json(to_json(value))
            self.redacted += count
            return data
        clean, count = self.redactor.redact(value)
        self.redacted += count
        try:
            return to_json(clean)
        except UnicodeEncodeError:  # half a surrogate pair
            return to_json(_Bytes(base64=b64encode(clean.encode("utf-8", "surrogatepass")).decode()))


def _request(entry: Entry) -> SentRequest | None:
    return model_detail(entry).request if entry.kind == "model" and entry.detail else None


def named_in(entry: Entry) -> list[str]:
    """What an entry's detail names in the form of a digest."""
    if not entry.detail:
        return []
    try:
        detail: Any = msgspec.json.decode(entry.detail)
    except (ValueError, RecursionError):
        return []
    return list(dict.fromkeys(_digests(detail)))


def _digests(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if _DIGEST.fullmatch(value):
                yield value
        elif isinstance(value, list):
            waiting += cast("list[Any]", value)
        elif isinstance(value, dict):
            waiting += cast("dict[str, Any]", value).values()


def _packed(data: bytes) -> _Bytes:
    """JSON as it is where that changes no byte, else text, else base64."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _Bytes(base64=b64encode(data).decode())
    if data and b"\n" not in data and b"\r" not in data and text.strip(" \t") == text:
        try:
            msgspec.json.decode(b"[" * _DEEPER + data + b"]" * _DEEPER)
            msgspec.json.decode(data)
            return _Bytes(json=Raw(data))
        except (ValueError, RecursionError):
            return _Bytes(text=text)
    return _Bytes(text=text)


# ---- reading -------------------------------------------------------------------------------------------------------


def read_line(line: bytes, runs: list[RunLines], blobs: dict[str, bytes]) -> None:
    """Add what a line holds. Raises Damaged, ValueError, TypeError, RecursionError."""
    read = _line(line)
    told = [name for name in _Line.__struct_fields__ if getattr(read, name) is not UNSET]
    if told == ["run"]:
        runs.append(RunLines.of(cast("dict[str, Raw]", read.run)))
    elif told == ["entry"]:
        runs[-1].entries.append(_row_of(Entry, cast("dict[str, Raw]", read.entry)))
    elif told == ["answer"]:
        runs[-1].answers.append(_row_of(Answer, cast("dict[str, Raw]", read.answer)))
    elif told == ["blob", "data"]:
        blobs[cast("str", read.blob)] = _unpacked(cast("Raw", read.data))
    else:
        raise ValueError(f"a line with {', '.join(told) or 'nothing'} in it")


def needed_by(run: RunLines) -> Iterator[str]:
    """The blobs without which a run cannot be shown as it was."""
    for entry in run.entries:
        request = _request(entry)
        if request is not None:
            yield request.rest


def _row_of(kind: type[T], found: Mapping[str, Raw]) -> T:
    known = {field.name: field for field in fields(kind) if field.name not in _LIVE[kind]}
    values: dict[str, Any] = {}
    for name, raw in found.items():
        if name not in known:
            raise ValueError(f"unknown field {name!r:.80}")
        if known[name].type is bytes:
            values[name] = _unpacked(raw)
        elif known[name].type in (str, str | None) and bytes(raw)[:1] == b"{":
            values[name] = _unpacked(raw).decode("utf-8", "surrogatepass")
        else:
            values[name] = msgspec.json.decode(raw)
        if isinstance(values[name], int) and not 0 <= values[name] < 2**63:
            raise ValueError(f"{name} is out of range")
    return msgspec.convert(values, kind)


def _unpacked(raw: Raw) -> bytes:
    read = _bytes(raw)
    match (read.json, read.text, read.base64):
        case (Raw() as whole, msgspec.UNSET, msgspec.UNSET):
            data = bytes(whole)
            msgspec.json.decode(data)
            data.decode()
            return data
        case (msgspec.UNSET, str() as text, msgspec.UNSET):
            return text.encode()
        case (msgspec.UNSET, msgspec.UNSET, str() as coded):
            return b64decode(coded, validate=True)
        case _:
            raise ValueError("bytes that are neither json, text nor base64")
