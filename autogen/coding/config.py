"""Read `code_execution_config`: which executor an agent has, and under which settings.

Decides which settings go together, with 0.2's errors for mixtures. Refuses to touch the disk and to choose a sandbox:
agents are made by the dozen and most never run code. Change together: `docs/migration.md`.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, cast

from autogen.coding.docker import decide_use_docker, refuse_container
from autogen.coding.errors import UnknownKeyError
from autogen.coding.legacy_executor import LegacyExecutor
from autogen.core.errors import ConfigError

_SHARED: Final = ("last_n_messages", "execute_untrusted")
_EXECUTOR_SETTINGS: Final = ("timeout", "work_dir", "sandbox", "network", "env", "limits")
_LEGACY: Final = ("use_docker", *_EXECUTOR_SETTINGS)
_SANDBOXES: Final = ("auto", "bwrap", "sandlock", "landlock", "container", "off")
"""The names that `sandbox.choose` knows; written here, too, because agents are made without loading it."""
_OPTIONS: Final = ("commandline-local", "ipython-embedded")
"""Keys that hold the options of the executor of that name."""


def read_config(config: object, agent: str) -> tuple[dict[str, Any] | Literal[False], Any]:
    """An agent's settings (0.2's view: `use_docker` decided; False for no code) and its executor.

    The executor is None in the older form, whose executor `legacy_executor` makes from the settings when code runs.
    config: 0.2's dict, False, or None (deprecated: as {}).
    Raises ConfigError (a ValueError) for settings that are wrong or do not go together, ContainerUnavailable (a
    RuntimeError) when a container is asked for.
    """
    if config is None:
        import warnings

        warnings.warn(
            "Using None to signal a default code_execution_config is deprecated. Use {} to use default or False to "
            "disable code execution.",
            stacklevel=4,
        )
        config = {}
    if config is False:
        return False, None
    if not isinstance(config, Mapping):
        raise ConfigError("code_execution_config must be a dict or False.")
    settings: dict[str, Any] = dict(cast("Mapping[str, Any]", config))
    try:
        _check_shared(settings)
        if settings.get("executor") is not None:
            return settings, _given_executor(settings)
        return _legacy_settings(settings), None
    except ConfigError as error:
        error.add_note(f"in code_execution_config of agent {agent!r}")
        raise


def legacy_executor(settings: Mapping[str, Any]) -> LegacyExecutor:
    """The executor of the older form. Raises ConfigError for a wrong value."""
    return LegacyExecutor(**{key: settings[key] for key in _EXECUTOR_SETTINGS if key in settings})


def _legacy_settings(settings: dict[str, Any]) -> dict[str, Any]:
    _check_keys(settings, (*_LEGACY, *_SHARED, "executor"))
    given: object = settings.get("use_docker")
    if not isinstance(given, (bool, str, list, type(None))):
        raise ConfigError(f"use_docker is a bool, an image name or a list of them, got {given!r}")
    use_docker = cast("bool | str | list[str] | None", given)
    decided = decide_use_docker(use_docker)
    refuse_container(use_docker, decided)
    legacy_executor(settings)  # a wrong value is told now
    _check_sandbox(settings)
    return {**settings, "use_docker": decided}


def _given_executor(settings: dict[str, Any]) -> Any:
    for key in _LEGACY:
        if key in settings:
            raise ConfigError(
                f"'{key}' in code_execution_config is not valid when 'executor' is set. Use the appropriate arg in "
                "the chosen executor instead."
            )
    _check_keys(settings, ("executor", *_SHARED, *_OPTIONS))
    from autogen.coding.factory import CodeExecutorFactory

    if isinstance(settings.get("commandline-local"), Mapping):
        _check_sandbox(settings["commandline-local"])
    return CodeExecutorFactory.create(settings)


def _check_keys(settings: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in settings:
        if key not in known:
            raise UnknownKeyError("code_execution_config", str(key), known)


def _check_sandbox(settings: Mapping[str, Any]) -> None:
    wanted: object = settings.get("sandbox", "auto")
    if wanted not in _SANDBOXES:
        raise ConfigError(f"there is no sandbox {wanted!r}; it is one of {', '.join(_SANDBOXES)}")


def _check_shared(settings: Mapping[str, Any]) -> None:
    last: object = settings.get("last_n_messages", "auto")
    if last != "auto" and not (isinstance(last, int) and last >= 0):
        raise ConfigError("last_n_messages must be either a non-negative integer, or the string 'auto'.")
    untrusted: object = settings.get("execute_untrusted", False)
    if not isinstance(untrusted, bool):
        raise ConfigError(f"execute_untrusted is True or False, got {untrusted!r}")
