"""Final metrics beside runs: kept for the files that these have, and for no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.experiment import Metric, OwnPart
from harness.run_result import Code
from harness.store import staleness
from harness.store.measured import FinalMeasurement, Subject
from harness.store.store import Store
from tests.store.test_store import ENVIRONMENT, HISTORY, RUN

CODE = Code({"harness.measuring.on_weights": "1"}, {"numpy": "2"})
ONE = Subject(Metric("sharpness", {"iterations": 9, "tolerance": 0.1}, label="fine"), "a")
TWO = Subject(Metric("linear_path", {"points": 3}, "other", "other"), "a", "b")
FOUND = FinalMeasurement(CODE, {"sharpness": 1.5}, {"position": [0.0, 0.5, 1.0]})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with two finished runs."""
    made = Store(tmp_path / "store")
    made.prepare()
    for key in "ab":
        finish(made, key)
    return made


def finish(store: Store, key: str, weights: bytes = b"weights") -> None:
    def write(path: Path) -> None:
        path.write_bytes(weights)

    store.finish(
        key,
        run=RUN,
        history=HISTORY,
        measurements={"test_accuracy": 0.75},
        environment=ENVIRONMENT,
        files={"final.weights.h5": write},
    )


@pytest.mark.parametrize("subject", [ONE, TWO])
def test_a_measurement_reads_as_it_was_written(store: Store, subject: Subject) -> None:
    assert store.measurement(subject) is None
    store.save_measurement(subject, FOUND)
    assert store.measurement(subject) == FOUND
    assert store.damage("a") == []  # the run is as it was


def test_why_there_is_no_number_is_kept_too(store: Store) -> None:
    without = FinalMeasurement(CODE, why_none="it has not settled")
    store.save_measurement(ONE, without)
    assert store.measurement(ONE) == without


def test_its_name_does_not_matter_but_its_parameters_and_runs_do(store: Store) -> None:
    store.save_measurement(ONE, FOUND)
    named = replace(ONE, metric=replace(ONE.metric, label="again"))
    assert store.measurement(named) == FOUND
    other = replace(ONE, metric=replace(ONE.metric, parameters={"iterations": 9, "tolerance": 0.2}))
    for another in (other, replace(ONE, key="b"), replace(ONE, partner="b")):
        assert store.measurement(another) is None


@pytest.mark.parametrize("key", ["a", "b"])
def test_a_run_with_other_files_has_none(store: Store, key: str) -> None:
    store.save_measurement(TWO, FOUND)
    finish(store, key)
    assert store.measurement(TWO) == FOUND  # the same bytes, made again
    finish(store, key, b"other weights")
    assert store.measurement(TWO) is None


def test_a_damaged_file_is_none(store: Store) -> None:
    store.save_measurement(ONE, FOUND)
    (file,) = (store.root / "measured" / "a").iterdir()
    file.write_text(file.read_text().replace("1.5", '"1.5"'))
    assert store.measurement(ONE) is None


def test_it_is_removed_with_its_run(store: Store) -> None:
    store.save_measurement(ONE, FOUND)
    store.remove("a")
    assert not (store.root / "measured" / "a").exists()


class TestStaleness:
    """The code that measures a metric is that of its function, and what this imports."""

    def test_predictions_need_no_network(self) -> None:
        code = staleness.measuring(Metric("agreement"), None)
        assert "harness.measuring.on_predictions" in code.modules
        assert not [name for name in code.modules if name.startswith("harness.training")]
        assert set(code.packages) == {"numpy"}

    def test_weights_need_all_that_makes_a_network(self) -> None:
        code = staleness.measuring(Metric("sharpness"), "tensorflow")
        assert {"harness.measuring.on_weights", "harness.training.step", "harness.compile"} <= set(
            code.modules
        )
        assert "harness.measuring.linear_path" not in code.modules
        assert set(code.packages) == {"keras", "tensorflow", "numpy"}

    def test_other_code_is_a_difference(self) -> None:
        code = staleness.measuring(Metric("agreement"), None)
        assert staleness.measuring_difference(code, Metric("agreement")) == ""
        changed = {**code.modules, "harness.measuring.on_predictions": "another"}
        told = staleness.measuring_difference(replace(code, modules=changed), Metric("agreement"))
        assert told == "harness.measuring.on_predictions changed"

    def test_the_code_of_ones_own_counts_with_what_gives_it_the_runs(self) -> None:
        of_predictions = own({"from": "predictions"})
        code = staleness.measuring(of_predictions, None)
        assert code.modules["certainty:entropy"] == "1"
        assert "harness.store.predictions" in code.modules
        assert not [name for name in code.modules if name.startswith("harness.training")]
        of_weights = staleness.measuring(own({"from": "weights"}), "tensorflow")
        assert {"harness.measuring.trained", "harness.compile"} <= set(of_weights.modules)

    @pytest.mark.parametrize(
        "changed",
        [
            OwnPart("certainty:entropy", "/folder", "2"),
            OwnPart("certainty:entropy", "/folder", "1", "package 2"),
        ],
    )
    def test_an_edit_of_ones_own_code_is_a_difference(self, changed: OwnPart) -> None:
        before = own({})
        code = staleness.measuring(before, None)
        after = replace(before, own=changed)
        assert staleness.measuring_difference(code, before) == ""
        assert staleness.measuring_difference(code, after) == "certainty:entropy changed"


def own(parameters: dict[str, str]) -> Metric:
    part = OwnPart("certainty:entropy", "/folder", "1")
    return Metric("python", parameters, label="entropy", own=part)
