"""The commands on data sets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from harness.cli.options import JSON, Assignment
from harness.data import catalog
from harness.data.origins import ImageArchive
from harness.errors import ERROR
from harness.experiment import Json
from harness.spec.patch import merge_patch
from harness.system.console import visible


@click.group()
def data() -> None:
    """See which data sets there are, and bring in those that are not."""


@data.command("list")
@JSON
def data_list(as_json: bool) -> None:
    """List the data sets, whether each is ready, and its size and licence."""
    if as_json:
        from harness.cli.documents import data_document, print_document

        document = data_document(catalog.DATASETS, catalog.data_dir(), files=False)
        print_document("data list", document)
        return
    from harness.cli.tables import show_sources

    show_sources(catalog.data_dir())


@data.command("status")
@click.argument("names", nargs=-1, type=click.Choice(sorted(catalog.DATASETS)))
@click.option(
    "--set",
    "assignments",
    multiple=True,
    type=Assignment(),
    help="Its parameters, such as path=images.",
)
@JSON
def data_status(names: tuple[str, ...], assignments: tuple[Json, ...], as_json: bool) -> None:
    """Tell of the data sets NAMES (all) what and where each is, its size, and what to do next."""
    if assignments and len(names) != 1:
        raise click.UsageError("--set gives the parameters of one data set: name one")
    parameters = _parameters(names[0], assignments) if assignments else None
    asked = names or tuple(catalog.DATASETS)
    if as_json:
        from harness.cli.documents import data_document, print_document

        document = data_document(asked, catalog.data_dir(), parameters, files=True)
        print_document("data status", document)
        return
    from harness.cli.tables import show_status

    show_status(asked, catalog.data_dir(), parameters)


@data.command("import")
@click.argument("name", type=click.Choice(sorted(catalog.of_origin(ImageArchive))))
@click.argument("archive", type=click.Path(path_type=Path))
def data_import(name: str, archive: Path) -> None:
    """Unpack an ARCHIVE of the data set NAME into the data folder, after checking its SHA-256."""
    from harness.data.archives import import_archive

    _or_exit(lambda: import_archive(name, archive, catalog.data_dir()))


@data.command("prepare")
@click.argument("name", type=click.Choice(sorted(catalog.DATASETS)))
@click.option(
    "--set",
    "assignments",
    multiple=True,
    type=Assignment(),
    help="Its parameters, such as size=64.",
)
@click.option(
    "--import",
    "modules",
    multiple=True,
    metavar="MODULE",
    help="A module to import first: a builder in it is known to TFDS by its name.",
)
def data_prepare(name: str, assignments: tuple[Json, ...], modules: tuple[str, ...]) -> None:
    """Prepare the data set NAME: download it, or read the archives that a person has brought."""
    parameters = _parameters(name, assignments)
    from harness.backend import import_backend

    import_backend()
    from harness.data.preparing import prepare

    _or_exit(lambda: prepare(name, parameters, catalog.data_dir(), modules))


def _parameters(name: str, assignments: Sequence[Json]) -> Json:
    """Return what is particular to the data set NAME, defaults filled in."""
    from harness.spec import schema

    definition, dataset = schema.definition("dataset"), {"name": name}
    for assignment in assignments:
        dataset = merge_patch(dataset, assignment)
    for pointer, message in schema.faults("dataset", dataset):
        if pointer:
            raise click.BadParameter(f"at {pointer[0]} {message}", param_hint="'--set'")
    filled = schema.fill_defaults(definition, dataset)
    return {key: value for key, value in filled.items() if key not in definition["properties"]}


def _or_exit(act: Callable[[], object]) -> None:
    from harness.data.records import DataError

    try:
        act()
        click.echo("ready")
    except DataError as error:
        click.echo(visible(f"error: {error}"), err=True)
        sys.exit(ERROR)
