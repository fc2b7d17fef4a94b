"""What the expectations of a specification become, and what is wrong with them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Basis,
    Interval,
    Json,
    Statistic,
)
from harness.spec.load import load_file
from harness.spec.metrics import NEEDS_VALIDATION

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


MATRIX = {"regularizers": [[], ["l2"]]}


AXIS: Json = {str(number): {} for number in range(100)}


def expectation(**members: Json) -> Json:
    return {"id": "e", "metric": "one.distance", "basis": "hypothesis", "source": "s"} | members


def test_expectations_are_bounds(write: Write) -> None:
    given = [
        expectation(at_least=1),
        expectation(id="f", at_most=2, statistic="every", basis="measured"),
        expectation(
            id="g",
            between=[-1, 3],
            confidence=0.99,
            title="T",
            basis="paper",
            citation="C",
            published=2,
        ),
    ]
    low, high, both = load_file(write(expectations=given)).expectations
    assert (low.lower, low.upper, low.statistic, low.confidence, low.basis) == (
        1,
        None,
        Statistic.MEAN,
        0.95,
        Basis.HYPOTHESIS,
    )
    assert (high.lower, high.upper, high.statistic, high.basis) == (
        None,
        2,
        Statistic.EVERY,
        Basis.MEASURED,
    )
    assert (both.lower, both.upper, both.confidence, both.title, both.basis) == (
        -1,
        3,
        0.99,
        "T",
        Basis.PAPER,
    )
    assert (low.published, high.published, both.published) == (None, None, 2)
    assert {(each.interval, each.share) for each in (low, high, both)} == {(Interval.STUDENT, None)}


class TestExpectationBasis:
    """What is said to be published names the publication; what is not is a hypothesis."""

    @pytest.mark.parametrize("basis", ["claim", "paper"])
    def test_without_a_citation_it_is_a_fault_at_its_basis(
        self, write: Write, faults: Faults, basis: str
    ) -> None:
        bounds = {"published": 2, "within": 1} if basis == "paper" else {"at_least": 1}
        (found,) = faults(write(expectations=[expectation(basis=basis, **bounds)]))
        assert found.startswith(
            f"/expectations/0/basis {basis} is for what was published, and no publication is named"
        )

    @pytest.mark.parametrize("basis", ["measured", "hypothesis"])
    def test_what_is_not_published_needs_none(self, write: Write, basis: str) -> None:
        (found,) = load_file(
            write(expectations=[expectation(at_least=1, basis=basis)])
        ).expectations
        assert (found.basis.value, found.citation) == (basis, None)

    def test_that_of_the_experiment_or_its_own_counts(self, write: Write) -> None:
        claim = expectation(at_least=1, basis="claim")
        whole = load_file(write(expectations=[claim], source={"citation": "C"})).expectations
        own = load_file(write(expectations=[claim | {"citation": "D"}])).expectations
        assert [each.citation for each in (*whole, *own)] == [None, "D"]

    def test_that_of_an_extended_file_counts_until_it_is_taken_away(
        self, write: Write, faults: Faults
    ) -> None:
        write("base.json", source={"citation": "C"})
        changed = {"extends": "base.json", "expectations": [expectation(at_least=1, basis="claim")]}
        assert load_file(write("b.json", **changed)).expectations[0].basis is Basis.CLAIM
        (found,) = faults(write("b.json", **changed, source=None))
        assert "/expectations/0/basis claim" in found


class TestClaim:
    """The label of a claim that its publication makes."""

    CLAIM: Json = expectation(at_least=1, basis="claim", claim="A2")

    def test_it_is_one_of_the_source_or_of_a_citation_of_its_own(self, write: Write) -> None:
        source = {"citation": "C", "claims": {"A2": "It tests worse."}}
        whole = load_file(write(expectations=[self.CLAIM], source=source))
        own = load_file(write(expectations=[self.CLAIM | {"citation": "D"}]))
        assert [each.expectations[0].claim for each in (whole, own)] == ["A2", "A2"]
        assert whole.source is not None
        assert whole.source.claims == {"A2": "It tests worse."}

    def test_one_that_the_source_has_not_is_a_fault_that_names_the_nearest(
        self, write: Write, faults: Faults
    ) -> None:
        source = {"citation": "C", "claims": {"A1": "It fits.", "B": "It is quick."}}
        (found,) = faults(write(expectations=[self.CLAIM], source=source))
        assert (
            "/expectations/0/claim unknown claim of the source 'A2'; did you mean 'A1'?"
            " (allowed: A1, B)" in found
        )

    def test_every_cell_speaks_of_it(self, write: Write) -> None:
        source = {"citation": "C", "claims": {"A2": "It tests worse."}}
        given = self.CLAIM | {"metric": "one[*].distance"}
        found = load_file(
            write(expectations=[given], source=source, runs={"one": {"matrix": MATRIX}})
        ).expectations
        assert [each.claim for each in found] == ["A2", "A2"]


def test_an_expectation_says_how_sure_it_must_be(write: Write) -> None:
    given = [
        expectation(at_least=1, interval="bootstrap"),
        expectation(
            id="f", at_least=0, metric="one.test_accuracy / one.distance", interval="binomial"
        ),
        expectation(id="g", at_least=1, statistic="worst"),
        expectation(id="h", at_least=1, statistic="worst", share=0.5),
        expectation(id="i", at_least=1, statistic="median"),
    ]
    found = load_file(write(expectations=given)).expectations
    assert [(each.statistic, each.interval, each.share) for each in found] == [
        (Statistic.MEAN, Interval.BOOTSTRAP, None),
        (Statistic.MEAN, Interval.BINOMIAL, None),
        (Statistic.WORST, Interval.STUDENT, 0.9),
        (Statistic.WORST, Interval.STUDENT, 0.5),
        (Statistic.MEDIAN, Interval.STUDENT, None),
    ]


@pytest.mark.parametrize(
    ("published", "within", "lower", "upper"),
    [
        (0.5335, 0.02, 0.5135, 0.5535),
        (0.1061, 0.01, 0.0961, 0.1161),
        (0.3, 0.1, 0.2, 0.4),
        (1.0, 0.005, 0.995, 1.005),
        (25000, 100, 24900, 25100),
        (-1, 0.9, -1.9, -0.1),
    ],
)
def test_bounds_around_a_published_number_are_those_on_paper(
    write: Write, published: float, within: float, lower: float, upper: float
) -> None:
    given = [expectation(published=published, within=within, basis="paper", citation="C")]
    (found,) = load_file(write(expectations=given)).expectations
    assert (found.published, found.lower, found.upper) == (published, lower, upper)


def test_a_wildcard_keeps_the_published_number(write: Write) -> None:
    given = [
        expectation(metric="one[*].distance", published=2, within=1, basis="paper", citation="C")
    ]
    found = load_file(write(runs={"one": {"matrix": MATRIX}}, expectations=given)).expectations
    assert [(each.published, each.lower, each.upper) for each in found] == [(2, 1, 3), (2, 1, 3)]


def test_a_wildcard_makes_an_expectation_a_cell(write: Write) -> None:
    matrix = {"regularizers": [[], ["momentum", "l2"]]}
    given = [expectation(metric="x[*].distance - y[*].distance + one.distance", at_least=0)]
    found = load_file(
        write(
            runs={"one": {}, "x": {"matrix": matrix}, "y": {"matrix": matrix}}, expectations=given
        )
    ).expectations
    assert [(each.id, each.metric) for each in found] == [
        ("e[none]", "x[none].distance - y[none].distance + one.distance"),
        ("e[momentum+l2]", "x[momentum+l2].distance - y[momentum+l2].distance + one.distance"),
    ]
    assert {each.base for each in found} == {"e"}


WRONG: list[tuple[Json, str]] = [
    (
        {"expectations": [expectation()]},
        "/expectations/0 expected exactly one of 'at_least', 'at_most', 'between', 'within'",
    ),
    (
        {"expectations": [expectation(between=[2, 1])]},
        "/expectations/0/between the lower bound of [2, 1] is above the upper",
    ),
    (
        {
            "expectations": [
                expectation(at_least=0, metric="one.train_accuracy", interval="binomial")
            ]
        },
        "/expectations/0/interval 'one.train_accuracy' is no sum over test accuracies",
    ),
    (
        {
            "expectations": [
                expectation(
                    at_least=0, metric="one.test_accuracy / one.test_loss", interval="binomial"
                )
            ]
        },
        (
            "/expectations/0/interval 'one.test_accuracy / one.test_loss' is no sum over test"
            " accuracies"
        ),
    ),
    (
        {"expectations": [expectation(at_least=0), expectation(at_most=1)]},
        "/expectations/1/id another expectation has the id 'e' too",
    ),
    (
        {"expectations": [expectation(at_least=0, metric="1 + 1")]},
        "/expectations/0/metric the expression '1 + 1' names no run",
    ),
    (
        {"expectations": [expectation(at_least=0, metric="oen.distance")]},
        "/expectations/0/metric unknown run 'oen'; did you mean 'one'? (allowed: one)",
    ),
    (
        {"expectations": [expectation(at_least=0, metric="one[*].distance")]},
        "/expectations/0/metric unknown run with a matrix or a sample 'one' (allowed: none)",
    ),
    (
        {
            "runs": {"x": {"matrix": MATRIX}, "y": {"matrix": {"regularizers": [["l2"]]}}},
            "expectations": [expectation(at_least=0, metric="x[*].distance - y[*].distance")],
        },
        "/expectations/0/metric [*] needs runs with the same cells; x and y differ",
    ),
]


@pytest.mark.parametrize(("members", "problem"), WRONG)
def test_a_wrong_specification_says_one_thing(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]


TOO_MANY: list[tuple[Json, str]] = [
    (
        {
            "runs": {"a": {"matrix": {"x": AXIS, "y": AXIS}}},
            "expectations": [
                {
                    "id": f"e{number}",
                    "metric": "a[*].epochs",
                    "at_least": 1,
                    "basis": "hypothesis",
                    "source": "s",
                }
                for number in range(2)
            ],
        },
        "/expectations/1 with one for each cell, these are more than 10,000 expectations",
    ),
    (
        {"expectations": [{}] * 10_001},
        "/expectations expected at most 10,000 items, found 10,001",
    ),
]


@pytest.mark.parametrize(("members", "problem"), TOO_MANY)
def test_what_no_machine_gets_through_is_refused(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]


class TestPairedIntervals:
    """The interval `paired` wants a difference of two test accuracies on the same images."""

    def test_takes_a_difference_on_the_same_test_set(self, write: Write) -> None:
        metric = "100 * (one.test_accuracy - two.test_accuracy) - 1"
        runs = {"one": {}, "two": {"dataset": {"train_examples": 50}}}
        given = [expectation(metric=metric, at_least=0, interval="paired")]
        (found,) = load_file(write(runs=runs, expectations=given)).expectations
        assert found.interval is Interval.PAIRED

    @pytest.mark.parametrize(
        "metric",
        [
            "one.test_accuracy",
            "one.test_accuracy + two.test_accuracy",
            "2 * one.test_accuracy - two.test_accuracy",
            "one.initial_test_accuracy - two.test_accuracy",
            "one.test_accuracy / two.test_accuracy",
            "(one.test_accuracy - two.test_accuracy) / one.distance",
        ],
    )
    def test_anything_else_is_a_fault_at_its_place(
        self, write: Write, faults: Faults, metric: str
    ) -> None:
        given = [expectation(metric=metric, at_least=0, interval="paired")]
        (problem,) = faults(write(runs={"one": {}, "two": {}}, expectations=given))
        assert "is no difference of two test accuracies" in problem
        assert problem.startswith("/expectations/0/interval ")

    @pytest.mark.parametrize(
        "dataset",
        [
            {"test_examples": 50},
            {"name": "blobs"},
            {"randomize": [{"name": "label_corruption", "probability": 0.5, "test": True}]},
        ],
    )
    def test_another_test_set_is_a_fault(self, write: Write, faults: Faults, dataset: Json) -> None:
        given = [
            expectation(
                metric="one.test_accuracy - two.test_accuracy", at_least=0, interval="paired"
            )
        ]
        (problem,) = faults(
            write(runs={"one": {}, "two": {"dataset": dataset}}, expectations=given)
        )
        assert "one and two are not tested on the same images" in problem

    def test_every_cell_is_looked_at(self, write: Write, faults: Faults) -> None:
        matrix = {"dataset.test_examples": [50, 60]}
        given = [
            expectation(
                metric="x[*].test_accuracy - one.test_accuracy", at_least=0, interval="paired"
            )
        ]
        runs = {"one": {"dataset": {"test_examples": 50}}, "x": {"matrix": matrix}}
        (problem,) = faults(write(runs=runs, expectations=given))
        assert "x[60] and one are not tested on the same images" in problem


SAMPLE: Json = {"count": 3, "seed": 0, "draw": {"training.batch_size": [8, 16]}}
OTHER: Json = SAMPLE | {"seed": 5}
SHARED: Json = {"one": {"sample": SAMPLE}, "two": {"sample": SAMPLE}, "plain": {}}


class TestSettings:
    """The statistic `settings` makes one expectation of all draws of a sample."""

    METRIC = "one[*].test_accuracy - two[*].test_accuracy"

    @staticmethod
    def given(metric: str = METRIC, **members: Json) -> Json:
        return expectation(metric=metric, at_least=0, statistic="settings", **members)

    def test_it_is_one_over_all_cells(self, write: Write) -> None:
        (found,) = load_file(write(runs=SHARED, expectations=[self.given()])).expectations
        assert (found.id, found.base, found.metric) == ("e", None, self.METRIC)
        assert (found.statistic, found.share) == (Statistic.SETTINGS, 0.9)
        assert found.cells == ("00", "01", "02")
        assert found.samples == {"one": SAMPLE, "two": SAMPLE}

    def test_without_it_a_wildcard_makes_one_of_every_draw(self, write: Write) -> None:
        given = [expectation(metric=self.METRIC, at_least=0)]
        found = load_file(write(runs=SHARED, expectations=given)).expectations
        assert [each.id for each in found] == ["e[00]", "e[01]", "e[02]"]

    def test_with_a_matrix_it_is_one_over_all_draws_for_each_of_its_cells(
        self, write: Write
    ) -> None:
        run = {"sample": SAMPLE, "matrix": MATRIX}
        given = [self.given("one[*].test_accuracy", share=0.5)]
        found = load_file(write(runs={"one": run}, expectations=given)).expectations
        assert [(each.id, each.base) for each in found] == [("e[none]", "e"), ("e[l2]", "e")]
        assert found[1].metric == "one[*,l2].test_accuracy"
        assert found[1].cells == ("00", "01", "02")

    def test_a_run_with_fewer_axes_has_the_cell_of_the_same_draw(self, write: Write) -> None:
        runs = {
            "one": {"sample": SAMPLE},
            "two": {"sample": SAMPLE, "matrix": MATRIX, "initialize_from": "one[*]"},
        }
        experiment = load_file(
            write(
                runs=runs,
                expectations=[self.given(), self.given() | {"id": "f", "statistic": "every"}],
            )
        )
        assert experiment.runs["two[01,l2]"].initialize_from == "one[01]"
        _, settings, *cells = experiment.expectations
        assert settings.metric == "one[*].test_accuracy - two[*,l2].test_accuracy"
        assert settings.cells == ("00", "01", "02")
        assert len(cells) == 6
        assert cells[3].metric == "one[01].test_accuracy - two[01,l2].test_accuracy"

    @pytest.mark.parametrize(
        ("runs", "metric", "problem"),
        [
            (
                {"one": {"matrix": MATRIX}},
                "one[*].test_accuracy",
                "/expectations/0/statistic 'settings' speaks of what a sample draws, and the run"
                " 'one' has no sample",
            ),
            (
                SHARED,
                "plain.test_accuracy",
                "/expectations/0/statistic 'plain.test_accuracy' is of single runs, and 'settings'"
                " speaks of all that a sample draws: write run[*].metric",
            ),
            (
                {"one": {"sample": SAMPLE}, "two": {"sample": OTHER}},
                METRIC,
                "/expectations/0/metric one and two have drawn different values of"
                " training.batch_size in draw 02: give both the same sample",
            ),
        ],
    )
    def test_it_needs_runs_with_the_same_draws(
        self, write: Write, faults: Faults, runs: Json, metric: str, problem: str
    ) -> None:
        (found,) = faults(write(runs=runs, expectations=[self.given(metric)]))
        assert found == problem

    def test_it_does_not_go_with_seeds_that_are_added(self, write: Write, faults: Faults) -> None:
        (found,) = faults(
            write(runs=SHARED, expectations=[self.given()], seeds={"first": 2, "most": 4})
        )
        assert found.startswith("/expectations/0/statistic 'settings' speaks of the settings at")


def test_a_metric_of_a_validation_set_needs_one(write: Write, faults: Faults) -> None:
    held_out = {"dataset": {"validation": {"share": 0.1}}}
    runs = {
        "one": {},
        "two": held_out,
        "three": {"matrix": {"a": {"x": held_out, "y": {}}}},
    }
    metrics = {
        "one.validation_accuracy": "one.validation_accuracy",
        "two.validation_loss": None,
        "three[x].validation_loss": None,
        "three[*].validation_loss - two.validation_loss": "three[y].validation_loss",
    }
    for metric, missing in metrics.items():
        given = [expectation(metric=metric, at_least=0)]
        told = [f"/expectations/0/metric {missing} {NEEDS_VALIDATION}"] if missing else []
        path = write(runs=runs, expectations=given)
        assert (faults(path) if missing else list(load_file(path).figures)) == told


def test_an_answer_with_a_metric_of_a_validation_set_needs_one(
    write: Write, faults: Faults
) -> None:
    answer = ["It ends at {one.validation_accuracy}."]
    path = write(runs={"one": {}}, expectations=[expectation(at_least=0)], answer=answer)
    told = f"/answer/0 one.validation_accuracy {NEEDS_VALIDATION} at character 13"
    assert faults(path) == [told]
