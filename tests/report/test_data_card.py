"""What the card of a data set says."""

from __future__ import annotations

from collections.abc import Callable

from harness.data.catalog import DATASETS
from harness.experiment import Experiment, Json
from harness.own.kinds import PYTHON
from harness.report.data_card import caption, data_card, data_sets
from harness.run_result import Loaded, RunResult, Status

Load = Callable[..., Experiment]


def card(experiment: Experiment, *results: RunResult) -> str:
    return "\n".join(data_card(data_sets(experiment, results), {}))


def test_a_card_says_what_was_used_and_where_it_is_from(load: Load) -> None:
    randomize: Json = [{"name": "confusion", "replicas": 4, "zero_out": 0.1}]
    runs = {"one": {"dataset": {"name": "digits"}}}
    runs["two"] = {"dataset": {"name": "digits", "randomize": randomize}}
    experiment = load(runs=runs)
    text = card(experiment)
    assert "(`digits`)" in text
    assert "- Used: 500 training and 1,297 test examples of 8x8x1 in 10 classes." in text
    assert "E. Alpaydin, C. Kaynak" in text
    assert "Licence: CC BY 4.0." in text
    assert "- Randomized: confusion (replicas 4, zero_out 0.1, unit channel)." in text
    assert "There is no picture of examples" in text


def test_what_a_run_was_given_goes_before_what_is_known_of_the_whole(load: Load) -> None:
    loaded = Loaded(50, 60, ("cat", "dog"), None)
    result = RunResult("one", 0, "k", Status.DONE, data=loaded)
    text = card(load(runs={"one": {"dataset": {"name": "digits"}}}), result)
    assert "- Used: 50 training and 60 test examples of 8x8x1 in 2 classes." in text
    assert "- Classes: cat, dog." in text


def test_a_data_set_of_tfds_is_told_with_the_version_that_was_read(load: Load) -> None:
    dataset = {"name": "tfds", "dataset": "nobodys_set", "config": "small"}
    result = RunResult("one", 0, "k", Status.DONE, data=Loaded(5, 6, ("a", "b"), "c", "1.2.0"))
    experiment = load(runs={"one": {"dataset": dataset}})
    assert "- Prepared by TFDS: `nobodys_set` `small` `1.2.0`. Lic" in card(experiment, result)
    assert "- Prepared by TFDS: `nobodys_set` `small`. Licence" in card(experiment)


def test_every_origin_is_told(load: Load) -> None:
    named: Json = {
        "image_folder": {"path": "x"},
        "tfds": {"dataset": "x"},
        "csv": {"train": "x", "label": "y", "test_share": 0.5},
        "npz": {"path": "x", "test_share": 0.5},
    }
    for name in DATASETS.keys() - {PYTHON}:  # whose function has to be there
        dataset = {"name": name, **named.get(name, {})}
        text = card(load(runs={"one": {"dataset": dataset, "model": {"name": "perceptron"}}}))
        assert "Licence: " in text


def test_subsets_of_classes_are_counted_and_have_cards_of_their_own(load: Load) -> None:
    runs = {
        name: {"dataset": {"name": "cifar10", "classes": classes}}
        for name, classes in (("one", ["cat", "dog"]), ("two", ["cat", "dog", "ship"]))
    }
    text = card(load(runs=runs))
    assert "- Used: 10,000 training and 2,000 test examples of 32x32x3 in 2 classes." in text
    assert "- Used: 15,000 training and 3,000 test examples of 32x32x3 in 3 classes." in text


def test_a_card_counts_the_validation_examples(load: Load) -> None:
    runs = {"one": {"dataset": {"name": "digits", "validation": {"share": 0.1}}}}
    known = "- Used: 450 training, 50 validation and 1,297 test examples of 8x8x1 in 10 classes."
    assert known in card(load(runs=runs))
    loaded = Loaded(80, 60, ("cat", "dog"), None, validation_examples=20)
    result = RunResult("one", 0, "k", Status.DONE, data=loaded)
    given = "- Used: 80 training, 20 validation and 60 test examples of 8x8x1 in 2 classes."
    assert given in card(load(runs=runs), result)


def test_runs_of_two_data_sets_have_two_cards(load: Load) -> None:
    experiment = load(
        runs={"one": {"dataset": {"name": "digits"}}, "two": {"dataset": {"name": "blobs"}}}
    )
    first, second = data_sets(experiment, ())
    assert (first.name, second.name) == ("digits", "blobs")
    assert caption(first, 0) == "The first training example of each class."
    assert caption(second, 0) == "The training set."


def test_a_matrix_of_one_randomization_is_shown_once_with_its_last_value(load: Load) -> None:
    cells = {
        str(p): {"dataset": {"randomize": [{"name": "label_corruption", "probability": p}]}}
        for p in (0.2, 0.9)
    }
    (used,) = data_sets(load(runs={"one": {"matrix": {"p": cells}}}), ())
    ((component,),) = used.chains
    assert component.parameters["probability"] == 0.9
