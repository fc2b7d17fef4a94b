"""The choices for a first specification: given, asked for, or by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from harness.authoring import names, starts
from harness.authoring.new import Invalid, default_name, existing, wrong_name
from harness.authoring.questions import QUESTIONS, Choices
from harness.models.registry import MODELS
from harness.spec.schema import definition, fill_defaults

_FIRST = {"question": "regularizers", "dataset": "digits"}
_IMAGES = "../my_images"


@dataclass(frozen=True)
class Given:
    """What a person gave as options, None where nothing."""

    question: str | None
    dataset: str | None
    path: str | None
    model: str | None
    regularizers: tuple[str, ...] | None
    name: str | None
    output: Path | None
    force: bool


def choices(given: Given, ask: bool) -> Choices:
    """Return all that decides what the specification says; each choice may depend on those before.

    Raises:
        Invalid: what was given cannot be.
    """
    question = _one_of("question", given.question, names.QUESTIONS, _FIRST["question"], ask)
    datasets = _meanings("dataset", list(starts.DATASETS))
    dataset = _one_of("dataset", given.dataset, datasets, _FIRST["dataset"], ask)
    path = _path(given.path, dataset, ask)
    models = starts.fitting_models(dataset)
    model = _one_of("model", given.model, _meanings("model", models), models[0], ask)
    regularizers = _which(given.regularizers, question, model, dataset, ask)
    name = _name(given.name, default_name(dataset, question), ask)
    return Choices(name, dataset, model, question, regularizers, path)


def output(given: Given, name: str, ask: bool) -> Path:
    """Return the file to write: below `specs` where nothing else was said."""
    default = Path("specs") / f"{name}.json"
    if given.output is not None or not ask:
        return given.output or default

    def wrong(text: str) -> str | None:
        return f"{text} is there already" if existing(Path(text)) and not given.force else None

    return Path(_asked("file", str(default), wrong))


def _one_of(
    what: str, given: str | None, meanings: Mapping[str, str], default: str, ask: bool
) -> str:
    if given is not None or not ask:
        return given or default
    width = max(map(len, meanings))
    for value, meaning in meanings.items():
        click.echo(f"  {value:{width}}  {meaning}")
    answer: str = click.prompt(
        what, default=default, type=click.Choice(list(meanings)), show_choices=False
    )
    click.echo()
    return answer


def _path(given: str | None, dataset: str, ask: bool) -> str | None:
    if dataset != "image_folder":
        if given is not None:
            raise Invalid(f"--path is for the data set image_folder, not for {dataset}")
        return None
    if given is not None or not ask:
        return _IMAGES if given is None else given
    click.echo(
        "  of the folder <split>/<class>/<image>; a relative one starts at the specification's"
        " folder"
    )
    answer = _asked("path", _IMAGES, lambda text: None)
    click.echo()
    return answer


def _which(
    given: tuple[str, ...] | None, question: str, model: str, dataset: str, ask: bool
) -> tuple[str, ...]:
    usual = QUESTIONS[question].regularizers
    if given is not None or not ask:
        return usual if given is None else given
    possible = _possible(model, dataset)
    click.echo(f"  some of {', '.join(possible)}, with commas between them; or none")
    default = ",".join(usual) or "none"
    answer: tuple[str, ...] = click.prompt(
        "regularizers", default=default, type=names.NameList(possible)
    )
    click.echo()
    return answer


def _name(given: str | None, default: str, ask: bool) -> str:
    if given is None and ask:
        return _asked("name", default, wrong_name)
    name = default if given is None else given
    wrong = wrong_name(name)
    if wrong is not None:
        raise Invalid(f"--name: {wrong}")
    return name


def _asked(what: str, default: str, wrong: Callable[[str], str | None]) -> str:
    """Ask until nothing is wrong with the answer."""

    def checked(text: str) -> str:
        message = wrong(text)
        if message is not None:
            raise click.UsageError(message)
        return text

    answer: str = click.prompt(what, default=default, value_proc=checked)
    return answer


def _meanings(definition_name: str, values: Sequence[str]) -> dict[str, str]:
    """Return what each of some values of a definition's name is, as its schema says."""
    name: Any = definition(definition_name)["properties"]["name"]
    described = dict(zip(name["enum"], name["enumDescriptions"], strict=True))
    return {value: described[value] for value in values}


def _possible(model: str, dataset: str) -> list[str]:
    """Return the regularizers that a network has a place for."""
    complete = fill_defaults(definition("model"), starts.model(model, dataset))
    return [
        name for name in names.REGULARIZERS if name != "dropout" or MODELS[model].dropout(complete)
    ]
