"""From paths to experiments: read, validate, combine and expand, with every fault found at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.experiment import Experiment, Json
from harness.spec import schema
from harness.spec.document import Document, Pointer, SyntaxProblem, format_pointer, read
from harness.spec.expand import expand
from harness.spec.faults import Fault, Faults
from harness.spec.find import MOST_EXTENDED, below, expanded, what_else
from harness.spec.patch import assignments as assignments_of
from harness.spec.patch import compose, merge_patch, without_nulls
from harness.spec.problems import Place, Problem, SpecError, shortened
from harness.system.files import NotRegular

Warn = Callable[[str], None]
"""Hears a sentence of what was left out."""


def find(paths: Iterable[Path], warn: Warn = lambda _: None) -> list[Path]:
    """Return the specification files at and below the paths, each once; see `harness.spec.find`.

    Args:
        paths: Files, of which each must be a specification, and folders, of which other files are
            left out.
        warn: Hears of what in a folder cannot be read.

    Raises:
        SpecError: a path does not exist or is something else, or a folder has no specification.
    """
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            found = _found(path, warn)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            problems.append(Problem(path, 1, 1, "", f"cannot be read: {reason}"))
        except _Nothing as error:
            problems.append(Problem(path, 1, 1, "", str(error)))
        else:
            for file in found:
                files.setdefault(os.path.realpath(file), file)
    if problems:
        raise SpecError(problems)
    return list(files.values())


class _Nothing(Exception):
    """A path leads to no specification; the message says why."""


def _found(path: Path, warn: Warn) -> Sequence[Path]:
    if not path.is_dir():
        if not path.exists():
            raise _Nothing("no such file or folder")
        what = what_else(path)
        if what is not None:
            raise _Nothing(
                f"this is no specification: {what}; a specification has a name, a title and runs,"
                " or extends another"
            )
        return [path]
    found = below(path)
    for file, reason in found.unread:
        warn(f"{file} cannot be read and is left out: {reason}")
    if not found.specifications:
        others = f", {found.others:,} other JSON files" if found.others else ""
        raise _Nothing(f"no specification (*.json) in this folder{others}")
    return found.specifications


def load(
    paths: Iterable[Path],
    assignments: Sequence[Json] = (),
    seeds: Sequence[int] | None = None,
    warn: Warn = lambda _: None,
) -> tuple[Experiment, ...]:
    """Load every specification at and below the paths.

    Args:
        paths: Files and folders; see `find`.
        assignments: Merge patches, applied last. A relative path in one starts at the current
            folder.
        seeds: What takes the place of every specification's own, after the assignments.
        warn: Hears of what in a folder cannot be read.

    Raises:
        SpecError: with every fault of every file.
    """
    loaded: list[tuple[_Chain, Experiment]] = []
    problems: list[Problem] = []
    for path in find(paths, warn):
        try:
            chain = _read_chain(path, assignments, seeds)
            loaded.append((chain, _expand(chain)))
        except SpecError as error:
            problems.extend(error.problems)
    names = Counter(experiment.name for _, experiment in loaded)
    for chain, experiment in loaded:
        if names[experiment.name] > 1:
            message = f"another specification is named {experiment.name!r} too"
            problems.append(chain.problem(Fault((("name",),), message)))
    if problems:
        raise SpecError(problems)
    return tuple(experiment for _, experiment in loaded)


@dataclass(frozen=True)
class _Chain:
    """The documents that combine into one specification, the strongest first, and the result."""

    path: Path
    documents: tuple[Document, ...]
    merged: Json = field(compare=False)
    options: tuple[str, ...] = ()

    def problem(self, fault: Fault) -> Problem:
        """Place a fault in the first document that has one of its places, or a parent of it."""
        places = list(fault.places)
        while any(places):
            for place in filter(None, places):
                for document in self.documents:
                    if document.holds(place):
                        return Problem(
                            document.path,
                            *document.position(place),
                            format_pointer(place),
                            fault.message,
                        )
            places = [place[:-1] for place in places]
        return Problem(self.path, 1, 1, "", fault.message)

    def folder(self, places: Sequence[Pointer], value: Json) -> Path:
        """Return the folder of the document in which a setting has its value.

        That of an option is the current one.
        """
        for place in places:
            for document in self.documents:
                if document.says(place, value):
                    return document.path.parent
        return self.path.parent


def load_file(path: Path, assignments: Sequence[Json] = ()) -> Experiment:
    """Load one specification.

    Raises:
        SpecError: with every fault of the file and of those it extends.
    """
    return _expand(_read_chain(path, assignments))


def expectation_places(path: Path) -> dict[str, Place]:
    """Return where each expectation of a specification stands, by the id that is written.

    That may be in a file that it extends.

    Raises:
        SpecError: a file cannot be read.
    """
    chain = _read_chain(path, ())
    listed = chain.merged.get("expectations")
    found: dict[str, Place] = {}
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(raw, dict) and "id" in raw:
            problem = chain.problem(Fault((("expectations", index),), ""))
            found[raw["id"]] = Place(problem.path, problem.line)
    return found


def _expand(chain: _Chain) -> Experiment:
    acting = without_nulls(chain.merged)
    faults = Faults(schema.faults("experiment", acting))
    experiment = expand(
        chain.path, acting | _with_inner_nulls(chain.merged, acting), faults, chain.folder
    )
    if faults or experiment is None:
        raise SpecError(chain.problem(fault) for fault in faults)
    return replace(experiment, trial=chain.options)


def _with_inner_nulls(merged: Json, acting: Json) -> Json:
    """Return defaults and runs as they stand: a null in a run still has to act on the defaults."""
    kept = {key: merged[key] for key in ("defaults", "runs") if key in acting}
    if isinstance(kept.get("runs"), dict):
        kept["runs"] = {name: run for name, run in kept["runs"].items() if run is not None}
    return kept


def _read_chain(
    path: Path, assignments: Sequence[Json], seeds: Sequence[int] | None = None
) -> _Chain:
    documents: list[Document] = []
    read_before: set[str] = set()
    following: Path | None = path
    said_by: tuple[Document, Pointer] | None = None
    while following is not None:
        if len(documents) > MOST_EXTENDED:
            raise _stop(
                said_by, following, f"is one too many: {MOST_EXTENDED} files may extend one another"
            )
        document = _read_object(following, said_by)
        whole = os.path.realpath(following)
        if whole in read_before:
            raise _stop(
                said_by,
                following,
                "extends itself, by way of " + " -> ".join(str(d.path) for d in documents),
            )
        read_before.add(whole)
        documents.append(document)
        base = document.value.get("extends")
        if base is not None and not (isinstance(base, str) and base):
            message = f"expected the path of a specification, found {schema.show(base)}"
            raise SpecError(
                [_Chain(path, (document,), None).problem(Fault((("extends",),), message))]
            )
        said_by = (document, ("extends",))
        following = _beside(following, base, said_by) if base else None
    # The first document stands as it is, with its nulls.
    *patches, first = [
        {k: v for k, v in d.value.items() if k not in ("extends", "$schema")} for d in documents
    ]
    merged: Json = first
    for patch in reversed(patches):
        merged = _changed(merged, patch)
    options = [("--set", assignment) for assignment in assignments]
    options += [] if seeds is None else [("--seeds", {"seeds": list(seeds)})]
    for option, patch in options:
        merged = _changed(merged, patch)
        documents.insert(0, Document(Path(option), schema.compact(patch), patch))
    words = [
        word for patch in assignments for each in assignments_of(patch) for word in ("--set", each)
    ]
    words += [] if seeds is None else ["--seeds", ",".join(map(str, seeds))]
    return _Chain(path, tuple(documents), merged, tuple(words))


def _beside(path: Path, base: str, said_by: tuple[Document, Pointer]) -> Path:
    """Return the path of the file that one extends."""
    try:
        return path.parent / expanded(base)
    except RuntimeError as error:
        raise _stop(said_by, Path(base), "cannot be read: there is no such home folder") from error


def _changed(document: Json, patch: Json) -> Json:
    """Apply a patch.

    Runs are patches themselves, so that a null in one is kept to act on the defaults.
    """
    changed = merge_patch(document, patch)
    if (
        isinstance(changed, dict)
        and isinstance(patch, dict)
        and isinstance(patch.get("runs"), dict)
    ):
        runs = document.get("runs")
        changed["runs"] = compose(runs if isinstance(runs, dict) else {}, patch["runs"])
    return changed


def _read_object(path: Path, said_by: tuple[Document, Pointer] | None) -> Document:
    try:
        document = read(path)
    except SyntaxProblem as error:
        raise SpecError([Problem(path, error.line, error.column, "", error.message)]) from error
    except NotRegular as error:
        what = "a folder" if path.is_dir() else "no regular file"
        raise _stop(said_by, path, f"cannot be read: it is {what}") from error
    except (OSError, ValueError) as error:  # ValueError: the path holds a null character
        raise _stop(
            said_by, path, f"cannot be read: {getattr(error, 'strerror', error)}"
        ) from error
    if not isinstance(document.value, dict):
        raise _stop(None, path, f"expected an object, found {schema.show(document.value)}")
    return document


def _stop(said_by: tuple[Document, Pointer] | None, path: Path, message: str) -> SpecError:
    """Make the error that ends reading.

    It is at the `extends` that named the path, or at the path itself.
    """
    if said_by is None:
        return SpecError([Problem(path, 1, 1, "", message)])
    document, pointer = said_by
    return SpecError(
        [
            Problem(
                document.path,
                *document.position(pointer),
                format_pointer(pointer),
                f"{shortened(str(path), 300)} {message}",
            )
        ]
    )
