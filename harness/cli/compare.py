"""The command that compares two sets of results."""

from __future__ import annotations

import sys

import click

from harness.cli import completing
from harness.metrics import METRICS

CHANGED = 1


@click.command()
@click.argument("before", default="HEAD", shell_complete=completing.paths)
@click.argument("after", default="reports", shell_complete=completing.paths)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=click.Choice(list(METRICS)),
    metavar="NAME",
    help="Only this metric of the runs.",
)
@click.option("--all", "everything", is_flag=True, help="Show what did not change too.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
    help="How the difference is written; json holds everything.",
)
@click.option(
    "--confidence",
    type=click.FloatRange(0.5, 1, min_open=True, max_open=True),
    default=0.95,
    show_default=True,
    help="Of the intervals; 1 minus it is the share of false changes that is allowed.",
)
def diff(
    before: str,
    after: str,
    metrics: tuple[str, ...],
    everything: bool,
    form: str,
    confidence: float,
) -> None:
    """Show what changed in numbers and verdicts between BEFORE and AFTER.

    Each is a result file (reports/NAME.json), a folder of reports, a store (.harness/store), or a
    git revision: main and HEAD~3 are the folder reports at that revision, main:PATH is any other. A
    path that exists goes before a revision of the same name. Without AFTER, BEFORE is compared with
    the folder reports; without both, the last commit is.

    Exit codes: 0 nothing changed by more than chance, and no verdict; 1 something did; 2 wrong
    usage; 3 a side cannot be read.
    """
    from harness.compare import formats, terminal_page
    from harness.compare.difference import compare_sides
    from harness.compare.page import page
    from harness.compare.setting_changes import why_keys_differ
    from harness.compare.sides import read_side

    found = compare_sides(read_side(before), read_side(after), confidence, metrics, why_keys_differ)
    if form == "json":
        click.echo(formats.as_json(found))
    elif form == "markdown":
        click.echo(formats.markdown(page(found, everything)), nl=False)
    else:
        terminal_page.show(page(found, everything))
    sys.exit(CHANGED if found.changes else 0)
