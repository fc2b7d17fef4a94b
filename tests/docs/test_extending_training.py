"""The recipes for what networks are and how they are trained, followed on copies of the harness.

Each is planned on a copy of its own. On another copy, all are followed and trained in one process,
because the import of a backend takes most of the time.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.spec.patch import merge_patch
from tests.support import recipes

RUN: Json = {
    "dataset": {"name": "digits", "train_examples": 90, "test_examples": 50},
    "model": {"name": "perceptron", "hidden": [8]},
    "training": {
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "batch_size": 40,
        "epochs": 2,
    },
}

ADAMAX: Json = {
    "name": "adamax",
    "learning_rate": 0.01,
    "beta_1": 0.8,
    "beta_2": 0.9,
    "epsilon": 1e-4,
}

CHANGES: dict[str, Json] = {
    "A network": {"model": {"name": "patches", "hidden": None, "patch": 4}},
    "An optimizer": {"training": {"optimizer": ADAMAX}},
    "A schedule": {"training": {"schedule": {"name": "inverse", "decay": 0.25}}},
    "A loss": {"training": {"loss": "squared_error"}},
    "A metric": {"training": {"early_stopping": {"metric": "accuracy_gap", "patience": 5}}},
}
"""What a run changes to use what each recipe adds."""

PLAN = """
import sys
from harness.cli import main
try:
    main(["plan", "spec.json", "--store", "store"])
finally:
    assert not {"keras", "tensorflow"} & set(sys.modules), "planning needs no backend"
"""

TRAIN = """
import json
from pathlib import Path
from harness.backend import prepare_backend
prepare_backend(1)
import keras
import numpy as np
from harness.compile import compile_run
from harness.data.catalog import data_dir
from harness.data.pipeline import decisions, scaled
from harness.spec.load import load_file
from harness.training import engines
from harness.training.fit import train

runs = load_file(Path("spec.json")).runs

def trained(name):
    settings = runs[name].settings
    made = compile_run(settings, 0, None, data_dir())
    quiet = lambda rows, state: None
    return train(settings.training, made.model, made.pipeline, report=quiet)

outcomes = {name: trained(name) for name in runs}

def by_keras():
    made = compile_run(runs["an_optimizer"].settings, 0, None, data_dir())
    made.model.compile(
        keras.optimizers.Adamax(0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-4),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    inputs = np.asarray(scaled(made.pipeline, made.pipeline.train.inputs))
    for epoch in range(2):
        order = decisions(made.pipeline, epoch)["order"]
        for start in range(0, len(order), 40):
            batch = order[start : start + 40]
            made.model.train_on_batch(inputs[batch], made.pipeline.train.labels[batch])
    return made.model.get_weights()

expected = by_keras()
engines.suits = lambda net, pipeline: False
for outcome in (outcomes["an_optimizer"], trained("an_optimizer")):
    assert len(outcome.state.slots) == 2 * len(expected)
    for ours, theirs in zip(outcome.state.trainable, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)

for outcome in outcomes.values():
    assert outcome.state.step == 6
    for now, then in zip(outcome.state.trainable, outcome.state.initial, strict=True):
        assert np.any(now != then)
print(json.dumps({name: outcome.history for name, outcome in outcomes.items()}))
"""
"""Adamax is compared with that of Keras, trained by either engine."""


def named(section: str) -> str:
    """Return the name of the run that uses what a recipe adds."""
    return section.lower().replace(" ", "_")


def write(root: Path, metric: str, *sections: str) -> None:
    """Write a specification with a run for each of these recipes."""
    runs = {named(section): merge_patch(RUN, CHANGES[section]) for section in sections}
    expectation = {
        "id": "e",
        "metric": f"{named(sections[-1])}.{metric}",
        "at_least": -1,
        "statistic": "every",
        "basis": "hypothesis",
        "source": "nothing is below it",
    }
    head = {"name": "extended", "title": "Extended", "seeds": [0]}
    document = {**head, "runs": runs, "expectations": [expectation]}
    (root / "spec.json").write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("section", CHANGES)
def test_a_recipe_touches_three_files_and_can_be_planned(section: str, tmp_path: Path) -> None:
    touched = recipes.follow(section, tmp_path)
    assert len([path for path in touched if not path.startswith("tests/")]) <= 3
    assert "harness/spec/experiment.schema.json" in touched
    write(tmp_path, "accuracy_gap" if section == "A metric" else "test_accuracy", section)
    assert "0 done, 1 to do" in recipes.python(tmp_path, "-c", PLAN)


def test_all_of_them_train(tmp_path: Path) -> None:
    first, *others = CHANGES
    recipes.follow(first, tmp_path)
    for section in others:
        for block in recipes.blocks(section):
            recipes._apply(block, tmp_path / block.path)
    write(tmp_path, "accuracy_gap", *CHANGES)
    found = json.loads(recipes.python(tmp_path, "-c", TRAIN).splitlines()[-1])
    rates = [row["learning_rate"] for row in found["a_schedule"]]
    assert rates == pytest.approx([0.1, 0.1, 0.08])
    losses = [row["train_loss"] for row in found["a_loss"]]
    assert losses[0] > losses[-1] > 0
    for row in found["a_metric"]:
        assert row["accuracy_gap"] == pytest.approx(row["train_accuracy"] - row["test_accuracy"])
