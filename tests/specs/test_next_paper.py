"""Experiments that nobody foresaw, as a person writes them, without a change of the harness."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from harness.cli import main
from harness.experiment import Json
from tests.support import svhn
from tests.support.own_modules import forgotten


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder in which a person works."""
    monkeypatch.chdir(tmp_path)
    with forgotten(tmp_path):
        yield tmp_path


def harness(command: str, *options: str) -> Result:
    return CliRunner().invoke(main, [command, "mine.json", *options])


def write(document: Json) -> None:
    Path("mine.json").write_text(json.dumps({"name": "mine", "title": "Mine", **document}))


def went(options: Sequence[str] = ()) -> Json:
    """Check, plan and run the specification; return its result."""
    valid = harness("validate")
    assert valid.exit_code == 0, valid.output
    planned = json.loads(harness("plan", "--json", *options).stdout)
    assert {each["status"] for each in planned["runs"]} == {"missing"}
    run = harness("run", *options)
    assert run.exit_code == 0, run.output
    assert ", 0 to do, 0 blocked" in harness("plan", *options).output
    found: Json = json.loads(Path("reports/mine.json").read_text())
    return found


def verdicts(result: Json) -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in result["judgements"]}


def at_least(identity: str, metric: str, bound: float, **rest: Json) -> Json:
    expected = {"id": identity, "metric": metric, "at_least": bound, "statistic": "every", **rest}
    return expected | {"basis": "hypothesis", "source": "a guess"}


def write_images(folder: Path) -> None:
    """Write photographs of two classes, of any size, some grey: dark ones and bright ones."""
    random = np.random.default_rng(0)
    for name, level in (("night", 60), ("day", 180)):
        (folder / name).mkdir(parents=True)
        for index in range(12):
            sides = random.integers(9, 40, 2)
            shape = (*sides, 3) if index % 3 else tuple(sides)
            pixels = (level + random.integers(-50, 50, shape)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")


def test_a_resnet_with_adamw_a_cosine_a_warm_up_and_mixup_on_images_of_odd_sizes() -> None:
    write_images(Path("photographs"))
    write(
        {
            "seeds": [0],
            "defaults": {
                "dataset": {
                    "name": "image_folder",
                    "path": "photographs",
                    "resize": [16, 16],
                    "mode": "rgb",
                    "test_share": 0.25,
                    "validation": {"examples": 2},
                    "normalize": {"mean": [0.5, 0.5, 0.5], "deviation": [0.25, 0.25, 0.25]},
                },
                "model": {"name": "resnet", "blocks": [1, 1], "width": 4},
                "strengths": {"augmentation": [{"name": "mixup", "alpha": 0.2}]},
                "regularizers": ["augmentation"],
                "training": {
                    "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.05},
                    "schedule": {"name": "cosine", "final": 0.1},
                    "warm_up": {"epochs": 1},
                    "batch_size": 8,
                    "epochs": 3,
                },
            },
            "runs": {"resnet18": {}},
            "expectations": [
                at_least("moves", "resnet18.distance", 0.1),
                at_least("steps", "resnet18.steps", 6),
                at_least("held-out", "resnet18.validation_accuracy", 0),
            ],
        }
    )
    found = went()
    assert verdicts(found) == {"moves": "pass", "steps": "pass", "held-out": "pass"}
    report = Path("reports/mine.md").read_text()
    for words in (
        "16 training, 2 validation and 6 test examples of 16x16x3 in 2 classes",
        "regularizers: mixup, weight decay 0.05",
        "adamw 0.01, cosine (final 0.1, per step), warm-up of 1 epoch",
    ):
        assert words in report
    # Two steps of warm-up, and of four on the cosine the second and the last.
    histories = json.loads(Path("reports/mine/histories.json").read_text())
    (history,) = histories["runs"]["resnet18"].values()
    cosine = [0.1 + 0.9 * (1 + math.cos(math.pi * step / 4)) / 2 for step in (1, 3)]
    expected = [0.005, 0.01, *(0.01 * share for share in cosine)]
    assert history["learning_rate"] == pytest.approx(expected, rel=1e-4)


NETS = '''
"""Networks of my own."""

import keras


def tiny(input_shape, outputs, *, width):
    inputs = keras.Input(input_shape)
    x = keras.layers.GlobalAveragePooling2D()(inputs)
    x = keras.layers.Dense(width, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(outputs)(x))
'''


def test_a_network_of_ones_own_on_a_data_set_of_tfds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "prepared"))
    svhn.prepare(tmp_path / "prepared")
    Path("nets.py").write_text(NETS)
    write(
        {
            "seeds": [0, 1],
            "defaults": {
                "dataset": {
                    "name": "tfds",
                    "dataset": "svhn_cropped",
                    "test_split": "test[:50%]",
                    "classes": [0, 9],
                },
                "model": {"name": "python", "call": "nets:tiny", "parameters": {"width": 8}},
                "training": {
                    "optimizer": {"name": "adam", "learning_rate": 0.1},
                    "batch_size": 4,
                    "epochs": 10,
                },
            },
            "runs": {"own": {}},
            "expectations": [at_least("dark-from-bright", "own.test_accuracy", 0.9)],
        }
    )
    forbidden = harness("run")
    assert forbidden.exit_code == 4
    assert "--allow-python" in forbidden.output
    found = went(["--allow-python"])
    assert verdicts(found) == {"dark-from-bright": "pass"}
    report = Path("reports/mine.md").read_text()
    for words in ("nets:tiny", "svhn_cropped", "3.1.0"):
        assert words in report
    Path("nets.py").write_text(NETS.replace('"relu"', '"tanh"'))
    assert "because the code of model" in harness("plan", "--allow-python").output


def test_a_random_sweep_with_an_expectation_over_its_settings() -> None:
    write(
        {
            "seeds": [0],
            "defaults": {
                "dataset": {"name": "digits"},
                "model": {"name": "perceptron", "hidden": [16]},
                "sample": {
                    "count": 6,
                    "seed": 3,
                    "draw": {
                        "training.optimizer.learning_rate": {
                            "name": "log_uniform",
                            "low": 0.05,
                            "high": 0.2,
                            "digits": 2,
                        },
                        "training.batch_size": [25, 50],
                    },
                },
                "training": {"optimizer": {"name": "sgd"}, "epochs": 4},
            },
            "runs": {"short": {}, "long": {"training": {"epochs": 20}}},
            "expectations": [
                at_least(
                    "longer-is-better",
                    "long[*].train_accuracy - short[*].train_accuracy",
                    0,
                    statistic="settings",
                    share=0.5,
                )
            ],
        }
    )
    found = went()
    (judged,) = found["judgements"]
    assert (judged["verdict"], judged["holding"]) == ("pass", 6)
    assert list(judged["settings"]) == [f"{index:02d}" for index in range(6)]
    drawn = [found["drawn"][f"long[{index:02d}]"] for index in range(6)]
    assert {each["training.batch_size"] for each in drawn} == {25, 50}
    assert all(0.05 <= each["training.optimizer.learning_rate"] <= 0.2 for each in drawn)
    assert "6 settings drawn" in Path("reports/mine.md").read_text()
