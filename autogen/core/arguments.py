"""One form for equal tool arguments, so that repeated calls are seen. Refuses to know schemas and tools."""

import msgspec


def canonical(arguments: str) -> str:
    """`arguments` as JSON with sorted keys; text that is not JSON stays as it is, without outer white space."""
    try:
        return msgspec.json.encode(msgspec.json.decode(arguments), order="sorted").decode()
    except (ValueError, RecursionError):  # msgspec's own errors and lone surrogates are ValueErrors
        return arguments.strip()
