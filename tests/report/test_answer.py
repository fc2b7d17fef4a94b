"""Which sentence an answer shows, with which numbers, and what marks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from harness.experiment import Experiment, Json
from harness.judging.check import check
from harness.report.answer import Sentence, answer, answer_json, answer_section
from harness.run_result import RunResult, Status

Load = Callable[..., Experiment]

SENTENCE: Json = {
    "rests_on": ["drop"],
    "passes": "Yes: {one.test_accuracy - two.test_accuracy} lower.",
    "fails": "No: {one.test_accuracy - two.test_accuracy}.",
}


DROP: Json = {
    "id": "drop",
    "metric": "one.test_accuracy - two.test_accuracy",
    "at_least": 0.1,
    "basis": "hypothesis",
    "source": "a guess",
}


def experiment(load: Load, answer: Json = SENTENCE, *others: Json) -> Experiment:
    return load(runs={"one": {}, "two": {}}, expectations=[DROP, *others], answer=answer)


def results(one: Sequence[float], two: Sequence[float], stale: str = "") -> list[RunResult]:
    return [
        RunResult(run, seed, "k", Status.DONE, measurements={"test_accuracy": value}, stale=stale)
        for run, values in (("one", one), ("two", two))
        for seed, value in enumerate(values)
    ]


def only(experiment: Experiment, results: Sequence[RunResult]) -> Sentence:
    (sentence,) = answer(experiment, results, check(experiment, results))
    return sentence


# Differences of 20 and 21 points: mean 20.5, deviation 1 / sqrt(2).
GOOD = results((0.9, 0.9), (0.7, 0.69))


@pytest.mark.parametrize(
    ("given", "case", "text"),
    [
        (GOOD, "passes", "Yes: 20.50 ± 0.71 points lower."),
        (results((0.9, 0.9), (0.9, 0.9)), "fails", "No: 0.00 ± 0.00 points."),
        (
            results((0.9, 0.9), (0.5, 0.9)),
            "otherwise",
            "Not decided: what would decide it is inconclusive.",
        ),
    ],
)
def test_verdicts_choose_the_sentence(
    load: Load, given: list[RunResult], case: str, text: str
) -> None:
    sentence = only(experiment(load), given)
    assert (sentence.case.value, sentence.text, sentence.marks) == (case, text, ())


def test_a_number_keeps_its_unit_on_its_line(load: Load) -> None:
    shown = answer_section([only(experiment(load), GOOD)])
    assert shown == "**Yes: 20.50\u00a0±\u00a00.71\u00a0points lower.**"


def test_an_author_may_say_what_stands_where_nothing_is_decided(load: Load) -> None:
    words = "It is {one.test_accuracy} and {two.test_accuracy}."
    sentence = only(
        experiment(load, SENTENCE | {"otherwise": words}), results((0.9, 0.9), (0.5, 0.9))
    )
    assert sentence.text == "It is 90.00 ± 0.00% and 70 ± 28%."


def test_what_rests_on_stale_runs_or_is_of_a_trial_is_marked(load: Load) -> None:
    stale = results((0.9, 0.9), (0.7, 0.69), stale="other code")
    assert only(experiment(load), stale).marks == ("stale",)
    assert only(experiment(load, "It is {one.test_accuracy}."), stale).marks == ("stale",)
    trial = replace(experiment(load), trial=("--seeds", "0"))
    assert only(trial, stale).marks == ("stale", "trial")
    assert only(trial, stale).markdown.startswith("(stale, trial) Yes: ")


def test_a_number_that_is_not_there_is_said_and_marked(load: Load) -> None:
    plain = experiment(load, "It is {one.test_accuracy} and {two.test_accuracy}.")
    sentence = only(plain, GOOD[:2])
    assert sentence.text == "It is 90.00 ± 0.00% and (no number)."
    assert sentence.marks == ("incomplete",)
    assert "There is no `two.test_accuracy`: two, seeds 0, 1: not run yet." in answer_section(
        [sentence]
    )


def test_where_a_run_is_missing_it_is_no_pass(load: Load) -> None:
    sentence = only(experiment(load), GOOD[:2])
    assert sentence.text == "Not decided: what would decide it is blocked."


def test_nothing_is_known_where_no_run_is_done(load: Load) -> None:
    text = "Not known yet: none of its runs is done."
    assert [each.text for each in answer(experiment(load), [], [])] == [text]
    assert answer(experiment(load, None), [], []) == ()


def test_each_sentence_has_verdicts_of_its_own(load: Load) -> None:
    other = {
        "id": "other",
        "metric": "one.test_accuracy",
        "at_least": 0.95,
        "basis": "hypothesis",
        "source": "s",
    }
    both = [SENTENCE, {"rests_on": ["other"], "passes": "Good.", "fails": "Bad."}]
    given = experiment(load, both, other)
    found = answer(given, GOOD, check(given, GOOD))
    assert [each.case.value for each in found] == ["passes", "fails"]
    assert answer_json(found)[1] == {"text": "Bad.", "case": "fails", "marks": []}


def test_an_expectation_of_every_cell_passes_where_each_does(load: Load) -> None:
    cells = {
        "id": "cells",
        "metric": "one[*].test_accuracy",
        "at_least": 0.5,
        "statistic": "every",
        "basis": "hypothesis",
        "source": "s",
    }
    given = load(
        runs={"one": {"matrix": {"p": {"1": {}, "2": {}}}}},
        expectations=[cells],
        answer={"rests_on": ["cells"], "passes": "Yes.", "fails": "No."},
    )
    for last, text in ((0.6, "Yes."), (0.4, "No.")):
        done = [
            RunResult(run, seed, "k", Status.DONE, measurements={"test_accuracy": value})
            for run, value in (("one[1]", 0.6), ("one[2]", last))
            for seed in (0, 1)
        ]
        assert only(given, done).text == text
