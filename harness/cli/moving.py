"""The commands that take runs to another store, and that make a store smaller."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import ALLOW_PYTHON, PATHS, STORE, Selection, options, with_selection
from harness.data import catalog
from harness.errors import ERROR, FAIL
from harness.system.console import visible
from harness.words import plural

if TYPE_CHECKING:
    from harness.store.store import Store


@click.command("export")
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("what", nargs=-1)
@click.option(
    "--with-weights/--without-weights",
    "weights",
    default=True,
    help=(
        "Whether weights come along, which only runs that start from them and some final metrics"
        " need.  [default: --with-weights]"
    ),
)
@click.option(
    "--with-parents",
    "parents",
    is_flag=True,
    help="Also the runs that the chosen ones start from; those of specifications come always.",
)
@options(ALLOW_PYTHON, STORE)
def export(
    archive: Path,
    what: tuple[str, ...],
    weights: bool,
    parents: bool,
    allow_python: bool,
    store: Path,
) -> None:
    """Write finished runs to ARCHIVE, a tar.gz for `runs import`.

    WHAT are specifications or folders of them, keys, which may be shortened, and patterns as of
    `runs list`; without any, all runs are written. What was measured of a run comes along.

    Exit codes: 0 all were written; 3 some are damaged, and were left out.
    """
    from harness.cli.choosing import chosen, with_ancestors
    from harness.store.store import Store, StoreError

    if archive.exists():
        raise StoreError(f"{archive} is there already: remove it, or choose another name")
    kept = Store(store)
    keys = chosen(kept, what, allow_python)
    if parents:
        keys = with_ancestors(kept, keys)
    damaged = {key: damage for key in keys if (damage := kept.damage(key))}
    whole = [key for key in keys if key not in damaged]
    _tell(f"{key} is damaged and left out: {'; '.join(damage)}" for key, damage in damaged.items())
    kept.export(archive, whole, weights)
    size = _bytes(archive.stat().st_size)
    with_what = "with" if weights else "without"
    click.echo(visible(f"{plural(len(whole), 'run')} {with_what} weights in {archive}, {size}"))
    sys.exit(ERROR if damaged else 0)


@click.command("import")
@click.argument("archives", nargs=-1, required=True, type=click.Path(path_type=Path))
@STORE
def import_(archives: tuple[Path, ...], store: Path) -> None:
    """Take the runs of ARCHIVES into the store, every file of theirs compared with its checksum.

    A run that is there already stays; where it has lost its weights, it gets them back.

    Exit codes: 0 all runs are in the store now; 1 one is there with other measurements; 3 a run or
    an archive is damaged, and the others came in.
    """
    from harness.store.store import Store, StoreError

    kept, code = Store(store), 0
    kept.prepare()
    for archive in archives:
        try:
            code = max(code, _import(kept, archive))
        except StoreError as error:
            _tell([str(error)])
            code = ERROR
    sys.exit(code)


def _import(store: Store, archive: Path) -> int:
    """Take an archive in, tell what came of it, and return the exit code."""
    from harness.store.unpacking import Fate

    found = store.take_in(archive)
    counts = Counter(each.fate for each in found.arrivals)
    told = [f"{counts[fate]} {fate.value}" for fate in Fate if counts[fate]]
    click.echo(visible(f"{archive}: {'; '.join(told) or 'no run'}"))
    for each in found.arrivals:
        if each.why:
            what = "error" if each.fate is Fate.LEFT_OUT else "warning"
            _tell([f"{each.key} {each.fate.value}: {each.why}"], what)
    _tell([found.fault] if found.fault else [])
    if found.fault or counts[Fate.LEFT_OUT]:
        return ERROR
    return FAIL if counts[Fate.OTHER_NUMBERS] else 0


@click.command()
@PATHS
@click.option("--yes", is_flag=True, help="Do not ask.")
@options(STORE, ALLOW_PYTHON)
@with_selection
def prune(selection: Selection, yes: bool) -> None:
    """Drop the weights in the store that the specifications do not need any more.

    Of every finished run of the store, also of those of other specifications: name all that you
    still want to run. Needed are the weights that a run is still to start from, or that a final
    metric is still to be measured of, and those after the epochs in `keep_weights`. Measurements,
    histories and predictions stay: reports do not change. Weights that come to be needed later are
    made again with their run.

    Exit codes: 0 they are dropped, or there are none; 1 the answer was no; 3 a run cannot be read.
    """
    from harness.runner.looks import plan_all, with_all_seeds
    from harness.runner.prune import unneeded
    from harness.store.snapshot import Snapshot
    from harness.system import machine

    store = Snapshot(selection.store)
    experiments = [with_all_seeds(each) for each in selection.load()]
    plan = plan_all(experiments, catalog.data_dir(), machine.gpus())
    found, faults = unneeded(experiments, plan, store)
    sizes: Counter[str] = Counter()
    for each in found:
        click.echo(visible(f"{each.key[:12]}  {each.label}: {_bytes(each.size)}"))
        sizes[each.experiment] += each.size
    named = {each.name for each in experiments}
    for experiment, size in sizes.items():
        other = "" if experiment in named else ", which no specification that was named has"
        click.echo(visible(f"{experiment}: {_bytes(size)}{other}"))
    _tell(faults)
    total = f"weights of {plural(len(found), 'run')}, {_bytes(sizes.total())}"
    if found and not yes:
        click.confirm(f"drop the {total}?", abort=True)
    for each in found:
        store.drop_weights(each.key, list(each.sizes))
    click.echo(f"dropped: {total}" if found else "no weights to drop: all there are are needed")
    sys.exit(ERROR if faults else 0)


def _tell(faults: Iterable[str], what: str = "error") -> None:
    for fault in faults:
        click.echo(visible(f"{what}: {fault}"), err=True)


def _bytes(size: int) -> str:
    from rich.filesize import decimal

    return decimal(size)
