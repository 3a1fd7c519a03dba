"""Where a Chat Completions request goes: one entry of a config list, checked and ready for the wire.

Decides what an endpoint is made of. Refuses to know how the entry was found and how the request is encoded.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from autogen.core.model import Json
from autogen.models.profiles import OPENAI, Profile
from autogen.models.secret import Secret
from autogen.models.transport import ConnectionSettings, Timeout, shown

TokenProvider: TypeAlias = Callable[[], str | Awaitable[str]]

OPENAI_URL = "https://api.openai.com/v1"


class ChatEndpoint(Struct, frozen=True, kw_only=True):
    """One OpenAI-compatible endpoint and model."""

    model: str
    base_url: str = OPENAI_URL
    """For "azure" the resource's address, `https://name.openai.azure.com`."""
    api_key: Secret | None = None
    api_type: Literal["openai", "azure"] = "openai"
    api_version: str | None = None
    organization: str | None = None
    project: str | None = None
    default_headers: Mapping[str, str] = field(default_factory=dict[str, str])
    default_query: Mapping[str, str] = field(default_factory=dict[str, str])
    azure_deployment: str | None = None
    """None: the model's name without dots, as 0.2 did."""
    azure_ad_token: Secret | None = None
    azure_ad_token_provider: TokenProvider | Literal["DEFAULT"] | None = None
    timeout: Timeout = Timeout()
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Parameters of the entry; they win over those of the call, as in 0.2."""
    profile: Profile = OPENAI
    connection: ConnectionSettings = ConnectionSettings()
    http_client: Any = None
    """The program's own httpx or httpx2 client, used as the transport."""
    config_id: int = 0
    """Index of the entry in its config list; copied into the reply."""

    @property
    def account(self) -> str:
        """Tells two accounts apart without showing the key."""
        secret = self.api_key or self.azure_ad_token
        return secret.fingerprint() if secret is not None else ""

    @property
    def address(self) -> str:
        """`base_url` without user, password and query: for errors and logs."""
        return shown(self.base_url)

    def __repr__(self) -> str:
        return f"ChatEndpoint(model={self.model!r}, base_url={self.address!r}, api_type={self.api_type!r})"
