"""CINIC-10 as a TFDS dataset, from the archive that its authors publish."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from harness.data import catalog
from harness.data.class_names import CIFAR10
from harness.data.info import Request
from harness.data.origins import ManualArchives
from harness.data.prepared import raw_images_info
from harness.data.records import DataError
from harness.data.tfds_records import RANDOM_ACCESS

ORIGIN = catalog.of_origin(ManualArchives)["cinic10"]
(ARCHIVE,) = ORIGIN.archives
CLASSES = CIFAR10
SIDE = 32


class Cinic10(tfds.core.GeneratorBasedBuilder):
    """CINIC-10: 270,000 images of CIFAR-10's classes, from CIFAR-10 and ImageNet.

    Those from ImageNet were made smaller. Features: `image` uint8 [32, 32, 3], `label`. Splits of
    90,000 images each, as the archive has them: `train`; `test`; and `validation`, its folder
    `valid`, which is prepared for whoever wants it and which the harness does not use. Grey images
    get three equal channels.

    Source: Darlow et al. (2018), arXiv 1810.03505.
    """

    VERSION = tfds.core.Version("1.0.0")
    MANUAL_DOWNLOAD_INSTRUCTIONS = f"Put {ARCHIVE}, from {ORIGIN.url}, into the folder, packed."
    IMAGES = 90_000
    """Images of a split: fewer are an archive that is not whole."""

    def _info(self) -> tfds.core.DatasetInfo:
        return raw_images_info(self, SIDE, CLASSES, "https://github.com/BayesWatch/cinic-10")

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        archive = dl_manager.manual_dir / ARCHIVE
        folders = {"train": "train", "validation": "valid", "test": "test"}
        return {
            split: self._generate_examples(dl_manager.iter_archive(archive), folder)
            for split, folder in folders.items()
        }

    def _generate_examples(
        self, members: Iterator[tuple[str, Any]], folder: str
    ) -> Iterator[tuple[str, Any]]:
        """Yield the images `<folder>/<class>/<image>.png`.

        Raises:
            DataError: they are not as many as there should be.
        """
        count = 0
        for name, file in members:
            parts = PurePosixPath(name).parts[-3:]
            if (
                len(parts) == 3
                and parts[0] == folder
                and parts[2].endswith(".png")
                and not parts[2].startswith(".")
            ):
                count += 1
                yield (
                    "/".join(parts),
                    {"image": tf.io.decode_png(file.read(), channels=3).numpy(), "label": parts[1]},
                )
        if count != self.IMAGES:
            raise DataError(
                f"{ARCHIVE} has {count:,} {folder} images instead of {self.IMAGES:,}: fetch it"
                " again"
            )


def builder(request: Request) -> Cinic10:
    """Return the builder; raises ValueError where it is prepared in another file format."""
    return Cinic10(data_dir=str(request.data_dir), file_format=RANDOM_ACCESS)
