"""The typed records that the data floor hands on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


class DataError(Exception):
    """Data are missing, damaged, or do not fit what is asked of them; the text says which and how."""


@dataclass(frozen=True, eq=False)
class Split:
    """Raw examples and their labels, in a fixed order.

    `inputs`: images uint8 [n, height, width, channels] or points float32 [n, features];
    `labels`: int32 [n], indices into the class names. Two splits are equal only if they are the
    same object: comparing arrays by `==` has no single answer.
    """

    inputs: NDArray[np.generic]
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Examples:
    """A loaded dataset.

    `classes` names the labels; `maximum` is the raw value that becomes 1.0 when inputs are scaled.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    maximum: float
