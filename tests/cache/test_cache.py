"""Caches as 0.2's programs use them: what is kept, where, for whom, and what a hostile or broken file can do."""

import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogen.cache import AbstractCache, Cache, CacheFactory, DiskCache, InMemoryCache
from autogen.cache.codec import UncacheableValue, Unreadable, decode, encode
from autogen.core.errors import ConfigError
from autogen.core.model import (
    Media,
    ModelMessage,
    ModelReply,
    Opaque,
    Other,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)

FILE = "autogen-cache.sqlite3"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def reply(text: str = "hello") -> ModelReply:
    message = ModelMessage(
        "assistant",
        (
            Text(text, Opaque("google", {"signature": "abc"})),
            Media(url="data:image/png;base64,AAAA"),
            ToolCall("c1", "f", '{"a": 1}', opaque=Opaque("", {"x": 1})),
            ToolResult("c1", "f", "3", is_error=True),
            Reasoning("hm"),
            Other(Opaque("chat", {"type": "audio"})),
        ),
        extra={"refusal": None},
    )
    message.memo()["openai"] = b'{"content":"something else"}'
    return ModelReply(
        message=message, finish="tools", usage=Usage(input=10, output=5, requests=1), model="gpt-4", cost=0.5,
        choices=(message, ModelMessage("assistant", (Text("b"),))), extra={"system_fingerprint": "fp"},
    )  # fmt: skip


def test_a_value_is_there_for_the_next_cache_of_that_seed(here: Path) -> None:
    with Cache.disk(7) as cache:
        cache.set("k", {"a": [1, 2.5, None, "ä"]})
    with Cache.disk("7", ".cache") as again:
        assert again.get("k") == {"a": [1, 2.5, None, "ä"]}
        assert again.get("other") is None
        assert again.get("other", 3) == 3
    with Cache.disk(8) as other_seed:
        assert other_seed.get("k") is None
    assert (here / ".cache" / "7" / FILE).exists()


def test_nothing_is_created_before_the_first_use(here: Path) -> None:
    Cache.disk(7)
    assert list(here.iterdir()) == []


def test_a_closed_cache_opens_again(here: Path) -> None:
    cache = Cache.disk(7)
    with cache:
        cache.set("x", "y")
    assert cache.get("x") == "y"
    cache.close()


def test_a_model_reply_comes_back_whole_but_without_its_memo(here: Path) -> None:
    first = reply()
    with Cache.disk(7) as cache:
        cache.set("k", first)
        again = cache.get("k")
    assert isinstance(again, ModelReply)
    assert again.message.parts == first.message.parts
    assert [message.text for message in again.choices] == ["hello", "b"]
    assert (again.usage, again.cost, again.model, again.extra) == (first.usage, 0.5, "gpt-4", first.extra)
    assert again.message.encoded is None


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_any_json_value_survives_and_constructs_nothing(value: Any) -> None:
    assert decode(*encode(value)) == value


@given(st.sampled_from(["text", "bytes", "json", "reply/1", "reply/2", "pickle"]), st.binary(max_size=60))
def test_any_bytes_decode_to_plain_values_or_not_at_all(kind: str, data: bytes) -> None:
    try:
        value = decode(kind, data)
    except Unreadable:
        return
    assert isinstance(value, (str, bytes, int, float, list, dict, type(None), ModelReply))


@pytest.mark.parametrize("value", [object(), {1: "a"}, {"a": {1, 2}}, print, Usage()])
def test_objects_of_the_program_are_refused_by_name(here: Path, value: Any) -> None:
    with Cache.disk(7) as cache, pytest.raises(UncacheableValue, match="InMemoryCache"):
        cache.set("k", value)


def test_a_memory_cache_keeps_the_object_itself() -> None:
    value = object()
    with InMemoryCache(4) as cache:
        cache.set("k", value)
        assert cache.get("k") is value
        assert cache.get("x", "default") == "default"
        assert cache._prefixed_key("k") == "4_k"


# ---- configuration --------------------------------------------------------------------------------------------------


def test_unknown_keys_are_refused_in_0_2s_words() -> None:
    with pytest.raises(ValueError, match=r"^Invalid config key: foo$"):
        Cache({"foo": 1})


def test_the_configuration_is_shown_as_0_2_showed_it() -> None:
    assert Cache.disk(4, "x").config == {"cache_seed": "4", "cache_path_root": "x"}


@pytest.mark.parametrize(
    "make",
    [
        Cache.redis,
        lambda: Cache.cosmos_db("connection", "container"),
        lambda: CacheFactory.cache_factory(1, redis_url="redis://x"),
        lambda: CacheFactory.cache_factory(1, cosmosdb_config={"connection_string": "x"}),
    ],
)
def test_a_shared_cache_is_refused_and_never_replaced_in_silence(make: Any) -> None:
    with pytest.raises(ConfigError, match=r"has no (Redis|Cosmos DB) cache"):
        make()


def test_the_factory_makes_a_disk_cache(here: Path) -> None:
    cache: AbstractCache = CacheFactory.cache_factory(3)
    cache.set("a", "b")
    assert isinstance(cache, DiskCache)
    assert (here / ".cache" / "3" / FILE).exists()
    cache.close()


# ---- files: for their owner, for several processes, gone and replaced -----------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_files_and_folders_are_for_their_owner_only(here: Path) -> None:
    with Cache.disk(7) as cache:
        cache.set("k", "v")
        made = [here / ".cache", here / ".cache" / "7", *(here / ".cache" / "7").iterdir()]
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in made}
    assert modes.pop(".cache") == 0o700
    assert modes.pop("7") == 0o700
    assert set(modes.values()) == {0o600}


def test_threads_share_one_cache(here: Path) -> None:
    failures: list[BaseException] = []
    with Cache.disk(7) as cache:

        def work(number: int) -> None:
            try:
                for step in range(20):
                    cache.set(f"{number}/{step}", [number, step])
                    assert cache.get(f"{number}/{step}") == [number, step]
            except BaseException as raised:
                failures.append(raised)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert cache.get("7/19") == [7, 19]


def test_processes_share_one_cache(here: Path) -> None:
    program = (
        "import sys\nfrom autogen.cache import Cache\n"
        "with Cache.disk(7) as cache:\n"
        "    for step in range(50):\n        cache.set(f'{sys.argv[1]}/{step}', step)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], cwd=here, env=environment) for number in range(3)
    ]
    assert [process.wait(30) for process in running] == [0, 0, 0]
    with Cache.disk(7) as cache:
        assert [cache.get(f"{number}/{step}") for number in range(3) for step in (0, 49)] == [0, 49] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_uses_a_connection_of_its_own(here: Path) -> None:
    with Cache.disk(7) as cache:
        cache.set("k", "parent")
        child = os.fork()
        if child == 0:
            cache.set("k2", "child")
            os._exit(0 if cache.get("k") == "parent" else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert cache.get("k2") == "child"


def test_a_deleted_folder_means_an_empty_cache(here: Path) -> None:
    import shutil

    with Cache.disk(7) as cache:
        cache.set("k", "old")
        shutil.rmtree(here / ".cache")
        assert cache.get("k") is None
        cache.set("k", "new")
        assert cache.get("k") == "new"


# ---- hostile and broken files ---------------------------------------------------------------------------------------


def test_a_poisoned_entry_is_ignored_and_runs_no_code(here: Path) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.system, (f"touch {here}/marker",))

    with Cache.disk(7) as cache:
        cache.set("k", reply())
        poison = pickle.dumps(Bomb())
        with sqlite3.connect(here / ".cache" / "7" / FILE) as connection:
            for number, kind in enumerate(["reply/1", "json", "pickle", "text"]):
                connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (f"p{number}", kind, poison))
            connection.execute("INSERT INTO entries VALUES ('wrong', 5, 'text, no bytes')")
            connection.execute("UPDATE entries SET data = ? WHERE key = 'k'", (b'{"message": {"role": "boss"}}',))
        connection.close()
        found = [cache.get(key, "default") for key in ("k", "p0", "p1", "p2", "p3", "wrong")]
    assert found == ["default"] * 6
    assert not (here / "marker").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"not a database at all, but long enough to be looked at" * 40,
        b"\x80\x04pickle",
        b"SQLite format 3\x00" + b"\xff" * 4096,
    ],
)
def test_a_broken_file_is_left_alone_and_memory_is_used(
    here: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = here / ".cache" / "7" / FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING), Cache.disk(7) as cache:
        assert cache.get("k") is None
        cache.set("k", "v")
        assert cache.get("k") == "v"
    assert path.read_bytes() == content
    assert len(caplog.records) == 1
    assert "cache_seed=None" in caplog.text


@pytest.mark.parametrize(
    "schema",
    [
        (
            "CREATE TABLE entries (key TEXT, kind TEXT, data BLOB);"
            "CREATE TRIGGER t AFTER INSERT ON entries BEGIN DELETE FROM entries; END"
        ),
        "CREATE VIEW entries AS SELECT 'k' AS key, 'text' AS kind, x'41' AS data",
        "CREATE TABLE Cache (key BLOB, value BLOB)",
    ],
)
def test_a_foreign_database_is_no_cache_of_ours(here: Path, schema: str) -> None:
    path = here / ".cache" / "7" / FILE
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path)
    connection.executescript(schema)
    connection.close()
    with Cache.disk(7) as cache:
        assert cache.get("k") is None
        cache.set("k", "v")
        assert cache.get("k") == "v"
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == schema.count("CREATE")
    connection.close()


def test_what_0_2_left_in_the_folder_is_neither_read_nor_harmed(here: Path) -> None:
    old = here / ".cache" / "41" / "cache.db"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"SQLite format 3\x00 and pickles")
    with Cache.disk(41) as cache:
        cache.set("k", "v")
        assert cache.get("k") == "v"
    assert old.read_bytes() == b"SQLite format 3\x00 and pickles"


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_planted_link_is_not_followed(here: Path) -> None:
    target = here / "precious.txt"
    target.write_text("precious")
    folder = here / ".cache" / "7"
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(target)
    with Cache.disk(7) as cache:
        cache.set("k", "v")
        assert cache.get("k") == "v"
    assert target.read_text() == "precious"


def test_a_folder_that_cannot_be_made_means_memory_and_one_warning(
    here: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (here / ".cache").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING), Cache.disk(7) as cache:
        cache.set("a", "1")
        cache.set("b", "2")
        assert (cache.get("a"), cache.get("b")) == ("1", "2")
    assert len(caplog.records) == 1


def test_a_locked_file_is_a_miss_and_never_an_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogen.cache.store.BUSY_SECONDS", 0.05)
    with Cache.disk(7) as cache:
        cache.set("k", "v")
        other = sqlite3.connect(here / ".cache" / "7" / FILE, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        cache.set("k", "lost")
        other.execute("ROLLBACK")
        other.close()
        assert cache.get("k") == "v"
