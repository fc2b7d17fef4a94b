"""Which words a glossary has, and what it says of them."""

from collections.abc import Callable

from harness.experiment import Experiment
from harness.report.glossary import glossary, words_of_settings

Load = Callable[..., Experiment]

CONFUSION = {"dataset": {"randomize": [{"name": "confusion", "replicas": 2, "zero_out": 0.1}]}}


def test_only_words_that_occur_are_there(load: Load) -> None:
    terms = {"replica": "a copy", "minimum": "a low place", "zebra": "an animal"}
    found = glossary(load(terms=terms), ["test_accuracy"], "Two replicas of a page.")
    assert [line.partition(":")[0] for line in found.splitlines()] == [
        "- **replica**",
        "- **seed**",
        "- **test accuracy** (`test_accuracy`)",
    ]


def test_a_word_in_the_meaning_of_another_is_there_too(load: Load) -> None:
    terms = {"bad start": "weights that fit the twisted set", "twisted set": "odd images"}
    found = glossary(load(terms=terms), [], "From a bad start.")
    assert "- **twisted set**: odd images" in found


def test_the_words_of_the_specification_go_before_those_of_the_schema(load: Load) -> None:
    page = "It fits the confusion set."
    assert "**confusion set** (`confusion`): every image `replicas` times" in glossary(
        load(runs={"one": CONFUSION}), [], page
    )
    mine = load(runs={"one": CONFUSION}, terms={"Confusion set": "mine"})
    assert glossary(mine, [], page).splitlines()[0] == "- **Confusion set**: mine"


def test_settings_are_explained_out_of_the_schema(load: Load) -> None:
    found = words_of_settings(load(runs={"one": CONFUSION}))
    assert "- **replicas**: how many copies of each image (R)" in found
    assert "- **perceptron**: dense layers with ReLU between them" in found


def test_hostile_terms_stay_text(load: Load) -> None:
    found = glossary(load(terms={"<b>x": "<script> `a` | **b**"}), [], "a <b>x here")
    assert "<script>" not in found
    assert "<b>" not in found
