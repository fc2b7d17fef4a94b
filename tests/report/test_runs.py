import json
from pathlib import Path

import pytest

from harness.experiment import Json
from harness.report.runs import final_table, measured_table, metrics_shown, settings_table
from harness.run_result import RunResult, Status
from harness.spec.load import load
from harness.spec.patch import merge_patch
from tests.support import specifications

BASE: Json = specifications.small(
    defaults={"dataset": {"name": "digits"}, "model": {"name": "perceptron", "hidden": [3, 2]}}
)


@pytest.mark.parametrize(
    ("change", "cells"),
    [
        (
            {},
            [
                "digits",
                "perceptron (hidden 3-2, bias)",
                "random, fan_in_uniform",
                "none",
                "0.1",
                "128",
                "100",
            ],
        ),
        (
            {
                "dataset": {
                    "train_examples": 9,
                    "validation": {"share": 0.25},
                    "center_crop": 7,
                    "normalize": "per_image",
                },
                "model": {"bias": False},
                "regularizers": ["dropout", "momentum"],
                "training": {"schedule": {"name": "exponential"}},
            },
            [
                "digits (9 training examples, 25% held out for validation, centre 7x7, each"
                " standardized)",
                "perceptron (hidden 3-2, no bias)",
                "random, fan_in_uniform",
                "momentum 0.9, dropout 0.5",
                "0.1, exponential (factor 0.95)",
                "128",
                "100",
            ],
        ),
        (
            {
                "regularizers": ["l2"],
                "training": {
                    "optimizer": {"name": "adamw"},
                    "warm_up": {"epochs": 1},
                    "steps": 2000,
                    "accumulate": 4,
                    "clip_norm": 1,
                    "average": {"decay": 0.99},
                    "sharpness_aware": {},
                },
            },
            [
                "digits",
                "perceptron (hidden 3-2, bias)",
                "random, fan_in_uniform",
                (
                    "l2 0.0005, weight decay 0.004, clipped at 1, averaged 0.99,"
                    " sharpness-aware 0.05"
                ),
                "adamw 0.001, warm-up of 1 epoch",
                "128 x 4",
                "2,000 steps",
            ],
        ),
        (
            {"training": {"schedule": {"name": "cosine"}, "warm_up": {"steps": 20}}},
            [
                "digits",
                "perceptron (hidden 3-2, bias)",
                "random, fan_in_uniform",
                "none",
                "0.1, cosine (final 0.0, per step), warm-up of 20 steps",
                "128",
                "100",
            ],
        ),
    ],
)
def test_what_was_run_is_told(change: Json, cells: list[str], tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(merge_patch(BASE, {"defaults": change})))
    (experiment,) = load([tmp_path / "a.json"])
    names = ["data set", "model", "starts from", "regularizers", "learning rate", "batch"]
    parts = [
        f"{name}: {cell}" for name, cell in zip([*names, "epochs at most"], cells, strict=True)
    ]
    assert settings_table(experiment).startswith(f"`one` has {'; '.join(parts)}.")


def test_what_all_runs_share_is_said_once(tmp_path: Path) -> None:
    runs = {"one": {}, "two": {"training": {"batch_size": 7}}}
    (tmp_path / "a.json").write_text(json.dumps(merge_patch(BASE, {"runs": runs})))
    (experiment,) = load([tmp_path / "a.json"])
    shared, header, _, *rows = filter(None, settings_table(experiment).splitlines())
    assert shared.startswith("All 2 runs have in common data set: digits; model: perceptron")
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in (header, *rows)]
    assert cells == [["run", "batch"], ["`one`", "128"], ["`two`", "7"]]


def test_final_metrics_have_a_table_with_what_their_names_do_not_tell(tmp_path: Path) -> None:
    metrics = [{"name": "top_k_accuracy", "k": 3}, {"name": "sharpness", "iterations": 9}]
    document = merge_patch(BASE, {"seeds": [0, 1], "runs": {"one": {"metrics": metrics}}})
    (experiment,) = load([specifications.write(tmp_path / "a.json", document)])
    results = [
        RunResult(
            "one",
            seed,
            "key",
            Status.DONE,
            measurements={"top_3_accuracy": 0.5 + 0.1 * seed},
            unmeasured={"sharpness": "it has not settled"},
        )
        for seed in (0, 1)
    ]
    shown = final_table(experiment, results)
    assert "| `one` | `top_3_accuracy` | top-3 test accuracy | | 55.0 ± 7.1% |" in squeezed(shown)
    assert (
        "| `one` | `sharpness` | sharpness | iterations 9, tolerance 0.001 | – |"  # noqa: RUF001
        in squeezed(shown)
    )
    assert "`one` has no `sharpness` for seed 1: it has not settled" in shown


def test_a_metric_of_ones_own_is_told_by_its_function(tmp_path: Path) -> None:
    (tmp_path / "certainty.py").write_text("def gap(run, other, *, base, kind): pass\n")
    gap = {"name": "python", "call": "certainty:gap", "parameters": {"base": 2, "kind": "max"}}
    runs = {"one": {}, "two": {"metrics": [{**gap, "with": "one", "from": "weights"}]}}
    document = merge_patch(BASE, {"runs": runs})
    (experiment,) = load([specifications.write(tmp_path / "a.json", document)])
    found = RunResult("two", 0, "key", Status.DONE, measurements={"gap_with_one": 0.25})
    assert (
        "| `two` | `gap_with_one` | number of `certainty:gap`, between it and `one`"
        " | from weights, base 2, kind max | 0.250 |"
    ) in squeezed(final_table(experiment, [found]))


def squeezed(text: str) -> str:
    """Return a text with single blanks."""
    return " ".join(text.split())


def test_without_final_metrics_there_is_no_table(tmp_path: Path) -> None:
    (experiment,) = load([specifications.write(tmp_path / "a.json", BASE)])
    assert final_table(experiment, []) == ""


@pytest.mark.parametrize(
    ("dataset", "metric", "told"),
    [
        ({}, None, "`one` by its test accuracy"),
        ({}, "test_loss", "`one` by its test loss"),
        ({}, "train_loss", None),
        ({"validation": {"examples": 3, "randomized": True}}, None, None),
        ({"validation": {"examples": 3}}, "test_accuracy", "`one` by its test accuracy"),
    ],
)
def test_what_is_stopped_by_the_test_set_is_told(
    dataset: Json, metric: str | None, told: str | None, tmp_path: Path
) -> None:
    early = {} if metric is None else {"metric": metric}
    change = {"dataset": dataset, "training": {"early_stopping": early}}
    (tmp_path / "a.json").write_text(json.dumps(merge_patch(BASE, {"defaults": change})))
    (experiment,) = load([tmp_path / "a.json"])
    text = settings_table(experiment)
    assert (f"looks at the test set: it stops {told}." in text) == (told is not None)
    assert ("test set" in text) == (told is not None)
    randomized = "3 held out for validation, randomized like the rest"
    assert (randomized in text) == dataset.get("validation", {}).get("randomized", False)


def test_the_validation_accuracy_is_shown_where_it_was_measured(tmp_path: Path) -> None:
    document = merge_patch(BASE, {"defaults": {"dataset": {"validation": {"share": 0.1}}}})
    measurements = {"test_accuracy": 0.5, "validation_accuracy": 0.75}
    for path, given, columns in (
        (tmp_path / "a.json", document, ["run", "validation acc.", "test acc."]),
        (tmp_path / "b.json", BASE, ["run", "test acc."]),
    ):
        path.write_text(json.dumps(given))
        (experiment,) = load([path])
        shown = metrics_shown(experiment)
        assert ("validation_accuracy" in shown) == (path.stem == "a")
        own = {name: value for name, value in measurements.items() if name in shown}
        results = [RunResult("one", 0, "k", Status.DONE, measurements=own)]
        heading = measured_table(experiment, results).splitlines()[0]
        assert [cell.strip() for cell in heading.strip("|").split("|")] == columns
