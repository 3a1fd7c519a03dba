"""Which kind of cache a configuration asks for. Refuses to fall back from a shared cache to a private one."""
# ruff: noqa: PTH118 - os.path, because a first agent does not load pathlib

import os
from collections.abc import Mapping
from typing import Any

from autogen.cache.abstract_cache_base import AbstractCache
from autogen.cache.disk_cache import DiskCache
from autogen.core.errors import ConfigError


class CacheFactory:
    """Makes caches from 0.2's settings."""

    @staticmethod
    def cache_factory(
        seed: str | int,
        redis_url: str | None = None,
        cache_path_root: str = ".cache",
        cosmosdb_config: Mapping[str, Any] | None = None,
    ) -> AbstractCache:
        """The cache of `seed`: a folder `cache_path_root/seed`.

        Raises ConfigError for Redis and Cosmos DB: 0.2 unpickled what it found there and fell back to the disk in
        silence; this version does neither.
        """
        for asked, name in ((redis_url, "Redis"), (cosmosdb_config, "Cosmos DB")):
            if asked:
                raise ConfigError(
                    f"this version has no {name} cache; use Cache.disk(cache_seed), or pass an object of your own with "
                    "get, set and close (AbstractCache) as `cache`"
                )
        return DiskCache(os.path.join(cache_path_root, str(seed)))
