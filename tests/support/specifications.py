"""Specifications of a few lines: the digits and a perceptron, and what a test adds to them."""

from __future__ import annotations

import json
from pathlib import Path

from harness.experiment import Json


def small(**members: Json) -> dict[str, Json]:
    """Return a specification that validates, with these members instead of or beside its own."""
    return {
        "name": "a",
        "title": "A",
        "defaults": {"dataset": {"name": "digits"}, "model": {"name": "perceptron"}},
        "runs": {"one": {}},
        **members,
    }


def quick(**members: Json) -> dict[str, Json]:
    """Return the specification `tiny`, whose runs learn something in five epochs of five steps."""
    training = {
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "batch_size": 20,
        "epochs": 5,
    }
    return {
        "name": "tiny",
        "title": "Tiny",
        "seeds": [0],
        "defaults": {
            "dataset": {"name": "digits", "train_examples": 100},
            "model": {"name": "perceptron", "hidden": [16]},
            "training": training,
        },
        **members,
    }


def write(path: Path, document: Json) -> Path:
    """Write a specification to a file, and return the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path
