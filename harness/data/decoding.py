"""Images out of the bytes of JPEG and PNG files, the same wherever these lie.

Read are JPEG files, grey or in colour, and PNG files of up to 8 bits a channel. Pixels are taken
as the file has them: an orientation that a camera noted is not applied, and no colour profile. A
palette is replaced by its colours, one to four bits of grey are scaled to eight, and a channel for
opacity stays a channel of its own (so does the opacity of a palette's colours). PNG files of 16
bits are refused, as the values that such files use often fill a small part of 16 bits only, and
JPEG files in CMYK, whose colours every reader makes in another way.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from harness.data.errors import DataError


def check_readable(name: str, content: bytes) -> None:
    """Check that the bytes of a file are an image that is read, as far as its head tells.

    Raises:
        DataError: they are not; `name` says which image that is.
    """
    if fault := _why_unreadable(content):
        raise DataError(f"cannot read the image {name}: {fault}")


def decoded(name: str, content: bytes) -> NDArray[np.uint8]:
    """Return the image in the bytes of a file, uint8 [height, width, channels].

    Raises:
        DataError: it is damaged; `name` says which image that is.
    """
    try:
        image: NDArray[np.uint8] = in_graph(tf.constant(content)).numpy()
        return image
    except tf.errors.OpError as error:
        said = " ".join(str(error.message).split())
        raise DataError(
            f"cannot read the image {name}: it is cut off or damaged ({said})"
        ) from error


def in_graph(content: tf.Tensor) -> tf.Tensor:
    """Return the image in the bytes of a file as a tensor, uint8 [height, width, channels].

    TensorFlow's default JPEG transform differs a little from that of PIL and PyTorch.
    """
    return tf.cond(
        tf.io.is_jpeg(content),
        lambda: tf.io.decode_jpeg(content, dct_method="INTEGER_ACCURATE"),
        lambda: tf.io.decode_png(content),
    )


_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_OTHERS = {b"GIF8": "GIF", b"BM": "BMP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"RIFF": "WebP"}


def _why_unreadable(content: bytes) -> str | None:
    """Say why the bytes of a file are no image that is read, as far as its head tells."""
    if not content:
        return "the file is empty"
    if content.startswith(_PNG):
        bits = content[24] if len(content) > 24 else 0
        return "it is a PNG file of 16 bits a channel: convert it to 8 bits" if bits > 8 else None
    if content.startswith(_JPEG):
        return "it is a JPEG file in CMYK: convert it to RGB" if _channels(content) == 4 else None
    for head, name in _OTHERS.items():
        if content.startswith(head):
            return f"it is a {name} file, whatever its name says: make it a JPEG or PNG file"
    return "it is neither a JPEG nor a PNG file"


def _channels(jpeg: bytes) -> int | None:
    """Return the number of channels that a JPEG file's frame header names.

    Source: ITU T.81, B.2.2.
    """
    place = 2
    while place + 9 < len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return jpeg[place + 9]
        if marker == 0xFF:  # a byte that fills
            place += 1
        else:
            place += 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
    return None
