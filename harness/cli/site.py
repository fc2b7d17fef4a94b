"""The command that makes a site of a folder of reports."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from harness.cli import completing
from harness.words import plural


@click.command()
@click.argument(
    "reports",
    default=Path("reports"),
    type=click.Path(path_type=Path),
    shell_complete=completing.paths,
)
@click.option(
    "--out",
    default=Path("site"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the site: an empty one, or that of an earlier site.",
)
@click.option("--open", "opened", is_flag=True, help="Show the site in a browser.")
def site(reports: Path, out: Path, opened: bool) -> None:
    """Make pages of the folder REPORTS (reports, if none is named), to look through and to publish.

    They need no server and no network: a browser opens them from disk, and the pages of any forge
    serve them as they are. They hold the reports, curves that can be zoomed, and all runs.
    """
    from rich.filesize import decimal

    from harness.site.build import make_site

    made = make_site(reports, out)
    for each in made.unshown:
        click.echo(f"warning: not shown: {each}", err=True)
    start = out / "index.html"
    click.echo(
        f"site: {start} ({plural(made.reports, 'report')}, {plural(made.runs, 'run')},"
        f" {decimal(made.size)})"
    )
    if opened and not webbrowser.open(start.absolute().as_uri()):
        click.echo(f"no browser was found: open {start.absolute()} in one", err=True)
