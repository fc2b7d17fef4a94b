"""The origins of data in a person's own files: tables in CSV files, and arrays in a NumPy file.

Nothing here imports TensorFlow or NumPy, until a NumPy file is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name

from harness.data import own_labels, tables
from harness.data.errors import DataError, Unfit
from harness.data.facts_record import Facts
from harness.data.info import DataFiles, Origin, Parameters, Request
from harness.data.origins import AtPath
from harness.data.places import at_home
from harness.data.tables import Reading


@dataclass(frozen=True)
class CsvFiles(Origin):
    """Tables in a person's CSV files, which the parameters `train` and `test` name."""

    loader: str = field(default="harness.data.builders.own_arrays:load_csv", kw_only=True)

    @property
    def named_by(self) -> str | None:
        """The parameter without which nothing can be looked at."""
        return "train"

    @property
    def location_parameters(self) -> tuple[str, ...]:
        """The same tables are the same data wherever they lie."""
        return _TABLES

    def why_unavailable(self, request: Request) -> str | None:
        """Say which of the files is not there."""
        return _why_absent(_paths(request, _TABLES))

    def unfit(self, request: Request) -> Iterator[Unfit]:
        """Yield the columns that the files do not have, and a test set that is named twice."""
        yield from _split_unfit(request.parameters, "test", "another file")
        reading, paths = Reading.of(request.parameters), _paths(request, _TABLES)
        if _why_absent(paths):
            return
        if len(paths) > 1 and paths[0].samefile(paths[1]):
            yield Unfit(("test",), f"{paths[1]} is the training set: no network is tested on it")
        for path in paths:
            yield from tables.unfit(path, tables.header_of(path, reading.delimiter), reading)

    def files(self, request: Request) -> DataFiles | None:
        """Return the files; raises DataError where a cell is missing or no number."""
        paths = _paths(request, _TABLES)
        if _why_absent(paths):
            return None
        facts_of_tables(request)
        root = paths[0].parent
        names = tuple(os.path.relpath(path, root) for path in paths)
        return DataFiles(root, names, identities=_TABLES[: len(names)])

    def folder(self, request: Request) -> Path:
        """Return the file with the training set."""
        return at_home(request.parameters["train"])


@dataclass(frozen=True)
class NumpyFile(AtPath):
    """Arrays in a person's NumPy file, which the parameter `path` names."""

    loader: str = field(default="harness.data.builders.own_arrays:load_npz", kw_only=True)

    def why_unavailable(self, request: Request) -> str | None:
        """Say that the file is not there."""
        return _why_absent(_paths(request, ("path",)))

    def unfit(self, request: Request) -> Iterator[Unfit]:
        """Yield the arrays that the file does not have, and a test set that is named twice."""
        parameters = request.parameters
        yield from _split_unfit(parameters, "test_inputs", "arrays of their own")
        if (parameters.get("test_inputs") is None) != (parameters.get("test_labels") is None):
            message = "test_inputs and test_labels go together: give both, or neither"
            yield Unfit(("test_labels",), message)
        named: Callable[..., Iterator[Unfit]] = resolve_name("harness.data.arrays:unfit")
        yield from named(self.folder(request), parameters)

    def files(self, request: Request) -> DataFiles | None:
        """Return the file; raises DataError where its arrays cannot be inputs and labels."""
        path = self.folder(request)
        if _why_absent([path]):
            return None
        facts_of_arrays(request)
        return DataFiles(path.parent, (path.name,), identities=("npz",))


_TABLES = ("train", "test")
"""The parameters that name CSV files."""


def known_facts(request: Request) -> Facts | None:
    """Return what a person's own files tell; None where they are not there, or cannot be used."""
    read = facts_of_tables if isinstance(request.info.origin, CsvFiles) else facts_of_arrays
    try:
        return None if request.info.origin.why_unavailable(request) else read(request)
    except DataError:
        return None


def facts_of_tables(request: Request) -> Facts:
    """Return what CSV files tell.

    Raises:
        DataError: they cannot be used.
    """
    _check(request)
    reading = Reading.of(request.parameters)
    paths = _paths(request, _TABLES)
    train, test = tables.both(paths, reading, tables.look_at)
    return own_labels.facts(
        (len(train.columns),),
        train.labels,
        None if test is None else test.labels,
        request.parameters,
        str(paths[-1]),
    )


def facts_of_arrays(request: Request) -> Facts:
    """Return what a NumPy file tells.

    Raises:
        DataError: it cannot be used.
    """
    _check(request)
    read: Callable[[Path, Parameters], Facts] = resolve_name("harness.data.arrays:facts")
    return read(request.info.origin.folder(request), request.parameters)


def _check(request: Request) -> None:
    for fault in request.info.origin.unfit(request):
        raise fault


def _paths(request: Request, parameters: tuple[str, ...]) -> list[Path]:
    named = (request.parameters.get(name) for name in parameters)
    return [at_home(path) for path in named if path is not None]


def _why_absent(paths: list[Path]) -> str | None:
    absent = next((path for path in paths if not _is_there(path)), None)
    return f"the file {absent} does not exist: put it there" if absent else None


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _split_unfit(parameters: Parameters, named: str, what: str) -> Iterator[Unfit]:
    """Yield a test set that is not told, or is told in two ways."""
    share = parameters.get("test_share")
    if (parameters.get(named) is None) == (share is None):
        found = "nothing tells" if share is None else "two settings tell"
        yield Unfit(
            ("test_share",),
            f"{found} what is for testing: either {named}, {what}, or test_share, a part of each "
            "class",
        )
