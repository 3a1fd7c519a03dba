"""A work directory, the sandbox pinned to it, and what code may use there: shared by the executors of ours.

Decides what reaches the sandbox's policy. Refuses to know languages and blocks. The sandbox is chosen once, when code
first runs (or when asked), and kept: its loss is an error, never a weaker one.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

from autogen.core.code import CodeOutcome
from autogen.core.errors import ConfigError

if TYPE_CHECKING:
    from autogen.coding.sandbox.policy import Limits, Sandbox

Cancelled: TypeAlias = Callable[[], bool]
Network: TypeAlias = bool | str | Sequence[str] | None
Env: TypeAlias = Mapping[str, str] | Sequence[str] | Literal["inherit"] | None
LimitsGiven: TypeAlias = "Limits | Mapping[str, Any] | None"

_OF_THE_SANDBOX: Final = frozenset({"HOME", "TMPDIR", "TMP", "TEMP", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL"})
"""Inherited values of these would name places that code cannot see."""
_YES: Final = ("1", "true", "yes", "on", "all")
_NO: Final = ("", "0", "false", "no", "off", "none")


class Workplace:
    """Runs programs in one work directory. `run` may be called from several threads at once."""

    def __init__(
        self,
        work_dir: str | os.PathLike[str],
        *,
        sandbox: str = "auto",
        network: Network = None,
        env: Env = None,
        limits: LimitsGiven = None,
        readable: tuple[str, ...] = (),
    ) -> None:
        """work_dir: made when first needed. network: None reads AUTOGEN_NETWORK, else off.

        env: values, names to pass on from this process, or "inherit" for all of them. None reads AUTOGEN_ENV (names
        with commas), else nothing of this process is seen.
        limits: `Limits`, or a dict of its fields; `wall_s` is the caller's timeout.
        """
        self.work_dir = _folder(work_dir)
        self.network = network_policy(network)
        self._wanted = _text("sandbox", sandbox)
        self._env = _checked_env(env)
        self._limits_given = _checked_limits(limits)
        self._readable = readable
        self._sandbox: Sandbox | None = None
        self._lock = threading.Lock()

    @property
    def sandbox_name(self) -> str:
        """The pinned sandbox, "" before there is one."""
        return "" if self._sandbox is None else self._sandbox.name

    @property
    def level(self) -> str:
        """The sandbox that was asked for, and what of the network code may reach."""
        reach = self.network if isinstance(self.network, bool) else ", ".join(sorted(map(str, self.network)))
        return f"{self._wanted}, network {'on' if reach is True else reach or 'off'}"

    @property
    def repeatable(self) -> bool:
        """May code that was interrupted run again? Without a network it changed only its work directory."""
        return self._wanted != "off" and self.network is False

    @property
    def real_dir(self) -> str:
        """The work directory's real path, where code finds it too."""
        return os.path.realpath(self.work_dir)

    def pin(self) -> "Sandbox":
        """Choose the sandbox now, if that has not happened. Raises SandboxUnavailable."""
        with self._lock:
            if self._sandbox is None:
                from autogen.coding.sandbox.probe import choose

                self._sandbox = choose(self._wanted)
            return self._sandbox

    def make(self) -> None:
        """Make the work directory, parents included, unless it is there. Raises WorkDirError."""
        try:
            os.makedirs(self.work_dir, exist_ok=True)
        except OSError as error:
            from autogen.coding.errors import WorkDirError

            raise WorkDirError(self.work_dir, error.strerror or str(error)) from error

    def write(self, name: str, text: str) -> str:
        """Keep `text` under `name` in the work directory; its path. Raises UnsafePathError."""
        from autogen.coding.sandbox.errors import UnsafePathError
        from autogen.coding.sandbox.safe_files import write_inside

        self.make()
        try:
            return write_inside(self.real_dir, name, text)
        except UnicodeEncodeError as error:
            raise UnsafePathError(name, f"its content is not valid text ({error.reason})") from error

    def run(
        self,
        argv: Sequence[str],
        wall_s: float,
        cancelled: Cancelled | None = None,
        *,
        env: Mapping[str, str] | None = None,
        network: bool | tuple[str, ...] | None = None,
        readable: tuple[str, ...] = (),
    ) -> CodeOutcome:
        """Run `argv`; its output ends with a line for whatever stopped it. `env` and `network` hold for this run."""
        from msgspec.structs import replace

        from autogen.coding.explain import explained
        from autogen.coding.sandbox.policy import Policy

        sandbox = self.pin()
        self.make()
        limits = replace(self._limits(), wall_s=wall_s)
        reach = self.network if network is None else network
        before = self._hiding()
        outcome = sandbox.run(
            argv,
            Policy(
                work_dir=self.real_dir,
                readable=(*self._readable, *readable),
                network=reach,
                env={**self._environment(sandbox.name), **(env or {})},
                limits=limits,
            ),
            cancelled,
        )
        return CodeOutcome(
            exit_code=outcome.exit_code,
            output=explained(outcome, limits, reach, sorted(self._hiding() - before)),
            why=outcome.why,
            truncated=outcome.truncated,
            sandbox=outcome.sandbox,
            seconds=outcome.seconds,
        )

    def _limits(self) -> "Limits":
        from autogen.coding.sandbox.policy import Limits

        given = self._limits_given
        return given if isinstance(given, Limits) else Limits(**given)

    def _environment(self, sandbox: str) -> dict[str, str]:
        base = {"PYTHONUTF8": "1"}
        if isinstance(self._env, Mapping):
            return base | dict(self._env)
        if self._env == "inherit":
            hidden = frozenset[str]() if sandbox in ("off", "container") else _OF_THE_SANDBOX
            return base | {name: value for name, value in os.environ.items() if name not in hidden}
        return base | {name: os.environ[name] for name in self._env if name in os.environ}

    def _hiding(self) -> set[str]:
        """Files of the work directory that hide a module of Python's own, also from a program started there."""
        from autogen.coding.sandbox.safe_files import reserved_module

        known = {*sys.stdlib_module_names, "sitecustomize", "usercustomize"}
        try:
            entries = os.listdir(self.real_dir)
        except FileNotFoundError:  # the code removed it; the next run makes it again
            return set()
        near = [name for name in entries if name.partition(".")[0] in known]
        files = [name if "." in name else f"{name}/__init__.py" for name in near]
        return {name for name in files if reserved_module(name) and os.path.isfile(os.path.join(self.real_dir, name))}


def network_policy(network: Network) -> bool | tuple[str, ...]:
    """False, True or the hosts. None reads AUTOGEN_NETWORK ("1", "0", or hosts with commas), else off."""
    if network is None:
        network = os.environ.get("AUTOGEN_NETWORK", "")
        if network.strip().lower() in (*_YES, *_NO):
            return network.strip().lower() in _YES
    if isinstance(network, bool):
        return network
    given: object = network.split(",") if isinstance(network, str) else network
    hosts = tuple(cast("Sequence[str]", given)) if isinstance(given, (list, tuple)) else ()
    if not hosts or not all(isinstance(host, str) and host.strip() for host in cast("tuple[object, ...]", hosts)):
        raise ConfigError(
            f"network is False, True or a list of hosts ('example.org', 'example.org:8080'), got {network!r}"
        )
    return tuple(host.strip() for host in hosts)


def _folder(work_dir: object) -> str:
    if not isinstance(work_dir, (str, os.PathLike)):
        raise ConfigError(f"work_dir is the path of a folder, got {type(work_dir).__name__}: {work_dir!r:.80}")
    path = os.path.abspath(os.fspath(cast("os.PathLike[str]", work_dir)))
    if os.path.lexists(path) and not os.path.isdir(path):
        from autogen.coding.errors import WorkDirError

        raise WorkDirError(path, "it is no folder")
    return path


def is_number(value: object) -> bool:
    """Whether `value` can be a number of seconds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} is a name such as 'auto' or 'off', got {value!r}")
    return value


def _checked_env(env: Env) -> Mapping[str, str] | tuple[str, ...] | Literal["inherit"]:
    if env is None:
        return tuple(name.strip() for name in os.environ.get("AUTOGEN_ENV", "").split(",") if name.strip())
    if isinstance(env, str):
        if env != "inherit":
            raise ConfigError('env is a dict of values, a list of names, or "inherit"')  # the value may be a secret
        return "inherit"
    if isinstance(env, Mapping):
        for name, value in cast("Mapping[object, object]", env).items():
            if not (isinstance(name, str) and isinstance(value, str) and name) or "=" in name or "\0" in name + value:
                raise ConfigError(f"env holds names and values that are text; {name!r} is not such a pair")
        return dict(env)
    if not isinstance(env, (list, tuple)) or not all(isinstance(name, str) for name in cast("Sequence[object]", env)):
        raise ConfigError("env as a list holds names of variables to pass on")
    return tuple(env)


def _checked_limits(limits: LimitsGiven) -> "Limits | dict[str, Any]":
    if limits is None:
        return {}
    from autogen.coding.sandbox.policy import Limits

    if isinstance(limits, Limits):
        return limits
    from autogen.coding.errors import UnknownKeyError

    if not isinstance(cast("object", limits), Mapping):
        raise ConfigError(f"limits is a Limits or a dict of its fields, got {type(limits).__name__}: {limits!r:.80}")
    fields = tuple(name for name in Limits.__struct_fields__ if name != "wall_s")
    for key in limits:
        if key not in fields:
            raise UnknownKeyError("limits", str(key), fields)
    try:
        return Limits(**dict(limits))
    except (TypeError, ValueError) as error:
        raise ConfigError(str(error)) from error
