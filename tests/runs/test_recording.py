"""A recording holds what the journal held, no secret, and is refused when it is cut, changed or newer."""

import base64
import json
import os
import re
import stat
from collections.abc import Callable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from autogen.runs.digest import of_blob
from autogen.runs.errors import Damaged, JournalError, JournalUnusable, RunExists, UnknownFormat, UnknownRun
from autogen.runs.recording import Exported, export_run, import_run, load_recording
from autogen.runs.redact import Redactor
from autogen.runs.requests import ModelDetail, Requests, encode_detail, model_detail
from autogen.runs.rows import Answer, Entry, RunQuery, RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store

CANARY = 'canary "quoted"\\secret\n€'


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    made = SqliteStore(":memory:")
    yield made
    made.close()


def model_calls(bodies: list[bytes]) -> list[tuple[Entry, dict[str, bytes]]]:
    """Entries of model calls that sent these requests, and their blobs, as a journaled run writes them."""
    requests = Requests()
    made = []
    for number, body in enumerate(bodies, 1):
        address = f"a.model.reply/{number}"
        sent, blobs = requests.keep(address, "https://api.example.org/v1/chat/completions", body, 1)
        detail = encode_detail(ModelDetail(request=sent, model="m"))
        made.append((Entry(address=address, kind="model", state="done", detail=detail, answer=b'{"n": 1}'), blobs))
    return made


def body_of(store: Store, run_id: str, number: int) -> bytes:
    """The exact bytes of a model call's request, put together from the journal."""
    known: dict[str, bytes] = {"": b""}
    for entry in store.read(run_id):
        request = model_detail(entry).request if entry.kind == "model" else None
        if request is not None:
            known[entry.address] = known[request.base][: request.keep] + store.blob(run_id, request.rest)
            assert len(known[entry.address]) == request.size
    return known[f"a.model.reply/{number}"]


def a_run(store: Store, run_id: str = "r", **changes: Any) -> RunRow:
    row = store.create(RunRow(id=run_id, **{"status": "done", "created": 1.0, "updated": 2.0, **changes}))
    talk = [{"role": "user", "content": "hello " * 100}]
    bodies = []
    for word in ("one", "two", "three"):
        talk.append({"role": "user", "content": word * 50})
        bodies.append(json.dumps({"messages": talk}).encode())
    for entry, blobs in model_calls(bodies):
        store.append(run_id, row.generation, (entry,), blobs)
    file = b"\x89PNG\x00 not text"
    code = Entry(
        address="a.code/1", kind="code", state="done", detail=json.dumps({"files": {"a.png": of_blob(file)}}).encode()
    )
    store.append(run_id, row.generation, (code,), {of_blob(file): file})
    store.append(run_id, row.generation, (Entry(address="a.human/1", kind="human", state="waiting", label="Go?"),))
    store.keep_answer(run_id, Answer(address="a.human/1", value=b'"y"', by="ann", at=3.0))
    return row


def everything(store: Store, run_id: str) -> tuple[Any, ...]:
    return store.run(run_id), store.read(run_id), store.answers(run_id)


# ---- the file ------------------------------------------------------------------------------------------------------


def test_a_run_goes_into_one_file_and_comes_back(store: SqliteStore, tmp_path: Path) -> None:
    a_run(store, title="bob > ann", facts={"agents": "abc"}, result=b'{"type":"json","value":1}', usd=0.5)
    path = tmp_path / "r.recording.jsonl"
    exported = export_run(store, "r", path)
    lines = path.read_bytes().splitlines()
    assert exported == Exported(lines=len(lines), redacted=0, bytes=path.stat().st_size)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(lines[0])["autogen_recording"] == 1
    assert [next(iter(json.loads(line))) for line in lines[1:]] == ["entry"] * 5 + ["answer"] + ["blob"] * 4 + ["end"]
    assert os.listdir(tmp_path) == ["r.recording.jsonl"]
    again = load_recording(path)
    assert everything(again, "r") == everything(store, "r")
    assert [body_of(again, "r", number) for number in (1, 2, 3)] == [
        body_of(store, "r", number) for number in (1, 2, 3)
    ]
    assert again.blob("r", of_blob(b"\x89PNG\x00 not text")) == b"\x89PNG\x00 not text"


def test_json_stands_as_json_and_keeps_every_byte(store: SqliteStore, tmp_path: Path) -> None:
    odd = {
        "plain": (b'{"b": 1,  "a":[1.0,1e5]}', "json"),
        "spread": (b'{\n "a": 1}', "text"),
        "spaces": (b" 1", "text"),
        "twice": (b'{"a":1,"a":2}', "json"),
        "surrogate": (b'"\\ud800"', "text"),
        "words": ("käse".encode(), "text"),
        "bytes": (b"\xff\x00", "base64"),
        "bad": (b'["\xff"]', "base64"),
        "deep": (b"[" * 990 + b"]" * 990, "text"),
    }
    store.create(RunRow(id="r"))
    for name, (value, _) in odd.items():
        store.append("r", 0, (Entry(address=name, kind="tool", state="done", answer=value),))
    path = tmp_path / "x"
    export_run(store, "r", path)
    forms = {
        line["entry"]["address"]: next(iter(line["entry"]["answer"]))
        for line in map(json.loads, path.read_bytes().splitlines())
        if "entry" in line
    }
    assert forms == {name: form for name, (_, form) in odd.items()}
    assert {entry.address: entry.answer for entry in load_recording(path).read("r")} == {
        name: value for name, (value, _) in odd.items()
    }


def test_an_export_replaces_what_stood_there_and_leaves_it_when_it_fails(store: SqliteStore, tmp_path: Path) -> None:
    a_run(store)
    path = tmp_path / "x"
    path.write_bytes(b"before")
    with pytest.raises(UnknownRun):
        export_run(store, "gone", path)
    assert path.read_bytes() == b"before"
    export_run(store, "r", path)
    assert path.read_bytes().startswith(b'{"autogen_recording":1')
    with pytest.raises(JournalUnusable, match="may write there"):
        export_run(store, "r", tmp_path / "no" / "folder")
    assert os.listdir(tmp_path) == ["x"]


def test_who_carries_a_run_on_stays_at_home(store: SqliteStore, tmp_path: Path) -> None:
    store.create(RunRow(id="r", created=1.0))
    store.claim("r", "host-17:boot:1234", 5.0, 60.0)
    export_run(store, "r", tmp_path / "x")
    assert b"host-17" not in (tmp_path / "x").read_bytes()
    row = load_recording(tmp_path / "x").run("r")
    assert (row.status, row.owner, row.lease_until) == ("running", "", 0.0)


# ---- several runs --------------------------------------------------------------------------------------------------


def test_the_runs_of_a_scope_go_into_one_file(store: SqliteStore, tmp_path: Path) -> None:
    for number, run_id in enumerate(["r", "r/2", "r/3", "r2", "other/r/2"]):
        a_run(store, run_id, created=float(number))
    path = tmp_path / "x"
    export_run(store, "r", path)
    into = SqliteStore(":memory:")
    assert import_run(path, into) == ["r", "r/2", "r/3"]
    for run_id in ("r", "r/2", "r/3"):
        assert everything(into, run_id) == everything(store, run_id)
        assert body_of(into, run_id, 3) == body_of(store, run_id, 3)
    assert path.read_bytes().count(b'{"blob":') == 4, "the same bytes stand there once"
    export_run(store, "r", path, children=())
    assert import_run(path, SqliteStore(":memory:")) == ["r"]


def forked(store: SqliteStore) -> None:
    a_run(store)
    store.create(RunRow(id="f", parent="r", fork_seq=2, created=9.0, changes=b'{"message":"other"}'))
    entry, blobs = model_calls([b"another " * 60])[0]
    store.append("f", 0, (replace(entry, address="a.model.reply/3"),), blobs)
    store.keep_answer("f", Answer(address="mine", value=b"1"))


def test_a_fork_beside_its_parent_shares_the_log_again(store: SqliteStore, tmp_path: Path) -> None:
    forked(store)
    path = tmp_path / "x"
    export_run(store, "r", path, children=["f"])
    into = load_recording(path)
    assert everything(into, "f") == everything(store, "f")
    assert [row.id for row in into.forks("r")] == ["f"]
    assert body_of(into, "f", 3) == b"another " * 60


def test_a_fork_alone_holds_the_shared_part(store: SqliteStore, tmp_path: Path) -> None:
    forked(store)
    path = tmp_path / "x"
    export_run(store, "f", path)
    into = load_recording(path)
    row, entries, answers = everything(into, "f")
    assert row == replace(store.run("f"), parent=None, fork_seq=0)
    assert (entries, answers) == (store.read("f"), store.answers("f"))
    assert body_of(into, "f", 2) == body_of(store, "f", 2)


# ---- any run -------------------------------------------------------------------------------------------------------

WORDS = st.text(max_size=12) | st.sampled_from(["ann", "a/b~c%", "\ud800", "\x00", "é\u2028"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
).map(lambda value: json.dumps(value).encode())
BYTES = JSON | st.binary(max_size=40)
TIMES = st.floats(0, 1e12)
ENTRIES = st.builds(
    Entry,
    address=WORDS,
    kind=st.sampled_from(["tool", "code", "human", "callback", "sleep"]),
    state=st.sampled_from(["started", "done", "failed", "waiting"]),
    agent=WORDS,
    label=WORDS,
    digest=WORDS,
    attempt=st.integers(1, 2**40),
    started=TIMES,
    ended=TIMES,
    detail=BYTES,
    answer=BYTES,
)
ROWS = st.builds(
    RunRow,
    id=st.just("r"),
    status=st.sampled_from(["running", "paused", "done", "failed", "cancelled"]),
    created=TIMES,
    updated=TIMES,
    title=WORDS,
    entry=WORDS,
    arguments=BYTES,
    facts=st.dictionaries(st.text(max_size=5), st.text(max_size=9), max_size=3),
    changes=BYTES,
    stop_reason=WORDS,
    stop_detail=WORDS,
    error=WORDS,
    result=BYTES,
    usd=st.none() | st.floats(0, 1e6),
    input_tokens=st.integers(0, 2**62),
    output_tokens=st.integers(0, 99),
    model_calls=st.integers(0, 99),
    cancel=st.booleans(),
    generation=st.integers(0, 99),
)
LOGS = st.tuples(
    ROWS,
    st.lists(ENTRIES, max_size=5),
    st.lists(st.builds(Answer, address=WORDS, value=BYTES, by=WORDS, at=TIMES), max_size=3),
    st.lists(st.binary(max_size=600) | JSON, max_size=4),
)


def filled(log: tuple[RunRow, list[Entry], list[Answer], list[bytes]]) -> SqliteStore:
    row, entries, answers, bodies = log
    made = SqliteStore(":memory:")
    made.create(row)
    for entry in entries:
        made.append("r", row.generation, (entry,))
    for answer in answers:
        made.keep_answer("r", answer)
    for entry, blobs in model_calls(bodies):
        made.append("r", row.generation, (entry,), blobs)
    return made


@given(LOGS)
def test_export_and_import_change_nothing(tmp_path_factory: pytest.TempPathFactory, log: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "any.recording.jsonl"
    one = filled(log)
    exported = export_run(one, "r", path)
    first = path.read_bytes()
    assert exported.redacted == 0
    two = load_recording(path)
    assert everything(two, "r") == everything(one, "r")
    assert [body_of(two, "r", number) for number in range(1, len(log[3]) + 1)] == log[3]
    export_run(two, "r", path)
    assert path.read_bytes() == first
    one.close()
    two.close()


# ---- secrets -------------------------------------------------------------------------------------------------------


def hidden(inside: str) -> list[bytes]:
    """A text in the ways in which bytes may hold it."""
    once = json.dumps({"text": inside})
    return [inside.encode(), once.encode(), json.dumps({"arguments": once}, ensure_ascii=False).encode()]


WITH_CANARY = st.sampled_from([CANARY, f"x{CANARY}y", "nothing"])


@given(st.lists(WITH_CANARY, min_size=8, max_size=8), st.integers(0, 2), st.integers(0, 60))
def test_a_canary_never_appears(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], way: int, shift: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "canary.recording.jsonl"
    file = b"\x00\xff" + words[0].encode()
    row = RunRow(
        id="r", title=words[0], entry=words[1], error=words[2], stop_detail=words[3], facts={words[4]: words[5]},
        arguments=hidden(words[6])[way], changes=hidden(words[7])[way], result=hidden(words[0])[way],
    )  # fmt: skip
    entry = Entry(
        address=words[1], kind="tool", state="done", agent=words[2], label=words[3],
        detail=json.dumps({"arguments": words[4], "files": {words[5]: of_blob(file)}}).encode(),
        answer=hidden(words[6])[way],
    )  # fmt: skip
    # The requests part inside the canary, so that neither piece holds it whole.
    start = json.dumps({"messages": ["." * 300]})[:-2].encode()
    bodies = [start + b', "' + json.dumps(f"{CANARY[:9]}{end}")[1:].encode() + b"]}" for end in ("", CANARY[9:], "x")]
    bodies.append(start + b', "' + b"-" * shift + hidden(CANARY)[0])
    store = filled((row, [], [Answer(address=words[1], value=hidden(words[2])[way], by=words[3])], bodies))
    store.append("r", 0, (entry,), {of_blob(file): file})
    exported = export_run(store, "r", path, redactor=Redactor([CANARY]))
    assert exported.redacted > 0
    text = path.read_text()
    for _ in range(4):
        assert "secret" not in text
        text = text.replace("\\\\", "\\")
    for line in path.read_text().splitlines():
        for piece in line.split('"base64":"')[1:]:
            assert b"secret" not in base64.b64decode(piece.partition('"')[0])
    again = load_recording(path)
    assert [entry.kind for entry in again.read("r")] == [entry.kind for entry in store.read("r")]
    assert body_of(again, "r", 1) == bodies[0]
    assert b"[redacted:value]" in body_of(again, "r", 2)
    store.close()
    again.close()


def test_a_redacted_file_is_found_under_its_new_name(store: SqliteStore, tmp_path: Path) -> None:
    secret = b"token = ghp_abcdefghij0123456789abcd\n"
    detail = json.dumps({"files": {"a.py": of_blob(secret)}, "sum": "0" * 32}).encode()
    store.create(RunRow(id="r"))
    store.append("r", 0, (Entry(address="c", kind="code", state="done", detail=detail),), {of_blob(secret): secret})
    assert export_run(store, "r", tmp_path / "x").redacted == 1
    again = load_recording(tmp_path / "x")
    told = json.loads(again.read("r")[0].detail)
    assert again.blob("r", told["files"]["a.py"]) == b"token = [redacted:github-token]\n"
    assert told["sum"] == "0" * 32


# ---- bad files -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("good") / "x"
    made = SqliteStore(":memory:")
    a_run(made)
    a_run(made, "r/2", created=2.0)
    export_run(made, "r", path)
    made.close()
    return path.read_bytes()


class Untouched:
    """A store that fails the test when anything is written."""

    where = "the journal"

    def run(self, run_id: str) -> RunRow:
        raise UnknownRun(run_id, self.where)


def refused(tmp_path: Path, data: bytes, kind: type[JournalError] = Damaged) -> str:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(data)
    with pytest.raises(kind) as caught:
        import_run(path, Untouched())  # type: ignore[arg-type]
    assert "bad.jsonl" in str(caught.value)
    return str(caught.value)


def test_a_file_cut_after_any_byte_is_refused(tmp_path: Path, good: bytes) -> None:
    ends = {0, 1, len(good) - 1, len(good) - 2}
    ends |= {at + more for at, byte in enumerate(good) if byte == 10 for more in (0, 1, 2) if at + more < len(good)}
    ends |= set(range(0, len(good), 97))
    for end in sorted(ends):
        assert "truncated" in refused(tmp_path, good[:end])


def test_a_file_with_a_line_less_or_more_is_refused(tmp_path: Path, good: bytes) -> None:
    lines = good.splitlines(keepends=True)
    for number in range(1, len(lines) - 1):
        refused(tmp_path, b"".join(lines[:number] + lines[number + 1 :]))
        refused(tmp_path, b"".join(lines[: number + 1] + lines[number:]))
    refused(tmp_path, good + lines[1])
    refused(tmp_path, good + b"\n")
    refused(tmp_path, good + lines[-1])


@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_file_with_a_changed_byte_is_refused(
    tmp_path_factory: pytest.TempPathFactory, good: bytes, at: int, byte: int
) -> None:
    at %= len(good)
    changed = good[:at] + bytes([byte]) + good[at + 1 :]
    if changed != good:
        refused(tmp_path_factory.getbasetemp(), changed, JournalError)


def sealed(*lines: Any) -> bytes:
    """A file with a right last line, as somebody who forges one would make it."""
    body = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    body = body.replace(b'{"autogen_recording": ', b'{"autogen_recording":')
    end = {"end": len(lines), "digest": blake2b(body, digest_size=16).hexdigest()}
    return body + json.dumps(end).encode() + b"\n"


HEAD = {"autogen_recording": 1, "run": {"id": "r"}, "redacted": 0}
ENTRY = {"address": "a", "kind": "tool", "state": "done"}


def test_a_small_recording_can_be_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(sealed(HEAD, {"entry": {**ENTRY, "answer": {"text": "hi"}}}))
    assert load_recording(path).read("r") == [Entry(address="a", kind="tool", state="done", answer=b"hi", seq=1)]


@pytest.mark.parametrize("version", [2, 99, 0, -1])
def test_another_version_is_refused_by_its_number(tmp_path: Path, version: int) -> None:
    said = refused(tmp_path, sealed({"autogen_recording": version, "new": {}}, {"future": 1}), UnknownFormat)
    assert f"format {version}, this version reads 1" in said


@pytest.mark.parametrize("data", [b"PK\x03\x04", b"{}\n", b'{"a": 1}\n', b"\xff\xfe", b"SQLite format 3\x00"])
def test_another_file_is_refused(tmp_path: Path, data: bytes) -> None:
    assert "no recording" in refused(tmp_path, data, UnknownFormat)


ROOT: Callable[..., dict[str, Any]] = lambda **more: {**HEAD, "run": {"id": "r", **more}}  # noqa: E731


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([{"autogen_recording": 1}], "run"),
        ([{"autogen_recording": "1", "run": {}, "redacted": 0}], "first line"),
        ([{**HEAD, "more": 1}], "unknown field"),
        ([ROOT(status="root")], "Invalid enum"),
        ([ROOT(owner="me")], "unknown field 'owner'"),
        ([ROOT(generation=2**70)], "out of range"),
        ([ROOT(fork_seq=-1)], "out of range"),
        ([ROOT(usd=[])], "Expected"),
        ([ROOT(result="x")], "Expected"),
        ([ROOT(result={"base64": "%"})], "base64|padding"),
        ([ROOT(result={"json": 1, "text": "x"})], "neither"),
        ([ROOT(result={})], "neither"),
        ([ROOT(parent="gone", fork_seq=1)], "forked from 'gone'"),
        ([ROOT(fork_seq=1)], "forked from nothing"),
        ([HEAD, {"run": {"id": "f", "parent": "r", "fork_seq": 1}}], "shares more"),
        ([HEAD, {"run": {"id": "r"}}], "twice"),
        ([HEAD, {"run": {}}], "line 2.*`id`"),
        ([HEAD, {"entry": {"address": "a"}}], "line 2.*`kind`"),
        ([HEAD, {"entry": {**ENTRY, "seq": 5}}], "unknown field 'seq'"),
        ([HEAD, {"entry": {**ENTRY, "kind": "shell"}}], "Invalid enum"),
        ([HEAD, {"entry": ENTRY, "answer": {"address": "a", "value": {"json": 1}}}], "entry, answer"),
        ([HEAD, {}], "nothing"),
        ([HEAD, {"surprise": 1}], "surprise"),
        ([HEAD, b"not json"], "line 2"),
        ([HEAD, b'"\xff"'], "line 2"),
        ([HEAD, b'{"entry":' + b"[" * 99_999], "line 2"),
        ([HEAD, {"blob": "x"}], "blob"),
        ([HEAD, {"blob": "0" * 32, "data": {"text": "x"}}], "other content"),
        ([HEAD, {"entry": {**ENTRY, "kind": "model", "detail": {"json": {"request": 1}}}}], "Expected"),
        (
            [HEAD, {"entry": {**ENTRY, "kind": "model",
                              "detail": {"json": {"request": {"url": "u", "size": 1, "rest": "0" * 32}}}}}],
            "blob 0+ is missing",
        ),
    ],
)  # fmt: skip
def test_a_forged_file_is_refused(tmp_path: Path, lines: list[Any], why: str) -> None:
    said = refused(tmp_path, sealed(*lines))
    assert re.search(why, said), said


def test_a_line_or_file_that_is_too_long_is_refused(
    tmp_path: Path, good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("autogen.runs.recording.LONGEST_LINE", 500)
    assert "a line of more than 500 bytes" in refused(tmp_path, good)
    made = SqliteStore(":memory:")
    a_run(made)
    with pytest.raises(JournalUnusable, match="too large"):
        export_run(made, "r", tmp_path / "long")
    monkeypatch.setattr("autogen.runs.recording.LARGEST", 1000)
    assert "more than any recording" in refused(tmp_path, good)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path, store: SqliteStore) -> None:
    for path in (tmp_path / "gone", tmp_path):
        with pytest.raises(JournalUnusable, match="may be read"):
            import_run(path, store)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting(tmp_path: Path, store: SqliteStore) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnknownFormat, match="plain file"):
        import_run(tmp_path / "pipe", store)


# ---- importing -----------------------------------------------------------------------------------------------------


def test_an_id_that_is_taken_is_refused_and_nothing_is_written(tmp_path: Path, store: SqliteStore, good: bytes) -> None:
    (tmp_path / "x").write_bytes(good)
    store.create(RunRow(id="r/2", title="mine"))
    with pytest.raises(RunExists, match="'r/2'"):
        import_run(tmp_path / "x", store)
    assert [row.title for row in store.runs(RunQuery())] == ["mine"]


def test_an_import_that_fails_half_way_leaves_nothing(
    tmp_path: Path, store: SqliteStore, good: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_bytes(good)
    seen: list[str] = []

    def full(run_id: str, answer: Answer) -> Answer:
        seen.append(store.run(run_id).status)
        if run_id == "r/2":
            raise JournalUnusable("runs.db", "the disk is full", "make room")
        return answer

    monkeypatch.setattr(store, "keep_answer", full)
    with pytest.raises(JournalUnusable, match="full"):
        import_run(tmp_path / "x", store)
    assert seen == ["cancelled", "cancelled"], "a run that is half there is never carried on"
    assert store.runs(RunQuery()) == []
