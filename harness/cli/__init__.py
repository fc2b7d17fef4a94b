"""The commands; what they do lies in the floors below.

What takes long to import is imported by the command that needs it: help answers at once.
"""

from __future__ import annotations

import click

from harness.cli import authoring, baseline, compare, data, experiments, runs, site, status
from harness.cli.entry import Commands
from harness.system import machine, streams


def start(name: str | None = None) -> None:
    """Run the command that the arguments name; `name` is the program's, as help shows it."""
    streams.prepare()
    main(prog_name=name)


def _print_version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        click.echo(f"{context.info_name}, version {machine.version()}")
        context.exit()


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version.",
)
def main() -> None:
    """Run experiments that are written as JSON specifications, and check what they should show.

    Exit codes of run and check: 0 all pass; 1 a fail; 2 invalid specification or usage; 3 an error;
    4 nothing failed, but something is blocked or inconclusive; 70 an internal error, of any
    command: a fault of the harness, whose traceback is in the file that is named.
    """


for command in (
    authoring.new,
    authoring.explain,
    authoring.schema,
    experiments.validate,
    experiments.plan,
    experiments.run,
    experiments.measure,
    experiments.check,
    experiments.report,
    baseline.baseline,
    site.site,
    compare.diff,
    runs.runs,
    status.status,
    data.data,
    authoring.completion,
):
    main.add_command(command)
