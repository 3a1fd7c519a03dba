"""`autogen doctor`: what works on this machine, what does not, and what to do about it.

Decides what is looked at and how it is shown. Connects to this machine only, unless a model is named by an option.
Refuses to mend anything.
"""

import os
import platform
import sys
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec import Struct

from autogen.cli.endpoints import CONFIG_LIST, Found, Wanted, find_model
from autogen.cli.exits import Exit
from autogen.cli.local_servers import LocalServer, find_local_servers
from autogen.cli.probe import Finding

OWN_DISTRIBUTION = "pyautogen"
WHERE = f"a list of models in {CONFIG_LIST} (variable or file), or a key in OPENAI_API_KEY"
VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL")
MUST = ("package", "python", "configuration")
"""Areas in which a fault makes the exit code 2."""
ON_REQUEST = ("container", "off")
"""Rungs that are never chosen by themselves."""
NO_SERVER = "nothing on this machine lists models on the usual ports"


class Options(Struct, frozen=True, kw_only=True):
    """The options of the command, as typed."""

    model: str | None = None
    base_url: str | None = None
    config: str | None = None
    as_json: bool = False


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `ok` is None for a fact that is neither good nor bad."""

    area: str
    name: str
    ok: bool | None
    detail: str = ""
    way_out: str = ""
    """What to do, where something is not ok."""


def examine(options: Options) -> int:
    """Print the checks. 0, or 2 for a fault in `MUST`, or 3 when the named model does not answer."""
    checks = list(_checks(options))
    if options.as_json:
        for check in checks:
            print(msgspec.json.encode(check).decode(), flush=True)
    else:
        _show(checks)
    if any(check.area == "model" and check.name in ("reachable", "chat") and check.ok is False for check in checks):
        return Exit.UNREACHABLE
    return Exit.USAGE if any(check.ok is False and check.area in MUST for check in checks) else Exit.DONE


def _checks(options: Options) -> Iterator[Check]:
    yield _python()
    yield from _package()
    yield from _sandbox()
    yield from list(_configuration()) or [Check(area="configuration", name="none", ok=None, way_out=WHERE)]
    servers = list(_servers(find_local_servers()))
    yield from servers or [Check(area="local server", name="none", ok=None, detail=NO_SERVER)]
    if options.model or options.base_url or options.config:
        found = find_model(Wanted(model=options.model, base_url=options.base_url, config=options.config))
        yield from _model(found)


def _python() -> Check:
    detail = f"{platform.python_version()} at {sys.executable} on {platform.system()} {platform.machine()}"
    return Check(area="python", name="version", ok=sys.version_info >= (3, 11), detail=detail)


def owners_of(package: str) -> list[str]:
    """Distributions that own the import name `package`, as installed here."""
    return sorted(set(metadata.packages_distributions().get(package, [])))


def _package() -> Iterator[Check]:
    import autogen

    yield Check(
        area="package", name="autogen", ok=None, detail=f"{autogen.__version__} at {Path(autogen.__file__).parent}"
    )
    others = [name for name in owners_of("autogen") if name.lower() != OWN_DISTRIBUTION]
    if others:
        yield Check(
            area="package",
            name="import name",
            ok=False,
            detail=f"`import autogen` also belongs to: {', '.join(others)}",
            way_out=f"pip uninstall {' '.join(others)}, then install {OWN_DISTRIBUTION} again",
        )


def _sandbox() -> Iterator[Check]:
    from autogen.coding.sandbox import SandboxUnavailable, choose, describe

    for rung in describe():
        name = f"{rung.name} (level {rung.level})"
        if rung.name in ON_REQUEST:
            yield Check(area="sandbox", name=name, ok=None, detail=f"only on request: {rung.way_up}")
            continue
        way_out = "" if rung.present else rung.way_up
        yield Check(area="sandbox", name=name, ok=rung.present, detail=rung.why_not, way_out=way_out)
    try:
        chosen = choose()
    except SandboxUnavailable as missing:
        yield Check(area="sandbox", name="in use", ok=False, detail=" ".join(str(missing).split()))
    else:
        bare = ", so code runs with your rights" if chosen.level == 0 else ""
        detail = f"{chosen.name} (level {chosen.level}){bare}"
        yield Check(area="sandbox", name="in use", ok=None if bare else True, detail=detail)


def _configuration() -> Iterator[Check]:
    if os.environ.get(CONFIG_LIST):
        yield _listed("set in the environment")
    elif Path(CONFIG_LIST).is_file():
        yield _listed(f"the file {Path(CONFIG_LIST).resolve()}")
    for variable in VARIABLES:
        if os.environ.get(variable):
            yield Check(area="configuration", name=variable, ok=None, detail="set in the environment")


def _listed(where: str) -> Check:
    """The configuration list that commands take, with the names of its models."""
    from autogen import config_list_from_json

    try:
        names = [str(entry.get("model", "?")) for entry in config_list_from_json(CONFIG_LIST)]
    except (OSError, ValueError) as wrong:
        return Check(
            area="configuration", name=CONFIG_LIST, ok=False, detail=f"{where}: {' '.join(str(wrong).split())}"
        )
    found = f"{where}: {', '.join(names) or 'no entry'}"
    return Check(area="configuration", name=CONFIG_LIST, ok=bool(names), detail=found)


def _servers(found: Iterable[LocalServer]) -> Iterator[Check]:
    for server in found:
        names = ", ".join(model.id for model in server.models[:5]) + (", ..." if len(server.models) > 5 else "")
        yield Check(area="local server", name=server.kind, ok=True, detail=f"{server.base_url}: {names}")


def _model(found: Found) -> Iterator[Check]:
    from autogen.cli.probe import probe

    yield Check(area="model", name="model", ok=None, detail=f"{found.models[0]}, from {found.origin}")
    for finding in probe(found.config_list[0]):
        yield _check_of(finding)


def _check_of(finding: Finding) -> Check:
    ok = {"yes": True, "no": False, "unknown": None}[finding.verdict]
    return Check(area="model", name=finding.question, ok=ok, detail=finding.detail)


def _show(checks: list[Check]) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False, soft_wrap=True)
    area = ""
    for check in checks:
        if check.area != area:
            area = check.area
            console.print(f"[bold]{area}[/bold]")
        sign = {True: "[green]yes[/green]", False: "[red]no [/red]", None: "   "}[check.ok]
        console.print(f"  {sign} {escape(check.name)}{': ' if check.detail else ''}{escape(check.detail)}")
        if check.way_out and not check.ok:
            console.print(f"        to get it: {escape(check.way_out)}")
