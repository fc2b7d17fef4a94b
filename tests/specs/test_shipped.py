"""The shipped specifications: nothing of the two papers is missing, and everything they name
trains.
"""

import itertools
import json
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.compile import compile_run
from harness.data import catalog
from harness.experiment import Basis, Component, Dataset, Experiment, RunSpec, Settings
from harness.plan import make_plan
from harness.spec.load import load
from harness.training.cache import ProgramCache
from harness.training.engines import Engines
from harness.training.fit import train

EXPERIMENTS = {experiment.name: experiment for experiment in load([Path("specs")])}
RUNS = [run for experiment in EXPERIMENTS.values() for run in experiment.runs.values()]

ENGINES = Engines(programs=ProgramCache(1000))
"""What all trainings share, so that each program is compiled once."""

SUBSETS = [
    "+".join(subset) or "none"
    for size in range(4)
    for subset in itertools.combinations(("augmentation", "momentum", "l2"), size)
]

# Table 1 of Zhang et al. (2017), percent: (experiment, run) -> train, test.
TABLE_1 = {
    ("rethinking-inception", "true_labels[crop+wd]"): (100.0, 89.05),
    ("rethinking-inception", "true_labels[crop]"): (100.0, 89.31),
    ("rethinking-inception", "true_labels[wd]"): (100.0, 86.03),
    ("rethinking-inception", "true_labels[none]"): (100.0, 85.75),
    ("rethinking-inception", "random_labels"): (100.0, 9.78),
    ("rethinking-inception-without-batch-norm", "true_labels[wd]"): (100.0, 83.00),
    ("rethinking-inception-without-batch-norm", "true_labels[none]"): (100.0, 82.00),
    ("rethinking-inception-without-batch-norm", "random_labels"): (100.0, 10.12),
    ("rethinking-alexnet", "true_labels[crop+wd]"): (99.90, 81.22),
    ("rethinking-alexnet", "true_labels[crop]"): (99.82, 79.66),
    ("rethinking-alexnet", "true_labels[wd]"): (100.0, 77.36),
    ("rethinking-alexnet", "true_labels[none]"): (100.0, 76.07),
    ("rethinking-alexnet", "random_labels"): (99.82, 9.86),
    ("rethinking-perceptrons", "true_labels[3x512,wd]"): (100.0, 53.35),
    ("rethinking-perceptrons", "true_labels[3x512,none]"): (100.0, 52.39),
    ("rethinking-perceptrons", "random_labels[3x512]"): (100.0, 10.48),
    ("rethinking-perceptrons", "true_labels[1x512,wd]"): (99.80, 50.39),
    ("rethinking-perceptrons", "true_labels[1x512,none]"): (100.0, 50.51),
    ("rethinking-perceptrons", "random_labels[1x512]"): (99.34, 10.61),
}
TABLE_1 |= {
    ("rethinking-perceptrons-cifar10", run): values
    for (experiment, run), values in TABLE_1.items()
    if experiment == "rethinking-perceptrons"
}
PUBLISHED_AGAIN = {
    ("rethinking-perceptron-decay", run): TABLE_1["rethinking-perceptrons", there]
    for run, there in {
        "true_labels[wd]": "true_labels[1x512,wd]",
        "true_labels[none]": "true_labels[1x512,none]",
        "random_labels": "random_labels[1x512]",
    }.items()
}
"""Rows of table 1 beside those of its repetition, for the same runs."""

# Table I of its repetition, a course project at EPFL.
REPETITION = {
    ("rethinking-perceptron-decay", "true_labels[wd]"): (99.96, 53.24),
    ("rethinking-perceptron-decay", "true_labels[none]"): (99.97, 52.62),
    ("rethinking-perceptron-decay", "random_labels"): (99.84, 10.67),
}
# The published logs of the demonstration code.
LOGS = {
    ("rethinking-demonstration", "true_labels"): (100.0, 86.4),
    ("rethinking-demonstration", "random_labels"): (100.0, 10.0),
    ("rethinking-demonstration-perceptron", "random_labels"): (99.97, 9.6),
}


@pytest.mark.parametrize("network", ["vgg16", "resnet18", "resnet50", "densenet40"])
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "cinic10", "restricted-imagenet"])
def test_each_data_set_and_network_has_both_initializations_and_all_subsets(
    dataset: str, network: str
) -> None:
    experiment = EXPERIMENTS[f"{dataset}-{network}"]
    runs = experiment.runs
    assert set(runs) == {
        "confusion",
        *(f"{start}[{s}]" for start in ("random", "adversarial") for s in SUBSETS),
    }
    for subset in SUBSETS:
        assert runs[f"random[{subset}]"].initialize_from is None
        assert runs[f"adversarial[{subset}]"].initialize_from == "confusion"
        assert runs[f"random[{subset}]"].settings == runs[f"adversarial[{subset}]"].settings
        assert set(runs[f"random[{subset}]"].regularizers) == set(subset.split("+")) - {"none"}
    assert runs["confusion"].settings.dataset.source.name == dataset.replace("-", "_")


def test_the_settings_of_liu_et_al() -> None:
    runs = EXPERIMENTS["cifar10-resnet18"].runs
    confusion, full = runs["confusion"].settings, runs["random[augmentation+momentum+l2]"].settings
    (randomization,) = confusion.dataset.randomize
    parameters = {"replicas": 1, "zero_out": 0.1, "unit": "channel", "seed": None}
    assert randomization == Component("confusion", parameters)
    stop = confusion.training.stop_when
    assert stop is not None
    assert (stop.train_accuracy, stop.check_every) == (0.9999, 25)
    assert (confusion.training.momentum, confusion.training.l2, confusion.augmentation) == (
        0,
        0,
        (),
    )
    training = full.training
    assert (training.momentum, training.l2, training.batch_size, training.epochs) == (
        0.9,
        5e-4,
        128,
        350,
    )
    assert training.last_batch == "keep"
    assert training.optimizer.parameters == {
        "learning_rate": 0.1,
        "nesterov": False,
        "momentum_rule": "pytorch",
        "weight_decay": 0.0,
    }
    assert training.schedule == Component("piecewise", {"epochs": [150, 250], "factor": 0.1})
    assert [component.name for component in full.augmentation] == ["random_crop", "random_flip"]


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "cinic10", "restricted-imagenet"])
def test_networks_start_as_those_of_liu_et_al(dataset: str) -> None:
    def initialization(network: str) -> Component:
        return EXPERIMENTS[f"{dataset}-{network}"].runs["confusion"].settings.initialization

    for network in ("vgg16", "resnet18", "resnet50"):
        assert initialization(network) == Component("fan_in_uniform", {"gamma": "uniform"})
    densenet = {"gamma": "one", "dense": "fan_in_uniform"}
    assert initialization("densenet40") == Component("fan_out_normal", densenet)


@pytest.mark.parametrize(
    ("run", "reduction", "rate", "epochs", "momentum", "l2"),
    [
        ("random", "mean", 0.01, 1_000, 0.0, 0.0),
        ("confusion", "sum", 0.003, 100_000, 0.0, 0.0),
        ("adversarial", "sum", 0.003, 10_000, 0.0, 0.0),
        ("escape", "sum", 0.01, 1_000, 0.9, 0.1),
    ],
)
def test_the_settings_of_the_toy_code(
    run: str, reduction: str, rate: float, epochs: int, momentum: float, l2: float
) -> None:
    training = EXPERIMENTS["quickstart-toy"].runs[run].settings.training
    assert (training.loss_reduction, training.epochs, training.batch_size) == (
        reduction,
        epochs,
        10,
    )
    assert training.optimizer.parameters["learning_rate"] == rate
    assert (training.momentum, training.l2) == (momentum, l2)
    assert (training.stop_when, training.early_stopping) == (None, None)
    constant = Component("constant")
    plateau = Component(
        "plateau",
        {"metric": "train_accuracy", "factor": 0.3, "patience": 10_000, "min_delta": 0.0001},
    )
    assert training.schedule == (plateau if run == "confusion" else constant)


def test_networks_of_the_demonstration_code_start_as_there_and_test_labels_are_random_too() -> None:
    wide_resnet = EXPERIMENTS["rethinking-demonstration"].runs["random_labels"].settings
    perceptron = EXPERIMENTS["rethinking-demonstration-perceptron"].runs["random_labels"].settings
    dense = {"gamma": "one", "dense": "glorot_normal"}
    assert wide_resnet.initialization == Component("fan_out_normal", dense)
    assert perceptron.initialization == Component("glorot_normal", {"gamma": "one"})
    for settings in (wide_resnet, perceptron):
        assert settings.dataset.randomize[0].parameters["test"] is True


PUBLISHED = [*TABLE_1.items(), *PUBLISHED_AGAIN.items(), *REPETITION.items(), *LOGS.items()]


@pytest.mark.parametrize(("place", "published"), PUBLISHED)
def test_each_published_number_is_expected(
    place: tuple[str, str], published: tuple[float, float]
) -> None:
    experiment, run = place
    for metric, value in zip(("train_accuracy", "test_accuracy"), published, strict=True):
        found = [
            expectation.published
            for expectation in EXPERIMENTS[experiment].expectations
            if expectation.basis is Basis.PAPER and expectation.metric == f"{run}.{metric}"
        ]
        assert any(each == pytest.approx(value / 100) for each in found)


def test_no_other_number_is_called_published() -> None:
    known = {value / 100 for _, pair in PUBLISHED for value in pair} | {0.0134}
    for experiment in EXPERIMENTS.values():
        for expectation in experiment.expectations:
            if expectation.published is not None:
                assert min(abs(expectation.published - value) for value in known) < 1e-9, (
                    expectation.id
                )


@pytest.mark.parametrize("claim", ["A1", "A2", "A3", "A4", "A6", "B1", "B2", "B3", "B4"])
def test_each_claim_is_expected(claim: str) -> None:
    assert any(e.claim == claim for x in EXPERIMENTS.values() for e in x.expectations)


def test_an_expectation_names_the_claim_that_its_source_begins_with() -> None:
    for experiment in EXPERIMENTS.values():
        for expectation in experiment.expectations:
            said = re.match(r"[AB]\d|table [1I]|logs(?= of)", expectation.source)
            assert expectation.claim == (said[0] if said else None), expectation.id


def test_each_claim_has_one_statement_everywhere() -> None:
    said: dict[tuple[str, str], set[str]] = {}
    for source in filter(None, (experiment.source for experiment in EXPERIMENTS.values())):
        for label, words in source.claims.items():
            said.setdefault((source.citation, label), set()).add(words)
    assert {len(statements) for statements in said.values()} == {1}
    shown = Path("docs/shipped.md").read_text(encoding="utf-8")
    for (_, label), statements in said.items():
        assert f"| {label} | {' / '.join(statements)} |" in shown


def test_everything_is_planned(tmp_path: Path) -> None:
    plan = make_plan(list(EXPERIMENTS.values()), tmp_path, gpus=1)
    assert len(plan.members) == sum(len(e.runs) * len(e.seeds) for e in EXPERIMENTS.values())
    of_own_data = {
        run.key for run in plan.runs.values() if run.run.settings.dataset.source.own is not None
    }
    assert all((run.steps is None) is (run.key in of_own_data) for run in plan.runs.values())


def kinds_of_networks() -> Iterator[tuple[str, Settings]]:
    """Each network once, with its most regularized run."""
    seen: dict[str, RunSpec] = {}
    for run in RUNS:
        key = json.dumps(
            [run.settings.model.name, run.settings.model.parameters, _side(run)], sort_keys=True
        )
        if key not in seen or len(run.regularizers) > len(seen[key].regularizers):
            seen[key] = run
    return ((key, run.settings) for key, run in seen.items())


SIDE = 32
"""Of the images of noise that stand for every data set that is not made here."""


def _side(run: RunSpec) -> int | None:
    return {"digits": 8, "blobs": None}.get(run.settings.dataset.source.name, SIDE)


def trains(settings: Settings, folder: Path) -> None:
    training = replace(settings.training, epochs=1, batch_size=8, measure_every=1, stop_when=None)
    compiled = compile_run(replace(settings, training=training), 0, None, folder)
    before = [weight.numpy() for weight in compiled.model.trainable_variables]
    outcome = train(
        training,
        compiled.model,
        compiled.pipeline,
        report=lambda rows, state: None,
        engines=ENGINES,
    )
    assert outcome.state.step == math.ceil(len(compiled.pipeline.train) / 8) >= 2
    assert all(np.isfinite(array).all() for array in outcome.state.trainable)
    assert all(np.any(a != b) for a, b in zip(before, outcome.state.trainable, strict=True))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of noise: ten classes, one training and one test image of each."""
    random, made = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    for split in ("train", "test"):
        for label in range(10):
            path = made / split / f"class{label}" / "0.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8)).save(path)
    return made


def noise(dataset: Dataset, folder: Path, side: int | None) -> Dataset:
    if side != SIDE:
        return replace(dataset, train_examples=10, test_examples=10)
    source = Component("image_folder", {"path": str(folder)})
    return replace(dataset, source=source, train_examples=None, test_examples=None)


@pytest.mark.parametrize(("key", "settings"), list(kinds_of_networks()))
def test_each_network_trains(key: str, settings: Settings, folder: Path) -> None:
    dataset = noise(replace(settings.dataset, randomize=()), folder, json.loads(key)[2])
    trains(replace(settings, dataset=dataset), catalog.data_dir())


def kinds_of_randomizations() -> Iterator[tuple[int | None, Settings]]:
    return iter(
        {repr(run.settings.dataset.randomize): (_side(run), run.settings) for run in RUNS}.values()
    )


@pytest.mark.parametrize(("side", "settings"), list(kinds_of_randomizations()))
def test_each_randomization_trains(side: int | None, settings: Settings, folder: Path) -> None:
    dataset = noise(settings.dataset, folder, side)
    model = Component("perceptron", {"hidden": [8], "bias": True})
    trains(replace(settings, dataset=dataset, model=model), catalog.data_dir())


def experiments_on(dataset: str) -> list[Experiment]:
    return [
        e
        for e in EXPERIMENTS.values()
        if any(r.settings.dataset.source.name == dataset for r in e.runs.values())
    ]


def test_nothing_on_the_jpeg_copy_is_reported_as_the_original() -> None:
    for experiment in experiments_on("cifar10_jpeg"):
        assert "JPEG copy" in experiment.title, experiment.name
