"""A journal stays small: 200 turns of 2 kB in less than 2 MB, and every request that was sent can still be shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import autogen
from autogen.runs.requests import exact_request
from autogen.runs.sqlite import SqliteStore
from bench.agents import OPENING, pair, turns_for
from bench.harness import ServerHandle, running_server
from bench.measure import read_bodies

TURNS = 201
REPLY = "text,length=2048,record=1"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerHandle]:
    with running_server() as handle:
        yield handle


def hold(server: ServerHandle, store: SqliteStore) -> None:
    writer, critic = pair(server.base_url(REPLY))
    with autogen.durable(store):
        writer.initiate_chat(critic, message=OPENING, max_turns=turns_for(TURNS), silent=True, run_id="long")


def test_200_turns_of_2_kb_keep_the_journal_under_2_mb(server: ServerHandle, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    store = SqliteStore(journal / "runs.db")
    hold(server, store)
    while_open = sum(path.stat().st_size for path in journal.rglob("*") if path.is_file())
    entries = store.read("long")
    known = {entry.address: entry for entry in entries}
    kept = tmp_path / "bodies"
    kept.write_bytes(server.recorded())
    sent = read_bodies(str(kept))
    shown = [exact_request("long", entry, known.get, store)[1] for entry in entries if entry.kind == "model"]
    store.close()
    closed = sum(path.stat().st_size for path in journal.rglob("*") if path.is_file())

    assert shown == sent
    assert len(sent) == TURNS
    assert sum(map(len, sent)) > 40_000_000
    assert while_open < 2_000_000
    assert closed < 1_000_000
