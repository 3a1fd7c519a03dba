"""0.2's questions about Docker. No executor of this version uses a container; nothing else is used in its place.

Decides what `use_docker` and AUTOGEN_USE_DOCKER ask for.
"""

import os
from collections.abc import Mapping
from typing import Final

from autogen.coding.errors import ContainerUnavailable
from autogen.core.errors import ConfigError

VARIABLE: Final = "AUTOGEN_USE_DOCKER"
_ANSWERS: Final[Mapping[str, bool | None]] = {
    "1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "none": None,
}  # fmt: skip
_PATIENCE_S: Final = 2.0


def decide_use_docker(use_docker: bool | str | list[str] | None) -> bool | str | list[str] | None:
    """`use_docker`, or what AUTOGEN_USE_DOCKER says when it is None. Unset means False: the local sandbox.

    Raises ConfigError (a ValueError) for a value of the variable that is none of its words.
    """
    if use_docker is not None:
        return use_docker
    value = os.environ.get(VARIABLE)
    if value is None:
        return False
    if value.lower() not in _ANSWERS:
        raise ConfigError(
            f'Invalid value for {VARIABLE}: {value}. Please set {VARIABLE} to "1/True/yes", "0/False/no", or "None".'
        )
    return _ANSWERS[value.lower()]


def check_can_use_docker_or_throw(use_docker: object) -> None:
    """Raise ContainerUnavailable (a RuntimeError) when a container is asked for."""
    if use_docker:
        raise ContainerUnavailable(use_docker, "use_docker")


def refuse_container(given: object, decided: object) -> None:
    """The same, naming the variable when it and not the program asked."""
    if decided:
        raise ContainerUnavailable(decided, "use_docker" if given is not None else VARIABLE)


def in_docker_container() -> bool:
    """Whether this process runs in a Docker container, as far as the usual mark tells."""
    return os.path.exists("/.dockerenv")


def is_docker_running() -> bool:
    """Whether a Docker engine answers at DOCKER_HOST or at the usual socket."""
    import socket
    import sys
    from urllib.parse import urlsplit

    host = urlsplit(os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock")
    try:
        if host.scheme == "unix":
            if sys.platform == "win32":
                return False
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_PATIENCE_S)
            connection.connect(host.path)
        else:
            connection = socket.create_connection((host.hostname or "localhost", host.port or 2375), _PATIENCE_S)
    except (OSError, ValueError):
        return False
    with connection:
        try:
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return connection.recv(64).split(b" ")[1:2] == [b"200"]
        except OSError:
            return False
