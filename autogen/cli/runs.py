"""`autogen runs` and `autogen replay`: names, options and defaults.

Refuses to do the work: each command calls one function of a module beside it.
"""

from typing import Any, get_args

import click
from msgspec import convert

from autogen.runs.log import OnUnknown
from autogen.runs.rows import RunStatus

HELP = {"help_option_names": ["-h", "--help"], "max_content_width": 120}

journal_option = click.option("--journal", metavar="FILE", help="The journal; else AUTOGEN_JOURNAL, else ./runs.db.")
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on each line, for programs.")


@click.group(context_settings=HELP)
def runs() -> None:
    """Look at the runs of a journal, answer them, carry them on, fork them."""


@runs.command("list", context_settings=HELP, short_help="Which runs there are.")
@click.option("--status", type=click.Choice(get_args(RunStatus)), help="Only those that stand so.")
@click.option("--text", metavar="TEXT", default="", help="Only those with TEXT in id, title or entry function.")
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=20, show_default=True, help="So many.")
@journal_option
@json_option
def list_runs(**options: Any) -> int:
    """Which runs there are, newest first."""
    from autogen.cli.runs_listed import ListOptions, list_them

    return list_them(convert(options, ListOptions))


@runs.command("show", context_settings=HELP, short_help="What happened in a run, step by step.")
@click.argument("run")
@click.option("--step", metavar="N", type=int, help="All of step N.")
@click.option("--request", metavar="N", type=int, help="The exact bytes that step N sent to a model, nothing else.")
@journal_option
@json_option
def show(**options: Any) -> int:
    """Why RUN stopped, each of its steps, and the questions that it waits for."""
    from autogen.cli.runs_listed import ShowOptions
    from autogen.cli.runs_listed import show as show_one

    return show_one(convert(options, ShowOptions))


@runs.command("tail", context_settings=HELP, short_help="Follow a run that another process carries on.")
@click.argument("run")
@click.option("--through-pauses", is_flag=True, help="Go on watching while the run waits for a person.")
@journal_option
@json_option
def tail(**options: Any) -> int:
    """Each step of RUN as it comes, until it ends or waits for a person."""
    from autogen.cli.runs_followed import TailOptions
    from autogen.cli.runs_followed import tail as follow

    return follow(convert(options, TailOptions))


@runs.command("resume", context_settings=HELP, short_help="Carry a run on.")
@click.argument("run")
@click.option(
    "--import", "imports", metavar="MODULE", multiple=True, help="The module, or the .py file, of its entry function."
)
@click.option("--ask/--no-ask", default=None, help="Ask questions here, or leave them open.  [default: on a terminal]")
@click.option(
    "--on-unknown",
    type=click.Choice(get_args(OnUnknown)),
    default="ask",
    show_default=True,
    help="A tool that must not run twice was in flight when the process died.",
)
@click.option("--wait", is_flag=True, help="Wait while another process carries it on.")
@click.option("--restore", is_flag=True, help="First put the files of its work directory back to where it stands.")
@click.option("--quiet", is_flag=True, help="Without the transcript.")
@journal_option
@json_option
def resume(**options: Any) -> int:
    """Carry RUN on until it is done, waits for a person, or failed."""
    from autogen.cli.runs_carried import ResumeOptions
    from autogen.cli.runs_carried import resume as carry_on

    return carry_on(convert(options, ResumeOptions))


@runs.command("answer", context_settings=HELP, short_help="Answer a question that a run waits for.")
@click.argument("run")
@click.argument("ask_id", required=False)
@click.argument("value", required=False)
@click.option("--by", metavar="NAME", default="", help="Who answers, for the record.")
@journal_option
@json_option
def answer(**options: Any) -> int:
    """Answer a question of RUN. The first answer counts. What is left out is asked for on the terminal."""
    from autogen.cli.runs_carried import AnswerOptions
    from autogen.cli.runs_carried import answer as give

    return give(convert(options, AnswerOptions))


@runs.command("cancel", context_settings=HELP, short_help="End a run.")
@click.argument("run")
@journal_option
@json_option
def cancel(**options: Any) -> int:
    """End RUN: at once if nobody carries it on, else at its next step."""
    from autogen.cli.runs_carried import CancelOptions
    from autogen.cli.runs_carried import cancel as end

    return end(convert(options, CancelOptions))


@runs.command("fork", context_settings=HELP, short_help="A new run that shares the beginning of another.")
@click.argument("run")
@click.option("--at", metavar="N", required=True, help="The step that is done anew, or 0; or a step's address.")
@click.option(
    "--set",
    "changes",
    metavar="KEY=TEXT",
    multiple=True,
    help="What differs: answer, system_message.AGENT, model.AGENT, parameters.AGENT.NAME, arguments.NAME. "
    "KEY:=JSON for values that are no text.",
)
@click.option("--set-file", "files", metavar="KEY=FILE", multiple=True, help="The same, the text from a file.")
@click.option("--id", "new_id", metavar="NAME", help="The new run's id.  [default: RUN~1, ...]")
@journal_option
@json_option
def fork(**options: Any) -> int:
    """Make a new run that shares the steps of RUN before step N, and differs from there on."""
    from autogen.cli.runs_branched import ForkOptions
    from autogen.cli.runs_branched import fork as make_fork

    return make_fork(convert(options, ForkOptions))


@runs.command("diff", context_settings=HELP, short_help="Two runs side by side.")
@click.argument("a")
@click.argument("b")
@click.option("--all", "everything", is_flag=True, help="Also the steps that are the same.")
@journal_option
@json_option
def diff(**options: Any) -> int:
    """Line runs A and B up by turn, with cost and outcome."""
    from autogen.cli.runs_branched import DiffOptions
    from autogen.cli.runs_branched import diff as compare

    return compare(convert(options, DiffOptions))


@runs.command("export", context_settings=HELP, short_help="Write runs to one file, without secrets.")
@click.argument("runs", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", required=True, help="The recording; *.recording.jsonl by habit.")
@click.option("--secret-env", "secrets", metavar="NAME", multiple=True, help="A variable whose value is a secret, too.")
@journal_option
@json_option
def export(**options: Any) -> int:
    """Write RUNS to one file that plays without a journal and without keys."""
    from autogen.cli.runs_kept import ExportOptions
    from autogen.cli.runs_kept import export as write

    return write(convert(options, ExportOptions))


@runs.command("prune", context_settings=HELP, short_help="Delete old runs.")
@click.option("--older-than", metavar="AGE", required=True, help="Not written since: 12h, 30d, 2w.")
@click.option("--yes", is_flag=True, help="Without asking.")
@journal_option
@json_option
def prune(**options: Any) -> int:
    """Delete runs that have ended (done, failed, cancelled) and were not written since."""
    from autogen.cli.runs_kept import PruneOptions
    from autogen.cli.runs_kept import prune as delete

    return delete(convert(options, PruneOptions))


@click.command("replay", context_settings=HELP, short_help="Play a recorded run again, or look at it.")
@click.argument("file")
@click.argument("arguments", nargs=-1)
@click.option("--program", metavar="SCRIPT", help="The script that holds the chats; ARGUMENTS are its own.")
@click.option("--import", "imports", metavar="MODULE", multiple=True, help="The module of the run's entry function.")
@click.option(
    "--live-from", metavar="N", type=click.IntRange(min=1), help="From step N on everything is done for real."
)
@click.option("--run", metavar="RUN", help="Which run of the file.")
@json_option
def replay(**options: Any) -> int:
    """Play FILE, a recording or journal, under the program that made it; without one, show what it holds."""
    from autogen.cli.replay import ReplayOptions
    from autogen.cli.replay import replay as play

    return play(convert(options, ReplayOptions))
