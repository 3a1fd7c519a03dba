"""Azure AD tokens for Azure OpenAI: a provider of the program's, or azure-identity's default chain.

Decides where a token comes from. Refuses to know addresses (`chat.url_of`) and to keep tokens: providers do.
"""

from collections.abc import Callable
from importlib import import_module
from threading import Lock
from typing import Any

from autogen.core.errors import ConfigError
from autogen.models.chat_endpoint import ChatEndpoint, TokenProvider

SCOPE = "https://cognitiveservices.azure.com/.default"

_default: Callable[[], str] | None = None
_lock = Lock()


def token_provider(endpoint: ChatEndpoint) -> TokenProvider | None:
    """What to call for a token before a request to this endpoint; None when it has a key, a token or is no Azure.

    Raises ConfigError when "DEFAULT" is asked for and azure-identity is not installed.
    """
    provider = endpoint.azure_ad_token_provider
    if endpoint.api_type != "azure" or provider is None or endpoint.azure_ad_token is not None:
        return None
    return default_provider() if provider == "DEFAULT" else provider


def default_provider() -> Callable[[], str]:
    """The token provider over azure-identity's default credential, one for the process: it keeps the token fresh."""
    global _default
    with _lock:
        provider = _default
        if provider is None:
            try:
                known: Any = import_module("azure.identity")
            except ImportError as error:
                raise ConfigError(
                    "azure_ad_token_provider='DEFAULT' needs azure-identity: pip install azure-identity, "
                    "or give a function that returns a token"
                ) from error
            made: Callable[[], str] = known.get_bearer_token_provider(known.DefaultAzureCredential(), SCOPE)
            provider = _default = made
        return provider


def checked(token: object, endpoint: ChatEndpoint) -> str:
    """The token that a provider gave; ConfigError when it is none."""
    if not isinstance(token, str) or not token:
        raise ConfigError(
            f"azure_ad_token_provider of model {endpoint.model!r} must return a token (str), got {type(token).__name__}"
        )
    return token
