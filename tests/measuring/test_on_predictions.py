"""Metrics of predictions against their definitions, written out image by image."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.measuring import on_predictions
from harness.measuring.found import Unmeasurable
from harness.store.predictions import Predictions

RANDOM = np.random.default_rng(5)


def predictions(logits: np.ndarray | None, labels: list[int], test_set: str = "t") -> Predictions:
    """Make predictions, the class being that of the largest logit."""
    if logits is None:
        predicted = np.array(labels)
    else:
        predicted = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
    return Predictions(
        np.asarray(predicted, np.uint16),
        np.array(labels, np.uint16),
        None if logits is None else logits.astype(np.float16),
        test_set,
    )


LABELS = RANDOM.integers(0, 4, 60).tolist()
FOUND = predictions(RANDOM.normal(0, 2, (60, 4)), LABELS)
LOGITS = np.asarray(FOUND.logits, np.float64)
PROBABILITIES = [[math.exp(z) / sum(map(math.exp, row)) for z in row] for row in LOGITS.tolist()]


class TestTopKAccuracy:
    """The share of images whose label is among the largest logits."""

    @pytest.mark.parametrize("k", [2, 3, 4])
    def test_it_counts_the_images_whose_label_fewer_than_k_classes_exceed(self, k: int) -> None:
        right = [
            sum(other > row[label] for other in row) < k
            for row, label in zip(LOGITS.tolist(), LABELS, strict=True)
        ]
        found = on_predictions.top_k_accuracy(FOUND, k=k)
        assert found.values == {f"top_{k}_accuracy": pytest.approx(sum(right) / 60)}

    def test_of_equal_logits_those_of_smaller_numbers_come_first(self) -> None:
        tied = predictions(np.zeros((2, 4)), [1, 2])
        assert on_predictions.top_k_accuracy(tied, k=2).values == {"top_2_accuracy": 0.5}

    def test_there_are_no_more_classes_than_there_are(self) -> None:
        with pytest.raises(Unmeasurable, match="a k of 5 is more than the 4 classes there are"):
            on_predictions.top_k_accuracy(FOUND, k=5)


class TestClassAccuracy:
    """The share of a class's images that are classified right."""

    def test_each_class_has_its_own(self) -> None:
        found = predictions(np.eye(3)[[0, 1, 1, 2, 0]], [0, 1, 2, 2, 2])
        values = on_predictions.class_accuracy(found, classes=[2, 0]).values
        assert values == {"class_2_accuracy": pytest.approx(1 / 3), "class_0_accuracy": 1.0}
        assert on_predictions.worst_class_accuracy(found).values == {
            "worst_class_accuracy": pytest.approx(1 / 3)
        }

    def test_a_class_without_images_has_none(self) -> None:
        found = predictions(np.eye(3)[[0, 2]], [0, 2])
        with pytest.raises(Unmeasurable, match="no test image has the label 1"):
            on_predictions.class_accuracy(found, classes=[0, 1])
        assert on_predictions.worst_class_accuracy(found).values["worst_class_accuracy"] == 1.0


class TestExpectedCalibrationError:
    """Guo et al. 2017, equations 2, 3 and 5, bin by bin."""

    @pytest.mark.parametrize("bins", [1, 4, 15])
    def test_it_is_the_mean_distance_of_confidence_from_accuracy(self, bins: int) -> None:
        total = 0.0
        for number in range(1, bins + 1):
            inside = [
                (max(row), row.index(max(row)) == label)
                for row, label in zip(PROBABILITIES, LABELS, strict=True)
                if (number - 1) / bins < max(row) <= number / bins
            ]
            if inside:
                confidence = sum(each for each, _ in inside) / len(inside)
                accuracy = sum(right for _, right in inside) / len(inside)
                total += len(inside) / len(LABELS) * abs(accuracy - confidence)
        found = on_predictions.expected_calibration_error(FOUND, bins=bins)
        assert found.values == {"expected_calibration_error": pytest.approx(total)}
        assert total > 0.01

    def test_sure_and_right_is_calibrated(self) -> None:
        found = predictions(np.eye(3) * 1000, [0, 1, 2])
        values = on_predictions.expected_calibration_error(found, bins=10).values
        assert values == {"expected_calibration_error": pytest.approx(0, abs=1e-12)}


class TestNegativeLogLikelihood:
    """The mean of -log of the label's probability."""

    def test_it_is_that_of_the_softmax(self) -> None:
        each = [-math.log(row[label]) for row, label in zip(PROBABILITIES, LABELS, strict=True)]
        found = on_predictions.negative_log_likelihood(FOUND)
        assert found.values == {"negative_log_likelihood": pytest.approx(sum(each) / 60)}

    def test_a_single_logit_is_that_of_the_second_of_two_classes(self) -> None:
        found = predictions(np.array([[2.0], [-1.0]]), [1, 1])
        expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(1))) / 2
        values = on_predictions.negative_log_likelihood(found).values
        assert values == {"negative_log_likelihood": pytest.approx(expected)}

    def test_without_logits_there_is_none(self) -> None:
        with pytest.raises(Unmeasurable, match="its logits take more than 16 MiB"):
            on_predictions.negative_log_likelihood(predictions(None, [0, 1]))


class TestAgreement:
    """The share of images to which two networks give the same class."""

    def test_what_is_right_does_not_matter(self) -> None:
        first, second = (
            predictions(np.eye(3)[order], [0] * 4) for order in ([1, 2, 0, 1], [1] * 4)
        )
        assert on_predictions.agreement(first, second).values == {"agreement": 0.5}

    def test_the_images_must_be_the_same(self) -> None:
        first, second = (predictions(np.eye(2), [0, 1], name) for name in "ab")
        with pytest.raises(Unmeasurable, match="not tested on the same images"):
            on_predictions.agreement(first, second)
