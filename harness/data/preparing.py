"""Preparing data sets with TFDS: made here, downloaded, or from archives that a person brings."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import sys
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from pkgutil import resolve_name
from typing import IO

import tensorflow_datasets as tfds
from filelock import FileLock

from harness.data import catalog, prepared
from harness.data.availability import content, requested
from harness.data.info import Parameters, Request
from harness.data.loading import load_whole
from harness.data.origins import Downloaded, ManualArchives, OwnPrepared
from harness.data.records import DataError, Examples
from harness.data.tfds_records import RANDOM_ACCESS

REACH_SECONDS = 15


def prepare(name: str, parameters: Parameters, data_dir: Path, modules: Sequence[str] = ()) -> None:
    """Prepare a data set of TFDS's catalogue, downloaded, or one in a person's archives.

    Args:
        name: the data set.
        parameters: its parameters.
        data_dir: the folder of prepared data.
        modules: what is imported first, so that its builders are known to TFDS by their names.

    Raises:
        DataError: it is not prepared this way, its archives are missing or incomplete, or the
            download fails.
    """
    request = requested(name, parameters, data_dir)
    match request.info.origin:
        case ManualArchives() as origin:
            _prepare_archives(request, origin)
        case Downloaded() as origin:
            _download(request, origin)
        case OwnPrepared():
            _import(modules)
            _download_named(request)
        case _:
            these = [*catalog.of_origin(Downloaded), *catalog.of_origin(ManualArchives)]
            raise DataError(f"{name} needs no preparation; these do: {', '.join(these)}")


def made_here(builder: tfds.core.DatasetBuilder, data_dir: Path, maximum: float) -> Examples:
    """Prepare what a builder makes without a network, where it is not there yet, and read it.

    Args:
        builder: makes the splits `train` and `test`.
        data_dir: the folder of prepared data.
        maximum: the raw value that becomes 1.0 when inputs are scaled.

    Raises:
        DataError: what is there cannot be read.
    """
    return prepared.in_memory(_prepare(builder, data_dir, io.StringIO()), maximum)


def not_as_made(builder: tfds.core.DatasetBuilder) -> DataError:
    """Return the error that says that the prepared data are not what the builder makes."""
    return DataError(
        f"{builder.data_path} does not hold what was made there: remove this folder, and it is made"
        " again"
    )


def _prepare_archives(request: Request, origin: ManualArchives) -> None:
    name, data_dir = request.name, request.data_dir
    builder = _builder(request, origin)
    folder = origin.find(data_dir)
    if folder is None and not builder.is_prepared():
        raise DataError(f"{name} cannot be prepared: {origin.how_to_bring(data_dir)}")
    try:
        _prepare(builder, data_dir, sys.stderr, manual_dir=folder)
    except (OSError, tarfile.TarError, zlib.error, EOFError) as error:
        raise DataError(f"cannot prepare {name} from {folder}: {error}") from error
    # Reads all files once, and the labels, for all runs.
    load_whole(request, content(name, request.parameters, data_dir, progress=True))


def _builder(request: Request, origin: ManualArchives) -> tfds.core.DatasetBuilder:
    make: Callable[[Request], tfds.core.DatasetBuilder] = resolve_name(origin.builder)
    try:
        return make(request)
    except ValueError as error:
        raise DataError(
            f"{request.data_dir / request.name} is prepared in another way than {RANDOM_ACCESS}: "
            f"{error}"
        ) from error


def _import(modules: Sequence[str]) -> None:
    for module in modules:
        try:
            importlib.import_module(module)
        except Exception as error:
            raise DataError(f"cannot import {module}: {_said(error)}") from error


def _download_named(request: Request) -> None:
    """Prepare a data set by the builder that TFDS knows by its name.

    One of TFDS's own catalogue is downloaded, and so a page of its publisher must answer.
    """
    name, parameters = request.parameters["dataset"], request.parameters
    chosen = {key: parameters[key] for key in ("config", "version") if parameters.get(key)}
    try:
        builder = tfds.builder(name, data_dir=str(request.data_dir), **chosen)
    except tfds.core.DatasetNotFoundError as error:
        near = difflib.get_close_matches(name, tfds.list_builders(), 1)
        raise DataError(
            f"TFDS knows no data set {name}{f' (did you mean {near[0]}?)' if near else ''}: for "
            "one of your own name the module of its builder with --import, or run "
            f"`tfds build --data_dir={request.data_dir}` in the folder of its builder"
        ) from error
    except Exception as error:  # a person's own builder may raise anything
        raise DataError(f"TFDS cannot make the data set {name}: {_said(error)}") from error
    of_catalogue = type(builder).__module__.startswith("tensorflow_datasets.")
    _fetch(builder, request.data_dir, str(builder.info.homepage) if of_catalogue else None)


def _download(request: Request, origin: Downloaded) -> None:
    builder = tfds.builder(request.name, data_dir=str(request.data_dir))
    _fetch(builder, request.data_dir, origin.server)


def _fetch(builder: tfds.core.DatasetBuilder, data_dir: Path, server: str | None) -> None:
    """Download and prepare a data set, where a server answers if it is not prepared yet.

    Raises:
        DataError: it cannot be had.
    """
    try:
        if server is not None and not builder.is_prepared():
            _reach(server)
        _prepare(builder, data_dir, sys.stderr)
    except Exception as error:  # a person's own builder may raise anything
        raise DataError(f"cannot download and prepare {builder.name}: {_said(error)}") from error


def _said(error: Exception) -> str:
    """Return what an error says, on one line, after its type where this is not a plain one."""
    words = " ".join(str(error).split())
    return words if isinstance(error, OSError) else f"{type(error).__name__}: {words}"


def _reach(url: str) -> None:
    """Raise OSError where a server does not answer: TFDS would try for minutes before it does."""
    request = urllib.request.Request(url, method="HEAD")
    with contextlib.suppress(urllib.error.HTTPError):  # an answer too
        urllib.request.urlopen(request, timeout=REACH_SECONDS).close()


def _prepare(
    builder: tfds.core.DatasetBuilder,
    data_dir: Path,
    output: IO[str],
    manual_dir: Path | None = None,
) -> tfds.core.DatasetBuilder:
    """Prepare what is not prepared yet; what TFDS says on the standard output goes to `output`."""
    if builder.is_prepared():
        return builder
    tfds.disable_progress_bar()
    lock = data_dir / "harness" / f"{builder.info.full_name.replace('/', '.')}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    config = tfds.download.DownloadConfig(try_download_gcs=False, manual_dir=manual_dir)
    with FileLock(lock), contextlib.redirect_stdout(output):
        # Does nothing where another process was first.
        builder.download_and_prepare(download_config=config)
    if not builder.info.initialized:  # the other process was ready after this builder had looked
        builder.info.read_from_directory(builder.data_path)
    return builder
