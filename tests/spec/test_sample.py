"""What a sample draws: the values, their labels, and what is kept when more are drawn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from harness.experiment import Experiment, Json
from harness.plan import make_plan
from harness.spec import sample
from harness.spec.load import load_file
from harness.spec.sample import Draw, SampleError, draws

Write = Callable[..., Path]
Faults = Callable[..., list[str]]

RATE: Json = {"name": "log_uniform", "low": 0.01, "high": 0.3, "digits": 2}
SAMPLE: Json = {
    "count": 3,
    "seed": 7,
    "draw": {"training.optimizer.learning_rate": RATE, "training.batch_size": [16, 32, 64]},
}
PATH = "training.optimizer.learning_rate"


def drawn(count: int = 40, seed: int = 0, **draw: Json) -> list[Draw]:
    return list(draws({"count": count, "seed": seed, "draw": draw}))


def values(found: list[Draw], name: str) -> list[Json]:
    return [each.choices[name].value for each in found]


def philox(seed: int, purpose_key: int, index: int) -> float:
    """Return a uniform number from NumPy's generator, by the definition of the streams."""
    key = np.array([seed, purpose_key], dtype=np.uint64)
    counter = np.array([index, 0, 0, 0], dtype=np.uint64)
    return int(np.random.Philox(key=key, counter=counter).random_raw() >> np.uint64(11)) * 2.0**-53


class TestDistributions:
    """Each is a function of a number from 0 up to 1, rounded to what a person reads."""

    @pytest.mark.parametrize(
        ("share", "expected"), [(0.0, 0.01), (0.25, 0.032), (0.5, 0.1), (0.75, 0.32)]
    )
    def test_the_logarithm_of_a_log_uniform_value_is_uniform(
        self, share: float, expected: float
    ) -> None:
        assert sample.log_uniform(Fraction(share), low=0.01, high=1.0, digits=2) == expected

    def test_a_uniform_value_divides_the_range(self) -> None:
        found = [
            sample.uniform(Fraction(part, 8), low=-1, high=3, digits=3) for part in (0, 1, 5, 7)
        ]
        assert found == [-1, -0.5, 1.5, 2.5]

    def test_rounding_leads_to_no_value_beyond_the_range(self) -> None:
        assert sample.uniform(Fraction(0), low=0.0123, high=1, digits=1) == 0.0123
        almost = 1 - Fraction(1, 2**53)
        assert sample.log_uniform(almost, low=0.1, high=0.987, digits=1) == 0.987

    def test_whole_numbers_have_their_ends_among_them(self) -> None:
        shares = [Fraction(part, 8) for part in range(8)]
        assert [sample.integers(share, low=3, high=6) for share in shares] == [
            3, 3, 4, 4, 5, 5, 6, 6
        ]  # fmt: skip

    def test_log_integers_have_the_probabilities_that_they_claim(self) -> None:
        """k from 2 to 7 is drawn for shares up to log((k + 1) / 2) / log(8 / 2)."""
        for k in range(2, 8):
            first = math.log(k / 2) / math.log(4)
            last = math.log((k + 1) / 2) / math.log(4)
            for share in (first + 1e-9, last - 1e-9):
                assert sample.log_integers(Fraction(share), low=2, high=7) == k

    def test_a_drawn_number_is_that_of_the_stated_generator(self) -> None:
        """The first 64 bits of SHA-256 of "sample x", little-endian, worked out by sha256sum."""
        purpose = int.from_bytes(bytes.fromhex("7ed4c43e0d71360a"), "little")
        found = drawn(count=5, seed=11, x={"name": "uniform", "low": 0, "high": 1, "digits": 6})
        expected = [float(f"{philox(11, purpose, index):.6g}") for index in range(5)]
        assert values(found, "x") == expected

    def test_every_value_of_a_list_and_every_change_is_about_equally_likely(self) -> None:
        changes = {"small": {"model": {"hidden": [8]}}, "large": {"model": {"hidden": [64]}}}
        found = drawn(
            4000, x=[1, None, {"a": [2]}, 1], size={"name": "changes", "changes": changes}
        )
        counted = Counter(map(repr, values(found, "x")))
        assert counted["1"] == pytest.approx(2000, abs=120)
        assert counted["None"] == pytest.approx(1000, abs=110)
        assert Counter(values(found, "size"))["small"] == pytest.approx(2000, abs=120)
        assert {each.choices["size"].patch["model"]["hidden"][0] for each in found} == {8, 64}


class TestDraws:
    """What is drawn rests on the seed, the path and the place alone."""

    BOTH: Mapping[str, Json] = {"a": RATE, "b": [1, 2, 3]}

    def test_more_draws_keep_the_first_ones_and_their_labels(self) -> None:
        assert drawn(120, **self.BOTH)[:40] == drawn(40, **self.BOTH)
        labels = [each.label for each in drawn(120, **self.BOTH)]
        assert (labels[0], labels[39], labels[99], labels[119]) == ("00", "39", "99", "119")

    def test_what_else_is_drawn_changes_nothing(self) -> None:
        assert values(drawn(a=RATE), "a") == values(drawn(**self.BOTH), "a")

    def test_another_seed_and_another_path_draw_other_values(self) -> None:
        found = values(drawn(a=RATE), "a")
        assert found != values(drawn(seed=1, a=RATE), "a")
        assert found != values(drawn(b=RATE), "b")

    def test_a_range_that_ends_before_it_begins_is_refused(self) -> None:
        with pytest.raises(SampleError, match="ends at 1, which is not above 2") as caught:
            drawn(a={"name": "integers", "low": 2, "high": 1})
        assert caught.value.pointer == ("draw", "a", "high")


DEFAULTS: Json = {
    "dataset": {"name": "digits"},
    "model": {"name": "perceptron"},
    "training": {"optimizer": {"name": "sgd"}},
    "sample": SAMPLE,
}
RUNS: Json = {"first": {}, "second": {"initialize_from": "first[*]"}}


def sampled(write: Write, runs: Json = RUNS, **members: Json) -> Experiment:
    return load_file(write(**{"defaults": DEFAULTS, "runs": runs} | members))


class TestRuns:
    """The runs that a sample makes."""

    def test_all_runs_have_the_draws_of_the_defaults(self, write: Write) -> None:
        found = sampled(write).runs
        assert list(found) == [f"{run}[0{place}]" for run in RUNS for place in range(3)]
        for place in range(3):
            first, second = found[f"first[0{place}]"], found[f"second[0{place}]"]
            assert first.drawn == second.drawn
            assert (
                first.drawn[PATH] == first.settings.training.optimizer.parameters["learning_rate"]
            )
            assert first.drawn["training.batch_size"] == first.settings.training.batch_size
            assert second.initialize_from == first.name
            assert first.labels == {"sample": f"0{place}"}
            assert "sample" not in first.resolved

    def test_the_cells_have_the_keys_of_plain_runs_with_the_same_settings(
        self, write: Write, tmp_path: Path
    ) -> None:
        several = sampled(write)
        cell = several.runs["first[00]"]
        training = {
            "optimizer": {"learning_rate": cell.drawn[PATH]},
            "batch_size": cell.drawn["training.batch_size"],
        }
        single = sampled(write, {"alone": {"sample": None, "training": training}})
        (key,) = make_plan([single], tmp_path, 0).runs
        assert key in make_plan([several], tmp_path, 0).runs

    def test_a_run_changes_the_sample_or_takes_it_away(self, write: Write) -> None:
        runs = {
            "plain": {"sample": None},
            "fewer": {"sample": {"count": 1}},
            "rates": {"sample": {"draw": {"training.batch_size": None}}},
        }
        found = sampled(write, runs).runs
        assert list(found) == ["plain", "fewer[00]", "rates[00]", "rates[01]", "rates[02]"]
        assert list(found["rates[00]"].drawn) == [PATH]
        assert found["rates[00]"].drawn[PATH] == found["fewer[00]"].drawn[PATH]

    def test_every_draw_has_every_cell_of_a_matrix(self, write: Write) -> None:
        runs = {"one": {"matrix": {"regularizers": [[], ["l2"]]}, "sample": {"count": 2}}}
        found = sampled(write, runs).runs
        assert list(found) == ["one[00,none]", "one[00,l2]", "one[01,none]", "one[01,l2]"]
        assert found["one[00,none]"].drawn == found["one[00,l2]"].drawn

    def test_a_null_in_a_change_takes_a_setting_away(self, write: Write) -> None:
        own = {"training": {"stop_when": {"train_accuracy": 1.0}}}
        changes = {"on": {}, "off": {"training": {"stop_when": None}}}
        draw = {"rule": {"name": "changes", "changes": changes}}
        run = {**own, "sample": {"count": 20, "seed": 0, "draw": draw}}
        found = load_file(write(runs={"one": run})).runs.values()
        assert {each.drawn["rule"] for each in found} == {"on", "off"}
        for each in found:
            assert (each.settings.training.stop_when is None) == (each.drawn["rule"] == "off")


def of(draw: Json, **sample: Json) -> Json:
    return {"one": {"sample": {"count": 5, "seed": 0, "draw": draw} | sample}}


@pytest.mark.parametrize(
    ("runs", "problem"),
    [
        (
            {"one": {"sample": {"count": 2, "draw": {"x": [1]}}}},
            "/runs/one/sample 'seed' is missing",
        ),
        (
            of({"training.batch_size": {"name": "uniform", "low": 1, "high": 9}}),
            "/runs/one/sample/draw/training.batch_size expected an integer, found",
        ),
        (
            of({"training.batchsize": [1, 2]}),
            "/runs/one/sample/draw/training.batchsize no setting has the path 'training.batchsize',"
            " which names this axis; did you mean 'training.batch_size'?",
        ),
        (
            of({"training.batch_size": [8, "x"]}),
            "/runs/one/sample/draw/training.batch_size/1 expected an integer, found",
        ),
        (
            of({"training.batch_size": {"name": "log_unform", "low": 1, "high": 9}}),
            "/runs/one/sample/draw/training.batch_size/name unknown value 'log_unform'; did you"
            " mean 'log_uniform'?",
        ),
        (
            of({"training.batch_size": {"name": "integers", "low": 9, "high": 3}}),
            "/runs/one/sample/draw/training.batch_size/high the range ends at 3, which is not above"
            " 9",
        ),
        (
            of({"training.batch_size": {"name": "integers", "low": 9}}),
            "/runs/one/sample/draw/training.batch_size 'high' is missing",
        ),
        (
            of({"a.": [1], "training.epochs": [1]}, count=20_000),
            "/runs/one/sample/count expected at most 10000, found 20000",
        ),
        (
            {"one": of({"training.epochs": [1]})["one"] | {"matrix": {"sample": {"a": {}}}}},
            "/runs/one/matrix/sample the draws of the sample stand on the axis 'sample' already",
        ),
    ],
)
def test_what_cannot_be_drawn_is_told_once_at_its_place(
    write: Write, faults: Faults, runs: Json, problem: str
) -> None:
    (found,) = faults(write(runs=runs))
    assert found.startswith(problem)


def test_a_fault_of_the_defaults_is_told_once_for_all_runs(write: Write, faults: Faults) -> None:
    draw = {"training.batch_size": RATE | {"low": 1, "high": 50}}
    defaults = DEFAULTS | {"sample": SAMPLE | {"draw": draw}}
    (found,) = faults(write(defaults=defaults, runs=RUNS))
    assert found.startswith("/defaults/sample/draw/training.batch_size expected an integer")
