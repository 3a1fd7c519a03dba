"""TLS contexts for the native transport: the system's authorities, and those of the connection settings.

Decides what is trusted. Refuses to know hosts. `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured by OpenSSL itself.
"""

import ssl
import sys

from autogen.core.errors import ConfigError
from autogen.models.transport import ConnectionSettings


def context_for(settings: ConnectionSettings) -> ssl.SSLContext:
    """A context for these settings; costs milliseconds, so it is made once for each pool."""
    try:
        context = _system_context()
        bundle = pem_bytes(settings.ca_bundle, "ca_bundle", b"-----BEGIN CERTIFICATE-----")
        if bundle is not None:
            context.load_verify_locations(cadata=bundle.decode("ascii", "ignore"))
        _load_certificate(context, settings.client_certificate)
    except (ssl.SSLError, OSError) as error:
        raise ConfigError(f"ca_bundle or client_certificate cannot be loaded: {error}") from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    return context


def _system_context() -> ssl.SSLContext:
    """macOS keeps its authorities where OpenSSL does not look; `truststore`, when installed, does."""
    if sys.platform == "darwin":
        try:
            import truststore  # type: ignore[import-not-found,unused-ignore]
        except ImportError:
            return ssl.create_default_context()
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return ssl.create_default_context()


def pem_bytes(value: str | bytes | None, name: str, mark: bytes) -> bytes | None:
    """The PEM text given as text or as a file's path; ConfigError when it holds nothing of the kind."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            with open(value, "rb") as file:
                value = file.read()
        except OSError as error:
            raise ConfigError(f"{name} cannot be read: {error}") from error
    if mark not in value:
        raise ConfigError(f"{name} holds no {mark.decode().strip('-').removeprefix('BEGIN ').lower()} in PEM form")
    return value


def _load_certificate(context: ssl.SSLContext, value: str | bytes | None) -> None:
    pem = pem_bytes(value, "client_certificate", b"-----BEGIN")
    if pem is None:
        return
    if isinstance(value, str):
        context.load_cert_chain(value)
        return
    # OpenSSL takes a certificate with its key from a file only: one that nobody else can read, gone at once.
    import os
    import tempfile
    from pathlib import Path

    handle, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        Path(path).unlink()
