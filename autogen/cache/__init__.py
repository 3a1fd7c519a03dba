"""Caches of model answers and other small values, under 0.2's names.

Decides nothing itself. Refuses to know models: a cache maps text keys to text, bytes, JSON and model replies.
"""

from autogen.cache.abstract_cache_base import AbstractCache
from autogen.cache.cache import Cache
from autogen.cache.cache_factory import CacheFactory
from autogen.cache.disk_cache import DiskCache
from autogen.cache.in_memory_cache import InMemoryCache

__all__ = ["AbstractCache", "Cache", "CacheFactory", "DiskCache", "InMemoryCache"]
