"""The typed records that the data floor hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.data.errors import DataError
from harness.run_result import Loaded

__all__ = ["DataError", "Examples", "Indices", "Inputs", "Mixed", "Rows", "Split"]

Indices = NDArray[np.integer[Any]]


class Rows(Protocol):
    """Inputs that are read when they are asked for, as they may not fit into memory."""

    @property
    def shape(self) -> tuple[int, ...]:
        """That of the array that they would make: (n, ...)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of the array that they would make."""

    def take(self, indices: Indices) -> NDArray[Any]:
        """Return the rows of the indices [b], in that order: an array [b, ...] of the caller's own.

        Several threads may call it at once.

        Raises:
            DataError: a row cannot be read.
        """


Inputs = NDArray[np.generic] | Rows
"""Inputs in memory, or ones that are read when they are asked for."""


@dataclass(frozen=True, eq=False)
class Split:
    """Raw examples and their labels, in a fixed order.

    `inputs`: images uint8 [n, height, width, channels] or points float32 [n, features], an array
    where they fit into memory (see `harness.data.rows`); `labels`: int32 [n], indices into the
    class names. Two splits are equal only if they are the same object: comparing arrays by `==`
    has no single answer.
    """

    inputs: Inputs
    labels: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.labels)


class Mixed(NamedTuple):
    """The targets of mixed examples: of each two labels, and the share of the first.

    Tensors or arrays: `labels` and `partners` int32 [b], `shares` float32 [b] from 0 to 1.
    """

    labels: Any
    partners: Any
    shares: Any


@dataclass(frozen=True, eq=False)
class Examples:
    """A loaded dataset.

    `classes` names the labels; `maximum` is the raw value that becomes 1.0 when inputs are scaled;
    `content` identifies what was read, None where the dataset's parameters do; `version` is that
    of what TFDS has prepared, where a person named the data set.
    """

    train: Split
    test: Split
    classes: tuple[str, ...]
    maximum: float
    content: str | None = None
    version: str | None = None

    @property
    def loaded(self) -> Loaded:
        """What this is, in numbers and names."""
        counts = len(self.train), len(self.test)
        return Loaded(*counts, self.classes, self.content, self.version)
