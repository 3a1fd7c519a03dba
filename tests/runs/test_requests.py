"""The exact bytes of requests: kept as what they share with earlier requests and with answers, shown byte for byte."""

import json
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from autogen.core.model import ModelMessage, ModelReply, Text
from autogen.runs import codec
from autogen.runs.branches import copies
from autogen.runs.recording import export_run, load_recording
from autogen.runs.redact import Redactor
from autogen.runs.requests import ModelDetail, Requests, encode_detail, exact_request, model_detail
from autogen.runs.rows import Entry, RunRow
from autogen.runs.sqlite import SqliteStore
from autogen.runs.store import Store

LONG = "The plan stands. " * 40
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
texts = st.one_of(words, st.builds(lambda word, end: word + LONG + end, words, words))


def talk(store: Store, answers: Sequence[str], tail: str = "") -> list[bytes]:
    """A run "r" of one model that is sent all that was said; gives the bodies that it sent."""
    row = store.create(RunRow(id="r", status="done", created=1.0, updated=2.0))
    requests = Requests()
    said: list[dict[str, str]] = [{"role": "user", "content": "Begin."}]
    bodies: list[bytes] = []
    for number, text in enumerate(answers, 1):
        address = f"a.model.reply/{number}"
        bodies.append(json.dumps({"messages": said, "tail": tail}, ensure_ascii=False, separators=(",", ":")).encode())
        sent, blobs = requests.keep(address, "https://example.org/v1", bodies[-1], 1)
        message = ModelMessage("assistant", (Text(text),))
        answer = codec.encode(ModelReply(message=message, finish="stop", choices=(message,)), "the model")
        detail = encode_detail(ModelDetail(request=sent))
        entry = Entry(address=address, kind="model", state="done", detail=detail, answer=answer)
        store.append("r", row.generation, (entry,), blobs)
        requests.hear(address, answer, text)
        said += ({"role": "assistant", "content": text}, {"role": "user", "content": f"Go on with {number}."})
    return bodies


def shown(store: Store) -> list[bytes]:
    entries = store.read("r")
    known = {entry.address: entry for entry in entries}
    return [exact_request("r", entry, known.get, store)[1] for entry in entries]


@given(st.lists(texts, min_size=1, max_size=8), words)
def test_every_request_is_shown_byte_for_byte(answers: list[str], tail: str) -> None:
    store = SqliteStore(":memory:")
    assert talk(store, answers, tail) == shown(store)


def test_what_a_model_said_is_kept_once() -> None:
    store = SqliteStore(":memory:")
    talk(store, [f"{number}: {LONG}" for number in range(5)])
    entries = store.read("r")
    blobs = [store.blob("r", sent.rest) for entry in entries if (sent := model_detail(entry).request) is not None]
    assert sum(entry.answer.count(b"The plan stands.") for entry in entries) == 5 * 40
    assert not any(b"The plan stands." in blob for blob in blobs)


def test_an_answer_that_two_requests_repeat_is_quoted_in_each() -> None:
    store = SqliteStore(":memory:")
    assert talk(store, [LONG, LONG, f"{LONG}!", LONG]) == shown(store)


def test_a_recording_shows_the_same_requests(tmp_path: Path) -> None:
    store = SqliteStore(":memory:")
    bodies = talk(store, [f"{number}: {LONG}" for number in range(5)])
    export_run(store, "r", tmp_path / "r.recording.jsonl")
    assert shown(load_recording(tmp_path / "r.recording.jsonl")) == bodies


def test_a_recording_without_a_secret_that_a_model_said_still_shows_its_requests(tmp_path: Path) -> None:
    store = SqliteStore(":memory:")
    secret = "sk-proj-4f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"
    bodies = talk(store, [f"{number}: {LONG} {secret}" for number in range(3)])
    path = tmp_path / "r.recording.jsonl"
    assert export_run(store, "r", path).redacted > 0
    assert secret.encode() not in path.read_bytes()
    clean = Redactor()
    assert shown(load_recording(path)) == [clean.redact_json(body)[0] for body in bodies]


def test_a_fork_that_has_not_the_quoted_answer_does_not_pretend_to_know_the_request() -> None:
    store = SqliteStore(":memory:")
    talk(store, [f"{number}: {LONG}" for number in range(3)])
    entries = store.read("r")
    ((kept, blobs),) = copies(store, "r", entries, 2, [entries[2]])
    assert model_detail(kept).request is not None
    assert blobs
    ((lost, blobs),) = copies(store, "r", entries, 0, [entries[2]])
    assert model_detail(lost).request is None
    assert not blobs
