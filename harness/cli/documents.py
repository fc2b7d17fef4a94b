"""What commands print with `--json`: one document on standard output, in a stable format.

Its member "format" names the format and its number; docs/output.md defines all of them. Members
may be added; those that are there keep their meaning while the format keeps its number.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from harness.ci.compact import number_record
from harness.cli.stored_runs import Listing
from harness.compare.regression import Regression
from harness.data import catalog
from harness.data.availability import availability
from harness.data.facts_record import Facts
from harness.experiment import Experiment, Json
from harness.plan import Plan
from harness.report.result_json import finite
from harness.runner.records import Record, planned
from harness.runner.standings import Standing
from harness.spec.problems import Problem
from harness.store.store import Store


def print_document(name: str, members: Json) -> None:
    """Print a document with the name of its format; see `print_json`."""
    print_json({"format": f"reproduction-harness {name} 1", **members})


def print_json(document: Json) -> None:
    """Print a document in ASCII, which every standard output can show.

    A number that JSON does not have is the string "inf", "-inf" or "nan". What GitHub would take
    for a command to its runner is escaped.
    """
    text = json.dumps(finite(document), indent=2, allow_nan=False)
    click.echo(text.replace("##[", "#\\u0023["))


@contextlib.contextmanager
def alone(wanted: bool = True) -> Iterator[None]:
    """Send what people read to standard error, where a document is wanted on standard output."""
    with contextlib.redirect_stdout(sys.stderr) if wanted else contextlib.nullcontext():
        yield


def validate_document(experiments: Iterable[Experiment], problems: Sequence[Problem]) -> Json:
    """Return which specifications are valid, and every fault of the others."""
    return {
        "valid": not problems,
        "problems": [
            {
                "file": each.path.as_posix(),
                "line": each.line,
                "column": each.column,
                "pointer": each.pointer,
                "message": each.message,
            }
            for each in problems
        ],
        "specifications": [
            {
                "experiment": each.name,
                "title": each.title,
                "specification": each.path.as_posix(),
                "runs": sum(len(each.seeds_of(run)) for run in each.runs),
                "seeds": len(each.seeds),
                "expectations": len(each.expectations),
            }
            for each in experiments
        ],
    }


def plan_document(
    standings: Sequence[Standing], plan: Plan, store: Store, looks: Sequence[str]
) -> Json:
    """Return how specifications stand, and every run of every seed of theirs."""
    return {
        "store": store.root.as_posix(),
        "specifications": [each.record() for each in standings],
        "runs": planned(plan, store),
        "looks": list(looks),
        "remarks": list(plan.remarks),
    }


def runs_document(listing: Listing, store: Path) -> Json:
    """Return the finished runs of a store, and what is wrong with those that cannot be used."""
    return {
        "store": store.as_posix(),
        "runs": [each.record() for each in listing.runs],
        "errors": list(listing.faults),
    }


def baseline_document(found: Iterable[tuple[Experiment, Regression]], code: int) -> Json:
    """Return what each comparison with kept numbers came to, and every number compared."""
    compared = list(found)
    return {
        "exit_code": code,
        "experiments": [
            {
                "experiment": experiment.name,
                "specification": experiment.path.as_posix(),
                "file": each.path.as_posix(),
                "verdict": each.verdict.value,
                "message": each.message,
                "compared": len(each.comparisons),
                "changed_since": list(each.causes),
                "not_compared": list(each.notes),
            }
            for experiment, each in compared
        ],
        "numbers": [
            {"experiment": experiment.name, **number_record(number)}
            for experiment, each in compared
            for number in each.comparisons
        ],
    }


def data_document(
    names: Iterable[str], data_dir: Path, parameters: Json | None = None, *, files: bool
) -> Json:
    """Return what data sets are, whether each is ready, and what to do next.

    `parameters` are those of the one that is named, where some are given; `files` says whether it
    is told where they and their archives lie.
    """
    return {
        "folder": data_dir.as_posix(),
        "datasets": [_dataset(name, data_dir, parameters, files) for name in names],
    }


def _dataset(name: str, data_dir: Path, parameters: Json | None, files: bool) -> Record:
    info, found = catalog.DATASETS[name], availability(name, data_dir, parameters)
    known = info.facts if isinstance(info.facts, Facts) else None
    record: Record = {
        "name": name,
        "title": info.title,
        "ready": None if found.folder is None else found.next_step is None,
        "named_by": info.origin.named_by,
        "next_step": found.next_step,
        "size": info.size,
        "licence": info.licence,
        "citation": info.citation,
        "classes": known.classes if known else None,
        "train_examples": known.train_examples if known else None,
        "test_examples": known.test_examples if known else None,
    }
    if files:
        there = {path.name: path for path in found.found}
        record |= {
            "prepared": found.folder.as_posix() if found.folder else None,
            "prepared_bytes": found.prepared_bytes,
            "left_out": found.remark,
            "archives": [
                {
                    "name": archive,
                    "path": there[archive].as_posix() if archive in there else None,
                    "bytes": there[archive].stat().st_size if archive in there else None,
                }
                for archive in found.archives
            ],
            "searched": [path.as_posix() for path in found.searched],
        }
    return record
