"""Limits of a metric over other test images, for the trained networks as they are.

Where a network gets k of n test images right, and they were drawn independently from a population
of images, k is binomial with the network's accuracy on that population. Training images are no such
sample: they chose the weights. So a training accuracy, like a number of steps, is a constant here.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.data.facts import BY_THEIR_FILES, facts_of
from harness.experiment import Expectation, Interval, RunSpec
from harness.expression import Expression, Reference, parse, references
from harness.judging.inference import Limits, share_limits
from harness.judging.paired import Pairing, Pairs, count_pairs, mean_limits
from harness.run_result import RunResult
from harness.spec.binomial import Difference, accuracy_difference, accuracy_terms

_FROM_TEST_IMAGES = (Interval.BINOMIAL, Interval.PAIRED)
"""The intervals whose limits come from the test images, however many seeds there are."""

_NEAR_WHOLE = 0.01
"""How far from a whole number the count of images behind an accuracy may be."""


def count_test_images(run: RunSpec, results: Iterable[RunResult] = ()) -> int | None:
    """Return how many test images a run was measured on.

    The `results` of its seeds recorded it when the images were loaded. Older records do not have
    it: for these the settings and the published size of the data set count.

    Returns:
        The number; None where it is not known or not the same for all seeds, or where training
        looked at the test images.
    """
    early, dataset = run.settings.training.early_stopping, run.settings.dataset
    if early is not None and early.metric.startswith("test"):
        return None
    recorded = {result.data.test_examples for result in results if result.data is not None}
    if recorded:
        return recorded.pop() if len(recorded) == 1 else None
    if dataset.source.name in BY_THEIR_FILES:
        return None
    if dataset.test_examples is not None:
        return dataset.test_examples
    known = facts_of(dataset)
    return known.test_examples if known is not None else None


def image_limits(
    expression: Expression,
    measured: Sequence[Mapping[Reference, float]],
    images: Mapping[str, int | None],
    confidence: float,
) -> Limits | None:
    """Return the one-sided limits that the test images leave to an expression's mean over seeds.

    For one accuracy the limits are those of Clopper and Pearson. A sum of m accuracies, such as a
    difference of two, takes the limits of each at confidence 1 - (1 - confidence) / m and adds up
    those ends that make it smallest (largest). By Bonferroni's inequality this holds however the
    accuracies depend on one another. So it holds for networks that see the same images, where the
    limits are wider than they need be.

    Args:
        expression: Any metric expression.
        measured: A value of every reference for each seed.
        images: The number of test images by run.
        confidence: That of each limit.

    Returns:
        The limits; None where the expression is no sum over test accuracies (`accuracy_terms`) or a
        number of test images is not known.
    """
    constants: list[float] = []
    counted: list[_CountedAccuracy] = []
    for values in measured:
        terms = accuracy_terms(expression, values)
        if terms is None:
            return None
        constants.append(terms[None])
        for reference, factor in terms.items():
            if reference is not None and factor:
                found = _count_right(
                    factor / len(measured), values[reference], images.get(reference.run)
                )
                if found is None:
                    return None
                counted.append(found)
    return _limits_of_sum(statistics.mean(constants), counted, confidence)


def paired_limits(
    expression: Expression,
    measured: Sequence[Mapping[Reference, float]],
    pairing: Pairing,
    confidence: float,
) -> Limits | None:
    """Return the one-sided limits of an expression's mean over some seeds, compared image by image.

    For one seed they are those of `harness.judging.paired.difference_limits`, for several those of
    `harness.judging.paired.mean_limits`. None where nothing was paired.
    """
    if not pairing.pairs:
        return None
    found = [accuracy_difference(expression, values) for values in measured]
    differences = [each for each in found if each is not None]
    lower, upper = mean_limits(pairing.pairs, confidence)
    factor, constant = differences[0].factor, statistics.mean(each.constant for each in differences)
    return constant + factor * lower, constant + factor * upper


def pair_networks(
    expression: Expression,
    measured: Mapping[int, Mapping[Reference, float]],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> Pairing:
    """Pair the two networks of each seed image by image, for a difference of test accuracies.

    Args:
        expression: Any metric expression; nothing is paired, and no obstacle is named, where it is
            no difference.
        measured: A value of every reference for each seed.
        results: Those of the runs, by name and seed.
        runs: The experiment's, by name.
    """
    counted: list[Pairs] = []
    factors: set[float] = set()
    for seed, values in measured.items():
        difference = accuracy_difference(expression, values)
        if difference is None:
            return Pairing()
        factors.add(difference.factor)
        obstacle = _stopped_by_test_images(difference, runs) or _obstacle_to_pairing(
            difference, seed, values, results
        )
        if obstacle:
            return Pairing(obstacle=obstacle)
        first, second = (
            results[each.run, seed].tested for each in (difference.first, difference.second)
        )
        assert first is not None and second is not None
        counted.append(count_pairs(first.right, second.right))
    return Pairing(tuple(counted)) if len(factors) == 1 else Pairing()


def _stopped_by_test_images(difference: Difference, runs: Mapping[str, RunSpec]) -> str:
    """Say which of two runs was stopped by its test images; an empty text where neither was."""
    for run in (difference.first.run, difference.second.run):
        early = runs[run].settings.training.early_stopping if run in runs else None
        if early is not None and early.metric.startswith("test"):
            return f"the training of {run} looked at the test images"
    return ""


def _obstacle_to_pairing(
    difference: Difference,
    seed: int,
    values: Mapping[Reference, float],
    results: Mapping[tuple[str, int], RunResult],
) -> str:
    """Say why the two networks of a seed cannot be compared image by image, else return nothing."""
    sets = set()
    for reference in (difference.first, difference.second):
        tested = results[reference.run, seed].tested
        if tested is None:
            return f"the predictions of {reference.run}, seed {seed}, were not kept"
        if int(np.count_nonzero(tested.right)) / tested.examples != values[reference]:
            return f"the predictions of {reference.run}, seed {seed}, do not have its test accuracy"
        sets.add((tested.test_set, tested.examples))
    if len(sets) > 1:
        return (
            f"{difference.first.run} and {difference.second.run}, seed {seed}, were not tested on"
            " the same images"
        )
    return ""


def by_test_images(expectation: Expectation, seeds: int) -> bool:
    """Tell whether limits of an expectation over so many seeds come from single test images."""
    return seeds == 1 or expectation.interval in _FROM_TEST_IMAGES


def limits_from_test_images(
    expectation: Expectation,
    measured: Mapping[int, Mapping[Reference, float]],
    results: Mapping[tuple[str, int], RunResult],
    runs: Mapping[str, RunSpec],
) -> tuple[Limits | None, Pairing]:
    """Return the limits that the test images leave to an expectation's mean, and their pairing.

    They are asked for by the intervals `paired` and `binomial`, and for a single seed. Where pairs
    are asked for and there are none, the limits are those of independent test sets, which are
    wider.
    """
    if not by_test_images(expectation, len(measured)):
        return None, Pairing()
    expression, each = parse(expectation.metric), list(measured.values())
    pairing = Pairing()
    if expectation.interval is not Interval.BINOMIAL:
        pairing = pair_networks(expression, measured, results, runs)
    limits = paired_limits(expression, each, pairing, expectation.confidence)
    if limits is not None:
        return limits, pairing
    counts = {
        run: count_test_images(runs[run], [results[run, seed] for seed in measured])
        for run in dict.fromkeys(reference.run for reference in references(expression))
        if run in runs
    }
    return image_limits(expression, each, counts, expectation.confidence), pairing


@dataclass(frozen=True)
class _CountedAccuracy:
    """A factor times the accuracy of `right` images of `images`."""

    factor: float
    right: int
    images: int


def _count_right(factor: float, accuracy: float, images: int | None) -> _CountedAccuracy | None:
    """Count the images behind an accuracy; None where it is no share of so many."""
    if images is None or not 0 <= accuracy <= 1:
        return None
    right = round(accuracy * images)
    return (
        _CountedAccuracy(factor, right, images)
        if abs(accuracy * images - right) <= _NEAR_WHOLE
        else None
    )


def _limits_of_sum(constant: float, terms: Sequence[_CountedAccuracy], confidence: float) -> Limits:
    each = 1 - (1 - confidence) / len(terms)
    ends = [
        [term.factor * end for end in share_limits(term.right, term.images, each)] for term in terms
    ]
    return constant + sum(map(min, ends)), constant + sum(map(max, ends))
