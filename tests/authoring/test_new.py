"""A first specification: valid for every possible choice, and laid out as a person would."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.authoring import names, starts
from harness.authoring.layout import laid_out
from harness.authoring.new import (
    Invalid,
    expected,
    schema_path,
    schema_reference,
    specification,
    write,
)
from harness.authoring.questions import QUESTIONS, Choices
from harness.experiment import Json
from harness.expression import parse, references
from harness.models.registry import MODELS
from harness.plan import make_plan
from harness.spec.load import load_file
from harness.spec.schema import definition, fill_defaults


def choices(
    dataset: str = "digits",
    model: str = "perceptron",
    question: str = "plain",
    regularizers: tuple[str, ...] | None = None,
    name: str = "x",
) -> Choices:
    chosen = QUESTIONS[question].regularizers if regularizers is None else regularizers
    return Choices(
        name, dataset, model, question, chosen, "../images" if dataset == "image_folder" else None
    )


def possible() -> Iterator[tuple[str, str]]:
    for dataset, model in itertools.product(starts.DATASETS, MODELS):
        if dataset != "blobs" or model == "perceptron":
            yield dataset, model


def test_every_name_can_be_chosen() -> None:
    assert list(QUESTIONS) == list(names.QUESTIONS)
    assert {
        (dataset, model) for dataset in starts.DATASETS for model in starts.fitting_models(dataset)
    } == set(possible())


@pytest.mark.parametrize(("dataset", "model"), list(possible()))
def test_every_possible_choice_is_valid_and_can_be_planned(
    tmp_path: Path, dataset: str, model: str
) -> None:
    experiments = []
    dropout = MODELS[model].dropout(
        fill_defaults(definition("model"), starts.model(model, dataset))
    )
    everything = names.REGULARIZERS if dropout else names.REGULARIZERS[:-1]
    for question in QUESTIONS:
        for index, regularizers in enumerate((None, everything)):
            path = tmp_path / f"{question}{index}.json"
            write(
                specification(
                    choices(dataset, model, question, regularizers, f"{question}-{index}"), path
                ),
                path,
            )
            experiments.append(load_file(path))
    plan = make_plan(experiments, tmp_path, 0)
    assert len(plan.members) == sum(3 * len(experiment.runs) for experiment in experiments)
    assert all(experiment.expectations for experiment in experiments)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (
            choices("blobs", "vgg"),
            "/defaults/model/name: vgg needs images, but blobs gives vectors of 2 values",
        ),
        (
            choices(model="resnet", regularizers=("dropout",)),
            "dropout is on, but this resnet has no place for it",
        ),
        (
            choices(question="regularizers", regularizers=()),
            "the question regularizers needs at least one of them",
        ),
        (choices(name="Not a name"), '/name: "Not a name" does not have the form'),
    ],
)
def test_what_does_not_go_together_is_told(tmp_path: Path, chosen: Choices, message: str) -> None:
    with pytest.raises(Invalid) as told:
        specification(chosen, tmp_path / "x.json")
    assert message in str(told.value)


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("regularizers", [("l2",), ("momentum", "l2"), ()])
def test_any_number_of_regularizers_is_valid(
    tmp_path: Path, question: str, regularizers: tuple[str, ...]
) -> None:
    if regularizers or question != "regularizers":
        assert specification(
            choices("mnist", "convnet", question, regularizers), tmp_path / "x.json"
        )["expectations"]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("regularizers", [("l2",), ("momentum", "l2"), names.REGULARIZERS, ()])
def test_whatever_is_made_is_compared(
    tmp_path: Path, question: str, regularizers: tuple[str, ...]
) -> None:
    if not regularizers and question == "regularizers":
        return
    path = tmp_path / "x.json"
    document = specification(choices("mnist", "small_alexnet", question, regularizers), path)
    write(document, path)
    experiment = load_file(path)
    named = [
        {reference.run for reference in references(parse(each.metric))}
        for each in experiment.expectations
    ]
    assert set().union(*named) == set(experiment.runs)
    assert any(len(runs) == 2 for runs in named) == (len(experiment.runs) > 1)
    assert [id_ for id_, _ in expected(document)] == [each.id for each in experiment.expectations]


def test_the_questions_ask_what_they_are_named_for(tmp_path: Path) -> None:
    made = {
        question: specification(choices(question=question), tmp_path / "x.json")
        for question in QUESTIONS
    }
    pairs = [[], ["augmentation", "momentum"], ["augmentation", "l2"], ["momentum", "l2"]]
    assert made["adversarial"]["runs"]["adversarial"] == {
        "initialize_from": "confusion",
        "matrix": {"regularizers": pairs},
    }
    assert list(made["randomization"]["runs"]) == ["true_labels", "half_random", "random_labels"]
    assert len(made["regularizers"]["runs"]["trained"]["matrix"]["regularizers"]) == 5
    assert made["plain"]["runs"] == {"trained": {}}
    assert "strengths" not in made["plain"]["defaults"]
    for document in made.values():
        assert document["question"]
        assert document["remarks"]
        assert all(each["title"] and each["source"] for each in document["expectations"])


def test_a_guess_is_a_hypothesis_and_a_claim_has_its_publication(tmp_path: Path) -> None:
    for question in QUESTIONS:
        document = specification(choices(question=question), tmp_path / "x.json")
        for each in document["expectations"]:
            guessed = "guess" in each["source"]
            assert each["basis"] == ("hypothesis" if guessed else "claim")
            assert guessed or document["source"]["citation"]


@pytest.mark.parametrize(
    ("dataset", "model", "expected"),
    [
        (
            "digits",
            "vgg",
            {"convolutions": [1, 1, 1], "width": 8},
        ),  # 8 pixels can be halved three times
        ("mnist", "vgg", {"convolutions": [1, 1, 1, 1], "width": 8}),
        ("restricted_imagenet", "vgg", {"convolutions": [1, 1, 1, 1], "width": 8}),
    ],
)
def test_a_network_is_cut_to_the_images(dataset: str, model: str, expected: Json) -> None:
    assert starts.model(model, dataset) == {"name": model, **expected}


def test_the_schema_is_named_by_a_relative_path_in_the_same_project_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = schema_path().parents[2]
    assert schema_reference(project / "specs/mine.json") == "../harness/spec/experiment.schema.json"
    assert (
        schema_reference(project / "specs/deep/er/mine.json")
        == "../../../harness/spec/experiment.schema.json"
    )
    assert schema_reference(project / "mine.json") == "./harness/spec/experiment.schema.json"
    elsewhere = schema_reference(tmp_path / "mine.json")
    assert (elsewhere, Path(elsewhere).is_file()) == (schema_path().as_posix(), True)
    (tmp_path / "pyproject.toml").touch()
    assert schema_reference(tmp_path / "specs/mine.json") == elsewhere
    monkeypatch.chdir(project)
    assert schema_reference(Path("specs/mine.json")) == "../harness/spec/experiment.schema.json"


def test_a_file_is_never_replaced_by_accident(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "x.json"
    write({"a": 1}, path)
    with pytest.raises(FileExistsError):
        write({"a": 2}, path)
    assert json.loads(path.read_text()) == {"a": 1}
    write({"a": 2}, path, force=True)
    assert json.loads(path.read_text()) == {"a": 2}


@pytest.mark.parametrize("force", [False, True])
def test_a_disk_that_is_full_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, force: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.json"
    if force:
        write({"a": 1}, path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write({"a": 2}, path, force)
    assert [json.loads(each.read_text()) for each in tmp_path.iterdir()] == [{"a": 1}] * force


def test_json_is_laid_out_as_a_person_would() -> None:
    document = {
        "name": "x",
        "empty": {},
        "short": {"a": [1, 2], "b": {"c": None}},
        "long": ["a" * 60, {"é": "b" * 60}],
    }
    text = laid_out(document)
    assert json.loads(text) == document
    assert text == "\n".join(
        [
            "{",
            '  "name": "x",',
            '  "empty": {},',
            '  "short": {"a": [1, 2], "b": {"c": null}},',
            '  "long": [',
            f'    "{"a" * 60}",',
            f'    {{"é": "{"b" * 60}"}}',
            "  ]",
            "}",
        ]
    )
