"""A first specification, from a few choices."""

from __future__ import annotations

import contextlib
import errno
import os
from importlib import resources
from pathlib import Path

from harness.authoring import starts
from harness.authoring.layout import laid_out
from harness.authoring.questions import QUESTIONS, Choices
from harness.errors import UsageFault
from harness.experiment import Json
from harness.spec import schema
from harness.spec.document import format_pointer
from harness.spec.expand import expand
from harness.spec.faults import Fault, Faults
from harness.system import files
from harness.words import plural

_SEEDS = [0, 1, 2]
_PROJECT_MARKS = ("pyproject.toml", ".git")

_REMARKS = (
    "These remarks are shown in the report: put what you find in their place, or take them out.",
    (
        "The bounds of the expectations are a start: say what you expect, and on what that rests "
        "(python -m harness explain expectations)."
    ),
)
_PART = (
    "{} of the training images and a small network, so that a CPU will do; null takes all images."
)


class Invalid(UsageFault):
    """The choices do not go together; the message says why."""


def schema_path() -> Path:
    """Return where the schema's file lies."""
    return Path(str(resources.files("harness.spec").joinpath("experiment.schema.json")))


def schema_reference(output: Path) -> str:
    """Return `$schema` for a file: a relative path within a project, else an absolute one."""
    folder, found = output.resolve().parent, schema_path().resolve()
    project = next(
        (
            ancestor
            for ancestor in (folder, *folder.parents)
            if any((ancestor / mark).exists() for mark in _PROJECT_MARKS)
        ),
        None,
    )
    if project is None or project not in found.parents:
        return found.as_posix()
    relative = Path(os.path.relpath(found, folder)).as_posix()
    return relative if relative.startswith(".") else f"./{relative}"


def specification(choices: Choices, output: Path) -> Json:
    """Return the JSON of the specification that the choices make, as it will stand in `output`.

    Raises:
        Invalid: they do not go together.
    """
    if choices.question == "regularizers" and not choices.regularizers:
        raise Invalid("the question regularizers needs at least one of them")
    start = starts.DATASETS[choices.dataset]
    strengths = {"augmentation": start.augmentation, "momentum": 0.9, "l2": start.l2}
    own = QUESTIONS[choices.question].members(choices)
    document = {
        "$schema": schema_reference(output),
        "name": choices.name,
        **{member: own[member] for member in ("title", "question", "source") if member in own},
        "seeds": _SEEDS,
        "defaults": {
            "dataset": starts.dataset(choices.dataset, choices.path),
            "model": starts.model(choices.model, choices.dataset),
            "strengths": {
                name: value for name, value in strengths.items() if name in choices.regularizers
            },
            "training": start.training,
        },
        "runs": own["runs"],
        "expectations": own["expectations"],
        "remarks": _remarks(choices),
        **({"figures": own["figures"]} if "figures" in own else {}),
    }
    if not document["defaults"]["strengths"]:
        del document["defaults"]["strengths"]
    _check(document, output)
    return document


def _remarks(choices: Choices) -> list[str]:
    taken = starts.DATASETS[choices.dataset].members.get("train_examples")
    return [*_REMARKS, *([_PART.format(f"{taken:,}")] if taken else [])]


def _check(document: Json, output: Path) -> None:
    faults = Faults(schema.faults("experiment", document))
    expand(output, document, faults)
    if faults:
        messages = dict.fromkeys(
            f"{format_pointer(_known_place(fault))}: {fault.message}" for fault in faults
        )
        raise Invalid("; ".join(messages))


def _known_place(fault: Fault) -> tuple[str | int, ...]:
    """Return the place of a fault that a person knows: the setting, not the run that has it."""
    return next((place for place in fault.places if place[:1] == ("defaults",)), fault.places[0])


def write(document: Json, output: Path, force: bool = False) -> None:
    """Write a specification, whole or not at all; an existing file is replaced by `force` alone.

    Raises:
        FileExistsError: there is one.
        OSError: it cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(
            errno.ENOTDIR, os.strerror(errno.ENOTDIR), error.filename
        ) from error
    if force:
        files.replace(output, lambda temporary: _written(temporary, document))
        return
    output.open("x").close()  # the name is taken before anybody else can take it
    try:
        files.replace(output, lambda temporary: _written(temporary, document))
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def _written(path: Path, document: Json) -> None:
    path.write_text(laid_out(document) + "\n", encoding="utf-8")


def default_name(dataset: str, question: str) -> str:
    """Return a name that says what is asked of what."""
    return f"{dataset}-{question}".replace("_", "-")


def wrong_name(name: str) -> str | None:
    """Say what is wrong with an experiment's name, or return None."""
    faults = [
        message
        for pointer, message in schema.faults("experiment", {"name": name})
        if pointer == ("name",)
    ]
    return faults[0] if faults else None


def existing(output: Path) -> bool:
    """Tell whether there is something at a path already."""
    with contextlib.suppress(OSError, ValueError):
        return output.exists()
    return False


def counted(document: Json, output: Path) -> str:
    """Say how many runs a valid specification makes."""
    experiment = expand(output, document, Faults())
    runs, seeds = len(experiment.runs) if experiment else 0, len(document["seeds"])
    return (
        f"{plural(runs, 'run')} of {seeds} seeds each,"
        f" {plural(len(document['expectations']), 'expectation')}"
    )


def expected(document: Json) -> list[tuple[str, str]]:
    """Return the id of each expectation, and which numbers it compares with which, in words."""
    bounds = {"at_least": "at least", "at_most": "at most"}
    return [
        (
            each["id"],
            ("every seed of " if each.get("statistic") == "every" else "mean of ")
            + f"{each['metric']} is "
            + " and ".join(
                f"{words} {each[name]}" for name, words in bounds.items() if name in each
            ),
        )
        for each in document["expectations"]
    ]
