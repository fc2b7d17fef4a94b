"""From paths to experiments: read, validate, combine and expand, with every fault found at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.spec import schema
from harness.spec.document import Document, Pointer, SyntaxProblem, format_pointer, read
from harness.spec.expand import Fault, expand
from harness.spec.patch import compose, merge_patch, without_nulls
from harness.spec.problems import Place, Problem, SpecError
from harness.spec.records import Experiment, Json


def find(paths: Iterable[Path]) -> list[Path]:
    """Return the specification files at and below the paths; names that begin with `_` are for `extends`.

    Raises:
        SpecError: a path does not exist, or no file is found.
    """
    files: dict[Path, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        try:
            found = _below(path) if path.is_dir() else [path] if path.exists() else None
        except OSError as error:
            problems.append(Problem(path, 1, 1, "", f"cannot be read: {error.strerror}"))
            continue
        if found is None:
            problems.append(Problem(path, 1, 1, "", "no such file or folder"))
        elif not found:
            problems.append(Problem(path, 1, 1, "", "no specification (*.json) in this folder"))
        for file in found or ():
            files.setdefault(file.resolve(), file)
    if problems:
        raise SpecError(problems)
    return list(files.values())


def _below(folder: Path) -> list[Path]:
    """Return the specifications in a folder; what begins with an underscore is a base, with a dot is hidden."""
    files = (file.relative_to(folder) for file in folder.rglob("*.json"))
    seen = [file for file in files if not any(part.startswith(".") for part in file.parts)]
    return [folder / file for file in sorted(seen) if not file.name.startswith("_")]


def load(
    paths: Iterable[Path], assignments: Sequence[Json] = (), seeds: Sequence[int] | None = None
) -> tuple[Experiment, ...]:
    """Load every specification at and below the paths; `assignments` are merge patches applied last, then `seeds`.

    Raises:
        SpecError: with every fault of every file.
    """
    loaded: list[tuple[_Chain, Experiment]] = []
    problems: list[Problem] = []
    for path in find(paths):
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
    """The documents that combine into one specification, the strongest first, and their combination."""

    path: Path
    documents: tuple[Document, ...]
    merged: Json = field(compare=False)

    def problem(self, fault: Fault) -> Problem:
        """Place a fault in the first document that has one of its places, or a parent of it."""
        places = list(fault.places)
        while any(places):
            for place in filter(None, places):
                for document in self.documents:
                    if document.holds(place):
                        return Problem(document.path, *document.position(place), format_pointer(place), fault.message)
            places = [place[:-1] for place in places]
        return Problem(self.path, 1, 1, "", fault.message)


def load_file(path: Path, assignments: Sequence[Json] = ()) -> Experiment:
    """Load one specification.

    Raises:
        SpecError: with every fault of the file and of those it extends.
    """
    return _expand(_read_chain(path, assignments))


def expectation_places(path: Path) -> dict[str, Place]:
    """Return where each expectation of a specification stands, by its id; that may be in a file that it extends.

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
    faults = [Fault((pointer,), message) for pointer, message in schema.faults("experiment", acting)]
    experiment = expand(chain.path, acting | _with_inner_nulls(chain.merged, acting), faults)
    if faults or experiment is None:
        raise SpecError(chain.problem(fault) for fault in faults)
    return experiment


def _with_inner_nulls(merged: Json, acting: Json) -> Json:
    """Return defaults and runs as they stand: a null in a run still has to act on the defaults."""
    kept = {key: merged[key] for key in ("defaults", "runs") if key in acting}
    if isinstance(kept.get("runs"), dict):
        kept["runs"] = {name: run for name, run in kept["runs"].items() if run is not None}
    return kept


def _read_chain(path: Path, assignments: Sequence[Json], seeds: Sequence[int] | None = None) -> _Chain:
    documents: list[Document] = []
    following: Path | None = path
    said_by: tuple[Document, Pointer] | None = None
    while following is not None:
        document = _read_object(following, said_by)
        if any(following.resolve() == earlier.path.resolve() for earlier in documents):
            raise _stop(said_by, following, "extends itself, by way of " + " -> ".join(str(d.path) for d in documents))
        documents.append(document)
        base = document.value.get("extends")
        if base is not None and not (isinstance(base, str) and base):
            message = f"expected the path of a specification, found {schema.show(base)}"
            raise SpecError([_Chain(path, (document,), None).problem(Fault((("extends",),), message))])
        said_by = (document, ("extends",))
        following = following.parent / base if base else None
    # The first document stands as it is, with its nulls.
    *patches, first = [{k: v for k, v in d.value.items() if k not in ("extends", "$schema")} for d in documents]
    merged: Json = first
    for patch in reversed(patches):
        merged = _changed(merged, patch)
    options = [("--set", assignment) for assignment in assignments]
    options += [] if seeds is None else [("--seeds", {"seeds": list(seeds)})]
    for option, patch in options:
        merged = _changed(merged, patch)
        documents.insert(0, Document(Path(option), schema.compact(patch), patch))
    return _Chain(path, tuple(documents), merged)


def _changed(document: Json, patch: Json) -> Json:
    """Apply a patch; runs are patches themselves, so that a null in one is kept to act on the defaults."""
    changed = merge_patch(document, patch)
    if isinstance(changed, dict) and isinstance(patch, dict) and isinstance(patch.get("runs"), dict):
        runs = document.get("runs")
        changed["runs"] = compose(runs if isinstance(runs, dict) else {}, patch["runs"])
    return changed


def _read_object(path: Path, said_by: tuple[Document, Pointer] | None) -> Document:
    try:
        document = read(path)
    except SyntaxProblem as error:
        raise SpecError([Problem(path, error.line, error.column, "", error.message)]) from error
    except (OSError, ValueError) as error:  # ValueError: the path holds a null character
        raise _stop(said_by, path, f"cannot be read: {getattr(error, 'strerror', error)}") from error
    if not isinstance(document.value, dict):
        raise _stop(None, path, f"expected an object, found {schema.show(document.value)}")
    return document


def _stop(said_by: tuple[Document, Pointer] | None, path: Path, message: str) -> SpecError:
    """Make the error that ends reading: at the `extends` that named the path, or at the path itself."""
    if said_by is None:
        return SpecError([Problem(path, 1, 1, "", message)])
    document, pointer = said_by
    return SpecError(
        [Problem(document.path, *document.position(pointer), format_pointer(pointer), f"{path} {message}")]
    )
