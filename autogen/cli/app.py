"""The `autogen` command: its options, and how every ending becomes an exit code.

Decides names and defaults of options and the one line that each kind of error gets. Refuses to do the work: each
command calls one function of the module of its name.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import click
from msgspec import convert

from autogen import __version__
from autogen.cli.exits import Exit, NoModel, UserError, code_of
from autogen.cli.runs import replay, runs
from autogen.core.errors import AutogenError, HumanInputClosed

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

model_option = click.option(
    "--model", metavar="NAME", help="The model's name; chooses an entry of a configuration list."
)
base_url_option = click.option("--base-url", metavar="URL", help="An OpenAI-compatible endpoint, up to and with /v1.")
config_option = click.option(
    "--config", metavar="FILE", help="A configuration list (JSON file) to take the model from."
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on each line, for programs.")


CLOSED = "you were asked, but the input is at its end; run it in a terminal, pipe the answers in, or use --human never"


class Commands(click.Group):
    """A group whose end-of-input errors stay errors: click takes each EOFError for Ctrl-C."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except HumanInputClosed as closed:
            raise UserError(CLOSED) from closed


@click.group(cls=Commands, context_settings=HELP, invoke_without_command=False)
@click.version_option(__version__, prog_name="autogen", message="%(prog)s %(version)s")
def cli() -> None:
    """Agents that solve tasks by talking to each other."""


@cli.command("run", context_settings=HELP, short_help="Solve a task with code in a sandbox.")
@click.argument("task", required=False)
@model_option
@base_url_option
@config_option
@click.option(
    "--workspace", metavar="DIR", default="coding", show_default=True, help="Where code runs and files appear."
)
@click.option("--budget-usd", metavar="X", type=click.FloatRange(min=0), help="Stop before the run costs more dollars.")
@click.option(
    "--max-turns", metavar="N", type=click.IntRange(min=1), help="Stop after N turns: a message and its answer."
)
@click.option(
    "--human",
    type=click.Choice(["always", "terminate", "never"]),
    default="never",
    show_default=True,
    help="When you are asked.",
)
@click.option("--network/--no-network", default=False, help="Let the code use the network.  [default: no-network]")
@click.option("--env", "env", metavar="NAME", multiple=True, help="An environment variable that the code may see.")
@click.option(
    "--sandbox", metavar="RUNG", default="auto", show_default=True, help="bwrap, sandlock, landlock, ... or off."
)
@click.option("--stream", is_flag=True, help="Show the model's text while it arrives.")
@json_option
@click.option("--play", metavar="EXAMPLE", help="Play a scripted example, without a model: chart.")
def run(**options: object) -> int:
    """Solve TASK: an assistant writes code, which runs in a sandbox in the workspace."""
    from autogen.cli.run import Options, run_task

    return run_task(convert(options, Options))


@cli.command("chat", context_settings=HELP, short_help="Talk to one agent with three read-only tools.")
@model_option
@base_url_option
@config_option
@click.option(
    "--workspace", metavar="DIR", default=".", show_default=True, help="The folder whose files may be listed."
)
@click.option("--stream/--no-stream", default=True, help="Show the text while it arrives.  [default: stream]")
@json_option
def chat(**options: object) -> int:
    """Talk to one agent that has three read-only tools: the time, a calculator, a list of files."""
    from autogen.cli.chat import Options, talk

    return talk(convert(options, Options))


@cli.command("doctor", context_settings=HELP, short_help="Tell what works on this machine.")
@model_option
@base_url_option
@config_option
@json_option
def doctor(**options: object) -> int:
    """Tell what works here: Python, sandbox, model configuration, local servers; with a model, what it can do."""
    from autogen.cli.doctor import Options, examine

    return examine(convert(options, Options))


cli.add_command(runs)
cli.add_command(replay)


def run_command(argv: Sequence[str] | None) -> int:
    """Run one command line; every ending becomes a code of `Exit`, and at most one line on stderr."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = _name_of(arguments)
    if sys.stdin is None:  # a closed stdin reads as an empty one
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - it lives as long as the process
    try:
        answer = cli.main(args=arguments, prog_name="autogen", standalone_mode=False)
        return int(answer or 0)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message(), err=True)
        return Exit.USAGE
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.ClickException as wrong:
        return _fail(name, wrong.format_message(), Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        return _fail(name, "interrupted", Exit.INTERRUPTED)
    except SystemExit as ended:  # click ends so when the reader of stdout is gone (`| head`)
        return ended.code if isinstance(ended.code, int) else Exit.UNFINISHED
    except (UserError, NoModel, AutogenError) as raised:  # anything else is a defect of ours and keeps its traceback
        return _fail(name, str(raised), code_of(raised))


def _name_of(arguments: Sequence[str]) -> str:
    """`autogen run`, `autogen runs show`: the command as far as its words lead to one."""
    name = "autogen"
    group: click.Group = cli
    for word in arguments:
        found = None if word.startswith("-") else group.commands.get(word)
        if found is None:
            break
        name = f"{name} {word}"
        if not isinstance(found, click.Group):
            break
        group = found
    return name


def _fail(name: str, message: str, code: Exit) -> int:
    click.echo(f"{name}: {' '.join(message.split())}", err=True)
    return code
