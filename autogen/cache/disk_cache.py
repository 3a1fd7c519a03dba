"""A cache in a folder: one SQLite file of JSON, text and bytes.

Decides what happens when the folder cannot be used: one warning, and a cache in memory from then on. The file has a
name of its own, so that a cache which 0.2 left in the same folder is neither read nor harmed.
Refuses to keep objects of the program (see `codec.py`).
"""
# ruff: noqa: PTH118 - os.path, because a first agent does not load pathlib

import os
from types import TracebackType
from typing import Any, Self

from autogen.cache.abstract_cache_base import AbstractCache
from autogen.cache.codec import Unreadable, decode, encode
from autogen.cache.store import Store, StoreUnusable

FILE_NAME = "autogen-cache.sqlite3"


class DiskCache(AbstractCache):
    """`DiskCache(folder)`. Threads and processes may share the folder. Nothing is created before the first use."""

    def __init__(self, seed: str | int) -> None:
        self._store = Store(os.path.join(str(seed), FILE_NAME))
        self._memory: dict[str, tuple[str, bytes]] | None = None

    def get(self, key: str, default: Any | None = None) -> Any | None:
        """The value kept under `key`, or `default`; an entry that does not decode counts as absent."""
        if self._memory is None:
            try:
                found = self._store.get(key)
            except StoreUnusable as error:
                found = self._fall_back(error).get(key)
        else:
            found = self._memory.get(key)
        if found is None:
            return default
        try:
            return decode(*found)
        except Unreadable as error:
            _warn("the entry %s of the cache %s is ignored: %s", key[:16], self._store.path, error)
            return default

    def set(self, key: str, value: Any) -> None:
        """Keep text, bytes, a JSON value or a `ModelReply`. Raises `UncacheableValue` for anything else."""
        kind, data = encode(value)
        if self._memory is None:
            try:
                self._store.put(key, kind, data)
            except StoreUnusable as error:
                self._fall_back(error)[key] = (kind, data)
        else:
            self._memory[key] = (kind, data)

    def close(self) -> None:
        """Close the file; using the cache again opens it again."""
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _fall_back(self, error: StoreUnusable) -> dict[str, tuple[str, bytes]]:
        if self._memory is None:
            self._memory = {}
            _warn(
                "the cache file cannot be used (%s); caching in memory instead. Delete it, make its folder writable, "
                "or set cache_seed=None",
                error,
            )
        return self._memory


def _warn(text: str, *facts: object) -> None:
    import logging

    logging.getLogger("autogen.cache").warning(text, *facts)
