"""What is kept of the predictions of a test set, and that it says the same as the test accuracy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.experiment import Component, Dataset
from harness.run_result import RightImages
from harness.store import predictions
from harness.store.predictions import Disagreement, gathered, identity, save

LABELS = np.array([2, 0, 1, 1, 0], np.int32)
LOGITS = np.array([[0, 1, 2], [3, 1, 2], [0, 9, 2], [5, 4, 3], [1, 1, 0]], np.float32)
RIGHT = [True, True, True, False, True]  # of two largest logits the first counts
DATASET = Dataset(Component("blobs", {"classes": 2}), None, 50, None, ())


class TestGathered:
    """`gathered`."""

    def test_takes_the_first_of_the_largest_logits(self) -> None:
        found = gathered(iter([LOGITS[:3], LOGITS[3:]]), LABELS, "a", 4 / 5)
        assert found.predicted.tolist() == [2, 0, 1, 0, 0]
        assert found.right.tolist() == RIGHT
        assert [str(found.predicted.dtype), str(found.labels.dtype)] == ["uint16", "uint16"]
        assert found.logits is not None
        assert (str(found.logits.dtype), found.logits.tolist()) == ("float16", LOGITS.tolist())

    def test_one_logit_above_zero_is_class_one(self) -> None:
        labels = np.array([1, 0, 1], np.int32)
        found = gathered([np.array([[1e-30], [0.0], [-2.0]], np.float32)], labels, "a", 2 / 3)
        assert found.predicted.tolist() == [1, 0, 0]

    def test_a_tie_that_rounding_makes_does_not_change_the_class(self) -> None:
        logits = np.array([[1.0, 1.00001]], np.float32)
        found = gathered([logits], np.array([1], np.int32), "a", 1.0)
        assert found.logits is not None
        assert found.logits[0, 0] == found.logits[0, 1]
        assert found.predicted.tolist() == [1]

    def test_what_float16_has_no_number_for_is_the_nearest_it_has(self) -> None:
        found = gathered([np.array([[1e9, -1e9]], np.float32)], np.array([0], np.int32), "a", 1.0)
        assert found.logits is not None
        assert found.logits.tolist() == [[65504.0, -65504.0]]

    def test_logits_of_a_large_test_set_are_left_out_and_its_classes_kept(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(predictions, "LARGEST_LOGITS", LOGITS.size * 2 - 1)
        found = gathered([LOGITS[:3], LOGITS[3:]], LABELS, "a", 4 / 5)
        assert found.logits is None
        assert found.right.tolist() == RIGHT
        assert found.summary() == {"images": 5, "logits": 0, "test_set": "a"}

    @pytest.mark.parametrize("accuracy", [3 / 5, 1.0, None])
    def test_classes_of_another_accuracy_are_refused(self, accuracy: float | None) -> None:
        with pytest.raises(Disagreement, match="4 of 5 test images are classified right"):
            gathered([LOGITS], LABELS, "a", accuracy)


class TestRightImages:
    """`RightImages`."""

    @pytest.mark.parametrize("count", [1, 8, 13])
    def test_keeps_every_right_and_wrong_in_its_place(self, count: int) -> None:
        right = np.random.default_rng(0).random(count) < 0.5
        found = RightImages.of("a", right)
        assert found.right.tolist() == right.tolist()
        assert len(found.bits) == -(-count // 8)


class TestIdentity:
    """`identity`."""

    def test_tells_other_images_another_order_and_other_labels_apart(self) -> None:
        others = [
            (replace(DATASET, source=Component("blobs", {"classes": 3})), None, LABELS),
            (replace(DATASET, test_examples=49), None, LABELS),
            (DATASET, "ab", LABELS),
            (DATASET, None, LABELS[::-1]),
        ]
        assert len({identity(*each) for each in [(DATASET, None, LABELS), *others]}) == 5

    def test_is_not_changed_by_the_training_set_or_what_is_done_to_an_image(self) -> None:
        changed = replace(
            DATASET, train_examples=5, center_crop=3, randomize=(Component("shuffled_pixels"),)
        )
        assert identity(changed, None, LABELS) == identity(DATASET, None, LABELS)


class TestSave:
    """`save`."""

    def test_plain_numpy_reads_the_file(self, tmp_path: Path) -> None:
        save(tmp_path / "p", gathered([LOGITS], LABELS, "a" * 64, 4 / 5))
        with np.load(tmp_path / "p", allow_pickle=False) as stored:
            assert sorted(stored.files) == ["labels", "logits", "predicted", "test_set"]
            assert stored["labels"].tolist() == LABELS.tolist()
            assert str(stored["test_set"]) == "a" * 64
