"""scikit-learn's 8x8 digits as a TFDS dataset."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data.info import Content, Request
from harness.data.preparing import made_here, not_as_made
from harness.data.records import Examples
from harness.data.rows import whole

TRAIN_PER_CLASS = 50

SHA256 = "d7fc4b7479ed23022b7d31604eab955d322e2f296b47f3b6424230d84cbe31a2"
"""The digest of the images and labels, as bytes: training images, their labels (int32), then those
for testing.
"""


class Digits(tfds.core.GeneratorBasedBuilder):
    """The 1,797 digits: 500 training images, 50 a class, and 1,297 test images.

    Features: `image` uint8 [8, 8, 1] with values 0 to 16, `label`. The split rule: of the m
    images of a class, in scikit-learn's order, image j is for training where (50 * j) mod m < 50.
    So the classes are equally large and the training images evenly spread over the order, in
    which neighbours were written by the same hand.
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Tensor(shape=(8, 8, 1), dtype=np.uint8),
                    "label": tfds.features.ClassLabel(names=[str(digit) for digit in range(10)]),
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://archive.ics.uci.edu/dataset/80",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        train = training_mask(digits.target)
        images = digits.images.astype(np.uint8)[..., np.newaxis]
        return {
            "train": self._generate_examples(images[train], digits.target[train]),
            "test": self._generate_examples(images[~train], digits.target[~train]),
        }

    def _generate_examples(
        self, images: NDArray[Any], labels: NDArray[Any]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield index, {"image": image, "label": int(label)}


def load(request: Request, content: Content) -> Examples:
    """Load the digits; raises DataError where what lies prepared is not what is made here."""
    builder = Digits(data_dir=str(request.data_dir))
    examples = made_here(builder, request.data_dir, maximum=16.0)
    digest = hashlib.sha256()
    for split in (examples.train, examples.test):
        digest.update(whole(split.inputs).tobytes() + split.labels.tobytes())
    if digest.hexdigest() != SHA256:
        raise not_as_made(builder)
    return examples


def training_mask(labels: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
    """Return which images are for training, bool [n], by the rule of the split.

    `labels` [n] are in scikit-learn's order.
    """
    mask = np.zeros(len(labels), dtype=bool)
    for digit in np.unique(labels):
        members = np.flatnonzero(labels == digit)
        mask[members] = TRAIN_PER_CLASS * np.arange(len(members)) % len(members) < TRAIN_PER_CLASS
    return mask
