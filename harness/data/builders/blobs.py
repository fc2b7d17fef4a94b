"""The toy example's two clusters of points as a TFDS dataset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data import randomness
from harness.data.class_names import BLOBS
from harness.data.info import Content, Request
from harness.data.preparing import made_here, not_as_made
from harness.data.randomness import Stream
from harness.data.records import Examples
from harness.data.rows import whole

SCALE = 0.1
MEAN = 2.0
DEVIATION = 1.5


@dataclass(frozen=True)
class BlobsParameters:
    """How many points, how far apart, and which draw."""

    train_per_class: int = 50
    test_per_class: int = 50
    shift: float = 0.65
    data_seed: int = 0


class BlobsConfig(tfds.core.BuilderConfig):
    """One set of points, named by its parameters, so that each has a folder of its own."""

    def __init__(self, points: BlobsParameters) -> None:
        super().__init__(
            name=f"{points.train_per_class}-{points.test_per_class}-{points.shift!r}-{points.data_seed}",
            description=str(points),
        )
        self.points = points


class Blobs(tfds.core.GeneratorBasedBuilder):
    """Two clusters, one a class, one above the other.

    Features: `point` float32 [2], `label`. A point is 0.1 times a draw from a normal with mean 2
    and deviation 1.5 in each coordinate; the second coordinate is then shifted by -shift for
    class 0 (below) and by +shift for class 1 (above). Source: the toy code of Liu et al. (2020).
    """

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "point": tfds.features.Tensor(shape=(2,), dtype=np.float32),
                    "label": tfds.features.ClassLabel(names=list(BLOBS)),
                }
            ),
            supervised_keys=("point", "label"),
            homepage="https://arxiv.org/abs/1906.02613",
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        points = self.builder_config.points
        return {
            "train": self._generate_examples("train", points.train_per_class),
            "test": self._generate_examples("test", points.test_per_class),
        }

    def _generate_examples(
        self, split: str, per_class: int
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        config = self.builder_config.points
        points, labels = draw(split, per_class, config.shift, config.data_seed)
        for index, (point, label) in enumerate(zip(points, labels, strict=True)):
            yield index, {"point": point, "label": int(label)}


def load(request: Request, content: Content) -> Examples:
    """Load the points; raises DataError where what lies prepared is not what is made here."""
    points = BlobsParameters(
        train_per_class=int(request.parameters["train_per_class"]),
        test_per_class=int(request.parameters["test_per_class"]),
        shift=float(request.parameters["shift"]),
        data_seed=int(request.parameters["data_seed"]),
    )
    builder = Blobs(config=BlobsConfig(points), data_dir=str(request.data_dir))
    examples = made_here(builder, request.data_dir, maximum=1.0)
    for name, split, count in (
        ("train", examples.train, points.train_per_class),
        ("test", examples.test, points.test_per_class),
    ):
        inputs, labels = draw(name, count, points.shift, points.data_seed)
        # Another machine's mathematical functions may round the last bit in another way.
        found = whole(split.inputs)
        alike = inputs.shape == found.shape and np.allclose(inputs, found, 1e-5, 1e-6)
        if not alike or not np.array_equal(labels, split.labels):
            raise not_as_made(builder)
    return examples


def draw(
    split: str, per_class: int, shift: float, data_seed: int
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Draw the points float32 [2 * per_class, 2] of a split, and labels int32, class 0 first."""
    labels = np.repeat(np.arange(2, dtype=np.int32), per_class)
    stream = Stream(data_seed, f"blobs/{split}")
    points = SCALE * (MEAN + DEVIATION * randomness.normals(stream, 0, 2 * per_class, 2))
    points[:, 1] += np.where(labels == 1, shift, -shift)
    return points.astype(np.float32), labels
