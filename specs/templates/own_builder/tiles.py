"""A data set of one's own as a builder of TensorFlow Datasets."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

SIDE = 8


class Tiles(tfds.core.GeneratorBasedBuilder):
    """Images of tiles under noise: in small squares, or in large ones."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self) -> tfds.core.DatasetInfo:
        image = tfds.features.Tensor(shape=(SIDE, SIDE, 1), dtype=np.uint8)
        label = tfds.features.ClassLabel(names=["small", "large"])
        return tfds.core.DatasetInfo(
            builder=self,
            features=tfds.features.FeaturesDict({"image": image, "label": label}),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        return {"train": self._generate_examples(0, 200), "test": self._generate_examples(1, 200)}

    def _generate_examples(self, seed: int, count: int) -> Iterator[tuple[int, dict[str, Any]]]:
        random = np.random.default_rng(seed)
        rows, columns = np.indices((SIDE, SIDE))
        for index in range(count):
            tile = 1 + index % 2
            pattern = (rows // tile + columns // tile + random.integers(2)) % 2
            noisy = 128 + 64 * (pattern - 0.5) + 64 * random.normal(size=(SIDE, SIDE))
            pixels = np.clip(noisy, 0, 255).astype(np.uint8)[..., np.newaxis]
            yield index, {"image": pixels, "label": index % 2}


def tiles(*, data_dir: str) -> tfds.core.DatasetBuilder:
    """Return the builder; the harness gives the folder where prepared data lie."""
    return Tiles(data_dir=data_dir)
