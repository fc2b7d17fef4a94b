"""What a specification becomes as a whole: defaults, nulls, tolerances, faults."""

from collections.abc import Callable
from pathlib import Path

from harness.experiment import (
    Component,
    Json,
    Requirements,
    Tolerance,
)
from harness.spec.load import load_file

Write = Callable[..., Path]
Faults = Callable[..., list[str]]


def expectation(**members: Json) -> Json:
    return {"id": "e", "metric": "one.distance", "basis": "hypothesis", "source": "s"} | members


def figure(name: str, **members: Json) -> Json:
    return {"name": name, "metrics": ["train_loss"], "groups": {"g": "one"}} | members


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
        "sgd",
        {"learning_rate": 0.1, "nesterov": False, "momentum_rule": "pytorch", "weight_decay": 0.0},
    )
    assert (
        settings.training.batch_size,
        settings.training.epochs,
        settings.training.stop_when,
    ) == (128, 100, None)


def test_a_null_is_as_if_it_were_not_there(write: Write) -> None:
    experiment = load_file(
        write(
            question=None, seeds=None, requires=None, source=None, figures=None, expectations=None
        )
    )
    assert (experiment.question, experiment.seeds, experiment.requires.gpu) == ("", (0,), False)


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


def test_a_final_metric_may_have_a_tolerance_where_a_run_lists_it(
    write: Write, faults: Faults
) -> None:
    def members(metric: str) -> Json:
        return {
            "runs": {"one": {"metrics": [{"name": "sharpness"}]}, "two": {}},
            "baseline": {"tolerances": {metric: {"relative": 0.2}}},
        }

    assert load_file(write(**members("sharpness"))).tolerances == {
        "sharpness": Tolerance(absolute=0.0, relative=0.2)
    }
    (unlisted,) = faults(write(**members("gradient_norm")))
    assert unlisted.startswith(
        "/baseline/tolerances/gradient_norm one does not measure 'gradient_norm' (there are: "
        "sharpness)"
    )
    (unknown,) = faults(write(**members("tset_accuracy")))
    assert unknown.startswith(
        "/baseline/tolerances/tset_accuracy unknown metric 'tset_accuracy'; did you mean "
        "'test_accuracy'?"
    )


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


def test_damaged_seeds_do_not_hide_the_other_faults(write: Write, faults: Faults) -> None:
    figure = {"name": "decision_regions", "panels": [{"run": "none"}], "seed": 1}
    assert faults(write(seeds=5, figures=[figure])) == [
        "/seeds expected an array or an object, found 5",
        "/figures/0/panels/0/run unknown run 'none'; did you mean 'one'? (allowed: one)",
    ]
