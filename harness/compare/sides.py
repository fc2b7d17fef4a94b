"""Read one side of a comparison: a result file, reports, a store or reports at a git revision."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from harness.compare import git_revision
from harness.compare.records import ExperimentRecord, ReadError, Side, UnknownSide
from harness.compare.result_file import NotAResult, experiment
from harness.compare.store_side import of_store
from harness.store.store import Store
from harness.system.json_value import check_text

ACCEPTED = (
    "a result file (reports/NAME.json), a folder of reports, a store (.harness/store), "
    "or a git revision (main, HEAD~3, main:reports)"
)


def read_side(word: str) -> Side:
    """Read what a word names: a path that exists goes before a git revision of the same name.

    Raises:
        UnknownSide: it names neither.
        ReadError: what it names cannot be read.
    """
    path = Path(word)
    if word and _exists(path):
        return _read_path(path, word)
    try:
        found = git_revision.find(word)
        documents = [_parsed(name, content) for name, content in git_revision.read(found)]
    except git_revision.NotARevision as error:
        reason = f" ({error})" if str(error) else ""
        raise UnknownSide(
            f"{word!r} is no path and no git revision here{reason}; what is compared is {ACCEPTED}"
        ) from error
    return _from_documents(
        found.label, documents, found.single, f"{found.label} has no result files"
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long, or holds a null character
        return False


def _read_path(path: Path, word: str) -> Side:
    try:
        if path.is_file():
            return _from_documents(
                word,
                [_parsed(str(path), path.read_bytes())],
                True,
                f"{path} is no result file of reports",
            )
        files = [
            (str(file), file.read_bytes()) for file in sorted(path.glob("*.json")) if file.is_file()
        ]
        if not files and (path / "runs").is_dir():
            return of_store(Store(path), word)
        documents = [_parsed(name, content) for name, content in files]
    except OSError as error:
        raise ReadError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
    return _from_documents(
        word, documents, False, f"{path} has no result files (NAME.json) and is no store"
    )


def _parsed(name: str, content: bytes) -> tuple[str, Any]:
    try:
        document = json.loads(content.decode("utf-8"))
        check_text(document, content)
        return name, document
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{name}: not JSON: {error}") from error


def _from_documents(
    word: str, documents: Iterable[tuple[str, Any]], single: bool, empty: str
) -> Side:
    """Return the side of some result files; other JSON that lies beside them is left alone."""
    experiments: dict[str, ExperimentRecord] = {}
    for path, document in documents:
        try:
            experiments[PurePosixPath(path).stem] = experiment(document)
        except NotAResult:
            continue
        except ReadError as error:
            raise ReadError(f"{path}: {error}") from error
    if not experiments:
        raise ReadError(empty)
    return Side(word, experiments, single=single)
