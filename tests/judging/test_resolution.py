"""The steps of each kind of measurement, counted by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import Json, RunSpec
from harness.expression import Reference, parse
from harness.judging.resolution import resolution, resolution_of_expression
from harness.run_result import Loaded, RunResult, Status
from harness.spec.load import load_file
from tests.support import specifications

Make = Callable[..., RunSpec]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Return a maker of runs on the digits: 500 training images, 1,297 test images.

    Other members may be given.
    """

    def made(**members: Json) -> RunSpec:
        document = specifications.small(runs={"one": members})
        return load_file(specifications.write(tmp_path / "a.json", document)).runs["one"]

    return made


def done(**measurements: float | None) -> RunResult:
    return RunResult("one", 0, "key", Status.DONE, measurements=measurements)


def of(metric: str) -> Reference:
    return Reference("one", metric)


class TestStep:
    """The least by which two seeds can differ."""

    def test_an_accuracy_counts_images(self, make: Make) -> None:
        assert resolution(of("test_accuracy"), make(), []) == 1 / 1297
        assert (
            resolution(of("train_accuracy"), make(dataset={"train_examples": 400}), []) == 1 / 400
        )
        confusion = make(
            dataset={"train_examples": 400, "randomize": [{"name": "confusion", "replicas": 4}]}
        )
        assert resolution(of("train_accuracy"), confusion, []) == 1 / 1600

    def test_a_folder_of_images_has_what_was_loaded(self, make: Make) -> None:
        run = make(dataset={"name": "image_folder", "path": "x"})
        loaded = RunResult("one", 0, "key", Status.DONE, data=Loaded(30, 20, ("a", "b")))
        assert (
            resolution(of("train_accuracy"), run, [loaded]),
            resolution(of("test_accuracy"), run, [loaded]),
        ) == (1 / 30, 1 / 20)
        assert resolution(of("train_accuracy"), run, []) is None

    def test_a_count_is_known_to_where_was_looked(self, make: Make) -> None:
        training = {"measure_every": 10, "stop_when": {"train_accuracy": 1.0, "check_every": 5}}
        stopped, results = make(training=training), [done(steps=120, epochs=40)]
        assert resolution(of("epochs_to_fit"), stopped, results) == 5
        assert resolution(of("epochs"), stopped, results) == 5
        assert resolution(of("steps"), stopped, results) == 15
        whole = make(training={"measure_every": 10})
        assert resolution(of("steps_to_fit"), whole, results) == 30
        assert (
            resolution(of("epochs"), whole, results),
            resolution(of("steps"), whole, results),
        ) == (0, 0)

    def test_all_else_is_a_float32(self, make: Make) -> None:
        assert (
            resolution(of("test_loss"), make(), [done(test_loss=2.0), done(test_loss=-4.0)])
            == 2**-21
        )


class TestOneStep:
    """What one measurement of one seed can change."""

    A, B = Reference("a", "test_accuracy"), Reference("b", "test_accuracy")

    @pytest.mark.parametrize(
        ("text", "change"),
        [
            ("a.test_accuracy", 0.01),
            ("9 * a.test_accuracy - b.test_accuracy", 0.09),
            ("a.test_accuracy - 2 * b.test_accuracy", 0.1),
            ("a.test_accuracy / b.test_accuracy", 0.9 / 0.45 - 0.9 / 0.5),
        ],
    )
    def test_it_is_that_of_the_measurement_which_changes_most(
        self, text: str, change: float
    ) -> None:
        found = resolution_of_expression(
            parse(text), [{self.A: 0.9, self.B: 0.5}], {self.A: 0.01, self.B: 0.05}
        )
        assert found == pytest.approx(change)

    def test_without_a_step_or_a_value_there_is_none(self) -> None:
        values = {self.A: 0.9, self.B: 0.05}
        assert resolution_of_expression(parse("a.test_accuracy"), [values], {self.A: None}) is None
        assert (
            resolution_of_expression(
                parse("a.test_accuracy / b.test_accuracy"), [values], {self.A: 0.01, self.B: 0.05}
            )
            is None
        )
