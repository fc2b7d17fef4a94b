"""What the card of a data set says."""

from __future__ import annotations

from collections.abc import Callable

from harness.experiment import Experiment, Json
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
