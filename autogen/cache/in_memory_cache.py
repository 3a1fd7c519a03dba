"""A cache that lives as long as its object. Refuses to copy values: what is kept is the object itself."""

from types import TracebackType
from typing import Any, Self

from autogen.cache.abstract_cache_base import AbstractCache


class InMemoryCache(AbstractCache):
    """A dict behind the cache interface; `seed` keeps apart the keys of caches that are compared or merged."""

    def __init__(self, seed: str | int = "") -> None:
        self._seed = str(seed)
        self._cache: dict[str, Any] = {}

    def _prefixed_key(self, key: str) -> str:
        return f"{self._seed}_{key}" if self._seed else key

    def get(self, key: str, default: Any | None = None) -> Any | None:
        """The value kept under `key`, or `default`."""
        return self._cache.get(self._prefixed_key(key), default)

    def set(self, key: str, value: Any) -> None:
        """Keep `value` itself under `key`."""
        self._cache[self._prefixed_key(key)] = value

    def close(self) -> None:
        """Nothing is held open; the entries stay."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
