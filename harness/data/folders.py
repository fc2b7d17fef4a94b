"""Folders of images, by split and class: their images, decoded when they are asked for.

What is read of them is what `harness.data.decoding` says; it is converted where this is asked for
(`harness.data.conversion`).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data.conversion import AS_IT_IS, Conversion
from harness.data.decoding import check_readable, decoded, in_graph
from harness.data.digests import Digest, changed_meanwhile, reason
from harness.data.image_files import SPLITS
from harness.data.records import DataError, Examples, Indices, Split
from harness.data.splitting import SeededSplit, for_testing
from harness.system import files
from harness.words import listed

DECODED_AT_ONCE = 16

MOST_COMPARED = 2000
"""So many images of a folder tell which shape most have."""

_MOST_NAMED = 3

LARGEST_FILE = 2**30
"""Bytes of an image file beyond which it is taken for something else."""


@dataclass(frozen=True, eq=False)
class ImageRows:
    """The images in n JPEG or PNG files, uint8, decoded when they are asked for.

    `digests` are the SHA-256 of the files, [n]: what is decoded has them. `image_shape` is
    (height, width, channels), the same for all. `folder` has the files of all splits: where one has
    another shape, they tell what most have.
    """

    files: NDArray[np.object_]
    digests: NDArray[np.object_]
    image_shape: tuple[int, ...]
    folder: NDArray[np.object_]
    conversion: Conversion = AS_IT_IS

    @property
    def shape(self) -> tuple[int, ...]:
        """That of all images: (n, height, width, channels)."""
        return len(self.files), *self.image_shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Always uint8."""
        return np.dtype(np.uint8)

    def take(self, indices: Indices) -> NDArray[np.uint8]:
        """Decode the images of these indices.

        Raises:
            DataError: one is damaged, has another shape, or was changed since its digest was made.
        """
        names: list[str] = self.files[indices].tolist()
        contents = [
            _read(name, digest)
            for name, digest in zip(names, self.digests[indices].tolist(), strict=True)
        ]
        if self.conversion.changes:
            return self._converted(names, contents)
        try:
            decode = _decoder(self.image_shape)
            images: NDArray[np.uint8] = decode(tf.constant(contents, tf.string)).numpy()
        except tf.errors.OpError:
            self._name_the_odd_files(names, contents)
            raise
        return images

    def _converted(self, names: Sequence[str], contents: Sequence[bytes]) -> NDArray[np.uint8]:
        """Decode images one by one, as they may have any size, and convert them."""
        images = np.empty((len(names), *self.image_shape), np.uint8)
        for row, name, content in zip(images, names, contents, strict=True):
            image = self.conversion.of(decoded(name, content))
            if image.shape != self.image_shape:
                self._name_the_odd_files(names, contents)
            row[...] = image
        return images

    def _name_the_odd_files(self, names: Sequence[str], contents: Sequence[bytes]) -> None:
        """Look at the images one by one: TensorFlow's error does not say in which file it is.

        Raises:
            DataError: one of these is damaged, or not all of the folder have one shape.
        """
        shapes = {
            name: self.conversion.shape(_shape(name, content))
            for name, content in zip(names, contents, strict=True)
        }
        if set(shapes.values()) == {self.image_shape}:
            return
        step = -(-len(self.folder) // MOST_COMPARED)
        for name in self.folder[::step].tolist():
            if name not in shapes:
                with contextlib.suppress(DataError, OSError):
                    shapes[name] = self.conversion.shape(_shape(name, Path(name).read_bytes()))
        raise DataError(_unlike(shapes))


def _unlike(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """Say which images have another shape than most, or how many have which where none has most."""
    counts = Counter(shapes.values())
    (usual, most), *_ = counts.most_common()
    if 2 * most <= len(shapes):
        groups = [
            f"{count} of {len(shapes)} are {_called(shape)}, such as {_first(shapes, shape)}"
            for shape, count in counts.most_common(_MOST_NAMED)
        ]
        return f"the images have different shapes: {'; '.join(groups)}: {_alike(counts)}"
    odd = [f"{name} is {_called(shape)}" for name, shape in shapes.items() if shape != usual]
    named = f"the image {listed(odd, _MOST_NAMED)}"
    return f"{named}; the other {most} are {_called(usual)}: {_alike(counts)}"


def _alike(shapes: Iterable[tuple[int, ...]]) -> str:
    """Say that all must be alike, and by which settings they become it."""
    sizes, channels = {shape[:2] for shape in shapes}, {shape[2] for shape in shapes}
    ways = ["`resize` makes them one size"] if len(sizes) > 1 else []
    ways += ["`mode` makes them all grey or all colour"] if len(channels) > 1 else []
    return f"all must be alike ({', '.join(ways)})"


def _first(shapes: Mapping[str, tuple[int, ...]], shape: tuple[int, ...]) -> str:
    return next(name for name, found in shapes.items() if found == shape)


def _called(shape: tuple[int, ...]) -> str:
    """Return what a person calls a shape: "16x12x1 (grey)"."""
    channels = {1: "grey", 2: "grey with opacity", 3: "colour", 4: "colour with opacity"}
    return f"{'x'.join(map(str, shape))} ({channels.get(shape[-1], 'unknown')})"


Labelled = tuple[str, Digest]
"""An image and the name of its class."""


def examples(
    folder: Path,
    digests: Sequence[Digest],
    conversion: Conversion = AS_IT_IS,
    split: SeededSplit | None = None,
) -> Examples:
    """Return the images of a folder, in the order of their digests.

    All have the shape of the first training image, (height, width, channels), once it is converted.

    Args:
        folder: of the images, which lie in <split>/<class>/<image>.
        digests: those of the images.
        conversion: what is made of each.
        split: what is for testing, of images that lie in <class>/<image>; None: the folders tell.

    Raises:
        DataError: the first image is damaged, or not what it was.
    """
    train, test = _by_folder(folder, digests) if split is None else _split(folder, digests, split)
    classes = tuple(sorted({label for label, _ in (*train, *test)}))
    first = train[0][1]
    shape = conversion.shape(_shape(first.path, _read(first.path, first.sha256)))
    both = np.array([each.path for _, each in (*train, *test)], object)

    def made(part: Sequence[Labelled]) -> Split:
        rows = ImageRows(
            np.array([each.path for _, each in part], object),
            np.array([each.sha256 for _, each in part], object),
            shape,
            both,
            conversion,
        )
        return Split(rows, np.array([classes.index(label) for label, _ in part], np.int32))

    return Examples(made(train), made(test), classes, maximum=255.0)


def _by_folder(folder: Path, digests: Sequence[Digest]) -> Sequence[list[Labelled]]:
    """Return the images for training and those for testing, as their folders tell."""
    parts: dict[str, list[Labelled]] = {split: [] for split in SPLITS}
    for each in digests:
        split, label = Path(each.path).relative_to(folder).parts[:2]
        parts[split].append((label, each))
    return [parts[split] for split in SPLITS]


def _split(folder: Path, digests: Sequence[Digest], split: SeededSplit) -> Sequence[list[Labelled]]:
    """Return the images for training and those for testing, as a seed has them drawn."""
    found = [(Path(each.path).relative_to(folder).parts[0], each) for each in digests]
    classes = sorted({label for label, _ in found})
    chosen = for_testing(np.array([classes.index(label) for label, _ in found], np.int32), split)
    parts = zip(found, chosen.tolist(), strict=True)
    both: tuple[list[Labelled], list[Labelled]] = ([], [])
    for each, tested in parts:
        both[tested].append(each)
    return both


def _read(name: str, sha256: bytes) -> bytes:
    """Read an image file that can be decoded, and check that it still has its digest."""
    try:
        content = files.read_bytes(Path(name), LARGEST_FILE)
    except OSError as error:
        raise DataError(f"cannot read the image {name}: {reason(error)}") from error
    if hashlib.sha256(content).digest() != sha256:
        raise DataError(changed_meanwhile(name))
    check_readable(name, content)
    return content


@functools.cache
def _decoder(shape: tuple[int, ...]) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return the compiled function from files, string [n], to images, uint8 [n, *shape]."""

    def image(content: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(in_graph(content), shape)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def decode(contents: tf.Tensor) -> tf.Tensor:
        signature = tf.TensorSpec(shape, tf.uint8)
        return tf.map_fn(
            image, contents, fn_output_signature=signature, parallel_iterations=DECODED_AT_ONCE
        )

    return decode


def _shape(name: str, content: bytes) -> tuple[int, ...]:
    return decoded(name, content).shape
