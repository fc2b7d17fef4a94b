"""Metrics of what a network says of the test images: they need neither the network nor the data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from harness.measuring.found import Found, Unmeasurable
from harness.store.predictions import Predictions

Floats = NDArray[np.float64]


def top_k_accuracy(found: Predictions, *, k: int) -> Found:
    """Compute the share of images whose label is among the k classes with the largest logits.

    Of classes with equal logits, those with smaller numbers come first.
    """
    logits = _logits(found)
    if k > logits.shape[1]:
        raise Unmeasurable(f"a k of {k} is more than the {logits.shape[1]} classes there are")
    largest = np.argsort(-logits, axis=1, kind="stable")[:, :k]
    among = (largest == found.labels[:, None]).any(axis=1)
    return Found({f"top_{k}_accuracy": float(among.mean())})


def class_accuracy(found: Predictions, *, classes: Sequence[int]) -> Found:
    """Compute, for each of some classes, the share of its images that are classified right."""
    there = _of_classes(found)
    missing = [each for each in classes if each not in there]
    if missing:
        raise Unmeasurable(f"no test image has the label {missing[0]}")
    return Found({f"class_{each}_accuracy": there[each] for each in classes})


def worst_class_accuracy(found: Predictions) -> Found:
    """Compute the smallest of the accuracies of all classes that have a test image."""
    return Found({"worst_class_accuracy": min(_of_classes(found).values())})


def expected_calibration_error(found: Predictions, *, bins: int) -> Found:
    """Compute the mean distance of confidence from accuracy, in bins of the confidence.

    The confidence is the largest softmax probability. With n images, of which n_b have a confidence
    in the bin ((b - 1) / bins, b / bins], it is the sum over b of n_b / n times the distance of
    their mean confidence from the share of them that are classified right.

    Source: Guo et al. (2017), "On calibration of modern neural networks", equations 2, 3 and 5,
        https://arxiv.org/abs/1706.04599.
    """
    confidence = np.exp(_log_probabilities(found)).max(axis=1)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    # In each bin, n_b times the distance is that of two sums.
    gaps = np.bincount(place, weights=confidence - found.right, minlength=bins)
    return Found({"expected_calibration_error": float(np.abs(gaps).sum() / len(confidence))})


def negative_log_likelihood(found: Predictions) -> Found:
    """Compute the mean of -log of the probability that the network gives to the label, in nats."""
    of_label = _log_probabilities(found)[np.arange(len(found.labels)), found.labels]
    return Found({"negative_log_likelihood": float(-of_label.mean())})


def agreement(first: Predictions, second: Predictions) -> Found:
    """Compute the share of images to which two networks give the same class."""
    check_same_images(first, second)
    return Found({"agreement": float(np.mean(first.predicted == second.predicted))})


def check_same_images(first: Predictions, second: Predictions) -> None:
    """See that two networks were tested on the same images, in the same order.

    Raises:
        Unmeasurable: they were not.
    """
    if first.test_set != second.test_set:
        raise Unmeasurable("the two runs were not tested on the same images")


def _of_classes(found: Predictions) -> dict[int, float]:
    """Return the accuracy of each class that has a test image, by its number."""
    images = np.bincount(found.labels)
    right = np.bincount(found.labels, weights=found.right)
    return {int(each): float(right[each] / images[each]) for each in np.flatnonzero(images)}


def _log_probabilities(found: Predictions) -> Floats:
    """Return the logarithms of the softmax probabilities, float64 [images, classes]."""
    logits = _logits(found)
    return np.asarray(logits - logsumexp(logits, axis=1, keepdims=True), np.float64)


def _logits(found: Predictions) -> Floats:
    """Return a logit a class, float64 [images, classes]; a single one z stands for 0 and z."""
    if found.logits is None:
        raise Unmeasurable(
            "the run kept the predicted classes alone, as its logits take more than 16 MiB"
        )
    logits = found.logits.astype(np.float64)
    return logits if logits.shape[1] > 1 else np.hstack([np.zeros_like(logits), logits])
