"""How a URL is reached: scheme, host, port, and the proxy in between, from the settings or the environment.

Decides proxy and no_proxy rules. Refuses to open connections.
"""

import os
from base64 import b64encode
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, unquote, urlsplit

from msgspec import Struct

from autogen.core.errors import ConfigError
from autogen.models.transport import ConnectionSettings, shown


class Route(Struct, frozen=True):
    """Where to connect and what to ask there. Equal routes may share connections."""

    secure: bool
    host: str
    port: int
    proxy: tuple[str, int] | None = None
    proxy_auth: str = ""
    """Value of Proxy-Authorization; "" for none."""

    def __repr__(self) -> str:
        return f"Route({self.authority}, secure={self.secure}, proxy={self.proxy})"

    @property
    def authority(self) -> str:
        """host:port, as CONNECT and errors want it."""
        return f"{self.shown_host}:{self.port}"

    @property
    def shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @property
    def host_header(self) -> str:
        return self.shown_host if self.port == (443 if self.secure else 80) else self.authority


def is_address(host: str) -> bool:
    """Is `host` an IP address, so that no name has to be looked up?"""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def split_url(url: str) -> SplitResult:
    """The parts of an http(s) URL; ConfigError when it is none."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts = None
        fine = False
    if parts is None or not fine:
        raise ConfigError(f"base_url must be an http:// or https:// address, got {shown(url)!r}")
    if not url.isascii() or any(ord(letter) <= 32 or ord(letter) == 127 for letter in url):
        raise ConfigError(f"base_url holds characters that no address may hold: {shown(url)!r}")
    return parts


def route_of(parts: SplitResult, settings: ConnectionSettings) -> Route:
    """The route to a URL under these settings. Raises ConfigError for a proxy that cannot be used."""
    secure = parts.scheme == "https"
    host = parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    proxy = proxy_of(parts, settings)
    if not proxy:
        return Route(secure, host, port)
    known = urlsplit(proxy)
    if known.scheme != "http" or not known.hostname:
        raise ConfigError(
            f"the proxy for {host} has the scheme {known.scheme!r}; use an http:// proxy, or "
            "carrier='pyreqwest' in the connection settings"
        )
    auth = ""
    if known.username is not None:
        pair = f"{unquote(known.username)}:{unquote(known.password or '')}"
        auth = "Basic " + b64encode(pair.encode()).decode()
    return Route(secure, host, port, (known.hostname, known.port or 80), auth)


def proxy_of(parts: SplitResult, settings: ConnectionSettings) -> str:
    """URL of the proxy for an address; "" for none."""
    proxy = settings.proxy if settings.proxy is not None else env_proxy(parts.scheme)
    exempt = settings.no_proxy if settings.no_proxy is not None else _env("no_proxy")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if not proxy or bypassed(parts.hostname or "", port, exempt):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"


def _env(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.upper()) or ""


def env_proxy(scheme: str) -> str:
    """The environment's proxy for a scheme; "" for none. HTTP_PROXY in capitals is not trusted under CGI."""
    if scheme == "http" and "REQUEST_METHOD" in os.environ:
        return os.environ.get("http_proxy") or _env("all_proxy")
    return _env(f"{scheme}_proxy") or _env("all_proxy")


def _within(address: IPv4Address | IPv6Address, network: str) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


def bypassed(host: str, port: int, exempt: str) -> bool:
    """Whether a no_proxy list names this host: `*`, a domain and what is below it, an address, a network, host:port."""
    host = host.lower().rstrip(".")
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    for raw in exempt.lower().split(","):
        entry = raw.strip()
        if not entry:
            continue
        if entry == "*":
            return True
        if address is not None and _within(address, entry.strip("[]")):
            return True
        name, _, number = entry.rpartition(":")
        if number.isdigit() and name and (":" not in name or name.startswith("[")):
            if int(number) != port:
                continue
            entry = name.strip("[]")
        entry = entry.removeprefix("*").lstrip(".")
        if host == entry or (address is None and host.endswith("." + entry)):
            return True
    return False
