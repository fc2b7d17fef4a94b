"""What a specification becomes: cells, settings, expectations, figures."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment import (
    Basis,
    Component,
    Interval,
    Json,
    Normalization,
    Requirements,
    Source,
    Statistic,
    StopRule,
    Tolerance,
    WeightsFile,
)
from harness.spec import expand
from harness.spec.expand import axis_number, labels_by_axis
from harness.spec.load import load_file
from harness.spec.matrix import cells
from harness.spec.patch import parse_assignment
from harness.system.files import sha256

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


def test_the_shortest_specification_has_every_default(write: Write) -> None:
    path = write()
    experiment = load_file(path)
    assert (experiment.path, experiment.name, experiment.title, experiment.question) == (
        path,
        "a",
        "A",
        "",
    )
    assert (experiment.source, experiment.requires, experiment.seeds) == (
        None,
        Requirements(gpu=False),
        (0,),
    )
    assert (experiment.expectations, experiment.figures) == ((), ())
    (run,) = experiment.runs.values()
    settings = run.settings
    assert (run.name, run.initialize_from, run.regularizers) == ("one", None, ())
    assert settings.dataset.source == Component("digits", {})
    assert settings.model == Component("perceptron", {"hidden": [512], "bias": True})
    assert settings.initialization == Component("fan_in_uniform", {"gamma": "one"})
    assert (settings.augmentation, settings.training.momentum, settings.training.l2) == (
        (),
        0.0,
        0.0,
    )
    assert settings.training.optimizer == Component(
        "sgd", {"learning_rate": 0.1, "nesterov": False, "momentum_rule": "pytorch"}
    )
    assert (
        settings.training.batch_size,
        settings.training.epochs,
        settings.training.stop_when,
    ) == (128, 100, None)


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


def test_a_later_layer_wins_defaults_run_matrix_assignment(write: Write) -> None:
    training = {"batch_size": 1, "epochs": 1, "measure_every": 1}
    path = write(
        defaults={
            "dataset": {"name": "digits"},
            "model": {"name": "perceptron"},
            "training": training,
        },
        runs={
            "r": {
                "training": {"epochs": 2, "measure_every": 2},
                "matrix": {"training.measure_every": [3, 4]},
            }
        },
    )

    def found(*assignments: str) -> list[tuple[int, int, int]]:
        runs = load_file(path, [parse_assignment(text) for text in assignments]).runs.values()
        return [
            (t.batch_size, t.epochs, t.measure_every)
            for t in (run.settings.training for run in runs)
        ]

    assert found() == [(1, 2, 3), (1, 2, 4)]
    assert found("defaults.training.batch_size=7", "defaults.training.epochs=7") == [
        (7, 2, 3),
        (7, 2, 4),
    ]
    assert found("runs.r.training.epochs=8", "runs.r.training.epochs=9") == [(1, 9, 3), (1, 9, 4)]
    assert found("runs.r.matrix=null") == [(1, 2, 2)]


def test_a_null_takes_a_default_away_in_a_run_and_in_a_cell(write: Write) -> None:
    runs = load_file(
        write(
            defaults={
                "dataset": {"name": "digits", "train_examples": 10},
                "model": {"name": "perceptron"},
                "training": {"stop_when": {}},
            },
            runs={
                "own": {"dataset": {"train_examples": None}, "training": {"stop_when": None}},
                "value": {"matrix": {"dataset.train_examples": [None, 20]}},
                "change": {
                    "matrix": {"rule": {"with": {}, "without": {"training": {"stop_when": None}}}}
                },
                "gone": None,
            },
            question=None,
            seeds=None,
            requires=None,
            source=None,
        )
    ).runs
    examples = {name: run.settings.dataset.train_examples for name, run in runs.items()}
    stops = {name: run.settings.training.stop_when is not None for name, run in runs.items()}
    assert examples == {
        "own": None,
        "value[null]": None,
        "value[20]": 20,
        "change[with]": 10,
        "change[without]": 10,
    }
    assert stops == {
        "own": False,
        "value[null]": True,
        "value[20]": True,
        "change[with]": True,
        "change[without]": False,
    }


def test_a_null_is_as_if_it_were_not_there(write: Write) -> None:
    experiment = load_file(
        write(
            question=None, seeds=None, requires=None, source=None, figures=None, expectations=None
        )
    )
    assert (experiment.question, experiment.seeds, experiment.requires.gpu) == ("", (0,), False)


def test_every_cell_starts_from_its_counterpart(write: Write) -> None:
    matrix = {"regularizers": [[], ["l2"]]}
    runs = load_file(
        write(
            runs={
                "from": {"matrix": matrix},
                "to": {"initialize_from": "from[*]", "matrix": matrix},
                "one": {"initialize_from": "from[l2]"},
            }
        )
    ).runs
    assert {name: run.initialize_from for name, run in runs.items()} == {
        "from[none]": None,
        "from[l2]": None,
        "to[none]": "from[none]",
        "to[l2]": "from[l2]",
        "one": "from[l2]",
    }
    assert [run.settings.training.l2 for run in runs.values()] == [0, 0.0005, 0, 0.0005, 0]


def test_paths_start_at_the_specifications_folder(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/home/someone")

    def folder(path: str) -> Json:
        return (
            load_file(
                write(
                    defaults={
                        "dataset": {"name": "image_folder", "path": path},
                        "model": {"name": "convnet"},
                    }
                )
            )
            .runs["one"]
            .settings.dataset.source.parameters["path"]
        )

    assert folder("images") == str(tmp_path / "images")
    assert folder("/data/images") == "/data/images"
    assert folder("~/images") == "/home/someone/images"


def test_a_weights_file_is_known_by_its_bytes(write: Write, tmp_path: Path) -> None:
    (tmp_path / "w.weights.h5").write_bytes(b"weights")
    start = (
        load_file(write(runs={"one": {"initialize_from": {"weights": "w.weights.h5"}}}))
        .runs["one"]
        .initialize_from
    )
    assert start == WeightsFile(tmp_path / "w.weights.h5", hashlib.sha256(b"weights").hexdigest())


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


def test_tolerances_are_by_metric_and_change_no_run(write: Write) -> None:
    plain = load_file(write())
    assert plain.tolerances == {}
    tolerances = {"test_accuracy": {"absolute": 0.02}, "distance": {"relative": 1}}
    experiment = load_file(write(baseline={"tolerances": tolerances}))
    assert experiment.tolerances == {
        "test_accuracy": Tolerance(absolute=0.02, relative=0.0),
        "distance": Tolerance(absolute=0.0, relative=1.0),
    }
    assert experiment.runs == plain.runs


def test_figures_keep_their_parameters(write: Write) -> None:
    figures = [{"name": "decision_regions", "title": "T", "panels": [{"run": "one"}]}]
    (figure,) = load_file(write(figures=figures)).figures
    assert (figure.name, figure.title) == ("decision_regions", "T")
    assert figure.parameters == {
        "panels": [{"run": "one", "title": "", "regions": True}],
        "seed": None,
    }


def test_figures_of_lines_have_their_defaults(write: Write) -> None:
    history = {
        "name": "history",
        "metrics": ["train_loss"],
        "groups": {"g": "m[1,none]", "h": "one"},
    }
    against = {
        "name": "against",
        "metrics": ["steps", "train_loss"],
        "axis": "p",
        "groups": {"g": "m"},
    }
    matrix = {"p": {"1": {}, "0.5": {}}, "regularizers": [[], ["l2"]]}
    first, second = load_file(
        write(runs={"one": {}, "m": {"matrix": matrix}}, figures=[history, against])
    ).figures
    given = {"metrics": ["train_loss"], "groups": {"g": "m[1,none]", "h": "one"}}
    assert first.parameters == given | {"x": "steps", "log": False, "until": None}
    given = {"metrics": ["steps", "train_loss"], "axis": "p", "groups": {"g": "m"}}
    assert second.parameters == given | {"log_x": False}


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("0", 0.0),
        ("0.1", 0.1),
        ("-2", -2.0),
        ("1e-3", 0.001),
        *((text, None) for text in ("none", "null", "true", "nan", "inf", "1e999", "2+3", "")),
    ],
)
def test_a_label_is_a_number_or_none(label: str, number: float | None) -> None:
    assert axis_number(label) == number


def test_a_cell_has_a_label_on_each_axis() -> None:
    run: Json = {"matrix": {"p": {"0.1": {}, "1": {}}, "gone": None, "training.epochs": [5]}}
    assert [labels_by_axis(cell) for cell in cells(run)] == [
        {"p": "0.1", "training.epochs": "5"},
        {"p": "1", "training.epochs": "5"},
    ]
    assert [labels_by_axis(cell) for cell in cells({})] == [{}]


def figure(name: str, **members: Json) -> Json:
    return {"name": name, "metrics": ["train_loss"], "groups": {"g": "one"}} | members


MATRIX = {"regularizers": [[], ["l2"]]}
NUMBERS: Json = {"p": {"0": {}, "0.5": {}}}
WRONG: list[tuple[Json, str]] = [
    (
        {"runs": {"one": {"initialize_from": "two"}, "tow": {}}},
        "/runs/one/initialize_from unknown run 'two'; did you mean 'tow'? (allowed: one, tow)",
    ),
    (
        {"runs": {"one": {"initialize_from": "m"}, "m": {"matrix": MATRIX}}},
        "/runs/one/initialize_from unknown run 'm' (allowed: one, m[none], m[l2])",
    ),
    (
        {"runs": {"one": {"initialize_from": "m[*]"}, "m": {"matrix": MATRIX}}},
        (
            "/runs/one/initialize_from unknown run 'm[*]'; did you mean 'm[l2]'? (allowed: one,"
            " m[none], m[l2])"
        ),
    ),
    (
        {"runs": {"one": {"initialize_from": "one"}}},
        "/runs/one/initialize_from runs initialize from one another in a circle: one <- one",
    ),
    (
        {"runs": {"one": {"initialize_from": ""}}},
        "/runs/one/initialize_from unknown run '' (allowed: one)",
    ),
    (
        {"runs": {"one": {}, "two": {"initialize_from": "one", "model": {"hidden": [1]}}}},
        (
            '/runs/two/initialize_from one has another network ({"name": "perceptron", "hidden":'
            ' [512], "bias": true}) than two ({"name": "perceptron", "hidden": [1], "bias": true}):'
            " its weights do not fit"
        ),
    ),
    (
        {"runs": {"one": {"dataset": {"name": "mnist"}}, "two": {"initialize_from": "one"}}},
        (
            "/runs/two/initialize_from one has another input shape (28x28x1) than two (8x8x1): its"
            " weights do not fit"
        ),
    ),
    (
        {"runs": {"one": {"matrix": {"x": ["a b"]}}}},
        (
            "/runs/one/matrix/x/0 'a b' cannot be a label: letters, digits and _ . + = - only; "
            "write the axis as {label: change}"
        ),
    ),
    (
        {"runs": {"one": {"matrix": {"training.epohcs": [1]}}}},
        (
            "/runs/one/matrix/training.epohcs/0 unknown property 'epohcs'; did you mean 'epochs'?"
            " (allowed: loss, loss_reduction, optimizer, schedule, batch_size, last_batch, epochs,"
            " stop_when, measure_every, early_stopping, label_smoothing, precision, deterministic,"
            " backend)"
        ),
    ),
    (
        {"runs": {"one": {"matrix": {"training.epochs": [1, 0]}}}},
        "/runs/one/matrix/training.epochs/1 expected at least 1, found 0",
    ),
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
        "/expectations/0/metric unknown run with a matrix 'one' (allowed: none)",
    ),
    (
        {
            "runs": {"x": {"matrix": MATRIX}, "y": {"matrix": {"regularizers": [["l2"]]}}},
            "expectations": [expectation(at_least=0, metric="x[*].distance - y[*].distance")],
        },
        "/expectations/0/metric [*] needs runs with the same cells; x and y differ",
    ),
    (
        {"figures": [{"name": "decision_regions", "panels": [{"run": "oen"}]}]},
        "/figures/0/panels/0/run unknown run 'oen'; did you mean 'one'? (allowed: one)",
    ),
    (
        {"figures": [{"name": "by_cell", "metric": "distance", "groups": {"g": "x"}}]},
        "/figures/0/groups/g unknown run 'x' (allowed: one)",
    ),
    (
        {"runs": {"m": {"matrix": MATRIX}}, "figures": [figure("history", groups={"g": "m[l]"})]},
        "/figures/0/groups/g unknown run 'm[l]'; did you mean 'm[l2]'? (allowed: m[none], m[l2])",
    ),
    (
        {"figures": [figure("history", metrics=["train_loss", "steps"])]},
        (
            "/figures/0/metrics/1 unknown metric measured while training 'steps' (allowed:"
            " train_loss, train_accuracy, test_loss, test_accuracy, weight_norm, distance,"
            " relative_distance)"
        ),
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "n"})],
        },
        "/figures/0/groups/g unknown run 'n' (allowed: m)",
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS | MATRIX}},
            "figures": [figure("against", axis="regularizer", groups={"g": "m"})],
        },
        (
            "/figures/0/axis unknown axis of these runs 'regularizer'; did you mean 'regularizers'?"
            " (allowed: p, regularizers)"
        ),
    ),
    (
        {"figures": [figure("against", axis="p")]},
        "/figures/0/axis unknown axis of these runs 'p' (allowed: none)",
    ),
    (
        {
            "runs": {"one": {}, "m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "one", "h": "m"})],
        },
        "/figures/0/groups/g the matrix of this run has no axis 'p'",
    ),
    (
        {
            "runs": {
                "m": {"matrix": {"p": {"0": {}, "half": {}}}},
                "n": {"matrix": {"p": {"half": {}}}},
            },
            "figures": [figure("against", axis="p", groups={"g": "m", "h": "n"})],
        },
        "/figures/0/axis the labels of this axis must be numbers, found 'half'",
    ),
    (
        {
            "runs": {"m": {"matrix": NUMBERS}},
            "figures": [figure("against", axis="p", groups={"g": "m"}, log_x=True)],
        },
        "/figures/0/log_x a logarithmic axis has numbers above 0 only, found '0'",
    ),
    (
        {
            "seeds": [1, 2],
            "figures": [{"name": "decision_regions", "panels": [{"run": "one"}], "seed": 0}],
        },
        "/figures/0/seed seed 0 is none of this experiment's",
    ),
]


@pytest.mark.parametrize(("members", "problem"), WRONG)
def test_a_wrong_specification_says_one_thing(
    write: Write, faults: Faults, members: Json, problem: str
) -> None:
    assert faults(write(**members)) == [problem]


def test_networks_are_compared_by_what_they_are_and_not_by_how_they_are_written(
    write: Write,
) -> None:
    one: Json = {"model": {"name": "perceptron", "hidden": [7]}}
    two: Json = {"model": {"hidden": [7], "name": "perceptron"}, "initialize_from": "one"}
    experiment = load_file(
        write(defaults={"dataset": {"name": "digits"}}, runs={"one": one, "two": two})
    )
    assert experiment.runs["two"].initialize_from == "one"


def test_networks_that_differ_far_down_the_line_differ(write: Write, faults: Faults) -> None:
    one, two = ({"model": {"hidden": [100] * 30 + [last]}} for last in (1, 2))
    (message,) = faults(write(runs={"one": one, "two": two | {"initialize_from": "one"}}))
    assert "one has another network" in message


def test_a_fault_elsewhere_in_a_run_does_not_hide_an_unknown_parent(
    write: Write, faults: Faults
) -> None:
    runs = {"one": {}, "two": {"initialize_from": "three", "training": {"epochs": 0}}}
    assert faults(write(runs=runs)) == [
        "/runs/two/initialize_from unknown run 'three' (allowed: one, two)",
        "/runs/two/training/epochs expected at least 1, found 0",
    ]


def test_unknown_metrics_are_told(write: Write, faults: Faults) -> None:
    figures = [
        {"name": "by_cell", "metric": "test_acuracy", "groups": {"g": "one"}},
        figure("history", metrics=["test_acuracy"]),
    ]
    found = faults(
        write(expectations=[expectation(at_least=0, metric="one.test_acuracy")], figures=figures)
    )
    assert [problem.split(" (")[0] for problem in found] == [
        "/expectations/0/metric unknown metric 'test_acuracy'; did you mean 'test_accuracy'?",
        "/figures/0/metric unknown metric 'test_acuracy'; did you mean 'test_accuracy'?",
        (
            "/figures/1/metrics/0 unknown metric measured while training 'test_acuracy'; did you"
            " mean 'test_accuracy'?"
        ),
    ]


def test_a_circle_is_told_to_everyone_in_it_and_to_nobody_else(
    write: Write, faults: Faults
) -> None:
    runs = {
        "a": {"initialize_from": "b"},
        "b": {"initialize_from": "c"},
        "c": {"initialize_from": "a"},
        "d": {"initialize_from": "a"},
    }
    circle = "runs initialize from one another in a circle:"
    assert faults(write(runs=runs)) == [
        f"/runs/a/initialize_from {circle} a <- b <- c <- a",
        f"/runs/b/initialize_from {circle} b <- c <- a <- b",
        f"/runs/c/initialize_from {circle} c <- a <- b <- c",
    ]


def test_a_large_circle_is_told_once_and_in_part(write: Write, faults: Faults) -> None:
    runs = {f"r{number}": {"initialize_from": f"r{(number + 1) % 1500}"} for number in range(1500)}
    (found,) = faults(write(runs=runs))
    assert found.startswith(
        "/runs/r0/initialize_from runs initialize from one another in a circle: r0 <- r1 <- "
    )
    assert found.endswith("r19 <- 1,480 more <- r0")


def test_a_circle_apart_from_the_run_that_leads_to_it_is_told(write: Write, faults: Faults) -> None:
    runs = {
        "lead": {"initialize_from": "a"},
        "a": {"initialize_from": "b"},
        "b": {"initialize_from": "a"},
    }
    assert [each.partition(" ")[0] for each in faults(write(runs=runs))] == [
        "/runs/a/initialize_from",
        "/runs/b/initialize_from",
    ]


AXIS: Json = {str(number): {} for number in range(100)}
TOO_MANY: list[tuple[Json, str]] = [
    (
        {"runs": {"a": {"matrix": {"x": AXIS, "y": AXIS}}, "b": {"matrix": {"x": AXIS}}}},
        "/runs/b/matrix the matrices of this specification have more than 10,000 cells in all",
    ),
    (
        {"runs": {"a": {"matrix": {"x": AXIS}}}, "seeds": list(range(1001))},
        "/seeds 100 runs of 1,001 seeds each are more than 100,000",
    ),
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


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b", "this can be no path: embedded null byte"),
        ("a" * 300, "this can be no path: it is too long"),
        (
            "~nobody-of-this-name/x",
            (
                "there is no home folder '~nobody-of-this-name'; a folder of that name is"
                " './~nobody-of-this-name'"
            ),
        ),
    ],
)
def test_what_can_be_no_path_is_told(write: Write, faults: Faults, path: str, message: str) -> None:
    defaults = {"dataset": {"name": "image_folder", "path": path}, "model": {"name": "convnet"}}
    assert faults(write(defaults=defaults)) == [f"/defaults/dataset/path {message}"]


def test_a_weights_file_of_many_cells_is_read_once(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "w.weights.h5").write_bytes(b"weights")
    opened: list[Path] = []

    def opening(path: Path) -> str:
        opened.append(path)
        return sha256(path)

    monkeypatch.setattr(expand, "sha256", opening)
    cells = {
        "matrix": {"training.epochs": [1, 2, 3]},
        "initialize_from": {"weights": "w.weights.h5"},
    }
    assert len(load_file(write(runs={"one": cells})).runs) == 3
    assert opened == [tmp_path / "w.weights.h5"]


def test_damaged_seeds_do_not_hide_the_other_faults(write: Write, faults: Faults) -> None:
    figure = {"name": "decision_regions", "panels": [{"run": "none"}], "seed": 1}
    assert faults(write(seeds=5, figures=[figure])) == [
        "/seeds expected an array or an object, found 5",
        "/figures/0/panels/0/run unknown run 'none'; did you mean 'one'? (allowed: one)",
    ]


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
