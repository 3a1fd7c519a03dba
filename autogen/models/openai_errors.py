"""Our errors as `openai`'s, for programs that catch those: only when that package is loaded already.

Decides which of its classes fits which of ours. Never imports it: a program that catches its classes has imported it.
"""

import sys
from collections.abc import Mapping
from threading import Lock
from types import ModuleType
from typing import Any

from autogen.models.errors import (
    AuthError,
    BadRequest,
    BrokenStream,
    CallFailed,
    ModelTimeout,
    NotFound,
    RateLimited,
    Unreachable,
    UnreadableReply,
)
from autogen.models.shapes import as_dict

BY_STATUS = {
    400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError",
    409: "ConflictError", 422: "UnprocessableEntityError", 429: "RateLimitError",
}  # fmt: skip
BY_CLASS: tuple[tuple[type[CallFailed], str], ...] = (
    (ModelTimeout, "APITimeoutError"),
    (Unreachable, "APIConnectionError"),
    (BrokenStream, "APIConnectionError"),
    (UnreadableReply, "APIError"),
    (RateLimited, "RateLimitError"),
    (AuthError, "AuthenticationError"),
    (NotFound, "NotFoundError"),
    (BadRequest, "BadRequestError"),
)

_made: dict[tuple[type[CallFailed], type[Exception]], type[CallFailed]] = {}
_lock = Lock()


def as_openai(error: CallFailed) -> CallFailed:
    """The same error, an instance of `openai`'s fitting class as well; the error itself when openai is not loaded."""
    package = sys.modules.get("openai")
    theirs = _class_of(error, package) if package is not None else None
    if theirs is None or isinstance(error, theirs):
        return error
    ours = type(error)
    with _lock:
        cls = _made.get((ours, theirs))
        if cls is None:
            cls = _made[ours, theirs] = _join(ours, theirs)
    made = cls.__new__(cls, error.message)
    Exception.__init__(made, error.message)
    made.__dict__.update(error.__dict__)
    made.__dict__.update(_their_facts(error, theirs))
    made.__cause__, made.__context__, made.__traceback__ = error.__cause__, error.__context__, error.__traceback__
    made.__suppress_context__ = error.__suppress_context__
    return made


def _class_of(error: CallFailed, package: ModuleType) -> type[Exception] | None:
    name = next((name for cls, name in BY_CLASS if isinstance(error, cls)), "")
    if error.status is not None and not isinstance(error, (ModelTimeout, Unreachable, BrokenStream, UnreadableReply)):
        name = BY_STATUS.get(error.status, name or "APIStatusError")
        if error.status >= 500:
            name = "InternalServerError"
    found = getattr(package, name or "APIError", None)
    return found if isinstance(found, type) and issubclass(found, Exception) else None


def _join(ours: type[CallFailed], theirs: type[Exception]) -> type[CallFailed]:
    """A class of both; the text, construction and pickling are ours."""
    return type(
        ours.__name__,
        (ours, theirs),
        {"__module__": ours.__module__, "__doc__": ours.__doc__, "__reduce__": _reduce, "__str__": ours.__str__},
    )


def _reduce(self: CallFailed) -> tuple[Any, ...]:
    """Pickled as our own error; it is `openai`'s again where that package is loaded when it is read."""
    ours = next(cls for cls in type(self).__mro__ if cls not in _made.values() and issubclass(cls, CallFailed))
    facts = {key: value for key, value in self.__dict__.items() if key not in ("request", "response")}
    return (rebuild, (ours, self.message, facts))


def rebuild(cls: type[CallFailed], message: str, facts: Mapping[str, Any]) -> CallFailed:
    error = cls(message)
    error.__dict__.update(facts)
    return as_openai(error)


def _their_facts(error: CallFailed, theirs: type[Exception]) -> dict[str, Any]:
    """What programs read of `openai`'s errors: status_code, response, request, body, code, param, type."""
    body = as_dict(error.body)
    param, kind = body.get("param"), body.get("type")
    facts: dict[str, Any] = {
        "code": error.code,
        "param": param if isinstance(param, str) else None,
        "type": kind if isinstance(kind, str) else None,
    }
    # openai 3 builds on httpx2, earlier ones on httpx: whichever its class was made with is loaded.
    http = sys.modules.get("httpx2") or sys.modules.get("httpx")
    request = http.Request("POST", error.endpoint) if http is not None and error.endpoint else None
    facts["request"] = request
    if any(cls.__name__ == "APIStatusError" for cls in theirs.__mro__):
        facts["status_code"] = error.status
        facts["response"] = None
        if http is not None and error.status is not None:
            json = {"error": body} if body else None
            facts["response"] = http.Response(error.status, headers=error.headers, json=json, request=request)
    return facts
