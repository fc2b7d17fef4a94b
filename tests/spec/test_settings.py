"""What is written of a run arrives in its typed settings."""

from collections.abc import Callable
from pathlib import Path

from harness.experiment import (
    Component,
    Normalization,
    Source,
    StopRule,
)
from harness.spec.load import load_file

Write = Callable[..., Path]


def test_everything_that_is_written_arrives(write: Write) -> None:
    experiment = load_file(
        write(
            question="Q?",
            source={"citation": "C", "locator": "L"},
            requires={"gpu": True},
            seeds=[3, 1],
            defaults={
                "dataset": {
                    "name": "blobs",
                    "train_per_class": 7,
                    "train_examples": 9,
                    "test_examples": 8,
                    "normalize": {"mean": [1, 2], "deviation": [3, 4]},
                    "randomize": [
                        {"name": "noisy_copies", "copies": 3},
                        {"name": "label_corruption"},
                    ],
                },
                "model": {"name": "perceptron", "hidden": []},
                "strengths": {
                    "augmentation": [{"name": "gaussian_noise"}],
                    "momentum": 0.7,
                    "l2": 0.3,
                },
                "regularizers": ["momentum", "augmentation"],
                "training": {
                    "stop_when": {"check_every": 5},
                    "schedule": {"name": "piecewise", "epochs": [2]},
                },
            },
        )
    )
    assert experiment.source == Source("C", None, "L")
    assert (experiment.question, experiment.requires.gpu, experiment.seeds) == ("Q?", True, (3, 1))
    settings = experiment.runs["one"].settings
    assert settings.dataset.source.parameters == {
        "train_per_class": 7,
        "test_per_class": 50,
        "shift": 0.65,
        "data_seed": 0,
    }
    assert (settings.dataset.train_examples, settings.dataset.test_examples) == (9, 8)
    assert settings.dataset.normalize == Normalization((1, 2), (3, 4))
    assert settings.dataset.randomize == (
        Component("noisy_copies", {"copies": 3, "deviation": 0.1, "seed": None}),
        Component("label_corruption", {"probability": 1.0, "test": False, "seed": None}),
    )
    assert settings.augmentation == (Component("gaussian_noise", {"deviation": 0.1}),)
    assert (settings.training.momentum, settings.training.l2) == (0.7, 0.0)
    assert settings.training.stop_when == StopRule(1.0, 5)
    assert settings.training.schedule == Component("piecewise", {"epochs": [2], "factor": 0.1})
