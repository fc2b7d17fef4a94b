"""A data set that TFDS has prepared under the name of one of its catalogue, of a few images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from numpy.typing import NDArray

SIZES = {"train": 40, "test": 20}


class SvhnCropped(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
    """Images 32x32 in colour: the brighter the more their label; the first pixel has their number.

    TFDS's own builder keeps the name.
    """

    VERSION = tfds.core.Version("3.1.0")
    name = "svhn_cropped"

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="svhn_cropped",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(32, 32, 3)),
                    "label": tfds.features.ClassLabel(num_classes=10),
                }
            ),
            supervised_keys=("image", "label"),
            disable_shuffling=True,
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
        return {split: self._generate_examples(split) for split in SIZES}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for index in range(SIZES[split]):
            image = np.full((32, 32, 3), 25 * (index % 10), np.uint8)
            image[0, 0] = index
            yield index, {"image": image, "label": index % 10}


def prepare(data_dir: Path) -> None:
    """Prepare it in a folder of prepared data."""
    SvhnCropped(data_dir=str(data_dir)).download_and_prepare()


def number(image: NDArray[np.uint8]) -> int:
    """Return the number of an image among those of its split."""
    return int(image[0, 0, 0])
