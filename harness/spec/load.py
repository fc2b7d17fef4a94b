"""From paths to experiments: read, validate, combine and expand, with every fault found at once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from harness.experiment import Experiment, Json
from harness.spec import schema
from harness.spec.chain import Chain, read_chain
from harness.spec.expand import expand
from harness.spec.faults import Fault, Faults
from harness.spec.find import below, what_else
from harness.spec.patch import without_nulls
from harness.spec.problems import Place, Problem, SpecError

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
    problems: list[Problem] = []
    files = _found_among(paths, warn, problems)
    if problems:
        raise SpecError(problems)
    return files


def _found_among(paths: Iterable[Path], warn: Warn, problems: list[Problem]) -> list[Path]:
    """Return the specification files at and below the paths, and add what is wrong to problems."""
    files: dict[str, Path] = {}
    for path in paths:
        try:
            found = _found(path, warn)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", error)
            problems.append(Problem(path, 1, 1, "", f"cannot be read: {reason}"))
        except _NoSpecification as error:
            problems.append(Problem(path, 1, 1, "", str(error)))
        else:
            for file in found:
                files.setdefault(os.path.realpath(file), file)
    return list(files.values())


class _NoSpecification(Exception):
    """A path leads to no specification; the message says why."""


def _found(path: Path, warn: Warn) -> Sequence[Path]:
    if not path.is_dir():
        if not path.exists():
            raise _NoSpecification("no such file or folder")
        what = what_else(path)
        if what is not None:
            raise _NoSpecification(
                f"this is no specification: {what}; a specification has a name, a title and runs,"
                " or extends another"
            )
        return [path]
    found = below(path)
    for file, reason in found.unread:
        warn(f"{file} cannot be read and is left out: {reason}")
    if not found.specifications:
        others = f", {found.others:,} other JSON files" if found.others else ""
        raise _NoSpecification(f"no specification (*.json) in this folder{others}")
    return found.specifications


def load(
    paths: Iterable[Path],
    assignments: Sequence[Json] = (),
    seeds: Sequence[int] | None = None,
    warn: Warn = lambda _: None,
    allow_python: bool = False,
) -> tuple[Experiment, ...]:
    """Load every specification at and below the paths.

    Args:
        paths: Files and folders; see `find`.
        assignments: Merge patches, applied last. A relative path in one starts at the current
            folder.
        seeds: What takes the place of every specification's own, after the assignments.
        warn: Hears of what in a folder cannot be read, and of parts that packages register in vain.
        allow_python: Whether the person who runs them allows Python that they name.

    Raises:
        SpecError: with every fault of every file.
    """
    experiments, problems = load_valid(paths, assignments, seeds, warn, allow_python)
    if problems:
        raise SpecError(problems)
    return experiments


def load_valid(
    paths: Iterable[Path],
    assignments: Sequence[Json] = (),
    seeds: Sequence[int] | None = None,
    warn: Warn = lambda _: None,
    allow_python: bool = False,
) -> tuple[tuple[Experiment, ...], tuple[Problem, ...]]:
    """Load what can be loaded, as `load` does.

    Returns:
        The experiments of the specifications that are valid, and every fault of the others.
    """
    loaded: list[tuple[Chain, Experiment]] = []
    problems: list[Problem] = []
    for sentence in schema.left_out():
        warn(sentence)
    for path in _found_among(paths, warn, problems):
        try:
            chain = read_chain(path, assignments, seeds)
            loaded.append((chain, _expand(chain, allow_python)))
        except SpecError as error:
            problems.extend(error.problems)
    names = Counter(experiment.name for _, experiment in loaded)
    for chain, experiment in loaded:
        if names[experiment.name] > 1:
            message = f"another specification is named {experiment.name!r} too"
            problems.append(chain.problem(Fault((("name",),), message)))
    valid = tuple(experiment for _, experiment in loaded if names[experiment.name] == 1)
    return valid, SpecError(problems).problems


def load_file(
    path: Path, assignments: Sequence[Json] = (), allow_python: bool = False
) -> Experiment:
    """Load one specification; see `load`.

    Raises:
        SpecError: with every fault of the file and of those it extends.
    """
    return _expand(read_chain(path, assignments), allow_python)


def expectation_places(path: Path) -> dict[str, Place]:
    """Return where each expectation of a specification stands, by the id that is written.

    That may be in a file that it extends.

    Raises:
        SpecError: a file cannot be read.
    """
    chain = read_chain(path)
    listed = chain.merged.get("expectations")
    found: dict[str, Place] = {}
    for index, raw in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(raw, dict) and "id" in raw:
            problem = chain.problem(Fault((("expectations", index),), ""))
            found[raw["id"]] = Place(problem.path, problem.line)
    return found


def _expand(chain: Chain, allow_python: bool) -> Experiment:
    acting = without_nulls(chain.merged)
    faults = Faults(schema.faults("experiment", acting))
    experiment = expand(
        chain.path, acting | _with_inner_nulls(chain.merged, acting), faults, chain.folder
    )
    if faults or experiment is None:
        raise SpecError(chain.problem(fault) for fault in faults)
    return replace(experiment, trial=chain.options, allow_python=allow_python)


def _with_inner_nulls(merged: Json, acting: Json) -> Json:
    """Return defaults and runs as they stand: a null in a run still has to act on the defaults."""
    kept = {key: merged[key] for key in ("defaults", "runs") if key in acting}
    if isinstance(kept.get("runs"), dict):
        kept["runs"] = {name: run for name, run in kept["runs"].items() if run is not None}
    return kept
