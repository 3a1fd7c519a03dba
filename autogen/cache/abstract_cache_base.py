"""What every cache can do. Refuses to know how entries are kept."""

from types import TracebackType
from typing import Any, Protocol, Self


class AbstractCache(Protocol):
    """Text keys, any value that the cache at hand can keep; used in a `with` statement or closed by hand."""

    def get(self, key: str, default: Any | None = None) -> Any | None:
        """The value kept under `key`, or `default`."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep `value` under `key`, in place of what was there."""
        ...

    def close(self) -> None:
        """Release files and connections; using the cache again opens them again."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
