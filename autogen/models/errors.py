"""Why a model call failed, in one tree, and the table from (status, provider's code) to the error.

    ModelError (core)
    └── CallFailed                   .status .code .endpoint .model .request_id .headers
        ├── AuthError                401, 403
        ├── NotFound                 404: the model, the deployment or the path
        ├── RateLimited              429; .retry_after
        │   └── QuotaExceeded        429 for want of money: waiting does not help
        ├── Overloaded               408, 409, 5xx
        ├── BadRequest               400, 413, 422; .rule names the refused parameter
        │   ├── ContextTooLong
        │   └── ContentFiltered
        ├── ModelTimeout             also a TimeoutError; .phase
        ├── Unreachable              also a ConnectionError; .host, .cause
        ├── BrokenStream             the answer was cut; .partial
        └── UnreadableReply          an answer that is none; .preview

Refuses to know who retries and what `openai` is (see `openai_errors.py`).
"""

from collections.abc import Mapping
from typing import Any

from autogen.core.errors import ModelError
from autogen.core.model import ModelReply
from autogen.models.shapes import as_dict

KEPT_HEADERS = frozenset({"retry-after", "retry-after-ms", "x-should-retry", "x-request-id", "apim-request-id"})


class CallFailed(ModelError):
    """An endpoint did not answer usefully. Facts that are not known are None or empty.

    status: of the HTTP answer; code: the provider's own; endpoint: address without query and key; model: as asked;
    headers: those of the answer that retrying needs, names in lower case; body: the provider's error object.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        endpoint: str = "",
        model: str = "",
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.endpoint = message, status, code, endpoint
        self.model, self.request_id, self.body = model, request_id, body
        self.headers = {name: value for name, value in (headers or {}).items() if name in KEPT_HEADERS}

    hint = ""
    """The way out, added to the text."""
    partial: ModelReply | None = None
    """What had arrived of a streamed answer; None when nothing had."""
    began = False
    """An answer of status 2xx had begun, so the request may be billed."""

    def __str__(self) -> str:
        where = f"model {self.model!r} at {self.endpoint}" if self.model else self.endpoint or "the model"
        number = f" (status {self.status})" if self.status is not None else ""
        end = f"; {self.hint}" if self.hint else ""
        return f"{where}: {self.message}{number}{end}"


class AuthError(CallFailed):
    hint = "check api_key (and organization, api_version) of this config_list entry"


class NotFound(CallFailed):
    hint = "check model and base_url of this config_list entry"


class RateLimited(CallFailed):
    retry_after: float | None = None
    """Seconds that the server asked for."""
    hint = "wait, set api_rate_limit, or add another entry to the config_list"


class QuotaExceeded(RateLimited):
    hint = "the account has no money or quota left"


class Overloaded(CallFailed):
    hint = "try again later, raise max_retries, or add another entry to the config_list"


class BadRequest(CallFailed):
    rule: str | None = None
    """The parameter that the provider refused, as it named it."""


class ContextTooLong(BadRequest):
    hint = "shorten the history (transform messages, summaries) or take a model with a larger window"


class ContentFiltered(BadRequest):
    hint = "the provider's content filter refused it; no other entry is asked"


class ModelTimeout(CallFailed, TimeoutError):
    phase: str = ""
    """connect, read, write, pool or total."""
    hint = "raise timeout in this config_list entry"


class Unreachable(CallFailed, ConnectionError):
    host: str = ""
    cause: str = ""
    """dns, refused, tls, proxy or connection."""


class BrokenStream(CallFailed):
    hint = "raise max_retries, or add another entry to the config_list"


class UnreadableReply(CallFailed):
    hint = "check base_url of this config_list entry; most servers want it to end in /v1"
    preview: str = ""
    """The beginning of the body."""


TOO_LONG = (
    "context_length_exceeded", "maximum context length", "context window", "too many tokens", "prompt is too long",
)  # fmt: skip
FILTERED = ("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "content management policy")
NO_QUOTA = ("insufficient_quota", "billing_hard_limit_reached", "insufficient_balance")


def class_for(status: int, code: str, message: str) -> type[CallFailed]:
    """The one table. code and message are the provider's, in any case."""
    code, low = code.lower(), message.lower()
    if status in (401, 403):
        return AuthError
    if status == 429:
        return QuotaExceeded if code in NO_QUOTA else RateLimited
    if status == 402:
        return QuotaExceeded
    if status in (408, 409) or status >= 500:
        return Overloaded
    if any(word in code or word in low for word in FILTERED):
        return ContentFiltered
    if any(word in code or word in low for word in TOO_LONG):
        return ContextTooLong
    return NotFound if status == 404 else BadRequest


STATUS_OF_CODE = {
    "invalid_api_key": 401, "authentication_error": 401, "permission_error": 403, "model_not_found": 404,
    "rate_limit_exceeded": 429, "rate_limit_error": 429, "insufficient_quota": 429, "server_error": 500,
    "internal_error": 500, "overloaded_error": 529, "overloaded": 529, "server_overloaded": 529, "timeout": 408,
}  # fmt: skip
"""The status that an error inside a 200 answer would have had."""


def status_in(error: Mapping[str, Any]) -> int:
    """The status that the provider's error object stands for; 500 when it does not say."""
    code = error.get("code")
    if isinstance(code, int) and 400 <= code < 600:
        return code
    if isinstance(code, str) and code.isdecimal() and 400 <= int(code) < 600:
        return int(code)
    for name in (code, error.get("type")):
        if isinstance(name, str) and name in STATUS_OF_CODE:
            return STATUS_OF_CODE[name]
    return 400 if error.get("type") == "invalid_request_error" else 500


def error_object(body: Any) -> dict[str, Any] | None:
    """The provider's error object in any of the shapes in use, or None when the answer holds none."""
    known = as_dict(body)
    error: object = known.get("error")
    if as_dict(error):
        return as_dict(error)
    if isinstance(error, str) and error:
        return {"message": error}
    if known.get("object") == "error" or known.get("type") == "error":
        return known
    for key in ("detail", "message", "errors"):
        if known.get(key) and "choices" not in known:
            return {"message": known[key] if isinstance(known[key], str) else str(known[key])[:500], **known}
    return None


def preview_of(body: bytes, limit: int = 300) -> str:
    """The beginning of a body on one line, for an error text."""
    text = " ".join(body[: limit * 4].decode("utf-8", "replace").split())
    return text[:limit] + ("..." if len(text) > limit or len(body) > limit * 4 else "")
