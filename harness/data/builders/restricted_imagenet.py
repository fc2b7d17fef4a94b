"""Restricted ImageNet as a TFDS dataset, from the archives of ILSVRC 2012."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from numpy.typing import NDArray
from tensorflow_datasets.datasets.imagenet2012 import imagenet_common

from harness.data import catalog
from harness.data.info import Request
from harness.data.origins import ManualArchives
from harness.data.prepared import raw_images_info
from harness.data.records import DataError
from harness.data.tfds_records import RANDOM_ACCESS

ORIGIN = catalog.of_origin(ManualArchives)["restricted_imagenet"]
TRAIN_ARCHIVE, TEST_ARCHIVE = ORIGIN.archives
DECODED_AT_ONCE = 256

RANGES = {
    "dog": (151, 268),
    "cat": (281, 285),
    "frog": (30, 32),
    "turtle": (33, 37),
    "bird": (80, 100),
    "primate": (365, 382),
    "fish": (389, 397),
    "crab": (118, 121),
    "insect": (300, 319),
}
"""The first and the last class of each super-class, counted from 0 in the order of their WordNet
ids.
"""


class RestrictedImagenetConfig(tfds.core.BuilderConfig):
    """The images at one size; it is in the name, so that each size has a folder of its own."""

    def __init__(self, side: int) -> None:
        super().__init__(
            name=ORIGIN.config({"size": side}),
            description=f"images of {side}x{side} pixels",
        )
        self.side = side


class RestrictedImagenet(tfds.core.GeneratorBasedBuilder):
    """Restricted ImageNet: the images of 203 classes of ILSVRC 2012, in nine super-classes.

    Features: `image` uint8 [side, side, 3], `label`. `train` has the training images of these
    classes, `test` their 10,150 validation images. An image is scaled so that its shorter side is
    `side` (bilinear, over all pixels that a new one covers) and cut to the square in its middle:
    224 pixels where nothing else is asked for. At 256 pixels, a centre crop of 224 is the usual
    view for evaluation, and random crops of 224 have room. Grey images get three equal channels.
    Source: Tsipras et al. (2019), arXiv 1805.12152; ranges as in Engstrom et al., `robustness`
        (2019).
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS: ClassVar = [RestrictedImagenetConfig(ORIGIN.side or 0)]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Put {TRAIN_ARCHIVE} and {TEST_ARCHIVE}, from {ORIGIN.url}, into the folder, packed."
    )
    SYNSETS = sum(last - first + 1 for first, last in RANGES.values())
    """Archives of single classes within the training archive: fewer are an archive that is not
    whole.
    """
    TEST_IMAGES = 50_000
    """Images of the validation archive, of all classes: fewer would get each other's labels."""

    def _info(self) -> tfds.core.DatasetInfo:
        return raw_images_info(
            self, self.builder_config.side, tuple(RANGES), "https://arxiv.org/abs/1805.12152"
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Any]:
        train, test = (dl_manager.manual_dir / archive for archive in (TRAIN_ARCHIVE, TEST_ARCHIVE))
        of_test = imagenet_common.get_validation_labels(test)
        return {
            "train": self._generate_examples(self._train(dl_manager.iter_archive(train))),
            "test": self._generate_examples(self._test(dl_manager.iter_archive(test), of_test)),
        }

    def _generate_examples(
        self, images: Iterable[tuple[str, bytes, str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield examples made from the (file name, JPEG file, class) of images."""
        with ThreadPoolExecutor() as pool:
            for some in _groups(images, DECODED_AT_ONCE):
                squares = pool.map(lambda image: square(image[1], self.builder_config.side), some)
                for (name, _, label), image in zip(some, squares, strict=True):
                    yield name, {"image": image, "label": label}

    def _train(self, archives: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, bytes, str]]:
        classes, seen = super_classes(), 0
        for archive, file in archives:
            label = classes.get(archive.removesuffix(".tar"))
            if label is not None:
                seen += 1
                inner = io.BytesIO(file.read())
                for name, image in tfds.download.iter_archive(
                    inner, tfds.download.ExtractMethod.TAR_STREAM
                ):
                    yield name, image.read(), label
        if seen != self.SYNSETS:
            raise DataError(
                f"{TRAIN_ARCHIVE} has {seen} of the {self.SYNSETS} classes: fetch it again"
            )

    def _test(
        self, images: Iterable[tuple[str, Any]], synsets: Mapping[str, str]
    ) -> Iterator[tuple[str, bytes, str]]:
        if len(synsets) != self.TEST_IMAGES:
            raise DataError(
                f"{TEST_ARCHIVE} has {len(synsets):,} images instead of {self.TEST_IMAGES:,}: fetch"
                " it again"
            )
        classes = super_classes()
        for name, image in images:
            if synsets[name] in classes:
                yield name, image.read(), classes[synsets[name]]


def builder(request: Request) -> RestrictedImagenet:
    """Return the builder; raises ValueError where it is prepared in another file format."""
    config = RestrictedImagenetConfig(int(request.parameters["size"]))
    return RestrictedImagenet(
        config=config, data_dir=str(request.data_dir), file_format=RANDOM_ACCESS
    )


def super_classes() -> dict[str, str]:
    """Return the super-class of each WordNet id that has one.

    The sorted ids of all classes are TFDS's.
    """
    synsets = imagenet_common.label_names_file().read_text().split()
    return {
        synset: name
        for name, (first, last) in RANGES.items()
        for synset in synsets[first : last + 1]
    }


def square(content: bytes, size: int) -> NDArray[np.uint8]:
    """Scale the image in a JPEG or PNG file and cut its middle; uint8 [size, size, 3].

    The longer side is scaled to the integer part of its length; where the margins cannot be
    equal, the ones above and on the left are a pixel smaller.
    """
    if tf.io.is_jpeg(content):
        image = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
    else:
        image = tf.io.decode_png(content, channels=3)
    shorter = min(image.shape[:2])
    height, width = (size * side // shorter for side in image.shape[:2])
    scaled = tf.image.resize(image, (height, width), antialias=True).numpy()
    top, left = (height - size) // 2, (width - size) // 2
    middle = scaled[top : top + size, left : left + size]
    return np.clip(np.rint(middle), 0, 255).astype(np.uint8)


def _groups(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(items)
    while some := list(itertools.islice(iterator, size)):
        yield some
