"""Folders of images, `<split>/<class>/<image>`: their classes by TFDS's ImageFolder, their images when asked for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from numpy.typing import NDArray

from harness.data.catalog import images_below
from harness.data.records import DataError, Examples, Indices, Split

DECODED_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class ImageFiles:
    """The images in n JPEG or PNG files, uint8, decoded when they are asked for.

    `image_shape` is (height, width, channels), the same for all.
    """

    files: NDArray[np.object_]
    image_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all images: (n, height, width, channels)."""
        return len(self.files), *self.image_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always uint8."""
        return np.dtype(np.uint8)

    def take(self, indices: Indices) -> NDArray[np.uint8]:
        """Decode the images of these indices; raises DataError for one that is damaged or has another shape."""
        files = self.files[indices].tolist()
        try:
            images: NDArray[np.uint8] = _reader(self.image_shape)(tf.constant(files, tf.string)).numpy()
        except tf.errors.OpError:
            self._name_the_bad_file(files)
            raise
        return images

    def _name_the_bad_file(self, files: list[str]) -> None:
        """Look at the images one by one: TensorFlow's error does not say in which file it is."""
        for file in files:
            found = _shape(file)
            if found != self.image_shape:
                raise DataError(
                    f"the image {file} has the shape {found}, others have {self.image_shape}: all must be alike"
                )


def examples(folder: Path) -> Examples:
    """The images `<split>/<class>/<image>` of a folder, uint8, ordered by (class, file name).

    All have the shape of the first training image, (height, width, channels). Raises DataError
    where that one is damaged and for a class without training images.
    """
    classes = tuple(tfds.folder_dataset.ImageFolder(str(folder)).info.features["label"].names)
    files = {split: images_below(folder / split) for split in ("train", "test")}
    shape = _shape(str(files["train"][0]))
    train, test = (_split(files[split], shape, classes) for split in ("train", "test"))
    for index in np.setdiff1d(test.labels, train.labels)[:1]:
        raise DataError(f"the class {classes[index]} of {folder} has test images and no training images")
    return Examples(train, test, classes, maximum=255.0)


def _split(files: list[Path], shape: tuple[int, ...], classes: tuple[str, ...]) -> Split:
    labels = np.array([classes.index(file.parent.name) for file in files], np.int32)
    return Split(ImageFiles(np.array([str(file) for file in files], object), shape), labels)


@functools.cache
def _reader(shape: tuple[int, ...]) -> Callable[[tf.Tensor], tf.Tensor]:
    """The compiled function from names of files, string [n], to their images of this shape, uint8 [n, ...]."""

    def image(file: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(_decoded(tf.io.read_file(file)), shape)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def read(files: tf.Tensor) -> tf.Tensor:
        signature = tf.TensorSpec(shape, tf.uint8)
        return tf.map_fn(image, files, fn_output_signature=signature, parallel_iterations=DECODED_AT_ONCE)

    return read


def _decoded(content: tf.Tensor) -> tf.Tensor:
    """The image in the bytes of a JPEG or PNG file; uint8 [height, width, channels].

    TFDS's own decoder takes TensorFlow's default JPEG transform, which differs a little from that
    of PIL and PyTorch.
    """
    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(content, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(content),
    )


def _shape(file: str) -> tuple[int, ...]:
    try:
        return tuple(_decoded(tf.io.read_file(file)).shape)
    except tf.errors.OpError as error:
        raise DataError(f"cannot read the image {file}: {str(error.message).strip()}") from error
