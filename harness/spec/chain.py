"""The files that extend one another, and the one document that they and the options combine to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.experiment import Json
from harness.spec import patch as patches
from harness.spec import schema
from harness.spec.assigned import WrongPath, wrong_paths
from harness.spec.document import Document, Pointer, SyntaxProblem, format_pointer, read
from harness.spec.faults import Fault
from harness.spec.find import MOST_EXTENDED, expanded
from harness.spec.problems import SEEDS, SET, Problem, SpecError, shortened
from harness.system.files import NotRegular

_EXTENDS: Pointer = ("extends",)


@dataclass(frozen=True)
class Chain:
    """The documents that combine into one specification, the strongest first, and the result.

    Options of the command are the strongest documents; `options` has their words.
    """

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
                        return _problem_at(document, place, fault.message)
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


def read_chain(
    path: Path, assignments: Sequence[Json] = (), seeds: Sequence[int] | None = None
) -> Chain:
    """Read a file and those that it extends, and combine them with the options of a command.

    Args:
        path: The file.
        assignments: Merge patches, applied last.
        seeds: What takes the place of the specification's own, after the assignments.

    Raises:
        SpecError: a file cannot be read, or what it extends is none.
    """
    documents = _extended(path)
    # The last of those that are extended stands as it is, with its nulls.
    *changes, merged = [_own_members(document) for document in documents]
    for patch in reversed(changes):
        merged = _changed(merged, patch)
    options = [(SET, assignment) for assignment in assignments]
    options += [] if seeds is None else [(SEEDS, {"seeds": list(seeds)})]
    for option, patch in options:
        wrong = list(wrong_paths(patch, merged)) if option == SET else []
        if wrong:
            raise SpecError(_wrong_option(patch, each, merged, path) for each in wrong)
        merged = _changed(merged, patch)
        documents.insert(0, Document(Path(option), schema.compact(patch), patch))
    return Chain(path, tuple(documents), merged, _words(assignments, seeds))


def _wrong_option(patch: Json, wrong: WrongPath, merged: Json, path: Path) -> Problem:
    """Place what is wrong with the path of an option; a run is one of a file, which is named."""
    of_run = wrong.pointer[0] == "runs" and isinstance(merged.get("runs"), dict)
    document = Document(Path(SET), schema.compact(patch), patch)
    return _problem_at(
        document, wrong.pointer, f"in {path} {wrong.message}" if of_run else wrong.message
    )


def _words(assignments: Sequence[Json], seeds: Sequence[int] | None) -> tuple[str, ...]:
    """Return the options as they are written in a command."""
    said = [each for patch in assignments for each in patches.assignments(patch)]
    words = [word for each in said for word in (SET, each)]
    return (*words, *([] if seeds is None else [SEEDS, ",".join(map(str, seeds))]))


def _own_members(document: Document) -> Json:
    return {
        name: value for name, value in document.value.items() if name not in ("extends", "$schema")
    }


def _extended(path: Path) -> list[Document]:
    """Read a file and all that it extends, itself first."""
    documents: list[Document] = []
    read_before: set[str] = set()
    following: Path | None = path
    while following is not None:
        by = documents[-1] if documents else None
        if len(documents) > MOST_EXTENDED:
            message = f"is one too many: {MOST_EXTENDED} files may extend one another"
            raise _stop(by, following, message)
        document = _read_object(following, by)
        whole = os.path.realpath(following)
        if whole in read_before:
            way = " -> ".join(str(each.path) for each in documents)
            raise _stop(by, following, f"extends itself, by way of {way}")
        read_before.add(whole)
        documents.append(document)
        following = _base(document)
    return documents


def _base(document: Document) -> Path | None:
    """Return the path of the file that a document extends, None where it extends none."""
    written = document.value.get("extends")
    if written is None:
        return None
    if not (isinstance(written, str) and written):
        message = f"expected the path of a specification, found {schema.show(written)}"
        raise SpecError([_problem_at(document, _EXTENDS, message)])
    try:
        return document.path.parent / expanded(written)
    except RuntimeError as error:
        message = "cannot be read: there is no such home folder"
        raise _stop(document, Path(written), message) from error


def _changed(document: Json, patch: Json) -> Json:
    """Apply a patch.

    Runs are patches themselves, so that a null in one is kept to act on the defaults.
    """
    changed = patches.merge_patch(document, patch)
    if (
        isinstance(changed, dict)
        and isinstance(patch, dict)
        and isinstance(patch.get("runs"), dict)
    ):
        runs = document.get("runs")
        changed["runs"] = patches.compose(runs if isinstance(runs, dict) else {}, patch["runs"])
    return changed


def _read_object(path: Path, extended_by: Document | None) -> Document:
    try:
        document = read(path)
    except SyntaxProblem as error:
        raise SpecError([Problem(path, error.line, error.column, "", error.message)]) from error
    except NotRegular as error:
        what = "a folder" if path.is_dir() else "no regular file"
        raise _stop(extended_by, path, f"cannot be read: it is {what}") from error
    except (OSError, ValueError) as error:  # ValueError: the path holds a null character
        reason = getattr(error, "strerror", error)
        raise _stop(extended_by, path, f"cannot be read: {reason}") from error
    if not isinstance(document.value, dict):
        raise _stop(None, path, f"expected an object, found {schema.show(document.value)}")
    return document


def _stop(extended_by: Document | None, path: Path, message: str) -> SpecError:
    """Make the error that ends reading a path.

    It is at the `extends` of the document that names the path, or at the path itself.
    """
    if extended_by is None:
        return SpecError([Problem(path, 1, 1, "", message)])
    named = f"{shortened(str(path), 300)} {message}"
    return SpecError([_problem_at(extended_by, _EXTENDS, named)])


def _problem_at(document: Document, place: Pointer, message: str) -> Problem:
    return Problem(document.path, *document.position(place), format_pointer(place), message)
