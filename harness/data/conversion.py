"""Images of any size and colour mode, made alike.

The colour mode is converted first, then the size, both as Pillow does it with integers, so that the
bits are the same on every machine. Grey is the luma of ITU-R BT.601; a channel for opacity is left
out. Sizes are changed by bilinear interpolation over all pixels that a new one covers (a triangle
filter, which does not alias), without regard to the aspect ratio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.data.image_files import CHANNELS

_PILLOW = {"rgb": "RGB", "grayscale": "L"}
"""Pillow's names of the colour modes."""


@dataclass(frozen=True)
class Conversion:
    """What is made of every image: its colour mode, and its size [height, width]; None: as is."""

    mode: str | None = None
    size: tuple[int, ...] | None = None

    @property
    def changes(self) -> bool:
        """Tell whether anything is changed."""
        return self.mode is not None or self.size is not None

    def shape(self, of: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that an image [height, width, channels] has afterwards."""
        channels = of[2] if self.mode is None else CHANNELS[self.mode]
        return (*(self.size or of[:2]), channels)

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the image, uint8 [height, width, channels], converted."""
        picture = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image)
        if self.mode is not None:
            picture = picture.convert(_PILLOW[self.mode])
        if self.size is not None:
            height, width = self.size
            picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(picture).reshape(picture.height, picture.width, -1)


AS_IT_IS = Conversion()
"""Changes nothing."""
