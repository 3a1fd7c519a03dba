"""`Cache`: the one public cache class of 0.2, over whichever store its configuration names.

Refuses to open anything before it is used.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any

from autogen.cache.abstract_cache_base import AbstractCache
from autogen.cache.cache_factory import CacheFactory
from autogen.core.errors import ConfigError


class Cache(AbstractCache):
    """A cache to pass as `cache=` to `initiate_chat` or `OpenAIWrapper.create`.

    config: any of `cache_seed` (default "42"), `cache_path_root` (default ".cache"), `redis_url`, `cosmos_db_config`.
    Raises ValueError for other keys.
    """

    ALLOWED_CONFIG_KEYS = ["cache_seed", "redis_url", "cache_path_root", "cosmos_db_config"]

    def __init__(self, config: Mapping[str, Any]) -> None:
        for key in config:
            if key not in self.ALLOWED_CONFIG_KEYS:
                raise ConfigError(f"Invalid config key: {key}")
        self.config: dict[str, Any] = dict(config)
        self.config["cache_seed"] = str(self.config.get("cache_seed", 42))
        self.cache: AbstractCache = CacheFactory.cache_factory(
            self.config["cache_seed"],
            self.config.get("redis_url"),
            self.config.get("cache_path_root", ".cache"),
            self.config.get("cosmos_db_config"),
        )

    @staticmethod
    def disk(cache_seed: str | int = 42, cache_path_root: str = ".cache") -> "Cache":
        """A cache in the folder `cache_path_root/cache_seed`."""
        return Cache({"cache_seed": cache_seed, "cache_path_root": cache_path_root})

    @staticmethod
    def redis(cache_seed: str | int = 42, redis_url: str = "redis://localhost:6379/0") -> "Cache":
        """Raises ConfigError: not in this version."""
        return Cache({"cache_seed": cache_seed, "redis_url": redis_url})

    @staticmethod
    def cosmos_db(
        connection_string: str | None = None,
        container_id: str | None = None,
        cache_seed: str | int = 42,
        client: Any | None = None,
    ) -> "Cache":
        """Raises ConfigError: not in this version."""
        settings = {"connection_string": connection_string, "container_id": container_id, "client": client}
        return Cache({"cache_seed": cache_seed, "cosmos_db_config": settings})

    def get(self, key: str, default: Any | None = None) -> Any | None:
        """The value kept under `key`, or `default`."""
        return self.cache.get(key, default)

    def set(self, key: str, value: Any) -> None:
        """Keep text, bytes, a JSON value or a model reply under `key`."""
        self.cache.set(key, value)

    def close(self) -> None:
        """Close the file; using the cache again opens it again."""
        self.cache.close()

    def __enter__(self) -> "Cache":
        self.cache.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cache.__exit__(exc_type, exc_value, traceback)
