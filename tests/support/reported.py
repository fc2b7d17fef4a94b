"""An experiment as a report meets it: matrices, several seeds, a blocked run and an error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from harness.experiment import (
    Basis,
    Component,
    Dataset,
    Expectation,
    Experiment,
    Figure,
    Requirements,
    RunSpec,
    Settings,
    Source,
    Statistic,
    StopRule,
    Training,
)
from harness.run_result import RunResult, Status

HOSTILE = (
    "a | b\n# `code` <script>alert(1)</script> **bold** [x](javascript:alert(1)) $5 &amp; \\|"
    " _em_ 😀"
)


CELLS = {
    "none": (),
    "augmentation": ("augmentation",),
    "l2": ("l2",),
    "augmentation+l2": ("augmentation", "l2"),
}


def _run(
    name: str,
    parent: str | None,
    regularizers: tuple[str, ...] = (),
    confusion: bool = False,
    label: str | None = None,
) -> RunSpec:
    randomize = (Component("confusion", {"replicas": 2, "zero_out": 0.1}),) if confusion else ()
    settings = Settings(
        Dataset(Component("digits"), 500, None, None, randomize),
        Component("perceptron", {"widths": [512, 512], "activation": "relu"}),
        Component("he_normal"),
        (Component("random_shift", {"pixels": 1}),) if "augmentation" in regularizers else (),
        Training(
            "cross_entropy",
            "mean",
            Component("sgd", {"learning_rate": 0.1}),
            0.0,
            5e-4 if "l2" in regularizers else 0.0,
            Component("constant"),
            64,
            "keep",
            200,
            StopRule(1.0, 1),
            1,
        ),
    )
    labels = {} if label is None else {"regularizers": label}
    return RunSpec(name, settings, parent, regularizers, {}, labels)


@pytest.fixture(scope="session")
def experiment() -> Experiment:
    runs = [_run("confusion", None, confusion=True)]
    for base, parent in (("random", None), ("adversarial", "confusion")):
        runs += [
            _run(base, parent, regularizers, label=cell) for cell, regularizers in CELLS.items()
        ]
    runs += [_run("large", None), _run("broken", None)]
    expectations = [
        Expectation(
            name,
            title,
            metric,
            bounds[0],
            bounds[1],
            Statistic.EVERY if name == "fits" else Statistic.MEAN,
            0.95,
            basis,
            source,
            {"table": 0.995, "big": 0.912}.get(name),
        )
        for name, title, metric, bounds, basis, source in (
            (
                "fits",
                "A bad minimum still fits the training set",
                "adversarial[none].train_accuracy",
                (0.999, None),
                Basis.CLAIM,
                "statement A2",
            ),
            (
                "drop",
                "Vanilla SGD ends worse from the adversarial initialization",
                "random[none].test_accuracy - adversarial[none].test_accuracy",
                (0.01, None),
                Basis.CLAIM,
                "statement A2",
            ),
            (
                "escape",
                "Augmentation and l2 close the gap",
                (
                    "random[augmentation+l2].test_accuracy -"
                    " adversarial[augmentation+l2].test_accuracy"
                ),
                (-0.01, 0.01),
                Basis.CLAIM,
                "statement A4",
            ),
            (
                "near",
                "It stays nearer to where it began",
                "adversarial[none].relative_distance / random[none].relative_distance",
                (None, 0.8),
                Basis.CLAIM,
                "statement A3",
            ),
            (
                "band",
                "",
                "random[none].test_accuracy",
                (0.9675, 0.98),
                Basis.MEASURED,
                "quickstart.json of 2026-01-01",
            ),
            ("table", HOSTILE, "random[l2].test_accuracy", (0.99, 1.0), Basis.PAPER, "Table 1"),
            (
                "quick",
                "",
                "confusion.steps_to_fit",
                (None, 20000),
                Basis.MEASURED,
                "quickstart.json",
            ),
            ("big", "", "large.test_accuracy", (0.9, None), Basis.PAPER, "Table 1, 91.2%"),
            ("sane", "", "broken.test_accuracy", (0.9, None), Basis.CLAIM, "statement A1"),
        )
    ]
    groups = {"random initialization": "random", "adversarial initialization": "adversarial"}
    panels = [
        {"run": "random[none]", "title": "training data", "regions": False},
        {"run": "random[none]", "title": "random initialization, vanilla SGD"},
        {"run": "confusion", "title": "random labels"},
        {"run": "adversarial[none]", "title": "adversarial initialization, vanilla SGD"},
        {
            "run": "adversarial[augmentation+l2]",
            "title": "adversarial initialization, augmentation and l2",
        },
        {"run": "large", "title": "a larger network"},
    ]
    return Experiment(
        Path("specs/quickstart/digits.json"),
        "digits-adversarial",
        "Pre-training on random labels steers SGD to a worse minimum",
        "Does vanilla SGD end worse from weights that fit random labels, and do two regularizers"
        " undo it?",
        Source(
            "Liu, Papailiopoulos, Achlioptas (2020)",
            "https://arxiv.org/abs/1906.02613",
            "Algorithm 1",
        ),
        Requirements(),
        (0, 1, 2),
        {run.name: run for run in runs},
        tuple(expectations),
        (
            Figure(
                "by_cell",
                "Test accuracy by regularizers",
                {"metric": "test_accuracy", "groups": groups},
            ),
            Figure("decision_regions", "", {"panels": panels, "seed": None}),
        ),
        {"name": "digits-adversarial", "title": HOSTILE, "note": "```\n</details>"},
    )


_TEST = {"random": (0.964, 0.965, 0.966, 0.968), "adversarial": (0.949, 0.961, 0.958, 0.967)}


_DISTANCE = {"random": 0.28, "adversarial": 0.13, "confusion": 0.9}


@pytest.fixture(scope="session")
def results(experiment: Experiment, tmp_path_factory: pytest.TempPathFactory) -> list[RunResult]:
    made, grids = [], tmp_path_factory.mktemp("grids")
    for run in experiment.runs:
        for seed in experiment.seeds:
            if run == "large":
                reason = "cifar10 is not prepared: run `python -m harness data cifar10`"
                made.append(RunResult(run, seed, f"key-{run}-{seed}", Status.BLOCKED, reason))
            elif run == "broken" and seed == 1:
                reason = "loss is nan | at step 12\n<b>stop</b>"
                made.append(RunResult(run, seed, f"key-{run}-{seed}", Status.ERROR, reason))
            elif run != "broken" or seed == 0:
                made.append(_done(run, seed, grids))
    return made


def _done(run: str, seed: int, folder: Path) -> RunResult:
    base, _, cell = run.removesuffix("]").partition("[")
    epochs = 100 + 10 * seed if base == "confusion" else 20 + 2 * seed
    final = _TEST[base][list(CELLS).index(cell)] if base in _TEST else 0.1
    final += (seed - 1) * 0.0023 + math.sin(7.0 * seed + len(run)) * 0.001
    history = _history(epochs, 9, final)
    fitted = None if (base, seed) == ("confusion", 2) else float(epochs)
    measurements: dict[str, float | None] = {
        name: values[-1] for name, values in history.items() if name in _MEASURED
    }
    measurements |= {
        "relative_distance": _DISTANCE.get(base, 0.5) + 0.004 * seed,
        "weight_norm": 31.7 + 0.11 * seed,
        "epochs": float(epochs),
        "steps": 9.0 * epochs,
        "epochs_to_fit": fitted,
        "steps_to_fit": None if fitted is None else 9 * fitted,
    }
    environment = {
        "python": "3.11.9",
        "device": {"name": "CPU", "threads": 2 if seed else 4},
        "precision": "float32",
    }
    return RunResult(
        run,
        seed,
        f"key-{run}-{seed}",
        Status.DONE,
        measurements=measurements,
        history=history,
        environment=environment,
        seconds=4.0 + 0.25 * seed + len(cell) / 10,
        images_per_second=51234.5 + 321 * seed,
        parameters=301_066,
        decision_grid=_grid(folder / f"{run}-{seed}.npz", base, cell, seed),
    )


_MEASURED = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")


def _history(epochs: int, steps: int, final: float) -> Mapping[str, list[float]]:
    epoch = [float(index) for index in range(epochs + 1)]
    gone = [math.exp(-8 * index / epochs) for index in epoch]
    return {
        "epoch": epoch,
        "step": [steps * index for index in epoch],
        "seconds": [0.2 * index for index in epoch],
        "learning_rate": [0.1] * len(epoch),
        "train_loss": [2.3 * value + 1e-3 for value in gone],
        "train_accuracy": [
            1.0 - 0.9 * value if index < epochs else 1.0 for index, value in enumerate(gone)
        ],
        "test_loss": [2.3 * value + 0.2 for value in gone],
        "test_accuracy": [final - (final - 0.1) * value for value in gone],
    }


def _grid(path: Path, base: str, cell: str, seed: int) -> Path:
    """Write two clusters, one above the other, and a boundary that is straight or fractured."""
    random = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 50)
    inputs = 0.1 * random.normal(2.0, 1.5, (100, 2))
    inputs[:, 1] += np.where(labels == 1, 0.65, -0.65)
    x, y = np.linspace(-0.9, 1.3, 200), np.linspace(-0.9, 1.3, 200)
    across, up = np.meshgrid(x, y)
    wave = 0.0 if base == "random" or "+" in cell else 0.9 if base == "confusion" else 0.28
    score = up - 0.2 - 0.1 * across + wave * np.sin(9 * across + seed) * np.cos(5 * up)
    shown = random.integers(0, 2, 100) if base == "confusion" else labels
    np.savez(
        path,
        x=x,
        y=y,
        score=score,
        train_inputs=inputs,
        train_labels=shown,
        test_inputs=inputs,
        test_labels=labels,
    )
    return path
