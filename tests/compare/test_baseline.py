"""Kept numbers: the file, and what counts as drift."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_regressions.file_regression import FileRegressionFixture

from harness.compare.baseline import (
    Baseline,
    BaselineError,
    Values,
    demand_whole,
    measure,
    path_of,
    unfinished,
)
from harness.compare.baseline_file import FORMAT, read, text, write
from harness.compare.drift import (
    BaselineComparison,
    OneSided,
    compare,
    default_tolerance,
    one_sided,
)
from harness.compare.drift_table import changes, drift_table, other_environment
from harness.compare.regression import compare_baselines
from harness.experiment import Experiment, Json, Metric, Tolerance
from harness.metrics import METRICS, ON_VALIDATION
from harness.run_result import RunResult, Status
from harness.words import Verdict


def kept(values: Values, seeds: Sequence[int] = (0, 1)) -> Baseline:
    return Baseline("a", "a.json", tuple(seeds), {"device": "CPU", "python": "3.11"}, values)


def drifted(
    before: Values, after: Values, tolerances: dict[str, Tolerance] | None = None
) -> list[str]:
    compared = compare(kept(before), kept(after), tolerances or {})
    return [f"{each.run}.{each.metric}" for each in compared if each.drifted]


@pytest.mark.parametrize(
    ("metric", "before", "within", "outside"),
    [
        ("test_accuracy", 0.95, 0.96, 0.9601),  # 1 point
        ("initial_train_accuracy", 0.1, 0.09, 0.0899),
        ("test_loss", 2.0, 2.2, 2.201),  # 10%
        ("train_loss", 0.001, 0.011, 0.0111),  # or 0.01
        ("epochs", 100, 90, 89),  # 10%
        ("steps", 1000, 1100, 1101),
        ("steps_to_fit", 1000, 1300, 1301),  # 30%
        ("distance", 10.0, 10.5, 10.501),  # 5%
        ("boundary_length", -2.0, -2.1, -2.101),
        ("a_metric_of_later", 1.0, 1.05, 1.051),
    ],
)
def test_what_may_drift_depends_on_the_kind_of_metric(
    metric: str, before: float, within: float, outside: float
) -> None:
    assert drifted({"r": {metric: [before]}}, {"r": {metric: [within]}}) == []
    assert drifted({"r": {metric: [before]}}, {"r": {metric: [outside]}}) == [f"r.{metric}"]


def test_every_metric_has_a_default() -> None:
    assert all(default_tolerance(name) != Tolerance() for name in METRICS)


def test_means_are_compared_and_not_single_seeds() -> None:
    before = {"r": {"test_accuracy": [0.90, 0.92]}}
    assert drifted(before, {"r": {"test_accuracy": [0.92, 0.90]}}) == []
    assert drifted(before, {"r": {"test_accuracy": [0.92, 0.94]}}) == ["r.test_accuracy"]


def test_the_specification_s_tolerance_is_the_larger_of_its_two() -> None:
    before, after = {"r": {"test_loss": [1.0, 1.0]}}, {"r": {"test_loss": [1.5, 1.5]}}
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.5)}) == []
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.1, relative=0.5)}) == []
    assert drifted(before, after, {"test_loss": Tolerance(absolute=0.4, relative=0.4)}) == [
        "r.test_loss"
    ]
    assert drifted(before, before, {"test_loss": Tolerance()}) == []


class TestCompare:
    """A value that is there on one side alone is drift, whatever the means are."""

    def test_a_metric_that_the_harness_did_not_measure_yet_is_no_drift_but_one_that_is_gone_is(
        self,
    ) -> None:
        before = {"r": {"steps": [1.0, 1.0]}}
        after = {
            "r": {
                "steps": [1.0, 1.0],
                "train_loss": [2.0, 2.0],
                "augmented_train_accuracy": [0.5, 0.6],
            }
        }
        younger = replace(kept(before), metrics=frozenset(METRICS) - {"augmented_train_accuracy"})
        compared = {each.metric: each.drifted for each in compare(younger, kept(after), {})}
        assert compared == {"steps": False, "train_loss": True}
        assert {each.metric for each in compare(kept(before), kept(after), {}) if each.drifted} == {
            "train_loss",
            "augmented_train_accuracy",
        }

    def test_a_file_from_before_metrics_were_listed_has_the_first_ones(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.baseline.json"
        document = json.loads(text(kept({"r": {"steps": [1.0, 1.0]}})))
        assert set(document.pop("metrics")) == set(METRICS)
        path.write_text(json.dumps(document))
        found = read(path)
        assert found is not None
        assert set(METRICS) - found.metrics == {"augmented_train_accuracy", *ON_VALIDATION}

    @pytest.mark.parametrize(
        ("before", "after", "lost", "gained"),
        [
            ([1.0, 1.0], [None, None], (0, 1), ()),
            ([1.0, 1.0], [1.0, None], (1,), ()),
            ([1.0, None], [1.0, 1.0], (), (1,)),
            ([None, None], [1.0, 1.0], (), (0, 1)),
            ([1.0, None], [None, 1.0], (0,), (1,)),
            ([1.0, 1.0], [1.0], (1,), ()),
            ([], [1.0, 1.0], (), (0, 1)),
        ],
    )
    def test_a_seed_that_has_a_value_on_one_side_alone_has_drifted(
        self,
        before: Sequence[float | None],
        after: Sequence[float | None],
        lost: tuple[int, ...],
        gained: tuple[int, ...],
    ) -> None:
        (found,) = compare(
            kept({"r": {"epochs_to_fit": before}}), kept({"r": {"epochs_to_fit": after}}), {}
        )
        assert (found.drifted, found.lost, found.gained) == (True, lost, gained)

    def test_what_no_seed_has_on_either_side_has_not_drifted(self) -> None:
        values: Values = {"r": {"epochs_to_fit": [None, None]}}
        assert drifted(values, values) == []
        assert drifted(values, {"r": {}}) == []
        assert (
            drifted({"r": {"epochs_to_fit": [3, None]}}, {"r": {"epochs_to_fit": [3, None]}}) == []
        )

    def test_a_metric_or_a_run_that_one_side_alone_has_has_drifted(self) -> None:
        before: Values = {"gone": {"steps": [1, 1]}, "r": {"distance": [1.0, 1.0]}}
        after: Values = {"new": {"steps": [1, 1]}, "r": {"weight_norm": [1.0, 1.0]}}
        assert drifted(before, after) == ["gone.steps", "r.distance", "r.weight_norm", "new.steps"]

    @pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, "0.5", True, [1.0]])
    def test_a_measured_value_that_is_no_finite_number_has_drifted(self, bad: Any) -> None:
        (found,) = compare(kept({"r": {"steps": [1, 1]}}), kept({"r": {"steps": [1, bad]}}), {})
        assert (found.drifted, found.lost, found.unusable) == (True, (1,), (1,))
        (found,) = compare(kept({"r": {"steps": [1, None]}}), kept({"r": {"steps": [1, bad]}}), {})
        assert (found.drifted, found.lost, found.unusable) == (True, (), (1,))

    def test_a_single_seed_stands_for_no_other(self) -> None:
        one, two = kept({"r": {"steps": [1]}}, [0]), kept({"r": {"steps": [1, 1]}})
        (more,), (fewer,) = compare(one, two, {}), compare(two, one, {})
        assert (more.drifted, more.gained, more.counts) == (True, (1,), (1, 2, 2))
        assert (fewer.drifted, fewer.lost, fewer.counts) == (True, (1,), (2, 1, 2))
        (other,) = compare(one, kept({"r": {"steps": [1]}}, [2]), {})
        assert (other.drifted, other.lost, other.gained) == (True, (0,), (2,))

    def test_of_several_seeds_those_that_both_sides_have_are_compared_or_else_all(self) -> None:
        two, three = kept({"r": {"steps": [1, 3]}}), kept({"r": {"steps": [1, 3, 200]}}, [0, 1, 2])
        for sides in ((two, three), (three, two)):
            (found,) = compare(*sides, {})
            assert (found.drifted, found.lost, found.gained, found.kept, found.measured) == (
                False,
                (),
                (),
                2,
                2,
            )
        (other,) = compare(two, kept({"r": {"steps": [1, 5]}}, [0, 2]), {})
        assert (other.drifted, other.lost, other.gained, other.kept, other.measured) == (
            False,
            (),
            (),
            2,
            3,
        )

    def test_a_seed_that_no_longer_has_a_value_has_drifted_whatever_other_seeds_there_are(
        self,
    ) -> None:
        before = kept({"r": {"steps_to_fit": [10, 11, 12]}}, [0, 1, 2])
        after = kept({"r": {"steps_to_fit": [10, 11, None, 12]}}, [0, 1, 2, 3])
        (found,) = compare(before, after, {})
        assert (found.drifted, found.lost, found.gained) == (True, (2,), ())

    def test_a_mean_is_that_of_the_seeds_that_have_a_value_and_says_how_many(self) -> None:
        before, after = (
            {"r": {"steps_to_fit": [100, None, 200]}},
            {"r": {"steps_to_fit": [110, None, 210]}},
        )
        (found,) = compare(kept(before, [0, 1, 2]), kept(after, [0, 1, 2]), {})
        assert (found.kept, found.measured, found.counts, found.drifted) == (
            150,
            160,
            (2, 2, 3),
            False,
        )


class TestComparison:
    """What is within a tolerance, at the edges of what numbers can be."""

    @pytest.mark.parametrize(
        "tolerance", [Tolerance(absolute=math.nan), Tolerance(relative=math.nan)]
    )
    def test_a_tolerance_that_is_no_number_allows_nothing(self, tolerance: Tolerance) -> None:
        assert BaselineComparison("r", "steps", 1.0, 1.0, tolerance).drifted

    @pytest.mark.parametrize("tolerance", [Tolerance(absolute=-1.0), Tolerance(relative=-1.0)])
    def test_a_negative_tolerance_allows_no_difference(self, tolerance: Tolerance) -> None:
        assert BaselineComparison("r", "steps", 1.0, 1.5, tolerance).drifted

    def test_without_any_tolerance_the_number_must_be_the_same(self) -> None:
        assert not BaselineComparison("r", "steps", 0.1, 0.1, Tolerance()).drifted
        assert BaselineComparison("r", "steps", 0.1, math.nextafter(0.1, 1), Tolerance()).drifted

    @pytest.mark.parametrize(
        ("before", "now"),
        [
            (0.95, 0.96),
            (0.96, 0.95),
            (0.07, 0.08),
            (0.1, 0.11),
            (1000.1, 1000.11),
            (-0.01, 0.0),
            (0.3, 0.29),
        ],
    )
    def test_rounding_does_not_decide_on_the_edge(self, before: float, now: float) -> None:
        assert not BaselineComparison(
            "r", "test_accuracy", before, now, Tolerance(absolute=0.01)
        ).drifted
        beyond = now + math.copysign(1e-12, now - before)
        assert BaselineComparison(
            "r", "test_accuracy", before, beyond, Tolerance(absolute=0.01)
        ).drifted

    def test_a_tiny_tolerance_is_no_smaller_than_it_says_and_no_larger(self) -> None:
        assert not BaselineComparison(
            "r", "train_loss", 1e-15, 2e-15, Tolerance(absolute=1e-15)
        ).drifted
        assert BaselineComparison(
            "r", "train_loss", 1e-15, 2.001e-15, Tolerance(absolute=1e-15)
        ).drifted

    def test_nothing_overflows(self) -> None:
        far = BaselineComparison("r", "train_loss", 1.7e308, -1.7e308, Tolerance(relative=1.5))
        assert far.drifted
        assert not BaselineComparison(
            "r", "train_loss", 1.7e308, -1.7e308, Tolerance(relative=2.0)
        ).drifted
        assert "inf" in drift_table([far])
        (mean,) = compare(
            kept({"r": {"train_loss": [1.7e308, 1.7e308]}}),
            kept({"r": {"train_loss": [1.7e308] * 2}}),
            {},
        )
        assert (mean.kept, mean.drifted) == (1.7e308, False)


class TestDemandWhole:
    """What is measured is kept whole or not at all."""

    @pytest.mark.parametrize("bad", [math.nan, math.inf, "0.5", True])
    def test_a_value_that_is_no_finite_number_is_not_kept(self, bad: Any) -> None:
        with pytest.raises(
            BaselineError,
            match=r"the numbers of a cannot be kept: r, seed 1: steps is .* no finite",
        ):
            demand_whole(kept({"r": {"steps": [1, bad]}}))

    def test_a_seed_that_lacks_what_others_have_is_not_kept(self) -> None:
        values: Values = {"r": {"test_accuracy": [None, 0.5]}, "s": {"steps": [1, None]}}
        with pytest.raises(
            BaselineError,
            match=r"r, seed 0, has no test_accuracy, .* \(and 1 more\); remove that run",
        ):
            demand_whole(kept(values))

    def test_that_some_seeds_never_fit_is_kept(self) -> None:
        demand_whole(kept({"r": {"epochs_to_fit": [None, 3], "steps_to_fit": [None, None]}}))


def test_the_numbers_of_an_experiment_are_those_of_its_finished_runs(
    experiment: Experiment, results: Sequence[RunResult]
) -> None:
    found = measure(experiment, results)
    of = {(each.run, each.seed): each for each in results}
    assert list(found.values) == list(experiment.runs)
    first = of["random[none]", experiment.seeds[0]]
    assert found.values["random[none]"]["test_accuracy"][0] == first.measurements["test_accuracy"]
    assert found.values["large"] == {}
    assert {each.run for each in unfinished(results)} == {
        each.run for each in results if each.status != Status.DONE
    }
    assert found.environment["precision"] == "float32"


class TestFinalMetrics:
    """Final metrics in a baseline"""

    @pytest.fixture
    def measuring(self, experiment: Experiment) -> Experiment:
        """An experiment one of whose runs lists two."""
        listed = (Metric("sharpness"), Metric("top_k_accuracy", {"k": 3}))
        runs = dict(experiment.runs)
        runs["random[none]"] = replace(runs["random[none]"], metrics=listed)
        return replace(experiment, runs=runs)

    def test_those_that_are_measured_are_kept_with_their_run(
        self, measuring: Experiment, results: Sequence[RunResult], tmp_path: Path
    ) -> None:
        with_them = [
            replace(each, measurements={**each.measurements, "sharpness": 2.0 + each.seed})
            if each.run == "random[none]"
            else each
            for each in results
        ]
        found = measure(measuring, with_them)
        seeds = [float(2 + seed) for seed in found.seeds]
        assert found.values["random[none]"]["sharpness"] == seeds
        assert [run for run, values in found.values.items() if "sharpness" in values] == [
            "random[none]"
        ]
        assert "top_3_accuracy" not in found.values["random[none]"]  # it is not measured yet
        path = tmp_path / "a.baseline.json"
        write(found, path)
        assert read(path) == found
        assert "sharpness" not in json.loads(path.read_text())["metrics"]

    @pytest.mark.parametrize(
        ("metric", "within", "outside"),
        [
            ("sharpness", 1.05, 1.051),  # 5%
            ("top_3_accuracy", 1.01, 1.0101),  # 1 point
            ("my_own_number", 1.05, 1.051),
        ],
    )
    def test_they_drift_as_all_numbers_do(self, metric: str, within: float, outside: float) -> None:
        before: Values = {"r": {metric: [1.0, 1.0]}}
        assert drifted(before, {"r": {metric: [within, within]}}) == []
        assert drifted(before, {"r": {metric: [outside, outside]}}) == [f"r.{metric}"]

    @pytest.mark.parametrize(
        ("before", "now", "told"),
        [
            ({}, {"sharpness": [1, 2]}, OneSided((), ("r.sharpness",))),
            ({"sharpness": [1, 2]}, {}, OneSided(("r.sharpness",), ())),
            ({"sharpness": [1, 2]}, {"sharpness": [1, None]}, OneSided(("r.sharpness",), ())),
            ({"sharpness": [1, None]}, {"sharpness": [1, 2]}, OneSided((), ("r.sharpness",))),
            ({"sharpness": [1, None]}, {"sharpness": [1, None]}, OneSided((), ())),
        ],
    )
    def test_one_that_one_side_alone_has_is_told_and_has_not_drifted(
        self, before: dict[str, Any], now: dict[str, Any], told: OneSided
    ) -> None:
        here: Values = {"r": {"steps": [5, 5], **before}, "gone": {"sharpness": [1, 1]}}
        there: Values = {"r": {"steps": [5, 5], **now}}
        assert drifted(here, there) == []
        assert one_sided(kept(here), kept(there)) == told
        # What training measures has drifted, as before.
        assert drifted({"r": {"steps": [5, 5]}}, {"r": {}}) == ["r.steps"]

    def test_those_of_other_seeds_are_compared(self) -> None:
        here, there = ({"r": {"sharpness": [value, value]}} for value in (1.0, 2.0))
        others = kept(there, (2, 3))
        assert [each.drifted for each in compare(kept(here), others, {})] == [True]
        assert one_sided(kept(here), others) == OneSided((), ())

    def test_the_conclusion_says_what_to_do(self, experiment: Experiment) -> None:
        here = kept({"r": {"steps": [5, 5], "sharpness": [1, 1]}})
        there = kept({"r": {"steps": [5, 5], "gradient_norm": [1, 1]}})
        found = compare_baselines(here, there, experiment, Path("a.baseline.json"))
        path = experiment.path.as_posix()
        assert (found.verdict, found.message, found.counted) == (
            Verdict.PASS,
            "",
            "0 of 1 numbers drifted",
        )
        assert found.notes == (
            f"not kept yet: r.gradient_norm (python -m harness baseline update {path})",
            f"kept and not measured now: r.sharpness (python -m harness measure {path})",
        )

    def test_some_networks_may_have_none(self) -> None:
        demand_whole(kept({"r": {"sharpness": [1.0, None]}}))
        with pytest.raises(BaselineError, match="sharpness is nan, which is no finite number"):
            demand_whole(kept({"r": {"sharpness": [math.nan, None]}}))


def test_the_file_reads_as_before(
    experiment: Experiment, results: Sequence[RunResult], file_regression: FileRegressionFixture
) -> None:
    file_regression.check(text(measure(experiment, results)), extension=".json", encoding="utf-8")


def test_a_file_gives_back_what_was_written(
    experiment: Experiment, results: Sequence[RunResult], tmp_path: Path
) -> None:
    found = measure(experiment, results)
    path = path_of(experiment.name, tmp_path / "new" / "folder")
    write(found, path)
    assert path.name == f"{experiment.name}.baseline.json"
    assert read(path) == found
    assert json.loads(path.read_text())["seeds"] == list(experiment.seeds)


def damaged(**members: Json) -> str:
    head = {
        "format": FORMAT,
        "name": "a",
        "specification": "a.json",
        "environment": {},
        "seeds": [0, 1],
        "runs": {},
    }
    return json.dumps(head | members)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "Expecting property name"),
        ("[]", "it is no baseline of this harness"),
        ("{}", "it is no baseline of this harness"),
        ("[" * 100_000, "recursion"),
        ('{"format": "x"}', "its format is 'x', not 'reproduction-harness baseline 2'"),
        (damaged(seeds=[]), r"its seeds must be different whole numbers, found \[\]"),
        (damaged(seeds=[0, 0]), "its seeds must be different whole numbers"),
        (damaged(seeds=[0, True]), "its seeds must be different whole numbers"),
        (damaged(seeds="01"), "its seeds must be different whole numbers, found '01'"),
        (damaged(metrics="steps"), "its metrics must be a list of names, found 'steps'"),
        (damaged(metrics=[1]), r"its metrics must be a list of names, found \[1\]"),
        (damaged(runs=[]), r"runs must be an object, found \[\]"),
        (damaged(runs={"r": 3}), "the run 'r' must be an object, found 3"),
        (damaged(runs={"r": {"steps": 3}}), "r, steps: expected a number for each seed, found 3"),
        (
            damaged(runs={"r": {"steps": []}}),
            "r, steps: expected 2 numbers, one for each seed, found 0",
        ),
        (
            damaged(runs={"r": {"steps": [1, 2, 3]}}),
            "r, steps: expected 2 numbers, one for each seed, found 3",
        ),
        (
            damaged(runs={"r": {"steps": [1, "2"]}}),
            "r, steps, seed 1: expected a finite number or null, found '2'",
        ),
        (
            damaged(runs={"r": {"steps": [True, 2]}}),
            "r, steps, seed 0: expected a finite number or null, found True",
        ),
        (
            damaged(runs={"r": {"steps": [1, math.nan]}}),
            "r, steps, seed 1: expected a finite number or null, found nan",
        ),
        (
            damaged(runs={"r": {"steps": [1, 10**400]}}),
            "r, steps, seed 1: expected a finite number or null, found 100",
        ),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "a.baseline.json"
    assert read(path) is None
    path.write_text(content)
    with pytest.raises(BaselineError, match="cannot be read: .*" + message):
        read(path)


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BaselineError, match="cannot be written: "):
        write(kept({}), tmp_path / "file" / "a.baseline.json")


def test_a_full_disk_keeps_the_kept_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.baseline.json"
    write(kept({"r": {"steps": [1, 1]}}), path)

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BaselineError, match="cannot be written: No space left on device"):
        write(kept({"r": {"steps": [2, 2]}}), path)
    assert read(path) == kept({"r": {"steps": [1, 1]}})
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_in_the_middle_of_writing_keeps_the_kept_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.baseline.json"
    write(kept({"r": {"steps": [1, 1]}}), path)
    script = (
        "import os, pathlib, sys\n"
        "from harness.compare.baseline import Baseline\n"
        "from harness.compare.baseline_file import write\n"
        "def half(path, text, **_):\n"
        "    path.open('w').write(text[: len(text) // 2])\n"
        "    os.kill(os.getpid(), 9)\n"
        "pathlib.Path.write_text = half\n"
        "write(Baseline('a', 's', (0,), {}, {'r': {'steps': [2]}}), pathlib.Path(sys.argv[1]))\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert ended.returncode == -9
    assert len(list(tmp_path.iterdir())) == 2  # the other is half of the new one, hidden
    assert read(path) == kept({"r": {"steps": [1, 1]}})
    write(kept({}), path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", ['{"runs": {}, "name": "a"}', "mine", "{}"])
def test_another_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.baseline.json"
    path.write_text(content)
    with pytest.raises(BaselineError, match="and the kept numbers of a would replace it"):
        write(kept({}), path)
    assert path.read_text() == content


def test_the_table_shows_differences_in_the_metric_s_unit() -> None:
    compared = [
        BaselineComparison("r", "test_accuracy", 0.9, 0.8, Tolerance(absolute=0.01)),
        BaselineComparison("r", "steps", 10, 10, Tolerance(relative=0.1)),
        BaselineComparison(
            "r", "distance", 1.0, None, Tolerance(relative=0.1), (2, 0, 2), lost=(0, 1)
        ),
        BaselineComparison(
            "r", "epochs", None, 3, Tolerance(relative=0.1), (0, 2, 2), gained=(0, 1)
        ),
        BaselineComparison(
            "r",
            "epochs_to_fit",
            3,
            3,
            Tolerance(relative=0.1),
            (3, 2, 4),
            lost=(2,),
            unusable=(2, 3),
        ),
        BaselineComparison("r", "steps_to_fit", 3, 4, Tolerance(relative=1), (2, 2, 3)),
    ]
    remark = "drifted, gone for seed 2, no finite number for seeds 2, 3"
    assert [re.split(r"  +", line) for line in drift_table(changes(compared)).splitlines()] == [
        ["run", "metric", "kept", "measured", "difference", "allowed", "seeds"],
        ["r", "test_accuracy", "90.00%", "80.00%", "-10.00 points", "1.00 points", "1", "drifted"],
        ["r", "distance", "1.00", "–", "0.100", "2 -> 0 of 2", "drifted, gone"],  # noqa: RUF001
        ["r", "epochs", "–", "3 epochs", "0 -> 2 of 2", "drifted, not kept"],  # noqa: RUF001
        [
            "r",
            "epochs_to_fit",
            "3 epochs",
            "3 epochs",
            "0 epochs",
            "0 epochs",
            "3 -> 2 of 4",
            remark,
        ],
        ["r", "steps_to_fit", "3 steps", "4 steps", "1 steps", "3 steps", "2 of 3"],
    ]


def test_what_took_part_is_compared() -> None:
    other = Baseline("a", "a.json", (0,), {"device": "GPU", "threads": "2", "python": "3.11"}, {})
    assert other_environment(kept({}), other) == ["device: CPU -> GPU", "threads: nothing -> 2"]


class TestNoise:
    """Several seeds that scatter are tested; the p-values are those of tables of Student's t."""

    def one(
        self, before: Sequence[float], after: Sequence[float], metric: str = "distance"
    ) -> BaselineComparison:
        seeds = range(len(before)), range(len(after))
        (found,) = compare(
            kept({"r": {metric: before}}, seeds[0]), kept({"r": {metric: after}}, seeds[1]), {}
        )
        return found

    def test_what_scatters_much_has_not_drifted_for_a_difference_that_it_makes_by_itself(
        self,
    ) -> None:
        # Differences 3, -1, 4: mean 2, deviation sqrt 7, t = 2 / sqrt(7 / 3) = 1.309, p = 0.3207 (2
        # degrees).
        found = self.one([10, 12, 14], [13, 11, 18])
        assert found.test is not None
        assert found.test.p == pytest.approx(0.3207, abs=1e-4)
        assert (found.drifted, found.uncertain) == (False, True)  # 16.7%, where 5% are allowed

    def test_what_is_precise_has_drifted_within_its_tolerance(self) -> None:
        # Differences 0.2, 0.21, 0.19: t = 0.2 / (0.01 / sqrt 3) = 34.6, p = 0.00083; 2% of 10,
        # where 5% are allowed.
        found = self.one([10.0, 12.0, 8.0], [10.2, 12.21, 8.19])
        assert (found.drifted, found.uncertain) == (True, False)
        # The same to the hundredth part is too small to matter: 0.02%, where a tenth of the 5% is
        # the margin.
        assert not self.one([10.0, 12.0, 8.0], [10.002, 12.0021, 8.0019]).drifted

    def test_a_tolerance_that_the_specification_states_holds_whatever_the_test_shows(self) -> None:
        sides = (
            kept({"r": {"distance": [10.0, 12.0, 8.0]}}, range(3)),
            kept({"r": {"distance": [10.2, 12.21, 8.19]}}, range(3)),
        )
        (found,) = compare(*sides, {"distance": Tolerance(relative=0.05)})
        assert (found.drifted, found.uncertain) == (False, False)
        (found,) = compare(*sides, {"distance": Tolerance(relative=0.01)})
        assert found.drifted

    def test_a_difference_beyond_the_tolerance_of_other_settings_is_not_put_down_to_chance(
        self,
    ) -> None:
        sides = (
            kept({"r": {"distance": [10, 12, 14]}}, range(3)),
            kept({"r": {"distance": [13, 11, 18]}}, range(3)),
        )
        (found,) = compare(*sides, {}, changed_runs=["r"])
        assert (found.drifted, found.uncertain) == (True, False)

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ([300, 300, 300], [310, 310, 310]),
            ([300, 310, 320], [301, 311, 321]),
            ([0.1] * 3, [0.1 + 1e-12] * 3),
        ],
    )
    def test_without_noise_the_tolerance_decides(
        self, before: Sequence[float], after: Sequence[float]
    ) -> None:
        found = self.one(before, after)
        assert (found.test, found.drifted, found.uncertain) == (None, False, False)
        far = self.one(
            before,
            [value * 1.1 if value == after[0] else value + after[0] * 0.1 for value in after],
        )
        assert far.drifted

    def test_a_replay_has_neither_drifted_nor_may_have(self) -> None:
        found = self.one([0.1, 0.25, 0.7], [0.1, 0.25, 0.7])
        assert (found.test, found.drifted, found.uncertain) == (None, False, False)

    def test_the_p_values_of_all_numbers_are_corrected_together(self) -> None:
        # The p of 0.00083 above alone is below 0.01; beside 39 numbers that did not change it is 40
        # times as large.
        before: dict[str, Sequence[float]] = {f"m{i}": [1.0, 2.0, 4.0] for i in range(39)}
        after: dict[str, Sequence[float]] = {f"m{i}": [2.0, 1.0, 4.1] for i in range(39)}
        sides = (
            kept({"r": {"distance": [10.0, 12.0, 8.0], **before}}, range(3)),
            kept({"r": {"distance": [10.2, 12.21, 8.19], **after}}, range(3)),
        )
        found = next(each for each in compare(*sides, {}) if each.metric == "distance")
        assert found.test is not None
        assert found.test.adjusted == pytest.approx(40 * found.test.p)
        assert not found.drifted


@pytest.mark.parametrize(
    ("seeds", "shared"), [((0, 1, 2), 0.0), ((0, 1, 2, 3, 4), 0.7), ((5, 6, 7), 0.0)]
)
def test_of_100_experiments_of_which_nothing_changed_at_most_one_is_said_to_have_drifted(
    seeds: Sequence[int], shared: float
) -> None:
    """Compare twelve numbers each that depend on one another; pairs share a part of their noise."""
    random, alarms, fixed, times = np.random.default_rng(1), 0, 0, 300
    for _ in range(times):
        own = random.normal(size=(3, len(seeds), 12)) + random.normal(size=(3, len(seeds), 1))
        sides = [
            1 + 0.1 * (math.sqrt(shared) * own[0] + math.sqrt(1 - shared) * own[side])
            for side in (1, 2)
        ]
        values: list[Values] = [
            {"r": {f"m{i}": [float(v) for v in side[:, i]] for i in range(12)}} for side in sides
        ]
        compared = compare(
            kept(values[0], seeds if seeds[0] == 0 else (0, 1, 2)), kept(values[1], seeds), {}
        )
        alarms += any(each.drifted for each in compared)
        fixed += any(each.drifted or each.uncertain for each in compared)
    # At a rate of 1%, 300 experiments have more than 9 alarms once in 1,500 times.
    assert alarms <= 9
    assert fixed > 0.8 * times  # as many as the tolerance alone would have called drifted
